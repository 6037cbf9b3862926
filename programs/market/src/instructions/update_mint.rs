use crate::{error::MarketError, event::MintUpdated, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};
use registry::Network;

/// Accounts of `update_mint`.
#[derive(Accounts, AccountTable)]
pub struct UpdateMint {
    /// The network's authority.
    #[account(constraint = same(authority.address(), &network.authority) @ MarketError::NotNetworkAuthority)]
    pub authority: Signer,
    /// The network.
    pub network: State<Network>,
    /// What the market knows of the mint.
    #[account(mut)]
    pub payment_mint: State<PaymentMint>,
}

impl UpdateMint {
    /// Changes what new jobs must pay, how the next bonds are sized, and whether there may be new jobs at all. Those that
    /// are open go on and are paid.
    pub fn handle(&mut self, enabled: bool, minimum_price: u64, stake_rate: u64) -> Result<()> {
        require!(stake_rate > 0, MarketError::InvalidStakeRate);
        let payment_mint = &mut self.payment_mint;
        payment_mint.enabled = enabled.into();
        payment_mint.minimum_price = minimum_price.into();
        payment_mint.stake_rate = stake_rate.into();
        MintUpdated {
            mint: self.payment_mint.mint,
            minimum_price,
            stake_rate,
            enabled: self.payment_mint.enabled,
        }
        .log();
        Ok(())
    }
}
