//! Reading a node's receipts out of the ed25519 instructions right before ours.

use crate::{
    error::MarketError,
    state::{Job, MarketParams},
};
use anchor_lang::prelude::*;
use common::{State, instructions::Transaction, pda::same_bytes, same};
use gantry_core::{
    ed25519::{self, SignedMessage},
    receipt::View,
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
#[inline(always)]
pub fn verified_receipt<'a>(
    transaction: &'a Transaction,
    params: &MarketParams,
    job: &State<Job>,
    node_key: &Address,
    now: i64,
) -> Result<View<'a>> {
    let receipt = receipt(transaction, -1, params, job, node_key)?;
    require!(
        receipt.issued_at() <= now.saturating_add(MAX_CLOCK_SKEW),
        MarketError::IssuedInFuture
    );
    Ok(receipt)
}

/// As [`verified_receipt`], of the instruction at `place` relative to this one, whenever it was issued.
///
/// # Errors
/// As there.
#[inline(never)]
pub fn receipt<'a>(
    transaction: &'a Transaction,
    place: i64,
    params: &MarketParams,
    job: &State<Job>,
    node_key: &Address,
) -> Result<View<'a>> {
    let signed = signed(transaction, place)?;
    require!(same_bytes(signed.key, node_key.as_array()), MarketError::WrongSigner);
    let receipt = View::new(signed.message).map_err(|_| MarketError::MalformedReceipt)?;
    require!(
        same_bytes(receipt.genesis_hash(), &params.genesis_hash),
        MarketError::WrongCluster
    );
    require!(
        same_bytes(receipt.market(), crate::ID.as_array()),
        MarketError::WrongMarket
    );
    require!(
        same_bytes(receipt.job(), job.address().as_array()),
        MarketError::WrongJob
    );
    require!(
        receipt.assignment() == job.assignment.get(),
        MarketError::WrongAssignment
    );
    Ok(receipt)
}

/// What the instruction at `place` relative to this one verified.
///
/// # Errors
/// [`MarketError::MissingSignature`], [`MarketError::MalformedSignature`].
#[inline(never)]
pub fn signed<'a>(transaction: &'a Transaction, place: i64) -> Result<SignedMessage<'a>> {
    let instruction = transaction
        .get_instruction_relative(place)
        .map_err(|_| MarketError::MissingSignature)?;
    require!(
        same(instruction.get_program_id(), &ED25519_PROGRAM),
        MarketError::MissingSignature
    );
    // SAFETY: the data is the sysvar's, which outlives the instruction's handle to it.
    let data = unsafe { core::mem::transmute::<&[u8], &'a [u8]>(instruction.get_instruction_data()) };
    Ok(ed25519::decode(data).ok_or(MarketError::MalformedSignature)?)
}
