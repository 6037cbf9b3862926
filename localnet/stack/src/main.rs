//! `gantry-stack`: brings up everything that Gantry runs on one machine.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use gantry_stack::daemons::Programs;
use gantry_stack::demo::{Market, Say};
use gantry_stack::postgres::{Postgres, PrivateOptions};
use gantry_stack::{Chain, Database, Environment, Ports, RunDir, Stack, StackBuilder};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Brings up everything that Gantry runs on one machine, and takes it down again.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Bring up a whole market on a local network, and stay until Ctrl-C
    Up(Options),
    /// Bring up a whole market, run one real job through it, check everything, and end
    Demo(Demo),
    /// Run the private Postgres alone, and stay until Ctrl-C
    Postgres {
        /// Folder for data and logs
        #[arg(long, env = "GANTRY_RUN_DIR", default_value = ".gantry")]
        run_dir: PathBuf,
    },
}

#[derive(Debug, Args)]
struct Demo {
    #[command(flatten)]
    options: Options,
    /// Job spec to run
    #[arg(long, value_name = "FILE", default_value = "examples/render.json")]
    job: PathBuf,
    /// Print one JSON object on standard output, last; everything else goes to standard error
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Options {
    /// Folder for keys, data and logs; one stack at a time may use it
    #[arg(long, env = "GANTRY_RUN_DIR", default_value = ".gantry")]
    run_dir: PathBuf,
    /// Postgres to use; a private server if not set
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Drop what the database of --database-url holds of another network
    #[arg(long, requires = "database_url")]
    reset_database: bool,
    /// JSON-RPC port; 0 takes any free one, as for the others
    #[arg(long, env = "GANTRY_RPC_PORT", default_value_t = Ports::default().rpc)]
    rpc_port: u16,
    /// WebSocket port
    #[arg(long, env = "GANTRY_WS_PORT", default_value_t = Ports::default().ws)]
    ws_port: u16,
    /// Yellowstone gRPC port
    #[arg(long, env = "GANTRY_GRPC_PORT", default_value_t = Ports::default().grpc)]
    grpc_port: u16,
    /// Port of the indexer's API
    #[arg(long, env = "GANTRY_API_PORT", default_value_t = Ports::default().api)]
    api_port: u16,
    /// Milliseconds from one slot to the next
    #[arg(long, env = "GANTRY_SLOT_TIME_MS", default_value_t = 400)]
    slot_time_ms: u64,
    /// Folder of the compiled programs
    #[arg(long, env = "GANTRY_PROGRAMS_DIR", default_value = "target/deploy")]
    programs_dir: PathBuf,
    /// Folder of their IDLs
    #[arg(long, env = "GANTRY_IDL_DIR", default_value = "idl")]
    idl_dir: PathBuf,
}

impl Options {
    fn builder(self) -> StackBuilder {
        let programs = Programs {
            programs_dir: self.programs_dir,
            idl_dir: self.idl_dir,
        };
        let ports = Ports {
            rpc: self.rpc_port,
            ws: self.ws_port,
            grpc: self.grpc_port,
            api: self.api_port,
        };
        let builder = Stack::builder(self.run_dir)
            .chain(Chain::Localnet {
                programs,
                slot_time_ms: self.slot_time_ms,
            })
            .ports(ports);
        match self.database_url.filter(|url| !url.is_empty()) {
            Some(url) => builder.database(Database::Url(url)).reset(self.reset_database),
            None => builder.database(Database::Private),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn,gantry_stack=info".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let done = match Arguments::parse().verb {
        Verb::Up(options) => up(options).await,
        Verb::Demo(demo) => run_demo(demo).await,
        Verb::Postgres { run_dir } => postgres(run_dir).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The ways in which a person or a system asks to stop.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Stop {
    /// To be called before anything is started, so that no request is missed.
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

async fn up(options: Options) -> anyhow::Result<()> {
    let mut stop = Stop::listen()?;
    let say = Say::new(false);
    let market = async {
        let stack = options.builder().start(|what| say.step(what)).await?;
        Market::set_up(stack, &say).await
    };
    // Dropped when the request comes first: what has been started by then is stopped by that.
    let mut market = tokio::select! {
        market = market => market?,
        () = stop.asked() => return Ok(()),
    };
    let stack = &market.stack;
    println!();
    println!("JSON-RPC   {}", stack.chain().rpc);
    println!("WebSocket  {}", stack.chain().ws);
    println!("gRPC       {}", stack.chain().grpc.as_deref().unwrap_or("none"));
    println!("API        {}", stack.api_url().unwrap_or("none"));
    println!("Postgres   {}", stack.database_url().unwrap_or("none"));
    println!("logs       {}", stack.run_dir().path().join("logs").display());
    println!();
    let environment = Environment::write(&market)?;
    println!("In another shell, as a customer with 50 USDC:");
    println!("  . {}", environment.0.display());
    println!("  gantry job open examples/render.json");
    println!();
    println!("Ctrl-C stops everything.");
    let result = tokio::select! {
        () = stop.asked() => Ok(()),
        failure = market.stack.failed() => Err(failure.into()),
    };
    market.stack.stop().await;
    result
}

async fn run_demo(demo: Demo) -> anyhow::Result<()> {
    let mut stop = Stop::listen()?;
    let say = Say::new(demo.json);
    // A spec that is none is found out before anything is started.
    gantry_sdk::spec::JobSpec::load(&demo.job)?;
    let run = async {
        let stack = demo.options.builder().start(|what| say.step(what)).await?;
        gantry_stack::demo::demo(stack, &demo.job, &say).await
    };
    let (summary, mut stack) = tokio::select! {
        done = run => done?,
        () = stop.asked() => anyhow::bail!("interrupted: everything that was started is stopped"),
    };
    stack.stop().await;
    if demo.json {
        println!("{}", serde_json::to_string(&summary)?);
    } else {
        println!("\nall checks passed");
    }
    Ok(())
}

async fn postgres(run_dir: PathBuf) -> anyhow::Result<()> {
    let mut stop = Stop::listen()?;
    let run_dir = RunDir::lock(&run_dir)?;
    let start = Postgres::private(PrivateOptions::new(run_dir.path()));
    let mut postgres = tokio::select! {
        postgres = start => postgres?,
        () = stop.asked() => return Ok(()),
    };
    println!("{}", postgres.url());
    let death = postgres.private_server().context("it is private")?.child().death();
    let result = tokio::select! {
        () = stop.asked() => Ok(()),
        death = death => Err(death.into()),
    };
    postgres.stop().await;
    result
}
