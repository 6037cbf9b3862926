//! Paying everybody and closing a job: what `settle_job`, `settle_with_slash` and `resolve_dispute` have in common.

use crate::{
    calls::Market,
    error::MarketError,
    event::JobSettled,
    programs::Staking,
    state::*,
    transfer::{Vault, receives},
};
use anchor_lang::prelude::*;
use common::{AccountTable, MintAccount, State, TokenAccount, TokenProgram, pda, readonly, same, writable};
use gantry_core::{BPS, billing, bond, mul_div_floor, sla};
use registry::{Network, Provider};
use staking::Pool;

/// Accounts of every settlement.
#[derive(Accounts, AccountTable)]
pub struct Settlement {
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
    /// The provider that served it. One that has been closed since is paid no more: its part goes to the treasury.
    #[account(mut, constraint = same(provider.address(), &job.provider) @ MarketError::WrongAccount)]
    pub provider: UncheckedAccount,
    /// The provider's pool; staking checks its address. It may be closed once nothing answers for the job any more.
    #[account(mut)]
    pub pool: UncheckedAccount,
    /// The pool's reward vault; staking checks its address.
    #[account(mut)]
    pub reward_vault: UncheckedAccount,
    /// An account of the provider's payout owner.
    #[account(mut, unsafe(dup))]
    pub provider_destination: TokenAccount,
    /// An account of the matcher's.
    #[account(mut, unsafe(dup))]
    pub matcher_destination: TokenAccount,
    /// The treasury. Where it cannot receive, its part goes to the customer.
    #[account(mut, unsafe(dup), constraint = same(treasury.address(), &payment_mint.treasury) @ MarketError::WrongAccount)]
    pub treasury: UncheckedAccount,
    /// An account of the customer's.
    #[account(mut, unsafe(dup))]
    pub customer_destination: TokenAccount,
    /// Who paid the rent.
    #[account(mut, unsafe(dup), constraint = same(rent_payer.address(), &job.rent_payer) @ MarketError::WrongAccount)]
    pub rent_payer: UncheckedAccount,
    /// The PDA that signs to registry and staking.
    #[account(constraint = same(market_authority.address(), &network.market_authority) @ MarketError::WrongAccount)]
    pub market_authority: UncheckedAccount,
    /// Token program of the mint.
    #[account(constraint = same(token_program.address(), &payment_mint.token_program) @ MarketError::WrongAccount)]
    pub token_program: TokenProgram,
    /// Staking.
    pub staking_program: Program<Staking>,
}

/// Accounts of a slash, which staking checks. Nothing here is read where nothing is slashed.
#[derive(Accounts, AccountTable)]
pub struct Slashing {
    /// Rules of staking.
    pub staking_params: UncheckedAccount,
    /// The pool's stake.
    #[account(mut, unsafe(dup))]
    pub stake_vault: UncheckedAccount,
    /// The customer's account in the stake mint.
    #[account(mut, unsafe(dup))]
    pub stake_customer: UncheckedAccount,
    /// An account in the stake mint of the sender's choice: it earns the reporter's share.
    #[account(mut, unsafe(dup))]
    pub stake_reporter: UncheckedAccount,
    /// The treasury's account in the stake mint.
    #[account(mut, unsafe(dup))]
    pub stake_treasury: UncheckedAccount,
    /// The stake mint.
    pub stake_mint: UncheckedAccount,
    /// Token program of the stake mint.
    pub stake_token_program: UncheckedAccount,
}

impl Slashing {
    /// Slashes `amount` of the `bond` of a job of `customer`'s; what is left of the bond is free again.
    #[inline(never)]
    pub(crate) fn slash(
        &mut self,
        market: Market,
        pool: &mut UncheckedAccount,
        customer: &Address,
        bond: u64,
        amount: u64,
    ) -> Result<()> {
        let destination = TokenAccount::load(*self.stake_customer.account())?;
        // Where it cannot receive, staking passes its part on to the treasury.
        receives(
            &destination,
            customer,
            self.stake_mint.address(),
            self.stake_token_program.address(),
        )?;
        let accounts = [
            readonly(&self.staking_params),
            writable(pool),
            writable(&mut self.stake_vault),
            writable(&mut self.stake_customer),
            writable(&mut self.stake_reporter),
            writable(&mut self.stake_treasury),
            readonly(&self.stake_mint),
            readonly(&self.stake_token_program),
        ];
        market.slash_with(&accounts, bond, amount)
    }
}

/// What a job comes to.
pub(crate) struct Outcome {
    paid_seconds: u32,
    bill: u64,
    credit: u64,
    /// What is left to pay of it.
    parts: billing::Settlement,
    /// Part of the provider's that goes to its stakers.
    delegators: u64,
    /// Of the bond, for the customer's part that the node's claims have taken from the vault.
    pub(crate) slash: u64,
}

/// What a decided dispute adds to the parts.
#[derive(Clone, Copy, Default)]
pub(crate) struct DisputeBond {
    /// To the provider.
    pub provider: u64,
    /// To the customer.
    pub customer: u64,
}

impl Settlement {
    /// Refuses a job that may not be settled at `now`.
    #[inline(never)]
    pub(crate) fn require_due(&self, now: i64) -> Result<()> {
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
        Ok(())
    }

    /// The pool, unless it is closed: that takes that no bond of it is left. A later one of the same provider that pays in
    /// another mint is none: its stakers can have no part of this job.
    #[inline(never)]
    fn pool(&self) -> Result<Option<State<Pool>>> {
        let job = &self.job;
        let account = self.pool.account();
        if account.owned_by(&staking::ID) {
            let pool = State::<Pool>::load(*account)?;
            require!(same(&pool.provider, &job.provider), MarketError::WrongAccount);
            let pays = same(&pool.reward_mint, &job.mint);
            require!(pays || job.bond.is_zero(), MarketError::WrongAccount);
            return Ok(pays.then_some(pool));
        }
        let (address, _) = pda::find(&[b"pool", job.provider.as_ref()], &staking::ID)?;
        require!(
            same(account.address(), &address) && job.bond.is_zero(),
            MarketError::WrongAccount
        );
        Ok(None)
    }

    /// What the job comes to where `share_bps` of what it billed is earned. Pure maths over what the job proved; see
    /// [`gantry_core::billing`] for the rounding.
    #[inline(never)]
    pub(crate) fn outcome(&self, share_bps: u16, now: i64) -> Result<Outcome> {
        let pool = self.pool()?;
        let (terms, rate) = (&self.params.terms, self.payment_mint.stake_rate.get());
        let outcome = weigh(&self.job, terms, rate, pool.as_deref(), share_bps, now);
        Ok(outcome.ok_or(MarketError::Overflow)?)
    }

    /// Slashes `amount` of the job's bond.
    pub(crate) fn slash(&mut self, accounts: &mut Slashing, amount: u64) -> Result<()> {
        let market = Market {
            params: &self.params,
            authority: &self.market_authority,
            network: &self.network,
        };
        let (customer, bond) = (&self.job.customer, self.job.bond.get());
        accounts.slash(market, &mut self.pool, customer, bond, amount)
    }

    /// Pays everybody, closes the vault, counts the job as closed and, unless some of it is `slashed` after this,
    /// releases the bond. The account of the job closes when the instruction ends.
    #[inline(never)]
    pub(crate) fn pay(&mut self, outcome: &Outcome, dispute: DisputeBond, slashed: bool) -> Result<()> {
        let job = &self.job;
        let (parts, to_delegators) = (&outcome.parts, outcome.delegators);
        let provider = parts.provider.checked_sub(to_delegators);
        let provider = provider.ok_or(MarketError::Overflow)?;
        let bond = if slashed { 0 } else { job.bond.get() };
        let claimed = job.paid_out.get();

        let mut vault = Vault {
            job,
            vault: &mut self.vault,
            mint: &self.mint,
            token_program: self.token_program.address(),
        };
        let account = self.provider.account();
        let to_provider = if account.owned_by(&registry::ID) {
            let owner = &State::<Provider>::load(*account)?.payout_owner;
            vault.pay_payee(&mut self.provider_destination, owner, provider, dispute.provider)?
        } else {
            0
        };
        vault.transfer(writable(&mut self.reward_vault), to_delegators)?;
        let to_matcher = vault.pay_payee(&mut self.matcher_destination, &job.matcher, parts.matcher, 0)?;
        let to_customer = vault.pay_payee(
            &mut self.customer_destination,
            &job.customer,
            parts.customer,
            dispute.customer,
        )?;
        // What is left is the treasury's: its own part, what another could not receive, and dust.
        let forgone = vault.close(&mut self.treasury, &mut self.customer_destination, &mut self.rent_payer)?;
        if bond > 0 || to_delegators > 0 {
            let market = Market {
                params: &self.params,
                authority: &self.market_authority,
                network: &self.network,
            };
            market.release(&mut self.pool, &self.reward_vault, bond, to_delegators)?;
        }

        self.customer.open_jobs = self.customer.open_jobs.checked_sub(1u32).ok_or(MarketError::Overflow)?;
        let paid = [claimed, to_provider, to_delegators, to_matcher, to_customer];
        let to_treasury = paid
            .iter()
            .try_fold(job.deposited.get(), |left, part| left.checked_sub(*part))
            .ok_or(MarketError::Overflow)?;
        // Dust that goes the same way is nobody's: the event counts the deposit only.
        let (to_treasury, to_customer) = if forgone > 0 {
            (0, to_customer.saturating_add(to_treasury))
        } else {
            (to_treasury, to_customer)
        };
        JobSettled {
            job: *job.address(),
            customer: job.customer,
            provider: job.provider,
            matcher: job.matcher,
            deposited: job.deposited.get(),
            paid_seconds: outcome.paid_seconds,
            bill: outcome.bill,
            credit: outcome.credit,
            to_provider,
            to_delegators,
            to_matcher,
            to_treasury,
            to_customer,
            claimed,
        }
        .log();
        Ok(())
    }
}

/// What `job` comes to under `terms`: its [`Outcome`] by what the node proved, `share_bps` of what that earns, and what
/// has been claimed of it. `stake_rate` is what a payment unit is worth in stake, Q32.32.
#[inline(always)]
fn weigh(job: &Job, terms: &Terms, stake_rate: u64, pool: Option<&Pool>, share_bps: u16, now: i64) -> Option<Outcome> {
    let served = job.served_seconds.get();
    let paid_seconds = billing::payable_seconds(served, job.elapsed(job.ended_at.get()), job.max_duration.get());
    let bill = billing::bill(job.price_per_hour.get(), paid_seconds)?;
    let uptime = sla::uptime_bps(served, job.sla_seconds());
    let credit_bps = sla::credit_bps(job.sla_uptime_bps.get(), uptime, &terms.sla_steps());
    let credit = sla::credit(bill, credit_bps)?;
    let mut earned = bill.checked_sub(credit)?;
    if u64::from(share_bps) != BPS {
        earned = mul_div_floor(earned, share_bps.into(), BPS as u32)?;
    }
    let parts = billing::settle(
        job.deposited.get(),
        earned,
        terms.fee_bps.get(),
        terms.matcher_fee_bps.get(),
    )?;
    let forgone = bill.checked_sub(earned)?;
    let (parts, missing) = billing::after_claims(parts, job.paid_out.get(), forgone)?;
    let slash = if missing == 0 {
        0
    } else {
        // More than fits is more than the bond.
        let stake = bond::bond(missing, stake_rate, BPS as u32);
        stake.unwrap_or(u64::MAX).min(job.bond.get())
    };
    // Without stake to share with, the provider keeps all of it.
    let delegators = match pool {
        Some(pool) if !pool.active_shares.is_zero() => {
            billing::delegators_part(parts.provider, pool.commission_at(now))?
        }
        _ => 0,
    };
    Some(Outcome {
        paid_seconds,
        bill,
        credit,
        parts,
        delegators,
        slash,
    })
}

#[cfg(test)]
#[path = "settlement_tests.rs"]
mod tests;
