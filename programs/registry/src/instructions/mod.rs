//! One file per instruction: arguments, accounts, `validate`, handler.

pub mod accept_authority;
pub mod add_attestor;
pub mod apply_council;
pub mod attest;
pub mod cancel_authority;
pub mod cancel_council;
pub mod close_node;
pub mod close_provider;
pub mod convict_node;
pub mod drain_node;
pub mod initialize_network;
pub mod lease_node;
pub mod pause;
pub mod propose_authority;
pub mod propose_council;
pub mod register_node;
pub mod register_provider;
pub mod release_node;
pub mod remove_attestor;
pub mod resume_node;
pub mod revoke_attestation;
pub mod set_guardian;
pub mod unpause;
pub mod update_attestor;
pub mod update_hardware;
pub mod update_price;
pub mod update_provider;

pub use {
    accept_authority::*, add_attestor::*, apply_council::*, attest::*, cancel_authority::*, cancel_council::*,
    close_node::*, close_provider::*, convict_node::*, drain_node::*, initialize_network::*, lease_node::*, pause::*,
    propose_authority::*, propose_council::*, register_node::*, register_provider::*, release_node::*,
    remove_attestor::*, resume_node::*, revoke_attestation::*, set_guardian::*, unpause::*, update_attestor::*,
    update_hardware::*, update_price::*, update_provider::*,
};
