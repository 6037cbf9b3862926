//! A database that stands still under more load than a market makes: a stream of 5,000 account updates a second, from a
//! server that cuts off whoever is too far behind.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use gantry_bench_ingest::script::{Plan, Script};
use gantry_bench_ingest::server::Server;
use gantry_bench_ingest::tables;
use gantry_indexer::schema::Schema;
use gantry_indexer::store::Store;
use gantry_stack::binaries::Binaries;
use gantry_stack::child::Signal;
use gantry_stack::postgres::{Postgres, PrivateOptions};
use gantry_stack::processes::with_descendants;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::lab::{peak_mib, until};

/// How long the database stands still.
const FROZEN: Duration = Duration::from_secs(12);
/// And how long it works before.
const BEFORE: Duration = Duration::from_secs(3);
/// Most memory that the indexer may have, with its buffers as they are if nothing is said.
const MOST_MIB: u64 = 256;
/// 5,000 updates a second.
const PLAN: Plan = Plan {
    population: 20_000,
    per_slot: 2_000,
    slots: 45,
    transactions: 20,
    touched: 2,
    slot_ms: 400,
};

/// Blocks that are each larger than all that may wait for the database with `--buffer-mib 4`, which is 1 MiB, and are
/// together within the limit.
const LARGE: Plan = Plan {
    population: 4_000,
    per_slot: 1_900,
    slots: 3,
    transactions: 4,
    touched: 2,
    slot_ms: 50,
};

/// A database, a server with a script, and the indexer between them.
struct Setting {
    plan: Plan,
    postgres: Postgres,
    store: Store,
    schema: Arc<Schema>,
    stream: Server,
    indexer: Child,
    log: PathBuf,
    _folder: TempDir,
}

impl Setting {
    async fn start(plan: Plan, arguments: &[&str]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let postgres = Postgres::private(PrivateOptions::new(folder.path().join("postgres-run"))).await?;
        let schema = Arc::new(Schema::embedded()?);
        let store = Store::open(postgres.url(), schema.clone()).await?;
        tables::fill(&store, plan.population).await?;
        let stream = Server::start(Script::new(plan)).await?;
        let log = folder.path().join("indexer.log");
        let indexer = Command::new(Binaries::beside_this()?.find("gantry-indexer")?)
            .args(["run", "--exit-with-parent", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .env("DATABASE_URL", postgres.url())
            .env("GANTRY_GRPC_URL", &stream.grpc_url)
            .env("GANTRY_RPC_URL", &stream.rpc_url)
            .stdin(Stdio::piped())
            .stderr(File::create(&log)?)
            .kill_on_drop(true)
            .spawn()?;
        let setting = Self {
            plan,
            postgres,
            store,
            schema,
            stream,
            indexer,
            log,
            _folder: folder,
        };
        until(
            async || Ok(setting.stream.sent().subscriptions > 0),
            "the indexer subscribes",
        )
        .await
        .with_context(|| setting.said())?;
        setting.stream.begin();
        Ok(setting)
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn pid(&self) -> anyhow::Result<u32> {
        self.indexer.id().context("the indexer runs")
    }

    /// Waits until the tables have all that was sent, and says how many accounts are not as it says.
    async fn lost(&self) -> anyhow::Result<u64> {
        let there = async || {
            let at = self
                .store
                .checkpoint()
                .await?
                .map_or(0, |checkpoint| checkpoint.slot as u64);
            Ok(at >= self.plan.last_slot())
        };
        until(there, "the tables have all that was sent")
            .await
            .with_context(|| self.said())?;
        tables::lost(&mut *self.store.pool().acquire().await?, &self.schema, self.plan).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_larger_than_all_that_may_wait_for_the_database_pass_one_after_the_other() -> anyhow::Result<()> {
    let setting = Setting::start(LARGE, &["--buffer-mib", "4"]).await?;
    let lost = setting.lost().await?;
    println!(
        "{:<44} {:<72} rows lost {lost}",
        "blocks larger than the room",
        format!("{} blocks of {} updates, room for 1 MiB", LARGE.slots, LARGE.per_slot)
    );
    ensure!(lost == 0, "{lost} accounts are not what was sent\n{}", setting.said());
    // Otherwise the blocks had to be read again, and did not wait for each other.
    let sent = setting.stream.sent();
    ensure!(sent.subscriptions == 1, "{sent:?}\n{}", setting.said());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_frozen_under_sustained_load_costs_no_update_and_little_memory() -> anyhow::Result<()> {
    let mut setting = Setting::start(PLAN, &[]).await?;
    let begun = Instant::now();
    tokio::time::sleep(BEFORE).await;
    let pid = setting.pid()?;
    let before = peak_mib(pid)?;
    let server = setting.postgres.private_server().context("the server is ours")?;
    let server = server.server_pid().context("it runs")?;
    let all = with_descendants(&[server]);
    all.iter().for_each(|process| process.signal(Signal::STOP));
    tokio::time::sleep(FROZEN).await;
    let peak = peak_mib(pid)?;
    all.iter().for_each(|process| process.signal(Signal::CONT));
    let lost = setting.lost().await?;
    let took = begun.elapsed();
    let (most, sent) = (peak_mib(pid)?, setting.stream.sent());
    println!(
        "{:<44} {:<72} rows lost {lost}",
        "Postgres frozen at 5,000 updates/s",
        format!(
            "SIGSTOP for {} s, {} updates in {:.0} s; {before} MiB before, {peak} during, {most} at most",
            FROZEN.as_secs(),
            PLAN.updates(),
            took.as_secs_f64()
        )
    );
    ensure!(
        lost == 0,
        "{lost} accounts are not what was sent; {sent:?}\n{}",
        setting.said()
    );
    ensure!(most <= MOST_MIB, "{most} MiB\n{}", setting.said());
    Ok(())
}
