//! Banks between their first update and their confirmation.
//!
//! Nothing here waits or talks to anyone: updates go in, whole confirmed banks come out in the order of the chain, each
//! connected to the one before.

use std::collections::{BTreeMap, BTreeSet};

use super::bank::{AccountWrite, Bank, BlockFacts, SealedBank, Transaction};
use crate::Key;

/// Confirmed slots that may wait for a bank below them before it counts as lost.
const PATIENCE: usize = 32;

/// One update of the stream, without what the indexer does not use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// An account was written.
    Account {
        /// Slot of the bank.
        slot: u64,
        /// The server's name for the bank.
        bank_id: Option<u64>,
        /// The write.
        write: AccountWrite,
    },
    /// A transaction was executed.
    Transaction {
        /// Slot of the bank.
        slot: u64,
        /// The server's name for the bank.
        bank_id: u64,
        /// The transaction.
        transaction: Transaction,
    },
    /// All of a bank has been sent.
    BlockMeta {
        /// Slot of the bank.
        slot: u64,
        /// The server's name for the bank.
        bank_id: u64,
        /// What it says of it.
        facts: BlockFacts,
    },
    /// The cluster voted for a slot.
    Confirmed {
        /// The slot.
        slot: u64,
        /// The server's name for the bank.
        bank_id: Option<u64>,
    },
    /// A bank was abandoned.
    Dead {
        /// The slot.
        slot: u64,
        /// The server's name for the bank; all of the slot where it is not told.
        bank_id: Option<u64>,
    },
    /// A bank was created: all of its content comes after this.
    Created {
        /// The slot.
        slot: u64,
    },
    /// The slot exists: nothing to keep.
    Seen {
        /// The slot.
        slot: u64,
    },
}

impl Update {
    /// The slot that it is about.
    #[must_use]
    pub const fn slot(&self) -> u64 {
        match self {
            Self::Account { slot, .. }
            | Self::Transaction { slot, .. }
            | Self::BlockMeta { slot, .. }
            | Self::Confirmed { slot, .. }
            | Self::Dead { slot, .. }
            | Self::Created { slot }
            | Self::Seen { slot } => *slot,
        }
    }
}

/// Why the stream cannot be followed further as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Confirmed slots need a bank that has not come.
    #[error("slot {missing} is missing between {after} and confirmed slots")]
    Gap {
        /// Everything up to this slot has been given out.
        after: u64,
        /// The slot whose bank is missing.
        missing: u64,
    },
    /// A confirmed slot does not descend from what was given out.
    #[error("the confirmed chain goes from slot {parent} to {slot}, around confirmed slot {after}")]
    Fork {
        /// What was given out last.
        after: u64,
        /// Where the chain leaves it.
        parent: u64,
        /// The first slot of the other branch.
        slot: u64,
    },
    /// More is held than is allowed.
    #[error("{held} bytes are held for slots that nobody confirms, more than {limit}")]
    Full {
        /// Bytes held.
        held: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

/// See the module's page.
#[derive(Debug)]
pub struct Buffer {
    programs: BTreeSet<Key>,
    /// Everything up to this slot has been given out or is none of our business.
    applied: u64,
    /// Whether `applied` is a block: only then must the next block descend from it.
    applied_is_block: bool,
    banks: BTreeMap<(u64, u64), Bank>,
    confirmed: BTreeMap<u64, Option<u64>>,
    /// Bytes of account data in `banks`.
    held: usize,
    limit: usize,
}

impl Buffer {
    /// A buffer for banks above `applied`, which holds at most `limit` bytes of account data.
    pub fn new(programs: impl IntoIterator<Item = Key>, applied: u64, applied_is_block: bool, limit: usize) -> Self {
        Self {
            programs: programs.into_iter().collect(),
            applied,
            applied_is_block,
            banks: BTreeMap::new(),
            confirmed: BTreeMap::new(),
            held: 0,
            limit,
        }
    }

    /// Everything up to this slot has been given out.
    #[must_use]
    pub const fn applied(&self) -> u64 {
        self.applied
    }

    /// Takes an update; gives the banks that it completes and confirms, oldest first.
    ///
    /// # Errors
    /// Where the stream has to be opened again, or a snapshot taken. The buffer is of no further use then.
    pub fn push(&mut self, update: Update) -> Result<Vec<SealedBank>, Broken> {
        if update.slot() <= self.applied {
            return Ok(Vec::new());
        }
        match update {
            Update::Account { slot, bank_id, write } => {
                // Startup accounts have no bank; a snapshot is how this indexer learns of them.
                let Some(bank_id) = bank_id else { return Ok(Vec::new()) };
                self.fill((slot, bank_id), |bank| bank.write(write))
            }
            Update::Transaction {
                slot,
                bank_id,
                transaction,
            } => self.fill((slot, bank_id), |bank| bank.transaction(transaction)),
            Update::BlockMeta { slot, bank_id, facts } => {
                self.banks.entry((slot, bank_id)).or_default().facts = Some(facts);
                self.advance()
            }
            Update::Confirmed { slot, bank_id } => {
                self.confirmed.insert(slot, bank_id);
                self.advance()
            }
            Update::Dead { slot, bank_id } => {
                self.banks
                    .retain(|(held, id), _| *held != slot || bank_id.is_some_and(|dead| *id != dead));
                self.count();
                Ok(Vec::new())
            }
            Update::Created { .. } | Update::Seen { .. } => Ok(Vec::new()),
        }
    }

    /// The connection was lost and the next one replays from `replay_from`: what it sends again whole is dropped here,
    /// since bank ids may mean other banks there; so is what never came whole.
    pub fn disconnected(&mut self, replay_from: Option<u64>) {
        let replayed = |slot: u64| replay_from.is_some_and(|from| slot >= from);
        self.banks
            .retain(|(slot, _), bank| bank.facts.is_some() && !replayed(*slot));
        self.confirmed.retain(|slot, _| !replayed(*slot));
        self.count();
    }

    fn fill(&mut self, key: (u64, u64), content: impl FnOnce(&mut Bank)) -> Result<Vec<SealedBank>, Broken> {
        let bank = self.banks.entry(key).or_default();
        self.held -= bank.bytes;
        content(bank);
        self.held += bank.bytes;
        if self.held > self.limit {
            Err(Broken::Full {
                held: self.held,
                limit: self.limit,
            })
        } else {
            Ok(Vec::new())
        }
    }

    fn count(&mut self) {
        self.held = self.banks.values().map(|bank| bank.bytes).sum();
    }

    /// Gives out the chain to the newest confirmed slot that all blocks are there for.
    fn advance(&mut self) -> Result<Vec<SealedBank>, Broken> {
        let mut missing = None;
        let targets: Vec<_> = self
            .confirmed
            .iter()
            .rev()
            .map(|(slot, bank_id)| (*slot, *bank_id))
            .collect();
        for (slot, bank_id) in &targets {
            match self.chain(*slot, *bank_id)? {
                Ok(chain) => return Ok(self.give_out(*slot, &chain)),
                Err(slot) => missing = Some(slot),
            }
        }
        match missing {
            Some(missing) if targets.len() > PATIENCE => Err(Broken::Gap {
                after: self.applied,
                missing,
            }),
            _ => Ok(Vec::new()),
        }
    }

    /// The banks from `applied` to `slot`, newest first; or the slot of the one that is not there.
    fn chain(&self, slot: u64, bank_id: Option<u64>) -> Result<Result<Vec<(u64, u64)>, u64>, Broken> {
        let mut chain = Vec::new();
        let (mut slot, mut bank_id) = (slot, bank_id);
        loop {
            let Some((key, facts)) = self.sealed(slot, bank_id) else {
                return Ok(Err(slot));
            };
            chain.push(key);
            if facts.parent == self.applied || (facts.parent < self.applied && !self.applied_is_block) {
                return Ok(Ok(chain));
            }
            if facts.parent < self.applied {
                return Err(Broken::Fork {
                    after: self.applied,
                    parent: facts.parent,
                    slot,
                });
            }
            if facts.parent >= slot {
                return Ok(Err(facts.parent));
            }
            (slot, bank_id) = (facts.parent, self.confirmed.get(&facts.parent).copied().flatten());
        }
    }

    /// The whole bank of `slot`: the one that is named, else the newest.
    fn sealed(&self, slot: u64, bank_id: Option<u64>) -> Option<((u64, u64), &BlockFacts)> {
        self.banks
            .range((slot, 0)..=(slot, u64::MAX))
            .rev()
            .filter(|((_, id), _)| bank_id.is_none_or(|wanted| wanted == *id))
            .find_map(|(key, bank)| Some((*key, bank.facts.as_ref()?)))
    }

    fn give_out(&mut self, slot: u64, chain: &[(u64, u64)]) -> Vec<SealedBank> {
        let mut sealed = Vec::with_capacity(chain.len());
        for key in chain.iter().rev() {
            let Some(mut bank) = self.banks.remove(key) else {
                continue;
            };
            let Some(facts) = bank.facts.take() else { continue };
            sealed.push(bank.seal(key.0, facts, |owner| self.programs.contains(owner)));
        }
        // What is left at or below the slot was on a fork that lost.
        self.banks.retain(|(held, _), _| *held > slot);
        self.confirmed.retain(|held, _| *held > slot);
        self.count();
        self.applied = slot;
        self.applied_is_block = true;
        sealed
    }
}
