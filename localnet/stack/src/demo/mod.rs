//! The demo: a whole market on one machine, and one real job through it.

mod fleet;
mod job;
mod report;
mod say;

pub use fleet::{Fleet, Listing};
pub use report::{ComputeUnits, Summary, VerifyReport};
pub use say::Say;

use crate::{Stack, memory::MemorySampler};
use anyhow::{Context as _, ensure};
use gantry_sdk::{
    Gantry, Keypair,
    blob::BlobStore,
    bootstrap::{self, Deployment},
    keys,
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// What one whole token is in base units, of both mints.
const TOKEN: u64 = bootstrap::ONE_TOKEN;
/// SOL that each wallet gets for fees and rent, lamports.
const WALLET_LAMPORTS: u64 = 2_000_000_000;
/// What the customer starts with, base units of the payment mint.
const CUSTOMER_TOKENS: u64 = 50 * TOKEN;

/// A stack with a market on it: programs initialized, providers listed, nodes and matcher running, a funded customer.
pub struct Market {
    /// The processes.
    pub stack: Stack,
    /// The chain.
    pub gantry: Gantry,
    /// What was set up.
    pub deployment: Deployment,
    /// The providers.
    pub fleet: Fleet,
    /// Where specs and results lie.
    pub blobs: BlobStore,
    /// Folder of keys, blobs and node state of this network.
    pub folder: PathBuf,
    /// The customer.
    pub customer: Keypair,
}

impl Market {
    /// Sets the market up on a running stack, from nothing: a network that starts anew has no use for old keys, journals
    /// and blobs.
    ///
    /// # Errors
    /// If the chain refuses, or a process does not start.
    pub async fn set_up(stack: Stack, say: &Say) -> anyhow::Result<Self> {
        let folder = stack.run_dir().path().join(bootstrap::NETWORK_FOLDER);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).with_context(|| format!("cannot clear {}", folder.display()))?;
        }
        let gantry = Gantry::connect(stack.chain().rpc.clone());
        say.step("initializing registry, staking and market, with a stake mint and a USDC-like mint");
        let deployment = bootstrap::bootstrap(&gantry, &folder).await?;
        let customer = keys::load_or_create(folder.join("keys/customer.json"))?;
        fleet::fund(&gantry, &deployment, &customer, 0, CUSTOMER_TOKENS).await?;
        let blobs = BlobStore::open(folder.join("blobs"))?;
        let mut market = Self {
            stack,
            gantry,
            deployment,
            fleet: Fleet::default(),
            blobs,
            folder,
            customer,
        };
        market.list_providers(say).await?;
        market.start_matcher().await?;
        Ok(market)
    }

    async fn list_providers(&mut self, say: &Say) -> anyhow::Result<()> {
        self.fleet = Fleet::list(&self.gantry, &self.deployment, &self.folder).await?;
        for listing in &self.fleet.listings {
            say.step(&format!(
                "{} in {} lists a node at {} USDC an hour, {} staked behind it",
                listing.name,
                listing.country,
                say::amount(listing.price_per_hour),
                say::amount(listing.stake),
            ));
        }
        for listing in &self.fleet.listings {
            let spec = self.stack.daemon(&format!("node-{}", listing.slug), "gantry-node")?;
            let bin = self.stack.binaries().folder().to_owned();
            let spec = spec
                .arg("run")
                .arg("--node-key")
                .arg(&listing.node_key_file)
                .arg("--operator-key")
                .arg(&listing.operator_key_file)
                .args(["--provider", &listing.provider.to_string()])
                .args(["--rpc-url", &self.stack.chain().rpc])
                .arg("--blob-dir")
                .arg(self.folder.join("blobs"))
                .arg("--state-dir")
                .arg(self.folder.join("nodes").join(&listing.slug))
                .arg("--search-path")
                .arg(bin)
                .args(["--proof-interval", "2"]);
            let ready = self.stack.run_dir().ready_file(&format!("node-{}", listing.slug));
            self.stack.spawn(spec.daemon(ready)).await?;
        }
        Ok(())
    }

    async fn start_matcher(&mut self) -> anyhow::Result<()> {
        let key_file = self.folder.join("keys/matcher.json");
        let matcher = keys::load_or_create(&key_file)?;
        fleet::fund(&self.gantry, &self.deployment, &matcher, 0, 0).await?;
        let mut spec = self
            .stack
            .daemon("matcher", "gantry-matcher")?
            .arg("run")
            .arg("--keypair")
            .arg(&key_file)
            .args(["--rpc-url", &self.stack.chain().rpc])
            .arg("--events")
            .arg(self.matcher_events());
        if let Some(grpc) = &self.stack.chain().grpc {
            spec = spec.args(["--grpc-url", grpc]);
        }
        let ready = self.stack.run_dir().ready_file("matcher");
        self.stack.spawn(spec.daemon(ready)).await?;
        Ok(())
    }

    /// Where the matcher writes what it decides, a JSON object a line.
    pub fn matcher_events(&self) -> PathBuf {
        self.folder.join("matcher.jsonl")
    }

    /// Compares every row of the indexer with the chain, and prints what differs to standard error.
    ///
    /// # Errors
    /// If the comparison cannot be made.
    pub async fn verify(&self) -> anyhow::Result<VerifyReport> {
        report::verify(self).await
    }
}

/// Runs the job in the spec file `spec` through a fresh market on `stack`, and checks everything about it.
///
/// # Errors
/// If anything on the way fails, money is not conserved, the picture is none, or a row differs from the chain.
pub async fn demo(stack: Stack, spec: &Path, say: &Say) -> anyhow::Result<(Summary, Stack)> {
    let market = Market::set_up(stack, say).await?;
    let memory = MemorySampler::start(vec![std::process::id()], Duration::from_millis(500));
    let outcome = tokio::select! {
        outcome = job::run(&market, spec, say) => outcome?,
        failure = market.stack.failed() => return Err(failure.into()),
    };
    say.heading("checks");
    let summary = report::check(&market, &outcome, say).await?;
    let peak = memory.stop();
    say.step(&format!("peak memory of all processes: {} MiB", peak.bytes >> 20));
    ensure!(
        summary.verify.differences == 0,
        "the indexer's rows differ from the chain: see above"
    );
    Ok((summary, market.stack))
}
