use crate::{error::RegistryError, event::AttestorRemoved, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// Accounts of `remove_attestor`.
#[derive(Accounts, AccountTable)]
pub struct RemoveAttestor {
    /// The network's authority.
    #[account(constraint = same(authority.address(), &network.authority) @ RegistryError::NotNetworkAuthority)]
    pub authority: Signer,
    /// The network.
    pub network: State<Network>,
    /// The attestor. What it has granted stays until it ends or is revoked.
    #[account(mut, close = rent_payer)]
    pub attestor: State<Attestor>,
    /// Who paid the rent, and gets it back.
    #[account(mut, unsafe(dup), constraint = same(rent_payer.address(), &attestor.rent_payer) @ RegistryError::WrongRentPayer)]
    pub rent_payer: UncheckedAccount,
}

impl RemoveAttestor {
    /// Closes the attestor.
    pub fn handle(&mut self) -> Result<()> {
        AttestorRemoved { key: self.attestor.key }.log();
        Ok(())
    }
}
