use crate::{error::MarketError, event::ResultAccepted, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// Accounts of `accept_result`.
#[derive(Accounts, AccountTable)]
pub struct AcceptResult {
    /// The customer's wallet.
    #[account(constraint = same(wallet.address(), &job.customer) @ MarketError::NotCustomer)]
    pub wallet: Signer,
    /// The job.
    #[account(mut)]
    pub job: State<Job>,
}

impl AcceptResult {
    /// Waives the dispute window. Only with a final receipt: a customer that has just stopped a job cannot use this to
    /// settle before the node has proven its last seconds.
    pub fn handle(&mut self) -> Result<()> {
        let job = &mut self.job;
        require!(job.status == JobStatus::Finished as u8, MarketError::NotEnded);
        let final_receipt = [JobOutcome::Completed as u8, JobOutcome::Failed as u8].contains(&job.outcome);
        require!(final_receipt || job.output_digest != [0; 32], MarketError::NoResult);
        job.options |= ACCEPTED;
        ResultAccepted {
            job: *self.job.address(),
        }
        .log();
        Ok(())
    }
}
