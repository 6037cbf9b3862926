//! Every value of small domains: rounding at each step, where chance would miss the one that matters. What the small
//! numbers show of rounding holds for all, because only remainders decide on it; the ends of `u64` are the properties'.

use gantry_core::{
    billing::{after_claims, bill, claim, delegators_part, deposit, payable_seconds, settle},
    bond::bond,
    mul_div_ceil, mul_div_floor,
    reputation::{History, reputation_bps},
    requirements::{Mismatch, Offer, Requirements},
    sla::{SlaStep, credit, credit_bps, uptime_bps},
};

#[test]
fn quotients_of_all_small_numbers() {
    for value in 0..=48 {
        for numerator in 0..=48 {
            assert_eq!(mul_div_floor(value, numerator, 0), None);
            assert_eq!(mul_div_ceil(value, numerator, 0), None);
            for divisor in 1..=48u32 {
                let product = value * numerator;
                let (floor, ceiling) = (product / u64::from(divisor), product.div_ceil(u64::from(divisor)));
                assert_eq!(mul_div_floor(value, numerator, divisor), Some(floor));
                assert_eq!(mul_div_ceil(value, numerator, divisor), Some(ceiling));
            }
        }
    }
}

/// Every digit of the division in base 2³², at and around the places where one carries into the next.
#[test]
fn quotients_around_every_power_of_two() {
    let around = |bit: u32| [(1u64 << bit) - 1, 1 << bit, (1 << bit) + 1];
    for value in (1..64).flat_map(around) {
        for numerator in (1..64).flat_map(around) {
            for divisor in [1, 3, 3_600, 10_000, (1 << 31) - 1, 1 << 31, u32::MAX] {
                let product = u128::from(value) * u128::from(numerator);
                let (floor, ceiling) = (product / u128::from(divisor), product.div_ceil(divisor.into()));
                assert_eq!(mul_div_floor(value, numerator, divisor), u64::try_from(floor).ok());
                assert_eq!(mul_div_ceil(value, numerator, divisor), u64::try_from(ceiling).ok());
            }
        }
    }
}

#[test]
fn every_second_of_two_hours_bills_down_and_deposits_up() {
    for price in [0, 1, 2, 7, 59, 3_599, 3_600, 3_601, 10_007] {
        for seconds in 0..=7_200u32 {
            let exact = price * u64::from(seconds);
            assert_eq!(bill(price, seconds), Some(exact / 3_600));
            assert_eq!(deposit(price, seconds), Some(exact.div_ceil(3_600)));
        }
    }
}

#[test]
fn the_least_of_all_small_triples_is_paid() {
    for proven in 0..12 {
        for elapsed in 0..12 {
            for maximum in 0..12 {
                let paid = payable_seconds(proven, elapsed, maximum);
                assert!(paid <= proven && paid <= elapsed && paid <= maximum);
                assert!([proven, elapsed, maximum].contains(&paid));
            }
        }
    }
}

/// All pairs of fees that make a whole, and for each fee the matcher's ends.
#[test]
fn every_share_of_small_earnings_leaves_the_provider_no_less_than_nothing() {
    for earned in (0..=12).chain([9_999, 10_000, 10_001]) {
        for fee in 0..=10_000u16 {
            let rest = 10_000 - fee;
            for matcher in [0, 1, rest / 2, rest] {
                let matcher = matcher.min(rest);
                let parts = settle(earned + 3, earned, fee, matcher).expect("within bounds");
                assert_eq!(parts.provider + parts.matcher + parts.treasury, earned);
                assert_eq!(parts.customer, 3);
                assert_eq!(parts.treasury, (earned * u64::from(fee)).div_ceil(10_000));
                assert_eq!(parts.matcher, earned * u64::from(matcher) / 10_000);
            }
            assert_eq!(settle(earned, earned, fee, rest + 1), None);
        }
    }
}

#[test]
fn every_small_claim_comes_off_the_parts_in_order_and_leaves_the_rest() {
    for (fee, matcher) in [(0, 0), (1_000, 1_000), (3_333, 3_333), (5_000, 5_000), (200, 50)] {
        for deposited in 0..=16u64 {
            for earned in 0..=deposited {
                let parts = settle(deposited, earned, fee, matcher).expect("within bounds");
                for forgone in 0..=deposited {
                    for claimed in 0..=deposited {
                        let (left, missing) = after_claims(parts, claimed, forgone).expect("no more than deposited");
                        let after = left.provider + left.matcher + left.treasury + left.customer;
                        assert_eq!(after + claimed, deposited);
                        assert!(missing <= forgone && left.customer + missing <= parts.customer);
                        assert_eq!(left.provider, parts.provider.saturating_sub(claimed));
                        // Nobody stands back for who comes before in the order.
                        let paid = |whole: u64, left: u64| whole > left;
                        if paid(parts.matcher, left.matcher) {
                            assert_eq!((left.provider, left.treasury), (0, 0));
                        }
                        if paid(parts.treasury, left.treasury) {
                            assert_eq!((left.provider, missing), (0, forgone.min(parts.customer)));
                        }
                        if parts.customer > left.customer + missing {
                            assert_eq!((left.provider, left.treasury, left.matcher), (0, 0, 0));
                        }
                    }
                    assert_eq!(after_claims(parts, deposited + 1, forgone), None);
                }
            }
        }
    }
}

#[test]
fn every_commission_on_small_revenue_rounds_for_the_provider() {
    for revenue in (0..=20).chain([9_999, 10_000, 10_001]) {
        for commission in 0..=10_000u16 {
            let part = delegators_part(revenue, commission).expect("within bounds");
            let exact = revenue * u64::from(10_000 - commission);
            assert!(part * 10_000 <= exact && exact - part * 10_000 < 10_000);
        }
    }
}

#[test]
fn two_claims_and_a_settlement_pay_what_one_settlement_would_for_all_small_bills() {
    for (fee, matcher) in [(0, 0), (200, 50), (3_333, 3_333), (4_999, 5_000), (9_999, 1)] {
        for last in 0..=40u64 {
            let parts = settle(last, last, fee, matcher).expect("within bounds");
            for second in 0..=last {
                for first in 0..=second {
                    let mut paid = 0;
                    for billed in [first, second] {
                        paid += claim(billed, fee, matcher, 2_500, paid).expect("within bounds").due;
                    }
                    let (left, missing) = after_claims(parts, paid, 0).expect("within the deposit");
                    assert_eq!((left.provider + paid, left.customer), (parts.provider, parts.customer));
                    assert_eq!(
                        (left.treasury, left.matcher, missing),
                        (parts.treasury, parts.matcher, 0)
                    );
                }
            }
        }
    }
}

#[test]
fn the_uptime_of_every_part_of_small_times() {
    for elapsed in 0..=400u32 {
        for served in 0..=elapsed + 2 {
            let exact = (served.min(elapsed) * 10_000).checked_div(elapsed).unwrap_or(10_000);
            assert_eq!(u32::from(uptime_bps(served, elapsed)), exact);
        }
    }
}

#[test]
fn the_credit_of_every_uptime_is_that_of_the_highest_step() {
    let step = |shortfall_bps, credit_bps| SlaStep {
        shortfall_bps,
        credit_bps,
    };
    // Not in order, as the terms do not ask for it.
    let table = [step(100, 2_500), step(1, 1_000), step(500, 10_000)];
    for target in [0, 1, 100, 9_900, 10_000] {
        for uptime in 0..=10_000 {
            let expected = match i32::from(target) - i32::from(uptime) {
                ..=0 => 0,
                1..=99 => 1_000,
                100..=499 => 2_500,
                500.. => 10_000,
            };
            assert_eq!(credit_bps(target, uptime, &table), expected, "{target} {uptime}");
        }
    }
    assert_eq!(credit_bps(10_000, 0, &[]), 0);
}

#[test]
fn every_credit_of_small_bills_rounds_down() {
    for billed in (0..=20).chain([9_999, 10_001]) {
        for bps in 0..=10_000u16 {
            assert_eq!(credit(billed, bps), Some(billed * u64::from(bps) / 10_000));
        }
    }
}

#[test]
fn every_small_bond_is_the_least_that_covers_its_share() {
    for billed in 0..=24u64 {
        for rate in (0..=12).flat_map(|quarter: u64| [quarter << 30, (quarter << 30) + 1]) {
            for ratio in [0, 1, 3_333, 9_999, 10_000, 10_001, 20_000] {
                let bond = bond(billed, rate, ratio).expect("small");
                let stake = (u128::from(billed) * u128::from(rate)).div_ceil(1 << 32);
                let owed = stake * u128::from(ratio);
                assert!(u128::from(bond) * 10_000 >= owed);
                assert!(bond == 0 || u128::from(bond - 1) * 10_000 < owed);
            }
        }
    }
}

#[test]
fn the_largest_bond_is_given_and_the_next_refused() {
    let parity = 1 << 32;
    for ratio in [1, 9_999, 10_000] {
        let largest = u128::from(u64::MAX) * u128::from(ratio);
        let largest = u64::try_from(largest.div_ceil(10_000)).expect("at most all");
        assert_eq!(bond(u64::MAX, parity, ratio), Some(largest));
    }
    assert_eq!(bond(u64::MAX, parity, 10_001), None);
    assert_eq!(bond(u64::MAX, parity + 1, 10_000), None);
    assert_eq!(bond(u64::MAX, parity + 1, 1), None, "its stake alone is beyond 64 bits");
}

/// The ceilings that lie just beyond 64 bits over a rest: a floor of 2⁶⁴ − 1 is the last one that fits.
#[test]
fn a_rest_above_the_largest_floor_is_refused_when_rounding_up() {
    for divisor in 2..200u32 {
        for numerator in u64::from(divisor) + 1..u64::from(divisor) + 40 {
            let value = ((1u128 << 64) * u128::from(divisor) - 1) / u128::from(numerator);
            let value = u64::try_from(value).expect("the numerator is larger");
            let product = u128::from(value) * u128::from(numerator);
            let ceiling = u64::try_from(product.div_ceil(u128::from(divisor))).ok();
            assert!(mul_div_floor(value, numerator, divisor).is_some());
            assert_eq!(mul_div_ceil(value, numerator, divisor), ceiling);
        }
    }
}

#[test]
fn the_reputation_of_every_small_history() {
    for completed in 0..=24u64 {
        for failed in 0..=24u64 {
            let success = (completed + 1) * 10_000 / (completed + failed + 2);
            for promised_seconds in 0..=12u64 {
                for served_seconds in 0..=promised_seconds + 1 {
                    let served = (served_seconds.min(promised_seconds) * 10_000)
                        .checked_div(promised_seconds)
                        .unwrap_or(10_000);
                    let reputation = reputation_bps(History {
                        completed,
                        failed,
                        served_seconds,
                        promised_seconds,
                    });
                    assert_eq!(u64::from(reputation), success * served / 10_000);
                }
            }
        }
    }
}

/// A tier and a flag each need an attestation that is not over; a job that asks for neither needs none.
#[test]
fn an_attestation_counts_until_it_ends_for_every_tier_and_flag() {
    const NOW: i64 = 1_000;
    for tier in 0..=3 {
        for flags in 0..=3 {
            for attestation_expires_at in [i64::MIN, NOW - 1, NOW, NOW + 1, i64::MAX] {
                let asks = Requirements {
                    gpu_models: [0; 4],
                    gpu_count: 0,
                    vram_gib: 0,
                    ram_gib: 0,
                    disk_gib: 0,
                    mbps: 0,
                    countries: [[0; 2]; 8],
                    flags,
                    tier,
                    reputation_bps: 0,
                    max_price_per_hour: 0,
                    mint: [0; 32],
                };
                let has = Offer {
                    gpu_model: 0,
                    gpu_count: 0,
                    vram_gib: 0,
                    ram_gib: 0,
                    disk_gib: 0,
                    mbps: 0,
                    country: [0; 2],
                    flags,
                    tier,
                    attestation_expires_at,
                    reputation_bps: 0,
                    price_per_hour: 0,
                    mint: [0; 32],
                };
                let enough = (tier == 0 && flags == 0) || attestation_expires_at > NOW;
                let expected = if enough {
                    Ok(())
                } else {
                    Err(Mismatch::AttestationExpired)
                };
                assert_eq!(
                    asks.check(&has, NOW),
                    expected,
                    "{tier} {flags} {attestation_expires_at}"
                );
            }
        }
    }
}
