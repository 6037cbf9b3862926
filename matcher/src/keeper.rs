//! What is overdue: the states that anyone may push forward, and when.

use gantry_sdk::market::accounts::{Dispute, Job, MarketParams};
use gantry_sdk::registry::accounts::Network;
use gantry_sdk::state::{DisputeExt, JobExt, JobStatus};

/// A push that a job is due for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Push {
    /// Nobody served it for so long that anyone may refund it.
    Cancel,
    /// Its node did not start it.
    Expire,
    /// Its node went silent, or ran past what was paid for.
    Lapse,
    /// It has ended and nobody may dispute it any more.
    Settle,
    /// Its dispute is decided, or over.
    Resolve,
}

impl Push {
    /// Name, as events have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel_job",
            Self::Expire => "expire_assignment",
            Self::Lapse => "report_lapse",
            Self::Settle => "settle_job",
            Self::Resolve => "resolve_dispute",
        }
    }
}

/// A dispute, and the council that votes on it.
pub type Case<'a> = (&'a Dispute, &'a Network);

/// The push that `job` is due for at `now` (the chain's Unix seconds), if any; `case` is its dispute.
pub fn due(job: &Job, case: Option<Case>, market: &MarketParams, now: i64) -> Option<Push> {
    let terms = &market.terms;
    match JobExt::status(job)? {
        JobStatus::Open => {
            (now >= job.created_at.saturating_add(i64::from(terms.open_timeout))).then_some(Push::Cancel)
        }
        JobStatus::Assigned => (now > job.start_deadline_at()?).then_some(Push::Expire),
        JobStatus::Running => {
            let overrun = job.expires_at()?.saturating_add(i64::from(job.proof_timeout));
            (now > job.lapse_at()? || now > overrun).then_some(Push::Lapse)
        }
        JobStatus::Finished | JobStatus::Lapsed => {
            let window = job.ended_at()?.saturating_add(i64::from(terms.dispute_window));
            (job.accepted() || now >= window).then_some(Push::Settle)
        }
        JobStatus::Disputed => {
            let due = case.is_some_and(|(dispute, council)| dispute.is_due(council, now));
            due.then_some(Push::Resolve)
        }
        JobStatus::Resolved => None,
    }
}
