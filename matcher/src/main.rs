//! `gantry-matcher`.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use gantry_matcher::engine::Engine;
use gantry_matcher::events::Events;
use gantry_matcher::source::Source;
use gantry_sdk::{Gantry, Signer as _, keys, service};
use tokio::sync::{Notify, mpsc};
use tracing_subscriber::EnvFilter;

/// Updates that wait to be taken in.
const BACKLOG: usize = 1_024;

/// Pairs open jobs with the cheapest node that fits, and pushes overdue states forward.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve
    Run(Run),
}

#[derive(Debug, Args)]
struct Run {
    /// Key file of the wallet that signs assignments, pays for transactions and earns the matcher's fee
    #[arg(long, env = "GANTRY_MATCHER_KEY", value_name = "FILE")]
    keypair: PathBuf,
    /// The cluster's JSON-RPC server
    #[arg(long, env = "GANTRY_RPC_URL", default_value = "http://127.0.0.1:8899")]
    rpc_url: String,
    /// A Yellowstone gRPC endpoint; without one the RPC server is asked again and again
    #[arg(long, env = "GANTRY_GRPC_URL")]
    grpc_url: Option<String>,
    /// Milliseconds between two questions to the RPC server, where there is no gRPC endpoint
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u64).range(50..=60_000))]
    poll_ms: u64,
    /// Also write what was done, and why, to the end of this file, as lines of JSON
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Written once the state is complete
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// End when standard input ends: no orphan is left when the parent is killed
    #[arg(long)]
    exit_with_parent: bool,
}

fn main() -> ExitCode {
    let Verb::Run(arguments) = Arguments::parse().verb;
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(worker_threads = 2)]
async fn run(arguments: Run) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,gantry_matcher=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Colours are for people: in a journal they stand between a name and its value.
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    // Before anything starts, so that no signal is missed.
    let ending = service::ending(arguments.exit_with_parent)?;
    let key = keys::load(&arguments.keypair)?;
    let matcher = key.pubkey();
    let gantry = Gantry::connect(&arguments.rpc_url);
    let source = match arguments.grpc_url {
        Some(url) => Source::Grpc(url),
        None => Source::RpcPoll(Duration::from_millis(arguments.poll_ms)),
    };
    let engine = Engine::new(gantry.clone(), key, Events::open(arguments.events.as_deref())?);
    let (sender, updates) = mpsc::channel(BACKLOG);
    let hurry = Notify::new();
    let mut announced = Ok(());
    let ready = || {
        tracing::info!(%matcher, "serves");
        if let Some(file) = &arguments.ready_file {
            let ready = serde_json::json!({ "pid": std::process::id(), "matcher": matcher.to_string() });
            announced = service::announce(file, &ready);
        }
    };
    tokio::select! {
        why = ending => tracing::info!(why, "ends"),
        () = source.feed(gantry, sender, &hurry) => {}
        () = engine.run(updates, ready, &hurry) => {}
    }
    Ok(announced?)
}
