use crate::{error::StakingError, event::Withdrawn, state::*, vault};
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};
use pinocchio::sysvars::{Sysvar, clock::Clock};

/// Accounts of `withdraw`.
#[derive(Accounts)]
pub struct Withdraw {
    /// The staker.
    pub owner: Signer,
    /// The rules.
    #[account(seeds = [b"params"], bump = params.bump)]
    pub params: Account<StakingParams>,
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
    /// Mint of the stake.
    #[account(address = params.stake_mint @ StakingError::WrongMint)]
    pub stake_mint: InterfaceAccount<Mint>,
    /// Holds the pool's stake.
    #[account(mut, seeds = [b"stake", pool.address().as_ref()], bump = pool.stake_vault_bump)]
    pub stake_vault: InterfaceAccount<TokenAccount>,
    /// Where the stake goes: the staker's choice.
    #[account(mut)]
    pub destination: InterfaceAccount<TokenAccount>,
    /// Token program of the stake mint.
    #[account(address = params.token_program @ StakingError::WrongTokenProgram)]
    pub token_program: Interface<'static, TokenInterface>,
}

impl Withdraw {
    /// Pays every request that is due.
    pub fn handle(&mut self) -> Result<()> {
        let shares = self.position.take_due(Clock::get()?.unix_timestamp)?;
        require!(shares > 0, StakingError::NothingToWithdraw);
        let amount = self.pool.withdraw(shares)?;
        let (provider, bump) = (self.pool.provider, [self.pool.bump]);
        vault::transfer(
            self.token_program.address(),
            self.stake_vault.try_cpi_handle_mut()?,
            &self.stake_mint,
            self.destination.try_cpi_handle_mut()?,
            self.pool.cpi_handle(),
            &[&[b"pool", provider.as_ref(), &bump]],
            amount,
        )?;
        emit!(Withdrawn {
            pool: *self.pool.address(),
            owner: *self.owner.address(),
            amount,
            unbonding: self.pool.unbonding.get(),
        });
        Ok(())
    }
}
