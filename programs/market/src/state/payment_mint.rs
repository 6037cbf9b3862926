use anchor_lang::prelude::*;

/// A mint that jobs may be paid in. Seeds `"mint", mint`.
#[account]
pub struct PaymentMint {
    /// The mint.
    pub mint: Address,
    /// Its token program: Token or Token-2022.
    pub token_program: Address,
    /// Token account of the treasury in this mint.
    pub treasury: Address,
    /// Who paid the rent of this account.
    pub rent_payer: Address,
    /// Least price of a job, base units per hour.
    pub minimum_price: PodU64,
    /// Stake units per payment unit, Q32.32: sizes bonds.
    pub stake_rate: PodU64,
    /// 1 while new jobs may use it.
    pub enabled: u8,
    /// Decimals of the mint.
    pub decimals: u8,
    /// Canonical bump.
    pub bump: u8,
}

/// Token-2022 mint extensions that change nothing about who gets paid how much: how amounts are displayed, metadata and
/// group pointers with what they point to. Everything else is refused, unknown types included. Numbers: Token-2022's
/// `ExtensionType`.
const ALLOWED_EXTENSIONS: [u16; 8] = [
    10, // InterestBearingConfig
    18, // MetadataPointer
    19, // TokenMetadata
    20, // GroupPointer
    21, // TokenGroup
    22, // GroupMemberPointer
    23, // TokenGroupMember
    25, // ScaledUiAmount
];

/// Length of a mint without extensions.
const MINT_LEN: usize = 82;
/// Where a Token-2022 mint's extensions begin: after the padding to a token account's length and the account type.
const EXTENSIONS_AT: usize = 166;

/// Whether all extensions in a mint's account data are on the allow list. Data that cannot be read is not.
pub fn extensions_allowed(data: &[u8]) -> bool {
    if data.len() == MINT_LEN {
        return true;
    }
    let Some(mut rest) = data.get(EXTENSIONS_AT..) else {
        return false;
    };
    // A list of (type u16, length u16, value); it ends with the data or with a type of 0.
    loop {
        let Some((&[a, b], after)) = rest.split_first_chunk::<2>() else {
            return true;
        };
        let kind = u16::from_le_bytes([a, b]);
        if kind == 0 {
            return true;
        }
        let Some((&[a, b], after)) = after.split_first_chunk::<2>() else {
            return false;
        };
        let length = usize::from(u16::from_le_bytes([a, b]));
        if !ALLOWED_EXTENSIONS.contains(&kind) {
            return false;
        }
        let Some(next) = after.get(length..) else {
            return false;
        };
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mint_with(extensions: &[(u16, usize)]) -> Vec<u8> {
        let mut data = vec![0; EXTENSIONS_AT];
        for (kind, length) in extensions {
            data.extend_from_slice(&kind.to_le_bytes());
            data.extend_from_slice(&(*length as u16).to_le_bytes());
            data.resize(data.len() + length, 7);
        }
        data
    }

    #[test]
    fn plain_mints_and_harmless_extensions_are_admitted() {
        assert!(extensions_allowed(&[0; MINT_LEN]));
        assert!(extensions_allowed(&mint_with(&[(18, 64), (19, 100)])));
    }

    #[test]
    fn everything_else_is_refused() {
        // transfer fee, confidential, default state, non-transferable, permanent delegate, hook, pausable, unknown
        for kind in [1, 4, 6, 9, 12, 14, 26, 999] {
            assert!(
                !extensions_allowed(&mint_with(&[(18, 64), (kind, 8)])),
                "extension {kind}"
            );
        }
    }

    #[test]
    fn a_truncated_list_is_refused() {
        let data = mint_with(&[(18, 64)]);
        assert!(!extensions_allowed(&data[..data.len() - 1]));
        assert!(!extensions_allowed(&data[..EXTENSIONS_AT + 3]));
        assert!(!extensions_allowed(&[0; MINT_LEN + 1]));
    }
}
