//! Program derived addresses.

use anchor_lang::prelude::*;

/// Most seeds of any address here, the bump included.
const MAX_SEEDS: usize = 4;

/// What follows the seeds in what an address is the hash of: the program, and words that no other hash has.
pub(crate) fn end(program: &Address) -> [&[u8]; 2] {
    [program.as_ref(), b"ProgramDerivedAddress"]
}

/// The address that `seeds` (the canonical bump last) give with `program`.
///
/// The bump must be one that was found canonical when the account was made: whether the address lies off the curve is
/// not asked again, because a stored bump cannot have changed since.
#[inline(never)]
pub fn address(seeds: &[&[u8]], program: &Address) -> Address {
    let [program, marker] = end(program);
    let mut parts = [marker; MAX_SEEDS + 2];
    let count = seeds.len().min(MAX_SEEDS);
    parts[..count].copy_from_slice(&seeds[..count]);
    parts[count] = program;
    hash(&parts[..count + 2])
}

/// Whether the hash of `parts`, which are seeds and [`end`], is `address`.
#[inline(never)]
pub(crate) fn is_hash(parts: &[&[u8]], address: &Address) -> bool {
    anchor_lang::address_eq(&hash(parts), address)
}

#[cfg(target_os = "solana")]
#[inline(always)]
fn hash(parts: &[&[u8]]) -> Address {
    let mut hash = core::mem::MaybeUninit::<Address>::uninit();
    // SAFETY: the syscall reads as many slices and writes 32 bytes, which are all of an address.
    unsafe {
        pinocchio::syscalls::sol_sha256(
            parts.as_ptr().cast::<u8>(),
            parts.len() as u64,
            hash.as_mut_ptr().cast::<u8>(),
        );
        hash.assume_init()
    }
}

#[cfg(not(target_os = "solana"))]
fn hash(parts: &[&[u8]]) -> Address {
    let Some((seeds, [program, _])) = parts.split_last_chunk::<2>() else {
        return Address::default();
    };
    let program = <[u8; 32]>::try_from(*program)
        .map(Address::new_from_array)
        .unwrap_or_default();
    Address::create_program_address(seeds, &program).unwrap_or_default()
}

/// Whether two addresses are one. For constraints: written out at each, the comparison is most of an instruction.
#[inline(never)]
pub fn same(one: &Address, other: &Address) -> bool {
    anchor_lang::address_eq(one, other)
}

/// As [`same`], of raw keys and hashes.
#[inline(always)]
pub fn same_bytes(one: &[u8; 32], other: &[u8; 32]) -> bool {
    same(bytemuck::cast_ref(one), bytemuck::cast_ref(other))
}

/// The canonical address and bump for `seeds` with `program`.
///
/// # Errors
/// `InvalidSeeds` in the one case in 2^256 where none of the 256 bumps gives an address off the curve.
#[inline(never)]
pub fn find(seeds: &[&[u8]], program: &Address) -> Result<(Address, u8)> {
    anchor_lang::cpi::try_find_program_address(seeds, program)
}
