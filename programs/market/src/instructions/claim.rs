use crate::{
    calls::Market,
    error::MarketError,
    event::JobClaimed,
    programs::Staking,
    state::*,
    transfer::{Vault, require_destination},
};
use anchor_lang::prelude::*;
use common::{AccountTable, MintAccount, State, TokenAccount, TokenProgram, now, same};
use gantry_core::{BPS, billing};
use registry::{Network, Provider};
use staking::Pool;

/// Accounts of `claim`.
#[derive(Accounts, AccountTable)]
pub struct Claim {
    /// The network.
    pub network: State<Network>,
    /// Rules of the market.
    pub params: State<MarketParams>,
    /// The mint.
    #[account(constraint = same(mint.address(), &job.mint) @ MarketError::WrongAccount)]
    pub mint: MintAccount,
    /// The job.
    #[account(mut)]
    pub job: State<Job>,
    /// Its vault.
    #[account(mut, constraint = same(vault.address(), &job.vault(job.address())) @ ProgramError::InvalidSeeds)]
    pub vault: TokenAccount,
    /// The provider that serves it.
    #[account(constraint = same(provider.address(), &job.provider) @ MarketError::WrongAccount)]
    pub provider: State<Provider>,
    /// Its pool.
    #[account(mut, constraint = same(&pool.provider, &job.provider) @ MarketError::WrongAccount)]
    pub pool: State<Pool>,
    /// The pool's reward vault; staking checks its address.
    #[account(mut)]
    pub reward_vault: TokenAccount,
    /// An account of the provider's payout owner.
    #[account(mut)]
    pub provider_destination: TokenAccount,
    /// The PDA that signs to staking.
    #[account(constraint = same(market_authority.address(), &network.market_authority) @ MarketError::WrongAccount)]
    pub market_authority: UncheckedAccount,
    /// Token program of the mint.
    #[account(constraint = token_program.owns(mint.account()) @ MarketError::WrongAccount)]
    pub token_program: TokenProgram,
    /// Staking.
    pub staking_program: Program<Staking>,
}

impl Claim {
    fn validate(&self) -> Result<()> {
        let job = &self.job;
        require!(job.status == JobStatus::Running as u8, MarketError::NotRunning);
        require_destination(&self.provider_destination, &self.provider.payout_owner, &job.mint)
    }

    /// Pure maths over the seconds beyond dispute; see [`gantry_core::billing`] for the rounding.
    fn due(&self, now: i64) -> Option<billing::Claim> {
        let (job, terms) = (&self.job, &self.params.terms);
        // Without stake to share with, the provider keeps all of it.
        let commission = if self.pool.active_shares.get() > 0 {
            self.pool.commission_at(now)
        } else {
            BPS as u16
        };
        billing::claim(
            billing::bill(job.price_per_hour.get(), job.released_seconds.get())?,
            terms.fee_bps.get(),
            terms.matcher_fee_bps.get(),
            commission,
            job.paid_out.get(),
        )
    }

    /// Pays the provider and its stakers for what is beyond dispute by now. Matcher and treasury are paid when the job is
    /// settled.
    pub fn handle(&mut self) -> Result<()> {
        let now = now();
        self.validate()?;
        let at = self.job.offset(now).ok_or(MarketError::Overflow)?;
        self.job.release_due(at, self.params.terms.dispute_window.get());
        let billing::Claim { due, delegators } = self.due(now).ok_or(MarketError::Overflow)?;
        require!(due > 0, MarketError::NothingDue);
        let to_provider = due.checked_sub(delegators).ok_or(MarketError::Overflow)?;
        let paid_out = self.job.paid_out.get().checked_add(due).ok_or(MarketError::Overflow)?;
        self.job.paid_out = paid_out.into();

        let mut vault = Vault {
            job: &self.job,
            vault: &mut self.vault,
            mint: &self.mint,
            token_program: self.token_program.address(),
        };
        vault.pay(&mut self.provider_destination, to_provider)?;
        if delegators > 0 {
            vault.pay(&mut self.reward_vault, delegators)?;
            Market {
                params: &self.params,
                authority: &self.market_authority,
                network: &self.network,
            }
            .deposit_rewards(&mut self.pool, &self.reward_vault, delegators)?;
        }
        JobClaimed {
            job: *self.job.address(),
            provider: self.job.provider,
            released_seconds: self.job.released_seconds.get(),
            to_provider,
            to_delegators: delegators,
            paid_out,
        }
        .log();
        Ok(())
    }
}
