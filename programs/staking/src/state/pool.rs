use super::Tranche;
use crate::error::StakingError;
use anchor_lang::prelude::*;
use common::{Stored, pda, seeds, state::Seeds, table::ChildSeeds};

/// Times that a pool can lose its whole active stake before it takes no new one.
pub const MAX_WIPES: usize = 4;

/// A slash that leaves less than one part in this many of the active stake counts as a full one. Otherwise shares could
/// stay over next to nothing, and each new stake would multiply their number.
const DUST: u128 = 1 << 20;

/// Least price of an unbonding share, as 2 to the minus this, base units. Below it a slash spares the unbonding stake and
/// takes all of it from the active, which always covers it: otherwise slash after slash could bring the price so low
/// that the shares of what is unstaked next could not be counted, and nobody could leave any more.
const LEAST_UNBONDING_PRICE: u32 = 60;

/// The whole, in basis points.
pub const BPS: u16 = 10_000;

/// The stake behind one provider. Seeds `"pool", provider`.
///
/// Its stake vault (`"stake", pool`) holds `active + unbonding` and whatever dust was sent there; its reward vault
/// (`"rewards", pool`) holds `rewards_unclaimed`. The numbers here count, not the balances.
#[account]
pub struct Pool {
    /// The registry's provider account.
    pub provider: Address,
    /// Mint that revenue is shared in: the payment mint that the provider's nodes are listed in.
    pub reward_mint: Address,
    /// Token program of the reward mint.
    pub reward_token_program: Address,
    /// Who paid the rent of this account and of its vaults.
    pub rent_payer: Address,
    /// Shares of the active stake.
    pub active_shares: PodU128,
    /// Shares of the unbonding stake.
    pub unbonding_shares: PodU128,
    /// Revenue per active share since the pool was created, base units of the reward mint in Q64.64.
    pub reward_index: PodU128,
    /// What the last division left over, so that rewards are exact to the base unit over any history.
    pub reward_remainder: PodU128,
    /// The reward index when the n-th slash took the whole active stake, for the first `wipes` places. The shares of
    /// that time are worth nothing and earn up to there.
    pub wiped_reward_index: [PodU128; 4],
    /// Active stake, base units.
    pub active: PodU64,
    /// Stake on its way out, still slashable, base units.
    pub unbonding: PodU64,
    /// Part of the active stake that answers for running jobs, base units.
    pub bonded: PodU64,
    /// Revenue that stakers have not claimed, base units of the reward mint.
    pub rewards_unclaimed: PodU64,
    /// Stake slashed so far, base units.
    pub slashed_total: PodU64,
    /// Revenue shared with stakers so far, base units of the reward mint.
    pub rewards_total: PodU64,
    /// When the announced commission applies, Unix seconds; 0 when none is announced.
    pub commission_change_at: PodI64,
    /// Stakers.
    pub positions: PodU32,
    /// Share of the revenue that the provider keeps, basis points; stakers get the rest.
    pub commission_bps: PodU16,
    /// The announced commission.
    pub pending_commission_bps: PodU16,
    /// Slashes that took the whole active stake, at most [`MAX_WIPES`].
    pub wipes: u8,
    /// Canonical bump.
    pub bump: u8,
    /// Canonical bump of the stake vault.
    pub stake_vault_bump: u8,
    /// Canonical bump of the reward vault.
    pub reward_vault_bump: u8,
}

impl Stored for Pool {
    const SEEDS: Seeds = seeds!(Pool: b"pool", provider);
}

impl Pool {
    /// How the address of the stake vault follows.
    pub const STAKE_VAULT: ChildSeeds = ChildSeeds {
        prefix: b"stake",
        bump_at: core::mem::offset_of!(Pool, stake_vault_bump) as u16,
        program: crate::ID,
    };

    /// How the address of the reward vault follows.
    pub const REWARD_VAULT: ChildSeeds = ChildSeeds {
        prefix: b"rewards",
        bump_at: core::mem::offset_of!(Pool, reward_vault_bump) as u16,
        program: crate::ID,
    };

    /// The token account that holds the stake of the pool at `address`.
    pub fn stake_vault(&self, address: &Address) -> Address {
        pda::address(&[b"stake", address.as_ref(), &[self.stake_vault_bump]], &crate::ID)
    }

    /// The token account that holds the revenue of the pool at `address`.
    pub fn reward_vault(&self, address: &Address) -> Address {
        pda::address(&[b"rewards", address.as_ref(), &[self.reward_vault_bump]], &crate::ID)
    }
}

/// Which stake bears a slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlashSource {
    /// Taken from the active stake, base units.
    pub active: u64,
    /// Taken from the unbonding stake, base units.
    pub unbonding: u64,
}

impl Pool {
    /// The active stake and its shares.
    #[must_use]
    pub fn active_tranche(&self) -> Tranche {
        Tranche {
            shares: self.active_shares.get(),
            stake: self.active.get(),
        }
    }

    /// The unbonding stake and its shares.
    #[must_use]
    pub fn unbonding_tranche(&self) -> Tranche {
        Tranche {
            shares: self.unbonding_shares.get(),
            stake: self.unbonding.get(),
        }
    }

    fn set_unbonding(&mut self, tranche: Tranche) {
        self.unbonding_shares = tranche.shares.into();
        self.unbonding = tranche.stake.into();
    }

    fn set_active(&mut self, tranche: Tranche) {
        self.active_shares = tranche.shares.into();
        self.active = tranche.stake.into();
    }

    /// Adds `amount` to the active stake; says how many shares that gives.
    ///
    /// # Errors
    /// [`StakingError::PoolRetired`] after [`MAX_WIPES`] full slashes, [`StakingError::PriceExhausted`],
    /// [`StakingError::Overflow`].
    pub fn deposit(&mut self, amount: u64) -> core::result::Result<u128, StakingError> {
        if usize::from(self.wipes) >= MAX_WIPES {
            return Err(StakingError::PoolRetired);
        }
        let (tranche, minted) = self.active_tranche().deposit(amount)?;
        self.set_active(tranche);
        Ok(minted)
    }

    /// Moves `shares` of the active stake to the unbonding stake; says which amount that was and how many shares of the
    /// unbonding stake it gave. Both are zero where the shares are worth nothing.
    ///
    /// # Errors
    /// [`StakingError::StakeBonded`] where the active stake would no longer cover the bonds;
    /// [`StakingError::InsufficientShares`], [`StakingError::PriceExhausted`], [`StakingError::Overflow`].
    pub fn unbond(&mut self, shares: u128) -> core::result::Result<(u64, u128), StakingError> {
        let (active, amount) = self.active_tranche().redeem(shares)?;
        if active.stake < self.bonded.get() {
            return Err(StakingError::StakeBonded);
        }
        let (unbonding, minted) = self.unbonding_tranche().deposit(amount)?;
        self.set_active(active);
        if minted == 0 {
            // Less than one share of the unbonding stake is worth: nobody could withdraw it.
            return Ok((0, 0));
        }
        self.set_unbonding(unbonding);
        Ok((amount, minted))
    }

    /// Moves `shares` of the unbonding stake back to the active stake; says which amount that was and how many active
    /// shares it gave.
    ///
    /// # Errors
    /// As [`deposit`](Self::deposit) and [`withdraw`](Self::withdraw).
    pub fn rebond(&mut self, shares: u128) -> core::result::Result<(u64, u128), StakingError> {
        let amount = self.withdraw(shares)?;
        Ok((amount, self.deposit(amount)?))
    }

    /// Takes `shares` out of the unbonding stake; says which amount that was.
    ///
    /// # Errors
    /// [`StakingError::InsufficientShares`], [`StakingError::Overflow`].
    pub fn withdraw(&mut self, shares: u128) -> core::result::Result<u64, StakingError> {
        let (unbonding, amount) = self.unbonding_tranche().redeem(shares)?;
        self.set_unbonding(unbonding);
        Ok(amount)
    }

    /// Sets `amount` of the active stake aside for a job; `minimum` is the least active stake that takes jobs.
    ///
    /// # Errors
    /// [`StakingError::PoolTooSmall`], [`StakingError::InsufficientStake`] where too little of it is free.
    pub fn bond(&mut self, amount: u64, minimum: u64) -> core::result::Result<(), StakingError> {
        let (active, bonded) = (self.active.get(), self.bonded.get());
        if active < minimum {
            return Err(StakingError::PoolTooSmall);
        }
        let bonded = bonded
            .checked_add(amount)
            .filter(|b| *b <= active)
            .ok_or(StakingError::InsufficientStake)?;
        self.bonded = bonded.into();
        Ok(())
    }

    /// Gives the bond of a job back.
    ///
    /// # Errors
    /// [`StakingError::AboveBonded`].
    pub fn release(&mut self, amount: u64) -> core::result::Result<(), StakingError> {
        self.bonded = self
            .bonded
            .get()
            .checked_sub(amount)
            .ok_or(StakingError::AboveBonded)?
            .into();
        Ok(())
    }

    /// Takes `amount` of the stake for a fault of the job that holds `bond`, and gives the rest of the bond back.
    ///
    /// Active and unbonding stake bear it in proportion. As `amount ≤ bond ≤ bonded ≤ active`, the active stake still
    /// covers what stays bonded, and some of the unbonding stake is left: only the active stake can be wiped out, and
    /// then its shares end with it. What dust of it is left goes to the unbonding stake, or is not counted any more.
    ///
    /// # Errors
    /// [`StakingError::AboveBond`] where `amount > bond`, [`StakingError::AboveBonded`] where `bond` is not bonded.
    pub fn slash(&mut self, bond: u64, amount: u64) -> core::result::Result<SlashSource, StakingError> {
        if amount > bond {
            return Err(StakingError::AboveBond);
        }
        let (active, unbonding) = (self.active.get(), self.unbonding.get());
        let slashed_total = self
            .slashed_total
            .get()
            .checked_add(amount)
            .ok_or(StakingError::Overflow)?;
        self.release(bond)?;
        let total = u128::from(active) + u128::from(unbonding);
        // Below `unbonding`, as amount ≤ active.
        let from_unbonding = if unbonding == 0 || amount == 0 {
            0
        } else {
            let least = (self.unbonding_shares.get() >> LEAST_UNBONDING_PRICE) as u64;
            let pro_rata = (u128::from(amount) * u128::from(unbonding) / total) as u64;
            pro_rata.min(unbonding.saturating_sub(least))
        };
        let from_active = amount - from_unbonding;
        let left = active.checked_sub(from_active).ok_or(StakingError::AboveBonded)?;
        self.active = left.into();
        self.unbonding = unbonding
            .checked_sub(from_unbonding)
            .ok_or(StakingError::AboveBonded)?
            .into();
        self.slashed_total = slashed_total.into();
        if self.bonded.is_zero() && u128::from(left) * DUST < u128::from(active) {
            self.wipe()?;
        }
        Ok(SlashSource {
            active: from_active,
            unbonding: from_unbonding,
        })
    }

    /// Ends the active shares: they earn up to here and are worth nothing.
    fn wipe(&mut self) -> core::result::Result<(), StakingError> {
        let place = self.wiped_reward_index.get_mut(usize::from(self.wipes));
        // In range: after the last place is taken `deposit` refuses, and an empty pool cannot be wiped again.
        *place.ok_or(StakingError::PoolRetired)? = self.reward_index;
        self.wipes += 1;
        if !self.unbonding_shares.is_zero() {
            let unbonding = self.unbonding.checked_add(self.active);
            self.unbonding = unbonding.ok_or(StakingError::Overflow)?;
        }
        self.active = 0u64.into();
        self.active_shares = 0u128.into();
        Ok(())
    }

    /// Shares `amount` of revenue among the active shares, exactly: what the division leaves over counts next time. Where
    /// there are no shares, all of it does.
    ///
    /// # Errors
    /// [`StakingError::Overflow`] where all revenue of the pool passes `u64::MAX`.
    pub fn add_rewards(&mut self, amount: u64) -> core::result::Result<(), StakingError> {
        let total = self
            .rewards_total
            .get()
            .checked_add(amount)
            .ok_or(StakingError::Overflow)?;
        let unclaimed = self
            .rewards_unclaimed
            .get()
            .checked_add(amount)
            .ok_or(StakingError::Overflow)?;
        // The remainder is revenue too: the sum is at most `total` · 2⁶⁴, which fits.
        let revenue = (u128::from(amount) << 64)
            .checked_add(self.reward_remainder.get())
            .ok_or(StakingError::Overflow)?;
        let shares = self.active_shares.get();
        // Without shares all of it waits for the first staker.
        let rise = revenue.checked_div(shares).unwrap_or(0);
        let remainder = revenue.checked_rem(shares).unwrap_or(revenue);
        let index = self
            .reward_index
            .get()
            .checked_add(rise)
            .ok_or(StakingError::Overflow)?;
        self.reward_index = index.into();
        self.reward_remainder = remainder.into();
        self.rewards_total = total.into();
        self.rewards_unclaimed = unclaimed.into();
        Ok(())
    }

    /// The commission in force at `now` (Unix seconds), basis points.
    #[must_use]
    pub fn commission_at(&self, now: i64) -> u16 {
        let change_at = self.commission_change_at.get();
        if change_at != 0 && now >= change_at {
            self.pending_commission_bps.get()
        } else {
            self.commission_bps.get()
        }
    }

    /// Lowers the commission at once, or announces a raise for `notice` seconds from `now`. A new word replaces an
    /// announcement that is not in force yet.
    ///
    /// # Errors
    /// [`StakingError::InvalidCommission`] above [`BPS`], [`StakingError::Overflow`].
    pub fn set_commission(&mut self, bps: u16, now: i64, notice: u32) -> core::result::Result<(), StakingError> {
        if bps > BPS {
            return Err(StakingError::InvalidCommission);
        }
        let current = self.commission_at(now);
        let change_at = if bps > current {
            now.checked_add(i64::from(notice)).ok_or(StakingError::Overflow)?
        } else {
            0
        };
        self.commission_bps = current.min(bps).into();
        self.pending_commission_bps = bps.into();
        self.commission_change_at = change_at.into();
        Ok(())
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "pool_properties.rs"]
mod properties;
