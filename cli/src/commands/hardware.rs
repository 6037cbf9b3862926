//! What a node is made of, as written on the command line.

use crate::{context::Context, exit::Usage};
use anyhow::Result;
use clap::Args;
use gantry_sdk::{Pubkey, gpu, ix, registry::accounts::Node};

/// Change a node's hardware or country. What is not named stays.
#[derive(Debug, Args)]
pub(crate) struct Hardware {
    /// The node's account
    address: Pubkey,
    #[command(flatten)]
    change: Change,
}

/// What changes.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Change {
    /// Country (ISO 3166-1 alpha-2)
    #[arg(long)]
    country: Option<String>,
    /// GPU model, as in job specs; `none` for a node without
    #[arg(long)]
    gpu_model: Option<String>,
    /// GPUs
    #[arg(long)]
    gpu_count: Option<u8>,
    /// Memory of each GPU, GiB
    #[arg(long)]
    vram_gib: Option<u16>,
    /// CPU cores
    #[arg(long)]
    cpu_cores: Option<u16>,
    /// Main memory, GiB
    #[arg(long)]
    ram_gib: Option<u16>,
    /// Disk, GiB
    #[arg(long)]
    disk_gib: Option<u32>,
    /// Bandwidth, Mbit/s
    #[arg(long)]
    mbps: Option<u32>,
}

impl Hardware {
    /// Changes it; gives the node.
    pub(crate) async fn run(self, context: &Context) -> Result<Pubkey> {
        let node = context.gantry.require_node(&self.address).await?;
        let args = self.change.over(&node)?;
        if node.tier > 0 || node.flags != 0 {
            context
                .reviewer
                .confirm(&format!("This voids the attestation of node {}", self.address))?;
        }
        context
            .gantry
            .update_hardware(&context.wallet()?, &self.address, args)
            .await?;
        Ok(self.address)
    }
}

impl Change {
    /// The node's hardware with this change.
    fn over(self, node: &Node) -> Result<ix::HardwareArgs> {
        let mut args = ix::HardwareArgs {
            disk_gib: self.disk_gib.unwrap_or(node.disk_gib),
            mbps: self.mbps.unwrap_or(node.mbps),
            gpu_model: node.gpu_model,
            vram_gib: self.vram_gib.unwrap_or(node.vram_gib),
            cpu_cores: self.cpu_cores.unwrap_or(node.cpu_cores),
            ram_gib: self.ram_gib.unwrap_or(node.ram_gib),
            country: self.country.as_deref().map_or(Ok(node.country), country)?,
            gpu_count: self.gpu_count.unwrap_or(node.gpu_count),
        };
        match self.gpu_model.as_deref() {
            None => {}
            Some("none") => (args.gpu_model, args.gpu_count, args.vram_gib) = (0, 0, 0),
            Some(name) => args.gpu_model = gpu_model(name)?,
        }
        Ok(args)
    }
}

/// A country's two bytes.
pub(super) fn country(text: &str) -> Result<[u8; 2]> {
    match text.as_bytes() {
        [a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok([*a, *b]),
        _ => Err(Usage("--country: write two capital letters (ISO 3166-1 alpha-2), such as DE".into()).into()),
    }
}

/// A GPU model's code.
pub(super) fn gpu_model(name: &str) -> Result<u16> {
    match gpu::by_name(name) {
        Some(model) => Ok(model.code),
        None => {
            let known: Vec<_> = gpu::CATALOGUE.iter().map(|model| model.name).collect();
            let known = known.join(", ");
            Err(Usage(format!("--gpu-model `{name}` is unknown: there are {known}")).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_two_capital_letters() {
        assert_eq!(country("DE").expect("a country"), *b"DE");
        for odd in ["de", "D", "DEU", "", "D1"] {
            assert!(country(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn an_unknown_model_is_refused_with_those_there_are() {
        let known = gpu::CATALOGUE[0];
        assert_eq!(gpu_model(known.name).expect("known"), known.code);
        let message = gpu_model("abacus").expect_err("unknown").to_string();
        assert!(message.contains(known.name), "{message}");
    }
}
