use crate::{error::RegistryError, event::GuardianChanged, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// Accounts of `set_guardian`.
#[derive(Accounts, AccountTable)]
pub struct SetGuardian {
    /// The network's authority.
    #[account(constraint = same(authority.address(), &network.authority) @ RegistryError::NotNetworkAuthority)]
    pub authority: Signer,
    /// The network.
    #[account(mut)]
    pub network: State<Network>,
}

impl SetGuardian {
    /// Names who may pause beside the authority.
    pub fn handle(&mut self, guardian: Address) -> Result<()> {
        require!(!is_zero(&guardian), RegistryError::ZeroAddress);
        self.network.guardian = guardian;
        GuardianChanged { guardian }.log();
        Ok(())
    }
}
