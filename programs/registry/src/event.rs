//! One event per change of state.

use anchor_lang::prelude::*;
use common::Log;

/// The network was created.
#[event]
#[derive(Log)]
pub struct NetworkInitialized {
    /// Who governs it.
    pub authority: Address,
    /// Whose word the programs take about jobs.
    pub market_authority: Address,
}

/// New jobs or assignments were stopped or allowed.
#[event]
#[derive(Log)]
pub struct PauseChanged {
    /// Bits: 1 no new jobs, 2 no assignments.
    pub paused: u8,
    /// Who changed it.
    pub by: Address,
}

/// An attestor was admitted.
#[event]
#[derive(Log)]
pub struct AttestorAdded {
    /// Its key.
    pub key: Address,
    /// Highest tier that it may grant.
    pub max_tier: u8,
    /// Flags that it may grant.
    pub flags: u16,
}

/// A provider registered.
#[event]
#[derive(Log)]
pub struct ProviderRegistered {
    /// The provider account.
    pub provider: Address,
    /// Its wallet.
    pub authority: Address,
    /// Owner of the token accounts that payouts go to.
    pub payout_owner: Address,
}

/// A node was listed.
#[event]
#[derive(Log)]
pub struct NodeRegistered {
    /// The node account.
    pub node: Address,
    /// Its provider account.
    pub provider: Address,
    /// The key that signs its receipts.
    pub node_key: Address,
    /// Mint of the price.
    pub price_mint: Address,
    /// Base units per hour.
    pub price_per_hour: u64,
    /// ISO 3166-1 alpha-2.
    pub country: [u8; 2],
}

/// A node's price changed.
#[event]
#[derive(Log)]
pub struct PriceUpdated {
    /// The node account.
    pub node: Address,
    /// Base units per hour.
    pub price_per_hour: u64,
}

/// A node was attested.
#[event]
#[derive(Log)]
pub struct NodeAttested {
    /// The node account.
    pub node: Address,
    /// Who vouches.
    pub attestor: Address,
    /// Tier, 0 to 3.
    pub tier: u8,
    /// Flags.
    pub flags: u16,
    /// When it ends, Unix seconds.
    pub expires_at: i64,
    /// The device that it names.
    pub device_hash: [u8; 32],
}

/// A node took a job.
#[event]
#[derive(Log)]
pub struct NodeLeased {
    /// The node account.
    pub node: Address,
    /// The job account.
    pub job: Address,
}

/// A node was given back.
#[event]
#[derive(Log)]
pub struct NodeReleased {
    /// The node account.
    pub node: Address,
    /// The job account.
    pub job: Address,
    /// 0 completed, 1 failed, 2 neutral.
    pub outcome: u8,
    /// 0 available, 2 draining, 3 suspended.
    pub status: u8,
    /// Seconds served.
    pub served_seconds: u64,
    /// Seconds that the job was entitled to.
    pub promised_seconds: u64,
}

/// A dispute or two contradicting receipts were decided against a provider.
#[event]
#[derive(Log)]
pub struct ProviderConvicted {
    /// The provider account.
    pub provider: Address,
    /// The node account; it may be closed by now.
    pub node: Address,
    /// Disputes that the provider has lost so far.
    pub disputes_lost: u64,
    /// 1 for two receipts that contradict each other: the node is suspended, or will be when its job ends.
    pub equivocated: u8,
}

/// An authority was proposed; it has to accept.
#[event]
#[derive(Log)]
pub struct AuthorityProposed {
    /// Who may accept.
    pub authority: Address,
}

/// A proposed authority was withdrawn.
#[event]
#[derive(Log)]
pub struct AuthorityProposalCancelled {
    /// Who had been proposed.
    pub authority: Address,
}

/// The network has another authority.
#[event]
#[derive(Log)]
pub struct AuthorityChanged {
    /// Who governs now.
    pub authority: Address,
}

/// The network has another guardian.
#[event]
#[derive(Log)]
pub struct GuardianChanged {
    /// Who may pause beside the authority.
    pub guardian: Address,
}

/// A council was proposed.
#[event]
#[derive(Log)]
pub struct CouncilProposed {
    /// When it can be applied, Unix seconds.
    pub due_at: i64,
    /// Its members.
    pub arbiter_count: u8,
    /// Equal votes that would decide.
    pub arbiter_threshold: u8,
}

/// A proposed council was withdrawn.
#[event]
#[derive(Log)]
pub struct CouncilProposalCancelled {
    /// When it could have been applied, Unix seconds.
    pub due_at: i64,
}

/// The network has another council.
#[event]
#[derive(Log)]
pub struct CouncilChanged {
    /// Its members.
    pub arbiter_count: u8,
    /// Equal votes that decide.
    pub arbiter_threshold: u8,
}

/// An attestor's scope changed.
#[event]
#[derive(Log)]
pub struct AttestorUpdated {
    /// Its key.
    pub key: Address,
    /// Highest tier that it may grant.
    pub max_tier: u8,
    /// Flags that it may grant.
    pub flags: u16,
    /// 1 while it may attest.
    pub active: u8,
}

/// An attestor was removed.
#[event]
#[derive(Log)]
pub struct AttestorRemoved {
    /// Its key.
    pub key: Address,
}

/// An attestation was taken back.
#[event]
#[derive(Log)]
pub struct AttestationRevoked {
    /// The node account.
    pub node: Address,
    /// Who had vouched.
    pub attestor: Address,
    /// Who took it back: the attestor or the authority.
    pub by: Address,
}

/// A provider changed its payout owner or metadata.
#[event]
#[derive(Log)]
pub struct ProviderUpdated {
    /// The provider account.
    pub provider: Address,
    /// Owner of the token accounts that payouts go to.
    pub payout_owner: Address,
}

/// A provider left.
#[event]
#[derive(Log)]
pub struct ProviderClosed {
    /// The provider account.
    pub provider: Address,
}

/// A node's hardware changed; its attestation is void.
#[event]
#[derive(Log)]
pub struct HardwareUpdated {
    /// The node account.
    pub node: Address,
    /// The device that it let go; zeros for none.
    pub device_hash: [u8; 32],
    /// GPU model code; 0 for none.
    pub gpu_model: u16,
    /// GPUs.
    pub gpu_count: u8,
    /// ISO 3166-1 alpha-2.
    pub country: [u8; 2],
}

/// A node was drained or resumed.
#[event]
#[derive(Log)]
pub struct NodeStatusChanged {
    /// The node account.
    pub node: Address,
    /// 0 available, 1 leased, 2 draining, 3 suspended.
    pub status: u8,
    /// 1 when it drains once its job or suspension ends.
    pub drain_after_job: u8,
}

/// A node left.
#[event]
#[derive(Log)]
pub struct NodeClosed {
    /// The node account.
    pub node: Address,
    /// Its provider account.
    pub provider: Address,
    /// The device that it let go; zeros for none.
    pub device_hash: [u8; 32],
}
