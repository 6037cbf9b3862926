use crate::{error::MarketError, event::SecondsReleased, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// Accounts of `acknowledge`.
#[derive(Accounts, AccountTable)]
pub struct Acknowledge {
    /// The customer's wallet.
    #[account(constraint = same(wallet.address(), &job.customer) @ MarketError::NotCustomer)]
    pub wallet: Signer,
    /// The job.
    #[account(mut)]
    pub job: State<Job>,
}

impl Acknowledge {
    /// Releases the first `seconds` that were proven. What is released stays so: fewer than before change nothing.
    pub fn handle(&mut self, seconds: u32) -> Result<()> {
        let job = &mut self.job;
        require!(job.status == JobStatus::Running as u8, MarketError::NotRunning);
        require!(seconds <= job.served_seconds.get(), MarketError::BeyondProven);
        let released_seconds = job.released_seconds.get().max(seconds);
        job.released_seconds = released_seconds.into();
        SecondsReleased {
            job: *self.job.address(),
            released_seconds,
        }
        .log();
        Ok(())
    }
}
