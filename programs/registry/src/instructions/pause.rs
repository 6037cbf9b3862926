use crate::{error::RegistryError, event::PauseChanged, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// Accounts of `pause`.
#[derive(Accounts, AccountTable)]
pub struct Pause {
    /// The network's authority or guardian.
    pub signer: Signer,
    /// The network.
    #[account(mut)]
    pub network: State<Network>,
}

impl Pause {
    fn validate(&self, flags: u8) -> Result<()> {
        let signer = self.signer.address();
        require!(
            same(signer, &self.network.authority) || same(signer, &self.network.guardian),
            RegistryError::NotGuardian
        );
        require!(valid_pause_flags(flags), RegistryError::InvalidPauseFlags);
        Ok(())
    }

    /// Adds to what is paused.
    pub fn handle(&mut self, flags: u8) -> Result<()> {
        self.validate(flags)?;
        self.network.paused |= flags;
        PauseChanged {
            paused: self.network.paused,
            by: *self.signer.address(),
        }
        .log();
        Ok(())
    }
}

/// Whether `flags` names something to pause, and nothing unknown.
pub(crate) fn valid_pause_flags(flags: u8) -> bool {
    flags != 0 && flags & !(PAUSED_JOBS | PAUSED_ASSIGNMENTS) == 0
}
