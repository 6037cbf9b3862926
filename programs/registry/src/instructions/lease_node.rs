use crate::{error::RegistryError, event::NodeLeased, state::*};
use anchor_lang::prelude::*;

/// Accounts of `lease_node`.
#[derive(Accounts)]
pub struct LeaseNode {
    /// The market's PDA `["authority"]`.
    #[account(address = network.market_authority @ RegistryError::NotMarket)]
    pub market_authority: Signer,
    /// The network.
    #[account(seeds = [b"network"], bump = network.bump)]
    pub network: Account<Network>,
    /// The node's provider.
    #[account(mut, seeds = [b"provider", provider.authority.as_ref()], bump = provider.bump)]
    pub provider: Account<Provider>,
    /// The node.
    #[account(
        mut,
        seeds = [b"node", provider.address().as_ref(), node.node_key.as_ref()],
        bump = node.bump
    )]
    pub node: Account<Node>,
}

impl LeaseNode {
    /// Takes the node for `job`.
    pub fn handle(&mut self, job: Address) -> Result<()> {
        require!(
            self.node.status == NodeStatus::Available as u8,
            RegistryError::NodeNotAvailable
        );
        self.node.status = NodeStatus::Leased as u8;
        self.node.current_job = job;
        self.provider.active_leases = self
            .provider
            .active_leases
            .checked_add(1u32)
            .ok_or(RegistryError::Overflow)?;
        emit!(NodeLeased {
            node: *self.node.address(),
            job
        });
        Ok(())
    }
}
