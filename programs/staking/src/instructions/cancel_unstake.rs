use crate::{event::UnstakeCancelled, state::*};
use anchor_lang::prelude::*;

/// Accounts of `cancel_unstake`.
#[derive(Accounts)]
pub struct CancelUnstake {
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
}

impl CancelUnstake {
    /// Moves stake from unbonding back to active.
    pub fn handle(&mut self, place: u8) -> Result<()> {
        let (pool, position) = (&mut self.pool, &mut self.position);
        position.settle(pool)?;
        let (amount, shares) = pool.rebond(position.remove_request(usize::from(place))?)?;
        position.add_shares(shares)?;
        emit!(UnstakeCancelled {
            pool: *self.pool.address(),
            owner: *self.owner.address(),
            amount,
            shares,
            active: self.pool.active.get(),
            unbonding: self.pool.unbonding.get(),
        });
        Ok(())
    }
}
