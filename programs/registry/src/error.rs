//! Why the registry refuses an instruction.

use anchor_lang::prelude::*;

/// Refusals of the registry, from 6000.
#[error_code(offset = 6000)]
pub enum RegistryError {
    /// The signer is not the network's authority.
    #[msg("only the network's authority may do this: sign with it")]
    NotNetworkAuthority,
    /// The signer is neither the network's authority nor its guardian.
    #[msg("only the network's authority or guardian may pause: sign with one of them")]
    NotGuardian,
    /// The signer is not the provider's authority.
    #[msg("only the provider's authority may do this: sign with the wallet that registered it")]
    NotProviderAuthority,
    /// The signer is not the attestor.
    #[msg("only the attestor's own key may attest: sign with it")]
    NotAttestor,
    /// The signer is not the market.
    #[msg("only the market program may lease and release nodes")]
    NotMarket,
    /// The council's size or threshold is out of range.
    #[msg("a council has 1 to 9 distinct members and a threshold above half of them, at most all")]
    InvalidCouncil,
    /// An address that must be set is zero.
    #[msg("an address is all zeros: name a real key")]
    ZeroAddress,
    /// Unknown pause flags.
    #[msg("pause flags are 1 (new jobs), 2 (assignments) or 3 (both)")]
    InvalidPauseFlags,
    /// A tier or flag that does not exist.
    #[msg("tiers go from 0 to 3 and only the six defined flags exist")]
    InvalidScope,
    /// Beyond what this attestor may grant.
    #[msg("this attestor may not grant that tier or flag: ask the network's authority for a wider scope")]
    OutsideAttestorScope,
    /// The attestor was deactivated.
    #[msg("this attestor is not active")]
    AttestorInactive,
    /// An attestation that ends in the past or too far ahead.
    #[msg("an attestation ends in the future, at most 400 days ahead")]
    InvalidExpiry,
    /// The device already belongs to another node.
    #[msg("another node claims this device: close that node first")]
    DeviceClaimed,
    /// The device hash is zero, or not the one in the account's seeds.
    #[msg("the device hash must be the SHA-256 of the device's identity, not zeros")]
    InvalidDeviceHash,
    /// A price of zero.
    #[msg("the price per hour must be above zero")]
    InvalidPrice,
    /// Hardware that makes no sense.
    #[msg("a node has at least one CPU core and 1 GiB of memory; GPU count, model and memory are all zero or all set")]
    InvalidHardware,
    /// Not an ISO 3166-1 alpha-2 country.
    #[msg("the country must be two capital letters (ISO 3166-1 alpha-2)")]
    InvalidCountry,
    /// The node cannot take a job now.
    #[msg("this node is not available")]
    NodeNotAvailable,
    /// The node does not run a job.
    #[msg("this node is not leased")]
    NodeNotLeased,
    /// An outcome that does not exist.
    #[msg("the outcome is 0 (completed), 1 (failed) or 2 (neutral)")]
    InvalidOutcome,
    /// A counter is full.
    #[msg("a counter would overflow")]
    Overflow,
    /// The signer is not who was proposed.
    #[msg("only the proposed authority may accept: sign with it")]
    NotPendingAuthority,
    /// There is no proposal.
    #[msg("nothing is proposed")]
    NothingProposed,
    /// The timelock is not over.
    #[msg("the proposal is not due yet: apply it when its timelock has passed")]
    NotDue,
    /// There is no attestation to revoke.
    #[msg("this node has no attestation")]
    NotAttested,
    /// The signer may not revoke this attestation.
    #[msg("only the attestor that gave the attestation or the network's authority may revoke it")]
    NotRevoker,
    /// The node runs a job.
    #[msg("this node runs a job: wait until it has ended")]
    NodeLeased,
    /// The node is suspended.
    #[msg("this node is suspended: have it attested anew, or resume it 24 hours after its suspension")]
    NodeSuspended,
    /// The node drains, or will.
    #[msg("this node drains already, or will when its job or suspension ends")]
    AlreadyDraining,
    /// There is nothing to resume.
    #[msg("this node is not draining: there is nothing to resume")]
    NotDraining,
    /// The provider lists nodes.
    #[msg("this provider still lists nodes: close them first")]
    HasNodes,
    /// The provider has a pool.
    #[msg("this provider still has a pool: close it first")]
    HasPool,
    /// Not the device that the node claims.
    #[msg("this is not the device that the node claims: pass the account of its device hash")]
    WrongDevice,
    /// Not who paid the rent.
    #[msg("rent goes back to who paid it: pass the rent payer that the account names")]
    WrongRentPayer,
    /// Another attestor's word on the node is in force.
    #[msg(
        "another attestor's attestation is in force: it ends by itself, or its attestor or the network's authority revokes it"
    )]
    AttestedByAnother,
}

impl common::Refusal for RegistryError {
    const OFFSET: u32 = 6000;
}
