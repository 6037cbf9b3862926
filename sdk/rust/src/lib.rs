//! Gantry from Rust.
//!
//! - [`registry`], [`staking`], [`market`]: the programs' accounts, events, instruction arguments and errors, generated
//!   from the IDLs in `idl/`;
//! - [`pda`] and [`ix`]: addresses and ready instructions;
//! - [`state`]: decoding of any account or event, and what the raw bytes of a job or a node mean;
//! - [`client`]: the whole life of a job over JSON-RPC;
//! - [`spec`], [`blob`], [`manifest`]: what a job runs, where its files lie, what it left behind;
//! - [`receipt`], [`keys`], [`signer`]: usage receipts, key files, and others who sign;
//! - [`seal`]: specs and results that only one key can read;
//! - [`amount`], [`mints`]: amounts and mints as people write them;
//! - [`bootstrap`]: sets up the programs on a network of one's own;
//! - `service`: what the daemons have in common, on Unix.
//!
//! Amounts are `u64` base units of a token unless a name says otherwise, times are Unix seconds, shares are basis points.

pub mod amount;
pub mod blob;
pub mod bootstrap;
pub mod client;
pub mod errors;
pub mod gpu;
pub mod hash;
pub mod idl;
pub mod ix;
pub mod keys;
pub mod live_log;
pub mod manifest;
pub mod mints;
pub mod pda;
mod programs;
pub mod receipt;
pub mod seal;
#[cfg(unix)]
pub mod service;
pub mod signer;
pub mod spec;
pub mod state;

pub use anchor_lang::prelude::Pubkey;
pub use client::{ClientError, Gantry};
pub use gantry_core as core;
pub use hash::Hash32;
pub use programs::{market, registry, staking};
pub use signer::AnySigner;
pub use solana_commitment_config::CommitmentConfig as Commitment;
pub use solana_instruction::Instruction;
pub use solana_keypair::Keypair;
pub use solana_signature::Signature;
pub use solana_signer::Signer;
