use crate::{error::RegistryError, event::AuthorityChanged, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// Accounts of `accept_authority`.
#[derive(Accounts, AccountTable)]
pub struct AcceptAuthority {
    /// Who was proposed. With nothing proposed that is the zero address, which cannot sign.
    #[account(constraint = same(authority.address(), &network.pending_authority) @ RegistryError::NotPendingAuthority)]
    pub authority: Signer,
    /// The network.
    #[account(mut)]
    pub network: State<Network>,
}

impl AcceptAuthority {
    /// Makes the signer the authority.
    pub fn handle(&mut self) -> Result<()> {
        let authority = *self.authority.address();
        self.network.authority = authority;
        self.network.pending_authority = Address::default();
        AuthorityChanged { authority }.log();
        Ok(())
    }
}
