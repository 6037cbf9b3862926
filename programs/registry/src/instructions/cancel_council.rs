use crate::{error::RegistryError, event::CouncilProposalCancelled, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// Accounts of `cancel_council`.
#[derive(Accounts, AccountTable)]
pub struct CancelCouncil {
    /// The network's authority.
    #[account(constraint = same(authority.address(), &network.authority) @ RegistryError::NotNetworkAuthority)]
    pub authority: Signer,
    /// The network.
    #[account(mut)]
    pub network: State<Network>,
}

impl CancelCouncil {
    /// Takes the proposal back.
    pub fn handle(&mut self) -> Result<()> {
        let due_at = self.network.council_change_at.get();
        require!(due_at != 0, RegistryError::NothingProposed);
        self.network.forget_council();
        CouncilProposalCancelled { due_at }.log();
        Ok(())
    }
}
