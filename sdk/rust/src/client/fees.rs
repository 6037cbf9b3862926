//! What is paid for coming sooner: the fees that others paid of late for the same accounts.

use super::{Gantry, draft::Draft};

/// Accounts that one question may name.
const MAX_ACCOUNTS: usize = 128;
/// Most that a wallet pays unasked, micro-lamports per compute unit: 0.0014 SOL for a transaction of the largest budget.
const HIGHEST: u64 = 1_000_000;

/// What a connection pays for coming sooner, in micro-lamports for each compute unit asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PriorityFee {
    /// What three of four of the latest blocks would have been content with, for the accounts that the transaction writes;
    /// at most a million. Nothing where the server does not know.
    #[default]
    Recent,
    /// This much.
    Fixed(u64),
}

impl Gantry {
    /// This connection, paying `fee`; [`PriorityFee::Recent`] unless said otherwise.
    ///
    /// ```
    /// use gantry_sdk::{Gantry, client::PriorityFee};
    ///
    /// // 10,000 micro-lamports for each compute unit, whatever others pay.
    /// let gantry = Gantry::connect("http://127.0.0.1:8899").priority_fee(PriorityFee::Fixed(10_000));
    /// ```
    #[must_use]
    pub fn priority_fee(self, fee: PriorityFee) -> Self {
        Self { fee, ..self }
    }

    /// Micro-lamports per compute unit for `draft`.
    pub(super) async fn price(&self, draft: &Draft<'_>) -> u64 {
        match self.fee {
            PriorityFee::Fixed(fee) => fee,
            PriorityFee::Recent => {
                let mut accounts = draft.writable();
                accounts.truncate(MAX_ACCOUNTS);
                match self.rpc.get_recent_prioritization_fees(&accounts).await {
                    Ok(fees) => recent(fees.iter().map(|fee| fee.prioritization_fee).collect()),
                    Err(error) => {
                        tracing::debug!(%error, "the server does not tell recent fees: none is paid");
                        0
                    }
                }
            }
        }
    }
}

/// The third quartile, bounded.
fn recent(mut fees: Vec<u64>) -> u64 {
    fees.sort_unstable();
    let place = fees.len() * 3 / 4;
    fees.get(place).copied().unwrap_or(0).min(HIGHEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_quartile_is_paid_and_no_fortune() {
        assert_eq!(recent(vec![]), 0);
        assert_eq!(recent(vec![5]), 5);
        assert_eq!(recent(vec![0, 0, 0, 0]), 0);
        assert_eq!(recent(vec![40, 10, 30, 20]), 40);
        assert_eq!(recent(vec![1, 2, 3, 4, 5, 6, 7, 8]), 7);
        assert_eq!(recent(vec![u64::MAX; 4]), HIGHEST);
    }
}
