//! The network, the database and the indexer of one test, and the questions that are asked after each fault.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use gantry_indexer::rpc::Chain;
use gantry_indexer::schema::Schema;
use gantry_indexer::store::{Checkpoint, Store};
use gantry_indexer::verify::verify;
use gantry_localnet::{Config, Faults, Limits, Localnet, ProgramSource, ServiceOptions};
use gantry_sdk::Gantry;
use gantry_sdk::bootstrap::bootstrap;
use gantry_stack::binaries::Binaries;
use gantry_stack::postgres::{Postgres, PrivateOptions, PrivatePostgres};
use gantry_tests::market::repository;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::trade::Trade;

/// For anything that is waited for here. Generous: the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// How often something is looked at that tells nobody when it changes.
const LOOK: Duration = Duration::from_millis(20);
/// Slots that the network can replay.
pub(crate) const REPLAY_SLOTS: usize = 400;
/// Slots for which the tables may stand still before the stream counts as silent: 2 s.
const SILENCE_SECONDS: &str = "2";

pub(crate) struct Lab {
    pub(crate) faults: Faults,
    pub(crate) trade: Trade,
    pub(crate) chain: Chain,
    pub(crate) store: Store,
    pub(crate) grpc_url: String,
    /// More environment of the indexers that are started from now on.
    pub(crate) environment: Vec<(String, String)>,
    indexer: Option<Child>,
    postgres: Postgres,
    network: Localnet,
    url: String,
    runs: u32,
    folder: TempDir,
}

impl Lab {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        Self::start_with(&[]).await
    }

    /// As [`start`](Self::start), with settings of Postgres (`name`, `value`).
    pub(crate) async fn start_with(settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut options = PrivateOptions::new(folder.path().join("postgres-run"));
        let settings = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        options.settings = settings.collect();
        let postgres = Postgres::private(options).await?;
        let faults = Faults::default();
        let root = repository();
        let network = Localnet::start(Config {
            rpc_port: 0,
            ws_port: 0,
            grpc_port: 0,
            slot_time: Duration::from_millis(50),
            programs: ProgramSource::gantry(&root.join("target/deploy"), &root.join("idl"))?,
            limits: Limits {
                slots: REPLAY_SLOTS,
                ..Limits::default()
            },
            service: ServiceOptions {
                ping_interval: Duration::from_millis(500),
                faults: faults.clone(),
                token: Some("secret".to_owned()),
            },
            ..Config::default()
        })
        .await?;
        let rpc_url = network.ready().rpc_url.clone();
        let grpc_url = network.ready().grpc_url.clone();
        let gantry = Gantry::connect(rpc_url.clone());
        let deployment = bootstrap(&gantry, folder.path()).await?;
        let trade = Trade::start(gantry, deployment, folder.path()).await?;
        let url = postgres.url().to_owned();
        let store = Store::open(&url, Arc::new(Schema::embedded()?)).await?;
        let mut lab = Self {
            faults,
            trade,
            chain: Chain::new(rpc_url),
            store,
            grpc_url,
            environment: Vec::new(),
            indexer: None,
            postgres,
            network,
            url,
            runs: 0,
            folder,
        };
        lab.start_indexer().await?;
        lab.trade.rounds(2).await?;
        lab.caught_up().await?;
        Ok(lab)
    }

    fn ready_file(&self) -> PathBuf {
        self.folder.path().join(format!("indexer-{}.json", self.runs))
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("indexer.log")).unwrap_or_default()
    }

    /// The error of a test is short, so that it is found; the log comes before it.
    pub(crate) fn show_log(&self) {
        println!("the log of the indexer:\n{}", self.log());
    }

    /// The indexer as a process; `kill_indexer` ends it.
    pub(crate) async fn start_indexer(&mut self) -> anyhow::Result<()> {
        self.runs += 1;
        self.indexer = Some(self.spawn(&self.ready_file())?);
        Ok(())
    }

    /// Another indexer on the same database.
    pub(crate) fn spawn(&self, ready: &Path) -> anyhow::Result<Child> {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("indexer.log"))?;
        let program = Binaries::beside_this()?.find("gantry-indexer")?;
        Ok(Command::new(program)
            .args(["run", "--exit-with-parent", "--listen", "127.0.0.1:0"])
            .args(["--silence-seconds", SILENCE_SECONDS, "--buffer-mib", "16"])
            .args(["--grpc-compression", "zstd", "--ready-file"])
            .arg(ready)
            .env("DATABASE_URL", &self.url)
            .env("GANTRY_GRPC_URL", &self.grpc_url)
            .env("GANTRY_GRPC_TOKEN", "secret")
            .env("GANTRY_RPC_URL", &self.network.ready().rpc_url)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?)
    }

    /// SIGKILL.
    pub(crate) async fn kill_indexer(&mut self) -> anyhow::Result<()> {
        let mut indexer = self.indexer.take().context("no indexer runs")?;
        indexer.kill().await?;
        Ok(())
    }

    /// Most memory that the indexer ever had resident, MiB.
    pub(crate) fn peak_mib(&self) -> anyhow::Result<u64> {
        let pid = self.indexer.as_ref().and_then(Child::id).context("no indexer runs")?;
        peak_mib(pid)
    }

    pub(crate) async fn api_url(&self) -> anyhow::Result<String> {
        let file = self.ready_file();
        until(async || Ok(file.exists()), "the indexer is ready").await?;
        let ready: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file)?)?;
        Ok(ready["api_url"].as_str().context("no API")?.to_owned())
    }

    /// What the indexer's API answers.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<serde_json::Value> {
        let answer = reqwest::get(format!("{}{path}", self.api_url().await?)).await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// What the indexer counts under a name that begins so, in all.
    pub(crate) async fn counted(&self, name: &str) -> anyhow::Result<f64> {
        let url = self.api_url().await?;
        let text = reqwest::get(format!("{url}/metrics")).await?.text().await?;
        let lines = text.lines().filter(|line| line.starts_with(name));
        Ok(lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum())
    }

    pub(crate) fn server(&mut self) -> anyhow::Result<&mut PrivatePostgres> {
        self.postgres.private_server().context("the server is not ours")
    }

    pub(crate) async fn checkpoint(&self) -> anyhow::Result<Checkpoint> {
        Ok(self.store.checkpoint().await?.unwrap_or_default())
    }

    pub(crate) async fn count(&self, sql: &'static str) -> anyhow::Result<i64> {
        Ok(sqlx::query_scalar(sql).fetch_one(self.store.pool()).await?)
    }

    /// Waits for the tables to be where the chain is now.
    pub(crate) async fn caught_up(&self) -> anyhow::Result<()> {
        let slot = self.chain.slot().await? as i64;
        // The database may be away.
        let there = async || {
            Ok(self
                .store
                .checkpoint()
                .await
                .is_ok_and(|at| at.is_some_and(|at| at.slot >= slot)))
        };
        until(there, "the tables reach the chain")
            .await
            .inspect_err(|_| self.show_log())
    }

    /// Waits for everything that has happened so far to be final.
    pub(crate) async fn settled(&self) -> anyhow::Result<()> {
        let slot = self.chain.slot().await? as i64;
        let there = async || Ok(self.checkpoint().await?.finalized_slot >= slot);
        until(there, "the tables are final")
            .await
            .inspect_err(|_| self.show_log())
    }

    /// Asks whether the tables are right, and prints what was done to them.
    pub(crate) async fn check(&mut self, fault: &str, did: &str) -> anyhow::Result<()> {
        self.faults.clear();
        self.trade.round().await?;
        self.caught_up().await?;
        self.settled().await?;
        // What was before the chain's first block is none of it.
        let left = "select (select count(*) from event_gap where filled_at is null and from_slot > 0) + \
                    (select count(*) from doubt)";
        let filled = async || Ok(self.count(left).await? == 0);
        until(filled, "gaps are filled and doubts settled")
            .await
            .inspect_err(|_| self.show_log())?;
        let report = verify(&self.store, &self.chain, PATIENCE).await?;
        if !report.differences.is_empty() {
            self.show_log();
            bail!("{fault}: {:#?}", report.differences);
        }
        self.chain_is_whole().await.with_context(|| fault.to_owned())?;
        self.events_are_exact()
            .await
            .inspect_err(|_| self.show_log())
            .with_context(|| fault.to_owned())?;
        tell(fault, did, report.rows, report.differences.len());
        Ok(())
    }

    /// Every block is the child of the one before, up to the checkpoint; the outbox has no holes; nothing of a branch
    /// that lost is left.
    async fn chain_is_whole(&self) -> anyhow::Result<()> {
        let orphans = "select count(*) from block b where b.slot > (select min(slot) from block) \
                       and not exists (select from block p where p.slot = b.parent)";
        let holes = "select (coalesce(max(id), 0) - coalesce(sum(count), 0))::bigint from outbox";
        let behind =
            "select coalesce((select outbox_id from checkpoint), 0) - coalesce((select max(id) from outbox), 0)";
        let branches = "select count(*) from block where blockhash like '0branch%'";
        for (what, sql) in [
            ("blocks without a parent", orphans),
            ("holes in the outbox", holes),
            ("entries that the checkpoint knows and the outbox does not", behind),
            ("blocks of branches", branches),
        ] {
            let count = self.count(sql).await?;
            ensure!(count == 0, "{count} {what}");
        }
        Ok(())
    }

    /// Each thing that the market did is one event, and nothing else is.
    async fn events_are_exact(&self) -> anyhow::Result<()> {
        let found: Vec<(String, i64)> = sqlx::query_as(
            "select name, count(*) from event where name in ('JobCancelled', 'JobOpened', 'NodeRegistered') \
             group by name order by name",
        )
        .fetch_all(self.store.pool())
        .await?;
        let expected = [
            ("JobCancelled", self.trade.cancelled),
            ("JobOpened", self.trade.opened),
            ("NodeRegistered", self.trade.registered),
        ];
        let expected: Vec<_> = expected.map(|(name, count)| (name.to_owned(), count)).into();
        ensure!(found == expected, "events {found:?}, and there were {expected:?}");
        Ok(())
    }
}

/// A line of the list that the tests print.
pub(crate) fn tell(fault: &str, did: &str, rows: usize, differences: usize) {
    println!("{fault:<44} {did:<72} rows {rows:>4}  differences {differences}");
}

/// Looks until it holds.
pub(crate) async fn until(holds: impl AsyncFn() -> anyhow::Result<bool>, what: &str) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !holds().await? {
        ensure!(begun.elapsed() < PATIENCE, "in {} s not: {what}", PATIENCE.as_secs());
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Most memory that a process ever had resident, MiB.
pub(crate) fn peak_mib(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .context("no VmHWM")?;
    let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kib >> 10)
}
