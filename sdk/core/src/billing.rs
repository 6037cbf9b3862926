//! What a job costs, and who receives which part of it.

use crate::{BPS, BPS_DIVISOR, SECONDS_PER_HOUR, mul_div_ceil, mul_div_floor};

/// Base units to deposit for at most `seconds` at `price_per_hour`: `ceil(price × seconds / 3600)`.
/// `None` if that exceeds `u64`.
pub const fn deposit(price_per_hour: u64, seconds: u32) -> Option<u64> {
    mul_div_ceil(price_per_hour, seconds as u64, SECONDS_PER_HOUR)
}

/// Base units billed for `seconds` at `price_per_hour`: `floor(price × seconds / 3600)`. `None` if that exceeds `u64`.
pub const fn bill(price_per_hour: u64, seconds: u32) -> Option<u64> {
    mul_div_floor(price_per_hour, seconds as u64, SECONDS_PER_HOUR)
}

/// Seconds to pay for: never more than the node proved, than passed, or than the customer bought.
pub const fn payable_seconds(proven: u32, elapsed: u32, maximum: u32) -> u32 {
    let least = if proven < elapsed { proven } else { elapsed };
    if least < maximum { least } else { maximum }
}

/// Where a deposit goes when a job settles. The parts sum to the deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// To the provider and its delegators together.
    pub provider: u64,
    /// To the matcher that paired the job.
    pub matcher: u64,
    /// To the treasury.
    pub treasury: u64,
    /// Back to the customer: what was not earned.
    pub customer: u64,
}

/// Splits `deposit` by what the node earned.
///
/// `earned` is the bill less any SLA credit, in base units and at most `deposit`; `fee_bps` goes to the treasury,
/// rounded up, `matcher_bps` to the matcher, rounded down; together at most 10,000. `None` where these bounds are broken.
pub const fn settle(deposit: u64, earned: u64, fee_bps: u16, matcher_bps: u16) -> Option<Settlement> {
    if earned > deposit || fee_bps as u64 + matcher_bps as u64 > BPS {
        return None;
    }
    // With shares that sum to at most a whole, ceil of one and floor of the other never exceed what was earned.
    let (Some(treasury), Some(matcher)) = (
        mul_div_ceil(earned, fee_bps as u64, BPS_DIVISOR),
        mul_div_floor(earned, matcher_bps as u64, BPS_DIVISOR),
    ) else {
        return None;
    };
    Some(Settlement {
        provider: earned - treasury - matcher,
        matcher,
        treasury,
        customer: deposit - earned,
    })
}

/// What is left to pay of `parts` once the provider has claimed `claimed` of them already, and what of the customer's
/// part the vault no longer has: something else has to make up for that.
///
/// Where the claims exceed the provider's part, because `forgone` (the part of the bill that was not earned after all)
/// was not known when they were paid, the customer's refund is what the vault has left. What exceeds it beyond that, as
/// after a change of the fees, comes out of the treasury's part and then the matcher's. `None` where more was claimed
/// than was deposited.
pub const fn after_claims(parts: Settlement, claimed: u64, forgone: u64) -> Option<(Settlement, u64)> {
    let Some(excess) = claimed.checked_sub(parts.provider) else {
        let left = Settlement {
            provider: parts.provider - claimed,
            ..parts
        };
        return Some((left, 0));
    };
    let missing = least(excess, least(forgone, parts.customer));
    let from_treasury = least(excess - missing, parts.treasury);
    let from_matcher = least(excess - missing - from_treasury, parts.matcher);
    // Nothing that the rules lead to, but the vault has no more than this.
    let Some(customer) = (parts.customer - missing).checked_sub(excess - missing - from_treasury - from_matcher) else {
        return None;
    };
    let left = Settlement {
        provider: 0,
        matcher: parts.matcher - from_matcher,
        treasury: parts.treasury - from_treasury,
        customer,
    };
    Some((left, missing))
}

const fn least(one: u64, other: u64) -> u64 {
    if one < other { one } else { other }
}

/// The delegators' part of a provider's revenue: what remains after `commission_bps`, rounded down.
/// `None` if the commission exceeds 10,000.
pub const fn delegators_part(revenue: u64, commission_bps: u16) -> Option<u64> {
    if commission_bps as u64 > BPS {
        return None;
    }
    mul_div_floor(revenue, BPS - commission_bps as u64, BPS_DIVISOR)
}

/// What a running job pays out now, beyond what it has paid before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// To the provider and its delegators together.
    pub due: u64,
    /// The delegators' part of that.
    pub delegators: u64,
}

/// What a running job pays out for a bill of `bill` so far, of which `paid_out` has been paid.
///
/// What remains of the bill after the treasury's `fee_bps` and the matcher's `matcher_bps` is rounded down as a whole: that
/// is never more than the provider's part in [`settle`] of this bill or of any larger one, so that a settlement at the
/// same shares never finds too much paid. Nothing is due where as much or more has been paid, as after a rise of the fees.
///
/// The delegators get the difference of their parts of everything paid, with this claim and without: many small claims
/// come to what one would. `None` where the shares exceed 10,000 together, or the commission does.
pub const fn claim(bill: u64, fee_bps: u16, matcher_bps: u16, commission_bps: u16, paid_out: u64) -> Option<Claim> {
    let shares = fee_bps as u64 + matcher_bps as u64;
    if shares > BPS {
        return None;
    }
    let Some(earned) = mul_div_floor(bill, BPS - shares, BPS_DIVISOR) else {
        return None;
    };
    let paid = if earned > paid_out { earned } else { paid_out };
    let (Some(with), Some(without)) = (
        delegators_part(paid, commission_bps),
        delegators_part(paid_out, commission_bps),
    ) else {
        return None;
    };
    Some(Claim {
        due: paid - paid_out,
        delegators: with - without,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deposits_round_up_and_bills_round_down() {
        assert_eq!(deposit(1_000_000, 3_600), Some(1_000_000));
        assert_eq!(deposit(1_000_000, 1), Some(278));
        assert_eq!(bill(1_000_000, 1), Some(277));
        assert_eq!(deposit(u64::MAX, 3_601), None);
    }

    #[test]
    fn nobody_is_paid_beyond_any_of_the_three_bounds() {
        assert_eq!(payable_seconds(10, 20, 30), 10);
        assert_eq!(payable_seconds(20, 10, 30), 10);
        assert_eq!(payable_seconds(30, 20, 10), 10);
    }

    #[test]
    fn parts_sum_to_the_deposit_at_the_bounds() {
        for deposit in [0, 1, 2, 9_999, 10_001, u64::MAX] {
            for earned in [0, 1, deposit / 3, deposit] {
                for (fee, matcher) in [(0, 0), (1, 9_999), (200, 50), (10_000, 0), (3_333, 3_333)] {
                    let earned = earned.min(deposit);
                    let parts = settle(deposit, earned, fee, matcher).expect("within bounds");
                    let sum = parts.provider as u128
                        + parts.matcher as u128
                        + parts.treasury as u128
                        + parts.customer as u128;
                    assert_eq!(sum, deposit as u128, "{deposit} {earned} {fee} {matcher}");
                }
            }
        }
    }

    #[test]
    fn claims_come_off_the_providers_part() {
        let parts = settle(1_000, 600, 200, 50).expect("within bounds");
        assert_eq!((parts.provider, parts.treasury, parts.matcher), (585, 12, 3));
        assert_eq!(after_claims(parts, 0, 0), Some((parts, 0)));
        let (left, missing) = after_claims(parts, 500, 0).expect("within bounds");
        assert_eq!((left.provider, left.customer, missing), (85, 400, 0));
        let (left, missing) = after_claims(parts, 585, 0).expect("within bounds");
        assert_eq!((left.provider, missing), (0, 0));
    }

    #[test]
    fn a_credit_on_what_was_claimed_is_missing_from_the_refund() {
        // Billed 1,000, all of it claimed at no fees, and half of it credited.
        let parts = settle(1_200, 500, 0, 0).expect("within bounds");
        let (left, missing) = after_claims(parts, 1_000, 500).expect("within bounds");
        assert_eq!((left.provider, left.customer, missing), (0, 200, 500));
    }

    #[test]
    fn fees_that_rose_after_a_claim_take_nothing_from_the_customer() {
        // 975 claimed at 2.5 %; fees are 10 % and 1 % by now.
        let parts = settle(1_500, 1_000, 1_000, 100).expect("within bounds");
        let (left, missing) = after_claims(parts, 975, 0).expect("within bounds");
        assert_eq!((left.provider, left.customer, missing), (0, 500, 0));
        assert_eq!((left.treasury, left.matcher), (15, 10));
    }

    #[test]
    fn what_is_left_and_what_was_claimed_sum_to_the_deposit() {
        for deposit in [1, 10, 9_999, u64::MAX] {
            for bill in [0, 1, deposit / 2, deposit] {
                for earned in [0, bill / 3, bill] {
                    for claimed in [0, 1, deposit / 3, deposit] {
                        let parts = settle(deposit, earned, 3_333, 3_333).expect("within bounds");
                        let (left, missing) =
                            after_claims(parts, claimed, bill - earned).expect("no more than was deposited");
                        let sum = [left.provider, left.matcher, left.treasury, left.customer, claimed];
                        assert_eq!(sum.iter().map(|p| u128::from(*p)).sum::<u128>(), deposit.into());
                        assert!(missing <= bill - earned && left.customer + missing <= parts.customer);
                    }
                }
            }
        }
        let parts = settle(10, 5, 0, 0).expect("within bounds");
        assert_eq!(after_claims(parts, 11, 5), None);
    }

    #[test]
    fn a_settlement_outside_its_bounds_is_refused() {
        assert_eq!(settle(1, 2, 0, 0), None);
        assert_eq!(settle(1, 1, 10_000, 1), None);
        assert_eq!(delegators_part(1, 10_001), None);
    }

    #[test]
    fn the_protocol_rounds_up_and_the_matcher_down() {
        let parts = settle(101, 101, 200, 50).expect("within bounds");
        assert_eq!((parts.treasury, parts.matcher, parts.provider), (3, 0, 98));
        assert_eq!(delegators_part(101, 1_000), Some(90));
    }

    #[test]
    fn a_claim_is_what_was_earned_and_not_paid() {
        let first = claim(50_000, 200, 50, 2_000, 0).expect("within bounds");
        assert_eq!((first.due, first.delegators), (48_750, 39_000));
        let nothing = claim(50_000, 200, 50, 2_000, 48_750).expect("within bounds");
        assert_eq!((nothing.due, nothing.delegators), (0, 0));
        let rest = claim(60_000, 200, 50, 2_000, 48_750).expect("within bounds");
        assert_eq!((rest.due, rest.delegators), (9_750, 7_800));
        // The fees rose.
        let less = claim(50_000, 300, 50, 2_000, 48_750).expect("within bounds");
        assert_eq!((less.due, less.delegators), (0, 0));
        let most = claim(u64::MAX, 0, 0, 0, 0).expect("within bounds");
        assert_eq!((most.due, most.delegators), (u64::MAX, u64::MAX));
        assert_eq!(claim(1, 10_000, 1, 0, 0), None);
        assert_eq!(claim(1, 0, 0, 10_001, 0), None);
    }

    #[test]
    fn no_settlement_comes_to_less_than_what_was_claimed_before() {
        for (fee, matcher) in [
            (0, 0),
            (200, 50),
            (4_000, 5_000),
            (5_000, 5_000),
            (1, 9_998),
            (3_333, 3_333),
        ] {
            let mut most = 0;
            for bill in 0..3_000 {
                let claimed = claim(bill, fee, matcher, 0, 0).expect("within bounds").due;
                let settled = settle(bill, bill, fee, matcher).expect("within bounds").provider;
                most = claimed.max(most);
                assert!(most <= settled, "{fee} {matcher} {bill}");
                assert!(settled - claimed <= 1, "{fee} {matcher} {bill}");
            }
        }
    }

    #[test]
    fn many_small_claims_come_to_what_one_would() {
        for (step, commission) in [(1, 5_000), (1, 9_999), (3, 1), (7, 3_333), (1, 0), (5, 10_000)] {
            let (mut paid, mut delegators) = (0, 0);
            for bill in (0..2_000).step_by(step) {
                let claim = claim(bill, 200, 50, commission, paid).expect("within bounds");
                assert!(claim.delegators <= claim.due);
                paid += claim.due;
                delegators += claim.delegators;
            }
            assert_eq!(
                Some(delegators),
                delegators_part(paid, commission),
                "{step} {commission}"
            );
        }
    }
}
