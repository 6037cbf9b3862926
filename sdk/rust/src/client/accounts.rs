//! Reading accounts.

use super::{ClientError, Gantry};
use crate::{
    Pubkey, ix, market, pda, registry, staking,
    state::{DecodeError, decode_account},
};
use anchor_lang::{AnchorDeserialize, Discriminator, Owner};
use market::accounts::{Customer, Dispute, Job, MarketParams, PaymentMint};
use registry::accounts::{Attestor, Network, Node, Provider};
use solana_account::Account;
use solana_rpc_client_api::{
    config::{RpcAccountInfoConfig, RpcProgramAccountsConfig, UiAccountEncoding},
    filter::{Memcmp, RpcFilterType},
};
use staking::accounts::{Pool, Position, StakingParams};

const CLOCK: Pubkey = Pubkey::from_str_const("SysvarC1ock11111111111111111111111111111111");
/// Where the clock sysvar holds the Unix time.
const UNIX_TIME_AT: usize = 32;

/// A token's mint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MintInfo {
    /// Its address and token program.
    pub mint: ix::MintRef,
    /// Digits after the point.
    pub decimals: u8,
    /// Base units in existence.
    pub supply: u64,
}

/// What a wallet has of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenBalance {
    /// The wallet's associated token account.
    pub account: Pubkey,
    /// Base units in it; 0 where it does not exist.
    pub amount: u64,
}

macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident($($first:ident $(, $arg:ident)*)?) -> $kind:ident at $address:expr;)*) => {
        impl Gantry {
            $(
                $(#[$doc])*
                ///
                /// ```no_run
                #[doc = concat!(
                    "# async fn example(gantry: gantry_sdk::Gantry",
                    $(", ", stringify!($first), ": gantry_sdk::Pubkey", $(", ", stringify!($arg), ": gantry_sdk::Pubkey",)*)?
                    ") -> Result<(), gantry_sdk::ClientError> {",
                )]
                #[doc = concat!(
                    "let found = gantry.", stringify!($name), "(",
                    $("&", stringify!($first), $(", &", stringify!($arg),)*)? ").await?;",
                )]
                /// println!("{found:?}");
                /// # Ok(())
                /// # }
                /// ```
                ///
                /// # Errors
                /// If the server cannot be reached or the account does not decode.
                pub async fn $name(&self $(, $first: &Pubkey $(, $arg: &Pubkey)*)?) -> Result<Option<$kind>, ClientError> {
                    self.account(&$address).await
                }
            )*
        }
    };
}

getters! {
    /// The network account.
    network() -> Network at pda::network();
    /// The provider account at an address.
    provider(address) -> Provider at *address;
    /// The node account at an address.
    node(address) -> Node at *address;
    /// The attestor account of a wallet.
    attestor(wallet) -> Attestor at pda::attestor(wallet);
    /// The rules of staking.
    staking_params() -> StakingParams at pda::staking_params();
    /// The pool at an address.
    pool(address) -> Pool at *address;
    /// The position of a wallet in a pool.
    position(pool, owner) -> Position at pda::position(pool, owner);
    /// The rules of the market.
    market_params() -> MarketParams at pda::market_params();
    /// What the market knows of a mint.
    payment_mint(mint) -> PaymentMint at pda::payment_mint(mint);
    /// The customer account of a wallet.
    customer(wallet) -> Customer at pda::customer(wallet);
    /// The job at an address; `None` once it is closed.
    job(address) -> Job at *address;
    /// The dispute over the job at an address.
    dispute(job) -> Dispute at pda::dispute(job);
}

macro_rules! listings {
    ($($(#[$doc:meta])* $name:ident() -> $kind:ident;)*) => {
        impl Gantry {
            $(
                $(#[$doc])*
                ///
                /// ```no_run
                /// # async fn example(gantry: gantry_sdk::Gantry) -> Result<(), gantry_sdk::ClientError> {
                #[doc = concat!("for (address, found) in gantry.", stringify!($name), "().await? {")]
                ///     println!("{address}: {found:?}");
                /// }
                /// # Ok(())
                /// # }
                /// ```
                ///
                /// # Errors
                /// If the server cannot be reached or an account does not decode.
                pub async fn $name(&self) -> Result<Vec<(Pubkey, $kind)>, ClientError> {
                    self.all_accounts(&[]).await
                }
            )*
        }
    };
}

impl Gantry {
    /// The account at `address`, decoded; `None` where there is none.
    ///
    /// ```no_run
    /// # use gantry_sdk::{Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// use gantry_sdk::market::accounts::Job;
    ///
    /// let job = gantry.account::<Job>(&job).await?;
    /// # let _: Option<Job> = job;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the server cannot be reached, or the account belongs to another program or does not decode.
    pub async fn account<T>(&self, address: &Pubkey) -> Result<Option<T>, ClientError>
    where
        T: AnchorDeserialize + Discriminator + Owner,
    {
        let Some(account) = self.raw_account(address).await? else {
            return Ok(None);
        };
        // A closed account can linger for the rest of its slot, without lamports or data.
        if account.lamports == 0 || account.data.is_empty() {
            return Ok(None);
        }
        let decode = |source| ClientError::Decode {
            address: *address,
            source,
        };
        if account.owner != T::owner() {
            return Err(decode(DecodeError::UnknownProgram(account.owner)));
        }
        decode_account(&account.data).map(Some).map_err(decode)
    }

    /// The account at `address` as it is; `None` where there is none.
    ///
    /// ```no_run
    /// # use gantry_sdk::{Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, address: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// let account = gantry.raw_account(&address).await?;
    /// println!("{} bytes", account.map_or(0, |account| account.data.len()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub async fn raw_account(&self, address: &Pubkey) -> Result<Option<Account>, ClientError> {
        // Through the call for several: the one for a single account says of every failure that there is no account.
        let commitment = self.rpc.commitment();
        let response = self
            .rpc
            .get_multiple_accounts_with_commitment(&[*address], commitment)
            .await;
        Ok(response
            .map_err(|error| self.rpc_error(error))?
            .value
            .into_iter()
            .next()
            .flatten())
    }

    /// Every account of one type, filtered by the bytes at an offset each.
    async fn all_accounts<T>(&self, filters: &[(usize, &[u8])]) -> Result<Vec<(Pubkey, T)>, ClientError>
    where
        T: AnchorDeserialize + Discriminator + Owner,
    {
        let memcmp = |offset: usize, bytes: &[u8]| RpcFilterType::Memcmp(Memcmp::new_raw_bytes(offset, bytes.to_vec()));
        let mut all = vec![memcmp(0, T::DISCRIMINATOR)];
        all.extend(filters.iter().map(|(offset, bytes)| memcmp(*offset, bytes)));
        let config = RpcProgramAccountsConfig {
            filters: Some(all),
            account_config: RpcAccountInfoConfig {
                encoding: Some(UiAccountEncoding::Base64),
                commitment: Some(self.rpc.commitment()),
                ..RpcAccountInfoConfig::default()
            },
            ..RpcProgramAccountsConfig::default()
        };
        let accounts = self.rpc.get_program_ui_accounts_with_config(&T::owner(), config).await;
        let mut decoded = Vec::new();
        for (address, account) in accounts.map_err(|error| self.rpc_error(error))? {
            let data = account.data.decode().unwrap_or_default();
            let value = decode_account(&data).map_err(|source| ClientError::Decode { address, source })?;
            decoded.push((address, value));
        }
        decoded.sort_by_key(|(address, _)| *address);
        Ok(decoded)
    }

    /// Every job of a customer's wallet that is not closed, in the order of their numbers.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner) -> Result<(), Box<dyn std::error::Error>> {
    /// for (address, job) in gantry.jobs_of(&wallet.pubkey()).await? {
    ///     println!("job {} is {address}", job.id);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the server cannot be reached or an account does not decode.
    pub async fn jobs_of(&self, wallet: &Pubkey) -> Result<Vec<(Pubkey, Job)>, ClientError> {
        let mut jobs: Vec<(Pubkey, Job)> = self.all_accounts(&[(8, wallet.as_ref())]).await?;
        jobs.sort_by_key(|(_, job)| job.id);
        Ok(jobs)
    }

    /// Every node of a provider account.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner) -> Result<(), Box<dyn std::error::Error>> {
    /// use gantry_sdk::pda;
    ///
    /// let provider = pda::provider(&wallet.pubkey());
    /// for (address, node) in gantry.nodes_of(&provider).await? {
    ///     println!("{address} costs {} base units an hour", node.price_per_hour);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the server cannot be reached or an account does not decode.
    pub async fn nodes_of(&self, provider: &Pubkey) -> Result<Vec<(Pubkey, Node)>, ClientError> {
        self.all_accounts(&[(8, provider.as_ref())]).await
    }

    /// Every position of a staker's wallet.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner) -> Result<(), Box<dyn std::error::Error>> {
    /// for (_, position) in gantry.positions_of(&wallet.pubkey()).await? {
    ///     println!("{} shares of pool {}", position.shares, position.pool);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the server cannot be reached or an account does not decode.
    pub async fn positions_of(&self, owner: &Pubkey) -> Result<Vec<(Pubkey, Position)>, ClientError> {
        self.all_accounts(&[(40, owner.as_ref())]).await
    }

    /// The chain's time, Unix seconds.
    ///
    /// ```no_run
    /// # use gantry_sdk::Gantry;
    /// # async fn example(gantry: Gantry) -> Result<(), Box<dyn std::error::Error>> {
    /// let now = gantry.clock().await?;
    /// # let _: i64 = now;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub async fn clock(&self) -> Result<i64, ClientError> {
        let data = self.raw_account(&CLOCK).await?.map(|account| account.data);
        let time = data
            .as_deref()
            .and_then(|data| data.get(UNIX_TIME_AT..UNIX_TIME_AT + 8)?.try_into().ok());
        time.map(i64::from_le_bytes).ok_or(ClientError::NotFound {
            what: "clock sysvar",
            address: CLOCK.to_string(),
        })
    }

    /// The cluster's genesis hash, which receipts name.
    ///
    /// ```no_run
    /// # use gantry_sdk::Gantry;
    /// # async fn example(gantry: Gantry) -> Result<(), Box<dyn std::error::Error>> {
    /// use gantry_sdk::Hash32;
    ///
    /// let cluster = Hash32::from(gantry.genesis_hash().await?);
    /// # let _ = cluster;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub async fn genesis_hash(&self) -> Result<[u8; 32], ClientError> {
        Ok(self
            .rpc
            .get_genesis_hash()
            .await
            .map_err(|error| self.rpc_error(error))?
            .to_bytes())
    }

    /// Lamports of a wallet.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner) -> Result<(), Box<dyn std::error::Error>> {
    /// let lamports = gantry.balance(&wallet.pubkey()).await?;
    /// # let _: u64 = lamports;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub async fn balance(&self, wallet: &Pubkey) -> Result<u64, ClientError> {
        let commitment = self.rpc.commitment();
        let response = self.rpc.get_balance_with_commitment(wallet, commitment).await;
        Ok(response.map_err(|error| self.rpc_error(error))?.value)
    }

    /// What `owner` has of a token in its associated token account.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner) -> Result<(), Box<dyn std::error::Error>> {
    /// use gantry_sdk::amount;
    ///
    /// let mint = gantry.enabled_mint(None).await?.mint;
    /// let info = gantry.mint(&mint).await?;
    /// let held = gantry.token_balance(&wallet.pubkey(), &info.mint).await?;
    /// println!("{}", amount::format(held.amount, info.decimals));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub async fn token_balance(&self, owner: &Pubkey, mint: &ix::MintRef) -> Result<TokenBalance, ClientError> {
        let account = pda::associated_token(owner, &mint.mint, &mint.token_program);
        Ok(TokenBalance {
            account,
            amount: self.token_amount(&account).await?.unwrap_or(0),
        })
    }

    /// Base units in a token account; `None` where there is none.
    ///
    /// ```no_run
    /// # use gantry_sdk::{Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, account: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// let held = gantry.token_amount(&account).await?.unwrap_or(0);
    /// # let _: u64 = held;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub async fn token_amount(&self, account: &Pubkey) -> Result<Option<u64>, ClientError> {
        let found = self.raw_account(account).await?;
        // SPL token accounts: mint 32, owner 32, amount 8; Token-2022 keeps that.
        let amount = found.and_then(|account| account.data.get(64..72)?.try_into().ok());
        Ok(amount.map(u64::from_le_bytes))
    }

    /// What a mint is.
    ///
    /// ```no_run
    /// # use gantry_sdk::{Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, mint: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// use gantry_sdk::amount;
    ///
    /// let info = gantry.mint(&mint).await?;
    /// println!("{} in existence", amount::format(info.supply, info.decimals));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::NotFound`] where there is no mint at this address.
    pub async fn mint(&self, mint: &Pubkey) -> Result<MintInfo, ClientError> {
        let found = self.raw_account(mint).await?;
        let missing = || ClientError::NotFound {
            what: "mint",
            address: mint.to_string(),
        };
        let account = found.ok_or_else(missing)?;
        let programs = [ix::token::TOKEN_PROGRAM, ix::token::TOKEN_2022_PROGRAM];
        // SPL mints: authority 36, supply 8, decimals 1; Token-2022 keeps that.
        let supply = account.data.get(36..44).and_then(|bytes| bytes.try_into().ok());
        match (supply, account.data.get(44)) {
            (Some(supply), Some(decimals)) if programs.contains(&account.owner) => Ok(MintInfo {
                mint: ix::MintRef {
                    mint: *mint,
                    token_program: account.owner,
                },
                decimals: *decimals,
                supply: u64::from_le_bytes(supply),
            }),
            _ => Err(missing()),
        }
    }
}

listings! {
    /// Every provider.
    providers() -> Provider;
    /// Every node.
    nodes() -> Node;
    /// Every pool.
    pools() -> Pool;
    /// Every job that is not closed.
    jobs() -> Job;
    /// Every mint that was ever admitted.
    payment_mints() -> PaymentMint;
    /// Every dispute that is not resolved.
    disputes() -> Dispute;
    /// Every attestor.
    attestors() -> Attestor;
}
