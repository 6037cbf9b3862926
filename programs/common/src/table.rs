//! What the accounts of an instruction have to be, as data.
//!
//! Anchor's derive writes the checks of an account as code into every instruction that names it: in a program of two
//! dozen instructions that is most of the program. `#[derive(AccountTable)]` reads the same attributes and makes a table
//! of them, which the one function here, [`admit`], goes through before a handler runs
//! (docs/decisions/one-copy-of-each-check.md).

use crate::{
    pda,
    state::{Layout, Stored, check},
    token,
};
use anchor_lang::{Nested, TryAccounts, address_eq, prelude::*, programs::System};
use pinocchio::account::{AccountView, NOT_BORROWED, RuntimeAccount};

/// What an account of one type has to be, whatever instruction it is passed to.
pub enum Kind {
    /// Anything.
    Any,
    /// The account at one address: a program or a sysvar; the error of any other.
    At(Address, ProgramError),
    /// One of our own.
    State(Layout),
    /// A token account.
    TokenAccount,
    /// A mint.
    MintAccount,
    /// One of the two token programs.
    TokenProgram,
}

/// [`Slot::flags`]: has to sign.
pub const SIGNER: u8 = 1;
/// [`Slot::flags`]: is written.
pub const WRITABLE: u8 = 2;
/// [`Slot::flags`]: another account that was checked names its address, so that it need not be derived.
pub const KNOWN: u8 = 4;

/// One account of an instruction.
#[derive(Clone, Copy)]
pub struct Slot {
    /// What it has to be.
    pub kind: &'static Kind,
    /// How it is passed.
    pub flags: u8,
}

impl Slot {
    /// An account of which nothing is asked.
    pub const ANY: Self = Self {
        kind: &Kind::Any,
        flags: 0,
    };
}

/// Where in an account, as the runtime passes it, its address is.
pub const ADDRESS: usize = 8;
/// Where its data begins.
pub const DATA: usize = 88;

/// Two addresses in two accounts that have to be one.
#[derive(Clone, Copy)]
pub struct Relation {
    /// Place of the one account.
    pub left: u8,
    /// Place of the other.
    pub right: u8,
    /// Where in the one the address is.
    pub left_at: u16,
    /// Where in the other.
    pub right_at: u16,
    /// The program's error where they differ; 0 for `InvalidSeeds`.
    pub error: u16,
}

/// Seeds of an account that is derived from another's address: the prefix, the address, a bump that the other stores.
pub struct ChildSeeds {
    /// First seed.
    pub prefix: &'static [u8],
    /// Where among the parent's fields the bump is.
    pub bump_at: u16,
    /// The program that it is derived with.
    pub program: Address,
}

/// An account that has to be at an address derived from another's.
#[derive(Clone, Copy)]
pub struct Child {
    /// Its place.
    pub account: u8,
    /// Place of the other.
    pub parent: u8,
    /// As [`Relation::error`].
    pub error: u16,
    /// How it is derived.
    pub seeds: &'static ChildSeeds,
}

/// An account that closes when the instruction has succeeded.
#[derive(Clone, Copy)]
pub struct Close {
    /// Its place.
    pub account: u8,
    /// Place of the account that gets its lamports.
    pub destination: u8,
}

/// Everything that is checked of an instruction's accounts before its handler runs.
pub struct Table {
    /// What each has to be.
    pub slots: &'static [Slot],
    /// How they belong together.
    pub relations: &'static [Relation],
    /// Which are derived from others.
    pub children: &'static [Child],
    /// Which close in the end.
    pub closes: &'static [Close],
    /// Bit `i`: account `i` is passed once only.
    pub exclusive: u32,
}

/// Accounts of an instruction, checked by a table. Derived, never written by hand.
///
/// # Safety
/// The type consists of as many [`AccountView`]s (or types of that size) as there are slots, in their order.
pub unsafe trait AccountTable: TryAccounts {
    /// Its accounts.
    const SLOTS: &'static [Slot];
    /// How they belong together.
    const RELATIONS: &'static [Relation];
    /// Which are derived from others.
    const CHILDREN: &'static [Child];
    /// Which close in the end.
    const CLOSES: &'static [Close];
    /// All of it.
    const TABLE: &'static Table;
    /// The argument that the accounts depend on; `()` where they depend on none.
    type Argument<'a>;

    /// Runs what is no line of the table, and makes the accounts that are to be made.
    ///
    /// # Errors
    /// Those that the attributes name.
    fn enter<'a>(&mut self, data: &'a [u8]) -> Result<Self::Argument<'a>>;
}

/// The offset of a program's error numbers.
pub trait Refusal {
    /// What `#[error_code(offset = …)]` says.
    const OFFSET: u32;
}

/// A type that stands for one account, or for several in a row.
pub trait Field {
    /// What its data holds.
    type Fields;
    /// Bytes before that.
    const FIELDS_AT: usize = 0;
    /// The accounts.
    const SLOTS: &'static [Slot];
    /// Relations among them.
    const RELATIONS: &'static [Relation] = &[];
    /// Derivations among them.
    const CHILDREN: &'static [Child] = &[];
    /// Those that close.
    const CLOSES: &'static [Close] = &[];
}

impl<T: AccountTable> Field for Nested<T> {
    type Fields = ();
    const SLOTS: &'static [Slot] = T::SLOTS;
    const RELATIONS: &'static [Relation] = T::RELATIONS;
    const CHILDREN: &'static [Child] = T::CHILDREN;
    const CLOSES: &'static [Close] = T::CLOSES;
}

impl Field for Signer {
    type Fields = ();
    const SLOTS: &'static [Slot] = &[Slot {
        kind: &Kind::Any,
        flags: SIGNER,
    }];
}

impl Field for UncheckedAccount {
    type Fields = ();
    const SLOTS: &'static [Slot] = &[Slot::ANY];
}

/// A program whose address is known when ours is compiled.
pub trait Located: Id {
    /// Its address.
    const ADDRESS: Address;
}

impl Located for System {
    const ADDRESS: Address = anchor_lang::address!("11111111111111111111111111111111");
}

impl<T: Located> Field for Program<T> {
    type Fields = ();
    const SLOTS: &'static [Slot] = &[Slot {
        kind: &Kind::At(T::ADDRESS, ProgramError::IncorrectProgramId),
        flags: 0,
    }];
}

impl<T: Stored> Field for crate::State<T> {
    type Fields = T;
    const FIELDS_AT: usize = crate::state::DISCRIMINATOR_LENGTH;
    const SLOTS: &'static [Slot] = &[Slot {
        kind: &Kind::State(Layout::of::<T>()),
        flags: 0,
    }];
}

/// What the runtime leaves behind the data of an account for it to grow, and the rent epoch.
const BEHIND_DATA: usize = 10_240 + 8;

/// Finds the accounts of `table` from `first` on, writes them to `lookup`, and checks them.
///
/// # Errors
/// `ConstraintDuplicateMutableAccount`, `MissingRequiredSignature`, `ConstraintSigner`, `ConstraintMut`; those of each
/// kind of account; those that the table names.
///
/// # Safety
/// `first` is where the runtime has put the accounts, there are as many as the table has, and `lookup` has room for them.
#[inline(always)]
pub(crate) unsafe fn admit(first: *mut u8, lookup: *mut AccountView, table: &Table) -> Result<()> {
    let mut next = first;
    for (index, slot) in table.slots.iter().enumerate() {
        // SAFETY: the runtime writes each account as a header, its data, and room to grow, up to a multiple of eight
        // bytes; or eight bytes, the first of which is the place of the account that it is again.
        let view = unsafe {
            let account = next.cast::<RuntimeAccount>();
            let again = (*account).borrow_state;
            if again == NOT_BORROWED {
                let length = (*account).data_len as usize;
                next = next.add((DATA + BEHIND_DATA + 7 + length) & !7);
                AccountView::new_unchecked(account)
            } else {
                let both = 1u32.wrapping_shl(index as u32) | 1u32.wrapping_shl(again.into());
                if both & table.exclusive != 0 {
                    return Err(ErrorCode::ConstraintDuplicateMutableAccount.into());
                }
                next = next.add(8);
                *lookup.add(again.into())
            }
        };
        // SAFETY: there is room.
        unsafe { lookup.add(index).write(view) };
        check_slot(view, slot)?;
    }
    // SAFETY: all of these were written right now.
    let views = unsafe { core::slice::from_raw_parts(lookup, table.slots.len()) };
    for line in table.relations {
        let (left, right) = (&views[usize::from(line.left)], &views[usize::from(line.right)]);
        if !address_eq(part(left, line.left_at), part(right, line.right_at)) {
            return Err(refusal(line.error));
        }
    }
    for child in table.children {
        let (account, parent) = (&views[usize::from(child.account)], &views[usize::from(child.parent)]);
        if !child.seeds.gives(parent, account.address()) {
            return Err(refusal(child.error));
        }
    }
    Ok(())
}

#[inline(always)]
fn check_slot(view: AccountView, slot: &Slot) -> Result<()> {
    let flags = slot.flags;
    if flags & WRITABLE != 0 && !view.is_writable() {
        let error = if flags & SIGNER == 0 {
            ErrorCode::ConstraintMut
        } else {
            ErrorCode::ConstraintSigner
        };
        return Err(error.into());
    }
    if flags & SIGNER != 0 {
        require!(view.is_signer(), ProgramError::MissingRequiredSignature);
    }
    match slot.kind {
        Kind::Any => Ok(()),
        Kind::State(layout) => check(&view, layout, flags & KNOWN != 0),
        Kind::At(address, error) => {
            if address_eq(view.address(), address) {
                Ok(())
            } else {
                Err(error.clone())
            }
        }
        Kind::TokenAccount => token::check_account(&view),
        Kind::MintAccount => token::check_mint(&view),
        Kind::TokenProgram => token::check_program(&view),
    }
}

impl ChildSeeds {
    /// Whether `parent`, which is checked, gives `address`.
    fn gives(&self, parent: &AccountView, address: &Address) -> bool {
        let at = crate::state::DISCRIMINATOR_LENGTH + usize::from(self.bump_at);
        // SAFETY: the bump is a field of the parent's, whose length was checked.
        let bump = unsafe { *parent.data_ptr().add(at) };
        let [program, marker] = pda::end(&self.program);
        pda::is_hash(
            &[self.prefix, parent.address().as_ref(), &[bump], program, marker],
            address,
        )
    }
}

/// The address at `at` in `view`.
fn part(view: &AccountView, at: u16) -> &Address {
    // SAFETY: `at` is the place of the account's own address, or of one of its fields: its kind's check found enough
    // bytes for these, any bytes are an address, and its alignment is 1.
    unsafe { &*view.account_ptr().cast::<u8>().add(usize::from(at)).cast::<Address>() }
}

fn refusal(error: u16) -> ProgramError {
    if error == 0 {
        ProgramError::InvalidSeeds
    } else {
        ProgramError::Custom(error.into())
    }
}

/// Writes `own` into `slots` at `place`, with `flags` besides.
pub const fn slots<const N: usize>(mut slots: [Slot; N], own: &[Slot], place: usize, flags: u8) -> [Slot; N] {
    let mut index = 0;
    while index < own.len() {
        slots[place + index] = own[index];
        slots[place + index].flags |= flags;
        index += 1;
    }
    slots
}

/// Holds a place until the line that belongs there is written.
const NO_SEEDS: ChildSeeds = ChildSeeds {
    prefix: &[],
    bump_at: 0,
    program: Address::new_from_array([0; 32]),
};

macro_rules! joined {
    ($(#[$doc:meta])* $name:ident, $line:ident, $nothing:expr, $($place:ident),+) => {
        $(#[$doc])*
        pub const fn $name<const N: usize>(parts: &[(&[$line], usize)]) -> [$line; N] {
            let mut all = [$nothing; N];
            let (mut next, mut part) = (0, 0);
            while part < parts.len() {
                let (lines, before) = parts[part];
                let mut index = 0;
                while index < lines.len() {
                    let mut line = lines[index];
                    $(line.$place += before as u8;)+
                    all[next] = line;
                    (index, next) = (index + 1, next + 1);
                }
                part += 1;
            }
            assert!(next == N);
            all
        }
    };
}

joined!(
    /// The lines of all `parts`, each of which begins so many accounts in.
    relations,
    Relation,
    Relation { left: 0, right: 0, left_at: 0, right_at: 0, error: 0 },
    left,
    right
);
joined!(
    /// As [`relations`].
    children,
    Child,
    Child {
        account: 0,
        parent: 0,
        error: 0,
        seeds: &NO_SEEDS
    },
    account,
    parent
);
joined!(
    /// As [`relations`].
    closes,
    Close,
    Close { account: 0, destination: 0 },
    account,
    destination
);
