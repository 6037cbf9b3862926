//! `gantry-node`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use gantry_node::daemon;
use gantry_node::device::Device;
use gantry_node::guard::{self, Limits};
use gantry_node::host::Host;
use gantry_sdk::blob::BlobStore;
use gantry_sdk::{Gantry, Pubkey, Signer as _, keys, service};
use tracing_subscriber::EnvFilter;

/// Runs jobs on this host and proves it.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve: run the jobs that the node is assigned
    Run(Box<Run>),
    /// Make a node key in a new file that only its owner can read
    Keygen {
        /// Where the key goes
        file: PathBuf,
    },
    /// Print what this host has, as JSON
    Detect,
    /// Stands between the daemon and a job; started by the daemon
    #[command(hide = true)]
    Guard,
    /// Becomes a job's command; started by the guard
    #[command(hide = true)]
    Exec {
        /// Process id of the guard
        #[arg(long)]
        guard: i32,
        #[command(flatten)]
        limits: Limits,
        /// Command and arguments
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

#[derive(Debug, Args)]
struct Run {
    /// Key file of the node: signs receipts and nothing else
    #[arg(long, env = "GANTRY_NODE_KEY", value_name = "FILE")]
    node_key: PathBuf,
    /// Key file of the wallet that pays for transactions
    #[arg(long, env = "GANTRY_OPERATOR_KEY", value_name = "FILE")]
    operator_key: PathBuf,
    /// The provider's account or wallet
    #[arg(long, env = "GANTRY_PROVIDER", value_name = "ADDRESS")]
    provider: Pubkey,
    /// The cluster's JSON-RPC server
    #[arg(long, env = "GANTRY_RPC_URL", default_value = "http://127.0.0.1:8899")]
    rpc_url: String,
    /// Folder of the blob store
    #[arg(long, env = "GANTRY_BLOB_DIR", value_name = "DIR")]
    blob_dir: PathBuf,
    /// Folder for journals and for the jobs' own folders
    #[arg(long, env = "GANTRY_STATE_DIR", value_name = "DIR")]
    state_dir: PathBuf,
    /// Folder whose commands jobs may run; may be given again
    #[arg(long, value_name = "DIR", required = true)]
    search_path: Vec<PathBuf>,
    /// Most seconds between two receipts; half the job's proof timeout where that is less
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    proof_interval: u64,
    /// Address space of each of a job's processes, GiB
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    max_memory_gib: u64,
    /// Processes and threads of a job
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    max_processes: u64,
    /// Size of each file that a job writes, MiB
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u64).range(1..=1_024))]
    max_file_mib: u64,
    /// Size of a job's log, KiB
    #[arg(long, default_value_t = 1_024, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    max_log_kib: u64,
    /// Written once the node serves
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// End when standard input ends: no orphan is left when the parent is killed
    #[arg(long)]
    exit_with_parent: bool,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().verb {
        Verb::Guard => guard::guard(),
        Verb::Exec { guard, limits, command } => guard::exec(guard, limits, &command).map(|never| match never {}),
        Verb::Keygen { file } => keygen(&file),
        Verb::Detect => detect(),
        Verb::Run(arguments) => run(*arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn keygen(file: &std::path::Path) -> anyhow::Result<()> {
    println!("{}", keys::create(file)?.pubkey());
    Ok(())
}

fn detect() -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(&Device::detect())?);
    Ok(())
}

#[tokio::main(worker_threads = 2)]
async fn run(arguments: Run) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,gantry_node=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    // Before anything starts, so that no signal is missed.
    let ending = service::ending(arguments.exit_with_parent)?;
    tokio::select! {
        why = ending => {
            tracing::info!(why, "ends");
            Ok(())
        }
        result = serve(&arguments) => result.map(|never| match never {}),
    }
}

async fn serve(arguments: &Run) -> anyhow::Result<std::convert::Infallible> {
    let node_key = keys::load(&arguments.node_key)?;
    let operator = keys::load(&arguments.operator_key)?;
    for folder in &arguments.search_path {
        anyhow::ensure!(
            folder.is_dir(),
            "--search-path {}: there is no such folder",
            folder.display()
        );
    }
    let _lock = daemon::take_state(&arguments.state_dir)?;
    let device = Device::detect();
    let host = Host {
        blobs: BlobStore::open(&arguments.blob_dir)?,
        state: arguments.state_dir.clone(),
        search: arguments.search_path.clone(),
        program: guard::SELF.into(),
        device: device.name.clone(),
        proof_interval: Duration::from_secs(arguments.proof_interval),
        memory_bytes: arguments.max_memory_gib << 30,
        processes: arguments.max_processes,
        file_bytes: arguments.max_file_mib << 20,
        log_bytes: arguments.max_log_kib << 10,
    };
    let gantry = Gantry::connect(&arguments.rpc_url);
    let chain = daemon::connect(gantry, arguments.provider, node_key, operator).await?;
    tracing::info!(node = %chain.node, key = %chain.node_key.pubkey(), device = device.name, "serves");
    if let Some(file) = &arguments.ready_file {
        let ready = serde_json::json!({
            "pid": std::process::id(), "node": chain.node.to_string(), "device": device,
        });
        service::announce(file, &ready)?;
    }
    Ok(daemon::serve(Arc::new(chain), Arc::new(host)).await)
}
