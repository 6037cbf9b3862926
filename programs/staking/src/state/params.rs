use super::BPS;
use anchor_lang::prelude::*;
use common::{Stored, seeds, state::Seeds};

/// Longest duration in the params, seconds: 365 days.
pub const MAX_SECONDS: u32 = 365 * 86_400;

/// Rules of staking. One account, seeds `"params"`.
#[account]
pub struct StakingParams {
    /// Mint of the stake.
    pub stake_mint: Address,
    /// Token program of the stake mint.
    pub token_program: Address,
    /// Token account of the treasury, in the stake mint.
    pub treasury: Address,
    /// Who paid the rent of this account.
    pub rent_payer: Address,
    /// Least active stake of a pool that takes jobs, base units.
    pub minimum_pool_stake: PodU64,
    /// Least deposit of one staker, base units.
    pub minimum_position_stake: PodU64,
    /// Seconds between a request to unstake and the withdrawal. At least the market's dispute window, longest proof
    /// timeout and arbitration timeout together: stake that answered for a job cannot leave before the job is judged.
    pub unbonding_seconds: PodU32,
    /// Seconds of notice before a commission rises.
    pub commission_notice_seconds: PodU32,
    /// Share of a slash that goes to the harmed customer, basis points. First in the waterfall.
    pub slash_customer_bps: PodU16,
    /// Share of a slash that goes to who reported it, basis points. The treasury gets the rest.
    pub slash_reporter_bps: PodU16,
    /// Canonical bump.
    pub bump: u8,
}

/// Address of the rules of staking. It is the only one, so that its address is known when the program is compiled.
pub const STAKING_PARAMS: Address = Address::derive_address_const(&[b"params"], Some(STAKING_PARAMS_BUMP), &crate::ID);
/// The canonical bump of [`STAKING_PARAMS`].
pub const STAKING_PARAMS_BUMP: u8 = 255;

impl Stored for StakingParams {
    const SEEDS: Seeds = seeds!(StakingParams: at STAKING_PARAMS);
}

/// Who gets a slash, base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlashSplit {
    /// The harmed customer's part.
    pub customer: u64,
    /// The reporter's part.
    pub reporter: u64,
    /// What is left for the treasury.
    pub treasury: u64,
}

impl StakingParams {
    /// Divides a slash of `amount`: customer and reporter by their shares, rounded down, and the treasury the rest.
    #[must_use]
    pub fn split(&self, amount: u64) -> SlashSplit {
        // The shares are at most BPS together, so the parts are at most the whole.
        let part = |bps: u16| (u128::from(amount) * u128::from(bps) / u128::from(BPS)) as u64;
        let (customer, reporter) = (part(self.slash_customer_bps.get()), part(self.slash_reporter_bps.get()));
        SlashSplit {
            customer,
            reporter,
            treasury: amount.saturating_sub(customer).saturating_sub(reporter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_is_divided_without_rest() {
        let mut params: StakingParams = bytemuck::Zeroable::zeroed();
        for (customer, reporter) in [(0, 0), (10_000, 0), (0, 10_000), (3_333, 3_333), (6_000, 1_000)] {
            (params.slash_customer_bps, params.slash_reporter_bps) = (customer.into(), reporter.into());
            for amount in [0, 1, 2, 9_999, 10_001, u64::MAX] {
                let split = params.split(amount);
                assert_eq!(split.customer + split.reporter + split.treasury, amount);
                assert_eq!(
                    u128::from(split.customer),
                    u128::from(amount) * u128::from(customer) / 10_000
                );
            }
        }
    }
}

#[cfg(test)]
mod address_tests {
    use super::*;

    #[test]
    fn the_address_is_the_canonical_one() {
        let found = Address::find_program_address(&[b"params"], &crate::ID);
        assert_eq!(found, (STAKING_PARAMS, STAKING_PARAMS_BUMP));
    }
}
