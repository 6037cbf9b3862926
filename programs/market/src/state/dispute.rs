use anchor_lang::prelude::*;
use common::{Stored, pda};

/// One arbiter's vote.
#[derive(Clone, Copy, IdlType, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Vote {
    /// 1 once the arbiter has voted.
    pub cast: u8,
    /// Share of the bill that the provider keeps, basis points.
    pub provider_share_bps: PodU16,
    /// Share of the job's bond that is slashed, basis points.
    pub slash_bps: PodU16,
}

/// A dispute over a job. Seeds `"dispute", job`.
#[account]
pub struct Dispute {
    /// The job.
    pub job: Address,
    /// Who opened it.
    pub opener: Address,
    /// Who paid the rent of this account.
    pub rent_payer: Address,
    /// SHA-256 of the reason, which is published off chain.
    pub reason_hash: [u8; 32],
    /// Bond of the opener, base units of the job's mint, kept in the job's vault.
    pub bond: PodU64,
    /// When it was opened, Unix seconds.
    pub opened_at: PodI64,
    /// When it ends without a verdict, Unix seconds.
    pub deadline: PodI64,
    /// Votes, in the order of the council.
    pub votes: [Vote; 9],
    /// Canonical bump.
    pub bump: u8,
}

impl Stored for Dispute {
    fn derived_address(&self) -> Address {
        pda::address(&[b"dispute", self.job.as_ref(), &[self.bump]], &crate::ID)
    }
}
