use crate::{error::RegistryError, event::NodeLeased, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// Accounts of `lease_node`.
#[derive(Accounts, AccountTable)]
pub struct LeaseNode {
    /// The market's PDA `["authority"]`.
    #[account(constraint = same(market_authority.address(), &network.market_authority) @ RegistryError::NotMarket)]
    pub market_authority: Signer,
    /// The network.
    pub network: State<Network>,
    /// The node's provider.
    #[account(mut, constraint = same(provider.address(), &node.provider) @ ProgramError::InvalidSeeds)]
    pub provider: State<Provider>,
    /// The node.
    #[account(mut)]
    pub node: State<Node>,
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
        NodeLeased {
            node: *self.node.address(),
            job,
        }
        .log();
        Ok(())
    }
}
