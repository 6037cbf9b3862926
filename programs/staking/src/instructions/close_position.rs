use crate::{error::StakingError, event::PositionClosed, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// Accounts of `close_position`.
#[derive(Accounts, AccountTable)]
pub struct ClosePosition {
    /// The staker.
    #[account(constraint = same(owner.address(), &position.owner) @ ProgramError::InvalidSeeds)]
    pub owner: Signer,
    /// The pool.
    #[account(mut, constraint = same(pool.address(), &position.pool) @ ProgramError::InvalidSeeds)]
    pub pool: State<Pool>,
    /// The staker's position.
    #[account(mut, close = rent_payer)]
    pub position: State<Position>,
    /// Who paid its rent.
    #[account(mut, unsafe(dup), constraint = same(rent_payer.address(), &position.rent_payer) @ StakingError::WrongRentPayer)]
    pub rent_payer: UncheckedAccount,
}

impl ClosePosition {
    /// Closes a position that holds nothing. Less than a base unit that it has earned is lost.
    pub fn handle(&mut self) -> Result<()> {
        let position = &mut self.position;
        position.settle(&self.pool)?;
        require!(
            position.shares.is_zero() && position.unbonding_count == 0,
            StakingError::PositionInUse
        );
        require!(position.rewards_owed.is_zero(), StakingError::RewardsOwed);
        let positions = self.pool.positions.checked_sub(1u32);
        self.pool.positions = positions.ok_or(StakingError::Overflow)?;
        PositionClosed {
            pool: *self.pool.address(),
            owner: *self.owner.address(),
        }
        .log();
        Ok(())
    }
}
