use crate::{error::RegistryError, event::NodeClosed, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// Accounts of `close_node`.
#[derive(Accounts, AccountTable)]
pub struct CloseNode {
    /// The provider's wallet.
    #[account(constraint = same(authority.address(), &provider.authority) @ RegistryError::NotProviderAuthority)]
    pub authority: Signer,
    /// The provider.
    #[account(mut, constraint = same(provider.address(), &node.provider) @ ProgramError::InvalidSeeds)]
    pub provider: State<Provider>,
    /// The node.
    #[account(mut, close = rent_payer)]
    pub node: State<Node>,
    /// The device that the node claims, at the address that its hash gives. It is let go. Ignored where there is none.
    #[account(mut)]
    pub device: UncheckedAccount,
    /// Who paid the rent, and gets it back.
    #[account(mut, unsafe(dup), constraint = same(rent_payer.address(), &node.rent_payer) @ RegistryError::WrongRentPayer)]
    pub rent_payer: UncheckedAccount,
}

impl CloseNode {
    /// Closes the node; its device keeps the history.
    pub fn handle(&mut self) -> Result<()> {
        let node = &mut self.node;
        require!(node.status != NodeStatus::Leased as u8, RegistryError::NodeLeased);
        // Listed again under a new key it would be free at once.
        require!(node.status != NodeStatus::Suspended as u8, RegistryError::NodeSuspended);
        let device_hash = node.device_hash;
        let_go(node, &self.device)?;
        self.provider.node_count = self
            .provider
            .node_count
            .checked_sub(1u32)
            .ok_or(RegistryError::Overflow)?;
        NodeClosed {
            node: *self.node.address(),
            provider: *self.provider.address(),
            device_hash,
        }
        .log();
        Ok(())
    }
}
