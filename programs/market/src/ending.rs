//! Ending a job that runs, other than by its node's own receipts.

use crate::{calls::Market, event::JobEnded, state::*};
use anchor_lang::prelude::*;
use common::State;
use registry::instructions::LeaseOutcome;

/// Ends a running job at `at` with `outcome`, and gives its node back: with a failure where that is the outcome, and
/// otherwise with no mark either way.
#[inline(never)]
pub(crate) fn end(
    market: Market,
    job: &mut State<Job>,
    provider: &mut UncheckedAccount,
    node: &mut UncheckedAccount,
    outcome: JobOutcome,
    at: u32,
) -> Result<()> {
    job.status = JobStatus::Finished as u8;
    job.outcome = outcome as u8;
    job.ended_at = at.into();
    let served = job.served_seconds.get();
    let (lease_outcome, promised) = if outcome == JobOutcome::Failed {
        (LeaseOutcome::Failed, job.sla_seconds())
    } else {
        (LeaseOutcome::Neutral, served)
    };
    market.release_node(provider, node, lease_outcome, served.min(promised), promised)?;
    JobEnded {
        job: *job.address(),
        node: job.node,
        outcome: job.outcome,
        served_seconds: served,
        elapsed_seconds: job.elapsed(at),
        exit_code: 0,
        output_digest: [0; 32],
    }.log();
    Ok(())
}
