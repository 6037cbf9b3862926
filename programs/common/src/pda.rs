//! Program derived addresses.

use anchor_lang::prelude::*;

/// Most seeds of any address here, the bump included.
const MAX_SEEDS: usize = 4;

/// The address that `seeds` (the canonical bump last) give with `program`.
///
/// The bump must be one that was found canonical when the account was made: whether the address lies off the curve is
/// not asked again, because a stored bump cannot have changed since.
#[inline(never)]
pub fn address(seeds: &[&[u8]], program: &Address) -> Address {
    derive(seeds, program)
}

#[cfg(target_os = "solana")]
fn derive(seeds: &[&[u8]], program: &Address) -> Address {
    let mut parts: [&[u8]; MAX_SEEDS + 2] = [&[]; MAX_SEEDS + 2];
    let (head, tail) = parts.split_at_mut(seeds.len().min(MAX_SEEDS));
    head.copy_from_slice(&seeds[..head.len()]);
    tail[0] = program.as_ref();
    tail[1] = b"ProgramDerivedAddress";
    let count = head.len() + 2;
    let mut hash = [0u8; 32];
    // SAFETY: the syscall reads `count` slices and writes 32 bytes.
    unsafe {
        pinocchio::syscalls::sol_sha256(parts.as_ptr().cast::<u8>(), count as u64, hash.as_mut_ptr());
    }
    Address::new_from_array(hash)
}

#[cfg(not(target_os = "solana"))]
fn derive(seeds: &[&[u8]], program: &Address) -> Address {
    assert!(seeds.len() <= MAX_SEEDS, "more seeds than any address here has");
    Address::create_program_address(seeds, program).unwrap_or_default()
}

/// Whether two addresses are one. For constraints: written out at each, the comparison is most of an instruction.
#[inline(never)]
pub fn same(one: &Address, other: &Address) -> bool {
    anchor_lang::address_eq(one, other)
}

/// The canonical address and bump for `seeds` with `program`.
///
/// # Errors
/// `InvalidSeeds` in the one case in 2^256 where none of the 256 bumps gives an address off the curve.
#[inline(never)]
pub fn find(seeds: &[&[u8]], program: &Address) -> Result<(Address, u8)> {
    anchor_lang::cpi::try_find_program_address(seeds, program)
}
