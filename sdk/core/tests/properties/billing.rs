//! Who gets what of a deposit.

use crate::{CASES, amount, bps, seconds, two_shares};
use gantry_core::{
    billing::{Settlement, after_claims, bill, claim, delegators_part, deposit, payable_seconds, settle},
    bond::bond,
    sla::{SlaStep, credit, credit_bps, uptime_bps},
};
use proptest::prelude::*;

fn sum(parts: &Settlement) -> u128 {
    [parts.provider, parts.matcher, parts.treasury, parts.customer]
        .into_iter()
        .map(u128::from)
        .sum()
}

/// A deposit and what is earned of it, by shares of a whole.
fn earned_of_deposit() -> impl Strategy<Value = (u64, u64)> {
    (amount(), amount()).prop_map(|(one, other)| (one.max(other), one.min(other)))
}

fn table() -> impl Strategy<Value = [SlaStep; 3]> {
    let step = (0u16..=10_000, bps()).prop_map(|(shortfall_bps, credit_bps)| SlaStep {
        shortfall_bps,
        credit_bps,
    });
    prop::array::uniform3(step)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn a_deposit_is_the_exact_price_rounded_up_and_a_bill_rounded_down(price in amount(), time in seconds()) {
        let exact = u128::from(price) * u128::from(time);
        prop_assert_eq!(deposit(price, time), u64::try_from(exact.div_ceil(3_600)).ok());
        prop_assert_eq!(bill(price, time), u64::try_from(exact / 3_600).ok());
    }

    #[test]
    fn a_deposit_covers_every_bill_that_it_was_made_for(
        max_price in amount(), price in amount(), maximum in seconds(), proven in seconds(), elapsed in seconds(),
    ) {
        let price = price.min(max_price);
        if let Some(deposited) = deposit(max_price, maximum) {
            let paid = payable_seconds(proven, elapsed, maximum);
            prop_assert!(bill(price, paid).expect("no more than the deposit") <= deposited);
        }
    }

    #[test]
    fn seconds_are_paid_within_all_three_bounds_and_at_one_of_them(a in seconds(), b in seconds(), c in seconds()) {
        prop_assert_eq!(payable_seconds(a, b, c), a.min(b).min(c));
    }

    #[test]
    fn billing_in_parts_never_comes_to_more_than_billing_at_once(price in amount(), a in seconds(), b in seconds()) {
        let both = a.checked_add(b).and_then(|time| bill(price, time));
        if let Some(whole) = both {
            let parts = [a, b].map(|time| bill(price, time).expect("less than the whole"));
            let apart = parts[0].checked_add(parts[1]).expect("at most the whole");
            // Two roundings down lose at most one unit against one.
            prop_assert!(apart <= whole && whole - apart <= 1);
        }
    }

    #[test]
    fn a_settlement_hands_out_the_deposit_and_each_part_rounds_as_documented(
        (deposited, earned) in earned_of_deposit(), (fee, matcher) in two_shares(),
    ) {
        let parts = settle(deposited, earned, fee, matcher).expect("within bounds");
        let share = |bps: u16| u128::from(earned) * u128::from(bps);
        prop_assert_eq!(sum(&parts), u128::from(deposited));
        prop_assert_eq!(parts.customer, deposited - earned);
        prop_assert_eq!(u128::from(parts.treasury), share(fee).div_ceil(10_000));
        prop_assert_eq!(u128::from(parts.matcher), share(matcher) / 10_000);
        // The provider gets its exact share or up to a unit less or more: the others' roundings meet there.
        let exact = share(10_000 - fee - matcher);
        prop_assert!((u128::from(parts.provider) * 10_000).abs_diff(exact) < 10_000);
    }

    #[test]
    fn a_settlement_out_of_bounds_is_refused(one in amount(), other in amount(), fee: u16, matcher: u16) {
        let refused = one > other || u32::from(fee) + u32::from(matcher) > 10_000;
        prop_assert_eq!(settle(other, one, fee, matcher).is_none(), refused);
    }

    #[test]
    fn claims_come_first_off_the_provider_then_the_refund_the_treasury_the_matcher(
        (deposited, earned) in earned_of_deposit(), (fee, matcher) in two_shares(), claimed in amount(), forgone in amount(),
    ) {
        let parts = settle(deposited, earned, fee, matcher).expect("within bounds");
        let Some((left, missing)) = after_claims(parts, claimed, forgone) else {
            prop_assert!(claimed > deposited);
            return Ok(());
        };
        prop_assert!(claimed <= deposited);
        prop_assert_eq!(sum(&left) + u128::from(claimed), u128::from(deposited));
        // The waterfall, one step after another.
        let mut owed = claimed;
        let mut take = |part: u64| {
            let taken = part.min(owed);
            owed -= taken;
            taken
        };
        let provider = parts.provider - take(parts.provider);
        let from_refund = take(parts.customer.min(forgone));
        let treasury = parts.treasury - take(parts.treasury);
        let of_matcher = parts.matcher - take(parts.matcher);
        let rest = take(parts.customer - from_refund);
        prop_assert_eq!(missing, from_refund);
        let customer = parts.customer - from_refund - rest;
        prop_assert_eq!(left, Settlement { provider, matcher: of_matcher, treasury, customer });
    }

    #[test]
    fn commission_splits_revenue_without_rest(revenue in amount(), commission: u16) {
        let part = delegators_part(revenue, commission);
        if commission > 10_000 {
            prop_assert_eq!(part, None);
        } else {
            let exact = u128::from(revenue) * u128::from(10_000 - commission) / 10_000;
            prop_assert_eq!(part.map(u128::from), Some(exact));
        }
    }

    #[test]
    fn a_claim_is_what_the_bill_leaves_after_all_shares_less_what_was_paid(
        billed in amount(), (fee, matcher) in two_shares(), commission in bps(), paid in amount(),
    ) {
        let claim = claim(billed, fee, matcher, commission, paid).expect("within bounds");
        let earned = u128::from(billed) * u128::from(10_000 - fee - matcher) / 10_000;
        prop_assert_eq!(u128::from(claim.due), earned.saturating_sub(u128::from(paid)));
        let after = delegators_part(paid + claim.due, commission).expect("within bounds");
        let before = delegators_part(paid, commission).expect("within bounds");
        prop_assert_eq!(claim.delegators, after - before);
        prop_assert!(claim.delegators <= claim.due);
    }

    #[test]
    fn a_claim_with_more_than_a_whole_to_share_is_refused(fee: u16, matcher: u16, commission: u16) {
        let refused = u32::from(fee) + u32::from(matcher) > 10_000 || commission > 10_000;
        prop_assert_eq!(claim(1_000, fee, matcher, commission, 0).is_none(), refused);
    }

    /// A job that claims at some bills on its way and settles at the last one, at unchanged fees.
    #[test]
    fn claims_on_the_way_change_nothing_of_what_anybody_gets(
        mut bills in prop::collection::vec(amount(), 1..8), deposited in amount(), (fee, matcher) in two_shares(),
        commission in bps(),
    ) {
        bills.sort_unstable();
        let last = *bills.last().expect("at least one");
        let deposited = deposited.max(last);
        let (mut paid, mut delegators) = (0u64, 0u64);
        for billed in bills {
            let claim = claim(billed, fee, matcher, commission, paid).expect("within bounds");
            paid += claim.due;
            delegators += claim.delegators;
        }
        prop_assert_eq!(Some(delegators), delegators_part(paid, commission));
        let parts = settle(deposited, last, fee, matcher).expect("within bounds");
        let (left, missing) = after_claims(parts, paid, 0).expect("no more than was deposited");
        prop_assert_eq!(missing, 0);
        prop_assert_eq!(left, Settlement { provider: parts.provider - paid, ..parts });
    }

    #[test]
    fn uptime_is_the_served_share_rounded_down_and_at_most_all(served in seconds(), elapsed in seconds()) {
        let exact = if elapsed == 0 { 10_000 } else { u64::from(served) * 10_000 / u64::from(elapsed) };
        prop_assert_eq!(u64::from(uptime_bps(served, elapsed)), exact.min(10_000));
    }

    #[test]
    fn a_credit_is_that_of_the_highest_step_reached(target in bps(), uptime in bps(), table in table()) {
        let shortfall = target.checked_sub(uptime).filter(|shortfall| *shortfall > 0);
        let mut most = 0;
        for step in table {
            if shortfall.is_some_and(|shortfall| shortfall >= step.shortfall_bps) && step.credit_bps > most {
                most = step.credit_bps;
            }
        }
        prop_assert_eq!(credit_bps(target, uptime, &table), most);
    }

    #[test]
    fn less_uptime_is_never_less_credit(target in bps(), one in bps(), other in bps(), table in table()) {
        let (low, high) = (one.min(other), one.max(other));
        prop_assert!(credit_bps(target, low, &table) >= credit_bps(target, high, &table));
    }

    #[test]
    fn a_credit_is_the_exact_share_of_the_bill_rounded_down(billed in amount(), bps: u16) {
        let exact = u128::from(billed) * u128::from(bps) / 10_000;
        let expected = (bps <= 10_000).then(|| u64::try_from(exact).expect("at most the bill"));
        prop_assert_eq!(credit(billed, bps), expected);
    }

    #[test]
    fn a_bond_rounds_up_twice_and_is_refused_beyond_64_bits(billed in amount(), rate in amount(), ratio in seconds()) {
        let stake = (u128::from(billed) * u128::from(rate)).div_ceil(1 << 32);
        let exact = (stake * u128::from(ratio)).div_ceil(10_000);
        let fits = stake <= u128::from(u64::MAX);
        prop_assert_eq!(bond(billed, rate, ratio), u64::try_from(exact).ok().filter(|_| fits));
    }

    #[test]
    fn a_larger_bill_rate_or_ratio_never_needs_a_smaller_bond(
        billed in amount(), rate in amount(), ratio in seconds(), more in (amount(), amount(), seconds()),
    ) {
        let least = bond(billed, rate, ratio);
        let most = bond(billed.max(more.0), rate.max(more.1), ratio.max(more.2));
        // Refused counts as more than any number. A bond of no ratio may be known where its stake alone does not fit.
        if let Some(most) = most {
            prop_assert!(least.is_some_and(|least| least <= most));
        }
    }
}
