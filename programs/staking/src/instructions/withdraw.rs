use crate::{error::StakingError, event::Withdrawn, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, MintAccount, State, TokenAccount, TokenProgram, now, same, signer, token, writable};

/// Accounts of `withdraw`.
#[derive(Accounts, AccountTable)]
pub struct Withdraw {
    /// The staker.
    #[account(constraint = same(owner.address(), &position.owner) @ ProgramError::InvalidSeeds)]
    pub owner: Signer,
    /// The rules.
    pub params: State<StakingParams>,
    /// The pool.
    #[account(mut, constraint = same(pool.address(), &position.pool) @ ProgramError::InvalidSeeds)]
    pub pool: State<Pool>,
    /// The staker's position.
    #[account(mut)]
    pub position: State<Position>,
    /// Mint of the stake.
    #[account(constraint = same(stake_mint.address(), &params.stake_mint) @ StakingError::WrongMint)]
    pub stake_mint: MintAccount,
    /// Holds the pool's stake.
    #[account(mut, constraint = same(stake_vault.address(), &pool.stake_vault(pool.address())) @ ProgramError::InvalidSeeds)]
    pub stake_vault: TokenAccount,
    /// Where the stake goes: the staker's choice.
    #[account(mut)]
    pub destination: TokenAccount,
    /// Token program of the stake mint.
    #[account(constraint = same(token_program.address(), &params.token_program) @ StakingError::WrongTokenProgram)]
    pub token_program: TokenProgram,
}

impl Withdraw {
    /// Pays every request that is due.
    pub fn handle(&mut self) -> Result<()> {
        let shares = self.position.take_due(now())?;
        require!(shares > 0, StakingError::NothingToWithdraw);
        let amount = self.pool.withdraw(shares)?;
        let (provider, bump) = (self.pool.provider, [self.pool.bump]);
        token::transfer(
            self.token_program.address(),
            writable(&mut self.stake_vault),
            &self.stake_mint,
            writable(&mut self.destination),
            signer(&self.pool),
            amount,
            &[b"pool", provider.as_ref(), &bump],
        )?;
        Withdrawn {
            pool: *self.pool.address(),
            owner: *self.owner.address(),
            amount,
            unbonding: self.pool.unbonding.get(),
        }
        .log();
        Ok(())
    }
}
