//! `numeric` for unsigned integers up to 128 bits, in Postgres' own binary form: nothing is printed or parsed.

use std::fmt;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};

/// `numeric` and `numeric[]` in the catalogue of every Postgres.
const NUMERIC: PgTypeInfo = PgTypeInfo::with_oid(Oid(1700));
const NUMERIC_ARRAY: PgTypeInfo = PgTypeInfo::with_oid(Oid(1231));

/// Digits of the binary form count to this.
const BASE: u128 = 10_000;

/// An unsigned integer, kept as `numeric`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Numeric(pub u128);

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Type<Postgres> for Numeric {
    fn type_info() -> PgTypeInfo {
        NUMERIC
    }
}

impl PgHasArrayType for Numeric {
    fn array_type_info() -> PgTypeInfo {
        NUMERIC_ARRAY
    }
}

impl Encode<'_, Postgres> for Numeric {
    fn encode_by_ref(&self, buf: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        write(self.0, |part| buf.extend_from_slice(part));
        Ok(IsNull::No)
    }
}

/// Writes `value` in the binary form, piece by piece.
pub(super) fn write(value: u128, mut piece: impl FnMut(&[u8])) {
    let mut digits = [0u16; 10];
    let mut count = 0;
    let mut rest = value;
    while rest > 0 {
        // Most values fit 64 bits, which divide far faster.
        let digit = match u64::try_from(rest) {
            Ok(small) => {
                rest = u128::from(small / BASE as u64);
                small % BASE as u64
            }
            Err(_) => {
                let digit = rest % BASE;
                rest /= BASE;
                digit as u64
            }
        };
        digits[count] = digit as u16;
        count += 1;
    }
    let weight = count.saturating_sub(1) as u16;
    for header in [count as u16, weight, 0, 0] {
        piece(&header.to_be_bytes());
    }
    for digit in digits[..count].iter().rev() {
        piece(&digit.to_be_bytes());
    }
}

impl Decode<'_, Postgres> for Numeric {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        if value.format() == PgValueFormat::Text {
            return Ok(Self(value.as_str()?.parse()?));
        }
        decode(value.as_bytes()?)
            .map(Self)
            .ok_or_else(|| "the number is no unsigned integer of 128 bits".into())
    }
}

fn decode(bytes: &[u8]) -> Option<u128> {
    let mut words = bytes.as_chunks::<2>().0.iter().map(|word| u16::from_be_bytes(*word));
    let (count, weight, sign, _scale) = (words.next()?, words.next()?, words.next()?, words.next()?);
    if sign != 0 {
        return None;
    }
    let mut value = 0u128;
    for digit in words.by_ref().take(count.into()) {
        value = value.checked_mul(BASE)?.checked_add(digit.into())?;
    }
    if count == 0 {
        return Some(0);
    }
    // Zeros at the end are left out of the binary form.
    let zeros = u32::from(weight).checked_add(1)?.checked_sub(count.into())?;
    value.checked_mul(BASE.checked_pow(zeros)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailing_zeros_fractions_and_signs() {
        let words = |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
        assert_eq!(decode(&words(&[0, 0, 0, 0])), Some(0));
        assert_eq!(decode(&words(&[1, 2, 0, 0, 5])), Some(500_000_000));
        assert_eq!(decode(&words(&[2, 1, 0, 0, 1, 2])), Some(10_002));
        assert_eq!(decode(&words(&[1, 0, 0x4000, 0, 5])), None);
        assert_eq!(decode(&words(&[2, 0, 0, 4, 1, 5000])), None);
        assert_eq!(decode(&[0]), None);
    }
}
