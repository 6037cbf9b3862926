//! What the matching core knows of jobs, nodes and pools: plain values, so that the same state gives the same pairs.

use gantry_core::requirements::{Mismatch, Offer, Requirements};
use sha2::{Digest as _, Sha256};

/// An account's address, raw.
pub type Key = [u8; 32];

/// An open job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenJob {
    /// Its account.
    pub key: Key,
    /// When it was opened, Unix seconds.
    pub created_at: i64,
    /// What it asks of a node.
    pub requirements: Requirements,
    /// Most seconds to serve: sizes the bond.
    pub max_duration: u32,
    /// Only this node account may take it.
    pub fixed_node: Option<Key>,
    /// Nodes that did not start it, as the market remembers them: by the first four bytes of their address.
    pub barred: Vec<[u8; 4]>,
}

impl OpenJob {
    /// Whether the market would refuse `node` for having let this job down.
    pub fn bars(&self, node: &Key) -> bool {
        let prefix = [node[0], node[1], node[2], node[3]];
        // Zeros mean an empty place on chain, where a node with that prefix is remembered by another one.
        let prefix = if prefix == [0; 4] { [0xff; 4] } else { prefix };
        self.barred.contains(&prefix)
    }
}

/// A node that takes jobs now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreeNode {
    /// Its account.
    pub key: Key,
    /// Its provider account: names the pool whose stake answers for it.
    pub provider: Key,
    /// What it has, at which price.
    pub offer: Offer,
}

/// The stake that answers for a provider's jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stake {
    /// Active stake, base units.
    pub active: u64,
    /// Part of it that answers for jobs already, base units.
    pub bonded: u64,
    /// Mint that the pool shares revenue in: it takes jobs in no other.
    pub reward_mint: Key,
}

/// The rules that bonds are sized by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BondRules {
    /// Basis points of the highest bill, in stake units.
    pub ratio_bps: u32,
    /// Least active stake of a pool that takes jobs, base units.
    pub minimum_pool_stake: u64,
}

/// Why a free node does not get a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unfit {
    /// The job asks for another node.
    NotTheNodeAskedFor,
    /// It let this job down before.
    Barred,
    /// It does not meet a requirement.
    Requirement(Mismatch),
    /// Its provider has no stake pool.
    NoPool,
    /// Its provider's pool shares revenue in another mint.
    RewardMint,
    /// Its provider's pool has too little stake that is free.
    Stake,
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotTheNodeAskedFor => f.write_str("is not the node that the job asks for"),
            Self::Barred => f.write_str("did not start this job before"),
            Self::Requirement(mismatch) => mismatch.fmt(f),
            Self::NoPool => f.write_str("has no stake behind it"),
            Self::RewardMint => f.write_str("shares its revenue in another mint"),
            Self::Stake => f.write_str("has too little free stake behind it"),
        }
    }
}

/// Where a key stands on the ring on which equals are shared out.
pub(crate) fn ring_position(key: &Key) -> u64 {
    let digest = Sha256::digest(key);
    u64::from_le_bytes(digest[..8].try_into().expect("a digest has 32 bytes"))
}

/// How far ahead of the job a node stands on the ring: among equals the nearest gets it.
///
/// A hash of the pair, so that equals share; and one that an ordered index can search, where an unstructured hash would
/// have to be computed for every equal.
pub fn ring_distance(job: &Key, node: &Key) -> u64 {
    ring_position(node).wrapping_sub(ring_position(job))
}
