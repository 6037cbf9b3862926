use anchor_lang::prelude::*;
use common::{Stored, seeds, state::Seeds};

/// A mint that jobs may be paid in. Seeds `"mint", mint`.
#[account]
pub struct PaymentMint {
    /// The mint.
    pub mint: Address,
    /// Its token program: Token or Token-2022.
    pub token_program: Address,
    /// Token account of the treasury in this mint.
    pub treasury: Address,
    /// Who paid the rent of this account.
    pub rent_payer: Address,
    /// Least price of a job, base units per hour.
    pub minimum_price: PodU64,
    /// Stake units per payment unit, Q32.32: sizes bonds.
    pub stake_rate: PodU64,
    /// 1 while new jobs may use it.
    pub enabled: u8,
    /// Decimals of the mint.
    pub decimals: u8,
    /// Canonical bump.
    pub bump: u8,
}

impl Stored for PaymentMint {
    const SEEDS: Seeds = seeds!(PaymentMint: b"mint", mint);
}
