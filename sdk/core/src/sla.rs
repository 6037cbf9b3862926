//! What a customer gets back when a job was up less than promised.

use crate::{BPS, BPS_DIVISOR, mul_div_floor};

/// One step of the credit table: from this shortfall on, this share of the bill is credited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlaStep {
    /// Basis points that the uptime is below the target.
    pub shortfall_bps: u16,
    /// Basis points of the bill that the customer gets back.
    pub credit_bps: u16,
}

/// Share of the elapsed seconds that was served, in basis points, rounded down. A job that took no time was up.
pub const fn uptime_bps(served: u32, elapsed: u32) -> u16 {
    if elapsed == 0 || served >= elapsed {
        return BPS as u16;
    }
    ((served as u64 * BPS) / elapsed as u64) as u16
}

/// Basis points of the bill to credit: the highest step that the shortfall below `target_bps` reaches, else 0.
pub fn credit_bps(target_bps: u16, uptime_bps: u16, table: &[SlaStep]) -> u16 {
    if uptime_bps >= target_bps {
        return 0;
    }
    let shortfall = target_bps - uptime_bps;
    table
        .iter()
        .filter(|step| shortfall >= step.shortfall_bps)
        .map(|step| step.credit_bps)
        .max()
        .unwrap_or(0)
}

/// Base units of `bill` to credit at `credit_bps`, rounded down. `None` if the share exceeds the bill.
pub const fn credit(bill: u64, credit_bps: u16) -> Option<u64> {
    if credit_bps as u64 > BPS {
        return None;
    }
    mul_div_floor(bill, credit_bps as u64, BPS_DIVISOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: [SlaStep; 3] = [
        SlaStep {
            shortfall_bps: 1,
            credit_bps: 1_000,
        },
        SlaStep {
            shortfall_bps: 100,
            credit_bps: 2_500,
        },
        SlaStep {
            shortfall_bps: 500,
            credit_bps: 10_000,
        },
    ];

    #[test]
    fn uptime_is_the_served_share() {
        assert_eq!(uptime_bps(0, 0), 10_000);
        assert_eq!(uptime_bps(99, 100), 9_900);
        assert_eq!(uptime_bps(101, 100), 10_000);
        assert_eq!(uptime_bps(0, 100), 0);
    }

    #[test]
    fn the_highest_step_reached_counts() {
        assert_eq!(credit_bps(9_900, 9_900, &TABLE), 0);
        assert_eq!(credit_bps(9_900, 9_899, &TABLE), 1_000);
        assert_eq!(credit_bps(9_900, 9_800, &TABLE), 2_500);
        assert_eq!(credit_bps(9_900, 0, &TABLE), 10_000);
        assert_eq!(credit_bps(0, 0, &TABLE), 0);
    }

    #[test]
    fn a_credit_never_exceeds_the_bill() {
        assert_eq!(credit(999, 2_500), Some(249));
        assert_eq!(credit(u64::MAX, 10_000), Some(u64::MAX));
        assert_eq!(credit(1, 10_001), None);
    }
}
