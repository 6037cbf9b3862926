//! The registry: who takes part in the network, and with which hardware.
//!
//! Providers list nodes; attestors that the network admitted vouch for them; the market, and nobody else, leases and
//! releases them. See the README beside this crate for every instruction's signer and errors.
#![cfg_attr(target_os = "solana", no_std)]

use anchor_lang::prelude::*;
#[cfg(target_os = "solana")]
use solana_compiler_builtins as _;

pub mod error;
pub mod event;
pub mod instructions;
pub mod state;

use instructions::*;
pub use {error::RegistryError, state::*};

declare_id!("2Dqz1P6gSCGoqj7vN39Esy524JGPkePhXd8BqgqTzBTF");
common::security_txt!("Gantry registry");

/// The registry's instructions.
// As a dependency (feature `cpi`) only the client side is generated: the dispatcher's exported symbol would end up in
// the caller's binary, beside the caller's own.
#[cfg_attr(feature = "cpi", program(interface, program_id = crate::ID))]
#[cfg_attr(not(feature = "cpi"), program)]
pub mod registry {
    use super::*;

    /// Creates the network. Once.
    pub fn initialize_network(ctx: &mut Context<InitializeNetwork>, args: NetworkArgs) -> Result<()> {
        ctx.accounts.handle(args)
    }

    /// Stops new jobs, new assignments or both. Authority or guardian.
    pub fn pause(ctx: &mut Context<Pause>, flags: u8) -> Result<()> {
        ctx.accounts.handle(flags)
    }

    /// Lifts a pause. Authority.
    pub fn unpause(ctx: &mut Context<Unpause>, flags: u8) -> Result<()> {
        ctx.accounts.handle(flags)
    }

    /// Proposes another authority, which has to accept. Authority.
    pub fn propose_authority(ctx: &mut Context<ProposeAuthority>, authority: Address) -> Result<()> {
        ctx.accounts.handle(authority)
    }

    /// Becomes the authority. The proposed authority.
    pub fn accept_authority(ctx: &mut Context<AcceptAuthority>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Withdraws a proposed authority. Authority.
    pub fn cancel_authority(ctx: &mut Context<CancelAuthority>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Changes who may pause beside the authority. Authority.
    pub fn set_guardian(ctx: &mut Context<SetGuardian>, guardian: Address) -> Result<()> {
        ctx.accounts.handle(guardian)
    }

    /// Proposes another council, which can be applied after the timelock. Authority.
    pub fn propose_council(
        ctx: &mut Context<ProposeCouncil>,
        arbiters: [Address; 9],
        count: u8,
        threshold: u8,
    ) -> Result<()> {
        ctx.accounts.handle(arbiters, count, threshold)
    }

    /// Puts a proposed council in force once it is due. Anyone.
    pub fn apply_council(ctx: &mut Context<ApplyCouncil>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Withdraws a proposed council. Authority.
    pub fn cancel_council(ctx: &mut Context<CancelCouncil>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Admits an attestor with the highest tier and the flags that it may grant. Authority.
    pub fn add_attestor(ctx: &mut Context<AddAttestor>, key: Address, max_tier: u8, flags: u16) -> Result<()> {
        ctx.accounts.handle(key, max_tier, flags)
    }

    /// Changes what an attestor may grant and whether it may attest. Authority.
    pub fn update_attestor(ctx: &mut Context<UpdateAttestor>, max_tier: u8, flags: u16, active: bool) -> Result<()> {
        ctx.accounts.handle(max_tier, flags, active)
    }

    /// Removes an attestor; its attestations stay until they end or are revoked. Authority.
    pub fn remove_attestor(ctx: &mut Context<RemoveAttestor>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Registers the signer as a provider.
    pub fn register_provider(
        ctx: &mut Context<RegisterProvider>,
        payout_owner: Address,
        metadata_hash: [u8; 32],
    ) -> Result<()> {
        ctx.accounts.handle(payout_owner, metadata_hash)
    }

    /// Changes where payouts go and the hash of the public metadata. The provider's authority.
    pub fn update_provider(
        ctx: &mut Context<UpdateProvider>,
        payout_owner: Address,
        metadata_hash: [u8; 32],
    ) -> Result<()> {
        ctx.accounts.handle(payout_owner, metadata_hash)
    }

    /// Closes a provider without nodes and without a pool. The provider's authority.
    pub fn close_provider(ctx: &mut Context<CloseProvider>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Lists a node. The provider's authority; the node key signs too, so that nobody lists a key that is not theirs.
    pub fn register_node(ctx: &mut Context<RegisterNode>, args: NodeArgs) -> Result<()> {
        ctx.accounts.handle(args)
    }

    /// Changes a node's price. The provider's authority.
    pub fn update_price(ctx: &mut Context<UpdatePrice>, price_per_hour: u64) -> Result<()> {
        ctx.accounts.handle(price_per_hour)
    }

    /// Changes a node's hardware and country, which voids its attestation and lets its device go. The provider's authority.
    pub fn update_hardware(ctx: &mut Context<UpdateHardware>, args: HardwareArgs) -> Result<()> {
        ctx.accounts.handle(args)
    }

    /// Stops new jobs on a node, now or when its job or suspension ends. The provider's authority.
    pub fn drain_node(ctx: &mut Context<DrainNode>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Ends draining, or a suspension after 24 hours. The provider's authority.
    pub fn resume_node(ctx: &mut Context<ResumeNode>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Closes a node that neither runs a job nor is suspended. The provider's authority.
    pub fn close_node(ctx: &mut Context<CloseNode>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Vouches for a node's hardware, region and compliance until a date. An active attestor, within its scope.
    pub fn attest(ctx: &mut Context<Attest>, args: AttestArgs) -> Result<()> {
        ctx.accounts.handle(args)
    }

    /// Takes an attestation back. The attestor that gave it, or the authority.
    pub fn revoke_attestation(ctx: &mut Context<RevokeAttestation>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Takes a node for a job. The market alone.
    pub fn lease_node(ctx: &mut Context<LeaseNode>, job: Address) -> Result<()> {
        ctx.accounts.handle(job)
    }

    /// Gives a node back and counts how the job went. The market alone.
    pub fn release_node(
        ctx: &mut Context<ReleaseNode>,
        outcome: u8,
        served_seconds: u64,
        promised_seconds: u64,
    ) -> Result<()> {
        ctx.accounts.handle(outcome, served_seconds, promised_seconds)
    }

    /// Counts a dispute against the provider, and with 1 suspends its node for two receipts that contradict each other.
    /// The market alone.
    pub fn convict_node(ctx: &mut Context<ConvictNode>, equivocated: u8) -> Result<()> {
        ctx.accounts.handle(equivocated)
    }
}

common::entrypoint! {
    initialize_network(InitializeNetwork, args),
    pause(Pause, flags),
    unpause(Unpause, flags),
    propose_authority(ProposeAuthority, authority),
    accept_authority(AcceptAuthority),
    cancel_authority(CancelAuthority),
    set_guardian(SetGuardian, guardian),
    propose_council(ProposeCouncil, arbiters, count, threshold),
    apply_council(ApplyCouncil),
    cancel_council(CancelCouncil),
    add_attestor(AddAttestor, key, max_tier, flags),
    update_attestor(UpdateAttestor, max_tier, flags, active),
    remove_attestor(RemoveAttestor),
    register_provider(RegisterProvider, payout_owner, metadata_hash),
    update_provider(UpdateProvider, payout_owner, metadata_hash),
    close_provider(CloseProvider),
    register_node(RegisterNode, args),
    update_price(UpdatePrice, price_per_hour),
    update_hardware(UpdateHardware, args),
    drain_node(DrainNode),
    resume_node(ResumeNode),
    close_node(CloseNode),
    attest(Attest; args),
    revoke_attestation(RevokeAttestation),
    lease_node(LeaseNode, job),
    release_node(ReleaseNode, outcome, served_seconds, promised_seconds),
    convict_node(ConvictNode, equivocated),
}
