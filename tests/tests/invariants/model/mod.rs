//! What a market holds, in plain Rust: written from the documents, and compared with the chain after each step.

pub(crate) mod compare;
pub(crate) mod job;
pub(crate) mod pool;
pub(crate) mod wide;

use crate::suite::{
    cast::{ARBITERS, AUTHORITY, COINS, Coin, JobRef, NodeRef, Purse, WALLETS, Who},
    ops::paper::Paper,
    rules::{MINIMUM_PRICE, Rules, THRESHOLD},
};
use gantry_sdk::ix::TermsArgs;
pub(crate) use job::{Dispute, Job, JobSpec, Outcome, Scale, Status};
pub(crate) use pool::{Pool, Position};
use std::collections::{BTreeMap, VecDeque};
use wide::share;

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

/// Failures in a row that suspend a node.
const FAILURES: u8 = 3;

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
    /// Disputes lost and convictions.
    pub(crate) lost: u64,
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
    Draining = 2,
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
    /// Whether it is to take no new job once its job or its suspension ends.
    pub(crate) drains: bool,
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
    /// Forgets what was attested; the device stays its own.
    pub(crate) fn revoke(&mut self) {
        self.attestor = None;
        (self.tier, self.flags, self.attested_until) = (0, 0, 0);
    }

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

/// A device, with what happened on it under nodes that have let it go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Device {
    pub(crate) node: Option<NodeRef>,
    pub(crate) claims: u32,
    pub(crate) completed: u64,
    pub(crate) failed: u64,
}

/// What the market knows of a payment mint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mint {
    pub(crate) enabled: bool,
    pub(crate) minimum: u64,
    /// Stake units per payment unit, Q32.32.
    pub(crate) rate: u64,
}

/// Who votes on disputes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Council {
    pub(crate) members: Vec<Who>,
    pub(crate) threshold: u8,
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
    /// Announced terms, and from when they may be applied.
    pub(crate) announced: Option<(TermsArgs, i64)>,
    pub(crate) council: Council,
    /// A proposed council, and from when it may be put in force.
    pub(crate) proposed: Option<(Council, i64)>,
    /// By [`Coin`]; none for the stake's.
    pub(crate) mints: BTreeMap<Coin, Mint>,
    pub(crate) providers: BTreeMap<Who, Provider>,
    pub(crate) nodes: BTreeMap<NodeRef, Node>,
    pub(crate) devices: BTreeMap<u8, Device>,
    pub(crate) pools: BTreeMap<Who, Pool>,
    pub(crate) positions: BTreeMap<(Who, Who), Position>,
    pub(crate) customers: BTreeMap<Who, Customer>,
    pub(crate) jobs: BTreeMap<JobRef, Job>,
    pub(crate) disputes: BTreeMap<JobRef, Dispute>,
    /// The latest receipts that went through, which anyone can read and carry anywhere.
    pub(crate) papers: VecDeque<Paper>,
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
        let mint = |rate| Mint {
            enabled: true,
            minimum: MINIMUM_PRICE,
            rate,
        };
        Self {
            rules,
            now,
            paused: 0,
            announced: None,
            council: Council {
                members: ARBITERS.to_vec(),
                threshold: THRESHOLD,
            },
            proposed: None,
            mints: BTreeMap::from([(Coin::Usdc, mint(rules.rates[0])), (Coin::Usd22, mint(rules.rates[1]))]),
            providers: BTreeMap::new(),
            nodes: BTreeMap::new(),
            devices: BTreeMap::new(),
            pools: BTreeMap::new(),
            positions: BTreeMap::new(),
            customers: BTreeMap::new(),
            jobs: BTreeMap::new(),
            disputes: BTreeMap::new(),
            papers: VecDeque::new(),
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
            // One convicted meanwhile stays so.
            Lease::Completed if node.failures < FAILURES => node.failures = 0,
            Lease::Failed => node.failures = node.failures.saturating_add(1),
            _ => {}
        }
        provider.leases -= 1;
        node.job = None;
        if node.failures >= FAILURES {
            node.status = NodeStatus::Suspended;
            node.suspended_at = now;
        } else if std::mem::take(&mut node.drains) {
            node.status = NodeStatus::Draining;
        } else {
            node.status = NodeStatus::Available;
        }
    }

    /// Counts a lost dispute or a conviction of the provider of `at`; `equivocated` suspends the node.
    pub(crate) fn convict(&mut self, at: NodeRef, equivocated: bool) {
        self.providers.get_mut(&at.0).expect("its provider").lost += 1;
        let Some(node) = self.nodes.get_mut(&at).filter(|_| equivocated) else {
            return;
        };
        node.failures = FAILURES;
        if node.status == NodeStatus::Leased {
            return;
        }
        node.drains |= node.status == NodeStatus::Draining;
        node.status = NodeStatus::Suspended;
        node.suspended_at = self.now;
    }

    /// Has the node `at` let its device go, which takes back what happened on it.
    pub(crate) fn let_go(&mut self, at: NodeRef) {
        let node = self.nodes.get_mut(&at).expect("a node");
        let Some(device) = self.devices.get_mut(&std::mem::take(&mut node.device)) else {
            return;
        };
        device.completed += std::mem::take(&mut node.record.completed);
        device.failed += std::mem::take(&mut node.record.failed);
        device.node = None;
    }

    /// Takes `amount` of the `bond` of a job from `pool`: customer first, then the account `reporter`, where it is one in
    /// the stake mint, then the treasury.
    pub(crate) fn slash(&mut self, pool: Who, (bond, amount): (u64, u64), customer: Who, reporter: Purse) {
        self.pool(pool).slash(bond, amount);
        let rules = self.rules.staking;
        let to_customer = share(amount, rules.slash_customer_bps.into());
        let mut to_reporter = share(amount, rules.slash_reporter_bps.into());
        // One that is gone, or holds another mint, can receive nothing; and stops nobody.
        match reporter {
            Purse::Own(_, Coin::Stake) => {}
            Purse::Stake(other) if self.pools.contains_key(&other) => self.pool(other).dust += to_reporter,
            Purse::Rewards(other) if self.pools.get(&other).is_some_and(|pool| pool.coin == Coin::Stake) => {}
            _ => to_reporter = 0,
        }
        let vault = Purse::Stake(pool);
        self.pay(vault, Purse::Own(customer, Coin::Stake), to_customer);
        if to_reporter > 0 {
            self.pay(vault, reporter, to_reporter);
        }
        self.pay(vault, Self::treasury(Coin::Stake), amount - to_customer - to_reporter);
    }

    /// What the council wants to be done about the job `at`.
    pub(crate) fn verdict(&self, at: JobRef) -> Option<(u16, u16)> {
        let dispute = self.disputes.get(&at)?;
        dispute.verdict(self.council.members.len(), self.council.threshold)
    }

    /// What the provider of `pool` keeps of its revenue now; `None` where nobody stakes there.
    pub(crate) fn commission(&self, pool: Who) -> Option<u16> {
        let pool = self.pools.get(&pool).filter(|pool| pool.active.shares > 0)?;
        Some(pool.commission_at(self.now))
    }

    /// Keeps a receipt that went through, for who would use it again.
    pub(crate) fn remember(&mut self, paper: &Paper) {
        const KEPT: usize = 40;
        self.papers.push_back(paper.clone());
        if self.papers.len() > KEPT {
            self.papers.pop_front();
        }
    }
}
