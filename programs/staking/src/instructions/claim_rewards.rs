use crate::{error::StakingError, event::RewardsClaimed, state::*, vault};
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};

/// Accounts of `claim_rewards`.
#[derive(Accounts)]
pub struct ClaimRewards {
    /// The staker.
    pub owner: Signer,
    /// The pool.
    #[account(mut, seeds = [b"pool", pool.provider.as_ref()], bump = pool.bump)]
    pub pool: Account<Pool>,
    /// The staker's position.
    #[account(
        mut,
        seeds = [b"position", pool.address().as_ref(), owner.address().as_ref()],
        bump = position.bump
    )]
    pub position: Account<Position>,
    /// Mint of the rewards.
    #[account(address = pool.reward_mint @ StakingError::WrongMint)]
    pub reward_mint: InterfaceAccount<Mint>,
    /// Holds the pool's rewards.
    #[account(mut, seeds = [b"rewards", pool.address().as_ref()], bump = pool.reward_vault_bump)]
    pub reward_vault: InterfaceAccount<TokenAccount>,
    /// Where the rewards go: the staker's choice.
    #[account(mut)]
    pub destination: InterfaceAccount<TokenAccount>,
    /// Token program of the reward mint.
    #[account(address = pool.reward_token_program @ StakingError::WrongTokenProgram)]
    pub reward_token_program: Interface<'static, TokenInterface>,
}

impl ClaimRewards {
    /// Pays what the position has earned.
    pub fn handle(&mut self) -> Result<()> {
        self.position.settle(&self.pool)?;
        let amount = self.position.rewards_owed.get();
        require!(amount > 0, StakingError::NothingToClaim);
        self.position.rewards_owed = 0.into();
        self.pool.rewards_unclaimed = self
            .pool
            .rewards_unclaimed
            .checked_sub(amount)
            .ok_or(StakingError::Overflow)?;
        let (provider, bump) = (self.pool.provider, [self.pool.bump]);
        vault::transfer(
            self.reward_token_program.address(),
            self.reward_vault.try_cpi_handle_mut()?,
            &self.reward_mint,
            self.destination.try_cpi_handle_mut()?,
            self.pool.cpi_handle(),
            &[&[b"pool", provider.as_ref(), &bump]],
            amount,
        )?;
        emit!(RewardsClaimed {
            pool: *self.pool.address(),
            owner: *self.owner.address(),
            amount
        });
        Ok(())
    }
}
