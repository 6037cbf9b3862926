//! What attestors say of nodes.

use super::node;
use crate::{context::Context, exit::Usage};
use anyhow::Result;
use clap::{Args, Subcommand};
use gantry_sdk::{Hash32, Pubkey, registry::types::AttestArgs, state::flags_from_names};

/// Vouch for a node, or take that back.
#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true)]
pub(crate) struct Attest {
    #[command(subcommand)]
    action: Option<AttestAction>,
    /// The node's account
    #[arg(required = true)]
    node: Option<Pubkey>,
    /// Tier: 1 benchmarked, 2 attested by the vendor's service, 3 inspected on site
    #[arg(long, required = true, value_parser = clap::value_parser!(u8).range(0..=3))]
    tier: Option<u8>,
    /// A flag that it may carry: DATACENTER, GDPR_DPA, ISO27001, SOC2, CONFIDENTIAL_COMPUTING, EEA; may be repeated
    #[arg(long = "flag", value_name = "FLAG")]
    flags: Vec<String>,
    /// Days that it lasts
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=400))]
    days: u16,
    /// SHA-256 of the device's identity, as measured
    #[arg(long, required = true, value_name = "SHA256")]
    device_hash: Option<Hash32>,
}

/// What else an attestor does.
#[derive(Debug, Subcommand)]
enum AttestAction {
    /// Take an attestation back: who gave it may, and the network's authority
    #[command(after_help = "Example: gantry attest revoke NODE")]
    Revoke {
        /// The node's account
        node: Pubkey,
    },
    /// Show what an attestor may grant
    Show {
        /// Its wallet [default: the wallet]
        wallet: Option<Pubkey>,
    },
}

impl Attest {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        match (self.action, self.node, self.tier, self.device_hash) {
            (Some(AttestAction::Revoke { node: address }), None, None, None) => {
                context
                    .reviewer
                    .confirm(&format!("This takes the attestation of node {address} back"))?;
                context.gantry.revoke_attestation(&context.wallet()?, &address).await?;
                node::show(context, &address).await
            }
            (Some(AttestAction::Show { wallet }), None, None, None) => {
                super::network::attestor::show(context, wallet).await
            }
            (None, Some(address), Some(tier), Some(device_hash)) => {
                let flags = flags_from_names(&self.flags).map_err(|error| Usage(error.to_string()))?;
                let args = AttestArgs {
                    device_hash: device_hash.0,
                    // A minute less than the longest that the registry allows, for the time that sending takes.
                    expires_at: context.gantry.clock().await? + i64::from(self.days) * 86_400 - 60,
                    flags,
                    tier,
                };
                context.gantry.attest(&context.wallet()?, &address, args).await?;
                node::show(context, &address).await
            }
            _ => Err(Usage("`gantry attest` takes either a node or a subcommand, not both".into()).into()),
        }
    }
}
