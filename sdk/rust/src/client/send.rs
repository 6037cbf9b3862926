//! Sending: simulate for the compute budget, sign, send, and wait until it is confirmed or can never be.

use super::{ClientError, Gantry, POLL};
use crate::{Instruction, Keypair, Pubkey, Signature, Signer};
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_message::Message;
use solana_rpc_client_api::{
    config::{
        RpcSendTransactionConfig, RpcSimulateTransactionAccountsConfig, RpcSimulateTransactionConfig, UiAccountEncoding,
    },
    response::RpcSimulateTransactionResult,
};
use solana_transaction::Transaction;
use solana_transaction_error::TransactionError;
use std::time::Duration;
use tokio::time::Instant;

/// What a transaction may use at most.
pub(super) const MAX_COMPUTE_UNITS: u32 = 1_400_000;
/// Room for state that changes between simulation and execution: a fifth and a bit.
const MARGIN_UNITS: u32 = 2_000;
/// How often an unconfirmed transaction is sent again.
const RESEND: Duration = Duration::from_secs(2);
/// Fresh blockhashes to try where the server does not know the latest one yet.
const BLOCKHASH_TRIES: usize = 5;
/// Longest wait for a confirmation, should the block height not advance at all.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a transaction is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SendOptions {
    /// Compute units to ask for. `None` simulates first and asks for what that used and a fifth more; with a number there
    /// is no simulation, which saves a round trip and finds errors on chain only.
    pub compute_units: Option<u32>,
}

/// A confirmed transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Its signature.
    pub signature: Signature,
    /// The slot it is in.
    pub slot: u64,
    /// Compute units that the simulation used; `None` where there was none.
    pub compute_units: Option<u64>,
}

impl Gantry {
    /// Sends `instructions` in one transaction that `payer` pays for and `signers` sign too, and waits for it.
    ///
    /// # Errors
    /// [`ClientError::Program`] where a program refuses, [`ClientError::Unfunded`] for a payer without SOL,
    /// [`ClientError::Expired`] where the cluster never took it, and others.
    pub async fn send(
        &self,
        instructions: &[Instruction],
        payer: &Keypair,
        signers: &[&Keypair],
    ) -> Result<Signature, ClientError> {
        Ok(self
            .send_with(instructions, payer, signers, SendOptions::default())
            .await?
            .signature)
    }

    /// As [`send`](Self::send), with options, and with more about how it went.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_with(
        &self,
        instructions: &[Instruction],
        payer: &Keypair,
        signers: &[&Keypair],
        options: SendOptions,
    ) -> Result<Sent, ClientError> {
        let draft = Draft::new(instructions, payer, signers);
        let units = match (&self.review, options.compute_units) {
            (Some(review), _) => {
                let preview = self.preview(&draft).await?;
                review(&preview).map_err(ClientError::HeldBack)?;
                Some(preview.compute_units)
            }
            (None, Some(_)) => None,
            (None, None) => {
                let result = self.simulate(&draft, &[]).await?;
                Some(result.units_consumed.unwrap_or(u64::from(MAX_COMPUTE_UNITS)))
            }
        };
        let limit = options.compute_units.unwrap_or_else(|| {
            let used = u32::try_from(units.unwrap_or(0)).unwrap_or(MAX_COMPUTE_UNITS);
            used.saturating_add(used / 5).saturating_add(MARGIN_UNITS)
        });
        let blockhash = self
            .rpc
            .get_latest_blockhash_with_commitment(self.rpc.commitment())
            .await
            .map_err(|error| self.rpc_error(error))?;
        let transaction = draft.sign(limit.min(MAX_COMPUTE_UNITS), blockhash.0)?;
        let slot = self.confirm(&draft, &transaction, blockhash.1).await?;
        let signature = *transaction
            .signatures
            .first()
            .ok_or_else(|| ClientError::Build("no signature".into()))?;
        Ok(Sent {
            signature,
            slot,
            compute_units: units,
        })
    }

    /// What the transaction would come to, with the accounts at `observed` as they would be.
    pub(super) async fn simulate(
        &self,
        draft: &Draft<'_>,
        observed: &[Pubkey],
    ) -> Result<RpcSimulateTransactionResult, ClientError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let blockhash = self
                .rpc
                .get_latest_blockhash_with_commitment(self.rpc.commitment())
                .await
                .map_err(|error| self.rpc_error(error))?;
            let config = RpcSimulateTransactionConfig {
                commitment: Some(self.rpc.commitment()),
                accounts: (!observed.is_empty()).then(|| RpcSimulateTransactionAccountsConfig {
                    encoding: Some(UiAccountEncoding::Base64),
                    addresses: observed.iter().map(ToString::to_string).collect(),
                }),
                ..RpcSimulateTransactionConfig::default()
            };
            let transaction = draft.sign(MAX_COMPUTE_UNITS, blockhash.0)?;
            let result = match self.rpc.simulate_transaction_with_config(&transaction, config).await {
                Ok(response) => response.value,
                Err(error) => match error.get_transaction_error() {
                    Some(cause) => return Err(draft.explain(cause, Vec::new())),
                    None => return Err(self.rpc_error(error)),
                },
            };
            match result.err.clone().map(TransactionError::from) {
                None => return Ok(result),
                Some(TransactionError::BlockhashNotFound) if tries < BLOCKHASH_TRIES => tokio::time::sleep(POLL).await,
                Some(error) => return Err(draft.explain(error, result.logs.unwrap_or_default())),
            }
        }
    }

    /// Sends until confirmed, again and again; gives the slot.
    async fn confirm(
        &self,
        draft: &Draft<'_>,
        transaction: &Transaction,
        last_height: u64,
    ) -> Result<u64, ClientError> {
        let signature = *transaction
            .signatures
            .first()
            .ok_or_else(|| ClientError::Build("no signature".into()))?;
        // The simulation was the preflight; where there was none, the caller did not want one.
        let config = RpcSendTransactionConfig {
            skip_preflight: true,
            ..RpcSendTransactionConfig::default()
        };
        let give_up = Instant::now() + PATIENCE;
        let mut next_send = Instant::now();
        loop {
            if Instant::now() >= next_send {
                if let Err(error) = self.rpc.send_transaction_with_config(transaction, config).await {
                    match error.get_transaction_error() {
                        Some(TransactionError::AlreadyProcessed | TransactionError::BlockhashNotFound) => {}
                        Some(cause) => return Err(draft.explain(cause, Vec::new())),
                        None => tracing::debug!(%signature, %error, "sending failed, will be sent again"),
                    }
                }
                next_send = Instant::now() + RESEND;
            }
            if let Some(slot) = self.outcome(draft, &signature).await? {
                return Ok(slot);
            }
            let height = self
                .rpc
                .get_block_height()
                .await
                .map_err(|error| self.rpc_error(error))?;
            if height > last_height || Instant::now() >= give_up {
                // It may have been taken between the two questions.
                return self
                    .outcome(draft, &signature)
                    .await?
                    .ok_or(ClientError::Expired(signature));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn outcome(&self, draft: &Draft<'_>, signature: &Signature) -> Result<Option<u64>, ClientError> {
        let statuses = self
            .rpc
            .get_signature_statuses(&[*signature])
            .await
            .map_err(|error| self.rpc_error(error))?
            .value;
        let Some(status) = statuses.into_iter().next().flatten() else {
            return Ok(None);
        };
        if !status.satisfies_commitment(self.rpc.commitment()) {
            return Ok(None);
        }
        match status.err {
            None => Ok(Some(status.slot)),
            Some(error) => {
                let logs = self
                    .transaction(signature)
                    .await
                    .ok()
                    .flatten()
                    .map(|past| past.logs)
                    .unwrap_or_default();
                Err(draft.explain(error, logs))
            }
        }
    }
}

/// Everything about a transaction but its compute limit and blockhash.
pub(super) struct Draft<'a> {
    instructions: Vec<Instruction>,
    payer: &'a Keypair,
    signers: Vec<&'a Keypair>,
}

impl<'a> Draft<'a> {
    fn new(instructions: &[Instruction], payer: &'a Keypair, signers: &[&'a Keypair]) -> Self {
        // First, so that a precompile's instruction stays right before the one that reads it.
        let mut all = vec![ComputeBudgetInstruction::set_compute_unit_limit(MAX_COMPUTE_UNITS)];
        all.extend_from_slice(instructions);
        let mut keys: Vec<&Keypair> = vec![payer];
        for signer in signers {
            if !keys.iter().any(|key| key.pubkey() == signer.pubkey()) {
                keys.push(signer);
            }
        }
        Self {
            instructions: all,
            payer,
            signers: keys,
        }
    }

    /// The transaction's message, unsigned and without a blockhash.
    pub(super) fn message(&self) -> Message {
        Message::new(&self.instructions, Some(&self.payer.pubkey()))
    }

    fn sign(&self, units: u32, blockhash: solana_message::Hash) -> Result<Transaction, ClientError> {
        let mut instructions = self.instructions.clone();
        if let Some(first) = instructions.first_mut() {
            *first = ComputeBudgetInstruction::set_compute_unit_limit(units);
        }
        let message = Message::new(&instructions, Some(&self.payer.pubkey()));
        let mut transaction = Transaction::new_unsigned(message);
        transaction.try_sign(&self.signers, blockhash).map_err(|error| {
            ClientError::Build(format!("{error}: a needed key is missing, or one too many is given"))
        })?;
        Ok(transaction)
    }

    fn explain(&self, error: TransactionError, logs: Vec<String>) -> ClientError {
        let programs: Vec<Pubkey> = self
            .instructions
            .iter()
            .map(|instruction| instruction.program_id)
            .collect();
        ClientError::from_transaction(error, logs, &programs, &self.payer.pubkey())
    }
}
