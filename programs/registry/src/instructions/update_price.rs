use crate::{error::RegistryError, event::PriceUpdated, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// Accounts of `update_price`.
#[derive(Accounts, AccountTable)]
pub struct UpdatePrice {
    /// The provider's wallet.
    #[account(constraint = same(authority.address(), &provider.authority) @ RegistryError::NotProviderAuthority)]
    pub authority: Signer,
    /// The provider.
    #[account(constraint = same(provider.address(), &node.provider) @ ProgramError::InvalidSeeds)]
    pub provider: State<Provider>,
    /// The node. A running job keeps the price it was assigned at.
    #[account(mut)]
    pub node: State<Node>,
}

impl UpdatePrice {
    /// Changes the price.
    pub fn handle(&mut self, price_per_hour: u64) -> Result<()> {
        require!(price_per_hour > 0, RegistryError::InvalidPrice);
        self.node.price_per_hour = price_per_hour.into();
        PriceUpdated {
            node: *self.node.address(),
            price_per_hour,
        }
        .log();
        Ok(())
    }
}
