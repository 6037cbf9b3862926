//! Nodes, and what attestors say of them.

use super::{provider::percent, view};
use crate::{
    context::{Context, short, token_of},
    exit::Usage,
    output::{count, table},
};
use anyhow::Result;
use clap::{Args, Subcommand};
use gantry_sdk::Signer;
use gantry_sdk::{
    Hash32, Pubkey, gpu, ix, keys, pda,
    registry::types::AttestArgs,
    state::{NodeExt, flags_from_names},
};
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
        #[arg(long, value_name = "WALLET")]
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
                let node = require(context, &address).await?;
                let units = context.token(&node.price_mint).await?.parse(&price)?;
                context.gantry.update_price(&context.wallet()?, &address, units).await?;
                show(context, &address).await
            }
        }
    }
}

async fn require(context: &Context, address: &Pubkey) -> Result<gantry_sdk::registry::accounts::Node> {
    let missing = || gantry_sdk::ClientError::NotFound {
        what: "node",
        address: address.to_string(),
    };
    Ok(context.gantry.node(address).await?.ok_or_else(missing)?)
}

async fn show(context: &Context, address: &Pubkey) -> Result<()> {
    let node = require(context, address).await?;
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
        let country = match self.country.as_bytes() {
            [a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => [*a, *b],
            _ => {
                return Err(
                    Usage("--country: write two capital letters (ISO 3166-1 alpha-2), such as DE".into()).into(),
                );
            }
        };
        let gpu_model = match &self.gpu_model {
            None => 0,
            Some(name) => match gpu::by_name(name) {
                Some(model) => model.code,
                None => {
                    let known: Vec<_> = gpu::CATALOGUE.iter().map(|model| model.name).collect();
                    return Err(Usage(format!(
                        "--gpu-model `{name}` is unknown: there are {}",
                        known.join(", ")
                    ))
                    .into());
                }
            },
        };
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

/// Vouch for a node.
#[derive(Debug, Args)]
pub(crate) struct Attest {
    /// The node's account
    node: Pubkey,
    /// Tier: 1 benchmarked, 2 attested by the vendor's service, 3 inspected on site
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=3))]
    tier: u8,
    /// A flag that it may carry: DATACENTER, GDPR_DPA, ISO27001, SOC2, CONFIDENTIAL_COMPUTING, EEA; may be repeated
    #[arg(long = "flag", value_name = "FLAG")]
    flags: Vec<String>,
    /// Days that it lasts
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=400))]
    days: u16,
    /// SHA-256 of the device's identity, as measured
    #[arg(long, value_name = "SHA256")]
    device_hash: Hash32,
}

impl Attest {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let flags = flags_from_names(&self.flags).map_err(|error| Usage(error.to_string()))?;
        let args = AttestArgs {
            device_hash: self.device_hash.0,
            // A minute less than the longest that the registry allows, for the time that sending takes.
            expires_at: context.gantry.clock().await? + i64::from(self.days) * 86_400 - 60,
            flags,
            tier: self.tier,
        };
        context.gantry.attest(&context.wallet()?, &self.node, args).await?;
        show(context, &self.node).await
    }
}
