use crate::{error::RegistryError, event::NodeStatusChanged, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// Accounts of `drain_node`.
#[derive(Accounts, AccountTable)]
pub struct DrainNode {
    /// The provider's wallet.
    #[account(constraint = same(authority.address(), &provider.authority) @ RegistryError::NotProviderAuthority)]
    pub authority: Signer,
    /// The provider.
    #[account(constraint = same(provider.address(), &node.provider) @ ProgramError::InvalidSeeds)]
    pub provider: State<Provider>,
    /// The node.
    #[account(mut)]
    pub node: State<Node>,
}

impl DrainNode {
    /// Stops new jobs: now, or when the job or the suspension ends.
    pub fn handle(&mut self) -> Result<()> {
        require!(self.node.drain(), RegistryError::AlreadyDraining);
        NodeStatusChanged {
            node: *self.node.address(),
            status: self.node.status,
            drain_after_job: self.node.drain_after_job,
        }
        .log();
        Ok(())
    }
}
