//! Providers: registration, stake, nodes, attestations.

use super::{ClientError, Gantry};
use crate::{AnySigner, Pubkey, Signature, ix, pda, registry::types::AttestArgs};

impl Gantry {
    /// Registers `wallet` as a provider that is paid to its own token accounts; gives the provider account. A wallet
    /// that is one already stays one.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner) -> Result<(), Box<dyn std::error::Error>> {
    /// use gantry_sdk::Hash32;
    ///
    /// let about = br#"{"name": "Main Compute"}"#;
    /// let provider = gantry.register_provider(wallet, Hash32::of(about).0).await?;
    /// # let _: Pubkey = provider;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn register_provider(&self, wallet: &AnySigner, metadata_hash: [u8; 32]) -> Result<Pubkey, ClientError> {
        let authority = wallet.pubkey();
        let address = pda::provider(&authority);
        if self.provider(&address).await?.is_none() {
            let instruction = ix::register_provider(&authority, &authority, &authority, metadata_hash);
            self.send(&[instruction], wallet, &[]).await?;
        }
        Ok(address)
    }

    /// Creates the pool of the provider `wallet`, which shares revenue in `reward_mint`; gives the pool. A pool that
    /// exists already stays as it is.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner) -> Result<(), Box<dyn std::error::Error>> {
    /// let mint = gantry.enabled_mint(None).await?.mint;
    /// let pool = gantry.create_pool(wallet, &mint, 1_000).await?; // a commission of 10 %
    /// # let _: Pubkey = pool;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::NotFound`] where staking is not set up or there is no such mint; as [`send`](Self::send).
    pub async fn create_pool(
        &self,
        wallet: &AnySigner,
        reward_mint: &Pubkey,
        commission_bps: u16,
    ) -> Result<Pubkey, ClientError> {
        let authority = wallet.pubkey();
        let pool = pda::pool(&pda::provider(&authority));
        if self.pool(&pool).await?.is_none() {
            let stake = self.stake_tokens().await?.mint;
            let reward = self.mint(reward_mint).await?.mint;
            let instruction = ix::create_pool(&authority, &authority, stake, reward, commission_bps);
            self.send(&[instruction], wallet, &[]).await?;
        }
        Ok(pool)
    }

    /// Stakes `amount` base units of `wallet`'s stake tokens in `pool`.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, pool: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.stake(wallet, &pool, 500_000_000).await?; // 500.00 of a token with 6 decimals
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::InsufficientTokens`] for a wallet that has less; as [`send`](Self::send).
    pub async fn stake(&self, wallet: &AnySigner, pool: &Pubkey, amount: u64) -> Result<Signature, ClientError> {
        let owner = wallet.pubkey();
        if self.pool(pool).await?.is_none() {
            return Err(ClientError::NotFound {
                what: "pool",
                address: pool.to_string(),
            });
        }
        let stake = self.stake_tokens().await?.mint;
        self.require_sol(&owner).await?;
        let source = self.require_tokens(&owner, &stake, amount).await?;
        self.send(&[ix::stake(&owner, &owner, pool, stake, &source, amount)], wallet, &[])
            .await
    }

    /// Lists a node of the provider `wallet`; gives the node account. `node_key` is the node's own key.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, node_key: &AnySigner) -> Result<(), Box<dyn std::error::Error>> {
    /// use gantry_sdk::{gpu, ix::NodeArgs};
    ///
    /// let mint = gantry.enabled_mint(None).await?.mint;
    /// let args = NodeArgs {
    ///     price_mint: mint,
    ///     price_per_hour: 2_400_000, // 2.40 of a token with 6 decimals
    ///     gpu_model: gpu::by_name("h100").ok_or("no such model")?.code,
    ///     gpu_count: 8,
    ///     vram_gib: 80,
    ///     cpu_cores: 64,
    ///     ram_gib: 512,
    ///     disk_gib: 4_000,
    ///     mbps: 10_000,
    ///     country: *b"SE",
    /// };
    /// let node = gantry.register_node(wallet, node_key, args).await?;
    /// # let _: Pubkey = node;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn register_node(
        &self,
        wallet: &AnySigner,
        node_key: &AnySigner,
        args: ix::NodeArgs,
    ) -> Result<Pubkey, ClientError> {
        let authority = wallet.pubkey();
        let address = pda::node(&pda::provider(&authority), &node_key.pubkey());
        if self.node(&address).await?.is_some() {
            let problem = format!("is listed already, as {address}: change its price, or use another key");
            return Err(ClientError::OutOfBounds {
                field: "node key",
                problem,
            });
        }
        let instruction = ix::register_node(&authority, &authority, &node_key.pubkey(), args);
        self.send(&[instruction], wallet, &[node_key]).await?;
        Ok(address)
    }

    /// Changes the price of a node of the provider `wallet`, base units per hour.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, node: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.update_price(wallet, &node, 1_900_000).await?; // 1.90 of a token with 6 decimals
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn update_price(
        &self,
        wallet: &AnySigner,
        node: &Pubkey,
        price_per_hour: u64,
    ) -> Result<Signature, ClientError> {
        self.send(&[ix::update_price(&wallet.pubkey(), node, price_per_hour)], wallet, &[])
            .await
    }

    /// Vouches for a node with the attestor's key `attestor`.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, attestor: &AnySigner, node: Pubkey, device_hash: [u8; 32]) -> Result<(), Box<dyn std::error::Error>> {
    /// use gantry_sdk::{registry::types::AttestArgs, state::flags_from_names};
    ///
    /// let args = AttestArgs {
    ///     device_hash,
    ///     expires_at: gantry.clock().await? + 30 * 86_400,
    ///     flags: flags_from_names(&["DATACENTER", "EEA"])?,
    ///     tier: 2,
    /// };
    /// gantry.attest(attestor, &node, args).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn attest(
        &self,
        attestor: &AnySigner,
        node: &Pubkey,
        args: AttestArgs,
    ) -> Result<Signature, ClientError> {
        let key = attestor.pubkey();
        if self.attestor(&key).await?.is_none() {
            let problem = format!("{key} is not admitted on this network: its authority admits attestors");
            return Err(ClientError::OutOfBounds {
                field: "attestor",
                problem,
            });
        }
        if self.node(node).await?.is_none() {
            return Err(ClientError::NotFound {
                what: "node",
                address: node.to_string(),
            });
        }
        self.send(&[ix::attest(&key, &key, node, args)], attestor, &[]).await
    }

    /// The stake mint and its treasury.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner) -> Result<(), Box<dyn std::error::Error>> {
    /// let stake = gantry.stake_tokens().await?.mint;
    /// let held = gantry.token_balance(&wallet.pubkey(), &stake).await?;
    /// println!("{} base units to stake", held.amount);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::NotFound`] where staking is not set up.
    pub async fn stake_tokens(&self) -> Result<ix::StakeTokens, ClientError> {
        let params = self.staking_params().await?;
        let missing = ClientError::NotFound {
            what: "staking set-up at",
            address: pda::staking_params().to_string(),
        };
        Ok(ix::StakeTokens::from(&params.ok_or(missing)?))
    }

    /// The wallet's associated account of a token, if it holds at least `needed` base units.
    pub(super) async fn require_tokens(
        &self,
        wallet: &Pubkey,
        mint: &ix::MintRef,
        needed: u64,
    ) -> Result<Pubkey, ClientError> {
        let balance = self.token_balance(wallet, mint).await?;
        if balance.amount >= needed {
            return Ok(balance.account);
        }
        let decimals = self.mint(&mint.mint).await?.decimals;
        let available = balance.amount;
        Err(ClientError::InsufficientTokens {
            wallet: *wallet,
            mint: mint.mint,
            decimals,
            needed,
            available,
        })
    }

    /// Refuses a wallet without any SOL before anything is sent.
    pub(super) async fn require_sol(&self, wallet: &Pubkey) -> Result<(), ClientError> {
        match self.balance(wallet).await? {
            0 => Err(ClientError::Unfunded { wallet: *wallet }),
            _ => Ok(()),
        }
    }
}
