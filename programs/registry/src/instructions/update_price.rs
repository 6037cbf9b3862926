use crate::{error::RegistryError, event::PriceUpdated, state::*};
use anchor_lang::prelude::*;

/// Accounts of `update_price`.
#[derive(Accounts)]
pub struct UpdatePrice {
    /// The provider's wallet.
    #[account(address = provider.authority @ RegistryError::NotProviderAuthority)]
    pub authority: Signer,
    /// The provider.
    #[account(seeds = [b"provider", provider.authority.as_ref()], bump = provider.bump)]
    pub provider: Account<Provider>,
    /// The node. A running job keeps the price it was assigned at.
    #[account(
        mut,
        seeds = [b"node", provider.address().as_ref(), node.node_key.as_ref()],
        bump = node.bump
    )]
    pub node: Account<Node>,
}

impl UpdatePrice {
    /// Changes the price.
    pub fn handle(&mut self, price_per_hour: u64) -> Result<()> {
        require!(price_per_hour > 0, RegistryError::InvalidPrice);
        self.node.price_per_hour = price_per_hour.into();
        emit!(PriceUpdated {
            node: *self.node.address(),
            price_per_hour
        });
        Ok(())
    }
}
