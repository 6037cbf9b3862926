//! Mints and token accounts of the Token and Token-2022 programs, and payments between them.

use crate::{
    call::{Passed, invoke},
    table::{Field, Kind, Slot},
};
use anchor_lang::{AnchorAccount, IdlAccountType, address_eq, prelude::*};
use core::ops::Deref;
use pinocchio::account::AccountView;

/// The Token program.
const TOKEN: Address = anchor_lang::address!("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
/// The Token-2022 program.
const TOKEN_2022: Address = anchor_lang::address!("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");

/// Bytes of a token account without extensions, and where the byte that tells accounts from mints is if there are any.
pub const BASE_LENGTH: usize = 165;
/// Bytes of a mint without extensions.
const MINT_LENGTH: usize = 82;
/// Bytes of a multisig, which neither an account nor a mint with extensions may have: the three look alike.
const MULTISIG_LENGTH: usize = 355;
/// [`BASE_LENGTH`]'s byte in a mint with extensions.
const IS_MINT: u8 = 1;
/// [`BASE_LENGTH`]'s byte in a token account with extensions.
const IS_ACCOUNT: u8 = 2;

/// What a token account begins with.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Tokens {
    /// Their mint.
    pub mint: Address,
    /// Who may spend them.
    pub owner: Address,
    amount: PodU64,
    delegate: [[u8; 18]; 2],
    state: u8,
}

impl Tokens {
    /// The mint of its tokens.
    #[inline(always)]
    pub fn mint(&self) -> &Address {
        &self.mint
    }

    /// Who may spend them.
    #[inline(always)]
    pub fn owner(&self) -> &Address {
        &self.owner
    }

    /// How many there are, base units.
    #[inline(always)]
    pub fn amount(&self) -> u64 {
        self.amount.get()
    }

    /// Whether they are not frozen.
    #[inline(always)]
    pub fn is_open(&self) -> bool {
        self.state == INITIALIZED
    }
}

/// What a mint begins with.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Mint {
    authority: [[u8; 18]; 2],
    supply: PodU64,
    decimals: u8,
    initialized: u8,
}

impl Mint {
    /// Digits behind the decimal point.
    #[inline(always)]
    pub fn decimals(&self) -> u8 {
        self.decimals
    }
}

/// Which of the two token programs owns an account, if one does.
fn is_of_token_program(view: &AccountView) -> bool {
    let owner = view.owner();
    address_eq(owner, &TOKEN) || address_eq(owner, &TOKEN_2022)
}

/// Whether `data` is as long as a token account (`kind` [`IS_ACCOUNT`]) or a mint ([`IS_MINT`]) with `base` bytes.
fn has_shape(data: &[u8], base: usize, kind: u8) -> bool {
    data.len() == base || (data.len() != MULTISIG_LENGTH && data.get(BASE_LENGTH) == Some(&kind))
}

macro_rules! wrapper {
    ($(#[$doc:meta])* $name:ident, $data:ty, $check:ident, $shape:expr) => {
        $(#[$doc])*
        pub struct $name(AccountView);

        impl $name {
            /// The account's address.
            #[inline(always)]
            pub fn address(&self) -> &Address {
                self.0.address()
            }
        }

        impl AnchorAccount for $name {
            type Data = $data;
            const MIN_DATA_LEN: usize = size_of::<$data>();

            #[inline(always)]
            fn load(view: AccountView) -> Result<Self> {
                $check(&view)?;
                Ok(Self(view))
            }

            #[inline(always)]
            fn account(&self) -> &AccountView {
                &self.0
            }
        }

        impl Field for $name {
            type Fields = $data;
            const SLOTS: &'static [Slot] = &[Slot { kind: &Kind::$name, flags: 0 }];
        }

        #[inline(never)]
        pub(crate) fn $check(view: &AccountView) -> Result<()> {
            require!(is_of_token_program(view), ProgramError::IllegalOwner);
            let is_one: fn(&[u8]) -> bool = $shape;
            // SAFETY: nobody can hold a reference into the data of an account that another program owns.
            require!(is_one(unsafe { view.borrow_unchecked() }), ProgramError::InvalidAccountData);
            Ok(())
        }

        impl Deref for $name {
            type Target = $data;

            #[inline(always)]
            fn deref(&self) -> &$data {
                // SAFETY: `load` found enough bytes, any bytes are a value, and the type's alignment is 1.
                unsafe { &*self.0.data_ptr().cast::<$data>() }
            }
        }

        #[doc(hidden)]
        impl IdlAccountType for $name {}
    };
}

wrapper!(
    /// A token account of either token program, neither missing nor uninitialized.
    TokenAccount,
    Tokens,
    check_account,
    |data| has_shape(data, BASE_LENGTH, IS_ACCOUNT) && matches!(data.get(108), Some(1 | 2))
);
wrapper!(
    /// An initialized mint of either token program.
    MintAccount,
    Mint,
    check_mint,
    |data| has_shape(data, MINT_LENGTH, IS_MINT) && data.get(45) == Some(&1)
);

/// One of the two token programs.
pub struct TokenProgram(AccountView);

impl TokenProgram {
    /// Its address.
    #[inline(always)]
    pub fn address(&self) -> &Address {
        self.0.address()
    }

    /// Whether `account` is a mint or token account of this one.
    pub fn owns(&self, account: &AccountView) -> bool {
        account.owned_by(self.address())
    }
}

impl AnchorAccount for TokenProgram {
    type Data = AccountView;

    #[inline(always)]
    fn load(view: AccountView) -> Result<Self> {
        check_program(&view)?;
        Ok(Self(view))
    }

    #[inline(always)]
    fn account(&self) -> &AccountView {
        &self.0
    }
}

impl Field for TokenProgram {
    type Fields = ();
    const SLOTS: &'static [Slot] = &[Slot {
        kind: &Kind::TokenProgram,
        flags: 0,
    }];
}

#[inline(never)]
pub(crate) fn check_program(view: &AccountView) -> Result<()> {
    let address = view.address();
    let is_one = address_eq(address, &TOKEN) || address_eq(address, &TOKEN_2022);
    require!(is_one, ProgramError::IncorrectProgramId);
    Ok(())
}

impl Deref for TokenProgram {
    type Target = AccountView;

    #[inline(always)]
    fn deref(&self) -> &AccountView {
        &self.0
    }
}

#[doc(hidden)]
impl IdlAccountType for TokenProgram {}

/// Moves `amount` base units, checked against the mint and its decimals. `seeds` sign for the authority where it is an
/// address of the program's; otherwise they are empty and the authority has signed the transaction.
///
/// # Errors
/// Those of the token program.
#[inline(never)]
pub fn transfer(
    program: &Address,
    from: Passed,
    mint: &MintAccount,
    to: Passed,
    authority: Passed,
    amount: u64,
    seeds: &[&[u8]],
) -> Result<()> {
    let mut data = [0; 10];
    data[0] = 12; // TransferChecked
    data[1..9].copy_from_slice(&amount.to_le_bytes());
    data[9] = mint.decimals();
    invoke(program, &[from, crate::readonly(mint), to, authority], &data, seeds)
}

/// Closes an empty token account; its rent goes to `destination`.
///
/// # Errors
/// Those of the token program.
#[inline(never)]
pub fn close(
    program: &Address,
    account: Passed,
    destination: Passed,
    authority: Passed,
    seeds: &[&[u8]],
) -> Result<()> {
    // CloseAccount
    invoke(program, &[account, destination, authority], &[9], seeds)
}

/// Makes the token account at `vault`, a program's address that `seeds` (the bump last) sign for, for `owner`. `payer`
/// pays its rent. Lamports that somebody sent to the address before count towards that.
///
/// # Errors
/// Those of the system and token programs.
#[inline(never)]
pub fn create(
    program: &Address,
    payer: &AccountView,
    vault: &mut UncheckedAccount,
    mint: &MintAccount,
    owner: &Address,
    seeds: &[&[u8]],
) -> Result<()> {
    // No extension on the allow list needs room in an account.
    crate::state::create(payer, vault.account(), BASE_LENGTH, program, &[], seeds)?;
    let mut data = [0; 33];
    data[0] = 18; // InitializeAccount3
    data[1..].copy_from_slice(owner.as_ref());
    invoke(program, &[crate::writable(vault), crate::readonly(mint)], &data, &[])
}

/// State of a token account that is neither missing nor frozen.
const INITIALIZED: u8 = 1;
/// Token-2022's extension that makes incoming transfers need a memo.
const MEMO_TRANSFER: u16 = 8;

/// Whether a transfer of `mint` to `account` goes through. A payee who closed or froze an account, or asks for memos,
/// must not be able to stop a payment to others.
#[inline(never)]
pub fn can_receive(account: &AccountView, program: &Address, mint: &Address) -> bool {
    account.owned_by(program) && account.try_borrow().is_ok_and(|data| is_open(&data, mint))
}

fn is_open(data: &[u8], mint: &Address) -> bool {
    data.get(..32) == Some(mint.as_ref())
        && data.get(108) == Some(&INITIALIZED)
        && has_shape(data, BASE_LENGTH, IS_ACCOUNT)
        && extensions(data).all(|e| e.is_some_and(|(kind, value)| kind != MEMO_TRANSFER || value == [0]))
}

/// Whether a mint can be staked or paid in: no extension of it can take, freeze, tax, hide or redirect a payment.
/// Everything that is not known to be harmless is refused, and so is data that cannot be read.
#[inline(never)]
pub fn is_supported_mint(data: &[u8]) -> bool {
    // Interest-bearing 10, metadata pointer 18 and metadata 19, group 20 to 23, scaled display amount 25.
    has_shape(data, MINT_LENGTH, IS_MINT)
        && extensions(data).all(|e| e.is_some_and(|(kind, _)| matches!(kind, 10 | 18..=23 | 25)))
}

/// The extensions of a token account or mint: type and value; `None` once where the data is broken.
fn extensions(data: &[u8]) -> impl Iterator<Item = Option<(u16, &[u8])>> {
    let mut rest = data.get(BASE_LENGTH + 1..).unwrap_or_default();
    core::iter::from_fn(move || {
        let Some((kind, after)) = rest.split_first_chunk::<2>() else {
            // Fewer bytes than a type: padding, or nothing.
            return None;
        };
        let kind = u16::from_le_bytes(*kind);
        if kind == 0 {
            return None;
        }
        let value = after.split_first_chunk::<2>().and_then(|(length, body)| {
            let length = usize::from(u16::from_le_bytes(*length));
            body.split_at_checked(length)
        });
        let Some((value, next)) = value else {
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
        assert!(
            !is_supported_mint(&[0; 83]),
            "neither a plain mint nor one with extensions"
        );
        assert!(is_supported_mint(&mint(19)));
        for kind in [1, 3, 4, 6, 9, 12, 14, 16, 24, 26, 99] {
            assert!(!is_supported_mint(&mint(kind)), "{kind}");
        }
    }
}
