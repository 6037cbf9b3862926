#![allow(unused_variables)] // the derive binds every argument that `#[instruction]` names, in each of its functions

use crate::{error::RegistryError, event::NodeAttested, state::*};
use anchor_lang::prelude::*;
use common::{
    AccountTable, State,
    entry::{Argument, decode},
    now, same,
};

/// Longest that an attestation may last, seconds (400 days).
pub const MAX_ATTESTATION_SECONDS: i64 = 400 * 24 * 3_600;

/// What is vouched for.
#[derive(AnchorSerialize, AnchorDeserialize, IdlType, Clone, Copy)]
pub struct AttestArgs {
    /// SHA-256 of the device's identity, as the attestor measured it.
    pub device_hash: [u8; 32],
    /// When it ends, Unix seconds.
    pub expires_at: i64,
    /// Flags.
    pub flags: u16,
    /// Tier, 0 to 3.
    pub tier: u8,
}

impl Argument<'_> for AttestArgs {
    type Held = Self;

    fn read(data: &[u8]) -> Result<Self> {
        decode(data)
    }
}

/// Accounts of `attest`.
#[derive(Accounts, AccountTable)]
#[instruction(args: AttestArgs)]
pub struct Attest {
    /// The attestor's key.
    #[account(constraint = same(signer.address(), &attestor.key) @ RegistryError::NotAttestor)]
    pub signer: Signer,
    /// Pays the rent of a device seen for the first time.
    #[account(mut, unsafe(dup))]
    pub payer: Signer,
    /// The attestor.
    #[account(mut)]
    pub attestor: State<Attestor>,
    /// The node.
    #[account(mut)]
    pub node: State<Node>,
    /// The device.
    #[account(init_if_needed, payer = payer, seeds = [b"device", args.device_hash.as_ref()], bump)]
    pub device: State<Device>,
    /// Creates the account.
    pub system_program: Program<System>,
}

impl Attest {
    fn validate(&self, args: &AttestArgs, now: i64) -> Result<()> {
        require!(self.attestor.active == 1, RegistryError::AttestorInactive);
        require!(valid_scope(args.tier, args.flags), RegistryError::InvalidScope);
        require!(
            args.tier <= self.attestor.max_tier && args.flags & !self.attestor.flags.get() == 0,
            RegistryError::OutsideAttestorScope
        );
        require!(
            args.expires_at > now && args.expires_at - now <= MAX_ATTESTATION_SECONDS,
            RegistryError::InvalidExpiry
        );
        require!(args.device_hash != [0; 32], RegistryError::InvalidDeviceHash);
        // Otherwise any attestor could take a node's tier and flags from it.
        let node = &self.node;
        let ended = is_zero(&node.attestor) || node.attestation_expires_at.get() <= now;
        require!(
            ended || same(&node.attestor, self.signer.address()),
            RegistryError::AttestedByAnother
        );
        let free = is_zero(&self.device.node) || same(&self.device.node, self.node.address());
        require!(free, RegistryError::DeviceClaimed);
        // A node stands for one device: letting go of the first is its own instruction.
        let same = self.node.device_hash == [0; 32] || self.node.device_hash == args.device_hash;
        require!(same, RegistryError::InvalidDeviceHash);
        Ok(())
    }

    /// Records the attestation and the claim on the device, with its history; a suspended node is available again.
    pub fn handle(&mut self, args: AttestArgs) -> Result<()> {
        let now = now();
        self.validate(&args, now)?;
        let node_address = *self.node.address();
        let device = &mut self.device;
        if !same(&device.node, &node_address) {
            device.device_hash = args.device_hash;
            device.node = node_address;
            device.claimed_at = now.into();
            device.claims = device.claims.checked_add(1u32).ok_or(RegistryError::Overflow)?;
            device.give_history(&mut self.node);
        }
        if is_zero(&device.rent_payer) {
            device.rent_payer = *self.payer.address();
        }
        let node = &mut self.node;
        node.attestor = *self.signer.address();
        node.device_hash = args.device_hash;
        node.attestation_expires_at = args.expires_at.into();
        node.tier = args.tier;
        node.flags = args.flags.into();
        if node.status == NodeStatus::Suspended as u8 {
            // A wish to drain outlives the suspension.
            let drains = node.drain_after_job == 1;
            node.lift_suspension(if drains {
                NodeStatus::Draining
            } else {
                NodeStatus::Available
            });
        }
        self.attestor.granted = self.attestor.granted.checked_add(1u64).ok_or(RegistryError::Overflow)?;
        NodeAttested {
            node: node_address,
            attestor: *self.signer.address(),
            tier: args.tier,
            flags: args.flags,
            expires_at: args.expires_at,
            device_hash: args.device_hash,
        }
        .log();
        Ok(())
    }
}
