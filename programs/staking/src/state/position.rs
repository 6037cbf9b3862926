use super::Pool;
use crate::error::StakingError;
use anchor_lang::prelude::*;
use common::{Stored, seeds, state::Seeds};

/// Requests to unstake that one position can have under way.
pub const MAX_UNBONDING: usize = 8;

/// Stake on its way out.
#[derive(Clone, Copy, IdlType, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Unbonding {
    /// Shares of the pool's unbonding stake.
    pub shares: PodU128,
    /// When it may be withdrawn, Unix seconds.
    pub unlocks_at: PodI64,
}

/// One staker's part of one pool. Seeds `"position", pool, owner`.
#[account]
pub struct Position {
    /// The pool.
    pub pool: Address,
    /// Who staked.
    pub owner: Address,
    /// Who paid the rent of this account.
    pub rent_payer: Address,
    /// Shares of the pool's active stake.
    pub shares: PodU128,
    /// The pool's reward index up to which `rewards_owed` is counted.
    pub reward_index: PodU128,
    /// Part of a base unit that is owed beside `rewards_owed`, in 1/2⁶⁴.
    pub reward_fraction: PodU64,
    /// Revenue to claim, base units of the reward mint.
    pub rewards_owed: PodU64,
    /// Stake on its way out; the first `unbonding_count` places count, oldest first.
    pub unbonding: [Unbonding; 8],
    /// Requests under way.
    pub unbonding_count: u8,
    /// The pool's `wipes` when `shares` was last counted: a higher number there means that they are worth nothing.
    pub wipes: u8,
    /// Canonical bump.
    pub bump: u8,
}

impl Stored for Position {
    const SEEDS: Seeds = seeds!(Position: b"position", pool, owner);
}

impl Position {
    /// Counts the rewards up to now, and drops the shares that a full slash made worthless. Comes before any change of
    /// `shares`.
    ///
    /// Exact: the product is at most all revenue of the pool · 2⁶⁴, as at each rise of the index the position's shares
    /// were among those that it was divided by.
    ///
    /// # Errors
    /// [`StakingError::Overflow`] never on accounts that this program wrote.
    pub fn settle(&mut self, pool: &Pool) -> core::result::Result<(), StakingError> {
        let wiped = self.wipes < pool.wipes;
        let end = if wiped {
            pool.wiped_reward_index
                .get(usize::from(self.wipes))
                .ok_or(StakingError::Overflow)?
        } else {
            &pool.reward_index
        };
        let rise = end
            .get()
            .checked_sub(self.reward_index.get())
            .ok_or(StakingError::Overflow)?;
        let earned = rise
            .checked_mul(self.shares.get())
            .and_then(|e| e.checked_add(u128::from(self.reward_fraction.get())))
            .ok_or(StakingError::Overflow)?;
        let owed = self
            .rewards_owed
            .get()
            .checked_add((earned >> 64) as u64)
            .ok_or(StakingError::Overflow)?;
        self.rewards_owed = owed.into();
        self.reward_fraction = (earned as u64).into();
        self.reward_index = pool.reward_index;
        if wiped {
            self.shares = 0u128.into();
            self.wipes = pool.wipes;
        }
        Ok(())
    }

    /// Adds `minted` active shares to a settled position.
    ///
    /// # Errors
    /// [`StakingError::Overflow`].
    pub fn add_shares(&mut self, minted: u128) -> core::result::Result<(), StakingError> {
        self.shares = self
            .shares
            .get()
            .checked_add(minted)
            .ok_or(StakingError::Overflow)?
            .into();
        Ok(())
    }

    /// Takes `shares` active shares from a settled position.
    ///
    /// # Errors
    /// [`StakingError::InsufficientShares`].
    pub fn take_shares(&mut self, shares: u128) -> core::result::Result<(), StakingError> {
        self.shares = self
            .shares
            .get()
            .checked_sub(shares)
            .ok_or(StakingError::InsufficientShares)?
            .into();
        Ok(())
    }

    /// Notes a request to unstake. Unlock times never fall, so the last place is the latest.
    ///
    /// # Errors
    /// [`StakingError::TooManyRequests`].
    pub fn push_request(&mut self, shares: u128, unlocks_at: i64) -> core::result::Result<(), StakingError> {
        let place = self
            .unbonding
            .get_mut(usize::from(self.unbonding_count))
            .ok_or(StakingError::TooManyRequests)?;
        *place = Unbonding {
            shares: shares.into(),
            unlocks_at: unlocks_at.into(),
        };
        self.unbonding_count += 1;
        Ok(())
    }

    /// Removes the request at `place`; gives its shares of the unbonding stake.
    ///
    /// # Errors
    /// [`StakingError::UnknownRequest`].
    pub fn remove_request(&mut self, place: usize) -> core::result::Result<u128, StakingError> {
        let count = usize::from(self.unbonding_count);
        let requests = self
            .unbonding
            .get_mut(place..count)
            .ok_or(StakingError::UnknownRequest)?;
        let first = requests.first().ok_or(StakingError::UnknownRequest)?.shares.get();
        requests.rotate_left(1);
        self.unbonding[count - 1] = bytemuck::Zeroable::zeroed();
        self.unbonding_count -= 1;
        Ok(first)
    }

    /// Removes the requests that are due at `now` (Unix seconds); gives their shares together, 0 where none is due.
    ///
    /// # Errors
    /// [`StakingError::Overflow`].
    pub fn take_due(&mut self, now: i64) -> core::result::Result<u128, StakingError> {
        let mut shares = 0u128;
        while self.unbonding_count > 0 && self.unbonding[0].unlocks_at.get() <= now {
            shares = shares
                .checked_add(self.remove_request(0)?)
                .ok_or(StakingError::Overflow)?;
        }
        Ok(shares)
    }
}

#[cfg(test)]
#[path = "position_tests.rs"]
mod tests;
