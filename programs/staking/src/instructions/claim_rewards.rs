use crate::{error::StakingError, event::RewardsClaimed, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, MintAccount, State, TokenAccount, TokenProgram, same, signer, token, writable};

/// Accounts of `claim_rewards`.
#[derive(Accounts, AccountTable)]
pub struct ClaimRewards {
    /// The staker.
    #[account(constraint = same(owner.address(), &position.owner) @ ProgramError::InvalidSeeds)]
    pub owner: Signer,
    /// The pool.
    #[account(mut, constraint = same(pool.address(), &position.pool) @ ProgramError::InvalidSeeds)]
    pub pool: State<Pool>,
    /// The staker's position.
    #[account(mut)]
    pub position: State<Position>,
    /// Mint of the rewards.
    #[account(constraint = same(reward_mint.address(), &pool.reward_mint) @ StakingError::WrongMint)]
    pub reward_mint: MintAccount,
    /// Holds the pool's rewards.
    #[account(mut, constraint = same(reward_vault.address(), &pool.reward_vault(pool.address())) @ ProgramError::InvalidSeeds)]
    pub reward_vault: TokenAccount,
    /// Where the rewards go: the staker's choice.
    #[account(mut)]
    pub destination: TokenAccount,
    /// Token program of the reward mint.
    #[account(constraint = same(reward_token_program.address(), &pool.reward_token_program) @ StakingError::WrongTokenProgram)]
    pub reward_token_program: TokenProgram,
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
        token::transfer(
            self.reward_token_program.address(),
            writable(&mut self.reward_vault),
            &self.reward_mint,
            writable(&mut self.destination),
            signer(&self.pool),
            amount,
            &[b"pool", provider.as_ref(), &bump],
        )?;
        RewardsClaimed {
            pool: *self.pool.address(),
            owner: *self.owner.address(),
            amount,
        }
        .log();
        Ok(())
    }
}
