use crate::{error::RegistryError, event::AuthorityProposalCancelled, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// Accounts of `cancel_authority`.
#[derive(Accounts, AccountTable)]
pub struct CancelAuthority {
    /// The network's authority.
    #[account(constraint = same(authority.address(), &network.authority) @ RegistryError::NotNetworkAuthority)]
    pub authority: Signer,
    /// The network.
    #[account(mut)]
    pub network: State<Network>,
}

impl CancelAuthority {
    /// Takes the proposal back.
    pub fn handle(&mut self) -> Result<()> {
        let authority = self.network.pending_authority;
        require!(!is_zero(&authority), RegistryError::NothingProposed);
        self.network.pending_authority = Address::default();
        AuthorityProposalCancelled { authority }.log();
        Ok(())
    }
}
