use crate::{error::StakingError, event::Released, state::*};
use anchor_lang::prelude::*;
use registry::Network;

/// Accounts of `release`.
#[derive(Accounts)]
pub struct Release {
    /// The market's PDA `["authority"]`.
    #[account(address = network.market_authority @ StakingError::NotMarket)]
    pub market_authority: Signer,
    /// The network.
    #[account(seeds = [b"network"], bump = network.bump, seeds::program = registry::ID)]
    pub network: Account<Network>,
    /// The pool of the job's provider.
    #[account(mut, seeds = [b"pool", pool.provider.as_ref()], bump = pool.bump)]
    pub pool: Account<Pool>,
}

impl Release {
    /// Gives `amount` back.
    pub fn handle(&mut self, amount: u64) -> Result<()> {
        self.pool.release(amount)?;
        emit!(Released {
            pool: *self.pool.address(),
            amount,
            bonded: self.pool.bonded.get()
        });
        Ok(())
    }
}
