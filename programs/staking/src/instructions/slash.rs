use crate::{error::StakingError, event::Slashed, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, MintAccount, State, TokenAccount, TokenProgram, same, signer, token, writable};
use registry::Network;

/// Accounts of `slash`.
///
/// The destinations may be one account: who was harmed may be who reported it. The market says which customer and which
/// reporter; the treasury is the params'.
#[derive(Accounts, AccountTable)]
pub struct Slash {
    /// The market's PDA `["authority"]`.
    #[account(constraint = same(market_authority.address(), &network.market_authority) @ StakingError::NotMarket)]
    pub market_authority: Signer,
    /// The network.
    pub network: State<Network>,
    /// The rules.
    pub params: State<StakingParams>,
    /// The pool of the job's provider.
    #[account(mut)]
    pub pool: State<Pool>,
    /// Holds the pool's stake.
    #[account(mut, constraint = same(stake_vault.address(), &pool.stake_vault(pool.address())) @ ProgramError::InvalidSeeds)]
    pub stake_vault: TokenAccount,
    /// The harmed customer's token account. Where it cannot receive, its part goes to the treasury.
    #[account(mut, unsafe(dup))]
    pub customer_destination: UncheckedAccount,
    /// The reporter's token account. Where it cannot receive, its part goes to the treasury.
    #[account(mut, unsafe(dup))]
    pub reporter_destination: UncheckedAccount,
    /// The treasury's token account. Where it cannot receive, its part stays in the vault, uncounted.
    #[account(mut, unsafe(dup), constraint = same(treasury.address(), &params.treasury) @ StakingError::WrongTreasury)]
    pub treasury: UncheckedAccount,
    /// Mint of the stake.
    #[account(constraint = same(stake_mint.address(), &params.stake_mint) @ StakingError::WrongMint)]
    pub stake_mint: MintAccount,
    /// Token program of the stake mint.
    #[account(constraint = same(token_program.address(), &params.token_program) @ StakingError::WrongTokenProgram)]
    pub token_program: TokenProgram,
}

impl Slash {
    /// Takes `amount` and pays it out; the rest of `bond` is free again.
    pub fn handle(&mut self, bond: u64, amount: u64) -> Result<()> {
        let source = self.pool.slash(bond, amount)?;
        let parts = self.params.split(amount);
        let to_customer = self.pay(Payee::Customer, parts.customer)?;
        let to_reporter = self.pay(Payee::Reporter, parts.reporter)?;
        let rest = amount.saturating_sub(to_customer).saturating_sub(to_reporter);
        let to_treasury = self.pay(Payee::Treasury, rest)?;
        Slashed {
            pool: *self.pool.address(),
            bond,
            amount,
            from_active: source.active,
            from_unbonding: source.unbonding,
            to_customer,
            to_reporter,
            to_treasury,
            active: self.pool.active.get(),
            unbonding: self.pool.unbonding.get(),
            bonded: self.pool.bonded.get(),
        }
        .log();
        Ok(())
    }

    /// Pays `amount` from the stake vault where the payee can receive it; says what was paid.
    #[inline(never)]
    fn pay(&mut self, payee: Payee, amount: u64) -> Result<u64> {
        let destination = match payee {
            Payee::Customer => &mut self.customer_destination,
            Payee::Reporter => &mut self.reporter_destination,
            Payee::Treasury => &mut self.treasury,
        };
        let program = self.token_program.address();
        if amount == 0 || !token::can_receive(destination.account(), program, self.stake_mint.address()) {
            return Ok(0);
        }
        let (provider, bump) = (self.pool.provider, [self.pool.bump]);
        token::transfer(
            program,
            writable(&mut self.stake_vault),
            &self.stake_mint,
            writable(destination),
            signer(&self.pool),
            amount,
            &[b"pool", provider.as_ref(), &bump],
        )?;
        Ok(amount)
    }
}

/// Who a part of a slash goes to.
#[derive(Clone, Copy)]
enum Payee {
    Customer,
    Reporter,
    Treasury,
}
