//! Keeping providers, nodes and attestations up: changing, pausing and leaving.

use super::{ClientError, Gantry};
use crate::{
    AnySigner, Pubkey, Signature, ix, pda,
    registry::accounts::{Node, Provider},
};

impl Gantry {
    /// The provider of the wallet `authority`.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] for a wallet that is none.
    pub async fn require_provider(&self, authority: &Pubkey) -> Result<Provider, ClientError> {
        let missing = || ClientError::NotFound {
            what: "provider with the wallet",
            address: authority.to_string(),
        };
        self.provider(&pda::provider(authority)).await?.ok_or_else(missing)
    }

    /// The node account at `address`.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] where there is none.
    pub async fn require_node(&self, address: &Pubkey) -> Result<Node, ClientError> {
        let missing = || ClientError::NotFound {
            what: "node",
            address: address.to_string(),
        };
        self.node(address).await?.ok_or_else(missing)
    }

    /// Changes where the provider `wallet` is paid to and the hash of its metadata; `None` leaves what there is.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn update_provider(
        &self,
        wallet: &AnySigner,
        payout_owner: Option<Pubkey>,
        metadata_hash: Option<[u8; 32]>,
    ) -> Result<Signature, ClientError> {
        let provider = self.require_provider(&wallet.pubkey()).await?;
        let owner = payout_owner.unwrap_or(provider.payout_owner);
        let hash = metadata_hash.unwrap_or(provider.metadata_hash);
        self.send(&[ix::update_provider(&wallet.pubkey(), &owner, hash)], wallet, &[])
            .await
    }

    /// Closes the provider `wallet`, which has neither nodes nor a pool any more.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn close_provider(&self, wallet: &AnySigner) -> Result<Signature, ClientError> {
        let provider = self.require_provider(&wallet.pubkey()).await?;
        self.send(&[ix::close_provider(&provider)], wallet, &[]).await
    }

    /// Stops new jobs on a node of the provider `wallet`: now, or when its job ends.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn drain_node(&self, wallet: &AnySigner, node: &Pubkey) -> Result<Signature, ClientError> {
        self.own_node(wallet, node).await?;
        self.send(&[ix::drain_node(&wallet.pubkey(), node)], wallet, &[]).await
    }

    /// Has a node of the provider `wallet` take jobs again.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn resume_node(&self, wallet: &AnySigner, node: &Pubkey) -> Result<Signature, ClientError> {
        self.own_node(wallet, node).await?;
        self.send(&[ix::resume_node(&wallet.pubkey(), node)], wallet, &[]).await
    }

    /// Changes the hardware and country of a node of the provider `wallet`, which voids its attestation.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn update_hardware(
        &self,
        wallet: &AnySigner,
        address: &Pubkey,
        args: ix::HardwareArgs,
    ) -> Result<Signature, ClientError> {
        let node = self.own_node(wallet, address).await?;
        self.send(&[ix::update_hardware(&wallet.pubkey(), &node, args)], wallet, &[])
            .await
    }

    /// Closes a node of the provider `wallet`.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn close_node(&self, wallet: &AnySigner, address: &Pubkey) -> Result<Signature, ClientError> {
        let node = self.own_node(wallet, address).await?;
        self.send(&[ix::close_node(&wallet.pubkey(), &node)], wallet, &[]).await
    }

    /// Takes the attestation of a node back. `wallet` gave it, or is the network's authority.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn revoke_attestation(&self, wallet: &AnySigner, node: &Pubkey) -> Result<Signature, ClientError> {
        self.require_node(node).await?;
        self.send(&[ix::revoke_attestation(&wallet.pubkey(), node)], wallet, &[])
            .await
    }

    /// A node that `wallet` has listed. Another's is refused here: its provider's address would not follow from the
    /// signer, and the program could say only that an account is wrong.
    async fn own_node(&self, wallet: &AnySigner, address: &Pubkey) -> Result<Node, ClientError> {
        let node = self.require_node(address).await?;
        if node.provider == pda::provider(&wallet.pubkey()) {
            return Ok(node);
        }
        let authority = self.provider(&node.provider).await?.map(|provider| provider.authority);
        Err(ClientError::WrongSigner {
            what: "this node",
            signer: authority.unwrap_or_default(),
        })
    }
}
