use crate::{error::RegistryError, event::NodeStatusChanged, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, now, same};

/// Accounts of `resume_node`.
#[derive(Accounts, AccountTable)]
pub struct ResumeNode {
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

impl ResumeNode {
    /// Takes jobs again.
    pub fn handle(&mut self) -> Result<()> {
        self.node.resume(now())?;
        NodeStatusChanged {
            node: *self.node.address(),
            status: self.node.status,
            drain_after_job: self.node.drain_after_job,
        }
        .log();
        Ok(())
    }
}
