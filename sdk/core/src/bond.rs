//! How much of a pool's stake answers for one job.

use crate::{BPS_DIVISOR, mul_div_ceil};

/// Stake units that answer for a job which may bill up to `maximum_bill`:
/// `ceil(ceil(maximum_bill × rate / 2³²) × ratio_bps / 10,000)`, rounded up because the provider owes it.
///
/// `rate` is stake units per payment unit in Q32.32; `ratio_bps` may exceed 10,000 (more than the bill is at stake).
/// `None` if the result exceeds `u64`.
pub const fn bond(maximum_bill: u64, rate: u64, ratio_bps: u32) -> Option<u64> {
    let product = maximum_bill as u128 * rate as u128;
    let stake = (product >> 32) + (product as u32 != 0) as u128;
    if stake > u64::MAX as u128 {
        return None;
    }
    mul_div_ceil(stake as u64, ratio_bps as u64, BPS_DIVISOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bond_follows_rate_and_ratio_and_rounds_up() {
        let parity = 1 << 32;
        assert_eq!(bond(1_000, parity, 10_000), Some(1_000));
        assert_eq!(bond(1_001, parity / 2, 10_000), Some(501));
        assert_eq!(bond(1_000, parity, 5_001), Some(501));
        assert_eq!(bond(1_000, parity, 20_000), Some(2_000));
        assert_eq!(bond(u64::MAX, u64::MAX, 10_000), None);
    }
}
