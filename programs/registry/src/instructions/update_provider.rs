use crate::{error::RegistryError, event::ProviderUpdated, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// Accounts of `update_provider`.
#[derive(Accounts, AccountTable)]
pub struct UpdateProvider {
    /// The provider's wallet.
    #[account(constraint = same(authority.address(), &provider.authority) @ RegistryError::NotProviderAuthority)]
    pub authority: Signer,
    /// The provider.
    #[account(mut)]
    pub provider: State<Provider>,
}

impl UpdateProvider {
    /// Changes where payouts go, those of jobs under way included, and the hash of the public metadata.
    pub fn handle(&mut self, payout_owner: Address, metadata_hash: [u8; 32]) -> Result<()> {
        require!(!is_zero(&payout_owner), RegistryError::ZeroAddress);
        self.provider.payout_owner = payout_owner;
        self.provider.metadata_hash = metadata_hash;
        ProviderUpdated {
            provider: *self.provider.address(),
            payout_owner,
        }
        .log();
        Ok(())
    }
}
