//! What `cargo xtask bench api` runs: reads of the API at a steady rate while the tables are written beside them.
//!
//! Three parties, each a process: a private Postgres; the API with the writer, as in the indexer; and this one, which asks.

mod connections;
mod cpu;
mod load;
mod market;
mod serve;

use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Parser, Subcommand};
use cpu::Used;
use gantry_stack::postgres::{Postgres, PrivateOptions};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

/// Time in which the writer works alone, so that its share is known.
const ALONE: Duration = Duration::from_secs(5);

/// Reads of the API beside its writer.
#[derive(Parser)]
#[command(bin_name = "cargo xtask bench api", disable_help_subcommand = true, version = None, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Args)]
struct Options {
    /// Requests per second
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    rate: u32,
    /// Seconds that are measured
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=300))]
    seconds: u32,
    /// Jobs in the tables; a quarter as many nodes
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    jobs: u32,
    /// Account updates per second that are written beside the reads; 0 for none
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(0..=50_000))]
    updates: u32,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Part {
    /// The API and the writer, until its standard input ends
    #[command(hide = true)]
    Serve(serve::Serve),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.part {
        Some(Part::Serve(options)) => serve::run(options).await,
        None => measure(cli.options).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(options: Options) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut postgres = Postgres::private(PrivateOptions::new(folder.path())).await?;
    eprintln!("filling the tables: {} jobs, {} nodes", options.jobs, options.jobs / 4);
    let mut server = Command::new(std::env::current_exe()?)
        .args([
            "serve",
            "--jobs",
            &options.jobs.to_string(),
            "--updates",
            &options.updates.to_string(),
        ])
        .env("DATABASE_URL", postgres.url())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("the API")?;
    let mut said = BufReader::new(server.stdout.take().context("its output")?).lines();
    let base = said.next_line().await?.context("the API did not start")?;
    let api = server.id().context("the API ended")?;
    let begun = Used::read(api, folder.path())?;
    tokio::time::sleep(ALONE).await;
    let before = Used::read(api, folder.path())?;
    let alone = before.since(&begun);
    eprintln!("asking {} times a second for {} s", options.rate, options.seconds);
    let report = load::run(
        &base,
        options.rate,
        Duration::from_secs(options.seconds.into()),
        options.jobs,
    )
    .await?;
    let cores = Used::read(api, folder.path())?.since(&before);
    let each = cores.per_request(&alone, report.sent);
    // It tells what it wrote once its input ends.
    drop(server.stdin.take());
    let written: serde_json::Value = serde_json::from_str(&said.next_line().await?.context("what it wrote")?)?;
    ensure!(server.wait().await?.success(), "the API failed");
    postgres.stop().await;
    if options.json {
        println!(
            "{}",
            serde_json::json!({
                "reads": report, "writes": written, "jobs": options.jobs,
                "cores": { "writer_alone": alone.rounded(), "with_reads": cores.rounded() },
                "cpu_microseconds_per_request": each,
            })
        );
    } else {
        report.print();
        println!(
            "written beside: {} account updates/s in {} banks",
            written["updates_per_second"], written["banks"]
        );
        println!(
            "CPU per request: API {} us, Postgres {} us, this generator {} us",
            each.api, each.postgres, each.generator
        );
    }
    ensure!(
        report.failed == 0,
        "{} requests were not answered with 200",
        report.failed
    );
    Ok(())
}
