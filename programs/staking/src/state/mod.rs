//! The accounts of staking. Every field has alignment 1, so the bytes on chain are the fields in order.

mod params;
mod pool;
mod position;
mod tranche;

pub use {params::*, pool::*, position::*, tranche::*};

#[cfg(test)]
mod state_tests;
