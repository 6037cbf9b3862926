use crate::{
    calls::Market,
    error::MarketError,
    event::JobSettled,
    programs::Staking,
    state::*,
    transfer::{Vault, require_destination},
};
use anchor_lang::prelude::*;
use common::{MintAccount, State, TokenAccount, TokenProgram, same};
use gantry_core::{billing, sla};
use pinocchio::sysvars::clock::Clock;
use registry::{Network, Provider};
use staking::Pool;

/// Accounts of `settle_job`.
#[derive(Accounts)]
pub struct SettleJob {
    /// The network.
    pub network: State<Network>,
    /// Rules of the market.
    pub params: State<MarketParams>,
    /// The mint.
    #[account(constraint = same(mint.address(), &job.mint) @ MarketError::WrongAccount)]
    pub mint: MintAccount,
    /// What the market knows of it.
    #[account(constraint = same(&payment_mint.mint, &job.mint) @ ProgramError::InvalidSeeds)]
    pub payment_mint: State<PaymentMint>,
    /// The customer's counter of jobs.
    #[account(mut, constraint = same(&customer.wallet, &job.customer) @ ProgramError::InvalidSeeds)]
    pub customer: State<Customer>,
    /// The job.
    #[account(mut, close = rent_payer)]
    pub job: State<Job>,
    /// Its vault.
    #[account(mut, constraint = same(vault.address(), &job.vault(job.address())) @ ProgramError::InvalidSeeds)]
    pub vault: TokenAccount,
    /// The provider that served it.
    #[account(constraint = same(provider.address(), &job.provider) @ MarketError::WrongAccount)]
    pub provider: State<Provider>,
    /// Its pool; staking checks its address.
    #[account(mut)]
    pub pool: State<Pool>,
    /// The pool's reward vault; staking checks its address.
    #[account(mut)]
    pub reward_vault: TokenAccount,
    /// An account of the provider's payout owner.
    #[account(mut, unsafe(dup))]
    pub provider_destination: TokenAccount,
    /// An account of the matcher's.
    #[account(mut, unsafe(dup))]
    pub matcher_destination: TokenAccount,
    /// The treasury.
    #[account(mut, unsafe(dup), constraint = same(treasury.address(), &payment_mint.treasury) @ MarketError::WrongAccount)]
    pub treasury: TokenAccount,
    /// An account of the customer's.
    #[account(mut, unsafe(dup))]
    pub customer_destination: TokenAccount,
    /// Who paid the rent.
    #[account(mut, unsafe(dup), constraint = same(rent_payer.address(), &job.rent_payer) @ MarketError::WrongAccount)]
    pub rent_payer: UncheckedAccount,
    /// The PDA that signs to staking.
    #[account(constraint = same(market_authority.address(), &network.market_authority) @ MarketError::WrongAccount)]
    pub market_authority: UncheckedAccount,
    /// Token program of the mint.
    #[account(constraint = same(token_program.address(), &payment_mint.token_program) @ MarketError::WrongAccount)]
    pub token_program: TokenProgram,
    /// Staking.
    pub staking_program: Program<Staking>,
}

/// What a job comes to.
struct Outcome {
    paid_seconds: u32,
    bill: u64,
    credit: u64,
    parts: billing::Settlement,
    delegators: u64,
}

impl SettleJob {
    fn validate(&self, now: i64) -> Result<()> {
        let job = &self.job;
        let ended = [JobStatus::Finished as u8, JobStatus::Lapsed as u8].contains(&job.status);
        require!(ended, MarketError::NotEnded);
        if job.options & ACCEPTED == 0 {
            let at = job.offset(now).ok_or(MarketError::Overflow)?;
            let waited = at.saturating_sub(job.ended_at.get());
            require!(
                waited >= self.params.terms.dispute_window.get(),
                MarketError::DisputeWindowOpen
            );
        }
        require!(self.pool.provider == job.provider, MarketError::WrongAccount);
        require_destination(&self.provider_destination, &self.provider.payout_owner, &job.mint)?;
        require_destination(&self.matcher_destination, &job.matcher, &job.mint)?;
        require_destination(&self.customer_destination, &job.customer, &job.mint)
    }

    /// Pure maths over what the job proved; see [`gantry_core::billing`] for the rounding.
    fn outcome(&self, now: i64) -> Option<Outcome> {
        let (job, terms) = (&self.job, &self.params.terms);
        let served = job.served_seconds.get();
        let paid_seconds = billing::payable_seconds(served, job.elapsed(job.ended_at.get()), job.max_duration.get());
        let bill = billing::bill(job.price_per_hour.get(), paid_seconds)?;
        let uptime = sla::uptime_bps(served, job.sla_seconds());
        let credit_bps = sla::credit_bps(job.sla_uptime_bps.get(), uptime, &terms.sla_steps());
        let credit = sla::credit(bill, credit_bps)?;
        let earned = bill.checked_sub(credit)?;
        let parts = billing::settle(
            job.deposited.get(),
            earned,
            terms.fee_bps.get(),
            terms.matcher_fee_bps.get(),
        )?;
        // Without stake to share with, the provider keeps all of it.
        let shared = self.pool.active_shares.get() > 0;
        let delegators = if shared {
            billing::delegators_part(parts.provider, self.pool.commission_at(now))?
        } else {
            0
        };
        Some(Outcome {
            paid_seconds,
            bill,
            credit,
            parts,
            delegators,
        })
    }

    /// Pays everybody, releases the bond, closes vault and job.
    pub fn handle(&mut self) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        self.validate(now)?;
        let outcome = self.outcome(now).ok_or(MarketError::Overflow)?;
        let parts = outcome.parts;
        let to_provider = parts
            .provider
            .checked_sub(outcome.delegators)
            .ok_or(MarketError::Overflow)?;
        let bond = self.job.bond.get();

        let mut vault = Vault {
            job: &self.job,
            vault: &mut self.vault,
            mint: &self.mint,
            token_program: self.token_program.address(),
        };
        vault.pay(&mut self.provider_destination, to_provider)?;
        vault.pay(&mut self.reward_vault, outcome.delegators)?;
        vault.pay(&mut self.matcher_destination, parts.matcher)?;
        vault.pay(&mut self.treasury, parts.treasury)?;
        vault.pay(&mut self.customer_destination, parts.customer)?;
        vault.close(&mut self.treasury, &mut self.rent_payer)?;
        let market = Market {
            params: &self.params,
            authority: &self.market_authority,
            network: &self.network,
        };
        market.release(&mut self.pool, &self.reward_vault, bond, outcome.delegators)?;

        self.customer.open_jobs = self.customer.open_jobs.checked_sub(1u32).ok_or(MarketError::Overflow)?;
        let job = &self.job;
        emit!(JobSettled {
            job: *job.address(),
            customer: job.customer,
            provider: job.provider,
            matcher: job.matcher,
            deposited: job.deposited.get(),
            paid_seconds: outcome.paid_seconds,
            bill: outcome.bill,
            credit: outcome.credit,
            to_provider,
            to_delegators: outcome.delegators,
            to_matcher: parts.matcher,
            to_treasury: parts.treasury,
            to_customer: parts.customer,
        });
        Ok(())
    }
}
