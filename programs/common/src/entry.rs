//! The way into a program.
//!
//! Anchor's own dispatcher writes the walk over the accounts, and their checks, into each instruction. This one walks
//! and checks in one function, by a [table](crate::table), and hands over to the functions that `#[program]` lists.

use crate::{
    state,
    table::{self, AccountTable, Table},
};
use anchor_lang::{BorshConfig, SchemaRead, prelude::*};
use core::mem::MaybeUninit;
use pinocchio::account::AccountView;

/// Most accounts of any instruction.
pub(crate) const MAX_ACCOUNTS: usize = 32;

/// Room for the accounts of one instruction.
pub type Lookup = [MaybeUninit<AccountView>; MAX_ACCOUNTS];

/// One call of the program.
pub struct Request<'a> {
    /// The accounts as the runtime passes them, one after the other.
    first: *mut u8,
    accounts: usize,
    /// Where they have been found.
    lookup: *mut AccountView,
    data: &'a [u8],
    program_id: &'a Address,
}

impl<'a> Request<'a> {
    /// Reads what the runtime passes.
    ///
    /// # Safety
    /// `input` and `data` are the entry point's two arguments, and `lookup` outlives the request.
    #[inline(always)]
    pub unsafe fn new(input: *mut u8, data: *const u8, lookup: &mut Lookup) -> Self {
        // SAFETY: the runtime puts the count of accounts first, the length of the data before the data, and the
        // program's address behind it.
        unsafe {
            let length = data.sub(8).cast::<u64>().read() as usize;
            Self {
                first: input.add(8),
                accounts: input.cast::<u64>().read() as usize,
                lookup: lookup.as_mut_ptr().cast::<AccountView>(),
                data: core::slice::from_raw_parts(data, length),
                program_id: &*data.add(length).cast::<Address>(),
            }
        }
    }

    /// Whether the program runs at the address that it was compiled for, which all its addresses are derived from.
    #[inline(always)]
    pub fn is_for(&self, program: &Address) -> bool {
        crate::same(self.program_id, program)
    }

    /// The first eight bytes of the data, which say which instruction it is.
    #[inline(always)]
    pub fn tag(&self) -> Option<u64> {
        self.data.first_chunk::<8>().map(|tag| u64::from_le_bytes(*tag))
    }

    /// Finds the accounts that `table` is about, and checks them.
    #[inline(never)]
    fn admit(&mut self, table: &Table) -> Result<()> {
        require!(self.accounts >= table.slots.len(), ErrorCode::AccountNotEnoughKeys);
        // SAFETY: there are as many accounts, and the lookup has room for all that any instruction has.
        unsafe { table::admit(self.first, self.lookup, table) }
    }

    /// Closes what `table` says.
    #[inline(never)]
    fn close(&self, table: &Table) -> Result<()> {
        // SAFETY: `admit` has written as many places of the lookup, which outlives the request.
        let views = unsafe { core::slice::from_raw_parts(self.lookup, table.slots.len()) };
        for line in table.closes {
            let (account, destination) = (usize::from(line.account), usize::from(line.destination));
            state::close(views[account], views[destination])?;
        }
        Ok(())
    }

    /// Checks the accounts, runs `handler` with them and the arguments, and closes what is to be closed.
    #[inline(always)]
    pub fn run<T: AccountTable>(
        &mut self,
        handler: impl for<'b> FnOnce(&'b mut T, T::Argument<'b>, &'b [u8]) -> Result<()>,
    ) -> Result<()> {
        const { assert!(T::SLOTS.len() <= MAX_ACCOUNTS && T::SLOTS.len() == T::HEADER_SIZE && !T::HAS_DYNAMIC_MUT_MASK) };
        self.admit(T::TABLE)?;
        // SAFETY: `admit` has found as many accounts as the type consists of, and each is what its field's type says.
        let accounts = unsafe { &mut *self.lookup.cast::<T>() };
        // There is a tag of eight bytes, or no instruction would have been chosen.
        let data = self.data.get(8..).unwrap_or_default();
        let argument = accounts.enter(data)?;
        handler(accounts, argument, data)?;
        if T::CLOSES.is_empty() {
            return Ok(());
        }
        self.close(T::TABLE)
    }
}

/// The first argument of an instruction, where its accounts depend on it.
pub trait Argument<'a> {
    /// How it is held.
    type Held;

    /// Reads it from where the arguments begin.
    ///
    /// # Errors
    /// `InstructionDidNotDeserialize`.
    fn read(data: &'a [u8]) -> Result<Self::Held>;
}

/// Bytes that are a value wherever they lie are not copied.
impl<'a, T: bytemuck::Pod> Argument<'a> for T {
    type Held = &'a T;

    #[inline(always)]
    fn read(data: &'a [u8]) -> Result<&'a T> {
        let bytes = data
            .get(..size_of::<T>())
            .and_then(|bytes| bytemuck::try_from_bytes(bytes).ok());
        bytes.ok_or_else(|| ErrorCode::InstructionDidNotDeserialize.into())
    }
}

/// A function that runs one instruction.
pub type Instruction = fn(&mut Request) -> Result<()>;

/// Runs the instruction that the request is for.
///
/// # Errors
/// `DeclaredProgramIdMismatch`, `InstructionFallbackNotFound`; those of the instruction.
#[inline(always)]
pub fn dispatch(request: &mut Request, program: &Address, instructions: &[(u64, Instruction)]) -> Result<()> {
    require!(request.is_for(program), ErrorCode::DeclaredProgramIdMismatch);
    // The optimizer would make a tree of comparisons of the list, ten times as large.
    let instructions = core::hint::black_box(instructions);
    let tag = request.tag().ok_or(ErrorCode::InstructionFallbackNotFound)?;
    let found = instructions.iter().find(|(other, _)| *other == tag);
    let (_, run) = found.ok_or(ErrorCode::InstructionFallbackNotFound)?;
    run(request)
}

/// Reads an instruction's arguments.
///
/// # Errors
/// `InstructionDidNotDeserialize`.
#[inline(always)]
pub fn decode<'de, T: SchemaRead<'de, BorshConfig, Dst = T>>(data: &'de [u8]) -> Result<T> {
    anchor_lang::wincode::config::deserialize(data, anchor_lang::BORSH_CONFIG)
        .map_err(|_| ErrorCode::InstructionDidNotDeserialize.into())
}

/// The program's entry point: `name(Accounts, argument, …)` for each instruction of the `#[program]` module
/// (`Accounts as Instruction` where the two differ), or `name(Accounts; argument)` where `#[instruction]` has read the
/// argument already. As `#[program]` does, it calls the `handle` of the accounts with the arguments; but in place,
/// where that would copy all of them into a context first.
#[macro_export]
macro_rules! entrypoint {
    ($($name:ident($accounts:ident $(as $instruction:ident)? $(, $argument:ident)* $(; $parsed:ident)?),)*) => {
        #[cfg(all(target_os = "solana", not(feature = "cpi")))]
        mod chain {
            use super::*;
            use anchor_lang::Discriminator as _;
            use $crate::entry::{Instruction, Lookup, Request, dispatch};

            anchor_lang::pinocchio::default_allocator!();
            anchor_lang::pinocchio::default_panic_handler!();

            /// # Safety
            /// Only the runtime calls it.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn entrypoint(input: *mut u8, data: *const u8) -> u64 {
                let mut lookup: Lookup = [const { core::mem::MaybeUninit::uninit() }; _];
                // SAFETY: these are the runtime's arguments.
                let mut request = unsafe { Request::new(input, data, &mut lookup) };
                dispatch(&mut request, &ID, INSTRUCTIONS).map_or_else(u64::from, |()| 0)
            }

            const INSTRUCTIONS: &[(u64, Instruction)] = &[
                $((const { $crate::tag_of!($($instruction)? $accounts) }, $name),)*
            ];

            $(#[inline(never)]
            fn $name(request: &mut Request) -> Result<()> {
                request.run::<$accounts>(|accounts, parsed, data| {
                    let _ = (&parsed, data);
                    $(let $parsed = parsed;)?
                    $crate::arguments!(data $(, $argument)*);
                    accounts.handle($($argument),* $($parsed)?)
                })
            })*
        }
    };
}

/// The discriminator of the first of these among the generated instructions.
#[doc(hidden)]
#[macro_export]
macro_rules! tag_of {
    ($first:ident $($other:ident)?) => {
        $crate::entry::tag(instruction::$first::DISCRIMINATOR)
    };
}

/// Binds arguments to what `data` holds.
#[doc(hidden)]
#[macro_export]
macro_rules! arguments {
    ($data:ident) => {};
    ($data:ident, $($argument:ident),+) => {
        let ($($argument,)+) = $crate::entry::decode($data)?;
    };
}

/// A discriminator as a number.
#[doc(hidden)]
pub const fn tag(discriminator: &[u8]) -> u64 {
    match discriminator.first_chunk::<8>() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => panic!("a discriminator has eight bytes"),
    }
}
