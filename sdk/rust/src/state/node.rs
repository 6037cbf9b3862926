//! Nodes and the pools behind them.

use crate::{Pubkey, registry::accounts::Node, staking::accounts::Pool};
use gantry_core::{
    reputation::{History, reputation_bps},
    requirements::Offer,
};
use std::fmt;

/// What a node is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum NodeStatus {
    /// Takes jobs.
    Available = 0,
    /// Runs a job.
    Leased = 1,
    /// Takes no new job; its provider said so.
    Draining = 2,
    /// Takes no job after three failures in a row or a conviction.
    Suspended = 3,
}

impl NodeStatus {
    /// The status that `byte` stands for, if any.
    pub fn from_byte(byte: u8) -> Option<Self> {
        [Self::Available, Self::Leased, Self::Draining, Self::Suspended]
            .get(usize::from(byte))
            .copied()
    }

    /// Lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Leased => "leased",
            Self::Draining => "draining",
            Self::Suspended => "suspended",
        }
    }
}

impl fmt::Display for NodeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a node's account says.
pub trait NodeExt {
    /// What it offers, as a job's requirements are checked against it.
    fn offer(&self) -> Offer;
    /// Reputation in basis points, from its own history.
    fn reputation_bps(&self) -> u16;
    /// What it is doing; `None` for a byte that this version does not know.
    fn status(&self) -> Option<NodeStatus>;
    /// Country, ISO 3166-1 alpha-2.
    fn country_code(&self) -> String;
}

impl NodeExt for Node {
    fn offer(&self) -> Offer {
        Offer {
            gpu_model: self.gpu_model,
            gpu_count: self.gpu_count,
            vram_gib: self.vram_gib,
            ram_gib: self.ram_gib,
            disk_gib: self.disk_gib,
            mbps: self.mbps,
            country: self.country,
            flags: self.flags,
            tier: self.tier,
            attestation_expires_at: self.attestation_expires_at,
            reputation_bps: NodeExt::reputation_bps(self),
            price_per_hour: self.price_per_hour,
            mint: self.price_mint.to_bytes(),
        }
    }

    fn reputation_bps(&self) -> u16 {
        reputation_bps(History {
            completed: self.jobs_completed,
            failed: self.jobs_failed,
            served_seconds: self.served_seconds,
            promised_seconds: self.promised_seconds,
        })
    }

    fn status(&self) -> Option<NodeStatus> {
        NodeStatus::from_byte(self.status)
    }

    fn country_code(&self) -> String {
        String::from_utf8_lossy(&self.country).into_owned()
    }
}

/// What a pool's account says.
pub trait PoolExt {
    /// Active stake that answers for no job, base units of the stake mint.
    fn free(&self) -> u64;
}

impl PoolExt for Pool {
    fn free(&self) -> u64 {
        self.active.saturating_sub(self.bonded)
    }
}

/// What a job remembers of a node that did not start it: the first four bytes of the account's address; zeros, which
/// mean an empty place, become 0xff.
pub(super) fn short_key(node: &Pubkey) -> [u8; 4] {
    let bytes = node.to_bytes();
    let prefix = [bytes[0], bytes[1], bytes[2], bytes[3]];
    if prefix == [0; 4] { [0xff; 4] } else { prefix }
}

const FLAGS: [(&str, u16); 6] = [
    ("DATACENTER", 1 << 0),
    ("GDPR_DPA", 1 << 1),
    ("ISO27001", 1 << 2),
    ("SOC2", 1 << 3),
    ("CONFIDENTIAL_COMPUTING", 1 << 4),
    ("EEA", 1 << 5),
];

/// A name that is none of the attestation flags.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no attestation flag: there are DATACENTER, GDPR_DPA, ISO27001, SOC2, CONFIDENTIAL_COMPUTING and EEA")]
pub struct UnknownFlag(pub String);

/// Names of the attestation flags in `flags`.
pub fn flag_names(flags: u16) -> Vec<&'static str> {
    FLAGS
        .iter()
        .filter(|(_, bit)| flags & bit != 0)
        .map(|(name, _)| *name)
        .collect()
}

/// The attestation flags with these names, in any case.
///
/// # Errors
/// The first name that is none.
pub fn flags_from_names<S: AsRef<str>>(names: &[S]) -> Result<u16, UnknownFlag> {
    names.iter().try_fold(0, |flags, name| {
        let name = name.as_ref();
        let flag = FLAGS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        flag.map(|(_, bit)| flags | bit)
            .ok_or_else(|| UnknownFlag(name.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_survive_the_round_trip() {
        assert_eq!(flags_from_names(&["eea", "SOC2"]), Ok(0b10_1000));
        assert_eq!(flag_names(0b10_1000), ["SOC2", "EEA"]);
        assert_eq!(flags_from_names(&["EU"]), Err(UnknownFlag("EU".to_owned())));
    }
}
