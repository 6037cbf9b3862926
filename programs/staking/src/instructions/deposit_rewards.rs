use super::release::share;
use crate::{error::StakingError, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, TokenAccount, same};
use registry::Network;

/// Accounts of `deposit_rewards`.
#[derive(Accounts, AccountTable)]
pub struct DepositRewards {
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

impl DepositRewards {
    /// Shares `amount` that the vault has received among the stakers.
    pub fn handle(&mut self, amount: u64) -> Result<()> {
        share(&mut self.pool, &self.reward_vault, amount)
    }
}
