use crate::{error::RegistryError, event::AttestorUpdated, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// Accounts of `update_attestor`.
#[derive(Accounts, AccountTable)]
pub struct UpdateAttestor {
    /// The network's authority.
    #[account(constraint = same(authority.address(), &network.authority) @ RegistryError::NotNetworkAuthority)]
    pub authority: Signer,
    /// The network.
    pub network: State<Network>,
    /// The attestor. What it has granted stays until it ends or is revoked.
    #[account(mut)]
    pub attestor: State<Attestor>,
}

impl UpdateAttestor {
    /// Changes what the attestor may grant, and whether it may attest.
    pub fn handle(&mut self, max_tier: u8, flags: u16, active: bool) -> Result<()> {
        require!(valid_scope(max_tier, flags), RegistryError::InvalidScope);
        let attestor = &mut self.attestor;
        attestor.max_tier = max_tier;
        attestor.flags = flags.into();
        attestor.active = active.into();
        AttestorUpdated {
            key: attestor.key,
            max_tier,
            flags,
            active: attestor.active,
        }
        .log();
        Ok(())
    }
}
