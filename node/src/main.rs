//! `gantry-node`.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use gantry_node::container::Runtime;
use gantry_node::daemon::{self, Busy, Drain};
use gantry_node::device::Device;
use gantry_node::gpu::{Driver, Gpu, Inventory as _};
use gantry_node::guard::{self, Limits, SELF};
use gantry_node::host::{Host, Processes};
use gantry_node::listing::Listing;
use gantry_node::sandbox::Sandbox;
use gantry_node::settings::Run;
use gantry_node::status::{self, Board};
use gantry_sdk::blob::BlobStore;
use gantry_sdk::{Gantry, Pubkey, Signer as _, amount, keys, service};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

/// How long a container runtime has to say what it is.
const RUNTIME_PATIENCE: Duration = Duration::from_secs(10);

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
    /// Say what this host has, and how it would be listed
    Detect {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        part: Part,
    },
    /// List this host on the market as it was measured
    List(List),
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
        /// What the command may touch, as JSON
        #[arg(long)]
        sandbox: String,
        /// Command and arguments
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

/// Which part of the host a node is.
#[derive(Debug, Args)]
struct Part {
    /// UUIDs of the node's GPUs [default: all]
    #[arg(long, value_name = "UUID", value_delimiter = ',')]
    gpus: Option<Vec<String>>,
    /// Nodes that share this host: each has its part of cores, memory, disk and bandwidth
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    nodes: u16,
    /// Bandwidth of the host, Mbit/s: declared, not measured
    #[arg(long, env = "GANTRY_MBPS", default_value_t = 100)]
    mbps: u32,
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    part: Part,
    /// Key file of the node
    #[arg(long, env = "GANTRY_NODE_KEY", value_name = "FILE")]
    node_key: PathBuf,
    /// Key file of the provider's wallet, which signs and pays; nothing but this verb needs it here
    #[arg(long, value_name = "FILE")]
    wallet: PathBuf,
    /// Price per hour in the payment token, such as 1.20
    #[arg(long)]
    price: String,
    /// Mint of the price [default: the only enabled one]
    #[arg(long)]
    mint: Option<Pubkey>,
    /// Country (ISO 3166-1 alpha-2)
    #[arg(long)]
    country: String,
    /// The cluster's JSON-RPC server
    #[arg(long, env = "GANTRY_RPC_URL", default_value = "http://127.0.0.1:8899")]
    rpc_url: String,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().verb {
        Verb::Guard => guard::guard(),
        Verb::Exec {
            guard,
            limits,
            sandbox,
            command,
        } => guard::exec(guard, limits, &sandbox, &command).map(|never| match never {}),
        Verb::Keygen { file } => keygen(&file),
        Verb::Detect { json, part } => detect(json, &part),
        Verb::List(arguments) => list(&arguments),
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

fn keygen(file: &Path) -> anyhow::Result<()> {
    println!("{}", keys::create(file)?.pubkey());
    Ok(())
}

impl Part {
    fn measure(&self) -> anyhow::Result<(Device, Vec<Gpu>, anyhow::Result<Listing>)> {
        let device = Device::detect();
        let gpus = Driver::load()?.gpus()?;
        let own = match &self.gpus {
            Some(uuids) => gantry_node::gpu::choose(&gpus, uuids)?,
            None => gpus.clone(),
        };
        let listing = Listing::measure(&device, &own, self.nodes.into(), self.mbps);
        Ok((device, gpus, listing.map_err(Into::into)))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn detect(json: bool, part: &Part) -> anyhow::Result<()> {
    let (device, gpus, listing) = part.measure()?;
    let looked = tokio::time::timeout(RUNTIME_PATIENCE, Runtime::find("detect")).await;
    let late = || (None, vec!["a container runtime does not answer".to_owned()]);
    let (runtime, reasons) = looked.unwrap_or_else(|_| late());
    let runtime = runtime.map(|runtime| runtime.describe());
    if json {
        let problem = listing.as_ref().err().map(ToString::to_string);
        let value = serde_json::json!({
            "device": device, "gpus": gpus, "listing": listing.ok(), "problem": problem,
            "declared": ["mbps"], "landlock": gantry_node::sandbox::support(),
            "runners": {
                "process": { "landlock": gantry_node::sandbox::support() },
                "container": { "runtime": runtime, "reasons": reasons },
            },
        });
        println!("{value:#}");
        return Ok(());
    }
    println!("{}", device.name);
    println!("{} GiB of memory, {} GiB of free disk", device.ram_gib, device.disk_gib);
    for gpu in &gpus {
        let model = gpu
            .model()
            .map_or("not in the market's catalogue".to_owned(), gantry_sdk::gpu::label);
        let ecc = match gpu.ecc {
            Some(true) => "ECC on",
            Some(false) => "ECC off",
            None => "no ECC",
        };
        println!(
            "{}: {} ({model}), {} GiB, {ecc}, driver {}",
            gpu.uuid,
            gpu.product,
            gpu.memory_gib(),
            gpu.driver
        );
        let shown = |value: Option<u32>| value.map_or("?".to_owned(), |value| value.to_string());
        let watts = gpu.power_milliwatts.map(|power| power / 1_000);
        let (temperature, busy, power) = (
            shown(gpu.temperature_celsius),
            shown(gpu.utilization_percent),
            shown(watts),
        );
        println!("  {temperature} °C, {busy} % busy, {power} W");
    }
    if gpus.is_empty() {
        println!("no GPU: the driver's library is not there, or has no card; this host is listed with its CPU alone");
    }
    match gantry_node::sandbox::support() {
        Some(what) => println!("Landlock confines jobs of the process runner: {what}"),
        None => println!("no Landlock: jobs of the process runner may do what their user may do"),
    }
    match runtime {
        Some(runtime) => println!("containers: {runtime}"),
        None => println!("containers: no Docker or Podman answers on the usual sockets"),
    }
    for reason in reasons {
        println!("  {reason}");
    }
    let listing = listing?;
    println!("as a node: {}", serde_json::to_string(&listing)?);
    println!("  measured, but for the bandwidth, which is declared (--mbps)");
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn list(arguments: &List) -> anyhow::Result<()> {
    let (wallet, key) = (keys::load(&arguments.wallet)?, keys::load(&arguments.node_key)?);
    let country = arguments.country.to_ascii_uppercase();
    let country: [u8; 2] = country
        .as_bytes()
        .try_into()
        .ok()
        .filter(|code: &[u8; 2]| code.iter().all(u8::is_ascii_uppercase))
        .context("--country: write the two letters of ISO 3166-1, such as DE")?;
    let (_, _, listing) = arguments.part.measure()?;
    let listing = listing?;
    let gantry = Gantry::connect(&arguments.rpc_url);
    let mint = gantry.enabled_mint(arguments.mint).await?;
    let price = amount::parse(&arguments.price, mint.decimals).context("--price")?;
    let address = gantry
        .register_node(&wallet, &key, listing.node(country, mint.mint, price))
        .await?;
    println!(
        "{}",
        serde_json::json!({ "node": address.to_string(), "listing": listing })
    );
    Ok(())
}

#[tokio::main(worker_threads = 2)]
async fn run(arguments: Run) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,gantry_node=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Colours are for people: in a journal they stand between a name and its value.
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    // Before anything starts, so that no signal is missed.
    let ending = service::ending(arguments.exit_with_parent)?;
    let board = Board::default();
    let (drain, draining) = watch::channel(Drain::Leave);
    let ended = async {
        let why = ending.await;
        if arguments.on_sigterm == Drain::Leave || why != "SIGTERM" {
            return anyhow::Ok(why);
        }
        // Listened for from here on: the first signal is not the second one.
        let again = service::ending(false)?;
        tracing::info!(on_sigterm = ?arguments.on_sigterm, "drains; a second signal ends the daemon at once");
        board.drains("told to end; no new jobs are taken");
        drain.send_replace(arguments.on_sigterm);
        Ok(again.await)
    };
    tokio::select! {
        why = ended => {
            tracing::info!(why = why?, "ends");
            Ok(())
        }
        result = serve(&arguments, &board, draining) => result,
    }
}

async fn serve(arguments: &Run, board: &Board, drain: watch::Receiver<Drain>) -> anyhow::Result<()> {
    let driver = Driver::load()?;
    let nodes = arguments.nodes(&driver.gpus()?)?;
    if !driver.is_there() {
        tracing::info!("no GPU driver: this host serves with its CPU alone");
    }
    let operator = keys::load(&arguments.operator_key)?;
    let mut keyed = Vec::new();
    let mut seen = HashSet::new();
    for (file, gpus) in nodes {
        let key = keys::load(&file)?;
        anyhow::ensure!(seen.insert(key.pubkey()), "two nodes have the key {}", key.pubkey());
        keyed.push((key, gpus));
    }
    let _lock = daemon::take_state(&arguments.state_dir)?;
    let state = arguments
        .state_dir
        .canonicalize()
        .context("cannot find the state folder")?;
    let processes = arguments.process_runner()?.then(|| Processes {
        search: arguments.search_path.clone(),
        program: SELF.into(),
        sandbox: Sandbox {
            mode: arguments.sandbox,
            readable: arguments.readable.clone(),
        },
    });
    let containers = arguments.container_runner(&state).await?;
    anyhow::ensure!(
        processes.is_some() || containers.is_some(),
        "this node offers no runner: give --search-path for programs, or --runner container"
    );
    let device = Device::detect();
    let blobs = BlobStore::open(&arguments.blob_dir)?;
    if let Some(listen) = arguments.status_listen {
        let (address, page) = status::serve(listen, board.clone(), driver).await?;
        tracing::info!(%address, "status page");
        tokio::spawn(page);
    }
    let several = keyed.len() > 1;
    let busy = Busy::default();
    let mut running = tokio::task::JoinSet::new();
    let mut listed = Vec::new();
    for (index, (key, gpus)) in (0u32..).zip(keyed) {
        let name = key.pubkey().to_string();
        let own = if several {
            state.join("nodes").join(&name)
        } else {
            state.clone()
        };
        daemon::prepare_state(&state, &own, arguments.job_uid.is_some())?;
        let uuids = gpus
            .as_ref()
            .map(|gpus| gpus.iter().map(|gpu| gpu.uuid.clone()).collect::<Vec<_>>());
        let user = arguments
            .job_uid
            .map(|first| first.saturating_add(index))
            .map(|id| (id, id));
        let containers = containers.as_ref().map(|runtime| runtime.of(own.display().to_string()));
        let place = board.node(name, uuids.clone().unwrap_or_default());
        let device = gpus
            .as_ref()
            .and_then(|gpus| Some(format!("{} × {}", gpus.len(), gpus.first()?.product)));
        let host = Host {
            blobs: blobs.clone(),
            state: own,
            device: device.unwrap_or_else(|| Device::detect().name),
            gpus: uuids,
            proof_interval: Duration::from_secs(arguments.proof_interval),
            log_interval: (arguments.log_interval > 0).then(|| Duration::from_secs(arguments.log_interval)),
            grace: arguments.grace(),
            user,
            reserve: arguments.reserve_disk_mib << 20,
            place: place.clone(),
            ceiling: arguments.ceiling(),
            processes: processes.clone(),
            containers,
        };
        let gantry = Gantry::connect(&arguments.rpc_url);
        let mut told = drain.clone();
        let chain = tokio::select! {
            chain = daemon::connect(gantry, arguments.provider, key, operator.insecure_clone()) => chain?,
            // A node that does not serve yet has nothing to bring to an end.
            _ = told.wait_for(|drain| *drain != Drain::Leave) => break,
        };
        place.listed(&chain.node.to_string());
        tracing::info!(node = %chain.node, key = %chain.node_key.pubkey(), device = host.device, "serves");
        listed.push(chain.node.to_string());
        running.spawn(daemon::serve(
            Arc::new(chain),
            Arc::new(host),
            drain.clone(),
            busy.clone(),
        ));
    }
    if let Some(file) = &arguments.ready_file {
        let ready = serde_json::json!({
            "pid": std::process::id(), "node": listed.first(), "nodes": listed, "device": device,
        });
        service::announce(file, &ready)?;
    }
    while let Some(ended) = running.join_next().await {
        ended.context("a node's task failed")?;
    }
    tracing::info!("drained: no job is left");
    Ok(())
}
