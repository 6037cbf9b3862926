//! What anyone may do with anyone's job once it is due.

use super::{
    job::closed_by,
    receipts::{read, two},
};
use crate::context::Context;
use anyhow::{Context as _, Result};
use clap::Subcommand;
use gantry_sdk::Pubkey;
use std::path::PathBuf;

/// Push the jobs of others forward.
#[derive(Debug, Subcommand)]
pub(crate) enum KeeperCommand {
    /// Pair an open job with a node that fits; the matcher's fee is the wallet's at settlement
    #[command(after_help = "Example: gantry keeper assign JOB NODE")]
    Assign {
        /// The job's address
        job: Pubkey,
        /// The node's account
        node: Pubkey,
    },
    /// Take an assigned job from a node that did not start it in time; the reporter's share of the slash is the wallet's
    Expire {
        /// The job's address
        job: Pubkey,
    },
    /// End a running job whose node went silent, or that ran for as long as it was paid
    Lapse {
        /// The job's address
        job: Pubkey,
    },
    /// Have a running job pay what it has proven beyond dispute
    Claim {
        /// The job's address
        job: Pubkey,
    },
    /// Settle a job that has ended: everybody is paid
    Settle {
        /// The job's address
        job: Pubkey,
    },
    /// Execute the verdict on a disputed job, or end a dispute that got none in time
    Resolve {
        /// The job's address
        job: Pubkey,
    },
    /// Carry a node's receipt to the chain: receipt 0 starts an assigned job, later ones prove what was served
    #[command(after_help = "Example: gantry keeper carry JOB --receipt receipt-1.json")]
    Carry {
        /// The job's address
        job: Pubkey,
        /// The node's public key, which signed it [default: that of the job's node]
        #[arg(long, value_name = "KEY", value_parser = crate::context::key_or_file)]
        node_key: Option<Pubkey>,
        /// The file, as `gantry node receipts` writes it
        #[arg(long, value_name = "FILE")]
        receipt: PathBuf,
    },
    /// Have the bond slashed of a node that signed two receipts that contradict each other
    #[command(
        after_help = "A receipt's file is JSON: {\"encoded\": \"370 hex digits\", \"signature\": \"128 hex digits\"}\n\n\
                      Example: gantry keeper convict JOB --node-key KEY --receipt one.json --receipt other.json"
    )]
    Convict {
        /// The job's address
        job: Pubkey,
        /// The node's public key, which signed them [default: that of the job's node]
        #[arg(long, value_name = "KEY", value_parser = crate::context::key_or_file)]
        node_key: Option<Pubkey>,
        /// A file with a receipt and its signature; give two
        #[arg(long = "receipt", value_name = "FILE", required = true)]
        receipts: Vec<PathBuf>,
    },
}

impl KeeperCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let gantry = &context.gantry;
        let wallet = context.wallet()?;
        match self {
            Self::Assign { job, node } => {
                let signature = gantry.assign_job(&wallet, &job, &node).await?;
                context.done(format!("Job {job} is assigned to node {node}"), signature)
            }
            Self::Expire { job } => {
                let signature = gantry.expire_assignment(&wallet, &job).await?;
                context.done(
                    format!("Job {job} is open again, its node's bond is slashed"),
                    signature,
                )
            }
            Self::Lapse { job } => {
                let signature = gantry.report_lapse(&wallet, &job).await?;
                context.done(format!("Job {job} has ended"), signature)
            }
            Self::Claim { job } => {
                let signature = gantry.claim(&wallet, &job).await?;
                context.done(format!("Job {job} has paid what was due"), signature)
            }
            Self::Settle { job } => {
                let signature = gantry.settle_job(&wallet, &job).await?;
                closed_by(context, &job, signature).await
            }
            Self::Resolve { job } => {
                let signature = gantry.resolve_dispute(&wallet, &job).await?;
                closed_by(context, &job, signature).await
            }
            Self::Carry {
                job,
                node_key: key,
                receipt,
            } => {
                let signed = read(&receipt)?;
                let key = match key {
                    Some(key) => key,
                    None => node_key(context, &job).await?,
                };
                let signature = gantry.carry(&wallet, &job, &key, &signed).await?;
                let sequence = signed.receipt.sequence;
                context.done(format!("Receipt {sequence} of job {job} is on chain"), signature)
            }
            Self::Convict {
                job,
                node_key: key,
                receipts,
            } => {
                let receipts = two(&receipts)?;
                let key = match key {
                    Some(key) => key,
                    None => node_key(context, &job).await?,
                };
                context.reviewer.confirm(&format!(
                    "This has the whole bond of job {job} slashed and its node suspended"
                ))?;
                let signature = gantry.convict(&wallet, &job, &key, &receipts).await?;
                context.done(format!("The node of job {job} is convicted"), signature)
            }
        }
    }
}

/// The key of the node of `job`.
async fn node_key(context: &Context, job: &Pubkey) -> Result<Pubkey> {
    let node = context.gantry.require_job(job).await?.node;
    let account = context.gantry.require_node(&node).await;
    let account = account.context("a node that is closed is named with --node-key")?;
    Ok(account.node_key)
}
