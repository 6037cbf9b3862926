//! Pools: what a provider does with the stake behind it.

use super::provider::show;
use crate::{
    context::{Context, optional, short},
    output::{count, table},
};
use anyhow::Result;
use clap::Subcommand;
use gantry_sdk::{
    ClientError, Pubkey, Signer, pda,
    state::{JobExt, JobStatus},
};
use serde_json::{Value, json};

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
    /// Change the commission: lower at once, higher after the network's notice
    #[command(after_help = "Example: gantry pool commission 800")]
    Commission {
        /// Share of the revenue that the provider keeps, basis points
        #[arg(value_name = "BPS", value_parser = clap::value_parser!(u16).range(0..=10_000))]
        commission_bps: u16,
    },
    /// Have running jobs pay what they have proven beyond dispute to the provider and its stakers
    #[command(after_help = "Example: gantry pool claim")]
    Claim {
        /// Jobs, by address [default: all that the wallet's nodes run]
        jobs: Vec<Pubkey>,
    },
    /// Close the wallet's pool, in which nobody has anything left; its rent comes back
    Close,
}

impl PoolCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let wallet = context.wallet()?;
        match self {
            Self::Create { commission_bps, mint } => {
                let mint = context.gantry.enabled_mint(mint).await?.mint;
                context.gantry.create_pool(&wallet, &mint, commission_bps).await?;
                show(context, &wallet.pubkey()).await
            }
            Self::Commission { commission_bps } => {
                context.gantry.set_commission(&wallet, commission_bps).await?;
                show(context, &wallet.pubkey()).await
            }
            Self::Claim { jobs } => claim(context, jobs).await,
            Self::Close => {
                let signature = context.gantry.close_pool(&wallet).await?;
                context.done("The pool is closed, its rent is back", signature)
            }
        }
    }
}

/// Claims for each job; one that has nothing to pay stops no other.
async fn claim(context: &Context, jobs: Vec<Pubkey>) -> Result<()> {
    let wallet = context.wallet()?;
    let jobs = if jobs.is_empty() {
        let provider = pda::provider(&wallet.pubkey());
        let mut all = context.gantry.jobs().await?;
        all.retain(|(_, job)| job.provider == provider && JobExt::status(job) == Some(JobStatus::Running));
        all.into_iter().map(|(address, _)| address).collect()
    } else {
        jobs
    };
    let mut claimed: Vec<(Pubkey, Option<String>)> = Vec::new();
    for job in jobs {
        match context.gantry.claim(&wallet, &job).await {
            Ok(signature) => claimed.push((job, Some(signature.to_string()))),
            Err(ClientError::Program { name, .. }) if name == "NothingDue" => claimed.push((job, None)),
            Err(error) => return Err(error.into()),
        }
    }
    let value: Vec<Value> = claimed
        .iter()
        .map(|(job, transaction)| json!({ "job": job.to_string(), "transaction": transaction }))
        .collect();
    context.show(value.into(), || {
        let rows = claimed.iter().map(|(job, transaction)| {
            let said = transaction.clone().unwrap_or_else(|| "nothing is due yet".to_owned());
            vec![job.to_string(), said]
        });
        format!(
            "{}\n{}",
            table(&["Job", "Transaction"], rows),
            count(claimed.len(), "job")
        )
    })
}

/// A provider's wallet, or the beginning of the account of one that is gone.
pub(super) fn provider_name(authority: Option<&Pubkey>, provider: &Pubkey) -> String {
    authority.and_then(optional).unwrap_or_else(|| short(provider))
}
