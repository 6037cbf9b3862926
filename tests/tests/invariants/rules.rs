//! The rules that a history plays by: one of a few sets, chosen by its seed.

use gantry_sdk::ix::{SlaCreditArgs, StakingRules, TermsArgs};
use gantry_tests::world::{staking_rules, terms};

/// Sets of rules.
pub(crate) const PROFILES: u64 = 4;
/// Least price per hour in both payment mints, at first.
pub(crate) const MINIMUM_PRICE: u64 = 1_000;

/// Seconds between the announcement of a change and when it may be applied.
pub(crate) const TIMELOCK: u32 = 650;
/// Equal votes that decide, of the first council.
pub(crate) const THRESHOLD: u8 = 3;

/// The rules of one market.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) terms: TermsArgs,
    pub(crate) staking: StakingRules,
    /// Stake units per payment unit, Q32.32: of `Usdc` and of `Usd22`.
    pub(crate) rates: [u64; 2],
}

impl Rules {
    pub(crate) fn of(profile: u64) -> Self {
        let step = |shortfall_bps, credit_bps| SlaCreditArgs {
            shortfall_bps,
            credit_bps,
        };
        let parity = 1 << 32;
        match profile {
            // Those of the other tests.
            0 => Self {
                terms: terms(),
                staking: staking_rules(),
                rates: [parity, parity / 3],
            },
            // Bonds that eat whole pools, no fees, all of the bill credited at the least shortfall.
            1 => Self {
                terms: TermsArgs {
                    bond_ratio_bps: 20_000,
                    fee_bps: 0,
                    matcher_fee_bps: 0,
                    sla: [step(1, 10_000), step(1, 1), step(10_000, 3_333)],
                    ..terms()
                },
                staking: StakingRules {
                    minimum_pool_stake: 10,
                    minimum_position_stake: 1,
                    slash_customer_bps: 3_333,
                    slash_reporter_bps: 6_666,
                    ..staking_rules()
                },
                rates: [parity, 100 * parity],
            },
            // All of it is fees, the window is a second, bonds are next to nothing.
            2 => Self {
                terms: TermsArgs {
                    bond_ratio_bps: 1,
                    dispute_window: 1,
                    fee_bps: 3_333,
                    matcher_fee_bps: 6_667,
                    ..terms()
                },
                staking: StakingRules {
                    commission_notice_seconds: 0,
                    minimum_pool_stake: 1,
                    slash_customer_bps: 10_000,
                    slash_reporter_bps: 0,
                    ..staking_rules()
                },
                rates: [1, parity],
            },
            // Stake may leave as early as it ever may, and the smallest positions count.
            _ => Self {
                terms: TermsArgs {
                    bond_ratio_bps: 10_001,
                    open_timeout: 900,
                    sla: [step(10, 1), step(100, 10), step(1_000, 9_999)],
                    ..terms()
                },
                staking: StakingRules {
                    unbonding_seconds: 60 + 600 + 600,
                    minimum_pool_stake: 1_000,
                    minimum_position_stake: 7,
                    slash_customer_bps: 0,
                    slash_reporter_bps: 10_000,
                    ..staking_rules()
                },
                rates: [parity + 1, 7],
            },
        }
    }
}
