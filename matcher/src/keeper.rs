//! What is overdue: the states that anyone may push forward, and when.

use gantry_sdk::market::accounts::{Job, MarketParams};
use gantry_sdk::state::{JobExt, JobStatus};

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
}

impl Push {
    /// Name, as events have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel_job",
            Self::Expire => "expire_assignment",
            Self::Lapse => "report_lapse",
            Self::Settle => "settle_job",
        }
    }
}

/// The push that `job` is due for at `now` (the chain's Unix seconds), if any.
pub fn due(job: &Job, market: &MarketParams, now: i64) -> Option<Push> {
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
        JobStatus::Disputed | JobStatus::Resolved => None,
    }
}
