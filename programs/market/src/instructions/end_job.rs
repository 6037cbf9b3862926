use crate::{error::MarketError, event::JobEndAnnounced, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, now, same};
use registry::Node;

/// Accounts of `end_job`.
#[derive(Accounts, AccountTable)]
pub struct EndJob {
    /// The node's key; needs no funds.
    #[account(constraint = same(node_key.address(), &node.node_key) @ MarketError::NotNodeKey)]
    pub node_key: Signer,
    /// The job.
    #[account(mut)]
    pub job: State<Job>,
    /// The node that has it.
    #[account(constraint = same(node.address(), &job.node) @ MarketError::WrongAccount)]
    pub node: State<Node>,
}

impl EndJob {
    /// Lets the job end when the notice has passed. The node has to serve until then as before, and unless the work
    /// completes meanwhile its lease counts as failed.
    pub fn handle(&mut self) -> Result<()> {
        let now = now();
        let job = &mut self.job;
        require!(job.status == JobStatus::Running as u8, MarketError::NotRunning);
        let elapsed = job.elapsed(job.offset(now).ok_or(MarketError::Overflow)?);
        let shortened = elapsed.checked_add(END_NOTICE_SECONDS).ok_or(MarketError::Overflow)?;
        require!(shortened < job.max_duration.get(), MarketError::EndsSooner);
        job.max_duration = shortened.into();
        job.options |= ENDED_BY_NODE;
        JobEndAnnounced {
            job: *self.job.address(),
            node: self.job.node,
            elapsed_seconds: elapsed,
            max_duration: shortened,
        }
        .log();
        Ok(())
    }
}
