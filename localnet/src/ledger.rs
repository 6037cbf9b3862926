//! The ordered log of what happened on the chain, kept for replay.
//!
//! One writer (the source) appends events; every subscription reads at its own position. A reader that falls behind
//! what the log still holds is told so, therefore no reader can make the process grow: memory is bounded by
//! [`Limits`] alone.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;
use yellowstone_grpc_proto::prelude::{
    CommitmentLevel, SlotStatus, SubscribeUpdateAccountInfo, SubscribeUpdateBlockMeta, SubscribeUpdateEntry,
    SubscribeUpdateTransactionInfo,
};
use yellowstone_grpc_proto::prost::Message;
use yellowstone_grpc_proto::prost_types::Timestamp;

/// Blocks for which a blockhash stays valid, as on a cluster.
pub const BLOCKHASH_LIFETIME: u64 = 150;

/// How many block summaries are kept to answer the unary calls.
const SUMMARIES: usize = 512;

/// A bound on what the log keeps.
///
/// Slots that are not finalized yet (about 31) are kept whatever their size, because a finalized subscription still
/// has to receive them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most slots kept for replay.
    pub slots: usize,
    /// Most bytes of content kept for replay.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            slots: 1024,
            bytes: 64 << 20,
        }
    }
}

/// One piece of a bank's content.
#[derive(Debug)]
pub struct Item {
    /// Slot of the bank.
    pub slot: u64,
    /// Identifies the bank within this process.
    pub bank_id: u64,
    /// When the source saw it.
    pub created_at: Timestamp,
    /// What it is.
    pub content: Content,
}

/// What an [`Item`] can be.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // most items are the large ones: a box would cost each of them an allocation
pub enum Content {
    /// One write of one account.
    Account(SubscribeUpdateAccountInfo),
    /// An executed transaction.
    Transaction(TransactionItem),
    /// An entry.
    Entry(SubscribeUpdateEntry),
    /// The block meta, which seals the bank.
    BlockMeta(SubscribeUpdateBlockMeta),
}

/// An executed transaction with what filters ask about it.
#[derive(Debug)]
pub struct TransactionItem {
    /// The transaction as it goes over the wire.
    pub info: SubscribeUpdateTransactionInfo,
    /// Every account key, those from lookup tables included.
    pub keys: Vec<[u8; 32]>,
    /// Whether it ended in an error.
    pub failed: bool,
}

impl Item {
    /// About how many bytes it holds.
    fn size(&self) -> usize {
        size_of::<Self>()
            + match &self.content {
                Content::Account(info) => info.encoded_len(),
                Content::Transaction(transaction) => transaction.info.encoded_len() + transaction.keys.len() * 32,
                Content::Entry(entry) => entry.encoded_len(),
                Content::BlockMeta(meta) => meta.encoded_len(),
            }
    }
}

/// A sealed bank: its content with one write per account, block meta last.
#[derive(Debug)]
pub struct Bank {
    /// Its slot.
    pub slot: u64,
    /// The slot of its parent.
    pub parent: Option<u64>,
    /// Identifies the bank within this process.
    pub bank_id: u64,
    /// Its content.
    pub items: Vec<Arc<Item>>,
}

/// A slot that reached a status.
#[derive(Debug, Clone)]
pub struct StatusChange {
    /// The slot.
    pub slot: u64,
    /// The slot of its parent.
    pub parent: Option<u64>,
    /// Which bank; none for statuses that belong to a slot only.
    pub bank_id: Option<u64>,
    /// The status reached.
    pub status: SlotStatus,
    /// Why it died, for a dead slot.
    pub dead_error: Option<String>,
    /// When.
    pub created_at: Timestamp,
    /// The bank, from the moment that it is sealed.
    pub bank: Option<Arc<Bank>>,
}

/// One entry of the log.
#[derive(Debug, Clone)]
pub enum Event {
    /// Content as it is produced, every write of an account included.
    Item(Arc<Item>),
    /// A slot reached a status.
    Status(Arc<StatusChange>),
}

/// What the unary calls answer about a sealed block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockSummary {
    /// Slot of the block.
    pub slot: u64,
    /// Its blockhash, base58.
    pub blockhash: String,
    /// Its height.
    pub height: u64,
}

/// The reader is behind the oldest event that the log still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client is too slow: what it has not read yet is no longer kept")]
pub struct Lagged;

/// The slot asked for is older than what the log still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("slot {asked} is not available for replay, the first available slot is {first_available}")]
pub struct OutOfRange {
    /// The slot asked for.
    pub asked: u64,
    /// The oldest slot that can be replayed.
    pub first_available: u64,
}

#[derive(Debug)]
struct SlotGroup {
    slot: u64,
    first_sequence: u64,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Log {
    events: VecDeque<Event>,
    /// Sequence number of the first event held.
    first_sequence: u64,
    groups: VecDeque<SlotGroup>,
    bytes: usize,
    summaries: VecDeque<BlockSummary>,
    finalized: Option<u64>,
}

/// The log; see the module's page.
#[derive(Debug)]
pub struct Ledger {
    log: Mutex<Log>,
    limits: Limits,
    head: watch::Sender<u64>,
}

impl Ledger {
    /// An empty log.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            log: Mutex::new(Log::default()),
            limits,
            head: watch::Sender::new(0),
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // A poisoned log is still consistent: no code that can panic runs between its changes.
        self.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Starts a slot: what follows belongs to it until the next call.
    pub(crate) fn begin_slot(&self, slot: u64) {
        let mut log = self.log();
        let first_sequence = log.end();
        log.groups.push_back(SlotGroup {
            slot,
            first_sequence,
            bytes: 0,
        });
        log.evict(self.limits);
    }

    /// Appends events and wakes the readers.
    pub(crate) fn append(&self, events: impl IntoIterator<Item = Event>) {
        let end = {
            let mut log = self.log();
            for event in events {
                log.push(event);
            }
            log.evict(self.limits);
            log.end()
        };
        self.head.send_replace(end);
    }

    /// The position just after the newest event.
    #[must_use]
    pub fn tail(&self) -> u64 {
        self.log().end()
    }

    /// Tells when there is something new: the value is the position after the newest event.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    /// The oldest slot that can be replayed; none before the first.
    #[must_use]
    pub fn first_available(&self) -> Option<u64> {
        self.log().groups.front().map(|group| group.slot)
    }

    /// Where a replay from `slot` starts: the first slot at or after it, or the tail when it lies in the future.
    ///
    /// # Errors
    /// When the slot is older than the oldest kept.
    pub fn seek(&self, slot: u64) -> Result<u64, OutOfRange> {
        let log = self.log();
        match log.groups.front() {
            Some(front) if slot < front.slot => Err(OutOfRange {
                asked: slot,
                first_available: front.slot,
            }),
            _ => {
                let index = log.groups.partition_point(|group| group.slot < slot);
                Ok(log.groups.get(index).map_or(log.end(), |group| group.first_sequence))
            }
        }
    }

    /// Up to `max` events from `position` on; empty when there is nothing new.
    ///
    /// # Errors
    /// When events at `position` are no longer held.
    pub fn read(&self, position: u64, max: usize) -> Result<Vec<Event>, Lagged> {
        let log = self.log();
        let skip = position.checked_sub(log.first_sequence).ok_or(Lagged)?;
        let skip = usize::try_from(skip).unwrap_or(usize::MAX).min(log.events.len());
        Ok(log.events.range(skip..).take(max).cloned().collect())
    }

    /// Whether events at `position` are no longer held.
    #[must_use]
    pub fn has_lost(&self, position: u64) -> bool {
        position < self.log().first_sequence
    }

    /// The newest block at a commitment.
    #[must_use]
    pub fn tip(&self, commitment: CommitmentLevel) -> Option<BlockSummary> {
        let log = self.log();
        match commitment {
            // The source confirms a block in the instant that it seals it.
            CommitmentLevel::Processed | CommitmentLevel::Confirmed => log.summaries.back().cloned(),
            CommitmentLevel::Finalized => {
                let finalized = log.finalized?;
                log.summaries
                    .iter()
                    .rev()
                    .find(|block| block.slot <= finalized)
                    .cloned()
            }
        }
    }

    /// Whether a blockhash can still be used in a transaction, as seen from the newest block at a commitment.
    #[must_use]
    pub fn is_blockhash_valid(&self, blockhash: &str, commitment: CommitmentLevel) -> Option<(u64, bool)> {
        let tip = self.tip(commitment)?;
        let log = self.log();
        let valid = log.summaries.iter().any(|block| {
            block.blockhash == blockhash && block.slot <= tip.slot && tip.height < block.height + BLOCKHASH_LIFETIME
        });
        Some((tip.slot, valid))
    }

    /// Slots and bytes held, for the logs and the tests.
    #[must_use]
    pub fn held(&self) -> Limits {
        let log = self.log();
        Limits {
            slots: log.groups.len(),
            bytes: log.bytes,
        }
    }
}

impl Log {
    fn end(&self) -> u64 {
        self.first_sequence + self.events.len() as u64
    }

    fn push(&mut self, event: Event) {
        match &event {
            Event::Item(item) => {
                let size = item.size();
                self.bytes += size;
                if let Some(group) = self.groups.back_mut() {
                    group.bytes += size;
                }
                if let Content::BlockMeta(meta) = &item.content {
                    self.summaries.push_back(BlockSummary {
                        slot: meta.slot,
                        blockhash: meta.blockhash.clone(),
                        height: meta.block_height.as_ref().map_or(0, |height| height.block_height),
                    });
                    if self.summaries.len() > SUMMARIES {
                        self.summaries.pop_front();
                    }
                }
            }
            Event::Status(change) => {
                if change.status == SlotStatus::SlotFinalized {
                    self.finalized = self.finalized.max(Some(change.slot));
                }
            }
        }
        self.events.push_back(event);
    }

    fn evict(&mut self, limits: Limits) {
        while self.groups.len() > limits.slots || self.bytes > limits.bytes {
            let settled = |group: &SlotGroup| self.finalized.is_some_and(|finalized| group.slot <= finalized);
            if self.groups.len() < 2 || !self.groups.front().is_some_and(settled) {
                return;
            }
            if let Some(group) = self.groups.pop_front() {
                self.bytes -= group.bytes;
            }
            let keep_from = self.groups.front().map_or(self.end(), |group| group.first_sequence);
            while self.first_sequence < keep_from {
                self.events.pop_front();
                self.first_sequence += 1;
            }
        }
    }
}
