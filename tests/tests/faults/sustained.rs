//! A database that stands still under more load than a market makes: a stream of 5,000 account updates a second, from a
//! server that cuts off whoever is too far behind.

use std::fs::File;
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
use tokio::process::Command;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_frozen_under_sustained_load_costs_no_update_and_little_memory() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut postgres = Postgres::private(PrivateOptions::new(folder.path().join("postgres-run"))).await?;
    let schema = Arc::new(Schema::embedded()?);
    let store = Store::open(postgres.url(), schema.clone()).await?;
    tables::fill(&store, PLAN.population).await?;
    let stream = Server::start(Script::new(PLAN)).await?;
    let log = folder.path().join("indexer.log");
    let indexer = Command::new(Binaries::beside_this()?.find("gantry-indexer")?)
        .args(["run", "--exit-with-parent", "--listen", "127.0.0.1:0"])
        .env("DATABASE_URL", postgres.url())
        .env("GANTRY_GRPC_URL", &stream.grpc_url)
        .env("GANTRY_RPC_URL", &stream.rpc_url)
        .stdin(Stdio::piped())
        .stderr(File::create(&log)?)
        .kill_on_drop(true)
        .spawn()?;
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    until(async || Ok(stream.sent().subscriptions > 0), "the indexer subscribes")
        .await
        .with_context(said)?;
    stream.begin();
    let begun = Instant::now();
    tokio::time::sleep(BEFORE).await;
    let pid = indexer.id().context("the indexer runs")?;
    let before = peak_mib(pid)?;
    let server = postgres.private_server().context("the server is ours")?;
    let server = server.server_pid().context("it runs")?;
    let all = with_descendants(&[server]);
    all.iter().for_each(|process| process.signal(Signal::STOP));
    tokio::time::sleep(FROZEN).await;
    let peak = peak_mib(pid)?;
    all.iter().for_each(|process| process.signal(Signal::CONT));
    let there = async || {
        let at = store.checkpoint().await?.map_or(0, |checkpoint| checkpoint.slot as u64);
        Ok(at >= PLAN.last_slot())
    };
    until(there, "the tables have all that was sent")
        .await
        .with_context(said)?;
    let took = begun.elapsed();
    let (most, sent) = (peak_mib(pid)?, stream.sent());
    let lost = tables::lost(&mut *store.pool().acquire().await?, &schema, PLAN).await?;
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
    ensure!(lost == 0, "{lost} accounts are not what was sent; {sent:?}\n{}", said());
    ensure!(most <= MOST_MIB, "{most} MiB\n{}", said());
    Ok(())
}
