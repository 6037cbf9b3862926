use crate::{error::MarketError, event::JobStarted, proof::verified_receipt, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, Instructions, State, now, same};
use gantry_core::receipt::ReceiptStatus;
use registry::Node;

/// Accounts of `start_job`.
#[derive(Accounts, AccountTable)]
pub struct StartJob {
    /// Rules of the market.
    pub params: State<MarketParams>,
    /// The job.
    #[account(mut)]
    pub job: State<Job>,
    /// The node that has it.
    #[account(constraint = same(node.address(), &job.node) @ MarketError::WrongAccount)]
    pub node: State<Node>,
    /// Where the receipt is read from.
    pub instructions: Instructions,
}

impl StartJob {
    fn validate(&self, now: i64, at: u32) -> Result<()> {
        let job = &self.job;
        require!(job.status == JobStatus::Assigned as u8, MarketError::NotAssigned);
        let waited = at.saturating_sub(job.active_at.get());
        require!(waited <= job.start_deadline.get(), MarketError::StartDeadlinePassed);
        let transaction = self.instructions.read();
        let receipt = verified_receipt(&transaction, &self.params, job, &self.node.node_key, now)?;
        require!(
            receipt.sequence() == 0 && receipt.served_seconds() == 0 && receipt.status() == ReceiptStatus::Running,
            MarketError::NotStartReceipt
        );
        Ok(())
    }

    /// Starts the clock.
    pub fn handle(&mut self) -> Result<()> {
        let now = now();
        let at = self.job.offset(now).ok_or(MarketError::Overflow)?;
        self.validate(now, at)?;
        let job = &mut self.job;
        job.status = JobStatus::Running as u8;
        job.started_at = at.into();
        job.active_at = at.into();
        job.checkpoint_at = at.into();
        job.sequence = 0u64.into();
        JobStarted {
            job: *self.job.address(),
            node: self.job.node,
            assignment: self.job.assignment.get(),
            started_at: now,
        }
        .log();
        Ok(())
    }
}
