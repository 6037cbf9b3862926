//! What the three programs share: checking accounts, deriving addresses, calling other programs, logging events.
//!
//! Anchor's derive writes the loading and the checking of an account into every instruction that names it. Here it is a
//! [`table`] for each instruction, and one function that goes through it: that is what keeps a program of two dozen
//! instructions below 80 KiB (docs/decisions/one-copy-of-each-check.md).
#![cfg_attr(target_os = "solana", no_std)]

pub mod call;
pub mod clock;
pub mod entry;
pub mod event;
pub mod instructions;
pub mod pda;
mod security_txt;
pub mod state;
pub mod table;
pub mod token;

pub use common_derive::{AccountTable, Log};
pub use {
    call::{Passed, invoke, readonly, signer, writable},
    clock::now,
    instructions::Instructions,
    pda::same,
    state::{State, Stored},
    table::{Located, Refusal},
    token::{MintAccount, TokenAccount, TokenProgram},
};
