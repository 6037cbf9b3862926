//! What a position in a pool is worth: the same arithmetic as the staking program's.

use crate::staking::accounts::{Pool, Position};

/// What a staker's account says, beside its pool.
pub trait PositionExt {
    /// Shares that still count: none after a slash that took all active stake since they were counted.
    fn active_shares(&self, pool: &Pool) -> u128;
    /// What those are worth, base units of the stake mint.
    fn staked(&self, pool: &Pool) -> u64;
    /// The least shares that are worth `amount`; `None` where the position is worth less.
    fn shares_for(&self, pool: &Pool, amount: u64) -> Option<u128>;
    /// Revenue to claim, base units of the pool's reward mint.
    fn rewards(&self, pool: &Pool) -> u64;
    /// Requests to unstake, oldest first: what each is worth now in base units of the stake mint, and when it may be
    /// withdrawn, Unix seconds.
    fn requests(&self, pool: &Pool) -> Vec<(u64, i64)>;
}

impl PositionExt for Position {
    fn active_shares(&self, pool: &Pool) -> u128 {
        if self.wipes < pool.wipes { 0 } else { self.shares }
    }

    fn staked(&self, pool: &Pool) -> u64 {
        worth(self.active_shares(pool), pool.active, pool.active_shares)
    }

    fn shares_for(&self, pool: &Pool, amount: u64) -> Option<u128> {
        let held = self.active_shares(pool);
        if amount > self.staked(pool) {
            return None;
        }
        // The price never rises above one base unit per share: the search is between the amount and what is held.
        let (mut low, mut high) = (0u128, held);
        while low < high {
            let middle = low + (high - low) / 2;
            if worth(middle, pool.active, pool.active_shares) >= amount {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Some(low)
    }

    fn rewards(&self, pool: &Pool) -> u64 {
        let end = match pool.wiped_reward_index.get(usize::from(self.wipes)) {
            Some(end) if self.wipes < pool.wipes => *end,
            _ => pool.reward_index,
        };
        let earned = end
            .checked_sub(self.reward_index)
            .and_then(|rise| rise.checked_mul(self.shares))
            .and_then(|earned| earned.checked_add(u128::from(self.reward_fraction)));
        let whole = earned.and_then(|earned| u64::try_from(earned >> 64).ok()).unwrap_or(0);
        self.rewards_owed.saturating_add(whole)
    }

    fn requests(&self, pool: &Pool) -> Vec<(u64, i64)> {
        let requests = self.unbonding.iter().take(self.unbonding_count.into());
        requests
            .map(|request| {
                let value = worth(request.shares, pool.unbonding, pool.unbonding_shares);
                (value, request.unlocks_at)
            })
            .collect()
    }
}

/// Most shares of a pool: what the program keeps them to, and this arithmetic needs.
const MAX_SHARES: u128 = 1 << 126;

/// `shares · (stake + 1) / (all + 1)`, rounded down; 0 for more shares than there are or can be.
fn worth(shares: u128, stake: u64, all: u128) -> u64 {
    if shares > all || all > MAX_SHARES {
        return 0;
    }
    let price = u128::from(stake) + 1;
    let divisor = all.saturating_add(1);
    // A product of up to 192 bits, divided in two steps: the quotient and what remains of the upper half.
    let (upper, lower) = (shares >> 64, shares & u128::from(u64::MAX));
    // upper · price < 2¹²⁸, as upper < 2⁶⁴ and price ≤ 2⁶⁴.
    let Some(high) = upper.checked_mul(price) else { return 0 };
    let Some(low) = lower.checked_mul(price) else { return 0 };
    let carried = divide_shifted(high % divisor, low, divisor);
    let whole = (high / divisor)
        .checked_mul(1 << 64)
        .and_then(|part| part.checked_add(carried));
    whole.and_then(|whole| u64::try_from(whole).ok()).unwrap_or(0)
}

/// `(rest · 2⁶⁴ + low) / divisor` for `rest < divisor ≤ 2¹²⁷`, rounded down.
fn divide_shifted(rest: u128, low: u128, divisor: u128) -> u128 {
    let (mut quotient, mut rest) = (0u128, rest);
    for _ in 0..64 {
        rest <<= 1;
        quotient <<= 1;
        if rest >= divisor {
            rest -= divisor;
            quotient += 1;
        }
    }
    // Both are below the divisor now, so their sum is below 2¹²⁸.
    quotient + low / divisor + (rest + low % divisor) / divisor
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pubkey, staking::types::Unbonding};

    fn pool(active: u64, active_shares: u128) -> Pool {
        let mut pool: Pool = empty();
        pool.active = active;
        pool.active_shares = active_shares;
        pool
    }

    /// An account of zeros: what the tests look at is set afterwards.
    fn empty<T: anchor_lang::AnchorDeserialize>() -> T {
        T::deserialize(&mut [0u8; 2_048].as_slice()).expect("zeros decode")
    }

    fn position(shares: u128) -> Position {
        let mut position: Position = empty();
        position.owner = Pubkey::from([1; 32]);
        position.shares = shares;
        position
    }

    #[test]
    fn shares_are_one_to_one_until_a_slash() {
        let pool = pool(500, 500);
        assert_eq!(position(200).staked(&pool), 200);
        assert_eq!(position(200).shares_for(&pool, 200), Some(200));
        assert_eq!(position(200).shares_for(&pool, 201), None);
        assert_eq!(position(200).shares_for(&pool, 0), Some(0));
    }

    #[test]
    fn after_a_slash_the_least_shares_for_an_amount_are_worth_it() {
        let pool = pool(333, 1_000);
        let staker = position(700);
        for amount in [1, 7, 100, staker.staked(&pool)] {
            let shares = staker.shares_for(&pool, amount).expect("enough");
            assert!(worth(shares, 333, 1_000) >= amount);
            assert!(worth(shares - 1, 333, 1_000) < amount);
        }
    }

    #[test]
    fn products_beyond_128_bits_are_exact() {
        let all = 1u128 << 126;
        assert_eq!(worth(all, u64::MAX - 1, all), u64::MAX - 1);
        assert_eq!(worth(all / 2, u64::MAX - 1, all), (u64::MAX - 1) / 2);
        // 2¹²⁵ shares of 2¹²⁶ and three units: half of four, of which the virtual share keeps its part.
        assert_eq!(worth(all / 2, 3, all), 1);
        assert_eq!(worth(all + 1, 3, all), 0, "more than there are");
    }

    #[test]
    fn rewards_are_counted_up_to_the_slash_that_took_everything() {
        let mut pool = pool(10, 10);
        let mut staker = position(4);
        staker.rewards_owed = 2;
        pool.reward_index = 3 << 64;
        assert_eq!(staker.rewards(&pool), 14);
        pool.wiped_reward_index[0] = 1 << 64;
        pool.wipes = 1;
        assert_eq!(staker.rewards(&pool), 6);
        assert_eq!(staker.staked(&pool), 0);
    }

    #[test]
    fn requests_are_worth_their_part_of_the_unbonding_stake() {
        let mut pool = pool(0, 0);
        (pool.unbonding, pool.unbonding_shares) = (100, 100);
        let mut staker = position(0);
        staker.unbonding[0] = Unbonding {
            shares: 30,
            unlocks_at: 77,
        };
        assert_eq!(staker.requests(&pool), []);
        staker.unbonding_count = 1;
        assert_eq!(staker.requests(&pool), [(30, 77)]);
    }
}
