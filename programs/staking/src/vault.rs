//! Token transfers of the vaults, and what must hold of mints and payees.

use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TransferChecked, transfer_checked};

/// Bytes of a token account, and of a padded mint, before the byte that says which of the two it is.
const BASE_LENGTH: usize = 165;
/// State of a token account that is neither missing nor frozen.
const INITIALIZED: u8 = 1;
/// Token-2022's extension that makes incoming transfers need a memo.
const MEMO_TRANSFER: u16 = 8;

/// Moves `amount` from `from` to `to`.
#[inline(never)]
pub(crate) fn transfer(
    program: &Address,
    from: CpiHandleMut,
    mint: &InterfaceAccount<Mint>,
    to: CpiHandleMut,
    authority: CpiHandle,
    signer: &[&[&[u8]]],
    amount: u64,
) -> Result<()> {
    let accounts = TransferChecked {
        from,
        mint: mint.cpi_handle(),
        to,
        authority,
    };
    transfer_checked(
        CpiContext::new_with_signer(program, accounts, signer),
        amount,
        mint.decimals(),
    )
}

/// Whether a transfer of `mint` to `account` goes through. A payee who closed or froze an account, or asks for memos,
/// must not be able to stop a slash.
pub(crate) fn can_receive(account: &AccountView, program: &Address, mint: &Address) -> bool {
    account.owned_by(program) && account.try_borrow().is_ok_and(|data| is_open(&data, mint))
}

fn is_open(data: &[u8], mint: &Address) -> bool {
    data.get(..32) == Some(mint.as_ref())
        && data.get(108) == Some(&INITIALIZED)
        && (data.len() == BASE_LENGTH
            || (data.get(BASE_LENGTH) == Some(&2)
                && extensions(data).all(|e| e.is_some_and(|(kind, value)| kind != MEMO_TRANSFER || value == [0]))))
}

/// Whether stake can be kept in a mint: no extension of it can take, freeze, tax, hide or redirect a payment.
pub(crate) fn is_supported_mint(data: &[u8]) -> bool {
    // Interest-bearing 10, metadata pointer 18 and metadata 19, group 20 to 23, scaled display amount 25.
    extensions(data).all(|e| e.is_some_and(|(kind, _)| matches!(kind, 10 | 18..=23 | 25)))
}

/// The extensions of a token account or mint: type and value; `None` once where the data is broken.
fn extensions(data: &[u8]) -> impl Iterator<Item = Option<(u16, &[u8])>> {
    let mut rest = data.get(BASE_LENGTH + 1..).unwrap_or_default();
    core::iter::from_fn(move || {
        let Some((header, body)) = rest.split_first_chunk::<4>() else {
            // Fewer bytes than a header: padding, or nothing.
            return None;
        };
        let (kind, length) = (
            u16::from_le_bytes([header[0], header[1]]),
            u16::from_le_bytes([header[2], header[3]]),
        );
        if kind == 0 {
            return None;
        }
        let Some((value, next)) = body.split_at_checked(usize::from(length)) else {
            rest = &[];
            return Some(None);
        };
        rest = next;
        Some(Some((kind, value)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINT: Address = Address::new_from_array([7; 32]);

    fn account(extensions: &[u8]) -> Vec<u8> {
        let mut data = vec![0; BASE_LENGTH];
        data[..32].copy_from_slice(MINT.as_ref());
        data[108] = INITIALIZED;
        if !extensions.is_empty() {
            data.push(2);
            data.extend_from_slice(extensions);
        }
        data
    }

    #[test]
    fn an_open_account_of_the_mint_can_receive() {
        assert!(is_open(&account(&[]), &MINT));
        // Immutable owner, as every associated account of Token-2022 has.
        assert!(is_open(&account(&[7, 0, 0, 0]), &MINT));
        // Memos were asked for once and are not any more.
        assert!(is_open(&account(&[7, 0, 0, 0, 8, 0, 1, 0, 0]), &MINT));
    }

    #[test]
    fn closed_frozen_foreign_and_memo_accounts_cannot() {
        assert!(!is_open(&[], &MINT));
        assert!(!is_open(&account(&[]), &Address::new_from_array([8; 32])));
        let mut frozen = account(&[]);
        frozen[108] = 2;
        assert!(!is_open(&frozen, &MINT));
        assert!(!is_open(&account(&[7, 0, 0, 0, 8, 0, 1, 0, 1]), &MINT));
        assert!(
            !is_open(&account(&[7, 0, 9, 0, 0]), &MINT),
            "an extension longer than the account"
        );
        let mut mint = account(&[7, 0, 0, 0]);
        mint[BASE_LENGTH] = 1;
        assert!(!is_open(&mint, &MINT));
    }

    #[test]
    fn a_stake_mint_has_only_harmless_extensions() {
        let mint = |kind: u8| {
            let mut data = vec![0; BASE_LENGTH];
            data.push(1);
            data.extend_from_slice(&[18, 0, 2, 0, 0, 0, kind, 0, 1, 0, 0]);
            data
        };
        assert!(is_supported_mint(&[0; 82]));
        assert!(is_supported_mint(&mint(19)));
        for kind in [1, 3, 4, 6, 9, 12, 14, 16, 24, 26, 99] {
            assert!(!is_supported_mint(&mint(kind)), "{kind}");
        }
    }
}
