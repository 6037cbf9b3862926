//! `cargo xtask bench ingest`: how fast the indexer brings a stream into Postgres, beside the server's own ceiling.

mod database;
mod docs;
mod measure;
mod peers;
mod processes;
mod report;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};
use gantry_bench_ingest::script::{Plan, Script};
use gantry_bench_ingest::server::Server;
use gantry_sdk::service;

use database::Databases;
use report::Report;

/// How fast the indexer brings a stream into Postgres.
#[derive(Parser)]
#[command(bin_name = "cargo xtask bench ingest", disable_help_subcommand = true, version = None)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Play a script to whoever subscribes
    #[command(hide = true)]
    Serve {
        /// The plan, as JSON
        #[arg(long)]
        plan: String,
    },
}

#[derive(Args)]
struct Options {
    /// Print one JSON object, last
    #[arg(long)]
    json: bool,
    /// Write the figures to docs/benchmarks.md
    #[arg(long)]
    write: bool,
    /// Fail where a figure is not what DESIGN's table asks for
    #[arg(long)]
    check: bool,
    /// Account updates of the run at full speed
    #[arg(long, default_value_t = 300_000, value_parser = clap::value_parser!(u64).range(2_000..))]
    updates: u64,
    /// Accounts before it begins
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(40_000..))]
    population: u64,
    /// Runs at full speed, of which the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// Seconds for which latency is measured
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..))]
    latency_seconds: u64,
    /// Seconds for which the database stands still
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    frozen_seconds: u64,
    /// What to measure; everything if nothing is named
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Phase>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Phase {
    /// The three rates
    Rates,
    /// The rate with a transaction and an event for every four updates
    Whole,
    /// How late rows and messages are
    Latency,
    /// A database that stands still
    Frozen,
}

/// Account updates of a slot at 5,000 a second.
const PER_SLOT: usize = 2_000;
const SLOT_MS: u64 = 400;
/// Transactions with an event in each slot, where it is account updates that are measured.
const TRANSACTIONS: usize = 10;
/// Updates that are written one at a time.
const SINGLE: usize = 10_000;
/// Before the database freezes, and after it has thawed.
const AROUND: Duration = Duration::from_secs(8);

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime
        .context("no runtime")
        .and_then(|runtime| runtime.block_on(run(Cli::parse())));
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

async fn run(cli: Cli) -> Result<ExitCode> {
    match cli.verb {
        Some(Verb::Serve { plan }) => serve(&plan).await,
        None => measure(&cli.options).await,
    }
}

async fn serve(plan: &str) -> Result<ExitCode> {
    let ending = service::ending(true)?;
    let server = Server::start(Script::new(serde_json::from_str(plan)?)).await?;
    println!(
        "{}",
        serde_json::json!({ "grpc_url": server.grpc_url, "rpc_url": server.rpc_url })
    );
    std::io::stdout().flush()?;
    ending.await;
    Ok(ExitCode::SUCCESS)
}

async fn measure(options: &Options) -> Result<ExitCode> {
    let wants = |phase| options.only.is_empty() || options.only.contains(&phase);
    let folder = tempfile::tempdir()?;
    eprintln!("filling a database with {} accounts", options.population);
    let mut databases = Databases::start(folder.path(), options.population as usize).await?;
    let mut report = Report::begin(&databases).await?;
    let plan = Plan {
        population: options.population as usize,
        per_slot: PER_SLOT,
        slots: (options.updates as usize).div_ceil(PER_SLOT),
        transactions: TRANSACTIONS,
        touched: 1,
        slot_ms: 0,
    };
    report.plan(plan);
    if wants(Phase::Rates) {
        rates(&databases, folder.path(), plan, options.rounds, &mut report).await?;
    }
    if wants(Phase::Whole) {
        let whole = Plan {
            transactions: PER_SLOT / 4,
            touched: 4,
            slots: plan.slots.div_ceil(3),
            ..plan
        };
        let run = measure::throughput(&databases, folder.path(), "gantry_bench_whole", whole).await?;
        ensure!(run.lost == 0, "{} accounts are not what was sent", run.lost);
        report.whole(whole, &run);
    }
    let paced = |seconds: Duration| Plan {
        slots: (seconds.as_millis() as u64).div_ceil(SLOT_MS) as usize,
        slot_ms: SLOT_MS,
        ..plan
    };
    if wants(Phase::Latency) {
        let plan = paced(Duration::from_secs(options.latency_seconds));
        let latency = measure::latency(&databases, folder.path(), "gantry_bench_latency", plan).await?;
        ensure!(latency.lost == 0, "{} accounts are not what was sent", latency.lost);
        report.latency(latency);
    }
    if wants(Phase::Frozen) {
        let frozen = Duration::from_secs(options.frozen_seconds);
        let plan = paced(AROUND * 2 + frozen);
        let name = "gantry_bench_frozen";
        let outcome = measure::frozen(&mut databases, folder.path(), name, plan, AROUND, frozen).await?;
        report.frozen(outcome);
    }
    let missed = report.missed();
    for miss in &missed {
        eprintln!("not what it should be: {miss}");
    }
    if options.write {
        docs::write(&report)?;
    }
    if options.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{}", report.table());
    }
    Ok(if options.check && !missed.is_empty() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

async fn rates(
    databases: &Databases,
    folder: &std::path::Path,
    plan: Plan,
    rounds: u64,
    report: &mut Report,
) -> Result<()> {
    for round in 1..=rounds {
        let name = "gantry_bench_ceiling";
        // Each slot in its own transaction, as they come; and some slots together.
        for together in [1, 8] {
            let url = databases.copy(name).await?;
            peers::stage(&url, databases.schema(), plan).await?;
            let took = peers::ceiling(folder, &url, databases.schema(), plan, together).await?;
            let lost = databases.lost(&url, plan).await?;
            ensure!(lost == 0, "psql left {lost} accounts that are not what was sent");
            databases.drop(name).await?;
            report.ceiling(plan, together, took);
            eprintln!(
                "round {round}: psql, {together} slots a transaction: {:.0} rows/s",
                per_s(plan.updates(), took)
            );
        }
        let run = measure::throughput(databases, folder, "gantry_bench_rate", plan).await?;
        ensure!(run.lost == 0, "{} accounts are not what was sent", run.lost);
        report.gantry(plan, &run);
        eprintln!(
            "round {round}: gantry: {:.0} rows/s, {:.1} s of its own CPU in {:.1} s",
            per_s(plan.updates(), run.took),
            run.taken.cpu.as_secs_f64(),
            run.took.as_secs_f64()
        );
        let url = databases.copy("gantry_bench_single").await?;
        let took = peers::row_at_a_time(&url, databases.schema(), plan, SINGLE).await?;
        databases.drop("gantry_bench_single").await?;
        report.row_at_a_time(SINGLE, took);
        eprintln!("round {round}: row at a time: {:.0} rows/s", per_s(SINGLE as u64, took));
    }
    Ok(())
}

fn per_s(rows: u64, took: Duration) -> f64 {
    rows as f64 / took.as_secs_f64()
}
