//! Payments into a job's vault, and out of it.

use crate::{error::MarketError, state::Job};
use anchor_lang::prelude::*;
use common::{MintAccount, State, TokenAccount, signer, token, writable};

/// What every payment out of a vault needs.
pub(crate) struct Vault<'a> {
    pub job: &'a State<Job>,
    pub vault: &'a mut TokenAccount,
    pub mint: &'a MintAccount,
    pub token_program: &'a Address,
}

impl Vault<'_> {
    /// Moves `amount` to `destination`; nothing happens for 0.
    #[inline(never)]
    pub(crate) fn pay(&mut self, destination: &mut TokenAccount, amount: u64) -> Result<()> {
        if amount == 0 {
            return Ok(());
        }
        let (id, bump) = (self.job.id.get().to_le_bytes(), [self.job.bump]);
        token::transfer(
            self.token_program,
            writable(self.vault),
            self.mint,
            writable(destination),
            signer(self.job),
            amount,
            &[b"job", self.job.customer.as_ref(), &id, &bump],
        )
    }

    /// Sends what remains (dust that somebody put there) to the treasury, and closes the vault; rent to `rent_payer`.
    #[inline(never)]
    pub(crate) fn close(&mut self, treasury: &mut TokenAccount, rent_payer: &mut UncheckedAccount) -> Result<()> {
        let dust = self.vault.amount();
        self.pay(treasury, dust)?;
        let (id, bump) = (self.job.id.get().to_le_bytes(), [self.job.bump]);
        token::close(
            self.token_program,
            writable(self.vault),
            writable(rent_payer),
            signer(self.job),
            &[b"job", self.job.customer.as_ref(), &id, &bump],
        )
    }
}

/// Moves `amount` of `wallet`'s from `source` into a vault, and refuses if less or more than that arrives.
#[inline(never)]
pub(crate) fn deposit(
    token_program: &Address,
    source: &mut TokenAccount,
    mint: &MintAccount,
    vault: &mut TokenAccount,
    wallet: &Signer,
    amount: u64,
) -> Result<()> {
    let before = vault.amount();
    token::transfer(
        token_program,
        writable(source),
        mint,
        writable(vault),
        signer(wallet),
        amount,
        &[],
    )?;
    require!(
        vault.amount().checked_sub(before) == Some(amount),
        MarketError::DepositNotReceived
    );
    Ok(())
}

/// Refuses a destination that is not `owner`'s account in `mint`.
#[inline(never)]
pub(crate) fn require_destination(account: &TokenAccount, owner: &Address, mint: &Address) -> Result<()> {
    require!(
        account.owner() == owner && account.mint() == mint,
        MarketError::WrongDestination
    );
    Ok(())
}
