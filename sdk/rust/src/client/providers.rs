//! Providers: registration, stake, nodes, attestations.

use super::{ClientError, Gantry};
use crate::{AnySigner, Pubkey, Signature, ix, pda, registry::types::AttestArgs};

impl Gantry {
    /// Registers `wallet` as a provider that is paid to its own token accounts; gives the provider account. A wallet
    /// that is one already stays one.
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
