//! Payments into a job's vault, and out of it.

use crate::{error::MarketError, state::Job};
use anchor_lang::prelude::*;
use common::{MintAccount, Passed, State, TokenAccount, pda, same, signer, token, writable};

/// The program that gives each wallet one canonical token account per mint.
const ASSOCIATED_TOKEN_PROGRAM: Address = anchor_lang::address!("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");

/// What every payment out of a vault needs.
pub(crate) struct Vault<'a> {
    pub job: &'a State<Job>,
    pub vault: &'a mut TokenAccount,
    pub mint: &'a MintAccount,
    pub token_program: &'a Address,
}

impl Vault<'_> {
    /// Moves `amount` to `destination`; nothing happens for 0.
    pub(crate) fn pay(&mut self, destination: &mut TokenAccount, amount: u64) -> Result<()> {
        self.transfer(writable(destination), amount)
    }

    /// Moves `part` and `more` to the account `destination` of `owner`, and gives `part`; gives 0 where the account cannot
    /// receive: then both stay in the vault.
    #[inline(never)]
    pub(crate) fn pay_payee(
        &mut self,
        destination: &mut TokenAccount,
        owner: &Address,
        part: u64,
        more: u64,
    ) -> Result<u64> {
        if !receives(destination, owner, self.mint.address(), self.token_program)? {
            return Ok(0);
        }
        let amount = part.checked_add(more).ok_or(MarketError::Overflow)?;
        self.pay(destination, amount)?;
        Ok(part)
    }

    /// [`Self::pay`] to an account that others check.
    #[inline(never)]
    pub(crate) fn transfer(&mut self, destination: Passed, amount: u64) -> Result<()> {
        if amount == 0 {
            return Ok(());
        }
        let (id, bump) = (self.job.id.get().to_le_bytes(), [self.job.bump]);
        token::transfer(
            self.token_program,
            writable(self.vault),
            self.mint,
            destination,
            signer(self.job),
            amount,
            &[b"job", self.job.customer.as_ref(), &id, &bump],
        )
    }

    /// Sends what remains to the treasury, or to `customer` where the treasury cannot receive, so that nobody's money waits
    /// for it. Closes the vault; rent to `rent_payer`. Gives what the customer got.
    #[inline(never)]
    pub(crate) fn close(
        &mut self,
        treasury: &mut UncheckedAccount,
        customer: &mut TokenAccount,
        rent_payer: &mut UncheckedAccount,
    ) -> Result<u64> {
        let rest = self.vault.amount();
        let usable = token::can_receive(treasury.account(), self.token_program, self.mint.address());
        let destination = if usable { writable(treasury) } else { writable(customer) };
        self.transfer(destination, rest)?;
        let (id, bump) = (self.job.id.get().to_le_bytes(), [self.job.bump]);
        token::close(
            self.token_program,
            writable(self.vault),
            writable(rent_payer),
            signer(self.job),
            &[b"job", self.job.customer.as_ref(), &id, &bump],
        )?;
        Ok(if usable { 0 } else { rest })
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
        same(account.owner(), owner) && same(account.mint(), mint),
        MarketError::WrongDestination
    );
    Ok(())
}

/// Whether `account`, which is `owner`'s in `mint`, can receive a payment. One that cannot, because it is frozen or asks
/// for memos, must not stop the payments to others; it has to be the one that everybody knows, so that nobody chooses it
/// to keep `owner` from being paid.
#[inline(never)]
pub(crate) fn receives(account: &TokenAccount, owner: &Address, mint: &Address, program: &Address) -> Result<bool> {
    require_destination(account, owner, mint)?;
    // Without extensions nothing but a freeze can stand in the way.
    let plain = account.account().data_len() == token::BASE_LENGTH;
    if (plain && account.is_open()) || token::can_receive(account.account(), program, mint) {
        return Ok(true);
    }
    let seeds = [owner.as_ref(), program.as_ref(), mint.as_ref()];
    let (associated, _) = pda::find(&seeds, &ASSOCIATED_TOKEN_PROGRAM)?;
    require!(
        same(account.address(), &associated),
        MarketError::DestinationCannotReceive
    );
    Ok(false)
}
