//! What the on-chain programs and everything off chain must agree on, in one place and without dependencies:
//! the bytes of a usage receipt, billing, SLA credits, reputation, job requirements and bond sizes.
//!
//! Everything here is integer maths on plain values: no clock, no accounts, no allocation. Amounts are `u64` base
//! units of a token, durations are seconds, shares are basis points (1/10,000). Intermediates are `u128`.
//! What a user receives rounds down; what a user owes the protocol rounds up.
#![no_std]

pub mod billing;
pub mod bond;
pub mod ed25519;
pub mod receipt;
pub mod reputation;
pub mod requirements;
pub mod sla;

/// Basis points in a whole.
pub const BPS: u64 = 10_000;

/// [`BPS`] as a divisor.
const BPS_DIVISOR: u32 = BPS as u32;

/// Seconds in the hour that prices are quoted for.
pub const SECONDS_PER_HOUR: u32 = 3_600;

/// `floor(value × numerator / denominator)` through `u128`; `None` if `denominator` is 0 or the result exceeds `u64`.
#[inline(never)]
pub const fn mul_div_floor(value: u64, numerator: u64, denominator: u32) -> Option<u64> {
    match divide(value as u128 * numerator as u128, denominator) {
        Some((quotient, _)) if quotient <= u64::MAX as u128 => Some(quotient as u64),
        _ => None,
    }
}

/// `ceil(value × numerator / denominator)` through `u128`; `None` if `denominator` is 0 or the result exceeds `u64`.
#[inline(never)]
pub const fn mul_div_ceil(value: u64, numerator: u64, denominator: u32) -> Option<u64> {
    match divide(value as u128 * numerator as u128, denominator) {
        Some((quotient, 0)) if quotient <= u64::MAX as u128 => Some(quotient as u64),
        Some((quotient, 1..)) if quotient < u64::MAX as u128 => Some(quotient as u64 + 1),
        _ => None,
    }
}

/// Quotient and remainder, digit by digit in base 2³²; `None` for a divisor of 0.
///
/// Not the language's division, because that of `u128` by `u128` is 6 KB of code on chain.
#[inline(never)]
const fn divide(dividend: u128, divisor: u32) -> Option<(u128, u32)> {
    if divisor == 0 {
        return None;
    }
    let divisor = divisor as u64;
    // Nearly always, and a tenth of the instructions on chain.
    if dividend >> 64 == 0 {
        let dividend = dividend as u64;
        return Some(((dividend / divisor) as u128, (dividend % divisor) as u32));
    }
    let (mut quotient, mut remainder, mut place) = (0u128, 0u64, 4);
    while place > 0 {
        place -= 1;
        let digits = (remainder << 32) | ((dividend >> (32 * place)) as u32 as u64);
        quotient = (quotient << 32) | (digits / divisor) as u128;
        remainder = digits % divisor;
    }
    Some((quotient, remainder as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_rounds_in_the_named_direction() {
        assert_eq!(mul_div_floor(10, 1, 3), Some(3));
        assert_eq!(mul_div_ceil(10, 1, 3), Some(4));
        assert_eq!(mul_div_ceil(9, 1, 3), Some(3));
    }

    #[test]
    fn overflow_and_zero_divisors_are_refused() {
        assert_eq!(mul_div_floor(u64::MAX, 2, 1), None);
        assert_eq!(mul_div_ceil(u64::MAX, u32::MAX.into(), u32::MAX), Some(u64::MAX));
        assert_eq!(mul_div_floor(u64::MAX, u64::MAX, 1), None);
        // 2⁶⁴ − 1 and a rest: the ceiling is one too many.
        assert_eq!(mul_div_floor(u64::MAX, 2, 2), Some(u64::MAX));
        assert_eq!(mul_div_floor(u64::MAX, 9, 8), None);
        assert_eq!(mul_div_floor(1, 1, 0), None);
        assert_eq!(mul_div_ceil(1, 1, 0), None);
    }

    #[test]
    fn divides_as_the_language_does() {
        let edges = [
            0,
            1,
            2,
            3,
            0xffff_ffff,
            1 << 32,
            (1 << 63) - 1,
            1 << 63,
            u64::MAX - 1,
            u64::MAX,
        ];
        for value in edges {
            for numerator in edges {
                let product = u128::from(value) * u128::from(numerator);
                for divisor in [1, 2, 3, 3_600, 10_000, 0x8000_0000, u32::MAX] {
                    let (quotient, remainder) = divide(product, divisor).expect("not 0");
                    assert_eq!(quotient, product / u128::from(divisor));
                    assert_eq!(u128::from(remainder), product % u128::from(divisor));
                    assert_eq!(mul_div_floor(value, numerator, divisor), u64::try_from(quotient).ok());
                    let ceiling = product.div_ceil(divisor.into());
                    assert_eq!(mul_div_ceil(value, numerator, divisor), u64::try_from(ceiling).ok());
                }
            }
        }
    }
}
