use anchor_lang::prelude::*;
use common::{Stored, pda};

/// A wallet that the network lets vouch for nodes. Seeds `"attestor", key`.
#[account]
pub struct Attestor {
    /// The wallet that signs attestations.
    pub key: Address,
    /// Who paid the rent of this account.
    pub rent_payer: Address,
    /// Attestations it has granted.
    pub granted: PodU64,
    /// Flags that it may grant.
    pub flags: PodU16,
    /// Highest tier that it may grant.
    pub max_tier: u8,
    /// 1 while it may attest.
    pub active: u8,
    /// Canonical bump.
    pub bump: u8,
}

impl Stored for Attestor {
    fn derived_address(&self) -> Address {
        pda::address(&[b"attestor", self.key.as_ref(), &[self.bump]], &crate::ID)
    }
}
