//! Nodes.

use super::{provider::percent, view};
use crate::{
    context::{Context, short, token_of},
    output::{count, table},
};
use anyhow::Result;
use clap::{Args, Subcommand};
use gantry_sdk::Signer;
use gantry_sdk::{Pubkey, gpu, ix, keys, pda, state::NodeExt};
use serde_json::Value;
use std::path::PathBuf;

/// List GPU nodes, or look at what is listed.
#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// Show the nodes of the market
    #[command(after_help = "Example: gantry node list --country DE")]
    List {
        /// Only those in this country (ISO 3166-1 alpha-2)
        #[arg(long)]
        country: Option<String>,
        /// Only those of this provider's wallet
        #[arg(long, value_name = "WALLET", value_parser = crate::context::key_or_file)]
        provider: Option<Pubkey>,
        /// Only those that take jobs now
        #[arg(long)]
        available: bool,
    },
    /// Show everything about a node
    Show {
        /// Its account
        address: Pubkey,
    },
    /// List a node of the wallet's
    #[command(
        after_help = "Example: gantry node register --node-key node.json --price 1.20 --country DE \\\n           \
                            --gpu-model h100 --gpu-count 1 --vram-gib 80 --cpu-cores 32 --ram-gib 256"
    )]
    Register(Register),
    /// Change a node's price; a running job keeps its own
    Price {
        /// The node's account
        address: Pubkey,
        /// The new price per hour, such as 1.20
        price: String,
    },
    /// Change a node's hardware or country, which voids its attestation
    #[command(after_help = "Example: gantry node hardware NODE --ram-gib 512")]
    Hardware(super::hardware::Hardware),
    /// Stop new jobs on a node: now, or when its job ends
    Drain {
        /// The node's account
        address: Pubkey,
    },
    /// Have a node take jobs again, after draining or 24 hours of suspension
    Resume {
        /// The node's account
        address: Pubkey,
    },
    /// Close a node that has no job; its rent comes back
    Close {
        /// The node's account
        address: Pubkey,
    },
    /// Write the receipts in a node's journal to files, which `gantry keeper carry` and `convict` read
    #[command(
        after_help = "Example: gantry node receipts state/jobs/JOB-1/journal --node-key node.json --out receipts"
    )]
    Receipts(super::receipts::Export),
    /// Give an assigned job back before it starts, at the price of reputation
    #[command(after_help = "Example: gantry node decline JOB --node-key node.json")]
    Decline(Word),
    /// Give 15 minutes' notice of the end of a running job, at the price of reputation
    #[command(after_help = "Example: gantry node end JOB --node-key node.json")]
    End(Word),
}

/// What a node says about its job.
#[derive(Debug, Args)]
pub(crate) struct Word {
    /// The job's address
    job: Pubkey,
    /// Key file of the node, which signs; the wallet pays the fee
    #[arg(long, value_name = "FILE")]
    node_key: PathBuf,
}

/// List a node.
#[derive(Debug, Args)]
pub(crate) struct Register {
    /// Key file of the node, which signs its receipts
    #[arg(long, value_name = "FILE")]
    node_key: PathBuf,
    /// Price per hour in the payment token, such as 1.20
    #[arg(long)]
    price: String,
    /// Country (ISO 3166-1 alpha-2)
    #[arg(long)]
    country: String,
    /// Mint of the price [default: the only enabled one]
    #[arg(long)]
    mint: Option<Pubkey>,
    /// GPU model, as in job specs [default: none]
    #[arg(long, requires_all = ["gpu_count", "vram_gib"])]
    gpu_model: Option<String>,
    /// GPUs
    #[arg(long, default_value_t = 0, requires = "gpu_model")]
    gpu_count: u8,
    /// Memory of each GPU, GiB
    #[arg(long, default_value_t = 0, requires = "gpu_model")]
    vram_gib: u16,
    /// CPU cores
    #[arg(long, default_value_t = 1)]
    cpu_cores: u16,
    /// Main memory, GiB
    #[arg(long, default_value_t = 1)]
    ram_gib: u16,
    /// Disk, GiB
    #[arg(long, default_value_t = 1)]
    disk_gib: u32,
    /// Bandwidth, Mbit/s
    #[arg(long, default_value_t = 100)]
    mbps: u32,
}

impl NodeCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        match self {
            Self::List {
                country,
                provider,
                available,
            } => list(context, country, provider, available).await,
            Self::Show { address } => show(context, &address).await,
            Self::Register(register) => register.run(context).await,
            Self::Price { address, price } => {
                let node = context.gantry.require_node(&address).await?;
                let units = context.token(&node.price_mint).await?.parse(&price)?;
                context.gantry.update_price(&context.wallet()?, &address, units).await?;
                show(context, &address).await
            }
            Self::Hardware(hardware) => {
                let address = hardware.run(context).await?;
                show(context, &address).await
            }
            Self::Drain { address } => {
                context.gantry.drain_node(&context.wallet()?, &address).await?;
                show(context, &address).await
            }
            Self::Resume { address } => {
                context.gantry.resume_node(&context.wallet()?, &address).await?;
                show(context, &address).await
            }
            Self::Close { address } => {
                let signature = context.gantry.close_node(&context.wallet()?, &address).await?;
                context.done(format!("Node {address} is closed, its rent is back"), signature)
            }
            Self::Receipts(export) => export.run(context),
            Self::Decline(Word { job, node_key }) => {
                let key = keys::load(node_key)?;
                context
                    .reviewer
                    .confirm(&format!("This gives job {job} back and counts as a failed job"))?;
                let wallet = context.wallet()?;
                let signature = context.gantry.decline_assignment(&wallet, &key, &job).await?;
                context.done(format!("Job {job} is open again"), signature)
            }
            Self::End(Word { job, node_key }) => {
                let key = keys::load(node_key)?;
                context
                    .reviewer
                    .confirm(&format!("This ends job {job} in 15 minutes and counts as a failed job"))?;
                let signature = context.gantry.end_job(&context.wallet()?, &key, &job).await?;
                context.done(
                    format!("Job {job} ends in 15 minutes, unless it would sooner"),
                    signature,
                )
            }
        }
    }
}

/// Shows the node at `address`.
pub(super) async fn show(context: &Context, address: &Pubkey) -> Result<()> {
    let node = context.gantry.require_node(address).await?;
    let token = context.token(&node.price_mint).await?;
    let value = view::node_json(address, &node, &token);
    context.show(value, || view::node_fields(address, &node, &token))
}

async fn list(context: &Context, country: Option<String>, provider: Option<Pubkey>, available: bool) -> Result<()> {
    let provider = provider.map(|wallet| pda::provider(&wallet));
    let mut nodes = context.gantry.nodes().await?;
    nodes.retain(|(_, node)| {
        country
            .as_ref()
            .is_none_or(|country| node.country_code().eq_ignore_ascii_case(country))
            && provider.is_none_or(|provider| node.provider == provider)
            && (!available || NodeExt::status(node) == Some(gantry_sdk::state::NodeStatus::Available))
    });
    nodes.sort_by_key(|(address, node)| (node.price_per_hour, *address));
    let tokens = context.tokens(nodes.iter().map(|(_, node)| node.price_mint)).await?;
    let value: Vec<Value> = nodes
        .iter()
        .map(|(a, node)| view::node_json(a, node, &token_of(&tokens, &node.price_mint)))
        .collect();
    context.show(value.into(), || {
        let rows = nodes.iter().map(|(address, node)| {
            let gpu = match node.gpu_count {
                0 => format!("{} CPU", node.cpu_cores),
                count => format!("{count} × {} {} GiB", gpu::label(node.gpu_model), node.vram_gib),
            };
            vec![
                address.to_string(),
                view::node_status(node),
                node.country_code(),
                gpu,
                format!("{}/h", token_of(&tokens, &node.price_mint).show(node.price_per_hour)),
                format!("{}", node.tier),
                percent(NodeExt::reputation_bps(node)),
                short(&node.provider),
            ]
        });
        let header = [
            "Node",
            "Status",
            "Country",
            "GPU",
            "Price",
            "Tier",
            "Reputation",
            "Provider",
        ];
        format!("{}\n{}", table(&header, rows), count(nodes.len(), "node"))
    })
}

impl Register {
    async fn run(self, context: &Context) -> Result<()> {
        let wallet = context.wallet()?;
        let node_key = keys::load(&self.node_key)?;
        let country = super::hardware::country(&self.country)?;
        let gpu_model = self.gpu_model.as_deref().map_or(Ok(0), super::hardware::gpu_model)?;
        let mint = context.gantry.enabled_mint(self.mint).await?;
        let price_per_hour = gantry_sdk::amount::parse(&self.price, mint.decimals)?;
        let args = ix::NodeArgs {
            price_mint: mint.mint,
            price_per_hour,
            disk_gib: self.disk_gib,
            mbps: self.mbps,
            gpu_model,
            vram_gib: self.vram_gib,
            cpu_cores: self.cpu_cores,
            ram_gib: self.ram_gib,
            country,
            gpu_count: self.gpu_count,
        };
        let provider = pda::provider(&wallet.pubkey());
        if context.gantry.provider(&provider).await?.is_none() {
            let what = "provider (`gantry provider register` first) with the wallet";
            return Err(gantry_sdk::ClientError::NotFound {
                what,
                address: wallet.pubkey().to_string(),
            }
            .into());
        }
        let address = context.gantry.register_node(&wallet, &node_key, args).await?;
        show(context, &address).await
    }
}
