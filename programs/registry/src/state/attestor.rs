use super::{MAX_TIER, flags};
use anchor_lang::prelude::*;
use common::{Stored, seeds, state::Seeds};

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

/// Whether the tier and every flag exist.
pub fn valid_scope(tier: u8, granted: u16) -> bool {
    tier <= MAX_TIER && granted & !flags::ALL == 0
}

impl Stored for Attestor {
    const SEEDS: Seeds = seeds!(Attestor: b"attestor", key);
}
