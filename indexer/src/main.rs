//! `gantry-indexer`: keeps Postgres at the tip of the market and serves it.

use std::convert::Infallible;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use gantry_indexer::api::{Api, Limits};
use gantry_indexer::ingest::{Ingest, IngestOptions};
use gantry_indexer::progress::Progress;
use gantry_indexer::rpc::Chain;
use gantry_indexer::schema::Schema;
use gantry_indexer::store::{Retention, Store};
use gantry_indexer::stream::{Compression, SourceOptions};
use gantry_indexer::verify::verify;
use gantry_sdk::service;
use metrics_exporter_prometheus::PrometheusBuilder;

/// Indexes the market into Postgres and serves it over HTTP.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Follow the chain and serve the API until stopped.
    Run(Run),
    /// Compare every row with the chain; exit 0 only when nothing differs.
    Verify(Verify),
}

#[derive(Debug, Args)]
struct Common {
    /// Postgres, for example postgres://user:password@localhost/gantry
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    /// JSON-RPC endpoint of the chain
    #[arg(long, env = "GANTRY_RPC_URL", default_value = "http://127.0.0.1:8899")]
    rpc_url: String,
}

#[derive(Debug, Args)]
struct Run {
    #[command(flatten)]
    common: Common,
    /// Yellowstone gRPC endpoint
    #[arg(long, env = "GANTRY_GRPC_URL", default_value = "http://127.0.0.1:10000")]
    grpc_url: String,
    /// Token that the gRPC endpoint asks for
    #[arg(long, env = "GANTRY_GRPC_TOKEN", hide_env_values = true)]
    grpc_token: Option<String>,
    /// File with certificates (PEM) of authorities that may vouch for an https gRPC endpoint, besides the system's
    #[arg(long, env = "GANTRY_STREAM_CA")]
    stream_ca: Option<PathBuf>,
    /// Where the API listens; port 0 takes a free one and logs it
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Compression to ask the gRPC endpoint for
    #[arg(long, env = "GANTRY_GRPC_COMPRESSION", value_enum)]
    grpc_compression: Option<GrpcCompression>,
    /// Seconds without a new slot after which the stream is opened again
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    silence_seconds: u64,
    /// Slots whose events are kept, counted back from the newest final one; all if not given
    #[arg(long, env = "GANTRY_EVENT_RETENTION_SLOTS")]
    event_retention_slots: Option<u64>,
    /// Newest rows of the change feed that are kept
    #[arg(long, env = "GANTRY_OUTBOX_ROWS", default_value_t = 1_000_000)]
    outbox_rows: u64,
    /// Most MiB held for slots that are not final; a quarter as much again may wait for the database
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u64).range(1..))]
    buffer_mib: u64,
    /// Slots behind the stream beyond which /readyz says no
    #[arg(long, default_value_t = 64)]
    max_lag: u64,
    /// Requests per second of one client in the long run, beyond which it is told to wait; 0 for any number
    #[arg(long, env = "GANTRY_RATE_LIMIT", default_value_t = Limits::default().requests_per_second)]
    rate_limit: u32,
    /// Requests that one client may send at once
    #[arg(long, env = "GANTRY_RATE_BURST", default_value_t = Limits::default().burst)]
    rate_burst: u32,
    /// Take a client's address from the last entry of x-forwarded-for: only right behind a proxy that writes it
    #[arg(long, env = "GANTRY_BEHIND_PROXY")]
    behind_proxy: bool,
    /// Drop all that the database holds first, for a network that was started anew
    #[arg(long)]
    reset: bool,
    /// Exit when stdin closes, so that no parent leaves this process behind
    #[arg(long)]
    exit_with_parent: bool,
    /// Write the API's address here once the tables are there
    #[arg(long)]
    ready_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum GrpcCompression {
    Gzip,
    Zstd,
}

#[derive(Debug, Args)]
struct Verify {
    #[command(flatten)]
    common: Common,
    /// Seconds to wait for the tables to reach the chain
    #[arg(long, default_value_t = 60)]
    timeout_seconds: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| "info,sqlx=warn,yellowstone_grpc_client=error".into());
    tracing_subscriber::fmt()
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let done = match Cli::parse().command {
        Command::Run(options) => run(options).await.map(|()| ExitCode::SUCCESS),
        Command::Verify(options) => compare(options).await,
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

async fn open(common: &Common) -> anyhow::Result<Store> {
    let schema = Arc::new(Schema::embedded()?);
    Store::open(&common.database_url, schema)
        .await
        .context("cannot open the database that --database-url names")
}

async fn run(options: Run) -> anyhow::Result<()> {
    // Before anything starts, so that no signal is missed.
    let ending = service::ending(options.exit_with_parent)?;
    // Whatever is dropped in the middle is as if the process had been killed there, which is safe.
    tokio::select! {
        why = ending => {
            tracing::info!(why, "ends");
            Ok(())
        }
        ended = follow_and_serve(options) => ended,
    }
}

async fn follow_and_serve(options: Run) -> anyhow::Result<()> {
    let metrics = PrometheusBuilder::new()
        .install_recorder()
        .context("cannot set up metrics")?;
    let listener = tokio::net::TcpListener::bind(options.listen).await.with_context(|| {
        format!(
            "cannot listen on {}: choose another address with --listen",
            options.listen
        )
    })?;
    let address = listener.local_addr().context("cannot read the API's address")?;
    let store = open(&options.common).await?;
    if options.reset {
        store.reset().await?;
        tracing::warn!("dropped all that the database held");
    }
    let progress = Arc::new(Progress::default());
    let source = SourceOptions {
        url: options.grpc_url,
        ca: options.stream_ca.as_deref().map(certificates).transpose()?,
        token: options.grpc_token,
        silence: Duration::from_secs(options.silence_seconds),
        compression: options.grpc_compression.map(|compression| match compression {
            GrpcCompression::Gzip => Compression::Gzip,
            GrpcCompression::Zstd => Compression::Zstd,
        }),
    };
    let retention = Retention {
        event_slots: options.event_retention_slots,
        outbox_rows: options.outbox_rows,
    };
    let buffer_limit = usize::try_from(options.buffer_mib)
        .unwrap_or(usize::MAX)
        .saturating_mul(1 << 20);
    let ingest = Ingest::new(
        store.clone(),
        Chain::new(options.common.rpc_url),
        IngestOptions {
            source,
            buffer_limit,
            retention,
        },
        progress.clone(),
    );
    let upkeep = metrics.clone();
    let upkeep = async move {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            upkeep.run_upkeep();
        }
    };
    let limits = Limits {
        requests_per_second: options.rate_limit,
        burst: options.rate_burst,
        behind_proxy: options.behind_proxy,
    };
    let api = Api::new(store, progress.clone(), metrics, options.max_lag).with_limits(limits);
    tracing::info!(%address, "serving");
    tokio::select! {
        ended = ingest.run() => ended.map(|never: Infallible| match never {}).context("indexing stopped"),
        ended = api.serve(listener) => ended.context("the API stopped"),
        failed = tell_ready(options.ready_file, &progress, address) => failed.map(|never| match never {}),
        () = upkeep => Ok(()),
    }
}

/// The certificates in a file.
fn certificates(file: &Path) -> anyhow::Result<Vec<u8>> {
    let read = std::fs::read(file).with_context(|| format!("cannot read --stream-ca {}", file.display()))?;
    let begin = b"-----BEGIN CERTIFICATE-----";
    anyhow::ensure!(
        read.windows(begin.len()).any(|line| line == begin),
        "--stream-ca {} holds no certificate: a PEM file with BEGIN CERTIFICATE is expected",
        file.display()
    );
    Ok(read)
}

/// Writes the ready file once the tables hold something.
async fn tell_ready(file: Option<PathBuf>, progress: &Progress, address: SocketAddr) -> anyhow::Result<Infallible> {
    let mut writes = progress.writes();
    if writes.wait_for(|slot| *slot > 0).await.is_ok() {
        tracing::info!(%address, "ready");
        if let Some(file) = file {
            let ready = serde_json::json!({
                "ready": true,
                "pid": std::process::id(),
                "api_url": format!("http://{address}"),
            });
            service::announce(&file, &ready)?;
        }
    }
    std::future::pending().await
}

async fn compare(options: Verify) -> anyhow::Result<ExitCode> {
    let store = open(&options.common).await?;
    let chain = Chain::new(options.common.rpc_url);
    let report = verify(&store, &chain, Duration::from_secs(options.timeout_seconds)).await?;
    if options.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        for difference in &report.differences {
            let table = difference.table.as_deref().unwrap_or("no table");
            println!("{} ({table}) {}", difference.address, difference.what);
        }
        println!("rows: {}", report.rows);
        println!("accounts: {}", report.accounts);
        println!("differences: {}", report.differences.len());
        println!("slot: {}", report.slot);
    }
    Ok(if report.differences.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
