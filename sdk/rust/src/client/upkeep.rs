//! Keeping providers, nodes and attestations up: changing, pausing and leaving.

use super::{ClientError, Gantry};
use crate::{
    AnySigner, Pubkey, Signature, ix, pda,
    registry::accounts::{Node, Provider},
};

impl Gantry {
    /// The provider of the wallet `authority`.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner) -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = gantry.require_provider(&wallet.pubkey()).await?;
    /// println!("{} jobs completed, {} failed", provider.jobs_completed, provider.jobs_failed);
    /// # Ok(())
    /// # }
    /// ```
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
    /// ```no_run
    /// # use gantry_sdk::{Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, node: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// let node = gantry.require_node(&node).await?;
    /// println!("{} base units an hour", node.price_per_hour);
    /// # Ok(())
    /// # }
    /// ```
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
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, cold_wallet: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// // Paid to another wallet from now on; the metadata stay.
    /// gantry.update_provider(wallet, Some(cold_wallet), None).await?;
    /// # Ok(())
    /// # }
    /// ```
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
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.close_provider(wallet).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn close_provider(&self, wallet: &AnySigner) -> Result<Signature, ClientError> {
        let provider = self.require_provider(&wallet.pubkey()).await?;
        self.send(&[ix::close_provider(&provider)], wallet, &[]).await
    }

    /// Stops new jobs on a node of the provider `wallet`: now, or when its job ends.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, node: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.drain_node(wallet, &node).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn drain_node(&self, wallet: &AnySigner, node: &Pubkey) -> Result<Signature, ClientError> {
        self.own_node(wallet, node).await?;
        self.send(&[ix::drain_node(&wallet.pubkey(), node)], wallet, &[]).await
    }

    /// Has a node of the provider `wallet` take jobs again.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, node: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.resume_node(wallet, &node).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn resume_node(&self, wallet: &AnySigner, node: &Pubkey) -> Result<Signature, ClientError> {
        self.own_node(wallet, node).await?;
        self.send(&[ix::resume_node(&wallet.pubkey(), node)], wallet, &[]).await
    }

    /// Changes the hardware and country of a node of the provider `wallet`, which voids its attestation.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, node: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// use gantry_sdk::{gpu, ix::HardwareArgs};
    ///
    /// let args = HardwareArgs {
    ///     gpu_model: gpu::by_name("h200").ok_or("no such model")?.code,
    ///     gpu_count: 8,
    ///     vram_gib: 141,
    ///     cpu_cores: 64,
    ///     ram_gib: 1_024,
    ///     disk_gib: 8_000,
    ///     mbps: 10_000,
    ///     country: *b"SE",
    /// };
    /// gantry.update_hardware(wallet, &node, args).await?;
    /// # Ok(())
    /// # }
    /// ```
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
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, node: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.close_node(wallet, &node).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn close_node(&self, wallet: &AnySigner, address: &Pubkey) -> Result<Signature, ClientError> {
        let node = self.own_node(wallet, address).await?;
        self.send(&[ix::close_node(&wallet.pubkey(), &node)], wallet, &[]).await
    }

    /// Takes the attestation of a node back. `wallet` gave it, or is the network's authority.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, attestor: &AnySigner, node: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.revoke_attestation(attestor, &node).await?;
    /// # Ok(())
    /// # }
    /// ```
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
