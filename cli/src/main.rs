//! `gantry`: every action of everyone on the market.
//!
//! People get tables and progress; scripts get `--output json` or `yaml` on standard output and an exit code that says what kind of
//! failure it was. Errors go to standard error, as JSON too where JSON is asked for.

mod commands;
mod config;
mod context;
mod exit;
mod manual;
mod output;
mod review;
#[cfg(test)]
mod tests;
mod wallet;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use config::{Config, Given};
use context::Context;
use gantry_sdk::ClientError;
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
        "  gantry job list --output json | jq '.[].address'\n",
        "  gantry job top-up 0 30m --dry-run\n",
        "  gantry stake unstake 100 --provider WALLET\n\n",
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
    /// Profile to take settings from [default: the one that `gantry profile use` chose]
    #[arg(long, global = true, env = "GANTRY_PROFILE", value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// JSON-RPC server of the cluster [default: http://127.0.0.1:8899]
    #[arg(long, global = true, env = "GANTRY_RPC_URL", value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
    /// The indexer's API, for what is no longer on chain [default: http://127.0.0.1:8080]
    #[arg(long, global = true, env = "GANTRY_API_URL", value_name = "URL")]
    pub(crate) api_url: Option<String>,
    /// The wallet that signs and pays: a key file, - for standard input, or exec:COMMAND [default: ~/.config/solana/id.json]
    #[arg(long, global = true, env = "GANTRY_KEYPAIR", value_name = "KEY")]
    pub(crate) keypair: Option<String>,
    /// How sure to be of what is read and sent: confirmed or finalized [default: confirmed]
    #[arg(long, global = true, env = "GANTRY_COMMITMENT", value_name = "LEVEL")]
    pub(crate) commitment: Option<String>,
    /// Folder of the blob store: job specs, inputs, results [default: .gantry/blobs]
    #[arg(long, global = true, env = "GANTRY_BLOB_DIR", value_name = "FOLDER")]
    pub(crate) blob_dir: Option<PathBuf>,
    /// Run folder of a local network: names its tokens, and has the keys that mint them [default: .gantry]
    #[arg(long, global = true, env = "GANTRY_RUN_DIR", value_name = "FOLDER")]
    pub(crate) run_dir: Option<PathBuf>,
    /// What mints are called, besides the well-known ones: USDC=ADDRESS,STAKE=ADDRESS
    #[arg(long, global = true, env = "GANTRY_MINTS", value_name = "NAMES")]
    pub(crate) mints: Option<MintNames>,
    /// How results are written
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
    /// Print only this field of the JSON result, bare: one line for each item of a list. Inner fields after a dot
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "output")]
    pub(crate) field: Option<String>,
    /// Do not ask before money moves or something cannot be taken back
    #[arg(long, short = 'y', global = true)]
    pub(crate) yes: bool,
    /// Simulate: print fee, rent and the tokens that would move for each transaction, and send nothing
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// One JSON value, for scripts.
    Json,
    /// The same value as YAML.
    Yaml,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Get SOL, and the tokens of a local network, from its faucet
    #[command(after_help = "Example: gantry airdrop --sol 2 --usdc 100")]
    Airdrop(commands::wallet::Airdrop),
    /// Print the wallet's address and nothing else
    #[command(after_help = "Example: gantry address node.json")]
    Address {
        /// Key file [default: the wallet's]
        file: Option<PathBuf>,
    },
    /// Show what the wallet holds
    Balance {
        /// Another wallet: its address or key file
        #[arg(value_parser = context::key_or_file)]
        wallet: Option<gantry_sdk::Pubkey>,
    },
    /// Make and show key files
    #[command(subcommand)]
    Keys(commands::wallet::Keys),
    /// Register as a provider, change or close it, or look one up
    #[command(subcommand)]
    Provider(commands::provider::ProviderCommand),
    /// The pool of stake behind a provider
    #[command(subcommand)]
    Pool(commands::pool::PoolCommand),
    /// Stake behind a provider, take stake back, claim what it earned
    #[command(
        after_help = "Examples:\n  gantry stake 500\n  gantry stake deposit 500 --provider WALLET\n  \
                            gantry stake unstake all --provider WALLET\n  gantry stake list"
    )]
    Stake(commands::stake::Stake),
    /// List GPU nodes, look at what is listed, change and close nodes
    #[command(subcommand)]
    Node(commands::node::NodeCommand),
    /// Vouch for a node's hardware, region and compliance, or take that back (attestors only)
    #[command(
        after_help = "Examples:\n  gantry attest NODE --tier 2 --flag EEA --days 90 --device-hash SHA256\n  \
                            gantry attest revoke NODE"
    )]
    Attest(commands::attest::Attest),
    /// Open, follow, stop and settle jobs
    #[command(subcommand)]
    Job(commands::job::JobCommand),
    /// Look at disputes, and vote on them (arbiters)
    #[command(subcommand)]
    Dispute(commands::dispute::DisputeCommand),
    /// Push the jobs of others forward: anyone may, and some of it pays
    #[command(subcommand)]
    Keeper(commands::keeper::KeeperCommand),
    /// The network's own settings: authority, guardian, council, attestors, terms, mints
    #[command(subcommand)]
    Network(commands::network::NetworkCommand),
    /// Check everything that the other commands need, and say how to mend what is wrong
    Doctor(commands::doctor::Doctor),
    /// Keep settings under names
    #[command(subcommand)]
    Profile(commands::settings::ProfileCommand),
    /// Show the settings of this run
    #[command(subcommand)]
    Config(commands::settings::ConfigCommand),
    /// Write the completions of a shell to standard output
    #[command(after_help = "Example: gantry completions bash > /usr/share/bash-completion/completions/gantry")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write a manual page for every command
    #[command(after_help = "Example: gantry man /usr/local/share/man/man1")]
    Man {
        /// Folder to write to; made if it does not exist
        folder: PathBuf,
    },
    /// Say what the exit codes mean
    ExitCodes,
}

fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let given = Given::of(&matches);
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
    match runtime.block_on(run(cli, &given)) {
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

async fn run(cli: Cli, given: &Given) -> anyhow::Result<()> {
    // A profile that is gone must not keep its owner from choosing another.
    let lenient = matches!(cli.command, Command::Profile(_));
    let config = Config::resolve(&cli.global, given, lenient)?;
    let context = Context::new(cli.global, config, cli.command.is_strict())?;
    let result = cli.command.run(&context).await;
    let previews = context.reviewer.previews();
    if previews.is_empty() {
        return result;
    }
    // What came after the first says nothing, as that was not sent; but one that could not be simulated is told.
    let held_back = match result {
        Err(error) => match error.downcast::<ClientError>() {
            Ok(ClientError::HeldBack(reason)) => Some(reason),
            _ => None,
        },
        Ok(()) => None,
    };
    review::show(&context, &previews, held_back.as_deref())
}

impl Command {
    /// Whether it is refused where money would move and nobody can be asked. Not for those that scripts called before
    /// there was a question.
    fn is_strict(&self) -> bool {
        use commands::job::JobCommand;
        match self {
            Self::Stake(stake) => !stake.is_short(),
            Self::Job(job) => !matches!(job, JobCommand::Open { .. }),
            _ => true,
        }
    }

    async fn run(self, context: &Context) -> anyhow::Result<()> {
        match self {
            Self::Airdrop(command) => command.run(context).await,
            Self::Address { file } => commands::wallet::address(context, file),
            Self::Balance { wallet } => commands::wallet::balance(context, wallet).await,
            Self::Keys(command) => command.run(context),
            Self::Provider(command) => command.run(context).await,
            Self::Pool(command) => command.run(context).await,
            Self::Stake(command) => command.run(context).await,
            Self::Node(command) => command.run(context).await,
            Self::Attest(command) => command.run(context).await,
            Self::Job(command) => command.run(context).await,
            Self::Dispute(command) => command.run(context).await,
            Self::Keeper(command) => command.run(context).await,
            Self::Network(command) => command.run(context).await,
            Self::Doctor(command) => command.run(context).await,
            Self::Profile(command) => command.run(context),
            Self::Config(command) => command.run(context),
            Self::Completions { shell } => manual::completions(shell),
            Self::Man { folder } => manual::pages(context, &folder),
            Self::ExitCodes => output::line(exit::HELP),
        }
    }
}
