//! `gantry-localnet`: the embedded network as a process.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use gantry_localnet::{Config, Limits, Localnet, ProgramSource, Ready, ServiceOptions};
use solana_pubkey::Pubkey;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;

/// Runs a local network: Surfpool with Gantry's programs deployed, and a Yellowstone gRPC endpoint.
///
/// Prints one line of JSON with its addresses once everything listens; logs go to standard error.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Address to listen on
    #[arg(long, env = "GANTRY_LOCALNET_BIND", default_value = "127.0.0.1")]
    bind: IpAddr,
    /// JSON-RPC port; 0 takes any free one
    #[arg(long, env = "GANTRY_RPC_PORT", default_value_t = 8899)]
    rpc_port: u16,
    /// WebSocket port; 0 takes any free one
    #[arg(long, env = "GANTRY_WS_PORT", default_value_t = 8900)]
    ws_port: u16,
    /// Yellowstone gRPC port; 0 takes any free one
    #[arg(long, env = "GANTRY_GRPC_PORT", default_value_t = 10000)]
    grpc_port: u16,
    /// Folder of Gantry's compiled programs: registry.so, staking.so, market.so
    #[arg(long, env = "GANTRY_PROGRAMS_DIR", default_value = "target/deploy")]
    programs_dir: PathBuf,
    /// Folder of their IDLs, which name their addresses: registry.json, staking.json, market.json
    #[arg(long, env = "GANTRY_IDL_DIR", default_value = "idl")]
    idl_dir: PathBuf,
    /// Another program to deploy; may be given again
    #[arg(long = "program", value_name = "ID=FILE.so")]
    programs: Vec<ProgramSource>,
    /// Deploy only what --program names
    #[arg(long)]
    no_gantry_programs: bool,
    /// Who may upgrade the deployed programs
    #[arg(long, value_name = "PUBKEY")]
    upgrade_authority: Option<Pubkey>,
    /// Milliseconds from one slot to the next
    #[arg(long, env = "GANTRY_SLOT_TIME_MS", default_value_t = 400, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    slot_time_ms: u64,
    /// Most slots kept for replay over gRPC
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u64).range(150..=1_000_000))]
    replay_slots: u64,
    /// Most MiB of content kept for replay over gRPC; slots that are not final yet are kept beyond it
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    replay_mib: u64,
    /// Token that gRPC clients must send as `x-token`; none by default
    #[arg(long, env = "GANTRY_GRPC_TOKEN", hide_env_values = true)]
    grpc_token: Option<String>,
    /// Also write the line of JSON to this file, at once and whole
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// End when standard input ends: no orphan is left when the parent is killed
    #[arg(long)]
    exit_with_parent: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,gantry_localnet=info"));
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(ansi)
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no threads to run on: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = match runtime.block_on(run(args)) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("error: {error:#}");
            1
        }
    };
    // Surfpool leaves threads behind that never end; nothing is left for them to do.
    std::process::exit(code)
}

async fn run(args: Args) -> anyhow::Result<()> {
    // Before anything starts, so that no signal is missed.
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let parent = args.exit_with_parent.then(watch_parent).transpose()?;
    let orphaned = async {
        match parent {
            // Either way of ending says that standard input has ended.
            Some(parent) => drop(parent.await),
            None => std::future::pending().await,
        }
    };
    let why = async {
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
            () = orphaned => "the parent has gone",
        }
    };
    tokio::pin!(why);
    let ready_file = args.ready_file.clone();
    let mut localnet = tokio::select! {
        started = start(args) => started?,
        why = &mut why => {
            tracing::info!(why, "stopped while starting");
            return Ok(());
        }
    };
    announce(localnet.ready(), ready_file.as_deref())?;
    let result = tokio::select! {
        why = &mut why => {
            tracing::info!(why, "stopping");
            Ok(())
        }
        failure = localnet.failed() => Err(anyhow::anyhow!(failure)),
    };
    localnet.stop().await;
    if let Some(path) = ready_file {
        // It says where to reach a process that is no more; that it is gone already is fine.
        let _ = std::fs::remove_file(path);
    }
    result
}

async fn start(args: Args) -> anyhow::Result<Localnet> {
    let mut programs = Vec::new();
    if !args.no_gantry_programs {
        programs = ProgramSource::gantry(&args.programs_dir, &args.idl_dir)?;
    }
    programs.extend(args.programs);
    let config = Config {
        bind: args.bind,
        rpc_port: args.rpc_port,
        ws_port: args.ws_port,
        grpc_port: args.grpc_port,
        slot_time: Duration::from_millis(args.slot_time_ms),
        programs,
        upgrade_authority: args.upgrade_authority,
        limits: Limits {
            slots: usize::try_from(args.replay_slots)?,
            bytes: usize::try_from(args.replay_mib << 20)?,
        },
        service: ServiceOptions {
            token: args.grpc_token,
            ..ServiceOptions::default()
        },
    };
    Ok(Localnet::start(config).await?)
}

fn announce(ready: &Ready, file: Option<&std::path::Path>) -> anyhow::Result<()> {
    if let Some(path) = file {
        ready
            .write(path)
            .with_context(|| format!("cannot write the ready file {}", path.display()))?;
    }
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", ready.line())
        .and_then(|()| stdout.flush())
        .context("cannot write to standard output")
}

/// Reads standard input to its end, on a thread of its own: the read cannot be interrupted.
fn watch_parent() -> anyhow::Result<oneshot::Receiver<()>> {
    let (orphaned, parent) = oneshot::channel();
    let read = move || {
        let mut stdin = std::io::stdin().lock();
        let mut buffer = [0; 256];
        loop {
            match stdin.read(&mut buffer) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        // The other end is gone only when the process is ending anyway.
        let _ = orphaned.send(());
    };
    std::thread::Builder::new()
        .name("parent-watch".to_owned())
        .spawn(read)
        .context("cannot watch standard input")?;
    Ok(parent)
}
