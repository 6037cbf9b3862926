//! What happened: transactions of an account and the events in them.

use super::{ClientError, Gantry};
use crate::{
    Pubkey, Signature,
    market::events::{JobCancelled, JobEnded, JobSettled},
    state::{AnyEvent, EmittedEvent, decode_logs},
};
use solana_commitment_config::CommitmentConfig;
use solana_rpc_client::rpc_client::GetConfirmedSignaturesForAddress2Config;
use solana_rpc_client_api::{
    client_error,
    config::{RpcTransactionConfig, UiTransactionEncoding},
    request::RpcError,
};
use solana_transaction_status_client_types::option_serializer::OptionSerializer;

/// A transaction that the cluster has executed.
#[derive(Debug, Clone)]
pub struct PastTransaction {
    /// Its signature.
    pub signature: Signature,
    /// Its slot.
    pub slot: u64,
    /// Time of its block, Unix seconds, where the server knows it.
    pub time: Option<i64>,
    /// Compute units used, where the server knows them.
    pub compute_units: Option<u64>,
    /// Why it failed; `None` for one that did not.
    pub error: Option<String>,
    /// Its logs.
    pub logs: Vec<String>,
    /// The events of Gantry's programs in it.
    pub events: Vec<EmittedEvent>,
}

/// What happened to one job.
#[derive(Debug, Clone, Default)]
pub struct JobHistory {
    /// Its transactions, oldest first.
    pub transactions: Vec<PastTransaction>,
}

impl JobHistory {
    /// Every event, oldest first.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = &AnyEvent> {
        let succeeded = self
            .transactions
            .iter()
            .filter(|transaction| transaction.error.is_none());
        succeeded.flat_map(|transaction| transaction.events.iter().map(|emitted| &emitted.event))
    }

    /// How it ended the last time that it did.
    pub fn ended(&self) -> Option<&JobEnded> {
        self.events().rev().find_map(|event| match event {
            AnyEvent::JobEnded(ended) => Some(ended),
            _ => None,
        })
    }

    /// Who was paid what.
    pub fn settled(&self) -> Option<&JobSettled> {
        self.events().rev().find_map(|event| match event {
            AnyEvent::JobSettled(settled) => Some(settled),
            _ => None,
        })
    }

    /// The refund of a cancelled job.
    pub fn cancelled(&self) -> Option<&JobCancelled> {
        self.events().rev().find_map(|event| match event {
            AnyEvent::JobCancelled(cancelled) => Some(cancelled),
            _ => None,
        })
    }

    /// SHA-256 of the result's manifest, if a final receipt has named one.
    pub fn output_digest(&self) -> Option<[u8; 32]> {
        self.events().rev().find_map(|event| match event {
            AnyEvent::JobEnded(ended) if ended.output_digest != [0; 32] => Some(ended.output_digest),
            _ => None,
        })
    }
}

impl Gantry {
    /// An executed transaction; `None` where the server does not know it (yet).
    ///
    /// ```no_run
    /// # use gantry_sdk::{Gantry, Signature};
    /// # async fn example(gantry: Gantry, signature: Signature) -> Result<(), Box<dyn std::error::Error>> {
    /// if let Some(past) = gantry.transaction(&signature).await? {
    ///     println!("in slot {}, with {} events", past.slot, past.events.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub async fn transaction(&self, signature: &Signature) -> Result<Option<PastTransaction>, ClientError> {
        let config = RpcTransactionConfig {
            encoding: Some(UiTransactionEncoding::Base64),
            commitment: Some(self.history_commitment()),
            max_supported_transaction_version: Some(0),
        };
        let found = match self.rpc.get_transaction_with_config(signature, config).await {
            Ok(found) => found,
            // A transaction that is not known is answered with null, which the client cannot parse.
            Err(error) if is_null(&error) => return Ok(None),
            Err(error) => return Err(self.rpc_error(error)),
        };
        let Some(meta) = found.transaction.meta else {
            return Ok(None);
        };
        let logs = match meta.log_messages {
            OptionSerializer::Some(logs) => logs,
            OptionSerializer::None | OptionSerializer::Skip => Vec::new(),
        };
        let compute_units = match meta.compute_units_consumed {
            OptionSerializer::Some(units) => Some(units),
            OptionSerializer::None | OptionSerializer::Skip => None,
        };
        Ok(Some(PastTransaction {
            signature: *signature,
            slot: found.slot,
            time: found.block_time,
            compute_units,
            error: meta
                .err
                .map(|error| solana_transaction_error::TransactionError::from(error).to_string()),
            events: decode_logs(&logs),
            logs,
        }))
    }

    /// What happened to the job at `address`, also after it was closed.
    ///
    /// ```no_run
    /// # use gantry_sdk::{Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// let history = gantry.job_history(&job).await?;
    /// for event in history.events() {
    ///     println!("{event:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub async fn job_history(&self, address: &Pubkey) -> Result<JobHistory, ClientError> {
        let mut signatures = Vec::new();
        let mut before = None;
        loop {
            let config = GetConfirmedSignaturesForAddress2Config {
                before,
                until: None,
                limit: None,
                commitment: Some(self.history_commitment()),
            };
            let page = self
                .rpc
                .get_signatures_for_address_with_config(address, config)
                .await
                .map_err(|error| self.rpc_error(error))?;
            let full = page.len() >= 1_000;
            signatures.extend(
                page.iter()
                    .filter_map(|status| status.signature.parse::<Signature>().ok()),
            );
            before = signatures.last().copied();
            if !full {
                break;
            }
        }
        let mut transactions = Vec::with_capacity(signatures.len());
        for signature in signatures.iter().rev() {
            transactions.extend(self.transaction(signature).await?);
        }
        Ok(JobHistory { transactions })
    }

    /// Servers keep no transactions at processed.
    fn history_commitment(&self) -> CommitmentConfig {
        let commitment = self.rpc.commitment();
        if commitment.is_at_least_confirmed() {
            commitment
        } else {
            CommitmentConfig::confirmed()
        }
    }
}

fn is_null(error: &client_error::Error) -> bool {
    match error.kind() {
        client_error::ErrorKind::SerdeJson(_) => true,
        client_error::ErrorKind::RpcError(RpcError::RpcResponseError { message, .. }) => {
            message.to_ascii_lowercase().contains("not found")
        }
        _ => false,
    }
}
