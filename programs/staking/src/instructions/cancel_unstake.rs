use crate::{event::UnstakeCancelled, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// Accounts of `cancel_unstake`.
#[derive(Accounts, AccountTable)]
pub struct CancelUnstake {
    /// The staker.
    #[account(constraint = same(owner.address(), &position.owner) @ ProgramError::InvalidSeeds)]
    pub owner: Signer,
    /// The pool.
    #[account(mut, constraint = same(pool.address(), &position.pool) @ ProgramError::InvalidSeeds)]
    pub pool: State<Pool>,
    /// The staker's position.
    #[account(mut)]
    pub position: State<Position>,
}

impl CancelUnstake {
    /// Moves stake from unbonding back to active.
    pub fn handle(&mut self, place: u8) -> Result<()> {
        let (pool, position) = (&mut self.pool, &mut self.position);
        position.settle(pool)?;
        let (amount, shares) = pool.rebond(position.remove_request(usize::from(place))?)?;
        position.add_shares(shares)?;
        UnstakeCancelled {
            pool: *self.pool.address(),
            owner: *self.owner.address(),
            amount,
            shares,
            active: self.pool.active.get(),
            unbonding: self.pool.unbonding.get(),
        }
        .log();
        Ok(())
    }
}
