//! Providers.

use crate::{
    context::{Context, Token},
    output::{count, fields, table},
};
use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use gantry_sdk::{
    ClientError, Hash32, Pubkey, Signer, pda, registry::accounts::Provider, staking::accounts::Pool, state::PoolExt,
};
use serde_json::{Value, json};
use std::{
    cmp::Reverse,
    collections::HashMap,
    path::{Path, PathBuf},
};

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
    /// Change where the provider is paid to, or its metadata
    #[command(after_help = "Example: gantry provider update --payout-owner WALLET")]
    Update(Update),
    /// Close the provider, which has neither nodes nor a pool any more; its rent comes back
    Close,
    /// Show a provider, its pool and its record
    Show {
        /// Its wallet, or the key file of that [default: the wallet]
        #[arg(value_parser = crate::context::key_or_file)]
        wallet: Option<Pubkey>,
    },
    /// Show the providers of the market, those with the most stake first
    List,
}

/// Change a provider.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Update {
    /// Wallet whose token accounts are paid
    #[arg(long, value_name = "WALLET", value_parser = crate::context::key_or_file)]
    payout_owner: Option<Pubkey>,
    /// Public metadata, of which the SHA-256 goes on chain
    #[arg(long, value_name = "FILE")]
    metadata: Option<PathBuf>,
}

fn metadata_hash(file: &Path) -> Result<[u8; 32]> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Hash32::of(&bytes).0)
}

impl ProviderCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        match self {
            Self::Register { metadata } => {
                let wallet = context.wallet()?;
                let hash = metadata.as_deref().map_or(Ok([0; 32]), metadata_hash)?;
                context.gantry.register_provider(&wallet, hash).await?;
                show(context, &wallet.pubkey()).await
            }
            Self::Update(update) => {
                let wallet = context.wallet()?;
                if let Some(owner) = update.payout_owner {
                    context
                        .reviewer
                        .confirm(&format!("From now on the provider's earnings go to {owner}"))?;
                }
                let hash = update.metadata.as_deref().map(metadata_hash).transpose()?;
                context
                    .gantry
                    .update_provider(&wallet, update.payout_owner, hash)
                    .await?;
                show(context, &wallet.pubkey()).await
            }
            Self::Close => {
                let signature = context.gantry.close_provider(&context.wallet()?).await?;
                context.done("The provider is closed, its rent is back", signature)
            }
            Self::Show { wallet } => {
                let wallet = wallet.map_or_else(|| context.wallet().map(|key| key.pubkey()), Ok)?;
                show(context, &wallet).await
            }
            Self::List => list(context).await,
        }
    }
}

async fn list(context: &Context) -> Result<()> {
    let pools: HashMap<Pubkey, Pool> = context
        .gantry
        .pools()
        .await?
        .into_iter()
        .map(|(_, pool)| (pool.provider, pool))
        .collect();
    let mut providers: Vec<(Pubkey, Provider, Option<&Pool>)> = Vec::new();
    for (address, provider) in context.gantry.providers().await? {
        providers.push((address, provider, pools.get(&address)));
    }
    let active = |pool: &Option<&Pool>| pool.map_or(0, |pool| pool.active);
    providers.sort_by_key(|(address, _, pool)| (Reverse(active(pool)), *address));
    let stake = stake_token(context).await?;
    let value: Vec<Value> = providers
        .iter()
        .map(|(address, provider, pool)| {
            json!({
                "address": address.to_string(),
                "wallet": provider.authority.to_string(),
                "nodes": provider.node_count,
                "jobs_completed": provider.jobs_completed,
                "jobs_failed": provider.jobs_failed,
                "staked": active(pool).to_string(),
                "commission_bps": pool.map(|pool| pool.commission_bps),
            })
        })
        .collect();
    context.show(value.into(), || {
        let rows = providers.iter().map(|(_, provider, pool)| {
            vec![
                provider.authority.to_string(),
                provider.node_count.to_string(),
                format!("{} / {}", provider.jobs_completed, provider.jobs_failed),
                stake.show(active(pool)),
                pool.map_or_else(|| "no pool".to_owned(), |pool| percent(pool.commission_bps)),
            ]
        });
        let header = ["Wallet", "Nodes", "Jobs completed / failed", "Staked", "Commission"];
        format!("{}\n{}", table(&header, rows), count(providers.len(), "provider"))
    })
}

pub(super) async fn show(context: &Context, wallet: &Pubkey) -> Result<()> {
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

/// The token that is staked.
pub(super) async fn stake_token(context: &Context) -> Result<Token> {
    context.token(&context.gantry.stake_tokens().await?.mint.mint).await
}
