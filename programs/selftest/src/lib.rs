//! Checks the compiler that builds the other programs.
//!
//! The compiler is put together from parts that were not made for each other, and some ways in which they can
//! disagree corrupt numbers without any error. `cargo xtask programs selftest` runs this program in the VM over
//! thousands of operand pairs and compares every result with what the host computes from the same source.

#![cfg_attr(target_os = "solana", no_std)]

extern crate alloc;

pub mod operations;
mod processor;

pub use processor::{COMPUTE, CROSS_CALL, ECHO, VAULT_SEED, process_instruction};

use solana_compiler_builtins as _;

#[cfg(target_os = "solana")]
mod entrypoint {
    pinocchio::program_entrypoint!(super::process_instruction, 8);
    pinocchio::default_allocator!();
    pinocchio::nostd_panic_handler!();
}
