//! Ending a job that runs.

use crate::{calls::Market, event::JobEnded, state::*};
use anchor_lang::prelude::*;
use common::{Passed, State};
use registry::instructions::LeaseOutcome;

/// How a job ends.
pub(crate) struct End {
    /// Finished or lapsed.
    pub status: JobStatus,
    /// Why.
    pub outcome: JobOutcome,
    /// What it is for the node: neutral leaves no mark either way.
    pub lease: LeaseOutcome,
    /// When, as the job stores times.
    pub at: u32,
}

/// Ends a running job, and gives its node back: `provider` and `node` in this order.
#[inline(never)]
pub(crate) fn end(market: Market, job: &mut State<Job>, lease: [Passed; 2], how: End) -> Result<()> {
    job.status = how.status as u8;
    job.outcome = how.outcome as u8;
    job.ended_at = how.at.into();
    let served = job.served_seconds.get();
    let promised = if how.lease == LeaseOutcome::Neutral {
        served
    } else {
        job.sla_seconds()
    };
    market.release_node(lease, how.lease, served.min(promised), promised)?;
    announce(job);
    Ok(())
}

/// Logs how a job ended.
#[inline(never)]
pub(crate) fn announce(job: &State<Job>) {
    JobEnded {
        job: *job.address(),
        node: job.node,
        outcome: job.outcome,
        served_seconds: job.served_seconds.get(),
        elapsed_seconds: job.elapsed(job.ended_at.get()),
        exit_code: job.exit_code.get(),
        output_digest: job.output_digest,
    }
    .log();
}
