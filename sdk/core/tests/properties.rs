//! What must hold for every input, at the ends of `u64` most of all: drawn at random, and compared with the same maths
//! in `u128`, which holds every exact value here (`u64 × u64`, and `⌈u64 × u64 / 2³²⌉ × u32`).

#[path = "properties/billing.rs"]
mod billing;
#[path = "properties/bytes.rs"]
mod bytes;
#[path = "properties/node.rs"]
mod node;

use gantry_core::{mul_div_ceil, mul_div_floor};
use proptest::prelude::*;

/// Cases of each property. They take a second or two together; the small domains are covered in `exhaustive.rs`.
const CASES: u32 = 512;

/// Numbers of every size, and those around the powers of two and at both ends as often as all others together.
fn amount() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => (any::<u64>(), 0u32..64).prop_map(|(number, shift)| number >> shift),
        1 => 0u64..5,
        1 => (0u64..5).prop_map(|below| u64::MAX - below),
        2 => (0u32..64, 0u64..3).prop_map(|(bit, around)| (1u64 << bit).wrapping_add(around).wrapping_sub(1)),
    ]
}

/// As [`amount`], of 32 bits.
fn seconds() -> impl Strategy<Value = u32> {
    prop_oneof![
        3 => (any::<u32>(), 0u32..32).prop_map(|(number, shift)| number >> shift),
        1 => 0u32..5,
        1 => (0u32..5).prop_map(|below| u32::MAX - below),
        1 => Just(3_600u32),
    ]
}

/// Basis points, the ends more often than chance has them.
fn bps() -> impl Strategy<Value = u16> {
    prop_oneof![4 => 0u16..=10_000, 1 => Just(0), 1 => Just(1), 1 => Just(9_999), 1 => Just(10_000)]
}

/// Two shares of one whole.
fn two_shares() -> impl Strategy<Value = (u16, u16)> {
    (bps(), bps(), any::<bool>()).prop_map(|(one, other, all)| {
        let rest = 10_000 - one;
        (one, if all { rest } else { other.min(rest) })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn a_quotient_is_the_exact_one_rounded_in_the_named_direction(
        value in amount(), numerator in amount(), divisor in seconds(),
    ) {
        let product = u128::from(value) * u128::from(numerator);
        let (floor, ceiling) = match divisor {
            0 => (None, None),
            d => (
                u64::try_from(product / u128::from(d)).ok(),
                u64::try_from(product.div_ceil(u128::from(d))).ok(),
            ),
        };
        prop_assert_eq!(mul_div_floor(value, numerator, divisor), floor);
        prop_assert_eq!(mul_div_ceil(value, numerator, divisor), ceiling);
    }

    #[test]
    fn the_largest_result_is_given_and_the_next_refused(numerator in amount(), divisor in seconds()) {
        prop_assume!(numerator > 0 && divisor > 0);
        // The largest value whose floor still fits, and its successor.
        let limit = ((1u128 << 64) * u128::from(divisor) - 1) / u128::from(numerator);
        if let Ok(value) = u64::try_from(limit) {
            let product = u128::from(value) * u128::from(numerator);
            prop_assert!(mul_div_floor(value, numerator, divisor).is_some());
            // With a rest above the largest floor, the ceiling is one too many.
            let ceiling = u64::try_from(product.div_ceil(u128::from(divisor))).ok();
            prop_assert_eq!(mul_div_ceil(value, numerator, divisor), ceiling);
            if let Some(next) = value.checked_add(1) {
                prop_assert_eq!(mul_div_floor(next, numerator, divisor), None);
                prop_assert_eq!(mul_div_ceil(next, numerator, divisor), None);
            }
        }
    }
}
