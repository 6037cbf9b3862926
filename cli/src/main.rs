//! `gantry`: every action of providers, customers and attestors.
//!
//! People get tables and progress; scripts get `--output json` on standard output and an exit code that says what kind of
//! failure it was. Errors go to standard error, as JSON too where JSON is asked for.

mod commands;
mod context;
mod exit;
mod output;

use clap::{Args, Parser, Subcommand, ValueEnum};
use context::Context;
use gantry_sdk::mints::MintNames;
use std::{path::PathBuf, process::ExitCode};

/// Rent and pay for GPUs on Gantry, an open compute market on Solana.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = exit::HELP,
    after_long_help = concat!(
        "Examples:\n",
        "  gantry keys new customer.json && gantry airdrop --keypair customer.json\n",
        "  gantry node list\n",
        "  gantry job open examples/render.json\n",
        "  gantry job watch 0\n",
        "  gantry job result 0 --out result/\n",
        "  gantry job list --output json | jq '.[].address'\n\n",
        "Exit codes:\n",
        "  0 done   1 failed   2 wrong command line or job spec   3 not found\n",
        "  4 refused by a program, or before it was sent   5 the network or the API cannot be reached"
    )
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// JSON-RPC server of the cluster
    #[arg(long, global = true, env = "GANTRY_RPC_URL", default_value = "http://127.0.0.1:8899")]
    pub(crate) rpc_url: String,
    /// The indexer's API, for what is no longer on chain
    #[arg(long, global = true, env = "GANTRY_API_URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) api_url: String,
    /// Key file of the wallet that signs and pays [default: ~/.config/solana/id.json]
    #[arg(long, global = true, env = "GANTRY_KEYPAIR", value_name = "FILE")]
    pub(crate) keypair: Option<PathBuf>,
    /// Folder of the blob store: job specs, inputs, results
    #[arg(
        long,
        global = true,
        env = "GANTRY_BLOB_DIR",
        default_value = ".gantry/blobs",
        value_name = "FOLDER"
    )]
    pub(crate) blob_dir: PathBuf,
    /// Run folder of a local network: names its tokens, and has the keys that mint them
    #[arg(
        long,
        global = true,
        env = "GANTRY_RUN_DIR",
        default_value = ".gantry",
        value_name = "FOLDER"
    )]
    pub(crate) run_dir: PathBuf,
    /// What mints are called, besides the well-known ones: USDC=ADDRESS,STAKE=ADDRESS
    #[arg(long, global = true, env = "GANTRY_MINTS", value_name = "NAMES")]
    pub(crate) mints: Option<MintNames>,
    /// How results are written
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// One JSON value, for scripts.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Get SOL, and the tokens of a local network, from its faucet
    #[command(after_help = "Example: gantry airdrop --sol 2 --usdc 100")]
    Airdrop(commands::wallet::Airdrop),
    /// Show what the wallet holds
    Balance,
    /// Make and show key files
    #[command(subcommand)]
    Keys(commands::wallet::Keys),
    /// Register as a provider, or look one up
    #[command(subcommand)]
    Provider(commands::provider::ProviderCommand),
    /// The pool of stake behind a provider
    #[command(subcommand)]
    Pool(commands::provider::PoolCommand),
    /// Stake behind a provider: the wallet's own pool unless another is named
    #[command(after_help = "Example: gantry stake 500")]
    Stake(commands::provider::Stake),
    /// List GPU nodes, or look at what is listed
    #[command(subcommand)]
    Node(commands::node::NodeCommand),
    /// Vouch for a node's hardware, region and compliance (attestors only)
    #[command(after_help = "Example: gantry attest NODE --tier 2 --flag EEA --days 90 --device-hash 64-HEX-DIGITS")]
    Attest(commands::node::Attest),
    /// Open, follow, stop and settle jobs
    #[command(subcommand)]
    Job(commands::job::JobCommand),
    /// Say what the exit codes mean
    ExitCodes,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let format = cli.global.output;
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::from(exit::FAILED);
        }
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader has gone, as `head` does: nothing is wrong.
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let code = exit::code(&error);
            output::print_error(format, &error, code);
            ExitCode::from(code)
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let context = Context::new(cli.global)?;
    match cli.command {
        Command::Airdrop(command) => command.run(&context).await,
        Command::Balance => commands::wallet::balance(&context).await,
        Command::Keys(command) => command.run(&context),
        Command::Provider(command) => command.run(&context).await,
        Command::Pool(command) => command.run(&context).await,
        Command::Stake(command) => command.run(&context).await,
        Command::Node(command) => command.run(&context).await,
        Command::Attest(command) => command.run(&context).await,
        Command::Job(command) => command.run(&context).await,
        Command::ExitCodes => output::line(exit::HELP),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn mints_are_named_on_the_command_line() {
        let mint = "So11111111111111111111111111111111111111112";
        let parse = |names: String| Cli::try_parse_from(["gantry", "--mints", &names, "balance"]);
        let cli = parse(format!("TEST={mint}")).expect("names");
        let names = cli.global.mints.expect("given");
        assert_eq!(names.symbol(&mint.parse().expect("a key")), Some("TEST"));
        assert!(parse(format!("{mint}=TEST")).is_err());
    }
}
