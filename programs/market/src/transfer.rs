//! Payments out of a job's vault.

use crate::{error::MarketError, state::Job};
use anchor_lang::{accounts::InterfaceAccount, prelude::*};
use anchor_spl::token_interface::{CloseAccount, Mint, TokenAccount, TransferChecked, close_account, transfer_checked};

/// What every payment out of a vault needs.
pub(crate) struct Vault<'a> {
    pub job: &'a Account<Job>,
    pub vault: &'a mut InterfaceAccount<TokenAccount>,
    pub mint: &'a InterfaceAccount<Mint>,
    pub token_program: &'a Address,
}

impl Vault<'_> {
    /// Moves `amount` to `destination`; nothing happens for 0.
    #[inline(never)]
    pub(crate) fn pay(&mut self, destination: &mut InterfaceAccount<TokenAccount>, amount: u64) -> Result<()> {
        if amount == 0 {
            return Ok(());
        }
        let (id, bump) = (self.job.id.get().to_le_bytes(), [self.job.bump]);
        let seeds: &[&[u8]] = &[b"job", self.job.customer.as_ref(), &id, &bump];
        let accounts = TransferChecked {
            from: self.vault.cpi_handle_mut(),
            mint: self.mint.cpi_handle(),
            to: destination.cpi_handle_mut(),
            authority: self.job.cpi_handle(),
        };
        let decimals = self.mint.decimals();
        transfer_checked(
            CpiContext::new_with_signer(self.token_program, accounts, &[seeds]),
            amount,
            decimals,
        )
    }

    /// Sends what remains (dust that somebody put there) to the treasury, and closes the vault; rent to `rent_payer`.
    #[inline(never)]
    pub(crate) fn close(
        &mut self,
        treasury: &mut InterfaceAccount<TokenAccount>,
        rent_payer: &mut UncheckedAccount,
    ) -> Result<()> {
        let dust = self.vault.amount();
        self.pay(treasury, dust)?;
        let (id, bump) = (self.job.id.get().to_le_bytes(), [self.job.bump]);
        let seeds: &[&[u8]] = &[b"job", self.job.customer.as_ref(), &id, &bump];
        let accounts = CloseAccount {
            account: self.vault.cpi_handle_mut(),
            destination: rent_payer.cpi_handle_mut(),
            authority: self.job.cpi_handle(),
        };
        close_account(CpiContext::new_with_signer(self.token_program, accounts, &[seeds]))
    }
}

/// Refuses a destination that is not `owner`'s account in `mint`.
pub(crate) fn require_destination(
    account: &InterfaceAccount<TokenAccount>,
    owner: &Address,
    mint: &Address,
) -> Result<()> {
    require!(
        account.owner() == owner && account.mint() == mint,
        MarketError::WrongDestination
    );
    Ok(())
}
