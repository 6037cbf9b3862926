use crate::{
    error::MarketError,
    event::JobCancelled,
    state::*,
    transfer::{Vault, require_destination},
};
use anchor_lang::prelude::*;
use common::{AccountTable, MintAccount, State, TokenAccount, TokenProgram, now, same};

/// Accounts of `cancel_job`.
#[derive(Accounts, AccountTable)]
pub struct CancelJob {
    /// The customer's wallet, or anyone once the job has been open for the market's open timeout.
    #[account(unsafe(dup))]
    pub signer: Signer,
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
    /// Where the deposit goes back to: an account of the customer's.
    #[account(mut, unsafe(dup))]
    pub destination: TokenAccount,
    /// Receives dust.
    #[account(mut, unsafe(dup), constraint = same(treasury.address(), &payment_mint.treasury) @ MarketError::WrongAccount)]
    pub treasury: UncheckedAccount,
    /// Who paid the rent.
    #[account(mut, unsafe(dup), constraint = same(rent_payer.address(), &job.rent_payer) @ MarketError::WrongAccount)]
    pub rent_payer: UncheckedAccount,
    /// Token program of the mint.
    #[account(constraint = same(token_program.address(), &payment_mint.token_program) @ MarketError::WrongAccount)]
    pub token_program: TokenProgram,
}

impl CancelJob {
    fn validate(&self) -> Result<()> {
        require!(self.job.status == JobStatus::Open as u8, MarketError::NotOpen);
        if !same(self.signer.address(), &self.job.customer) {
            let waited = now().saturating_sub(self.job.created_at.get());
            require!(
                waited >= i64::from(self.params.terms.open_timeout.get()),
                MarketError::NotCustomer
            );
        }
        Ok(())
    }

    /// Gives the deposit back and closes the job.
    pub fn handle(&mut self) -> Result<()> {
        self.validate()?;
        let refunded = self.job.deposited.get();
        let mut vault = Vault {
            job: &self.job,
            vault: &mut self.vault,
            mint: &self.mint,
            token_program: self.token_program.address(),
        };
        let owner = &self.job.customer;
        let refunded = if same(self.signer.address(), owner) {
            // Who asks for it learns from the token program that it cannot be paid there, and names another account.
            require_destination(&self.destination, owner, &self.job.mint)?;
            vault.pay(&mut self.destination, refunded)?;
            refunded
        } else {
            vault.pay_payee(&mut self.destination, owner, refunded, 0)?
        };
        vault.close(&mut self.treasury, &mut self.destination, &mut self.rent_payer)?;
        self.customer.open_jobs = self.customer.open_jobs.checked_sub(1u32).ok_or(MarketError::Overflow)?;
        JobCancelled {
            job: *self.job.address(),
            customer: self.job.customer,
            refunded,
        }
        .log();
        Ok(())
    }
}
