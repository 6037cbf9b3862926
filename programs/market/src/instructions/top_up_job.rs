use crate::{error::MarketError, event::JobToppedUp, state::*, transfer};
use anchor_lang::prelude::*;
use common::{AccountTable, MintAccount, State, TokenAccount, TokenProgram, now, same};
use gantry_core::billing;

/// Accounts of `top_up_job`.
#[derive(Accounts, AccountTable)]
pub struct TopUpJob {
    /// The customer's wallet; may spend from the source.
    #[account(constraint = same(wallet.address(), &job.customer) @ MarketError::NotCustomer)]
    pub wallet: Signer,
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
    /// Where the money comes from.
    #[account(mut)]
    pub source: TokenAccount,
    /// Token program of the mint.
    #[account(constraint = token_program.owns(mint.account()) @ MarketError::WrongAccount)]
    pub token_program: TokenProgram,
}

impl TopUpJob {
    /// How long the job may run then.
    fn validate(&self, seconds: u32) -> Result<u32> {
        let job = &self.job;
        require!(job.status == JobStatus::Running as u8, MarketError::NotRunning);
        require!(job.options & ENDED_BY_NODE == 0, MarketError::NodeGaveNotice);
        // Seconds that have passed cannot be bought: the node may have stopped when those it knew of were over.
        let at = job.offset(now()).ok_or(MarketError::Overflow)?;
        let longest = job.max_duration.get();
        require!(job.elapsed(at) < longest, MarketError::NoTimeLeft);
        let extended = longest.checked_add(seconds).ok_or(MarketError::Overflow)?;
        require!(
            seconds > 0 && extended <= self.params.terms.max_duration.get(),
            MarketError::InvalidDuration
        );
        Ok(extended)
    }

    /// Extends the job, and moves what that costs at its highest price into the vault. The bond stays what it was: the
    /// node cannot be made to answer for more than it agreed to.
    pub fn handle(&mut self, seconds: u32) -> Result<()> {
        let extended = self.validate(seconds)?;
        let price = self.job.max_price_per_hour.get();
        let cost = |seconds| billing::deposit(price, seconds).ok_or(MarketError::DepositTooLarge);
        // Cumulative, so that rounding up counts once over any number of extensions.
        let added = cost(extended)?
            .checked_sub(cost(self.job.max_duration.get())?)
            .ok_or(MarketError::Overflow)?;
        let deposited = self
            .job
            .deposited
            .get()
            .checked_add(added)
            .ok_or(MarketError::DepositTooLarge)?;
        transfer::deposit(
            self.token_program.address(),
            &mut self.source,
            &self.mint,
            &mut self.vault,
            &self.wallet,
            added,
        )?;
        let job = &mut self.job;
        job.deposited = deposited.into();
        job.max_duration = extended.into();
        JobToppedUp {
            job: *self.job.address(),
            added,
            deposited,
            max_duration: extended,
        }
        .log();
        Ok(())
    }
}
