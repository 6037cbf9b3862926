//! Amounts of a token as people write them.

/// Text that is no amount of a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a plain decimal number.
    #[error("`{0}` is no amount: write digits with at most one point, such as 1.50")]
    Malformed(String),
    /// More digits after the point than the token has.
    #[error("`{text}` has more than the token's {decimals} digits after the point")]
    TooPrecise {
        /// What was written.
        text: String,
        /// Decimals of the token.
        decimals: u8,
    },
    /// Beyond 2⁶⁴ - 1 base units.
    #[error("`{0}` is more than a token account can hold")]
    TooLarge(String),
}

/// Base units of the amount `text` of a token with `decimals`.
///
/// # Errors
/// If it is no plain decimal number, has more digits after the point than the token, or exceeds `u64`.
pub fn parse(text: &str, decimals: u8) -> Result<u64, AmountError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || (text.contains('.') && fraction.is_empty()) {
        return Err(AmountError::Malformed(text.to_owned()));
    }
    if fraction.len() > usize::from(decimals) {
        return Err(AmountError::TooPrecise {
            text: text.to_owned(),
            decimals,
        });
    }
    let padded = format!("{whole}{fraction:0<width$}", width = usize::from(decimals));
    padded.parse().map_err(|_| AmountError::TooLarge(text.to_owned()))
}

/// `base_units` of a token with `decimals`, without zeros at the end but with at least two digits after the point where
/// the token has them: `1.50`, `0.000001`.
pub fn format(base_units: u64, decimals: u8) -> String {
    let decimals = usize::from(decimals);
    let digits = format!("{base_units:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let shortest = fraction.trim_end_matches('0').len().max(decimals.min(2));
    if shortest == 0 {
        whole.to_owned()
    } else {
        format!("{whole}.{}", &fraction[..shortest])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_survive_the_round_trip() {
        for (text, decimals, units) in [
            ("1.50", 6, 1_500_000),
            ("0.000001", 6, 1),
            ("7", 0, 7),
            ("0.00", 9, 0),
            ("18446744073709.551615", 6, u64::MAX),
        ] {
            assert_eq!(parse(text, decimals), Ok(units));
            assert_eq!(format(units, decimals), text);
        }
        assert_eq!(parse("3", 6), Ok(3_000_000));
    }

    #[test]
    fn odd_amounts_are_refused() {
        for text in ["", ".", "1.", ".5", "-1", "1e3", "1,5", " 1", "1.2.3", "٣"] {
            assert_eq!(parse(text, 6), Err(AmountError::Malformed(text.to_owned())), "{text:?}");
        }
        assert!(matches!(parse("0.0000001", 6), Err(AmountError::TooPrecise { .. })));
        assert!(matches!(
            parse("18446744073709.551616", 6),
            Err(AmountError::TooLarge(_))
        ));
    }
}
