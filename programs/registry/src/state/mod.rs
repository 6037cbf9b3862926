//! The accounts of the registry. Every field has alignment 1, so the bytes on chain are the fields in order.

mod attestor;
mod device;
mod network;
mod node;
mod provider;

pub use {attestor::*, device::*, network::*, node::*, provider::*};
