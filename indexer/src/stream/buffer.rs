//! Banks between their first update and their finality.
//!
//! Nothing here waits or talks to anyone: updates go in, steps come out: whole confirmed banks in the order of the chain,
//! each connected to the one before; the way back where a confirmed block was abandoned; and what has become final.

use std::collections::{BTreeMap, BTreeSet};

use super::bank::{AccountWrite, Bank, BlockFacts, SealedBank, Transaction};
use super::trunk::{Place, Trunk};
use crate::Key;

/// Confirmed slots that may wait for a bank below them before it counts as lost.
const PATIENCE: usize = 32;
/// As many, where the missing bank lies beside what was given out already and only a replay can bring it.
const BRANCH_PATIENCE: usize = 4;
/// Most blocks that are remembered for the sake of branches; about 30 become final late on a cluster.
const LONGEST_TRUNK: usize = 8_192;

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
    /// The cluster will not go back behind a slot.
    Finalized {
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
            | Self::Finalized { slot, .. }
            | Self::Dead { slot, .. }
            | Self::Created { slot }
            | Self::Seen { slot } => *slot,
        }
    }
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write the next confirmed bank.
    Bank(SealedBank),
    /// Take back all blocks after this slot: the cluster confirmed them and went on without them.
    Undo {
        /// The last block that stays.
        to: u64,
    },
    /// Everything up to this slot stays for good.
    Final {
        /// The slot.
        slot: u64,
    },
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
    /// The confirmed chain has a block beside what was given out, from before this subscription began.
    #[error("the confirmed chain has another block in slot {missing} than what was given out up to slot {after}")]
    Branch {
        /// Everything up to this slot has been given out.
        after: u64,
        /// The slot whose other block is missing.
        missing: u64,
    },
    /// A confirmed slot does not descend from anything that can be gone back to.
    #[error("the confirmed chain goes from slot {parent} to {slot}, below all that can be undone up to slot {after}")]
    Fork {
        /// What was given out last.
        after: u64,
        /// Where the chain leaves it.
        parent: u64,
        /// The first slot of the other branch.
        slot: u64,
    },
    /// More is held than is allowed.
    #[error("{held} bytes are held for slots that nobody finalizes, more than {limit}")]
    Full {
        /// Bytes held.
        held: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

type BankKey = (u64, u64);

/// A chain of banks that can be given out.
struct Branch {
    /// Newest first.
    banks: Vec<BankKey>,
    /// Where it leaves the trunk, if not at the tip.
    leaves_at: Option<u64>,
}

/// See the module's page.
#[derive(Debug)]
pub struct Buffer {
    programs: BTreeSet<Key>,
    trunk: Trunk,
    banks: BTreeMap<BankKey, Bank>,
    /// Banks of this connection that were given out, with their blockhash: what still comes of them is known. Those that
    /// were taken back stay in here: their content is spent, and only a replay could bring them again.
    given: BTreeMap<BankKey, String>,
    confirmed: BTreeMap<u64, Option<u64>>,
    finalized: Option<(u64, Option<u64>)>,
    /// The bank that was last given ahead of its confirmation.
    ahead: Option<BankKey>,
    /// Bytes in `banks`.
    held: usize,
    limit: usize,
}

impl Buffer {
    /// A buffer for what follows on `trunk`, which holds at most `limit` bytes.
    pub fn new(programs: impl IntoIterator<Item = Key>, trunk: Trunk, limit: usize) -> Self {
        Self {
            programs: programs.into_iter().collect(),
            trunk,
            banks: BTreeMap::new(),
            given: BTreeMap::new(),
            confirmed: BTreeMap::new(),
            finalized: None,
            ahead: None,
            held: 0,
            limit,
        }
    }

    /// What was given out.
    #[must_use]
    pub const fn trunk(&self) -> &Trunk {
        &self.trunk
    }

    /// Nothing up to `slot` can be gone back to.
    pub fn raise_undo_floor(&mut self, slot: u64) {
        self.trunk.undo_floor = self.trunk.undo_floor.max(slot);
    }

    /// Bytes that it holds.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.held
    }

    /// Takes an update; gives the steps that it completes, in order.
    ///
    /// # Errors
    /// Where the stream has to be opened again, or a snapshot taken. The buffer is of no further use then.
    pub fn push(&mut self, update: Update) -> Result<Vec<Step>, Broken> {
        if update.slot() <= self.trunk.root {
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
                if self.trunk.has(slot, &facts.blockhash) {
                    // Replayed: it was given out, under this id or another.
                    self.remove((slot, bank_id));
                    self.given.insert((slot, bank_id), facts.blockhash);
                    return self.advance();
                }
                self.fill((slot, bank_id), |bank| bank.facts = Some(facts))?;
                self.advance()
            }
            Update::Confirmed { slot, bank_id } => {
                self.confirmed.insert(slot, bank_id);
                self.advance()
            }
            Update::Finalized { slot, bank_id } => {
                if self.finalized.is_none_or(|(highest, _)| highest < slot) {
                    self.finalized = Some((slot, bank_id));
                }
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

    /// The bank that is likely to be confirmed next: the newest whole one on top of all that was given out. Once each; it
    /// stays here, and comes as a step when it is confirmed, if it is.
    pub fn ahead(&mut self) -> Option<SealedBank> {
        let (key, bank) = self.banks.iter().rev().find(|(_, bank)| {
            let on_tip = |facts: &BlockFacts| self.trunk.place(facts.parent, &facts.parent_blockhash) == Place::Tip;
            bank.facts.as_ref().is_some_and(on_tip)
        })?;
        if self.ahead == Some(*key) {
            return None;
        }
        self.ahead = Some(*key);
        let facts = bank.facts.clone()?;
        Some(bank.clone().seal(key.0, facts, |owner| self.programs.contains(owner)))
    }

    /// The connection was lost and the next one replays from `replay_from`: what it sends again whole is dropped here,
    /// since bank ids may mean other banks there; so is what never came whole.
    pub fn disconnected(&mut self, replay_from: Option<u64>) {
        let replayed = |slot: u64| replay_from.is_some_and(|from| slot >= from);
        self.banks
            .retain(|(slot, _), bank| bank.facts.is_some() && !replayed(*slot));
        self.confirmed.retain(|slot, _| !replayed(*slot));
        self.given.clear();
        // Which bank it was is told again, or a later one is.
        self.finalized = None;
        self.count();
    }

    fn fill(&mut self, key: BankKey, content: impl FnOnce(&mut Bank)) -> Result<Vec<Step>, Broken> {
        if self.given.contains_key(&key) {
            return Ok(Vec::new());
        }
        let mut added = 0;
        let bank = self.banks.entry(key).or_insert_with(|| {
            let bank = Bank::default();
            added = bank.bytes;
            bank
        });
        self.held += added;
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

    fn remove(&mut self, key: BankKey) -> Option<Bank> {
        let bank = self.banks.remove(&key)?;
        self.held -= bank.bytes;
        Some(bank)
    }

    fn count(&mut self) {
        self.held = self.banks.values().map(|bank| bank.bytes).sum();
    }

    /// Gives out the chain to the newest confirmed slot that all blocks are there for, and what is final of it.
    fn advance(&mut self) -> Result<Vec<Step>, Broken> {
        let mut steps = Vec::new();
        let mut missing = None;
        let mut waiting = 0;
        let targets: Vec<_> = self.confirmed.iter().rev().map(|(slot, id)| (*slot, *id)).collect();
        for (slot, bank_id) in targets {
            let spent = bank_id.is_some_and(|id| self.given.contains_key(&(slot, id)));
            if slot < self.trunk.tip() || spent || self.is_given(slot, bank_id) {
                // Only a block at the tip's height or above speaks for another branch, and none for one taken back.
                continue;
            }
            waiting += 1;
            match self.branch(slot, bank_id)? {
                Ok(branch) => {
                    self.give_out(&branch, &mut steps);
                    missing = None;
                    break;
                }
                Err(slot) => missing = Some(slot),
            }
        }
        self.finalize(&mut steps, &mut missing, &mut waiting)?;
        let (after, waiting) = (self.trunk.tip(), waiting);
        match missing {
            Some(missing) if missing <= after && waiting > BRANCH_PATIENCE => Err(Broken::Branch { after, missing }),
            Some(missing) if waiting > PATIENCE => Err(Broken::Gap { after, missing }),
            _ => Ok(steps),
        }
    }

    /// Settles what is final, if it is known which blocks that is.
    fn finalize(
        &mut self,
        steps: &mut Vec<Step>,
        missing: &mut Option<u64>,
        waiting: &mut usize,
    ) -> Result<(), Broken> {
        let Some((slot, bank_id)) = self.finalized else {
            return Ok(());
        };
        if !self.is_given(slot, bank_id) {
            match self.branch(slot, bank_id)? {
                Ok(branch) => self.give_out(&branch, steps),
                Err(lacking) => {
                    // Nothing outweighs finality, so there is nothing to wait for beside it.
                    *waiting += usize::from(lacking <= self.trunk.tip()) * BRANCH_PATIENCE + 1;
                    *missing = missing.or(Some(lacking));
                    return Ok(());
                }
            }
        } else if missing.is_some_and(|missing| missing <= self.trunk.tip()) {
            // Another branch is on its way: whether this is the block that is final cannot be told yet.
            return Ok(());
        }
        if slot > self.trunk.root {
            self.trunk.finalize(slot);
            self.banks.retain(|(held, _), _| *held > slot);
            self.given.retain(|(held, _), _| *held > slot);
            self.confirmed.retain(|held, _| *held > slot);
            self.count();
            steps.push(Step::Final { slot });
        }
        self.finalized = None;
        Ok(())
    }

    /// Whether the bank is in the trunk. A bank with another id than the one given out is not; where the connection has
    /// changed since, ids say nothing.
    fn is_given(&self, slot: u64, bank_id: Option<u64>) -> bool {
        let Some(block) = self.trunk.at(slot) else { return false };
        let Some(id) = bank_id else { return true };
        if let Some(hash) = self.given.get(&(slot, id)) {
            return *hash == block.blockhash;
        }
        let mut of_slot = self.given.range((slot, 0)..=(slot, u64::MAX));
        !self.banks.contains_key(&(slot, id)) && !of_slot.any(|(_, hash)| *hash == block.blockhash)
    }

    /// The banks from the trunk to `slot`; or the slot of the one that is not there.
    fn branch(&self, slot: u64, bank_id: Option<u64>) -> Result<Result<Branch, u64>, Broken> {
        let mut banks = Vec::new();
        let named = |(_, id): &BankKey, _: &BlockFacts| bank_id.is_none_or(|wanted| wanted == *id);
        let Some((mut key, mut facts)) = self.sealed(slot, named) else {
            return Ok(Err(slot));
        };
        loop {
            banks.push(key);
            let (parent, hash) = (facts.parent, facts.parent_blockhash.as_str());
            match self.trunk.place(parent, hash) {
                Place::Tip => {
                    return Ok(Ok(Branch { banks, leaves_at: None }));
                }
                Place::Below(at) if at >= self.trunk.undo_floor => {
                    let leaves_at = Some(at);
                    return Ok(Ok(Branch { banks, leaves_at }));
                }
                Place::Below(_) => return Err(self.fork(parent, key.0)),
                Place::Elsewhere if parent <= self.trunk.root => return Err(self.fork(parent, key.0)),
                Place::Elsewhere => {}
            }
            let is_parent = |_: &BankKey, facts: &BlockFacts| hash.is_empty() || facts.blockhash == hash;
            match self.sealed(parent, is_parent) {
                Some((next, of_next)) if next.0 < key.0 => (key, facts) = (next, of_next),
                _ => return Ok(Err(parent)),
            }
        }
    }

    fn fork(&self, parent: u64, slot: u64) -> Broken {
        Broken::Fork {
            after: self.trunk.tip(),
            parent,
            slot,
        }
    }

    /// The newest whole bank of `slot` that is wanted.
    fn sealed(&self, slot: u64, wanted: impl Fn(&BankKey, &BlockFacts) -> bool) -> Option<(BankKey, &BlockFacts)> {
        self.banks
            .range((slot, 0)..=(slot, u64::MAX))
            .rev()
            .filter_map(|(key, bank)| Some((*key, bank.facts.as_ref()?)))
            .find(|(key, facts)| wanted(key, facts))
    }

    fn give_out(&mut self, branch: &Branch, steps: &mut Vec<Step>) {
        if let Some(to) = branch.leaves_at {
            self.trunk.cut(to);
            steps.push(Step::Undo { to });
        }
        for key in branch.banks.iter().rev() {
            let Some(mut bank) = self.remove(*key) else { continue };
            let Some(facts) = bank.facts.take() else { continue };
            self.trunk.extend(key.0, &facts.blockhash);
            self.given.insert(*key, facts.blockhash.clone());
            let sealed = bank.seal(key.0, facts, |owner| self.programs.contains(owner));
            steps.push(Step::Bank(sealed));
        }
        let tip = self.trunk.tip();
        self.confirmed.retain(|slot, _| *slot > tip);
        if self.trunk.blocks.len() > LONGEST_TRUNK {
            // Nothing has become final for that long: what is older counts as if it had.
            let oldest = self.trunk.blocks[self.trunk.blocks.len() - LONGEST_TRUNK].slot;
            self.trunk.finalize(oldest);
            self.given.retain(|(slot, _), _| *slot > oldest);
        }
    }
}
