use crate::error::RegistryError;
use anchor_lang::prelude::*;
use common::{Stored, seeds, state::Seeds};
use gantry_core::{
    reputation::{History, reputation_bps},
    requirements::Offer,
};

/// Failures in a row that suspend a node.
pub const FAILURES_TO_SUSPEND: u8 = 3;
/// Seconds after which a suspended node may resume without a new attestation.
pub const SUSPENSION_SECONDS: i64 = 24 * 3_600;

/// What a node is doing, as the byte in [`Node::status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Attestation flags, granted by attestors only.
pub mod flags {
    /// In a data centre.
    pub const DATACENTER: u16 = 1 << 0;
    /// Bound by a GDPR data processing agreement.
    pub const GDPR_DPA: u16 = 1 << 1;
    /// ISO/IEC 27001 certified.
    pub const ISO27001: u16 = 1 << 2;
    /// SOC 2 audited.
    pub const SOC2: u16 = 1 << 3;
    /// Offers confidential computing.
    pub const CONFIDENTIAL_COMPUTING: u16 = 1 << 4;
    /// In the European Economic Area.
    pub const EEA: u16 = 1 << 5;
    /// Every flag there is.
    pub const ALL: u16 = (1 << 6) - 1;
}

/// Highest attestation tier: 0 self-declared, 1 benchmarked, 2 attested by the vendor's service, 3 inspected on site.
pub const MAX_TIER: u8 = 3;

/// A GPU host that takes jobs. Seeds `"node", provider, node_key`.
#[account]
pub struct Node {
    /// The provider account it belongs to.
    pub provider: Address,
    /// The ed25519 key that signs its receipts.
    pub node_key: Address,
    /// Who paid the rent of this account.
    pub rent_payer: Address,
    /// Mint that the price is in.
    pub price_mint: Address,
    /// The job it runs; zeros when it runs none.
    pub current_job: Address,
    /// Who attested it; zeros when nobody did.
    pub attestor: Address,
    /// The device that its attestation names; zeros when there is none.
    pub device_hash: [u8; 32],
    /// Price, base units of `price_mint` per hour.
    pub price_per_hour: PodU64,
    /// When the attestation ends, Unix seconds.
    pub attestation_expires_at: PodI64,
    /// When it was listed, Unix seconds.
    pub registered_at: PodI64,
    /// When it was suspended, Unix seconds; 0 when it is not.
    pub suspended_at: PodI64,
    /// Jobs that ended as they should.
    pub jobs_completed: PodU64,
    /// Jobs that did not.
    pub jobs_failed: PodU64,
    /// Seconds served over all jobs.
    pub served_seconds: PodU64,
    /// Seconds those jobs were entitled to.
    pub promised_seconds: PodU64,
    /// Disk, GiB.
    pub disk_gib: PodU32,
    /// Bandwidth, Mbit/s.
    pub mbps: PodU32,
    /// GPU model code (SDK catalogue); 0 for a node without a GPU.
    pub gpu_model: PodU16,
    /// Memory of each GPU, GiB.
    pub vram_gib: PodU16,
    /// CPU cores.
    pub cpu_cores: PodU16,
    /// Main memory, GiB.
    pub ram_gib: PodU16,
    /// Attested flags.
    pub flags: PodU16,
    /// Country, ISO 3166-1 alpha-2.
    pub country: [u8; 2],
    /// GPUs in the node.
    pub gpu_count: u8,
    /// Attested tier, 0 to 3.
    pub tier: u8,
    /// 0 available, 1 leased, 2 draining, 3 suspended.
    pub status: u8,
    /// 1 when the provider asked to drain while the node could not: it drains when its job or suspension ends.
    pub drain_after_job: u8,
    /// Jobs failed since the last that did not.
    pub consecutive_failures: u8,
    /// Canonical bump.
    pub bump: u8,
}

impl Stored for Node {
    const SEEDS: Seeds = seeds!(Node: b"node", provider, node_key);
}

impl Node {
    /// Reputation in basis points, from the node's own history.
    pub fn reputation_bps(&self) -> u16 {
        reputation_bps(History {
            completed: self.jobs_completed.get(),
            failed: self.jobs_failed.get(),
            served_seconds: self.served_seconds.get(),
            promised_seconds: self.promised_seconds.get(),
        })
    }

    /// Suspends it for two receipts that contradict each other. One that runs a job ends it first.
    pub fn convict(&mut self, now: i64) {
        self.consecutive_failures = FAILURES_TO_SUSPEND;
        if self.status == NodeStatus::Leased as u8 {
            return;
        }
        if self.status == NodeStatus::Draining as u8 {
            // A wish to drain outlives the suspension.
            self.drain_after_job = 1;
        }
        self.status = NodeStatus::Suspended as u8;
        self.suspended_at = now.into();
    }

    /// Takes it out of service, now or when its job or suspension ends. `false` where that was asked for already.
    pub fn drain(&mut self) -> bool {
        if self.status == NodeStatus::Draining as u8 || self.drain_after_job == 1 {
            return false;
        }
        if self.status == NodeStatus::Available as u8 {
            self.status = NodeStatus::Draining as u8;
        } else {
            self.drain_after_job = 1;
        }
        true
    }

    /// Puts it back into service, or takes back the wish to drain when its job ends.
    ///
    /// # Errors
    /// `NodeSuspended` for [`SUSPENSION_SECONDS`] after its suspension; `NotDraining` where there is nothing to resume.
    pub fn resume(&mut self, now: i64) -> Result<()> {
        if self.status == NodeStatus::Suspended as u8 {
            let passed = now.saturating_sub(self.suspended_at.get());
            require!(passed >= SUSPENSION_SECONDS, RegistryError::NodeSuspended);
            self.lift_suspension(NodeStatus::Available);
        } else if self.status == NodeStatus::Draining as u8 {
            self.status = NodeStatus::Available as u8;
        } else {
            require!(self.drain_after_job == 1, RegistryError::NotDraining);
            self.drain_after_job = 0;
        }
        Ok(())
    }

    /// Ends a suspension, and with it the row of failures.
    pub fn lift_suspension(&mut self, status: NodeStatus) {
        self.status = status as u8;
        self.drain_after_job = 0;
        self.suspended_at = 0i64.into();
        self.consecutive_failures = 0;
    }

    /// Forgets who vouched for what. The claim on the device stays.
    pub fn drop_attestation(&mut self) {
        self.attestor = Address::default();
        self.attestation_expires_at = 0i64.into();
        self.flags = 0u16.into();
        self.tier = 0;
    }

    /// What the node offers, as job requirements are checked against it.
    pub fn offer(&self) -> Offer {
        Offer {
            gpu_model: self.gpu_model.get(),
            gpu_count: self.gpu_count,
            vram_gib: self.vram_gib.get(),
            ram_gib: self.ram_gib.get(),
            disk_gib: self.disk_gib.get(),
            mbps: self.mbps.get(),
            country: self.country,
            flags: self.flags.get(),
            tier: self.tier,
            attestation_expires_at: self.attestation_expires_at.get(),
            reputation_bps: self.reputation_bps(),
            price_per_hour: self.price_per_hour.get(),
            mint: self.price_mint.to_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use NodeStatus::{Available, Draining, Leased, Suspended};
    use bytemuck::Zeroable;

    const NOW: i64 = 1_800_000_000;

    fn node(status: NodeStatus, drain_after_job: u8) -> Node {
        let mut node = Node::zeroed();
        node.status = status as u8;
        node.drain_after_job = drain_after_job;
        if status == Suspended {
            node.suspended_at = NOW.into();
            node.consecutive_failures = FAILURES_TO_SUSPEND;
        }
        node
    }

    fn state(node: &Node) -> (u8, u8) {
        (node.status, node.drain_after_job)
    }

    #[test]
    fn draining_is_asked_for_once() {
        for (from, wish, to) in [
            (Available, 0, Some((Draining, 0))),
            (Leased, 0, Some((Leased, 1))),
            (Suspended, 0, Some((Suspended, 1))),
            (Draining, 0, None),
            (Leased, 1, None),
            (Suspended, 1, None),
        ] {
            let mut node = node(from, wish);
            let before = state(&node);
            assert_eq!(node.drain(), to.is_some(), "{from:?} {wish}");
            assert_eq!(state(&node), to.map_or(before, |(status, wish)| (status as u8, wish)));
        }
    }

    #[test]
    fn resuming_undoes_draining_and_a_suspension_that_is_over() {
        for (from, wish, now, to) in [
            (Draining, 0, NOW, Some((Available, 0))),
            (Leased, 1, NOW, Some((Leased, 0))),
            (Leased, 0, NOW, None),
            (Available, 0, NOW, None),
            (Suspended, 0, NOW + SUSPENSION_SECONDS - 1, None),
            (Suspended, 1, NOW + SUSPENSION_SECONDS - 1, None),
            (Suspended, 0, NOW + SUSPENSION_SECONDS, Some((Available, 0))),
            (Suspended, 1, NOW + SUSPENSION_SECONDS, Some((Available, 0))),
        ] {
            let mut node = node(from, wish);
            let before = state(&node);
            assert_eq!(node.resume(now).is_ok(), to.is_some(), "{from:?} {wish} {now}");
            assert_eq!(state(&node), to.map_or(before, |(status, wish)| (status as u8, wish)));
            if from == Suspended && to.is_some() {
                assert_eq!((node.consecutive_failures, node.suspended_at.get()), (0, 0));
            }
        }
    }

    #[test]
    fn a_conviction_suspends_at_once_but_for_a_node_that_runs_a_job() {
        for (from, to) in [
            (Available, (Suspended, 0)),
            (Draining, (Suspended, 1)),
            (Suspended, (Suspended, 0)),
            (Leased, (Leased, 0)),
        ] {
            let mut node = node(from, 0);
            node.convict(NOW + 5);
            assert_eq!(state(&node), (to.0 as u8, to.1), "{from:?}");
            assert_eq!(node.consecutive_failures, FAILURES_TO_SUSPEND);
            let at = if from == Leased { 0 } else { NOW + 5 };
            assert_eq!(node.suspended_at.get(), at);
        }
    }
}
