//! Staking: what providers and those who trust them stand to lose, and what they earn for it.
//!
//! Each provider has one pool. Active and unbonding stake answer for its jobs; the market, and nobody else, bonds it,
//! releases it, slashes it and shares revenue with it. See the README beside this crate for every instruction's signer
//! and errors.
#![cfg_attr(target_os = "solana", no_std)]

use anchor_lang::prelude::*;
#[cfg(target_os = "solana")]
use solana_compiler_builtins as _;

pub mod error;
pub mod event;
pub mod instructions;
pub mod state;

use instructions::*;
pub use {error::StakingError, state::*};

declare_id!("32m8cq5TJFPWGoXDKtGctFyc7HY8dwSNgBrGKuMDRQbY");
common::security_txt!("Gantry staking");

/// Staking's instructions.
// As a dependency (feature `cpi`) only the client side is generated: the dispatcher's exported symbol would end up in
// the caller's binary, beside the caller's own.
#[cfg_attr(feature = "cpi", program(interface, program_id = crate::ID))]
#[cfg_attr(not(feature = "cpi"), program)]
pub mod staking {
    use super::*;

    /// Sets staking up. Once. The network's authority.
    pub fn initialize(
        ctx: &mut Context<Initialize>,
        unbonding_seconds: u32,
        commission_notice_seconds: u32,
        minimum_pool_stake: u64,
        minimum_position_stake: u64,
        slash_customer_bps: u16,
        slash_reporter_bps: u16,
    ) -> Result<()> {
        ctx.accounts.handle(
            unbonding_seconds,
            commission_notice_seconds,
            minimum_pool_stake,
            minimum_position_stake,
            slash_customer_bps,
            slash_reporter_bps,
        )
    }

    /// Creates a provider's pool. The provider's authority.
    pub fn create_pool(ctx: &mut Context<CreatePool>, commission_bps: u16) -> Result<()> {
        ctx.accounts.handle(commission_bps)
    }

    /// Lowers the commission at once or announces a raise. The provider's authority.
    pub fn set_commission(ctx: &mut Context<SetCommission>, commission_bps: u16) -> Result<()> {
        ctx.accounts.handle(commission_bps)
    }

    /// Stakes behind a provider. Anyone.
    pub fn stake(ctx: &mut Context<Stake>, amount: u64) -> Result<()> {
        ctx.accounts.handle(amount)
    }

    /// Asks for stake back, in shares of the active stake. The staker.
    pub fn request_unstake(ctx: &mut Context<RequestUnstake>, shares: u128) -> Result<()> {
        ctx.accounts.handle(shares)
    }

    /// Takes the request at a place (0 is the oldest) back. The staker.
    pub fn cancel_unstake(ctx: &mut Context<CancelUnstake>, place: u8) -> Result<()> {
        ctx.accounts.handle(place)
    }

    /// Pays every request that is due. The staker.
    pub fn withdraw(ctx: &mut Context<Withdraw>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Pays the rewards of a position. The staker.
    pub fn claim_rewards(ctx: &mut Context<ClaimRewards>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Closes a position that holds nothing. The staker.
    pub fn close_position(ctx: &mut Context<ClosePosition>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Closes a pool in which nobody has anything left. The provider's authority.
    pub fn close_pool(ctx: &mut Context<ClosePool>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Sets stake aside for a job. The market alone.
    pub fn bond(ctx: &mut Context<Bond>, amount: u64) -> Result<()> {
        ctx.accounts.handle(amount)
    }

    /// Gives a job's bond back, and shares revenue that the market transferred to the reward vault before. The market
    /// alone.
    pub fn release(ctx: &mut Context<Release>, bond: u64, rewards: u64) -> Result<()> {
        ctx.accounts.handle(bond, rewards)
    }

    /// Takes `amount` for a fault of the job that holds `bond`, and gives the rest of the bond back. The market alone.
    pub fn slash(ctx: &mut Context<Slash>, bond: u64, amount: u64) -> Result<()> {
        ctx.accounts.handle(bond, amount)
    }

    /// Shares revenue that the market transferred to the reward vault before. The market alone.
    pub fn deposit_rewards(ctx: &mut Context<DepositRewards>, amount: u64) -> Result<()> {
        ctx.accounts.handle(amount)
    }
}

common::entrypoint! {
    initialize(Initialize, unbonding_seconds, commission_notice_seconds, minimum_pool_stake, minimum_position_stake, slash_customer_bps, slash_reporter_bps),
    create_pool(CreatePool, commission_bps),
    set_commission(SetCommission, commission_bps),
    stake(Stake, amount),
    request_unstake(RequestUnstake, shares),
    cancel_unstake(CancelUnstake, place),
    withdraw(Withdraw),
    claim_rewards(ClaimRewards),
    close_position(ClosePosition),
    close_pool(ClosePool),
    bond(Bond, amount),
    release(Release, bond, rewards),
    slash(Slash, bond, amount),
    deposit_rewards(DepositRewards, amount),
}
