//! Jobs.

use super::node::short_key;
use crate::{Pubkey, market::accounts::Job};
use gantry_core::{billing, requirements::Requirements};
use std::fmt;

/// [`Job`]`.options` bit: only the node in `node` may take it.
pub const FIXED_NODE: u8 = 1;
/// [`Job`]`.options` bit: only the matcher in `matcher` may assign it.
pub const FIXED_MATCHER: u8 = 2;
/// [`Job`]`.options` bit: the customer has accepted the result.
pub const RESULT_ACCEPTED: u8 = 4;
/// [`Job`]`.options` bit: the node has given notice, and the job ends when that has passed.
pub const ENDED_BY_NODE: u8 = 8;

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum JobStatus {
    /// Funded, waits for a node.
    Open = 0,
    /// Paired, waits for the node's first receipt.
    Assigned = 1,
    /// Being served.
    Running = 2,
    /// Ended by a final receipt or by the customer's word.
    Finished = 3,
    /// Ended because no proof came in time.
    Lapsed = 4,
    /// Before the council.
    Disputed = 5,
    /// Decided by the council.
    Resolved = 6,
}

impl JobStatus {
    /// The status that `byte` stands for, if any.
    pub fn from_byte(byte: u8) -> Option<Self> {
        [
            Self::Open,
            Self::Assigned,
            Self::Running,
            Self::Finished,
            Self::Lapsed,
            Self::Disputed,
            Self::Resolved,
        ]
        .get(usize::from(byte))
        .copied()
    }

    /// Lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Assigned => "assigned",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Lapsed => "lapsed",
            Self::Disputed => "disputed",
            Self::Resolved => "resolved",
        }
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum JobOutcome {
    /// Not yet.
    None = 0,
    /// The process ended by itself.
    Completed = 1,
    /// The node could not run it to its end.
    Failed = 2,
    /// The customer stopped it.
    Stopped = 3,
    /// The node went silent.
    Lapsed = 4,
    /// It ran for as long as it was paid.
    Expired = 5,
}

impl JobOutcome {
    /// The outcome that `byte` stands for, if any.
    pub fn from_byte(byte: u8) -> Option<Self> {
        [
            Self::None,
            Self::Completed,
            Self::Failed,
            Self::Stopped,
            Self::Lapsed,
            Self::Expired,
        ]
        .get(usize::from(byte))
        .copied()
    }

    /// Lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Lapsed => "lapsed",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for JobOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a job's account says. Times are Unix seconds.
pub trait JobExt {
    /// Where it is in its life; `None` for a byte that this version does not know.
    fn status(&self) -> Option<JobStatus>;
    /// How it ended; `None` for a byte that this version does not know.
    fn outcome(&self) -> Option<JobOutcome>;
    /// When the node started it.
    fn started_at(&self) -> Option<i64>;
    /// When it ended.
    fn ended_at(&self) -> Option<i64>;
    /// When an assigned job that was not started may go to another node.
    fn start_deadline_at(&self) -> Option<i64>;
    /// When a running job lapses unless another proof comes.
    fn lapse_at(&self) -> Option<i64>;
    /// When a running job has used up what was paid for.
    fn expires_at(&self) -> Option<i64>;
    /// What it asks of a node.
    fn requirements(&self) -> Requirements;
    /// Whether the node account `node` was assigned before and did not start.
    fn barred(&self, node: &Pubkey) -> bool;
    /// The only node account that may take an open job, if it names one.
    fn fixed_node(&self) -> Option<Pubkey>;
    /// The only matcher that may assign an open job, if it names one.
    fn fixed_matcher(&self) -> Option<Pubkey>;
    /// Whether the customer has accepted the result.
    fn accepted(&self) -> bool;
    /// Base units earned by the seconds proven so far, before any SLA credit.
    fn billed(&self) -> u64;
    /// Base units of the deposit that nothing has been proven against.
    fn escrow_left(&self) -> u64;
}

impl JobExt for Job {
    fn status(&self) -> Option<JobStatus> {
        JobStatus::from_byte(self.status)
    }

    fn outcome(&self) -> Option<JobOutcome> {
        JobOutcome::from_byte(self.outcome)
    }

    fn started_at(&self) -> Option<i64> {
        (self.status >= JobStatus::Running as u8).then(|| self.created_at + i64::from(self.started_at))
    }

    fn ended_at(&self) -> Option<i64> {
        (self.status >= JobStatus::Finished as u8).then(|| self.created_at + i64::from(self.ended_at))
    }

    fn start_deadline_at(&self) -> Option<i64> {
        let at = self.created_at + i64::from(self.active_at) + i64::from(self.start_deadline);
        (self.status == JobStatus::Assigned as u8).then_some(at)
    }

    fn lapse_at(&self) -> Option<i64> {
        let at = self.created_at + i64::from(self.active_at) + i64::from(self.proof_timeout);
        (self.status == JobStatus::Running as u8).then_some(at)
    }

    fn expires_at(&self) -> Option<i64> {
        JobExt::started_at(self)
            .filter(|_| self.status == JobStatus::Running as u8)
            .map(|started| started + i64::from(self.max_duration))
    }

    fn requirements(&self) -> Requirements {
        Requirements {
            gpu_models: self.gpu_models,
            gpu_count: self.gpu_count,
            vram_gib: self.vram_gib,
            ram_gib: self.ram_gib,
            disk_gib: self.disk_gib,
            mbps: self.mbps,
            countries: self.countries,
            flags: self.flags,
            tier: self.tier,
            reputation_bps: self.reputation_bps,
            max_price_per_hour: self.max_price_per_hour,
            mint: self.mint.to_bytes(),
        }
    }

    fn barred(&self, node: &Pubkey) -> bool {
        self.barred.contains(&short_key(node))
    }

    fn fixed_node(&self) -> Option<Pubkey> {
        (self.options & FIXED_NODE != 0).then_some(self.node)
    }

    fn fixed_matcher(&self) -> Option<Pubkey> {
        (self.options & FIXED_MATCHER != 0).then_some(self.matcher)
    }

    fn accepted(&self) -> bool {
        self.options & RESULT_ACCEPTED != 0
    }

    fn billed(&self) -> u64 {
        let seconds = self.served_seconds.min(self.max_duration);
        billing::bill(self.price_per_hour, seconds)
            .unwrap_or(u64::MAX)
            .min(self.deposited)
    }

    fn escrow_left(&self) -> u64 {
        self.deposited.saturating_sub(self.billed())
    }
}
