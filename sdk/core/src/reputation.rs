//! Reputation: what a node's history on chain says of it, recomputable by anyone.

use crate::BPS;

/// The counters that reputation is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Jobs that ended as they should.
    pub completed: u64,
    /// Jobs that did not.
    pub failed: u64,
    /// Seconds served over all jobs.
    pub served_seconds: u64,
    /// Seconds those jobs were entitled to.
    pub promised_seconds: u64,
}

/// `(completed + 1) / (completed + failed + 2)` times the share of promised seconds served, in basis points, rounded
/// down at each step. A node without history has 5,000.
///
/// Counts of jobs above 2⁵⁰ count as 2⁵⁰, and of seconds above that only the upper 50 bits: no node gets there, and
/// below it 64 bits are enough.
pub const fn reputation_bps(history: History) -> u16 {
    const MOST: u64 = 1 << 50;
    let completed = if history.completed < MOST {
        history.completed
    } else {
        MOST
    };
    let failed = if history.failed < MOST { history.failed } else { MOST };
    let success = share_bps(completed + 1, completed + failed + 2);
    let served = share_bps(history.served_seconds, history.promised_seconds);
    (success * served / BPS) as u16
}

/// `part` of `whole` in basis points, rounded down, at most all of it. Nothing of nothing is all.
const fn share_bps(part: u64, whole: u64) -> u64 {
    if part >= whole {
        return BPS;
    }
    // Bits beyond 50, of which there are none in practice: counting leading zeros would be forty instructions on chain.
    let mut excess = 0;
    while whole >> excess >= 1 << 50 {
        excess += 1;
    }
    (part >> excess) * BPS / (whole >> excess)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reputation(completed: u64, failed: u64, served_seconds: u64, promised_seconds: u64) -> u16 {
        reputation_bps(History {
            completed,
            failed,
            served_seconds,
            promised_seconds,
        })
    }

    #[test]
    fn a_new_node_starts_in_the_middle() {
        assert_eq!(reputation(0, 0, 0, 0), 5_000);
    }

    #[test]
    fn success_raises_and_failure_lowers() {
        assert_eq!(reputation(8, 0, 100, 100), 9_000);
        assert_eq!(reputation(0, 8, 100, 100), 1_000);
        assert_eq!(reputation(8, 0, 50, 100), 4_500);
    }

    #[test]
    fn no_history_overflows() {
        assert_eq!(reputation(u64::MAX, 0, u64::MAX, u64::MAX), 9_999);
        assert_eq!(reputation(u64::MAX, u64::MAX, 0, u64::MAX), 0);
    }
}
