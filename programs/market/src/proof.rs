//! Reading a node's receipt out of the ed25519 instruction right before ours.

use crate::{
    error::MarketError,
    state::{Job, MarketParams},
};
use anchor_lang::prelude::*;
use gantry_core::{ed25519, receipt::Receipt};

/// The ed25519 signature verification program.
pub const ED25519_PROGRAM: Address = anchor_lang::address!("Ed25519SigVerify111111111111111111111111111");

/// How far a node's clock may run ahead of the chain's, seconds.
pub const MAX_CLOCK_SKEW: i64 = 300;

/// The receipt that the preceding instruction verified, if `node_key` signed it for exactly this deployment, job and
/// assignment.
///
/// # Errors
/// One [`MarketError`] for each thing that can be wrong with it; odd data never panics.
#[inline(never)]
pub fn verified_receipt(
    instructions: &Sysvar<SysvarInstructions>,
    params: &MarketParams,
    job_address: &Address,
    job: &Job,
    node_key: &Address,
    now: i64,
) -> Result<Receipt> {
    let previous = instructions
        .get_instruction_relative(-1)
        .map_err(|_| MarketError::MissingSignature)?;
    require!(
        *previous.get_program_id() == ED25519_PROGRAM,
        MarketError::MissingSignature
    );
    let signed = ed25519::decode(previous.get_instruction_data()).ok_or(MarketError::MalformedSignature)?;
    require!(signed.key == node_key.as_array(), MarketError::WrongSigner);
    let receipt = Receipt::decode(signed.message).map_err(|_| MarketError::MalformedReceipt)?;
    require!(receipt.genesis_hash == params.genesis_hash, MarketError::WrongCluster);
    require!(receipt.market == *crate::ID.as_array(), MarketError::WrongMarket);
    require!(receipt.job == *job_address.as_array(), MarketError::WrongJob);
    require!(receipt.assignment == job.assignment.get(), MarketError::WrongAssignment);
    require!(
        receipt.issued_at <= now.saturating_add(MAX_CLOCK_SKEW),
        MarketError::IssuedInFuture
    );
    Ok(receipt)
}
