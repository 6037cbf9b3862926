//! Any account of the three programs.

use crate::{Pubkey, market, registry, staking};
use anchor_lang::{AnchorDeserialize, Discriminator};

/// Bytes that are no account or event of the three programs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Another program's.
    #[error("{0} is none of Gantry's programs")]
    UnknownProgram(Pubkey),
    /// Too short for a discriminator, or one that the program does not have.
    #[error("unknown kind of data of program {program}: its first bytes are {discriminator}")]
    UnknownKind {
        /// The program.
        program: Pubkey,
        /// The first eight bytes or fewer, hexadecimal.
        discriminator: String,
    },
    /// The size or the contents are not those of its kind.
    #[error("{kind} of {length} bytes does not decode: program and SDK are of different versions")]
    Malformed {
        /// Account or event type.
        kind: &'static str,
        /// Bytes with the discriminator.
        length: usize,
    },
    /// A log line without event data.
    #[error("this log line carries no event")]
    NoEvent,
}

/// Decodes one type, discriminator first and without a byte left over.
///
/// # Errors
/// If the discriminator is another type's, or the bytes are too few or too many.
pub fn decode_account<T: AnchorDeserialize + Discriminator>(data: &[u8]) -> Result<T, DecodeError> {
    let kind = short_name::<T>();
    let malformed = DecodeError::Malformed {
        kind,
        length: data.len(),
    };
    let mut rest = data.strip_prefix(T::DISCRIMINATOR).ok_or_else(|| malformed.clone())?;
    match T::deserialize(&mut rest) {
        Ok(value) if rest.is_empty() => Ok(value),
        _ => Err(malformed),
    }
}

fn short_name<T>() -> &'static str {
    let path = std::any::type_name::<T>();
    path.rsplit("::").next().unwrap_or(path)
}

pub(super) fn unknown_kind(program: &Pubkey, data: &[u8]) -> DecodeError {
    let discriminator = hex::encode(&data[..data.len().min(8)]);
    DecodeError::UnknownKind {
        program: *program,
        discriminator,
    }
}

macro_rules! any_account {
    ($($program:ident::$name:ident,)*) => {
        /// An account of any of the three programs.
        #[derive(Debug, Clone)]
        #[allow(clippy::large_enum_variant, reason = "short-lived: decoded, looked at, dropped")]
        pub enum AnyAccount {
            $(
                #[doc = concat!("[`", stringify!($name), "`](crate::", stringify!($program), "::accounts::", stringify!($name), ") of the ", stringify!($program), " program.")]
                $name($program::accounts::$name),
            )*
        }

        impl AnyAccount {
            /// Decodes the account data of an account that `owner` owns.
            ///
            /// # Errors
            /// If `owner` is none of the three programs or the data is none of its account types.
            pub fn decode(owner: &Pubkey, data: &[u8]) -> Result<Self, DecodeError> {
                $(
                    if *owner == $program::ID && data.starts_with($program::accounts::$name::DISCRIMINATOR) {
                        return decode_account::<$program::accounts::$name>(data).map(Self::$name);
                    }
                )*
                if crate::idl::of(owner).is_none() {
                    return Err(DecodeError::UnknownProgram(*owner));
                }
                Err(unknown_kind(owner, data))
            }

            /// Name of the account type.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name),)* }
            }

            /// The program that owns this kind of account.
            pub fn program(&self) -> Pubkey {
                match self { $(Self::$name(_) => $program::ID,)* }
            }

            /// Every kind, with the program it belongs to and its discriminator.
            pub const KINDS: &'static [(&'static str, &'static str, &'static [u8])] =
                &[$((stringify!($program), stringify!($name), $program::accounts::$name::DISCRIMINATOR)),*];
        }
    };
}

any_account! {
    registry::Network,
    registry::Provider,
    registry::Node,
    registry::Attestor,
    registry::Device,
    staking::StakingParams,
    staking::Pool,
    staking::Position,
    market::MarketParams,
    market::PaymentMint,
    market::Customer,
    market::Job,
    market::Dispute,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_of_the_idls_is_known() {
        for idl in crate::idl::ALL.iter() {
            for name in idl.accounts() {
                // A program's IDL also lists the accounts of others that it reads.
                let known = AnyAccount::KINDS.iter().any(|(_, kind, _)| *kind == name);
                assert!(known, "{}::{name} is missing", idl.name);
            }
        }
    }

    #[test]
    fn only_the_exact_bytes_decode() {
        let mut data = market::accounts::Customer::DISCRIMINATOR.to_vec();
        data.extend([7; 32]);
        data.extend([8; 32]);
        data.extend(9u64.to_le_bytes());
        data.extend(10u32.to_le_bytes());
        data.push(255);
        let Ok(AnyAccount::Customer(customer)) = AnyAccount::decode(&market::ID, &data) else {
            panic!("a customer decodes");
        };
        assert_eq!((customer.next_job_id, customer.open_jobs, customer.bump), (9, 10, 255));
        for length in 0..data.len() {
            assert!(
                AnyAccount::decode(&market::ID, &data[..length]).is_err(),
                "{length} bytes"
            );
        }
        assert!(matches!(
            AnyAccount::decode(&registry::ID, &data),
            Err(DecodeError::UnknownKind { .. })
        ));
        let stranger = Pubkey::from([1; 32]);
        assert_eq!(
            AnyAccount::decode(&stranger, &data).unwrap_err(),
            DecodeError::UnknownProgram(stranger)
        );
        data.push(0);
        assert!(matches!(
            AnyAccount::decode(&market::ID, &data),
            Err(DecodeError::Malformed { .. })
        ));
    }
}
