//! The market: jobs and money.
//!
//! A customer's deposit waits in a vault of its own; the program checks every requirement when somebody pairs the job
//! with a node; only seconds that the node's key has signed for are paid. See the README beside this crate for every
//! instruction's signer and errors.
#![cfg_attr(target_os = "solana", no_std)]

use anchor_lang::prelude::*;
#[cfg(target_os = "solana")]
use solana_compiler_builtins as _;

mod calls;
mod ending;
pub mod error;
pub mod event;
pub mod instructions;
pub mod programs;
pub mod proof;
pub mod settlement;
pub mod state;
mod transfer;

use instructions::*;
pub use {error::MarketError, state::*};

declare_id!("9bxXf9L2a2mFQhz4qbJLYXaGdqtLbgaEH76EQeJKVZEY");
common::security_txt!("Gantry market");

/// The market's instructions.
#[program]
pub mod market {
    use super::*;

    /// Creates the market. Once; the network's authority.
    pub fn initialize(ctx: &mut Context<Initialize>, genesis_hash: [u8; 32], terms: TermsArgs) -> Result<()> {
        ctx.accounts.handle(genesis_hash, terms)
    }

    /// Admits a mint that jobs may be paid in. The network's authority.
    pub fn enable_mint(ctx: &mut Context<EnableMint>, minimum_price: u64, stake_rate: u64) -> Result<()> {
        ctx.accounts.handle(minimum_price, stake_rate)
    }

    /// Opens a job and funds it. Any wallet.
    pub fn open_job(ctx: &mut Context<OpenJob>, args: JobArgs) -> Result<()> {
        ctx.accounts.handle(&args)
    }

    /// Closes a job that no node has, and gives the deposit back. The customer; anyone once the job has waited too long.
    pub fn cancel_job(ctx: &mut Context<CancelJob>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Pairs an open job with a node that meets every requirement. Anyone; earns the matcher's fee.
    pub fn assign_job(ctx: &mut Context<AssignJob>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Starts an assigned job with receipt 0 of its node. Anyone may carry it.
    pub fn start_job(ctx: &mut Context<StartJob>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Records what the node's receipt proves; a final receipt ends the job. Anyone may carry it.
    pub fn submit_proof(ctx: &mut Context<SubmitProof>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Ends a running job early. The customer.
    pub fn stop_job(ctx: &mut Context<StopJob>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Accepts the result, so that nobody waits for the dispute window. The customer.
    pub fn accept_result(ctx: &mut Context<AcceptResult>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Ends a job whose node went silent, or ran past what was paid for. Anyone.
    pub fn report_lapse(ctx: &mut Context<ReportLapse>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Takes a job from a node that did not start it: slashes the bond and opens the job again. Anyone.
    pub fn expire_assignment(ctx: &mut Context<ExpireAssignment>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Pays everybody and closes the job. Anyone, after the dispute window or the customer's acceptance.
    pub fn settle_job(ctx: &mut Context<SettleJob>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Settles a job whose node has claimed more than the SLA leaves it: the bond pays for the rest. Anyone.
    pub fn settle_with_slash(ctx: &mut Context<SettleWithSlash>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Takes a job to the council, with a bond; a running one ends. The customer.
    pub fn dispute_job(ctx: &mut Context<DisputeJob>, reason_hash: [u8; 32]) -> Result<()> {
        ctx.accounts.handle(reason_hash)
    }

    /// Votes on a dispute. An arbiter of the council, once.
    pub fn vote(ctx: &mut Context<CastVote>, provider_share_bps: u16, slash_bps: u16) -> Result<()> {
        ctx.accounts.handle(provider_share_bps, slash_bps)
    }

    /// Executes the council's verdict, or pays what is proven where there is none by the deadline. Anyone.
    pub fn resolve_dispute(ctx: &mut Context<ResolveDispute>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Slashes the bond of a job whose node signed two receipts that contradict each other. Anyone.
    pub fn slash_equivocation(ctx: &mut Context<SlashEquivocation>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Announces new terms. The network's authority.
    pub fn propose_terms(ctx: &mut Context<ProposeTerms>, terms: TermsArgs) -> Result<()> {
        ctx.accounts.handle(terms)
    }

    /// Puts the announced terms in force. Anyone, once the timelock has passed.
    pub fn apply_terms(ctx: &mut Context<ApplyTerms>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Takes the announced terms back. The network's authority.
    pub fn cancel_terms(ctx: &mut Context<CancelTerms>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Changes the rules for new jobs in a mint. The network's authority.
    pub fn update_mint(
        ctx: &mut Context<UpdateMint>,
        enabled: bool,
        minimum_price: u64,
        stake_rate: u64,
    ) -> Result<()> {
        ctx.accounts.handle(enabled, minimum_price, stake_rate)
    }

    /// Extends a running job, and pays for it. The customer.
    pub fn top_up_job(ctx: &mut Context<TopUpJob>, seconds: u32) -> Result<()> {
        ctx.accounts.handle(seconds)
    }

    /// Releases proven seconds of a running job before their dispute window has passed. The customer.
    pub fn acknowledge(ctx: &mut Context<Acknowledge>, seconds: u32) -> Result<()> {
        ctx.accounts.handle(seconds)
    }

    /// Pays what a running job has proven beyond dispute. Anyone; the provider and its stakers are paid.
    pub fn claim(ctx: &mut Context<Claim>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Gives an assigned job back before the start deadline, unslashed. The node's key.
    pub fn decline_assignment(ctx: &mut Context<DeclineAssignment>) -> Result<()> {
        ctx.accounts.handle()
    }

    /// Gives notice that a running job ends early. The node's key.
    pub fn end_job(ctx: &mut Context<EndJob>) -> Result<()> {
        ctx.accounts.handle()
    }
}

common::entrypoint! {
    initialize(Initialize, genesis_hash, terms),
    enable_mint(EnableMint, minimum_price, stake_rate),
    open_job(OpenJob; args),
    cancel_job(CancelJob),
    assign_job(AssignJob),
    start_job(StartJob),
    submit_proof(SubmitProof),
    stop_job(StopJob),
    accept_result(AcceptResult),
    report_lapse(ReportLapse),
    expire_assignment(ExpireAssignment),
    settle_job(SettleJob),
    settle_with_slash(SettleWithSlash),
    dispute_job(DisputeJob, reason_hash),
    vote(CastVote as Vote, provider_share_bps, slash_bps),
    resolve_dispute(ResolveDispute),
    slash_equivocation(SlashEquivocation),
    propose_terms(ProposeTerms, terms),
    apply_terms(ApplyTerms),
    cancel_terms(CancelTerms),
    update_mint(UpdateMint, enabled, minimum_price, stake_rate),
    top_up_job(TopUpJob, seconds),
    acknowledge(Acknowledge, seconds),
    claim(Claim),
    decline_assignment(DeclineAssignment),
    end_job(EndJob),
}
