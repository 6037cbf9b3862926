//! Three providers, in three countries, at three prices.

use super::{TOKEN, WALLET_LAMPORTS};
use anyhow::Context as _;
use gantry_sdk::{
    Gantry, Keypair, Pubkey, Signer,
    bootstrap::Deployment,
    hash::Hash32,
    ix::{AttestArgs, NodeArgs},
    keys,
    state::flags_from_names,
};
use std::path::{Path, PathBuf};

/// Seconds that the demo's attestations last.
const ATTESTATION_SECONDS: i64 = 30 * 24 * 3_600;

/// A provider of the demo, before it is one.
struct Plan {
    name: &'static str,
    slug: &'static str,
    country: [u8; 2],
    price_per_hour: u64,
    stake: u64,
    commission_bps: u16,
    flags: &'static [&'static str],
}

/// The cheapest is outside the EEA: a job that must stay inside goes to the next.
const PLANS: [Plan; 3] = [
    Plan {
        name: "Main Compute",
        slug: "main",
        country: *b"DE",
        price_per_hour: 1_200_000,
        stake: 5_000 * TOKEN,
        commission_bps: 2_000,
        flags: &["DATACENTER", "GDPR_DPA", "ISO27001", "EEA"],
    },
    Plan {
        name: "Northern Light",
        slug: "northern",
        country: *b"SE",
        price_per_hour: 900_000,
        stake: 3_000 * TOKEN,
        commission_bps: 1_000,
        flags: &["DATACENTER", "EEA"],
    },
    Plan {
        name: "Lone Star",
        slug: "lonestar",
        country: *b"US",
        price_per_hour: 600_000,
        stake: 2_000 * TOKEN,
        commission_bps: 500,
        flags: &["DATACENTER", "SOC2"],
    },
];

/// A listed provider.
#[derive(Debug)]
pub struct Listing {
    /// What people call it.
    pub name: &'static str,
    /// The same for file names.
    pub slug: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Base units per hour.
    pub price_per_hour: u64,
    /// Base units staked behind it.
    pub stake: u64,
    /// The provider account.
    pub provider: Pubkey,
    /// The provider's wallet, which payouts go to.
    pub wallet: Pubkey,
    /// The node account.
    pub node: Pubkey,
    /// The node's key.
    pub node_key_file: PathBuf,
    /// The wallet that pays the node's fees.
    pub operator_key_file: PathBuf,
}

/// The providers of a market.
#[derive(Debug, Default)]
pub struct Fleet {
    /// Each with one node.
    pub listings: Vec<Listing>,
}

impl Fleet {
    /// Registers, stakes, lists and attests the three, at the same time.
    ///
    /// # Errors
    /// If a key file cannot be made or the chain refuses.
    pub async fn list(gantry: &Gantry, deployment: &Deployment, folder: &Path) -> anyhow::Result<Self> {
        let [a, b, c] = &PLANS;
        let list = |plan| list(gantry, deployment, folder, plan);
        let (a, b, c) = tokio::try_join!(list(a), list(b), list(c))?;
        Ok(Self {
            listings: vec![a, b, c],
        })
    }

    /// Who listed the node account `node`.
    pub fn of_node(&self, node: &Pubkey) -> Option<&Listing> {
        self.listings.iter().find(|listing| listing.node == *node)
    }
}

async fn list(gantry: &Gantry, deployment: &Deployment, folder: &Path, plan: &Plan) -> anyhow::Result<Listing> {
    let key_file = |what: &str| folder.join("keys").join(format!("{}-{what}.json", plan.slug));
    let (node_key_file, operator_key_file) = (key_file("node"), key_file("operator"));
    let wallet = keys::load_or_create(key_file("wallet"))?;
    let node_key = keys::load_or_create(&node_key_file)?;
    let operator = keys::load_or_create(&operator_key_file)?;
    gantry.airdrop(&operator.pubkey(), WALLET_LAMPORTS).await?;
    fund(gantry, deployment, &wallet, plan.stake, 0).await?;

    let provider = gantry.register_provider(&wallet, [0; 32]).await?;
    let pool = gantry
        .create_pool(&wallet, &deployment.payment.mint, plan.commission_bps)
        .await?;
    gantry.stake(&wallet, &pool, plan.stake).await?;
    let args = NodeArgs {
        price_mint: deployment.payment.mint,
        price_per_hour: plan.price_per_hour,
        disk_gib: 100,
        mbps: 1_000,
        gpu_model: 0,
        vram_gib: 0,
        cpu_cores: u16::try_from(std::thread::available_parallelism()?.get()).unwrap_or(u16::MAX),
        ram_gib: 8,
        country: plan.country,
        gpu_count: 0,
    };
    let node = gantry.register_node(&wallet, &node_key, args).await?;

    let attestor = keys::load(&deployment.attestor_key)?;
    let attestation = AttestArgs {
        device_hash: Hash32::of(node_key.pubkey().as_ref()).0,
        expires_at: gantry.clock().await?.saturating_add(ATTESTATION_SECONDS),
        flags: flags_from_names(plan.flags)?,
        tier: 1,
    };
    gantry.attest(&attestor, &node, attestation).await?;
    Ok(Listing {
        name: plan.name,
        slug: plan.slug.to_owned(),
        country: String::from_utf8_lossy(&plan.country).into_owned(),
        price_per_hour: plan.price_per_hour,
        stake: plan.stake,
        provider,
        wallet: wallet.pubkey(),
        node,
        node_key_file,
        operator_key_file,
    })
}

/// Gives `wallet` SOL from the faucet, and base units of both mints.
pub(super) async fn fund(
    gantry: &Gantry,
    deployment: &Deployment,
    wallet: &Keypair,
    stake: u64,
    payment: u64,
) -> anyhow::Result<()> {
    let owner = wallet.pubkey();
    gantry
        .airdrop(&owner, WALLET_LAMPORTS)
        .await
        .context("the faucet does not answer")?;
    deployment.mint_to(gantry, &owner, stake, payment).await?;
    Ok(())
}
