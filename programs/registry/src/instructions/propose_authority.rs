use crate::{error::RegistryError, event::AuthorityProposed, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// Accounts of `propose_authority`.
#[derive(Accounts, AccountTable)]
pub struct ProposeAuthority {
    /// The network's authority.
    #[account(constraint = same(authority.address(), &network.authority) @ RegistryError::NotNetworkAuthority)]
    pub authority: Signer,
    /// The network.
    #[account(mut)]
    pub network: State<Network>,
}

impl ProposeAuthority {
    /// Names who may accept; a later proposal takes the place of an earlier one.
    pub fn handle(&mut self, authority: Address) -> Result<()> {
        require!(!is_zero(&authority), RegistryError::ZeroAddress);
        self.network.pending_authority = authority;
        AuthorityProposed { authority }.log();
        Ok(())
    }
}
