//! What can go wrong between a validator and its client, on request: for tests of clients. Nothing of it happens unless a
//! test asks for it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;
use yellowstone_grpc_proto::prelude::SubscribeUpdate;
use yellowstone_grpc_proto::prelude::subscribe_update::UpdateOneof;

/// How a stream falls silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stall {
    /// Nothing comes, not even a ping.
    Everything,
    /// Pings come, and nothing else.
    Content,
}

/// What an update is replaced with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Garbage {
    /// An account's data ends in its middle.
    TruncatedData,
    /// An account's data is none.
    NoData,
    /// An account's data is longer than its type.
    OversizedData,
    /// An account's data is of no type.
    ForeignData,
    /// A key that has 31 bytes.
    ShortKey,
    /// An account update without an account.
    NoAccount,
    /// A slot that no column holds.
    HugeSlot,
    /// A write version that no column holds.
    HugeVersion,
    /// A block that is its own parent.
    OwnParent,
    /// A transaction without its result.
    NoResult,
}

/// What becomes of a branch beside the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its banks die half done.
    Dead,
    /// Its banks are whole and processed, and never confirmed.
    Abandoned,
    /// Its banks are confirmed, and then the chain goes on without them.
    Confirmed,
}

/// Faults of every subscription. The default is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wire {
    /// Each subscription ends after fewer updates than this, drawn anew each time.
    pub cut_within: Option<u64>,
    /// The stream is silent.
    pub stall: Option<Stall>,
    /// Each update comes so many times more.
    pub repeats: u32,
    /// A bank's content comes in another order each time, its block meta last.
    pub shuffle: bool,
    /// A slot's confirmation comes after so many more statuses.
    pub late_statuses: usize,
    /// Replaces an update that it fits, so many times.
    pub garbage: Option<(Garbage, u32)>,
    /// Slots below this one cannot be replayed.
    pub forget_below: Option<u64>,
    /// Replays fail without saying why.
    pub fail_replays: bool,
    /// Seconds by which times of blocks and messages are off.
    pub clock_seconds: i64,
}

#[derive(Debug, Default)]
struct State {
    wire: Wire,
    forks: VecDeque<(usize, Fate)>,
    done: BTreeMap<&'static str, u64>,
    random: u64,
}

/// A handle on the faults of one network; its clones are the same.
#[derive(Debug, Clone)]
pub struct Faults(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    /// Whether any fault of the wire was ever asked for: a network without pays nothing for them.
    used: AtomicBool,
    changed: watch::Sender<()>,
}

impl Default for Faults {
    fn default() -> Self {
        Self(Arc::new(Inner {
            state: Mutex::new(State::default()),
            used: AtomicBool::new(false),
            changed: watch::Sender::new(()),
        }))
    }
}

impl Faults {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs between its changes.
        self.0.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Changes the faults of every subscription, open ones included.
    pub fn set(&self, change: impl FnOnce(&mut Wire)) {
        {
            let mut state = self.state();
            let stalled = state.wire.stall;
            change(&mut state.wire);
            if state.wire.stall.is_some() && state.wire.stall != stalled {
                *state.done.entry("stalls").or_default() += 1;
            }
        }
        self.0.used.store(true, Ordering::Release);
        self.0.changed.send_replace(());
    }

    /// No more faults.
    pub fn clear(&self) {
        {
            let mut state = self.state();
            state.wire = Wire::default();
            state.forks.clear();
        }
        self.0.changed.send_replace(());
    }

    /// The next `slots` slots get banks of another branch first, whose accounts and transactions never were; then come
    /// the chain's own.
    pub fn fork(&self, slots: usize, fate: Fate) {
        self.state().forks.push_back((slots.max(1), fate));
    }

    /// Whether a fork was asked for that has not begun.
    #[must_use]
    pub fn has_forks(&self) -> bool {
        !self.state().forks.is_empty()
    }

    /// How often each fault happened.
    #[must_use]
    pub fn done(&self) -> BTreeMap<&'static str, u64> {
        self.state().done.clone()
    }

    /// What the random choices are drawn from.
    pub fn seed(&self, seed: u64) {
        self.state().random = seed;
    }

    pub(crate) fn count(&self, what: &'static str) {
        *self.state().done.entry(what).or_default() += 1;
    }

    /// The faults of the wire; none where none were ever asked for.
    pub(crate) fn wire(&self) -> Option<Wire> {
        self.0.used.load(Ordering::Acquire).then(|| self.state().wire.clone())
    }

    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    pub(crate) fn next_fork(&self) -> Option<(usize, Fate)> {
        let mut state = self.state();
        let fork = state.forks.pop_front()?;
        let what = match fork.1 {
            Fate::Dead => "dead banks",
            Fate::Abandoned => "abandoned banks",
            Fate::Confirmed => "confirmed and abandoned banks",
        };
        *state.done.entry(what).or_default() += fork.0 as u64;
        Some(fork)
    }

    /// A number below `end`.
    pub(crate) fn below(&self, end: u64) -> u64 {
        let mut state = self.state();
        // splitmix64: even enough for a choice.
        state.random = state.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }

    /// Spoils `update` where that is asked for and it is of the kind.
    pub(crate) fn spoil(&self, update: &mut SubscribeUpdate) {
        let mut state = self.state();
        let Some((garbage, left)) = state.wire.garbage.filter(|(_, left)| *left > 0) else {
            return;
        };
        if spoil(garbage, update) {
            state.wire.garbage = Some((garbage, left - 1));
            *state.done.entry("garbage").or_default() += 1;
        }
    }
}

fn spoil(garbage: Garbage, update: &mut SubscribeUpdate) -> bool {
    match (garbage, update.update_oneof.as_mut()) {
        (Garbage::OwnParent, Some(UpdateOneof::BlockMeta(meta))) => {
            meta.parent_slot = meta.slot;
            true
        }
        (Garbage::NoResult, Some(UpdateOneof::Transaction(transaction))) => {
            let Some(info) = transaction.transaction.as_mut() else {
                return false;
            };
            info.meta = None;
            true
        }
        (_, Some(UpdateOneof::Account(update))) => {
            if garbage == Garbage::HugeSlot {
                update.slot = u64::MAX;
                return true;
            }
            if garbage == Garbage::NoAccount {
                return update.account.take().is_some();
            }
            let Some(account) = update.account.as_mut() else {
                return false;
            };
            match garbage {
                Garbage::TruncatedData => account.data.truncate(account.data.len() / 2),
                Garbage::NoData => account.data.clear(),
                Garbage::OversizedData => account.data.extend([0xff; 3]),
                Garbage::ForeignData => account.data.iter_mut().take(8).for_each(|byte| *byte ^= 0xa5),
                Garbage::ShortKey => account.pubkey.truncate(31),
                Garbage::HugeVersion => account.write_version = u64::MAX,
                _ => return false,
            }
            true
        }
        _ => false,
    }
}
