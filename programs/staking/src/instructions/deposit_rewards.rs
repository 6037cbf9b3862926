use crate::{error::StakingError, event::RewardsDeposited, state::*};
use anchor_lang::prelude::*;
use anchor_spl::token_interface::TokenAccount;
use registry::Network;

/// Accounts of `deposit_rewards`.
#[derive(Accounts)]
pub struct DepositRewards {
    /// The market's PDA `["authority"]`.
    #[account(address = network.market_authority @ StakingError::NotMarket)]
    pub market_authority: Signer,
    /// The network.
    #[account(seeds = [b"network"], bump = network.bump, seeds::program = registry::ID)]
    pub network: Account<Network>,
    /// The pool of the job's provider.
    #[account(mut, seeds = [b"pool", pool.provider.as_ref()], bump = pool.bump)]
    pub pool: Account<Pool>,
    /// Holds the pool's rewards.
    #[account(seeds = [b"rewards", pool.address().as_ref()], bump = pool.reward_vault_bump)]
    pub reward_vault: InterfaceAccount<TokenAccount>,
}

impl DepositRewards {
    /// Shares `amount` that the vault has received among the stakers.
    pub fn handle(&mut self, amount: u64) -> Result<()> {
        self.pool.add_rewards(amount)?;
        // What is counted must be there; what is there beyond it, nobody counts.
        require!(
            self.reward_vault.amount() >= self.pool.rewards_unclaimed.get(),
            StakingError::RewardsNotReceived
        );
        emit!(RewardsDeposited {
            pool: *self.pool.address(),
            amount,
            reward_index: self.pool.reward_index.get(),
        });
        Ok(())
    }
}
