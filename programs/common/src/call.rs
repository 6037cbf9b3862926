//! Calls to other programs.

use anchor_lang::{AnchorAccount, prelude::*};
use core::mem::MaybeUninit;
use pinocchio::{
    account::AccountView,
    cpi::{CpiAccount, Seed, Signer as Seeds, invoke_signed_unchecked},
    instruction::{InstructionAccount, InstructionView},
};

/// Most accounts that any call passes.
const MAX_ACCOUNTS: usize = 12;
/// Most seeds that any call signs with, the bump included.
const MAX_SEEDS: usize = 4;

/// An account as a call passes it on. It borrows the account for as long as the call lasts, exclusively where the callee
/// may write, so that no reference into its data is alive meanwhile.
#[derive(Clone, Copy)]
pub struct Passed<'a> {
    view: &'a AccountView,
    writable: bool,
    signer: bool,
}

impl<'a> Passed<'a> {
    /// Passes `view` with these rights.
    #[inline(always)]
    pub(crate) fn of(view: &'a AccountView, writable: bool, signer: bool) -> Self {
        Self { view, writable, signer }
    }
}

/// Passes an account that the callee may read.
#[inline(always)]
pub fn readonly<A: AnchorAccount>(account: &A) -> Passed<'_> {
    Passed {
        view: account.account(),
        writable: false,
        signer: false,
    }
}

/// Passes an account that the callee may write.
#[inline(always)]
pub fn writable<A: AnchorAccount>(account: &mut A) -> Passed<'_> {
    Passed {
        view: account.account(),
        writable: true,
        signer: false,
    }
}

/// Passes an account whose signature the callee sees: the transaction's, or that of the seeds of the call.
#[inline(always)]
pub fn signer<A: AnchorAccount>(account: &A) -> Passed<'_> {
    Passed {
        view: account.account(),
        writable: false,
        signer: true,
    }
}

/// Calls `program` with `data`. `seeds` (the bump last) sign for one address of the calling program; none where empty.
///
/// # Errors
/// `InvalidArgument` for more accounts or seeds than any call has. An error of the callee ends the transaction.
#[inline(never)]
pub fn invoke(program: &Address, accounts: &[Passed], data: &[u8], seeds: &[&[u8]]) -> Result<()> {
    require!(
        accounts.len() <= MAX_ACCOUNTS && seeds.len() <= MAX_SEEDS,
        ProgramError::InvalidArgument
    );
    let mut metas = [const { MaybeUninit::<InstructionAccount>::uninit() }; MAX_ACCOUNTS];
    let mut infos = [const { MaybeUninit::<CpiAccount>::uninit() }; MAX_ACCOUNTS];
    for (account, (meta, info)) in accounts.iter().zip(metas.iter_mut().zip(infos.iter_mut())) {
        meta.write(InstructionAccount::new(
            account.view.address(),
            account.writable,
            account.signer,
        ));
        CpiAccount::init_from_account_view(account.view, info);
    }
    let mut parts = [const { MaybeUninit::<Seed>::uninit() }; MAX_SEEDS];
    for (seed, part) in seeds.iter().zip(parts.iter_mut()) {
        part.write(Seed::from(*seed));
    }
    // SAFETY: the first `accounts.len()` (`seeds.len()`) places were written above.
    let (metas, infos, parts) = unsafe {
        (
            core::slice::from_raw_parts(metas.as_ptr().cast::<InstructionAccount>(), accounts.len()),
            core::slice::from_raw_parts(infos.as_ptr().cast::<CpiAccount>(), accounts.len()),
            core::slice::from_raw_parts(parts.as_ptr().cast::<Seed>(), seeds.len()),
        )
    };
    let instruction = InstructionView {
        program_id: program,
        accounts: metas,
        data,
    };
    let signers = [Seeds::from(parts)];
    let signers = if seeds.is_empty() { &signers[..0] } else { &signers[..] };
    // SAFETY: what the callee may write is borrowed exclusively by its `Passed`, so no reference into it is alive; the
    // runtime checks everything else.
    unsafe { invoke_signed_unchecked(&instruction, infos, signers) };
    Ok(())
}
