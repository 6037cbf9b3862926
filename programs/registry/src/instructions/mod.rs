//! One file per instruction: arguments, accounts, `validate`, handler.

pub mod add_attestor;
pub mod attest;
pub mod convict_node;
pub mod initialize_network;
pub mod lease_node;
pub mod pause;
pub mod register_node;
pub mod register_provider;
pub mod release_node;
pub mod unpause;
pub mod update_price;

pub use {
    add_attestor::*, attest::*, convict_node::*, initialize_network::*, lease_node::*, pause::*, register_node::*,
    register_provider::*, release_node::*, unpause::*, update_price::*,
};
