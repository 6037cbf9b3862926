//! What a subscription asked for, compiled once per request.
//!
//! A filter that this server does not support is refused with a message that says so: a filter ignored would look to
//! the client like a chain on which nothing happens.

mod accounts;
mod transactions;

use std::collections::HashMap;

use yellowstone_grpc_proto::prelude::subscribe_update::UpdateOneof;
use yellowstone_grpc_proto::prelude::{
    CommitmentLevel, SlotStatus, SubscribeRequest, SubscribeRequestFilterSlots, SubscribeUpdate,
    SubscribeUpdateAccount, SubscribeUpdateSlot, SubscribeUpdateTransaction, SubscribeUpdateTransactionStatus,
    TransactionError,
};

use self::accounts::{AccountFilter, DataSlices};
use self::transactions::TransactionFilter;
use crate::ledger::{Content, Item, StatusChange, TransactionItem};

/// A request that cannot be served, and what to change in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadFilter(pub(crate) String);

impl BadFilter {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    fn unsupported(what: &str, instead: &str) -> Self {
        Self(format!("{what} is not supported by this server; {instead}"))
    }
}

#[derive(Debug)]
struct SlotFilter {
    filter_by_commitment: bool,
    interslot_updates: bool,
}

/// The filters of one subscription, each under the name that the client gave it.
#[derive(Debug, Default)]
pub struct Filters {
    commitment: CommitmentLevel,
    accounts: Vec<(String, AccountFilter)>,
    slices: DataSlices,
    slots: Vec<(String, SlotFilter)>,
    transactions: Vec<(String, TransactionFilter)>,
    transaction_statuses: Vec<(String, TransactionFilter)>,
    blocks_meta: Vec<String>,
    entries: Vec<String>,
}

impl Filters {
    /// Compiles a request.
    ///
    /// # Errors
    /// For a key, commitment or filter that is malformed, and for what this server does not support.
    pub fn compile(request: &SubscribeRequest) -> Result<Self, BadFilter> {
        if !request.blocks.is_empty() {
            return Err(BadFilter::unsupported(
                "a `blocks` filter",
                "subscribe to accounts, transactions and blocks_meta instead",
            ));
        }
        if !request.block_footer.is_empty() {
            return Err(BadFilter::unsupported(
                "a `block_footer` filter",
                "this network has no block footers; subscribe to blocks_meta instead",
            ));
        }
        let commitment = match request.commitment {
            None => CommitmentLevel::Processed,
            Some(level) => commitment(level)?,
        };
        let slot = |filter: &SubscribeRequestFilterSlots| {
            Ok(SlotFilter {
                filter_by_commitment: filter.filter_by_commitment.unwrap_or(false),
                interslot_updates: filter.interslot_updates.unwrap_or(false),
            })
        };
        Ok(Self {
            commitment,
            accounts: named(&request.accounts, AccountFilter::compile)?,
            slices: DataSlices::compile(&request.accounts_data_slice)?,
            slots: named(&request.slots, slot)?,
            transactions: named(&request.transactions, TransactionFilter::compile)?,
            transaction_statuses: named(&request.transactions_status, TransactionFilter::compile)?,
            blocks_meta: sorted(request.blocks_meta.keys()),
            // `include_update_parent` adds updates about replaced banks, which this network never has.
            entries: sorted(request.entry.keys()),
        })
    }

    /// At which commitment content is due.
    #[must_use]
    pub fn commitment(&self) -> CommitmentLevel {
        self.commitment
    }

    /// The updates for one piece of content, at the moment that it is due.
    #[must_use]
    pub fn content(&self, item: &Item) -> Vec<SubscribeUpdate> {
        let update = |filters: Vec<String>, update: UpdateOneof| {
            (!filters.is_empty()).then_some(SubscribeUpdate {
                filters,
                update_oneof: Some(update),
                created_at: Some(item.created_at),
            })
        };
        match &item.content {
            Content::Account(info) => {
                let filters = matching(&self.accounts, |filter| filter.matches(info));
                if filters.is_empty() {
                    return Vec::new();
                }
                let account = SubscribeUpdateAccount {
                    account: Some(self.slices.cut(info)),
                    slot: item.slot,
                    is_startup: false,
                    bank_id: Some(item.bank_id),
                };
                update(filters, UpdateOneof::Account(account)).into_iter().collect()
            }
            Content::Transaction(transaction) => {
                let whole = matching(&self.transactions, |filter| filter.matches(transaction));
                let statuses = matching(&self.transaction_statuses, |filter| filter.matches(transaction));
                let mut updates = Vec::new();
                if !whole.is_empty() {
                    updates.extend(update(whole, transaction_update(item, transaction)));
                }
                if !statuses.is_empty() {
                    updates.extend(update(statuses, status_update(item, transaction)));
                }
                updates
            }
            Content::Entry(entry) => update(self.entries.clone(), UpdateOneof::Entry(entry.clone()))
                .into_iter()
                .collect(),
            Content::BlockMeta(meta) => update(self.blocks_meta.clone(), UpdateOneof::BlockMeta(meta.clone()))
                .into_iter()
                .collect(),
        }
    }

    /// The update for a slot that reached a status, if it was asked for.
    #[must_use]
    pub fn status(&self, change: &StatusChange) -> Option<SubscribeUpdate> {
        let level = level_of(change.status);
        let filters = matching(&self.slots, |filter| match level {
            Some(level) => !filter.filter_by_commitment || level == self.commitment,
            None => filter.interslot_updates,
        });
        (!filters.is_empty()).then(|| SubscribeUpdate {
            filters,
            created_at: Some(change.created_at),
            update_oneof: Some(UpdateOneof::Slot(SubscribeUpdateSlot {
                slot: change.slot,
                parent: change.parent,
                status: change.status.into(),
                dead_error: change.dead_error.clone(),
                bank_id: change.bank_id,
            })),
        })
    }
}

/// Reads a commitment off the wire.
///
/// # Errors
/// When it is none of the three.
pub(crate) fn commitment(level: i32) -> Result<CommitmentLevel, BadFilter> {
    CommitmentLevel::try_from(level).map_err(|_| {
        BadFilter::new(format!(
            "{level} is no commitment: use 0 processed, 1 confirmed or 2 finalized"
        ))
    })
}

/// The commitment that a status stands for; none for the statuses in between.
pub(crate) fn level_of(status: SlotStatus) -> Option<CommitmentLevel> {
    match status {
        SlotStatus::SlotProcessed => Some(CommitmentLevel::Processed),
        SlotStatus::SlotConfirmed => Some(CommitmentLevel::Confirmed),
        SlotStatus::SlotFinalized => Some(CommitmentLevel::Finalized),
        _ => None,
    }
}

fn transaction_update(item: &Item, transaction: &TransactionItem) -> UpdateOneof {
    UpdateOneof::Transaction(SubscribeUpdateTransaction {
        transaction: Some(transaction.info.clone()),
        slot: item.slot,
        bank_id: item.bank_id,
    })
}

fn status_update(item: &Item, transaction: &TransactionItem) -> UpdateOneof {
    let info = &transaction.info;
    let err: Option<TransactionError> = info.meta.as_ref().and_then(|meta| meta.err.clone());
    UpdateOneof::TransactionStatus(SubscribeUpdateTransactionStatus {
        slot: item.slot,
        signature: info.signature.clone(),
        is_vote: info.is_vote,
        index: info.index,
        err,
        bank_id: item.bank_id,
    })
}

fn named<F, C>(
    filters: &HashMap<String, F>,
    compile: impl Fn(&F) -> Result<C, BadFilter>,
) -> Result<Vec<(String, C)>, BadFilter> {
    let mut compiled = Vec::with_capacity(filters.len());
    for (name, filter) in filters {
        let filter = compile(filter).map_err(|error| BadFilter::new(format!("filter `{name}`: {error}")))?;
        compiled.push((name.clone(), filter));
    }
    compiled.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(compiled)
}

fn sorted<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut names: Vec<_> = names.cloned().collect();
    names.sort();
    names
}

fn matching<C>(filters: &[(String, C)], matches: impl Fn(&C) -> bool) -> Vec<String> {
    filters
        .iter()
        .filter(|(_, filter)| matches(filter))
        .map(|(name, _)| name.clone())
        .collect()
}

fn pubkey(text: &str) -> Result<[u8; 32], BadFilter> {
    let mut key = [0; 32];
    match bs58::decode(text).onto(&mut key[..]) {
        Ok(32) => Ok(key),
        _ => Err(BadFilter::new(format!(
            "`{text}` is no public key: 32 bytes in base58 are expected"
        ))),
    }
}
