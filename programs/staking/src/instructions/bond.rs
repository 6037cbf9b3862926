use crate::{error::StakingError, event::Bonded, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};
use registry::Network;

/// Accounts of `bond`.
#[derive(Accounts, AccountTable)]
pub struct Bond {
    /// The market's PDA `["authority"]`.
    #[account(constraint = same(market_authority.address(), &network.market_authority) @ StakingError::NotMarket)]
    pub market_authority: Signer,
    /// The network.
    pub network: State<Network>,
    /// The rules.
    pub params: State<StakingParams>,
    /// The pool of the job's provider.
    #[account(mut)]
    pub pool: State<Pool>,
}

impl Bond {
    /// Sets `amount` aside.
    pub fn handle(&mut self, amount: u64) -> Result<()> {
        self.pool.bond(amount, self.params.minimum_pool_stake.get())?;
        Bonded {
            pool: *self.pool.address(),
            amount,
            bonded: self.pool.bonded.get(),
        }
        .log();
        Ok(())
    }
}
