use crate::{error::MarketError, event::MintEnabled, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, MintAccount, State, TokenAccount, TokenProgram, same, token};
use registry::Network;

/// Accounts of `enable_mint`.
#[derive(Accounts, AccountTable)]
pub struct EnableMint {
    /// The network's authority.
    #[account(constraint = same(authority.address(), &network.authority) @ MarketError::NotNetworkAuthority)]
    pub authority: Signer,
    /// Pays the rent.
    #[account(mut, unsafe(dup))]
    pub payer: Signer,
    /// The network.
    pub network: State<Network>,
    /// The mint.
    pub mint: MintAccount,
    /// What the market knows of it.
    #[account(init, payer = payer, seeds = [b"mint", mint.address().as_ref()], bump)]
    pub payment_mint: State<PaymentMint>,
    /// The treasury's account in it.
    pub treasury: TokenAccount,
    /// Token program of the mint.
    pub token_program: TokenProgram,
    /// Creates the account.
    pub system_program: Program<System>,
}

impl EnableMint {
    fn validate(&self, stake_rate: u64) -> Result<()> {
        require!(stake_rate > 0, MarketError::InvalidStakeRate);
        let data = self.mint.account().try_borrow()?;
        require!(token::is_supported_mint(&data), MarketError::UnsupportedMintExtension);
        let treasury = &self.treasury;
        require!(
            self.token_program.owns(self.mint.account())
                && self.token_program.owns(treasury.account())
                && same(treasury.mint(), self.mint.address()),
            MarketError::WrongAccount
        );
        Ok(())
    }

    /// Admits the mint.
    pub fn handle(&mut self, minimum_price: u64, stake_rate: u64) -> Result<()> {
        self.validate(stake_rate)?;
        let mint = *self.mint.address();
        let decimals = self.mint.decimals();
        let payment_mint = &mut self.payment_mint;
        payment_mint.mint = mint;
        payment_mint.token_program = *self.token_program.address();
        payment_mint.treasury = *self.treasury.address();
        payment_mint.rent_payer = *self.payer.address();
        payment_mint.minimum_price = minimum_price.into();
        payment_mint.stake_rate = stake_rate.into();
        payment_mint.enabled = 1;
        payment_mint.decimals = decimals;
        MintEnabled {
            mint,
            minimum_price,
            stake_rate,
        }
        .log();
        Ok(())
    }
}
