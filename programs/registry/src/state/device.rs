use anchor_lang::prelude::*;
use common::{Stored, pda};

/// One physical device, claimed by at most one node; keeps its history when it is listed again.
/// Seeds `"device", device_hash`.
#[account]
pub struct Device {
    /// Hash of the device's identity, as the attestor measured it.
    pub device_hash: [u8; 32],
    /// The node account that claims it; zeros when none does.
    pub node: Address,
    /// Who paid the rent of this account.
    pub rent_payer: Address,
    /// When the present node claimed it, Unix seconds.
    pub claimed_at: PodI64,
    /// Nodes that have claimed it so far.
    pub claims: PodU32,
    /// Jobs completed on it under nodes that have since let it go.
    pub jobs_completed: PodU64,
    /// Jobs failed on it under nodes that have since let it go.
    pub jobs_failed: PodU64,
    /// Canonical bump.
    pub bump: u8,
}

impl Stored for Device {
    fn derived_address(&self) -> Address {
        pda::address(&[b"device", &self.device_hash, &[self.bump]], &crate::ID)
    }
}
