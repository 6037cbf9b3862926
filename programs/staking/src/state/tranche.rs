//! Shares of a sum that slashes can lower: the arithmetic of active and of unbonding stake.

use crate::error::StakingError;

/// Shares that count for nobody. With [`VIRTUAL_STAKE`] they set the price of the first share to one base unit, and
/// take away what an early depositor could gain by pushing that price up.
const VIRTUAL_SHARES: u128 = 1;

/// Base units that are not there, see [`VIRTUAL_SHARES`].
const VIRTUAL_STAKE: u64 = 1;

/// Most shares of one tranche. Keeps `shares + VIRTUAL_SHARES` in the domain of [`mul_div`].
pub const MAX_SHARES: u128 = 1 << 126;

/// A sum and the shares of it. Its price is `(stake + 1) / (shares + 1)`: one base unit until a slash.
///
/// What is converted rounds down, so that what rounding leaves over belongs to who stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tranche {
    /// All shares.
    pub shares: u128,
    /// What they share, base units.
    pub stake: u64,
}

impl Tranche {
    /// Adds `amount`; says how many shares that gives. Zero shares where `amount` is worth less than one.
    ///
    /// # Errors
    /// [`StakingError::PriceExhausted`] where shares would pass [`MAX_SHARES`], [`StakingError::Overflow`] where the
    /// stake would pass `u64::MAX - 1`.
    pub fn deposit(self, amount: u64) -> Result<(Self, u128), StakingError> {
        let stake = self
            .stake
            .checked_add(amount)
            .filter(|s| *s < u64::MAX)
            .ok_or(StakingError::Overflow)?;
        let minted = mul_div(
            self.shares + VIRTUAL_SHARES,
            amount,
            u128::from(self.stake) + u128::from(VIRTUAL_STAKE),
        )
        .ok_or(StakingError::PriceExhausted)?;
        let shares = self.shares.checked_add(minted).filter(|s| *s <= MAX_SHARES);
        Ok((
            Self {
                shares: shares.ok_or(StakingError::PriceExhausted)?,
                stake,
            },
            minted,
        ))
    }

    /// What `shares` are worth, base units.
    ///
    /// # Errors
    /// [`StakingError::InsufficientShares`] where there are fewer.
    pub fn value(self, shares: u128) -> Result<u64, StakingError> {
        if shares > self.shares {
            return Err(StakingError::InsufficientShares);
        }
        let stake = self.stake.checked_add(VIRTUAL_STAKE).ok_or(StakingError::Overflow)?;
        let value = mul_div(shares, stake, self.shares + VIRTUAL_SHARES).ok_or(StakingError::Overflow)?;
        u64::try_from(value).map_err(|_| StakingError::Overflow)
    }

    /// Takes `shares` out; says what they gave. The last share to go leaves nothing behind: what rounding left over is
    /// no longer counted and stays in the vault, so that an empty tranche has its first price again.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    pub fn redeem(self, shares: u128) -> Result<(Self, u64), StakingError> {
        let amount = self.value(shares)?;
        let left = self.shares - shares;
        let stake = if left == 0 {
            0
        } else {
            self.stake.checked_sub(amount).ok_or(StakingError::Overflow)?
        };
        Ok((Self { shares: left, stake }, amount))
    }
}

/// `x · m / d`, rounded down, over a product of 192 bits.
///
/// `None` where `d` is 0 or above 2¹²⁷, or the result is beyond `u128`.
#[must_use]
pub fn mul_div(x: u128, m: u64, d: u128) -> Option<u128> {
    if d == 0 || d > 1 << 127 {
        return None;
    }
    if let Some(product) = x.checked_mul(u128::from(m)) {
        return Some(product / d);
    }
    let whole = (x / d).checked_mul(u128::from(m))?;
    // The rest of the division, times m, bit by bit from the top. `rest` and `part` are below d ≤ 2¹²⁷, so that neither
    // doubling nor adding them overflows; the quotient is below m.
    let part = x % d;
    let (mut quotient, mut rest) = (0u128, 0u128);
    for bit in (0..u64::BITS).rev() {
        quotient <<= 1;
        rest <<= 1;
        if rest >= d {
            rest -= d;
            quotient += 1;
        }
        if (m >> bit) & 1 == 1 {
            rest += part;
            if rest >= d {
                rest -= d;
                quotient += 1;
            }
        }
    }
    whole.checked_add(quotient)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A generator of numbers of every size, so that edges are hit as often as the middle.
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        fn below(&mut self, bits: u32) -> u128 {
            let wide = (u128::from(self.next()) << 64) | u128::from(self.next());
            wide >> (128 - 1 - u128::from(self.next() % u64::from(bits)) as u32)
        }
    }

    #[test]
    fn mul_div_satisfies_the_definition_of_division() {
        // q = ⌊x·m/d⌋ exactly when q·d ≤ x·m < q·d + d, compared in limbs of 64 bits.
        fn product(x: u128, y: u128) -> [u64; 4] {
            let (x, y) = ([x as u64, (x >> 64) as u64], [y as u64, (y >> 64) as u64]);
            let mut limbs = [0u64; 4];
            for i in 0..2 {
                let mut carry = 0u128;
                for j in 0..2 {
                    let sum = u128::from(x[i]) * u128::from(y[j]) + u128::from(limbs[i + j]) + carry;
                    limbs[i + j] = sum as u64;
                    carry = sum >> 64;
                }
                limbs[i + 2] = carry as u64;
            }
            limbs
        }
        fn less_or_equal(a: [u64; 4], b: [u64; 4]) -> bool {
            a.iter().rev().cmp(b.iter().rev()).is_le()
        }

        let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
        let mut wide = 0;
        for _ in 0..20_000 {
            let (x, m, d) = (numbers.below(127), numbers.below(64) as u64, numbers.below(127).max(1));
            wide += u32::from(x.checked_mul(u128::from(m)).is_none());
            let Some(q) = mul_div(x, m, d) else {
                // Too large: even u128::MAX · d is at most x·m.
                assert!(
                    less_or_equal(product(u128::MAX, d), product(x, u128::from(m))),
                    "{x} * {m} / {d}"
                );
                continue;
            };
            assert!(
                less_or_equal(product(q, d), product(x, u128::from(m))),
                "{x} * {m} / {d} = {q}"
            );
            if let Some(above) = q.checked_add(1) {
                assert!(
                    !less_or_equal(product(above, d), product(x, u128::from(m))),
                    "{x} * {m} / {d} = {q}"
                );
            }
        }
        assert!(wide > 1_000, "the wide path was hardly taken: {wide}");
    }

    #[test]
    fn mul_div_refuses_what_it_cannot_divide() {
        assert_eq!(mul_div(1, 1, 0), None);
        assert_eq!(mul_div(1, 1, (1 << 127) + 1), None);
        assert_eq!(mul_div(u128::MAX, u64::MAX, 1), None);
        assert_eq!(mul_div(1 << 127, u64::MAX, 1 << 127), Some(u128::from(u64::MAX)));
    }

    #[test]
    fn shares_are_one_to_one_until_a_slash() {
        let (tranche, shares) = Tranche::default().deposit(1_000_000).unwrap();
        assert_eq!(shares, 1_000_000);
        let (tranche, more) = tranche.deposit(7).unwrap();
        assert_eq!(more, 7);
        assert_eq!(
            tranche.redeem(7).unwrap(),
            (
                Tranche {
                    shares: 1_000_000,
                    stake: 1_000_000
                },
                7
            )
        );
    }

    #[test]
    fn the_whole_range_of_amounts_is_accepted() {
        let (tranche, shares) = Tranche::default().deposit(u64::MAX - 1).unwrap();
        assert_eq!(tranche.value(shares).unwrap(), u64::MAX - 1);
        assert_eq!(tranche.deposit(1), Err(StakingError::Overflow));
    }

    #[test]
    fn more_shares_than_there_are_give_nothing() {
        let (tranche, shares) = Tranche::default().deposit(10).unwrap();
        assert_eq!(tranche.redeem(shares + 1), Err(StakingError::InsufficientShares));
    }

    #[test]
    fn a_slash_is_borne_in_proportion() {
        let (tranche, a) = Tranche::default().deposit(3_000_000).unwrap();
        let (mut tranche, b) = tranche.deposit(1_000_000).unwrap();
        tranche.stake -= 2_000_000;
        assert_eq!(tranche.value(a).unwrap(), 1_500_000);
        assert_eq!(tranche.value(b).unwrap(), 500_000);
    }

    #[test]
    fn after_a_full_slash_the_old_shares_take_nothing_of_the_new_stake() {
        let (mut tranche, old) = Tranche::default().deposit(1_000_000_000_000).unwrap();
        tranche.stake = 0;
        assert_eq!(tranche.value(old).unwrap(), 0);
        let (tranche, new) = tranche.deposit(1_000_000_000_000).unwrap();
        assert!(tranche.value(old).unwrap() <= 1);
        assert!(tranche.value(new).unwrap() >= 1_000_000_000_000 - 1);
    }

    #[test]
    fn an_empty_tranche_has_its_first_price_again() {
        let (mut tranche, shares) = Tranche::default().deposit(1_000_001).unwrap();
        tranche.stake = 333_333;
        let (tranche, amount) = tranche.redeem(shares).unwrap();
        assert!(amount <= 333_333);
        assert_eq!(tranche, Tranche::default());
    }

    #[test]
    fn shares_that_cannot_be_counted_are_refused_and_old_ones_still_leave() {
        let mut tranche = Tranche {
            shares: MAX_SHARES - 5,
            stake: 0,
        };
        assert_eq!(tranche.deposit(1_000), Err(StakingError::PriceExhausted));
        tranche.stake = 1_000;
        assert_eq!(tranche.redeem(tranche.shares).unwrap().0, Tranche::default());
    }

    #[test]
    fn over_random_histories_the_price_falls_only_by_slashes_and_nobody_takes_more_than_came_in() {
        let mut numbers = Numbers(42);
        for _ in 0..200 {
            let mut tranche = Tranche::default();
            let mut positions = [0u128; 4];
            let (mut came_in, mut went_out) = (0u128, 0u128);
            for _ in 0..100 {
                let who = (numbers.next() % 4) as usize;
                // Another's position, before: no act of `who` may lower it by more than the dust of rounding.
                let others = |t: Tranche, p: &[u128; 4]| p.map(|shares| t.value(shares).unwrap());
                let before = others(tranche, &positions);
                match numbers.next() % 8 {
                    0..=3 => {
                        let amount = numbers.below(40) as u64;
                        let Ok((next, minted)) = tranche.deposit(amount) else {
                            continue;
                        };
                        (tranche, came_in) = (next, came_in + u128::from(amount));
                        positions[who] += minted;
                    }
                    4..=6 => {
                        let shares = numbers.below(127).min(positions[who]);
                        let (next, amount) = tranche.redeem(shares).unwrap();
                        (tranche, went_out) = (next, went_out + u128::from(amount));
                        positions[who] -= shares;
                    }
                    _ => {
                        let amount = (numbers.below(40) as u64).min(tranche.stake);
                        tranche.stake -= amount;
                        went_out += u128::from(amount);
                        continue;
                    }
                }
                let after = others(tranche, &positions);
                for i in (0..4).filter(|i| *i != who) {
                    assert!(after[i] + 1 >= before[i], "{i} fell from {} to {}", before[i], after[i]);
                }
            }
            assert_eq!(positions.iter().sum::<u128>(), tranche.shares);
            assert!(went_out + u128::from(tranche.stake) <= came_in);
        }
    }
}

#[cfg(test)]
#[path = "tranche_properties.rs"]
pub(crate) mod properties;
