use anchor_lang::prelude::*;
use common::{Stored, seeds, state::Seeds};

/// A provider: a wallet that lists nodes. Seeds `"provider", authority`.
#[account]
pub struct Provider {
    /// The wallet that lists nodes and earns.
    pub authority: Address,
    /// Owner of the token accounts that payouts go to.
    pub payout_owner: Address,
    /// Who paid the rent of this account.
    pub rent_payer: Address,
    /// SHA-256 of the provider's public metadata (name, contacts), zeros for none.
    pub metadata_hash: [u8; 32],
    /// When it registered, Unix seconds.
    pub registered_at: PodI64,
    /// Jobs that ended as they should.
    pub jobs_completed: PodU64,
    /// Jobs that did not.
    pub jobs_failed: PodU64,
    /// Disputes decided against it.
    pub disputes_lost: PodU64,
    /// Seconds served over all jobs.
    pub served_seconds: PodU64,
    /// Seconds those jobs were entitled to.
    pub promised_seconds: PodU64,
    /// Nodes listed now.
    pub node_count: PodU32,
    /// Nodes that run a job now.
    pub active_leases: PodU32,
    /// Canonical bump.
    pub bump: u8,
}

impl Stored for Provider {
    const SEEDS: Seeds = seeds!(Provider: b"provider", authority);
}
