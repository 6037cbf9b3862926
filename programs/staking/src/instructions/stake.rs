use crate::{error::StakingError, event::Staked, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, MintAccount, State, TokenAccount, TokenProgram, same, signer, token, writable};

/// Accounts of `stake`.
#[derive(Accounts, AccountTable)]
pub struct Stake {
    /// Who stakes.
    pub owner: Signer,
    /// Pays the rent of a new position.
    #[account(mut, unsafe(dup))]
    pub payer: Signer,
    /// The rules.
    pub params: State<StakingParams>,
    /// The pool.
    #[account(mut)]
    pub pool: State<Pool>,
    /// The staker's position, created with the first stake.
    #[account(
        init_if_needed,
        payer = payer,
        seeds = [b"position", pool.address().as_ref(), owner.address().as_ref()],
        bump
    )]
    pub position: State<Position>,
    /// Mint of the stake.
    #[account(constraint = same(stake_mint.address(), &params.stake_mint) @ StakingError::WrongMint)]
    pub stake_mint: MintAccount,
    /// Holds the pool's stake.
    #[account(mut, constraint = same(stake_vault.address(), &pool.stake_vault(pool.address())) @ ProgramError::InvalidSeeds)]
    pub stake_vault: TokenAccount,
    /// Where the stake comes from.
    #[account(mut, constraint = same(source.mint(), &params.stake_mint) @ StakingError::WrongMint)]
    pub source: TokenAccount,
    /// Token program of the stake mint.
    #[account(constraint = same(token_program.address(), &params.token_program) @ StakingError::WrongTokenProgram)]
    pub token_program: TokenProgram,
    /// Creates the position.
    pub system_program: Program<System>,
}

impl Stake {
    /// Stakes what the vault receives.
    pub fn handle(&mut self, amount: u64) -> Result<()> {
        require!(amount > 0, StakingError::ZeroAmount);
        self.open_position()?;
        self.position.settle(&self.pool)?;

        let before = self.stake_vault.amount();
        token::transfer(
            self.token_program.address(),
            writable(&mut self.source),
            &self.stake_mint,
            writable(&mut self.stake_vault),
            signer(&self.owner),
            amount,
            &[],
        )?;
        let received = self
            .stake_vault
            .amount()
            .checked_sub(before)
            .ok_or(StakingError::Overflow)?;

        let shares = self.pool.deposit(received)?;
        self.position.add_shares(shares)?;
        // Rounding may take a unit of what just came in: that does not make it too small.
        let minimum = self.params.minimum_position_stake.get();
        let value = self.pool.active_tranche().value(self.position.shares.get())?;
        require!(
            shares > 0 && value.max(received) >= minimum,
            StakingError::PositionTooSmall
        );
        Staked {
            pool: *self.pool.address(),
            owner: *self.owner.address(),
            amount: received,
            shares,
            position_shares: self.position.shares.get(),
            active: self.pool.active.get(),
        }
        .log();
        Ok(())
    }

    /// Fills a position that this instruction created.
    fn open_position(&mut self) -> Result<()> {
        // No pool has the address zero: the position is new.
        if !same(&self.position.pool, &Address::default()) {
            return Ok(());
        }
        let (position, pool) = (&mut self.position, &mut self.pool);
        position.pool = *pool.address();
        position.owner = *self.owner.address();
        position.rent_payer = *self.payer.address();
        position.reward_index = pool.reward_index;
        position.wipes = pool.wipes;
        pool.positions = pool.positions.checked_add(1u32).ok_or(StakingError::Overflow)?;
        Ok(())
    }
}
