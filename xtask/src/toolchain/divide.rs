//! 128-bit division for a machine that divides 64 bits by 64 bits: what prices and shares are made of.
//!
//! The library's own algorithm takes twice the instructions and is 6 KB of each program that divides. This file is not
//! part of the task runner: it is put into the compiler's library sources, where nothing may panic.

use core::num::NonZeroU64;

const MASK: u64 = 0xffff_ffff;

/// The quotient and the remainder.
#[inline(never)]
pub(super) fn divide_by_word(n: u128, d: NonZeroU64) -> (u128, u64) {
    let (high, low) = ((n >> 64) as u64, n as u64);
    if high == 0 {
        return (u128::from(low / d), low % d);
    }
    let (top, rest) = if high < d.get() {
        (0, high)
    } else {
        (high / d, high % d)
    };
    let (bottom, remainder) = if d.get() >> 32 == 0 {
        let (first, rest) = half_step(rest, low >> 32, d);
        let (second, rest) = half_step(rest, low & MASK, d);
        ((first << 32) | second, rest)
    } else {
        two_words(rest, low, d.get())
    };
    ((u128::from(top) << 64) | u128::from(bottom), remainder)
}

/// The quotient and the remainder for a divisor of more than 64 bits.
#[inline(never)]
pub(super) fn divide_by_words(n: u128, d: u128) -> (u128, u128) {
    // Half the dividend by the divisor's upper 64 bits estimates the quotient, which has at most 64 bits, from above by
    // less than two (Warren, Hacker's Delight, second edition, section 9-5).
    let shift = d.leading_zeros();
    let top = NonZeroU64::new((d.wrapping_shl(shift) >> 64) as u64).unwrap_or(NonZeroU64::MIN);
    let (estimate, _) = divide_by_word(n >> 1, top);
    let mut quotient = (estimate.wrapping_shl(shift) >> 63).saturating_sub(1);
    let mut remainder = n.wrapping_sub(quotient.wrapping_mul(d));
    if remainder >= d {
        quotient = quotient.wrapping_add(1);
        remainder = remainder.wrapping_sub(d);
    }
    (quotient, remainder)
}

/// Divides `rest` with 32 more bits behind it by a `d` of at most 32 bits.
#[inline(always)]
fn half_step(rest: u64, next: u64, d: NonZeroU64) -> (u64, u64) {
    let n = (rest << 32) | next;
    (n / d, n % d)
}

/// Divides `high:low` by `d`, where `d` has more than 32 bits and `high < d`: long division by digits of 32 bits.
#[inline(always)]
fn two_words(high: u64, low: u64, d: u64) -> (u64, u64) {
    // The estimate of a digit is at most two too big when the divisor's top bit is set.
    let shift = d.leading_zeros();
    let d = d.wrapping_shl(shift);
    let carried = (low >> 1).wrapping_shr(shift ^ 63);
    let (high, low) = (high.wrapping_shl(shift) | carried, low.wrapping_shl(shift));
    let (first, rest) = digit(high, low >> 32, d);
    let (second, rest) = digit(rest, low & MASK, d);
    ((first << 32) | second, rest.wrapping_shr(shift))
}

/// One digit of the quotient, and what remains.
#[inline(always)]
fn digit(n: u64, next: u64, d: u64) -> (u64, u64) {
    let d0 = d & MASK;
    // Its top bit is set: this is never the other case.
    let d1 = NonZeroU64::new(d >> 32).unwrap_or(NonZeroU64::MIN);
    let mut q = n / d1;
    let mut r = n % d1;
    while q > MASK || q.wrapping_mul(d0) > ((r << 32) | next) {
        q = q.wrapping_sub(1);
        r = r.wrapping_add(d1.get());
        if r > MASK {
            break;
        }
    }
    (q, ((n << 32) | next).wrapping_sub(q.wrapping_mul(d)))
}

#[cfg(test)]
mod tests {
    use super::{NonZeroU64, divide_by_word, divide_by_words};

    #[test]
    fn agrees_with_the_host() {
        let mut x = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835_u128;
        for round in 0..2_000_000u32 {
            x = x
                .wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645)
                .wrapping_add(0x5851_f42d_4c95_7f2d_1405_7b7e_f767_814f);
            let n = match round % 4 {
                0 => u128::MAX - (x >> 125),
                _ => x.rotate_left(40) >> (x >> 121),
            };
            let d = match round % 5 {
                0 => u64::MAX - ((x >> 61) & 3) as u64,
                1 => 1 << ((x >> 70) & 63),
                _ => (x >> 32) as u64 >> ((x >> 100) & 63),
            };
            let d = NonZeroU64::new(d).unwrap_or(NonZeroU64::MIN);
            let wide = u128::from(d.get());
            assert_eq!(divide_by_word(n, d), (n / wide, (n % wide) as u64), "{n} / {d}");
        }
    }

    #[test]
    fn agrees_with_the_host_on_long_divisors() {
        let mut x = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835_u128;
        for round in 0..2_000_000u32 {
            x = x
                .wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645)
                .wrapping_add(0x5851_f42d_4c95_7f2d_1405_7b7e_f767_814f);
            let d = match round % 4 {
                0 => u128::MAX - (x >> 125),
                1 => 1 << (64 + ((x >> 64) & 63)),
                _ => (x.rotate_left(40) >> (x >> 122)) | 1 << 64,
            };
            let n = match round % 5 {
                0 => u128::MAX - ((x >> 61) & 3),
                // Around a multiple, where an estimate is wrong first.
                1 => d.wrapping_mul(u128::MAX / d).wrapping_sub(x & 1),
                2 => d.wrapping_sub(x & 1),
                _ => x.rotate_left(77),
            };
            assert_eq!(divide_by_words(n, d), (n / d, n % d), "{n} / {d}");
        }
    }
}
