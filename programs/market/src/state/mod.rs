//! The accounts of the market. Every field has alignment 1, so the bytes on chain are the fields in order.

mod customer;
mod dispute;
mod job;
mod params;
mod payment_mint;

pub use {customer::*, dispute::*, job::*, params::*, payment_mint::*};

#[cfg(test)]
mod state_tests;
