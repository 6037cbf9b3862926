use crate::{
    error::MarketError,
    event::JobSettled,
    programs::Staking,
    state::*,
    transfer::{Vault, require_destination},
};
use anchor_lang::{accounts::InterfaceAccount, prelude::*};
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};
use gantry_core::{billing, sla};
use pinocchio::sysvars::clock::Clock;
use registry::{Network, Provider};
use staking::Pool;

/// Accounts of `settle_job`.
#[derive(Accounts)]
pub struct SettleJob {
    /// The network.
    #[account(seeds = [b"network"], bump = network.bump, seeds::program = registry::ID)]
    pub network: Account<Network>,
    /// Rules of the market.
    #[account(seeds = [b"params"], bump = params.bump)]
    pub params: Account<MarketParams>,
    /// The mint.
    #[account(address = job.mint @ MarketError::WrongAccount)]
    pub mint: InterfaceAccount<Mint>,
    /// What the market knows of it.
    #[account(seeds = [b"mint", mint.address().as_ref()], bump = payment_mint.bump)]
    pub payment_mint: Account<PaymentMint>,
    /// The customer's counter of jobs.
    #[account(mut, seeds = [b"customer", job.customer.as_ref()], bump = customer.bump)]
    pub customer: Account<Customer>,
    /// The job.
    #[account(
        mut,
        close = rent_payer,
        seeds = [b"job", job.customer.as_ref(), bytemuck::bytes_of(&job.id)],
        bump = job.bump
    )]
    pub job: Account<Job>,
    /// Its vault.
    #[account(mut, seeds = [b"vault", job.address().as_ref()], bump = job.vault_bump)]
    pub vault: InterfaceAccount<TokenAccount>,
    /// The provider that served it.
    #[account(address = job.provider @ MarketError::WrongAccount)]
    pub provider: Account<Provider>,
    /// Its pool; staking checks its address.
    #[account(mut)]
    pub pool: Account<Pool>,
    /// The pool's reward vault; staking checks its address.
    #[account(mut)]
    pub reward_vault: InterfaceAccount<TokenAccount>,
    /// An account of the provider's payout owner.
    #[account(mut, unsafe(dup))]
    pub provider_destination: InterfaceAccount<TokenAccount>,
    /// An account of the matcher's.
    #[account(mut, unsafe(dup))]
    pub matcher_destination: InterfaceAccount<TokenAccount>,
    /// The treasury.
    #[account(mut, unsafe(dup), address = payment_mint.treasury @ MarketError::WrongAccount)]
    pub treasury: InterfaceAccount<TokenAccount>,
    /// An account of the customer's.
    #[account(mut, unsafe(dup))]
    pub customer_destination: InterfaceAccount<TokenAccount>,
    /// Who paid the rent.
    #[account(mut, unsafe(dup), address = job.rent_payer @ MarketError::WrongAccount)]
    pub rent_payer: UncheckedAccount,
    /// The PDA that signs to staking.
    #[account(address = network.market_authority @ MarketError::WrongAccount)]
    pub market_authority: UncheckedAccount,
    /// Token program of the mint.
    #[account(address = payment_mint.token_program @ MarketError::WrongAccount)]
    pub token_program: Interface<'static, TokenInterface>,
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
        self.settle_with_pool(bond, outcome.delegators)?;

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

    #[inline(never)]
    fn settle_with_pool(&mut self, bond: u64, rewards: u64) -> Result<()> {
        let bump = [self.params.authority_bump];
        let seeds: &[&[u8]] = &[b"authority", &bump];
        let signer = [seeds];
        staking::cpi::release(
            CpiContext::new_with_signer(
                self.staking_program.address(),
                staking::cpi::accounts::Release {
                    market_authority: self.market_authority.cpi_handle(),
                    network: self.network.cpi_handle(),
                    pool: self.pool.cpi_handle_mut(),
                },
                &signer,
            ),
            bond,
        )?;
        if rewards == 0 {
            return Ok(());
        }
        staking::cpi::deposit_rewards(
            CpiContext::new_with_signer(
                self.staking_program.address(),
                staking::cpi::accounts::DepositRewards {
                    market_authority: self.market_authority.cpi_handle(),
                    network: self.network.cpi_handle(),
                    pool: self.pool.cpi_handle_mut(),
                    reward_vault: self.reward_vault.cpi_handle(),
                },
                &signer,
            ),
            rewards,
        )
    }
}
