//! What anyone may do with anyone's job once it is due.

use super::job::closed_by;
use crate::{context::Context, exit::Usage};
use anyhow::{Context as _, Result};
use clap::Subcommand;
use gantry_sdk::{Pubkey, client::SignedReceipt, receipt::Receipt};
use serde::Deserialize;
use std::path::{Path, PathBuf};

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
    /// Have the bond slashed of a node that signed two receipts that contradict each other
    #[command(
        after_help = "A receipt's file is JSON: {\"encoded\": \"370 hex digits\", \"signature\": \"128 hex digits\"}\n\n\
                      Example: gantry keeper convict JOB --node-key KEY --receipt one.json --receipt other.json"
    )]
    Convict {
        /// The job's address
        job: Pubkey,
        /// The node's public key, which signed them [default: that of the job's node]
        #[arg(long, value_name = "KEY")]
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
            Self::Convict {
                job,
                node_key,
                receipts,
            } => {
                let receipts = two(&receipts)?;
                let key = match node_key {
                    Some(key) => key,
                    None => {
                        let node = gantry.require_job(&job).await?.node;
                        let account = gantry.require_node(&node).await;
                        account
                            .context("a node that is closed is named with --node-key")?
                            .node_key
                    }
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

/// A receipt as it lies in a file.
#[derive(Deserialize)]
struct ReceiptFile {
    /// The receipt's bytes, hexadecimal.
    encoded: String,
    /// The signature's, hexadecimal.
    signature: String,
}

fn two(files: &[PathBuf]) -> Result<[SignedReceipt; 2]> {
    match files {
        [one, other] => Ok([read(one)?, read(other)?]),
        _ => Err(Usage("two receipts contradict each other: give --receipt FILE twice".into()).into()),
    }
}

fn read(file: &Path) -> Result<SignedReceipt> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let receipt = parse(&text).map_err(|problem| Usage(format!("{}: {problem}", file.display())))?;
    Ok(receipt)
}

fn parse(text: &str) -> Result<SignedReceipt, String> {
    let file: ReceiptFile = serde_json::from_str(text).map_err(|error| format!("is no receipt's JSON: {error}"))?;
    let bytes = |name: &str, text: &str| hex::decode(text).map_err(|error| format!("{name}: {error}"));
    let receipt = Receipt::decode(&bytes("encoded", &file.encoded)?).map_err(|error| format!("encoded: {error}"))?;
    let signature = bytes("signature", &file.signature)?;
    let signature = signature
        .try_into()
        .map_err(|other: Vec<u8>| format!("signature: 64 bytes are needed, it has {}", other.len()))?;
    Ok(SignedReceipt { receipt, signature })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_sdk::{
        Keypair,
        receipt::{ReceiptStatus, sign},
    };
    use serde_json::json;

    #[test]
    fn a_receipt_s_file_is_read_and_an_odd_one_is_refused_with_the_reason() {
        let receipt = Receipt {
            genesis_hash: [1; 32],
            market: [2; 32],
            job: [3; 32],
            assignment: 1,
            sequence: 4,
            served_seconds: 5,
            issued_at: 6,
            status: ReceiptStatus::Running,
            exit_code: 0,
            output_digest: [0; 32],
        };
        let signature = sign(&receipt, &Keypair::new());
        let (encoded, signed) = (hex::encode(receipt.encode()), hex::encode(signature));
        let text = json!({ "encoded": encoded, "signature": signed }).to_string();
        assert_eq!(parse(&text), Ok(SignedReceipt { receipt, signature }));
        for (odd, expected) in [
            (json!({ "encoded": encoded }), "signature"),
            (json!({ "encoded": "00", "signature": signed }), "185 bytes"),
            (json!({ "encoded": encoded, "signature": "00" }), "64 bytes"),
            (json!({ "encoded": "xy", "signature": signed }), "encoded"),
        ] {
            let problem = parse(&odd.to_string()).expect_err("refused");
            assert!(problem.contains(expected), "{problem}");
        }
        assert!(two(&[PathBuf::from("one.json")]).is_err());
    }
}
