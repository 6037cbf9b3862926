//! What a pool and the positions in it hold, by the rules in `programs/staking/README.md`.

use super::wide::ratio;
use crate::suite::cast::Coin;

/// Why staking refuses, by the name of its error.
pub(crate) type Refused = &'static str;

const MOST_SHARES: u128 = 1 << 126;
const MOST_WIPES: usize = 4;
const MOST_REQUESTS: usize = 8;

/// A sum and the shares of it; one share costs `(stake + 1) / (shares + 1)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tranche {
    pub(crate) shares: u128,
    pub(crate) stake: u64,
}

impl Tranche {
    pub(crate) fn value(self, shares: u128) -> u64 {
        ratio(shares, self.stake + 1, self.shares + 1).expect("a part of the stake") as u64
    }

    fn deposit(&mut self, amount: u64) -> Result<u128, Refused> {
        let stake = self.stake.checked_add(amount).filter(|stake| *stake < u64::MAX);
        let minted = ratio(self.shares + 1, amount, u128::from(self.stake) + 1);
        let stake = stake.ok_or("Overflow")?;
        let minted = minted.ok_or("PriceExhausted")?;
        let shares = self.shares.checked_add(minted).filter(|shares| *shares <= MOST_SHARES);
        *self = Self {
            shares: shares.ok_or("PriceExhausted")?,
            stake,
        };
        Ok(minted)
    }

    /// What `shares` give, and what rounding left of a sum that nobody shares any more.
    fn redeem(&mut self, shares: u128) -> Result<(u64, u64), Refused> {
        if shares > self.shares {
            return Err("InsufficientShares");
        }
        let amount = self.value(shares);
        self.shares -= shares;
        self.stake -= amount;
        if self.shares > 0 {
            return Ok((amount, 0));
        }
        Ok((amount, std::mem::take(&mut self.stake)))
    }
}

/// The stake behind one provider.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    pub(crate) coin: Coin,
    pub(crate) active: Tranche,
    pub(crate) unbonding: Tranche,
    pub(crate) bonded: u64,
    pub(crate) slashed: u64,
    /// In the stake vault, and nobody's: gifts, and what rounding left over.
    pub(crate) dust: u64,
    pub(crate) commission: u16,
    /// An announced commission, and from when it counts.
    pub(crate) announced: (u16, i64),
    pub(crate) index: u128,
    pub(crate) remainder: u128,
    pub(crate) unclaimed: u64,
    pub(crate) revenue: u64,
    /// The index at each loss of the whole active stake.
    pub(crate) wipes: Vec<u128>,
    pub(crate) positions: u32,
    /// Positions that were closed, each with less than a base unit of revenue that it had earned.
    pub(crate) left: u32,
}

impl Pool {
    pub(crate) fn new(coin: Coin, commission: u16) -> Self {
        Self {
            coin,
            active: Tranche::default(),
            unbonding: Tranche::default(),
            bonded: 0,
            slashed: 0,
            dust: 0,
            commission,
            announced: (0, 0),
            index: 0,
            remainder: 0,
            unclaimed: 0,
            revenue: 0,
            wipes: Vec::new(),
            positions: 0,
            left: 0,
        }
    }

    pub(crate) fn deposit(&mut self, amount: u64) -> Result<u128, Refused> {
        if self.wipes.len() >= MOST_WIPES {
            return Err("PoolRetired");
        }
        self.active.deposit(amount)
    }

    /// Gives the shares of the unbonding stake that `shares` of the active stake turn into.
    pub(crate) fn unbond(&mut self, shares: u128) -> Result<u128, Refused> {
        let (amount, left_over) = self.active.redeem(shares)?;
        if self.active.stake < self.bonded {
            return Err("StakeBonded");
        }
        self.dust += left_over;
        let mut unbonding = self.unbonding;
        let minted = unbonding.deposit(amount)?;
        if minted == 0 {
            self.dust += amount;
        } else {
            self.unbonding = unbonding;
        }
        Ok(minted)
    }

    pub(crate) fn rebond(&mut self, shares: u128) -> Result<u128, Refused> {
        let amount = self.withdraw(shares)?;
        self.deposit(amount)
    }

    pub(crate) fn withdraw(&mut self, shares: u128) -> Result<u64, Refused> {
        let (amount, left_over) = self.unbonding.redeem(shares)?;
        self.dust += left_over;
        Ok(amount)
    }

    pub(crate) fn bond(&mut self, amount: u64, minimum: u64) -> Result<(), Refused> {
        if self.active.stake < minimum {
            return Err("PoolTooSmall");
        }
        let bonded = self.bonded.checked_add(amount).filter(|b| *b <= self.active.stake);
        self.bonded = bonded.ok_or("InsufficientStake")?;
        Ok(())
    }

    /// Takes `amount` of the `bond` of a job, the rest of which answers for nothing any more.
    pub(crate) fn slash(&mut self, bond: u64, amount: u64) {
        assert!(amount <= bond, "a slash of no more than the bond");
        self.bonded -= bond;
        self.slashed += amount;
        let before = self.active.stake;
        let all = u128::from(before) + u128::from(self.unbonding.stake);
        let unbonding = (u128::from(amount) * u128::from(self.unbonding.stake) / all) as u64;
        // The unbonding stake is spared what would leave less than a unit for each 2^60 shares.
        let least = (self.unbonding.shares >> 60) as u64;
        let unbonding = unbonding.min(self.unbonding.stake.saturating_sub(least));
        self.unbonding.stake -= unbonding;
        self.active.stake -= amount - unbonding;
        let next_to_nothing = u128::from(self.active.stake) << 20 < u128::from(before);
        if self.bonded > 0 || !next_to_nothing {
            return;
        }
        self.wipes.push(self.index);
        if self.unbonding.shares > 0 {
            self.unbonding.stake += self.active.stake;
        } else {
            self.dust += self.active.stake;
        }
        self.active = Tranche::default();
    }

    /// Counts revenue that came in.
    pub(crate) fn reward(&mut self, amount: u64) {
        self.revenue += amount;
        self.unclaimed += amount;
        let all = (u128::from(amount) << 64) + self.remainder;
        if self.active.shares == 0 {
            self.remainder = all;
            return;
        }
        self.index += all / self.active.shares;
        self.remainder = all % self.active.shares;
    }

    pub(crate) fn commission_at(&self, now: i64) -> u16 {
        match self.announced {
            (_, 0) => self.commission,
            (bps, from) if now >= from => bps,
            _ => self.commission,
        }
    }

    pub(crate) fn set_commission(&mut self, bps: u16, now: i64, notice: u32) {
        let current = self.commission_at(now);
        let from = if bps > current { now + i64::from(notice) } else { 0 };
        self.commission = current.min(bps);
        self.announced = (bps, from);
    }

    /// The stake that a slash could take.
    pub(crate) fn slashable(&self) -> u128 {
        u128::from(self.active.stake) + u128::from(self.unbonding.stake)
    }
}

/// One staker's part of one pool.
#[derive(Clone, Debug, Default)]
pub(crate) struct Position {
    pub(crate) shares: u128,
    pub(crate) index: u128,
    pub(crate) owed: u64,
    pub(crate) fraction: u64,
    /// Losses of the pool that its shares have seen.
    pub(crate) wipes: usize,
    /// Shares of the unbonding stake, and when they may leave.
    pub(crate) requests: Vec<(u128, i64)>,
}

impl Position {
    pub(crate) fn new(pool: &Pool) -> Self {
        Self {
            index: pool.index,
            wipes: pool.wipes.len(),
            ..Self::default()
        }
    }

    /// Counts what it has earned up to now.
    pub(crate) fn settle(&mut self, pool: &Pool) {
        let end = pool.wipes.get(self.wipes).copied();
        let earned = (end.unwrap_or(pool.index) - self.index) * self.shares + u128::from(self.fraction);
        self.owed += (earned >> 64) as u64;
        self.fraction = earned as u64;
        self.index = pool.index;
        if end.is_some() {
            self.shares = 0;
            self.wipes = pool.wipes.len();
        }
    }

    pub(crate) fn request(&mut self, shares: u128, unlocks: i64) -> Result<(), Refused> {
        if self.requests.len() == MOST_REQUESTS {
            return Err("TooManyRequests");
        }
        self.requests.push((shares, unlocks));
        Ok(())
    }

    /// Takes the requests that are due; gives their shares together.
    pub(crate) fn take_due(&mut self, now: i64) -> u128 {
        let due = self.requests.iter().take_while(|(_, unlocks)| *unlocks <= now).count();
        self.requests.drain(..due).map(|(shares, _)| shares).sum()
    }
}
