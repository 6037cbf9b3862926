use anchor_lang::prelude::*;
use common::{Stored, seeds, state::Seeds};

/// A wallet that opens jobs. Seeds `"customer", wallet`. Never closed, so that no job id is ever used twice.
#[account]
pub struct Customer {
    /// The wallet.
    pub wallet: Address,
    /// Who paid the rent of this account.
    pub rent_payer: Address,
    /// Id of the next job.
    pub next_job_id: PodU64,
    /// Jobs that are not closed.
    pub open_jobs: PodU32,
    /// Canonical bump.
    pub bump: u8,
}

impl Stored for Customer {
    const SEEDS: Seeds = seeds!(Customer: b"customer", wallet);
}
