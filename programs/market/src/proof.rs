//! Reading a node's receipts out of the ed25519 instructions right before ours.

use crate::{
    error::MarketError,
    state::{Job, MarketParams},
};
use anchor_lang::prelude::*;
use common::{Instructions, pda::same_bytes, same};
use gantry_core::{
    ed25519::{self, SignedMessage},
    receipt::Receipt,
};

/// The ed25519 signature verification program.
pub const ED25519_PROGRAM: Address = anchor_lang::address!("Ed25519SigVerify111111111111111111111111111");

/// How far a node's clock may run ahead of the chain's, seconds.
pub const MAX_CLOCK_SKEW: i64 = 300;

/// The receipt that the preceding instruction verified, if `node_key` signed it for exactly this deployment, job and
/// assignment.
///
/// # Errors
/// One [`MarketError`] for each thing that can be wrong with it; odd data never panics.
pub fn verified_receipt(
    instructions: &Instructions,
    params: &MarketParams,
    job_address: &Address,
    job: &Job,
    node_key: &Address,
    now: i64,
) -> Result<Receipt> {
    let receipt = receipt(instructions, -1, params, job_address, job, node_key)?;
    require!(
        receipt.issued_at <= now.saturating_add(MAX_CLOCK_SKEW),
        MarketError::IssuedInFuture
    );
    Ok(receipt)
}

/// As [`verified_receipt`], of the instruction at `place` relative to this one, whenever it was issued.
///
/// # Errors
/// As there.
#[inline(never)]
pub fn receipt(
    instructions: &Instructions,
    place: i64,
    params: &MarketParams,
    job_address: &Address,
    job: &Job,
    node_key: &Address,
) -> Result<Receipt> {
    let receipt = signed(instructions, place, |signed| {
        require!(same_bytes(signed.key, node_key.as_array()), MarketError::WrongSigner);
        Ok(Receipt::decode(signed.message).map_err(|_| MarketError::MalformedReceipt)?)
    })?;
    require!(same_bytes(&receipt.genesis_hash, &params.genesis_hash), MarketError::WrongCluster);
    require!(same_bytes(&receipt.market, crate::ID.as_array()), MarketError::WrongMarket);
    require!(same_bytes(&receipt.job, job_address.as_array()), MarketError::WrongJob);
    require!(receipt.assignment == job.assignment.get(), MarketError::WrongAssignment);
    Ok(receipt)
}

/// Who signed what the instruction at `place` relative to this one verified.
///
/// # Errors
/// [`MarketError::MissingSignature`], [`MarketError::MalformedSignature`].
#[inline(never)]
pub fn signer(instructions: &Instructions, place: i64) -> Result<Address> {
    signed(instructions, place, |signed| Ok(Address::new_from_array(*signed.key)))
}

fn signed<T>(
    instructions: &Instructions,
    place: i64,
    read: impl FnOnce(SignedMessage) -> Result<T>,
) -> Result<T> {
    let instructions = instructions.read();
    let instruction = instructions
        .get_instruction_relative(place)
        .map_err(|_| MarketError::MissingSignature)?;
    require!(
        same(instruction.get_program_id(), &ED25519_PROGRAM),
        MarketError::MissingSignature
    );
    read(ed25519::decode(instruction.get_instruction_data()).ok_or(MarketError::MalformedSignature)?)
}
