#![allow(unused_variables)] // the derive binds every argument that `#[instruction]` names, in each of its functions

use crate::{error::RegistryError, event::AttestorAdded, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// Accounts of `add_attestor`.
#[derive(Accounts, AccountTable)]
#[instruction(key: Address)]
pub struct AddAttestor {
    /// The network's authority.
    #[account(constraint = same(authority.address(), &network.authority) @ RegistryError::NotNetworkAuthority)]
    pub authority: Signer,
    /// Pays the rent.
    #[account(mut, unsafe(dup))]
    pub payer: Signer,
    /// The network.
    pub network: State<Network>,
    /// The attestor.
    #[account(init, payer = payer, seeds = [b"attestor", key.as_ref()], bump)]
    pub attestor: State<Attestor>,
    /// Creates the account.
    pub system_program: Program<System>,
}

impl AddAttestor {
    fn validate(&self, key: &Address, max_tier: u8, granted: u16) -> Result<()> {
        require!(!is_zero(key), RegistryError::ZeroAddress);
        require!(valid_scope(max_tier, granted), RegistryError::InvalidScope);
        Ok(())
    }

    /// Admits the attestor.
    pub fn handle(&mut self, key: Address, max_tier: u8, granted: u16) -> Result<()> {
        self.validate(&key, max_tier, granted)?;
        let attestor = &mut self.attestor;
        attestor.key = key;
        attestor.rent_payer = *self.payer.address();
        attestor.max_tier = max_tier;
        attestor.flags = granted.into();
        attestor.active = 1;
        AttestorAdded {
            key,
            max_tier,
            flags: granted,
        }
        .log();
        Ok(())
    }
}
