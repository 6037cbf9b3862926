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

/// Seconds in the hour that prices are quoted for.
pub const SECONDS_PER_HOUR: u64 = 3_600;

/// `floor(value × numerator / denominator)` through `u128`; `None` if `denominator` is 0 or the result exceeds `u64`.
pub const fn mul_div_floor(value: u64, numerator: u64, denominator: u64) -> Option<u64> {
    if denominator == 0 {
        return None;
    }
    let result = (value as u128 * numerator as u128) / denominator as u128;
    if result > u64::MAX as u128 {
        None
    } else {
        Some(result as u64)
    }
}

/// `ceil(value × numerator / denominator)` through `u128`; `None` if `denominator` is 0 or the result exceeds `u64`.
pub const fn mul_div_ceil(value: u64, numerator: u64, denominator: u64) -> Option<u64> {
    if denominator == 0 {
        return None;
    }
    let result = (value as u128 * numerator as u128).div_ceil(denominator as u128);
    if result > u64::MAX as u128 {
        None
    } else {
        Some(result as u64)
    }
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
        assert_eq!(mul_div_ceil(u64::MAX, u64::MAX, u64::MAX), Some(u64::MAX));
        assert_eq!(mul_div_floor(1, 1, 0), None);
        assert_eq!(mul_div_ceil(1, 1, 0), None);
    }
}
