use crate::{error::StakingError, event::Bonded, state::*};
use anchor_lang::prelude::*;
use registry::Network;

/// Accounts of `bond`.
#[derive(Accounts)]
pub struct Bond {
    /// The market's PDA `["authority"]`.
    #[account(address = network.market_authority @ StakingError::NotMarket)]
    pub market_authority: Signer,
    /// The network.
    #[account(seeds = [b"network"], bump = network.bump, seeds::program = registry::ID)]
    pub network: Account<Network>,
    /// The rules.
    #[account(seeds = [b"params"], bump = params.bump)]
    pub params: Account<StakingParams>,
    /// The pool of the job's provider.
    #[account(mut, seeds = [b"pool", pool.provider.as_ref()], bump = pool.bump)]
    pub pool: Account<Pool>,
}

impl Bond {
    /// Sets `amount` aside.
    pub fn handle(&mut self, amount: u64) -> Result<()> {
        self.pool.bond(amount, self.params.minimum_pool_stake.get())?;
        emit!(Bonded {
            pool: *self.pool.address(),
            amount,
            bonded: self.pool.bonded.get()
        });
        Ok(())
    }
}
