//! A market of real processes: chain, Postgres, indexer, matcher, three nodes.

use anyhow::{Context as _, bail};
use futures::StreamExt as _;
use gantry_sdk::{
    Pubkey,
    client::{Closing, JobUpdate, OpenJob},
    market::{accounts::Job, events::JobSettled},
    spec::JobSpec,
};
use gantry_stack::{
    Chain, Database, Ports, Stack,
    binaries::Binaries,
    daemons::Programs,
    demo::{Market, Say},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

/// Longest that anything a test waits for may take. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(180);

/// The repository.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .expect("the repository")
}

/// A market in a folder of its own, on free ports.
pub struct TestMarket {
    /// The market.
    pub market: Market,
    _folder: TempDir,
}

impl TestMarket {
    /// Everything on the embedded network.
    ///
    /// # Errors
    /// If anything does not start.
    pub async fn start() -> anyhow::Result<Self> {
        let programs = Programs::of_repository(&repository());
        Self::start_on(
            Chain::Localnet {
                programs,
                slot_time_ms: 400,
            },
            Database::Private,
        )
        .await
    }

    /// The processes on `chain`; with [`Database::None`] there is no indexer.
    ///
    /// # Errors
    /// If anything does not start.
    pub async fn start_on(chain: Chain, database: Database) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let stack = Stack::builder(folder.path())
            .chain(chain)
            .indexer(database != Database::None)
            .database(database)
            .ports(Ports::FREE)
            .binaries(Binaries::new(repository().join("target/debug")))
            .start(|_| {})
            .await?;
        Ok(Self {
            market: Market::set_up(stack, &Say::new(true)).await?,
            _folder: folder,
        })
    }

    /// Opens a job that renders the example's scene at `samples` per pixel; gives its account.
    ///
    /// # Errors
    /// If the spec or the market refuses.
    pub async fn open_render(&self, samples: u32) -> anyhow::Result<Pubkey> {
        let examples = repository().join("examples");
        let mut spec = JobSpec::load(&examples.join("render.json"))?;
        let gantry_sdk::spec::Runner::Process(runner) = &mut spec.runner else {
            bail!("the example runs a program");
        };
        runner.command.extend([
            "--samples".to_owned(),
            samples.to_string(),
            "--threads".to_owned(),
            "1".to_owned(),
        ]);
        let prepared = spec.prepare(&examples, &self.market.blobs).await?;
        let opened = self
            .market
            .gantry
            .open_job(&self.market.customer, OpenJob::new(&prepared))
            .await?;
        Ok(opened.address)
    }

    /// The job as soon as `reached` holds.
    ///
    /// # Errors
    /// If it is closed before, or too much time passes.
    pub async fn until(&self, job: &Pubkey, reached: impl Fn(&Job) -> bool) -> anyhow::Result<Job> {
        let mut updates = std::pin::pin!(self.market.gantry.watch(*job));
        let waiting = async {
            while let Some(update) = updates.next().await {
                match update? {
                    JobUpdate::Live { job, .. } if reached(&job) => return Ok(*job),
                    JobUpdate::Live { .. } => {}
                    JobUpdate::Closed(how) => bail!("the job was closed before: {how:?}"),
                }
            }
            bail!("the job's updates ended")
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .context("the job did not get there in time")?
    }

    /// Who was paid what, once the job is settled.
    ///
    /// # Errors
    /// If it is closed in another way, or too much time passes.
    pub async fn settled(&self, job: &Pubkey) -> anyhow::Result<JobSettled> {
        let mut updates = std::pin::pin!(self.market.gantry.watch(*job));
        let waiting = async {
            while let Some(update) = updates.next().await {
                if let JobUpdate::Closed(how) = update? {
                    let Closing::Settled(settled) = how else {
                        bail!("closed without a settlement: {how:?}")
                    };
                    return Ok(settled);
                }
            }
            bail!("the job's updates ended")
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .context("the job was not settled in time")?
    }

    /// Name of the process that serves `job`.
    pub fn node_process(&self, job: &Job) -> String {
        let listing = self.market.fleet.of_node(&job.node).expect("a node of this fleet");
        format!("node-{}", listing.slug)
    }
}

/// Asserts that what was paid sums to what was deposited.
#[track_caller]
pub fn assert_conserved(settled: &JobSettled) {
    let parts = [
        settled.to_provider,
        settled.to_delegators,
        settled.to_matcher,
        settled.to_treasury,
        settled.to_customer,
        settled.claimed,
    ];
    assert_eq!(parts.iter().sum::<u64>(), settled.deposited, "{settled:?}");
}

/// The spec of the example's job.
pub fn example_spec() -> PathBuf {
    repository().join(Path::new("examples/render.json"))
}
