use crate::{error::RegistryError, event::CouncilProposed, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, now, same};

/// Accounts of `propose_council`.
#[derive(Accounts, AccountTable)]
pub struct ProposeCouncil {
    /// The network's authority.
    #[account(constraint = same(authority.address(), &network.authority) @ RegistryError::NotNetworkAuthority)]
    pub authority: Signer,
    /// The network.
    #[account(mut)]
    pub network: State<Network>,
}

impl ProposeCouncil {
    /// Names the next council, due after the timelock. A later proposal takes the place of an earlier one and waits anew.
    pub fn handle(&mut self, arbiters: [Address; 9], count: u8, threshold: u8) -> Result<()> {
        require!(
            valid_council(&arbiters, count, threshold),
            RegistryError::InvalidCouncil
        );
        let network = &mut self.network;
        let due_at = now().saturating_add(i64::from(network.timelock_seconds.get()));
        network.pending_arbiters = arbiters;
        network.pending_arbiter_count = count;
        network.pending_arbiter_threshold = threshold;
        network.council_change_at = due_at.into();
        CouncilProposed {
            due_at,
            arbiter_count: count,
            arbiter_threshold: threshold,
        }
        .log();
        Ok(())
    }
}
