use crate::{error::RegistryError, event::CouncilChanged, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, now};

/// Accounts of `apply_council`.
#[derive(Accounts, AccountTable)]
pub struct ApplyCouncil {
    /// The network.
    #[account(mut)]
    pub network: State<Network>,
}

impl ApplyCouncil {
    /// Puts the proposed council in force.
    pub fn handle(&mut self) -> Result<()> {
        let network = &mut self.network;
        let due_at = network.council_change_at.get();
        require!(due_at != 0, RegistryError::NothingProposed);
        require!(now() >= due_at, RegistryError::NotDue);
        network.arbiters = network.pending_arbiters;
        network.arbiter_count = network.pending_arbiter_count;
        network.arbiter_threshold = network.pending_arbiter_threshold;
        network.forget_council();
        CouncilChanged {
            arbiter_count: network.arbiter_count,
            arbiter_threshold: network.arbiter_threshold,
        }
        .log();
        Ok(())
    }
}
