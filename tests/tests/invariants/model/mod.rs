//! What a market holds, in plain Rust: written from the documents, and compared with the chain after each step.

pub(crate) mod compare;
pub(crate) mod job;
pub(crate) mod pool;
pub(crate) mod wide;

use crate::suite::{
    cast::{AUTHORITY, COINS, Coin, JobRef, NodeRef, Purse, WALLETS, Who},
    rules::Rules,
};
pub(crate) use job::{Job, JobSpec, Outcome, Status};
pub(crate) use pool::{Pool, Position};
use std::collections::BTreeMap;

/// What each wallet starts with, by its number: from nothing to more than half of what a `u64` counts.
pub(crate) const PURSES: [u64; WALLETS as usize] = [
    1 << 62,
    1_000_000_000_000,
    1_000_000_000_000,
    50_000_000_000,
    50_000_000_000,
    1_000_000_000,
    3_000,
    0,
];

/// The names of the errors that may refuse a step; none where it must succeed. [`RUNTIME`] stands for everything that
/// is not an error of the three programs.
pub(crate) type Verdict = Result<(), Vec<&'static str>>;

/// A refusal by the framework, the runtime or a token program.
pub(crate) const RUNTIME: &str = "(runtime)";

/// Collects why a step must be refused.
#[derive(Default)]
pub(crate) struct Reasons(Vec<&'static str>);

impl Reasons {
    /// `name` refuses unless `met`.
    pub(crate) fn unless(&mut self, met: bool, name: &'static str) -> &mut Self {
        if !met {
            self.0.push(name);
        }
        self
    }

    pub(crate) fn verdict(&mut self) -> Verdict {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(std::mem::take(&mut self.0))
    }
}

/// For what must exist before anything else can be said.
pub(crate) fn there<T>(what: Option<T>) -> Result<T, Vec<&'static str>> {
    what.ok_or_else(|| vec![RUNTIME])
}

/// A single reason.
pub(crate) fn because<T>(result: Result<T, &'static str>) -> Result<T, Vec<&'static str>> {
    result.map_err(|name| vec![name])
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Provider {
    pub(crate) payout: Who,
    pub(crate) nodes: u32,
    pub(crate) leases: u32,
    pub(crate) record: Record,
}

/// Jobs and seconds of a node or a provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    pub(crate) served: u64,
    pub(crate) promised: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeStatus {
    Available = 0,
    Leased = 1,
    Suspended = 3,
}

/// What a node is made of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hardware {
    pub(crate) gpu_model: u16,
    pub(crate) gpu_count: u8,
    pub(crate) vram_gib: u16,
    pub(crate) ram_gib: u16,
    pub(crate) cpu_cores: u16,
    pub(crate) disk_gib: u32,
    pub(crate) mbps: u32,
    pub(crate) country: [u8; 2],
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) coin: Coin,
    pub(crate) price: u64,
    pub(crate) hardware: Hardware,
    pub(crate) status: NodeStatus,
    pub(crate) job: Option<JobRef>,
    pub(crate) attestor: Option<Who>,
    pub(crate) device: u8,
    pub(crate) tier: u8,
    pub(crate) flags: u16,
    pub(crate) attested_until: i64,
    pub(crate) failures: u8,
    pub(crate) suspended_at: i64,
    pub(crate) record: Record,
}

impl Node {
    pub(crate) fn reputation(&self) -> u64 {
        let Record {
            completed,
            failed,
            served,
            promised,
        } = self.record;
        let kept = (completed + 1) * 10_000 / (completed + failed + 2);
        let up = if served >= promised {
            10_000
        } else {
            served * 10_000 / promised
        };
        kept * up / 10_000
    }
}

/// How a lease ends for the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lease {
    Completed,
    Failed,
    Neutral,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Customer {
    pub(crate) next_id: u64,
    pub(crate) open_jobs: u32,
}

/// The whole market.
#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) rules: Rules,
    pub(crate) now: i64,
    pub(crate) paused: u8,
    pub(crate) providers: BTreeMap<Who, Provider>,
    pub(crate) nodes: BTreeMap<NodeRef, Node>,
    /// Which node claims a device.
    pub(crate) devices: BTreeMap<u8, NodeRef>,
    pub(crate) pools: BTreeMap<Who, Pool>,
    pub(crate) positions: BTreeMap<(Who, Who), Position>,
    pub(crate) customers: BTreeMap<Who, Customer>,
    pub(crate) jobs: BTreeMap<JobRef, Job>,
    pub(crate) purses: BTreeMap<Purse, u64>,
}

impl Model {
    /// A market with its mints and wallets, and nothing in it yet.
    pub(crate) fn new(rules: Rules, now: i64) -> Self {
        let mut purses = BTreeMap::new();
        for coin in COINS {
            for who in 0..=crate::suite::cast::KEEPER {
                let amount = PURSES.get(usize::from(who)).copied().unwrap_or(0);
                purses.insert(Purse::Own(who, coin), amount);
            }
        }
        Self {
            rules,
            now,
            paused: 0,
            providers: BTreeMap::new(),
            nodes: BTreeMap::new(),
            devices: BTreeMap::new(),
            pools: BTreeMap::new(),
            positions: BTreeMap::new(),
            customers: BTreeMap::new(),
            jobs: BTreeMap::new(),
            purses,
        }
    }

    pub(crate) fn holds(&self, purse: Purse) -> u64 {
        self.purses.get(&purse).copied().unwrap_or(0)
    }

    pub(crate) fn treasury(coin: Coin) -> Purse {
        Purse::Own(AUTHORITY, coin)
    }

    /// Moves tokens; the caller has seen that they are there.
    pub(crate) fn pay(&mut self, from: Purse, to: Purse, amount: u64) {
        let rest = self.holds(from).checked_sub(amount).expect("a covered payment");
        self.purses.insert(from, rest);
        let sum = self.holds(to).checked_add(amount).expect("a bounded supply");
        self.purses.insert(to, sum);
    }

    pub(crate) fn pool(&mut self, pool: Who) -> &mut Pool {
        self.pools.get_mut(&pool).expect("a pool that exists")
    }

    /// Gives a node back after a job.
    pub(crate) fn release(&mut self, at: NodeRef, lease: Lease, served: u32, promised: u32) {
        let now = self.now;
        let node = self.nodes.get_mut(&at).expect("a leased node");
        let provider = self.providers.get_mut(&at.0).expect("its provider");
        assert_eq!(node.status, NodeStatus::Leased, "a node that serves a job");
        for record in [&mut node.record, &mut provider.record] {
            match lease {
                Lease::Completed => record.completed += 1,
                Lease::Failed => record.failed += 1,
                Lease::Neutral => {}
            }
            record.served += u64::from(served);
            record.promised += u64::from(promised);
        }
        match lease {
            Lease::Completed => node.failures = 0,
            Lease::Failed => node.failures += 1,
            Lease::Neutral => {}
        }
        provider.leases -= 1;
        node.job = None;
        node.status = NodeStatus::Available;
        if node.failures >= 3 {
            node.status = NodeStatus::Suspended;
            node.suspended_at = now;
        }
    }
}
