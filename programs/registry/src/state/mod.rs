//! The accounts of the registry. Every field has alignment 1, so the bytes on chain are the fields in order.

mod attestor;
mod device;
mod network;
mod node;
mod provider;

pub use {attestor::*, device::*, network::*, node::*, provider::*};

use anchor_lang::prelude::Address;

/// Whether an address is unset. Written out at each use, the comparison is most of an instruction.
#[inline(never)]
pub(crate) fn is_zero(address: &Address) -> bool {
    common::same(address, &Address::default())
}

#[cfg(test)]
mod state_tests;
