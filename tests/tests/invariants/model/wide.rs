//! Products that do not fit 128 bits, done the slow and plain way.

/// `x · m` as its upper 64 and lower 128 bits.
pub(crate) fn product(x: u128, m: u64) -> (u64, u128) {
    let m = u128::from(m);
    let (low, high) = ((x & u128::from(u64::MAX)) * m, (x >> 64) * m);
    let (sum, carried) = low.overflowing_add(high << 64);
    ((high >> 64) as u64 + u64::from(carried), sum)
}

/// `x · m / d`, rounded down; `None` where that does not fit, or for a `d` of 0 or above 2¹²⁷.
pub(crate) fn ratio(x: u128, m: u64, d: u128) -> Option<u128> {
    if d == 0 || d > 1 << 127 {
        return None;
    }
    let (high, low) = product(x, m);
    if high == 0 {
        return Some(low / d);
    }
    // Long division, a bit at a time.
    let (mut quotient, mut rest) = (0u128, 0u128);
    for place in (0..192).rev() {
        let bit = if place >= 128 {
            u128::from(high >> (place - 128)) & 1
        } else {
            (low >> place) & 1
        };
        rest = (rest << 1) | bit;
        if quotient >> 127 == 1 {
            return None;
        }
        quotient <<= 1;
        if rest >= d {
            rest -= d;
            quotient |= 1;
        }
    }
    Some(quotient)
}

/// Share of `whole` that `bps` basis points are, rounded down.
pub(crate) fn share(whole: u64, bps: u64) -> u64 {
    (u128::from(whole) * u128::from(bps) / 10_000) as u64
}
