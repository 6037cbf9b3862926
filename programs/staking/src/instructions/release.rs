use crate::{
    error::StakingError,
    event::{Released, RewardsDeposited},
    state::*,
};
use anchor_lang::prelude::*;
use common::{AccountTable, State, TokenAccount, same};
use registry::Network;

/// Accounts of `release`.
#[derive(Accounts, AccountTable)]
pub struct Release {
    /// The market's PDA `["authority"]`.
    #[account(constraint = same(market_authority.address(), &network.market_authority) @ StakingError::NotMarket)]
    pub market_authority: Signer,
    /// The network.
    pub network: State<Network>,
    /// The pool of the job's provider.
    #[account(mut)]
    pub pool: State<Pool>,
    /// Holds the pool's rewards.
    #[account(constraint = same(reward_vault.address(), &pool.reward_vault(pool.address())) @ ProgramError::InvalidSeeds)]
    pub reward_vault: TokenAccount,
}

impl Release {
    /// Gives `bond` back, and shares `rewards` that the vault has received among the stakers.
    pub fn handle(&mut self, bond: u64, rewards: u64) -> Result<()> {
        self.pool.release(bond)?;
        let pool = *self.pool.address();
        Released {
            pool,
            amount: bond,
            bonded: self.pool.bonded.get(),
        }
        .log();
        if rewards == 0 {
            return Ok(());
        }
        share(&mut self.pool, &self.reward_vault, rewards)
    }
}

/// Counts `rewards` for the stakers. What is counted must be in the vault; what is there beyond it, nobody counts.
#[inline(never)]
pub(crate) fn share(pool: &mut State<Pool>, vault: &TokenAccount, rewards: u64) -> Result<()> {
    pool.add_rewards(rewards)?;
    require!(
        vault.amount() >= pool.rewards_unclaimed.get(),
        StakingError::RewardsNotReceived
    );
    RewardsDeposited {
        pool: *pool.address(),
        amount: rewards,
        reward_index: pool.reward_index.get(),
    }
    .log();
    Ok(())
}
