//! What people call a mint.
//!
//! A name has two sources alone: a fixed table of mints that are the same wherever they exist, and what the user's own
//! configuration says. It is never taken from on-chain metadata: anybody can make a mint there and call it USDC, and
//! whoever read that name would take worthless tokens for money. A mint without a name is shown by its address.

use crate::{Pubkey, bootstrap::Deployment};
use std::{fmt, str::FromStr};

/// Mints that are called the same everywhere. Whoever holds a mint's key alone can create it, so that an address stands
/// for one issuer on every cluster.
const WELL_KNOWN: [(Pubkey, &str); 4] = [
    (
        Pubkey::from_str_const("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"),
        "USDC",
    ),
    (
        Pubkey::from_str_const("Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"),
        "USDT",
    ),
    (
        Pubkey::from_str_const("2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo"),
        "PYUSD",
    ),
    // Circle's on devnet: worth nothing.
    (
        Pubkey::from_str_const("4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU"),
        "USDC",
    ),
];

/// A longer symbol would push amounts out of their columns.
const LONGEST_SYMBOL: usize = 12;

/// Text that names no mints.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MintNamesError {
    /// Not a symbol and an address.
    #[error("`{0}` names no mint: write SYMBOL=ADDRESS, with commas between several")]
    Malformed(String),
    /// No symbol.
    #[error(
        "`{0}` is no symbol: write a letter and at most {max} more letters, digits, `.`, `-` or `_`",
        max = LONGEST_SYMBOL - 1
    )]
    Symbol(String),
    /// No address.
    #[error("`{0}` is no mint: write its base58 address")]
    Address(String),
    /// Two mints of one name.
    #[error("{symbol} names both {first} and {second}: give each mint a symbol of its own")]
    Ambiguous {
        /// The name.
        symbol: String,
        /// The mint that has it.
        first: Pubkey,
        /// The mint that would get it too.
        second: Pubkey,
    },
    /// Two names of one mint.
    #[error("{mint} is {known} already: leave {symbol} out")]
    Named {
        /// The mint.
        mint: Pubkey,
        /// Its name.
        known: String,
        /// The name that it would get too.
        symbol: String,
    },
}

/// Names of mints: the well-known ones and those that the user's own configuration adds. The text form is that of
/// `GANTRY_MINTS`, `USDC=<address>,STAKE=<address>`, and holds only what was added.
///
/// Names come from no chain; why is said at the [module](self).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MintNames(Vec<(Pubkey, String)>);

impl MintNames {
    /// What `mint` is called, where a name is known.
    pub fn symbol(&self, mint: &Pubkey) -> Option<&str> {
        let added = self.0.iter().find(|(named, _)| named == mint);
        well_known(mint).or(added.map(|(_, symbol)| symbol.as_str()))
    }

    /// Calls `mint` by `symbol`.
    ///
    /// # Errors
    /// If `symbol` is none, another mint was added under it, or the mint has another name.
    pub fn add(&mut self, mint: Pubkey, symbol: &str) -> Result<(), MintNamesError> {
        if !is_symbol(symbol) {
            return Err(MintNamesError::Symbol(symbol.to_owned()));
        }
        match self.symbol(&mint) {
            Some(known) if known == symbol => return Ok(()),
            Some(known) => {
                return Err(MintNamesError::Named {
                    mint,
                    known: known.to_owned(),
                    symbol: symbol.to_owned(),
                });
            }
            None => {}
        }
        if let Some((first, _)) = self.0.iter().find(|(_, taken)| taken == symbol) {
            return Err(MintNamesError::Ambiguous {
                symbol: symbol.to_owned(),
                first: *first,
                second: mint,
            });
        }
        self.0.push((mint, symbol.to_owned()));
        Ok(())
    }

    /// These names, and those of `other` for mints that have none here.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        for (mint, symbol) in other.0 {
            if self.symbol(&mint).is_none() {
                self.0.push((mint, symbol));
            }
        }
        self
    }

    /// The names that a network of one's own gave its tokens.
    ///
    /// # Errors
    /// As [`MintNames::add`].
    pub fn of(deployment: &Deployment) -> Result<Self, MintNamesError> {
        let mut names = Self::default();
        for token in [&deployment.payment, &deployment.stake] {
            names.add(token.mint, &token.symbol)?;
        }
        Ok(names)
    }
}

/// What `mint` is called everywhere.
fn well_known(mint: &Pubkey) -> Option<&'static str> {
    let known = WELL_KNOWN.iter().find(|(known, _)| known == mint);
    known.map(|(_, symbol)| *symbol)
}

/// Whether `text` can stand behind an amount: nothing that reads as part of the number or moves a terminal's cursor.
fn is_symbol(text: &str) -> bool {
    text.len() <= LONGEST_SYMBOL
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

impl FromStr for MintNames {
    type Err = MintNamesError;

    /// Blank text names none, as an empty environment variable does.
    fn from_str(text: &str) -> Result<Self, MintNamesError> {
        let mut names = Self::default();
        if text.trim().is_empty() {
            return Ok(names);
        }
        for entry in text.split(',').map(str::trim) {
            let malformed = || MintNamesError::Malformed(entry.to_owned());
            let (symbol, address) = entry.split_once('=').ok_or_else(malformed)?;
            let mint = address.parse::<Pubkey>();
            names.add(mint.map_err(|_| MintNamesError::Address(address.to_owned()))?, symbol)?;
        }
        Ok(names)
    }
}

impl fmt::Display for MintNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (mint, symbol)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{symbol}={mint}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USDC: &str = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v";
    const OTHER: &str = "So11111111111111111111111111111111111111112";
    const THIRD: &str = "SysvarC1ock11111111111111111111111111111111";

    fn key(text: &str) -> Pubkey {
        text.parse().expect("a key")
    }

    fn names(text: &str) -> MintNames {
        text.parse().expect("names")
    }

    #[test]
    fn well_known_mints_have_their_name_and_others_none() {
        let none = MintNames::default();
        for (address, symbol) in [
            (USDC, "USDC"),
            ("Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB", "USDT"),
            ("2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo", "PYUSD"),
            ("4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU", "USDC"),
        ] {
            assert_eq!(none.symbol(&key(address)), Some(symbol));
        }
        assert_eq!(none.symbol(&key(OTHER)), None);
    }

    #[test]
    fn added_names_survive_the_round_trip() {
        let text = format!("USDC={OTHER},STAKE={THIRD}");
        let names = names(&text);
        assert_eq!(names.symbol(&key(OTHER)), Some("USDC"));
        assert_eq!(names.symbol(&key(THIRD)), Some("STAKE"));
        assert_eq!(names.symbol(&key(USDC)), Some("USDC"));
        assert_eq!(names.to_string(), text);
        assert_eq!(text.replace(',', " , ").parse(), Ok(names));
        assert_eq!(" ".parse(), Ok(MintNames::default()));
    }

    #[test]
    fn a_name_is_one_mint_s_and_a_mint_has_one_name() {
        let parse = |text: String| text.parse::<MintNames>().expect_err("ambiguous");
        assert!(matches!(
            parse(format!("A={OTHER},A={THIRD}")),
            MintNamesError::Ambiguous { .. }
        ));
        assert!(matches!(
            parse(format!("A={OTHER},B={OTHER}")),
            MintNamesError::Named { .. }
        ));
        assert!(matches!(parse(format!("FAKE={USDC}")), MintNamesError::Named { .. }));
        assert_eq!(names(&format!("USDC={USDC}")), MintNames::default());
        assert_eq!(names(&format!("A={OTHER},A={OTHER}")), names(&format!("A={OTHER}")));
    }

    #[test]
    fn what_names_nothing_is_refused() {
        let parse = |text: &str| text.parse::<MintNames>().expect_err("no names");
        for text in ["USDC", "A=,", "A=xyz"] {
            let error = parse(text);
            assert!(
                matches!(error, MintNamesError::Malformed(_) | MintNamesError::Address(_)),
                "{error}"
            );
        }
        for symbol in ["", "1A", "A B", "ÄB", "A\u{1b}[2J", "ABCDEFGHIJKLM"] {
            let error = parse(&format!("{symbol}={OTHER}"));
            assert_eq!(error, MintNamesError::Symbol(symbol.to_owned()));
        }
    }

    #[test]
    fn earlier_names_stand() {
        let both = names(&format!("A={OTHER}")).or(names(&format!("B={OTHER},C={THIRD}")));
        assert_eq!(both, names(&format!("A={OTHER},C={THIRD}")));
    }
}
