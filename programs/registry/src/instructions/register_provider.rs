use crate::{error::RegistryError, event::ProviderRegistered, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, now};

/// Accounts of `register_provider`.
#[derive(Accounts, AccountTable)]
pub struct RegisterProvider {
    /// The provider's wallet.
    pub authority: Signer,
    /// Pays the rent.
    #[account(mut, unsafe(dup))]
    pub payer: Signer,
    /// The provider.
    #[account(init, payer = payer, seeds = [b"provider", authority.address().as_ref()], bump)]
    pub provider: State<Provider>,
    /// Creates the account.
    pub system_program: Program<System>,
}

impl RegisterProvider {
    /// Registers the provider.
    pub fn handle(&mut self, payout_owner: Address, metadata_hash: [u8; 32]) -> Result<()> {
        require!(!is_zero(&payout_owner), RegistryError::ZeroAddress);
        let provider = &mut self.provider;
        provider.authority = *self.authority.address();
        provider.payout_owner = payout_owner;
        provider.rent_payer = *self.payer.address();
        provider.metadata_hash = metadata_hash;
        provider.registered_at = now().into();
        ProviderRegistered {
            provider: *self.provider.address(),
            authority: *self.authority.address(),
            payout_owner,
        }
        .log();
        Ok(())
    }
}
