use crate::{error::StakingError, event::UnstakeRequested, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, now, same};

/// Accounts of `request_unstake`.
#[derive(Accounts, AccountTable)]
pub struct RequestUnstake {
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
}

impl RequestUnstake {
    /// Moves stake from active to unbonding.
    pub fn handle(&mut self, shares: u128) -> Result<()> {
        require!(shares > 0, StakingError::ZeroAmount);
        let now = now();
        let (pool, position) = (&mut self.pool, &mut self.position);
        position.settle(pool)?;
        position.take_shares(shares)?;
        let (amount, unbonding_shares) = pool.unbond(shares)?;
        let left = position.shares.get();
        let enough = left == 0 || pool.active_tranche().value(left)? >= self.params.minimum_position_stake.get();
        require!(enough, StakingError::PositionTooSmall);

        let unlocks_at = now
            .checked_add(i64::from(self.params.unbonding_seconds.get()))
            .ok_or(StakingError::Overflow)?;
        if unbonding_shares > 0 {
            position.push_request(unbonding_shares, unlocks_at)?;
        }
        UnstakeRequested {
            pool: *self.pool.address(),
            owner: *self.owner.address(),
            amount,
            shares,
            unbonding_shares,
            unlocks_at,
            active: self.pool.active.get(),
            unbonding: self.pool.unbonding.get(),
        }
        .log();
        Ok(())
    }
}
