//! Sending: simulate for the compute budget, sign, send, and wait until it is confirmed or can never be; then once more
//! with a fresh blockhash.

use super::{
    ClientError, Gantry, POLL,
    draft::{Budget, Draft, MAX_COMPUTE_UNITS},
};
use crate::{AnySigner, Instruction, Pubkey, Signature};
use solana_rpc_client_api::{
    config::{
        RpcSendTransactionConfig, RpcSimulateTransactionAccountsConfig, RpcSimulateTransactionConfig, UiAccountEncoding,
    },
    response::RpcSimulateTransactionResult,
};
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;
use std::{sync::atomic::Ordering, time::Duration};
use tokio::time::Instant;

/// Room for state that changes between simulation and execution: a fifth and a bit.
const MARGIN_UNITS: u32 = 2_000;
/// How often an unconfirmed transaction is sent again.
const RESEND: Duration = Duration::from_secs(2);
/// Blockhashes that a transaction may outlive before it is given up.
const LIVES: usize = 3;
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

/// What became of a transaction that was sent.
enum Fate {
    /// It is in this slot.
    Confirmed(u64),
    /// Its blockhash has expired: it never will be taken.
    Outlived,
    /// The chain has not moved for as long as we wait.
    Unknown,
}

impl Gantry {
    /// Sends `instructions` in one transaction that `payer` pays for and `signers` sign too, and waits for it.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// use gantry_sdk::ix;
    ///
    /// // Instructions of one transaction: all of them happen, or none.
    /// let job = gantry.require_job(&job).await?;
    /// let both = [ix::acknowledge(&job, 60), ix::stop_job(&job)];
    /// let signature = gantry.send(&both, wallet, &[]).await?;
    /// # let _ = signature;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Program`] where a program refuses, [`ClientError::Unfunded`] for a payer without SOL,
    /// [`ClientError::Expired`] where the cluster never took it, and others.
    pub async fn send(
        &self,
        instructions: &[Instruction],
        payer: &AnySigner,
        signers: &[&AnySigner],
    ) -> Result<Signature, ClientError> {
        Ok(self
            .send_with(instructions, payer, signers, SendOptions::default())
            .await?
            .signature)
    }

    /// As [`send`](Self::send), with options, and with more about how it went.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// use gantry_sdk::{client::SendOptions, ix};
    ///
    /// let job = gantry.require_job(&job).await?;
    /// let options = SendOptions { compute_units: Some(50_000), ..SendOptions::default() };
    /// let sent = gantry.send_with(&[ix::stop_job(&job)], wallet, &[], options).await?;
    /// println!("in slot {}", sent.slot);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_with(
        &self,
        instructions: &[Instruction],
        payer: &AnySigner,
        signers: &[&AnySigner],
        options: SendOptions,
    ) -> Result<Sent, ClientError> {
        self.send_draft(&Draft::new(instructions, payer, signers), options)
            .await
    }

    /// Whether nothing is sent.
    pub(super) fn is_rehearsing(&self) -> bool {
        self.rehearsed.is_some()
    }

    pub(super) async fn send_draft(&self, draft: &Draft<'_>, options: SendOptions) -> Result<Sent, ClientError> {
        let units = match (&self.review, options.compute_units) {
            (Some(review), _) => {
                let preview = self.preview(draft).await.map_err(|error| self.after_rehearsal(error))?;
                review(&preview).map_err(ClientError::HeldBack)?;
                if let Some(rehearsed) = &self.rehearsed {
                    rehearsed.fetch_add(1, Ordering::Relaxed);
                    return Ok(Sent {
                        signature: Signature::default(),
                        slot: 0,
                        compute_units: Some(preview.compute_units),
                    });
                }
                Some(preview.compute_units)
            }
            (None, Some(_)) => None,
            (None, None) => {
                let result = self.simulate(draft, &[]).await?;
                Some(result.units_consumed.unwrap_or(u64::from(MAX_COMPUTE_UNITS)))
            }
        };
        let limit = options.compute_units.unwrap_or_else(|| {
            let used = u32::try_from(units.unwrap_or(0)).unwrap_or(MAX_COMPUTE_UNITS);
            used.saturating_add(used / 5).saturating_add(MARGIN_UNITS)
        });
        let mut budget = Budget {
            units: limit.min(MAX_COMPUTE_UNITS),
            price: 0,
        };
        let mut life = 0;
        loop {
            life += 1;
            let blockhash = self.rpc.get_latest_blockhash_with_commitment(self.rpc.commitment());
            let (blockhash, price) = tokio::join!(blockhash, self.price(draft));
            let (blockhash, last_height) = blockhash.map_err(|error| self.rpc_error(error))?;
            budget.price = price;
            let transaction = draft.sign(budget, blockhash)?;
            let signature = *transaction
                .signatures
                .first()
                .ok_or_else(|| ClientError::Build("no signature".into()))?;
            match self.confirm(draft, budget, &transaction, last_height).await? {
                Fate::Confirmed(slot) => {
                    return Ok(Sent {
                        signature,
                        slot,
                        compute_units: units,
                    });
                }
                // It can never be taken any more: another with the same instructions does nothing twice.
                Fate::Outlived if life < LIVES => {
                    tracing::debug!(%signature, "expired, is sent with a fresh blockhash");
                }
                Fate::Outlived | Fate::Unknown => return Err(ClientError::Expired(signature)),
            }
        }
    }

    /// What an error means where the transactions before were not sent.
    fn after_rehearsal(&self, error: ClientError) -> ClientError {
        let rehearsed = self.rehearsed.as_ref().map_or(0, |count| count.load(Ordering::Relaxed));
        match rehearsed {
            0 => error,
            count => ClientError::HeldBack(format!(
                "transaction {} builds on what the ones before it do, and cannot be simulated without them: {error}",
                count + 1
            )),
        }
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
            let transaction = draft.sign(Budget::SIMULATION, blockhash.0)?;
            let result = match self.rpc.simulate_transaction_with_config(&transaction, config).await {
                Ok(response) => response.value,
                Err(error) => match error.get_transaction_error() {
                    Some(cause) => return Err(draft.explain(cause, Vec::new(), Budget::SIMULATION)),
                    None => return Err(self.rpc_error(error)),
                },
            };
            match result.err.clone().map(TransactionError::from) {
                None => return Ok(result),
                Some(TransactionError::BlockhashNotFound) if tries < BLOCKHASH_TRIES => tokio::time::sleep(POLL).await,
                Some(error) => {
                    let logs = result.logs.unwrap_or_default();
                    return Err(draft.explain(error, logs, Budget::SIMULATION));
                }
            }
        }
    }

    /// Sends until confirmed, again and again.
    async fn confirm(
        &self,
        draft: &Draft<'_>,
        budget: Budget,
        transaction: &VersionedTransaction,
        last_height: u64,
    ) -> Result<Fate, ClientError> {
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
                        Some(cause) => return Err(draft.explain(cause, Vec::new(), budget)),
                        None => tracing::debug!(%signature, %error, "sending failed, will be sent again"),
                    }
                }
                next_send = Instant::now() + RESEND;
            }
            if let Some(slot) = self.outcome(draft, budget, &signature).await? {
                return Ok(Fate::Confirmed(slot));
            }
            let height = self
                .rpc
                .get_block_height()
                .await
                .map_err(|error| self.rpc_error(error))?;
            let outlived = height > last_height;
            if outlived || Instant::now() >= give_up {
                // It may have been taken between the two questions.
                let slot = self.outcome(draft, budget, &signature).await?;
                let lost = if outlived { Fate::Outlived } else { Fate::Unknown };
                return Ok(slot.map_or(lost, Fate::Confirmed));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn outcome(
        &self,
        draft: &Draft<'_>,
        budget: Budget,
        signature: &Signature,
    ) -> Result<Option<u64>, ClientError> {
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
                Err(draft.explain(error, logs, budget))
            }
        }
    }
}
