use crate::{error::StakingError, event::Staked, state::*, vault};
use anchor_lang::prelude::*;
use anchor_spl::{
    token,
    token_interface::{Mint, TokenAccount, TokenInterface},
};

/// Accounts of `stake`.
#[derive(Accounts)]
pub struct Stake {
    /// Who stakes.
    pub owner: Signer,
    /// Pays the rent of a new position.
    #[account(mut, unsafe(dup))]
    pub payer: Signer,
    /// The rules.
    #[account(seeds = [b"params"], bump = params.bump)]
    pub params: Account<StakingParams>,
    /// The pool.
    #[account(mut, seeds = [b"pool", pool.provider.as_ref()], bump = pool.bump)]
    pub pool: Account<Pool>,
    /// The staker's position, created with the first stake.
    #[account(
        init_if_needed,
        payer = payer,
        seeds = [b"position", pool.address().as_ref(), owner.address().as_ref()],
        bump
    )]
    pub position: Account<Position>,
    /// Mint of the stake.
    #[account(address = params.stake_mint @ StakingError::WrongMint)]
    pub stake_mint: InterfaceAccount<Mint>,
    /// Holds the pool's stake.
    #[account(mut, seeds = [b"stake", pool.address().as_ref()], bump = pool.stake_vault_bump)]
    pub stake_vault: InterfaceAccount<TokenAccount>,
    /// Where the stake comes from.
    #[account(mut, token::mint = stake_mint)]
    pub source: InterfaceAccount<TokenAccount>,
    /// Token program of the stake mint.
    #[account(address = params.token_program @ StakingError::WrongTokenProgram)]
    pub token_program: Interface<'static, TokenInterface>,
    /// Creates the position.
    pub system_program: Program<System>,
}

impl Stake {
    /// Stakes what the vault receives.
    pub fn handle(&mut self, amount: u64, bumps: &StakeBumps) -> Result<()> {
        require!(amount > 0, StakingError::ZeroAmount);
        self.open_position(bumps)?;
        self.position.settle(&self.pool)?;

        let before = self.stake_vault.amount();
        vault::transfer(
            self.token_program.address(),
            self.source.try_cpi_handle_mut()?,
            &self.stake_mint,
            self.stake_vault.try_cpi_handle_mut()?,
            self.owner.cpi_handle(),
            &[],
            amount,
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
        emit!(Staked {
            pool: *self.pool.address(),
            owner: *self.owner.address(),
            amount: received,
            shares,
            position_shares: self.position.shares.get(),
            active: self.pool.active.get(),
        });
        Ok(())
    }

    /// Fills a position that this instruction created.
    fn open_position(&mut self, bumps: &StakeBumps) -> Result<()> {
        // No pool has the address zero: the position is new.
        if self.position.pool != Address::default() {
            return Ok(());
        }
        let (position, pool) = (&mut self.position, &mut self.pool);
        position.pool = *pool.address();
        position.owner = *self.owner.address();
        position.rent_payer = *self.payer.address();
        position.reward_index = pool.reward_index;
        position.wipes = pool.wipes;
        position.bump = bumps.position;
        pool.positions = pool.positions.checked_add(1u32).ok_or(StakingError::Overflow)?;
        Ok(())
    }
}
