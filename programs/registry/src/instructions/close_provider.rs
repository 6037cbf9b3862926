use crate::{error::RegistryError, event::ProviderClosed, state::*};
use anchor_lang::{AnchorAccount, prelude::*, programs::System};
use common::{AccountTable, State, pda, same};

/// The staking program. It reads the registry's accounts, so the registry cannot depend on it.
const STAKING: Address = Address::from_str_const("32m8cq5TJFPWGoXDKtGctFyc7HY8dwSNgBrGKuMDRQbY");

/// Accounts of `close_provider`.
#[derive(Accounts, AccountTable)]
pub struct CloseProvider {
    /// The provider's wallet.
    #[account(constraint = same(authority.address(), &provider.authority) @ RegistryError::NotProviderAuthority)]
    pub authority: Signer,
    /// The provider.
    #[account(mut, close = rent_payer)]
    pub provider: State<Provider>,
    /// Where its pool was or would be. A pool cannot be closed while a job's bond is in it, so no job that is yet to be
    /// settled loses its payee.
    pub pool: UncheckedAccount,
    /// Who paid the rent, and gets it back.
    #[account(mut, unsafe(dup), constraint = same(rent_payer.address(), &provider.rent_payer) @ RegistryError::WrongRentPayer)]
    pub rent_payer: UncheckedAccount,
}

impl CloseProvider {
    fn validate(&self) -> Result<()> {
        require!(
            self.provider.node_count == 0 && self.provider.active_leases == 0,
            RegistryError::HasNodes
        );
        let (pool, _) = pda::find(&[b"pool", self.provider.address().as_ref()], &STAKING)?;
        require!(same(self.pool.address(), &pool), ProgramError::InvalidSeeds);
        // Lamports that somebody sent to the address make no pool.
        let view = self.pool.account();
        require!(
            view.owned_by(&System::id()) && view.data_len() == 0,
            RegistryError::HasPool
        );
        Ok(())
    }

    /// Closes the provider.
    pub fn handle(&mut self) -> Result<()> {
        self.validate()?;
        ProviderClosed {
            provider: *self.provider.address(),
        }
        .log();
        Ok(())
    }
}
