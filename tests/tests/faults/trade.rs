//! A market that moves: providers, nodes, prices, jobs opened and cancelled.

use std::path::Path;

use anyhow::Context as _;
use gantry_sdk::bootstrap::{Deployment, ONE_TOKEN};
use gantry_sdk::client::OpenJob;
use gantry_sdk::spec::{JobSpec, PreparedSpec};
use gantry_sdk::{Gantry, Instruction, Keypair, Pubkey, Signer, blob::BlobStore, ix, pda};
use solana_instruction::AccountMeta;

const SPEC: &str = r#"{"version":1,"name":"none","runner":{"process":{"command":["true"]}},"outputs":["out"],
    "max_price_per_hour":"1.50","max_duration_seconds":60}"#;

/// Who trades, and what has come of it so far.
pub(crate) struct Trade {
    pub(crate) gantry: Gantry,
    deployment: Deployment,
    provider: Keypair,
    customer: Keypair,
    spec: PreparedSpec,
    rounds: u64,
    pub(crate) opened: i64,
    pub(crate) cancelled: i64,
    pub(crate) registered: i64,
}

impl Trade {
    pub(crate) async fn start(gantry: Gantry, deployment: Deployment, folder: &Path) -> anyhow::Result<Self> {
        let blobs = BlobStore::open(folder.join("blobs"))?;
        let spec = JobSpec::from_json(SPEC.as_bytes())?.prepare(folder, &blobs).await?;
        let (provider, customer) = (Keypair::new(), Keypair::new());
        for wallet in [&provider, &customer] {
            gantry.airdrop(&wallet.pubkey(), 50_000_000_000).await?;
            deployment
                .mint_to(&gantry, &wallet.pubkey(), 50_000 * ONE_TOKEN, 500 * ONE_TOKEN)
                .await?;
        }
        gantry.register_provider(&provider, [0; 32]).await?;
        let mint = deployment.payment.mint;
        let pool = gantry.create_pool(&provider, &mint, 1_000).await?;
        gantry.stake(&provider, &pool, 200 * ONE_TOKEN).await?;
        Ok(Self {
            gantry,
            deployment,
            provider,
            customer,
            spec,
            rounds: 0,
            opened: 0,
            cancelled: 0,
            registered: 0,
        })
    }

    /// A node is listed, its price changes, a job is opened; every second job is cancelled.
    pub(crate) async fn round(&mut self) -> anyhow::Result<()> {
        let args = ix::NodeArgs {
            price_mint: self.deployment.payment.mint,
            price_per_hour: ONE_TOKEN,
            disk_gib: 10,
            mbps: 100,
            gpu_model: 0,
            vram_gib: 0,
            cpu_cores: 2,
            ram_gib: 4,
            country: *b"DE",
            gpu_count: 0,
        };
        self.rounds += 1;
        let node = self
            .gantry
            .register_node(&self.provider, &Keypair::new(), args)
            .await
            .context("a node")?;
        self.registered += 1;
        self.gantry
            .update_price(&self.provider, &node, ONE_TOKEN + self.rounds)
            .await
            .context("a price")?;
        let job = self
            .gantry
            .open_job(&self.customer, OpenJob::new(&self.spec))
            .await
            .context("a job")?;
        self.opened += 1;
        if self.rounds.is_multiple_of(2) {
            self.gantry
                .cancel_job(&self.customer, &job.address)
                .await
                .context("a cancelled job")?;
            self.cancelled += 1;
        }
        Ok(())
    }

    /// Opens a job; then cancels it and pays lamports to its address, in one transaction. Gives the address.
    pub(crate) async fn cancel_and_refund(&mut self) -> anyhow::Result<Pubkey> {
        let opened = self.gantry.open_job(&self.customer, OpenJob::new(&self.spec)).await?;
        self.opened += 1;
        let job = self.gantry.require_job(&opened.address).await?;
        let mint = self.gantry.enabled_mint(Some(job.mint)).await?;
        let wallet = self.customer.pubkey();
        let destination = pda::associated_token(&wallet, &job.mint, &mint.token_program);
        // The System program's transfer: its number, then the lamports, enough for an account without data to live.
        let data = [&2u32.to_le_bytes()[..], &1_000_000u64.to_le_bytes()].concat();
        let refund = Instruction {
            program_id: Pubkey::default(),
            accounts: vec![AccountMeta::new(wallet, true), AccountMeta::new(opened.address, false)],
            data,
        };
        self.gantry
            .send(
                &[
                    ix::token::create_associated_account(&wallet, &wallet, &job.mint, &mint.token_program),
                    ix::cancel_job(&wallet, &job, &mint, &destination),
                    refund,
                ],
                &self.customer,
                &[],
            )
            .await?;
        self.cancelled += 1;
        Ok(opened.address)
    }

    pub(crate) async fn rounds(&mut self, rounds: usize) -> anyhow::Result<()> {
        for _ in 0..rounds {
            self.round().await?;
        }
        Ok(())
    }
}
