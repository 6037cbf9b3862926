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
pub const fn reputation_bps(history: History) -> u16 {
    let jobs = history.completed as u128 + history.failed as u128 + 2;
    let success = (history.completed as u128 + 1) * BPS as u128 / jobs;
    let served = if history.served_seconds >= history.promised_seconds {
        BPS as u128
    } else {
        history.served_seconds as u128 * BPS as u128 / history.promised_seconds as u128
    };
    (success * served / BPS as u128) as u16
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
