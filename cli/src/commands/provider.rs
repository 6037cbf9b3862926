//! Providers, their pools, and stake.

use crate::{
    context::{Context, Token},
    output::fields,
};
use anyhow::Result;
use clap::{Args, Subcommand};
use gantry_sdk::{ClientError, Hash32, Pubkey, Signer, pda, state::PoolExt};
use serde_json::json;
use std::path::PathBuf;

/// Register as a provider, or look one up.
#[derive(Debug, Subcommand)]
pub(crate) enum ProviderCommand {
    /// Register the wallet as a provider
    #[command(after_help = "Example: gantry provider register --metadata about-us.json")]
    Register {
        /// Public metadata (name, contacts), of which the SHA-256 goes on chain
        #[arg(long, value_name = "FILE")]
        metadata: Option<PathBuf>,
    },
    /// Show a provider, its pool and its record
    Show {
        /// Its wallet [default: the wallet]
        wallet: Option<Pubkey>,
    },
}

impl ProviderCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        match self {
            Self::Register { metadata } => {
                let wallet = context.wallet()?;
                let hash = match metadata {
                    Some(file) => {
                        let bytes = std::fs::read(&file).map_err(|error| {
                            anyhow::Error::new(error).context(format!("cannot read {}", file.display()))
                        })?;
                        Hash32::of(&bytes).0
                    }
                    None => [0; 32],
                };
                context.gantry.register_provider(&wallet, hash).await?;
                show(context, &wallet.pubkey()).await
            }
            Self::Show { wallet } => {
                let wallet = wallet.map_or_else(|| context.wallet().map(|key| key.pubkey()), Ok)?;
                show(context, &wallet).await
            }
        }
    }
}

async fn show(context: &Context, wallet: &Pubkey) -> Result<()> {
    let address = pda::provider(wallet);
    let provider = context
        .gantry
        .provider(&address)
        .await?
        .ok_or_else(|| ClientError::NotFound {
            what: "provider with the wallet",
            address: wallet.to_string(),
        })?;
    let pool_address = pda::pool(&address);
    let pool = context.gantry.pool(&pool_address).await?;
    let stake = stake_token(context).await?;
    let value = json!({
        "address": address.to_string(),
        "wallet": wallet.to_string(),
        "payout_owner": provider.payout_owner.to_string(),
        "nodes": provider.node_count,
        "active_leases": provider.active_leases,
        "jobs_completed": provider.jobs_completed,
        "jobs_failed": provider.jobs_failed,
        "served_seconds": provider.served_seconds.to_string(),
        "promised_seconds": provider.promised_seconds.to_string(),
        "pool": pool.as_ref().map(|pool| json!({
            "address": pool_address.to_string(),
            "active": pool.active.to_string(),
            "bonded": pool.bonded.to_string(),
            "free": pool.free().to_string(),
            "commission_bps": pool.commission_bps,
            "reward_mint": pool.reward_mint.to_string(),
        })),
    });
    context.show(value, || {
        let mut rows = vec![
            ("Provider", address.to_string()),
            ("Wallet", wallet.to_string()),
            ("Paid to", provider.payout_owner.to_string()),
            (
                "Nodes",
                format!("{} ({} at work)", provider.node_count, provider.active_leases),
            ),
            (
                "Jobs",
                format!("{} completed, {} failed", provider.jobs_completed, provider.jobs_failed),
            ),
        ];
        match &pool {
            Some(pool) => rows.extend([
                ("Pool", pool_address.to_string()),
                (
                    "Stake",
                    format!(
                        "{} ({} answers for jobs)",
                        stake.show(pool.active),
                        stake.show(pool.bonded)
                    ),
                ),
                ("Commission", percent(pool.commission_bps)),
            ]),
            None => rows.push(("Pool", "none: `gantry pool create`".to_owned())),
        }
        fields(rows)
    })
}

/// `2.5 %`.
pub(crate) fn percent(bps: u16) -> String {
    format!("{} %", f64::from(bps) / 100.0)
}

async fn stake_token(context: &Context) -> Result<Token> {
    context.token(&context.gantry.stake_tokens().await?.mint.mint).await
}

/// The pool of stake behind a provider.
#[derive(Debug, Subcommand)]
pub(crate) enum PoolCommand {
    /// Create the wallet's pool, which shares revenue with its stakers
    #[command(after_help = "Example: gantry pool create --commission-bps 1000")]
    Create {
        /// Share of the revenue that the provider keeps, basis points
        #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u16).range(0..=10_000))]
        commission_bps: u16,
        /// Mint that the nodes are priced in [default: the only enabled one]
        #[arg(long, value_name = "MINT")]
        mint: Option<Pubkey>,
    },
}

impl PoolCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let Self::Create { commission_bps, mint } = self;
        let wallet = context.wallet()?;
        let mint = context.gantry.enabled_mint(mint).await?.mint;
        context.gantry.create_pool(&wallet, &mint, commission_bps).await?;
        show(context, &wallet.pubkey()).await
    }
}

/// Stake behind a provider.
#[derive(Debug, Args)]
pub(crate) struct Stake {
    /// How much, in stake tokens, such as 500 or 0.5
    amount: String,
    /// Wallet of the provider to stake behind [default: the wallet]
    #[arg(long, value_name = "WALLET")]
    provider: Option<Pubkey>,
}

impl Stake {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let wallet = context.wallet()?;
        let token = stake_token(context).await?;
        let amount = token.parse(&self.amount)?;
        let provider = self.provider.unwrap_or_else(|| wallet.pubkey());
        context
            .gantry
            .stake(&wallet, &pda::pool(&pda::provider(&provider)), amount)
            .await?;
        show(context, &provider).await
    }
}
