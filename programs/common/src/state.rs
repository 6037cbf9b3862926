//! Accounts of our own programs.

use crate::call::{Passed, invoke};
use anchor_lang::{
    AccountClose, AccountInitialize, AnchorAccount, Discriminator, IdlAccountType, Owner, Space, address_eq,
    prelude::*, programs::System,
};
use bytemuck::{Pod, Zeroable};
use core::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
};
use pinocchio::{
    account::AccountView,
    sysvars::{get_sysvar, rent::RENT_ID},
};

/// A type that one of the programs keeps in accounts at an address that follows from the account's own fields.
pub trait Stored: Owner + Discriminator + Pod + Zeroable {
    /// The address that its fields and stored canonical bump give.
    fn derived_address(&self) -> Address;
}

/// An account of type `T`: owned by `T`'s program, with `T`'s discriminator, at the address that `T`'s fields say.
///
/// So an account of another owner or type, or one that pretends to be another instance, is never loaded, whatever
/// instruction it is given to. Which instance it has to be is for the instruction to say with `address =`.
///
/// Unlike Anchor's `Account` it keeps no borrow counter, whose upkeep on every way out of every instruction is what most
/// of such a program's code would be. What the counter guards against is ruled out before: the dispatcher refuses an
/// account that is passed twice where one of the two is `mut`, and no program here reads raw data of its own accounts.
pub struct State<T: Stored> {
    view: AccountView,
    data: PhantomData<T>,
}

impl<T: Stored> State<T> {
    /// The account's address.
    #[inline(always)]
    pub fn address(&self) -> &Address {
        self.view.address()
    }

    #[inline(always)]
    fn of(view: AccountView) -> Self {
        const { assert!(align_of::<T>() == 1 && T::DISCRIMINATOR.len() == DISCRIMINATOR_LENGTH) };
        Self {
            view,
            data: PhantomData,
        }
    }
}

/// Bytes before an account's fields that say which type it is.
const DISCRIMINATOR_LENGTH: usize = 8;

/// Checks everything of an account that does not depend on its fields.
#[inline(never)]
fn check(view: &AccountView, owner: &Address, discriminator: &[u8], length: usize) -> Result<()> {
    if !view.owned_by(owner) {
        let unborn = view.lamports() == 0 && view.owned_by(&System::id());
        return Err(if unborn {
            ProgramError::UninitializedAccount
        } else {
            ProgramError::IllegalOwner
        });
    }
    // SAFETY: nothing refers into the account yet: it is being loaded, and a second load of one that may be written is
    // refused by the dispatcher.
    let data = unsafe { view.borrow_unchecked() };
    require!(data.len() >= length, ProgramError::AccountDataTooSmall);
    require!(
        data.get(..DISCRIMINATOR_LENGTH) == Some(discriminator),
        ProgramError::InvalidAccountData
    );
    Ok(())
}

impl<T: Stored> AnchorAccount for State<T> {
    type Data = T;
    const MIN_DATA_LEN: usize = DISCRIMINATOR_LENGTH + size_of::<T>();

    #[inline(never)]
    fn load(view: AccountView) -> Result<Self> {
        check(&view, &T::OWNER, T::DISCRIMINATOR, Self::MIN_DATA_LEN)?;
        let state = Self::of(view);
        require!(
            address_eq(&state.derived_address(), state.address()),
            ProgramError::InvalidSeeds
        );
        Ok(state)
    }

    // Right after its creation the fields are zeros, so there is no address to compare with yet.
    #[inline(always)]
    unsafe fn load_mut_after_init(view: AccountView) -> Result<Self> {
        Ok(Self::of(view))
    }

    #[inline(always)]
    fn account(&self) -> &AccountView {
        &self.view
    }
}

impl<T: Stored> AccountInitialize for State<T> {
    type Params<'a> = ();

    #[inline(always)]
    fn create_and_initialize<'a>(
        payer: &AccountView,
        account: &AccountView,
        space: usize,
        _owner: &Address,
        _params: &(),
        signer_seeds: Option<&[&[u8]]>,
        _payer_signer_seeds: Option<&[&[u8]]>,
    ) -> Result<Self> {
        create(
            payer,
            account,
            space,
            &T::OWNER,
            T::DISCRIMINATOR,
            signer_seeds.unwrap_or_default(),
        )?;
        Ok(Self::of(*account))
    }
}

/// Bytes that an account costs rent for beside its data.
const ACCOUNT_OVERHEAD: u64 = 128;

/// Lamports with which an account of `space` bytes is exempt from rent.
///
/// # Errors
/// `UnsupportedSysvar` where the exemption threshold is neither one year nor two: every network has had one of these,
/// and arithmetic with any other would bring a floating point library into each program.
fn rent(space: usize) -> Result<u64> {
    // The sysvar begins with lamports per byte and year, u64, and the threshold in years, f64.
    let mut words = [0u64; 2];
    get_sysvar(bytemuck::bytes_of_mut(&mut words), &RENT_ID, 0)?;
    let [per_byte, years] = words;
    let years = match years {
        y if y == 1f64.to_bits() => 1,
        y if y == 2f64.to_bits() => 2,
        _ => return Err(ProgramError::UnsupportedSysvar),
    };
    (ACCOUNT_OVERHEAD + space as u64)
        .checked_mul(per_byte)
        .and_then(|lamports| lamports.checked_mul(years))
        .ok_or(ProgramError::ArithmeticOverflow)
}

/// Makes an account of `space` bytes for `owner` at the address that `seeds` (the bump last) sign for, and writes
/// `discriminator` into it. `payer` pays what its lamports fall short of the rent: somebody may have sent some before.
#[inline(never)]
pub(crate) fn create(
    payer: &AccountView,
    account: &AccountView,
    space: usize,
    owner: &Address,
    discriminator: &[u8],
    seeds: &[&[u8]],
) -> Result<()> {
    // Instructions of the system program, as its wire format has them.
    const CREATE_ACCOUNT: u8 = 0;
    const ASSIGN: u8 = 1;
    const TRANSFER: u8 = 2;
    const ALLOCATE: u8 = 8;
    let system = System::id();
    let missing = rent(space)?.saturating_sub(account.lamports());
    let (from, to) = (Passed::of(payer, true, true), Passed::of(account, true, true));
    let mut data = [0; 52];
    let (lamports, length) = (missing.to_le_bytes(), (space as u64).to_le_bytes());
    if account.lamports() == 0 {
        data[0] = CREATE_ACCOUNT;
        data[4..12].copy_from_slice(&lamports);
        data[12..20].copy_from_slice(&length);
        data[20..].copy_from_slice(owner.as_ref());
        invoke(&system, &[from, to], &data, seeds)?;
    } else {
        data[0] = TRANSFER;
        data[4..12].copy_from_slice(&lamports);
        invoke(&system, &[from, to], &data[..12], seeds)?;
        data[0] = ALLOCATE;
        data[4..12].copy_from_slice(&length);
        invoke(&system, &[to], &data[..12], seeds)?;
        data[0] = ASSIGN;
        data[4..36].copy_from_slice(owner.as_ref());
        invoke(&system, &[to], &data[..36], seeds)?;
    }
    if !discriminator.is_empty() {
        let mut view = *account;
        // SAFETY: the account was made just now, so nothing else refers into it.
        let data = unsafe { view.borrow_unchecked_mut() };
        data.get_mut(..DISCRIMINATOR_LENGTH)
            .ok_or(ProgramError::AccountDataTooSmall)?
            .copy_from_slice(discriminator);
    }
    Ok(())
}

impl<T: Stored> AccountClose for State<T> {
    #[inline(always)]
    fn close(&mut self, destination: AccountView) -> Result<()> {
        close(self.view, destination)
    }
}

/// Gives an account's lamports to `destination`. Its data is gone at once, so nothing later in the transaction reads it.
#[inline(never)]
fn close(mut account: AccountView, mut destination: AccountView) -> Result<()> {
    let lamports = destination.lamports().checked_add(account.lamports());
    destination.set_lamports(lamports.ok_or(ProgramError::ArithmeticOverflow)?);
    account.set_lamports(0);
    // SAFETY: instructions close accounts after their last use of them.
    unsafe {
        account.borrow_unchecked_mut().fill(0);
        account.close_unchecked();
    }
    Ok(())
}

impl<T: Stored> Space for State<T> {
    const INIT_SPACE: usize = DISCRIMINATOR_LENGTH + size_of::<T>();
}

impl<T: Stored> Discriminator for State<T> {
    const DISCRIMINATOR: &'static [u8] = T::DISCRIMINATOR;
}

impl<T: Stored> Deref for State<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: `check` found enough bytes, any bytes are a value of a `Pod`, and the type's alignment is 1.
        unsafe { &*self.view.data_ptr().add(DISCRIMINATOR_LENGTH).cast::<T>() }
    }
}

impl<T: Stored> DerefMut for State<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and no other value refers to an account that is written: see the type's documentation. A
        // write to an account that the transaction passed as read-only fails the transaction.
        unsafe { &mut *self.view.data_mut_ptr().add(DISCRIMINATOR_LENGTH).cast::<T>() }
    }
}

#[doc(hidden)]
impl<T: Stored + IdlAccountType> IdlAccountType for State<T> {
    const __IDL_ACCOUNT_ENTRY: Option<&'static str> = T::__IDL_ACCOUNT_ENTRY;
    const __IDL_TYPE_DEF: Option<&'static str> = T::__IDL_TYPE_DEF;
    fn __idl_account_entry() -> Option<&'static str> {
        T::__idl_account_entry()
    }
    fn __idl_type_def() -> Option<&'static str> {
        T::__idl_type_def()
    }
    fn __register_idl_deps(
        accounts: &mut anchor_lang::__alloc::vec::Vec<&'static str>,
        types: &mut anchor_lang::__alloc::vec::Vec<&'static str>,
    ) {
        T::__register_idl_deps(accounts, types);
    }
}
