//! Accounts of our own programs.

use crate::{
    call::{Passed, invoke},
    pda,
    table::Located,
};
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
    /// How the address follows.
    const SEEDS: Seeds;

    /// The address that these fields give.
    fn derived_address(&self) -> Address {
        match Self::SEEDS {
            Seeds::Constant { address, .. } => address,
            Seeds::Of {
                prefix,
                fields,
                bump_at,
            } => {
                let bytes = bytemuck::bytes_of(self);
                let field = |at: u16, length: u16| &bytes[usize::from(at)..][..usize::from(length)];
                let mut seeds = [prefix; MAX_FIELDS + 2];
                let mut count = 1;
                for (at, length) in fields {
                    seeds[count] = field(*at, *length);
                    count += 1;
                }
                seeds[count] = field(bump_at, 1);
                pda::address(&seeds[..=count], &Self::OWNER)
            }
        }
    }
}

/// How the address of an account follows from its fields. Made by [`seeds!`](crate::seeds).
pub enum Seeds {
    /// There is one such account, so that its address is known when the program is compiled.
    Constant {
        /// The address.
        address: Address,
        /// Offset of the bump.
        bump_at: u16,
    },
    /// A prefix, fields, and the canonical bump.
    Of {
        /// First seed.
        prefix: &'static [u8],
        /// Offset and length of the fields that follow.
        fields: &'static [(u16, u16)],
        /// Offset of the bump.
        bump_at: u16,
    },
}

/// Most fields in the seeds of an address.
const MAX_FIELDS: usize = 2;

/// What is checked of every account of a type.
pub struct Layout {
    owner: Address,
    discriminator: u64,
    /// Bytes of data, the discriminator included.
    length: usize,
    seeds: Seeds,
}

impl Layout {
    /// The layout of `T`'s accounts.
    pub const fn of<T: Stored>() -> Self {
        const { assert!(align_of::<T>() == 1) };
        Self {
            owner: T::OWNER,
            discriminator: crate::entry::tag(T::DISCRIMINATOR),
            length: DISCRIMINATOR_LENGTH + size_of::<T>(),
            seeds: T::SEEDS,
        }
    }

    /// Offset in the data of the stored bump.
    fn bump_at(&self) -> usize {
        let (Seeds::Constant { bump_at, .. } | Seeds::Of { bump_at, .. }) = self.seeds;
        DISCRIMINATOR_LENGTH + usize::from(bump_at)
    }
}

/// The [`Seeds`](crate::state::Seeds) of a type: `seeds!(Node: b"node", provider, node_key)`, or `seeds!(Network: at NETWORK)`;
/// the bump is the field `bump`.
#[macro_export]
macro_rules! seeds {
    ($type:ty: at $address:expr) => {
        $crate::state::Seeds::Constant {
            address: $address,
            bump_at: core::mem::offset_of!($type, bump) as u16,
        }
    };
    ($type:ty: $prefix:expr $(, $field:ident)*) => {
        $crate::state::Seeds::Of {
            prefix: $prefix,
            fields: &[$((core::mem::offset_of!($type, $field) as u16, $crate::size_of_field!($type, $field) as u16)),*],
            bump_at: core::mem::offset_of!($type, bump) as u16,
        }
    };
}

/// The size of a field.
#[doc(hidden)]
#[macro_export]
macro_rules! size_of_field {
    ($type:ty, $field:ident) => {
        $crate::state::size_of_pointee(|value: &$type| &value.$field)
    };
}

/// The size of what `_field` gives.
#[doc(hidden)]
pub const fn size_of_pointee<T, F>(_field: fn(&T) -> &F) -> usize {
    size_of::<F>()
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
        Self {
            view,
            data: PhantomData,
        }
    }

    /// Makes the account at the address that `seeds` give, all zeros but for the bump. `payer` pays the rent.
    ///
    /// # Errors
    /// `InvalidSeeds` where `view` is at another address; the system program's where there is an account.
    #[inline(always)]
    pub fn create(view: &AccountView, payer: &AccountView, seeds: &[&[u8]]) -> Result<()> {
        create_state(view, payer, &const { Layout::of::<T>() }, seeds)
    }

    /// Checks the account if it is there, and makes it otherwise.
    ///
    /// # Errors
    /// As for [`Self::create`]; those of a check.
    #[inline(always)]
    pub fn create_if_missing(view: &AccountView, payer: &AccountView, seeds: &[&[u8]]) -> Result<()> {
        create_state_if_missing(view, payer, &const { Layout::of::<T>() }, seeds)
    }
}

/// Bytes before an account's fields that say which type it is.
pub const DISCRIMINATOR_LENGTH: usize = 8;

/// Checks that an account is one of a layout. One that is `known` is at an address that another account names, which was
/// checked when that was written; of any other the address has to follow from its fields.
///
/// # Errors
/// `UninitializedAccount`, `IllegalOwner`, `AccountDataTooSmall`, `InvalidAccountData`, `InvalidSeeds`.
#[inline(never)]
pub(crate) fn check(view: &AccountView, layout: &Layout, known: bool) -> Result<()> {
    let owner = view.owner();
    if !address_eq(owner, &layout.owner) {
        let unborn = view.lamports() == 0 && address_eq(owner, &System::ADDRESS);
        return Err(if unborn {
            ProgramError::UninitializedAccount
        } else {
            ProgramError::IllegalOwner
        });
    }
    require!(view.data_len() >= layout.length, ProgramError::AccountDataTooSmall);
    // SAFETY: there are at least as many bytes as the discriminator and the fields have.
    let (discriminator, fields) = unsafe {
        let data = view.data_ptr();
        (data.cast::<u64>().read_unaligned(), data.add(DISCRIMINATOR_LENGTH))
    };
    require!(discriminator == layout.discriminator, ProgramError::InvalidAccountData);
    if known || layout.gives(fields, view.address()) {
        Ok(())
    } else {
        Err(ProgramError::InvalidSeeds)
    }
}

impl Layout {
    /// Whether `fields`, of an account of this layout, give `address`.
    #[inline(always)]
    fn gives(&self, fields: *const u8, address: &Address) -> bool {
        match &self.seeds {
            Seeds::Constant { address: constant, .. } => address_eq(address, constant),
            Seeds::Of {
                prefix,
                fields: seeds,
                bump_at,
            } => {
                // SAFETY: `seeds!` has the offsets and lengths from the type that the fields are of.
                let field =
                    |at: u16, length: u16| unsafe { core::slice::from_raw_parts(fields.add(at.into()), length.into()) };
                let [program, marker] = pda::end(&self.owner);
                let mut parts = [marker; MAX_FIELDS + 4];
                parts[0] = prefix;
                let mut count = 1;
                for (at, length) in seeds.iter().take(MAX_FIELDS) {
                    parts[count] = field(*at, *length);
                    count += 1;
                }
                parts[count] = field(*bump_at, 1);
                parts[count + 1] = program;
                pda::is_hash(&parts[..count + 3], address)
            }
        }
    }
}

/// The canonical bump of `seeds`, which have to give the address of `view`.
///
/// # Errors
/// `InvalidSeeds`.
#[inline(never)]
pub fn bump(view: &AccountView, seeds: &[&[u8]], program: &Address) -> Result<u8> {
    let (address, bump) = pda::find(seeds, program)?;
    require!(address_eq(view.address(), &address), ProgramError::InvalidSeeds);
    Ok(bump)
}

/// `seeds`, and the bump behind them.
#[inline(always)]
fn with_bump<'a>(seeds: &[&'a [u8]], bump: &'a [u8]) -> ([&'a [u8]; MAX_FIELDS + 2], usize) {
    let mut all = [bump; MAX_FIELDS + 2];
    let count = seeds.len().min(MAX_FIELDS + 1);
    all[..count].copy_from_slice(&seeds[..count]);
    (all, count + 1)
}

#[inline(never)]
fn create_state(view: &AccountView, payer: &AccountView, layout: &Layout, seeds: &[&[u8]]) -> Result<()> {
    let bump = bump(view, seeds, &layout.owner)?;
    let last = [bump];
    let (all, count) = with_bump(seeds, &last);
    let discriminator = layout.discriminator.to_le_bytes();
    create(payer, view, layout.length, &layout.owner, &discriminator, &all[..count])?;
    // SAFETY: the account was made just now with at least as many bytes, and nothing else refers into it.
    unsafe { view.data_ptr().cast_mut().add(layout.bump_at()).write(bump) };
    Ok(())
}

#[inline(never)]
fn create_state_if_missing(view: &AccountView, payer: &AccountView, layout: &Layout, seeds: &[&[u8]]) -> Result<()> {
    if !address_eq(view.owner(), &layout.owner) {
        return create_state(view, payer, layout, seeds);
    }
    check(view, layout, true)?;
    // SAFETY: `check` found enough bytes.
    let last = [unsafe { *view.data_ptr().add(layout.bump_at()) }];
    let (all, count) = with_bump(seeds, &last);
    let address = pda::address(&all[..count], &layout.owner);
    require!(address_eq(view.address(), &address), ProgramError::InvalidSeeds);
    Ok(())
}

impl<T: Stored> AnchorAccount for State<T> {
    type Data = T;
    const MIN_DATA_LEN: usize = DISCRIMINATOR_LENGTH + size_of::<T>();

    #[inline(always)]
    fn load(view: AccountView) -> Result<Self> {
        check(&view, &const { Layout::of::<T>() }, false)?;
        Ok(Self::of(view))
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

// What Anchor's derive has to find where an account is `init` or `close`. Nothing calls it: `State::create` and the
// table's `Close` do the same.
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
        let seeds = signer_seeds.unwrap_or_default();
        create(payer, account, space, &T::OWNER, T::DISCRIMINATOR, seeds)?;
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
pub(crate) fn close(mut account: AccountView, mut destination: AccountView) -> Result<()> {
    let lamports = destination.lamports().checked_add(account.lamports());
    destination.set_lamports(lamports.ok_or(ProgramError::ArithmeticOverflow)?);
    account.set_lamports(0);
    // SAFETY: instructions close accounts after their last use of them.
    unsafe { account.close_unchecked() };
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
