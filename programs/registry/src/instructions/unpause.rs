use super::pause::valid_pause_flags;
use crate::{error::RegistryError, event::PauseChanged, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// Accounts of `unpause`.
#[derive(Accounts, AccountTable)]
pub struct Unpause {
    /// The network's authority: a guardian can stop the market, never start it again.
    #[account(constraint = same(authority.address(), &network.authority) @ RegistryError::NotNetworkAuthority)]
    pub authority: Signer,
    /// The network.
    #[account(mut)]
    pub network: State<Network>,
}

impl Unpause {
    /// Takes from what is paused.
    pub fn handle(&mut self, flags: u8) -> Result<()> {
        require!(valid_pause_flags(flags), RegistryError::InvalidPauseFlags);
        self.network.paused &= !flags;
        PauseChanged {
            paused: self.network.paused,
            by: *self.authority.address(),
        }
        .log();
        Ok(())
    }
}
