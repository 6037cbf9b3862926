use crate::{error::RegistryError, event::AttestationRevoked, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// Accounts of `revoke_attestation`.
#[derive(Accounts, AccountTable)]
pub struct RevokeAttestation {
    /// The attestor that gave the attestation, removed since or not, or the network's authority.
    pub signer: Signer,
    /// The network.
    pub network: State<Network>,
    /// The node. It keeps its claim on the device.
    #[account(mut)]
    pub node: State<Node>,
}

impl RevokeAttestation {
    /// Takes the attestation back.
    pub fn handle(&mut self) -> Result<()> {
        let (by, attestor) = (*self.signer.address(), self.node.attestor);
        require!(!is_zero(&attestor), RegistryError::NotAttested);
        require!(
            same(&by, &attestor) || same(&by, &self.network.authority),
            RegistryError::NotRevoker
        );
        self.node.drop_attestation();
        AttestationRevoked {
            node: *self.node.address(),
            attestor,
            by,
        }
        .log();
        Ok(())
    }
}
