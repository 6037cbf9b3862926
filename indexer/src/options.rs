//! What can be set, by flag, environment or file.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use gantry_indexer::api::Limits;
use gantry_indexer::config::Config;
use gantry_indexer::store::Retention;
use gantry_indexer::stream::{Compression, SourceOptions};
use gantry_indexer::telemetry::{Collector, DEFAULT_LOG, LogFormat, TelemetryOptions, headers};
use tonic::metadata::MetadataMap;

/// Flags that belong to one run: no file has them.
const OF_ONE_RUN: [&str; 6] = [
    "print_config",
    "reset",
    "exit_with_parent",
    "ready_file",
    "timeout_seconds",
    "json",
];

/// Indexes the market into Postgres and serves it over HTTP.
///
/// Every flag can also be set in a TOML file (`--config`), named with `_` for `-`; flags go before the environment, and that
/// before the file.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Cli {
    /// Settings file (TOML)
    #[arg(long, global = true, env = "GANTRY_INDEXER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the settings in effect and where each is from, without secrets, and end
    #[arg(long, global = true)]
    print_config: bool,
    #[command(flatten)]
    telemetry: Telemetry,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Follow the chain and serve the API until stopped.
    Run(Run),
    /// Serve the API alone, from a database or replica that another instance writes; never write.
    Serve(Serve),
    /// Compare every row with the chain; exit 0 only when nothing differs.
    Verify(Verify),
}

#[derive(Debug, Args)]
struct Telemetry {
    /// What is logged: levels, also by module, as in `info,gantry_indexer=debug`
    #[arg(long, global = true, env = "RUST_LOG", default_value = DEFAULT_LOG, value_name = "FILTER")]
    log: String,
    /// How a line of the log looks
    #[arg(long, global = true, env = "GANTRY_LOG_FORMAT", value_enum, default_value = "text")]
    log_format: Lines,
    /// OpenTelemetry collector that spans are sent to over OTLP/gRPC, as http://127.0.0.1:4317 or https://…; none if not given
    #[arg(long, global = true, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    otlp_endpoint: Option<String>,
    /// File with certificates (PEM) of authorities that may vouch for an https collector, besides the system's
    #[arg(long, global = true, env = "OTEL_EXPORTER_OTLP_CERTIFICATE", value_name = "FILE")]
    otlp_ca: Option<PathBuf>,
    /// What the collector wants with each request: name=value, commas between, values percent-encoded
    #[arg(long, global = true, env = "OTEL_EXPORTER_OTLP_HEADERS", hide_env_values = true, value_name = "HEADERS", value_parser = headers)]
    otlp_headers: Option<MetadataMap>,
    /// Part of the traces begun here that is sent, 0 to 1; callers that send a traceparent decide for themselves
    #[arg(long, global = true, env = "GANTRY_TRACE_SAMPLE_RATIO", default_value_t = 1.0, value_parser = ratio)]
    trace_sample_ratio: f64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Lines {
    Text,
    Json,
}

fn ratio(text: &str) -> Result<f64, String> {
    let ratio: Option<f64> = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| "a number from 0 to 1 is expected".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct Database {
    /// Postgres, for example postgres://user:password@localhost/gantry
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: String,
}

#[derive(Debug, Args)]
pub(crate) struct Rpc {
    /// JSON-RPC endpoint of the chain
    #[arg(long, env = "GANTRY_RPC_URL", default_value = "http://127.0.0.1:8899")]
    pub(crate) rpc_url: String,
}

/// How the API is served.
#[derive(Debug, Args)]
pub(crate) struct Serving {
    /// Where the API listens; port 0 takes a free one and logs it
    #[arg(long, env = "GANTRY_INDEXER_LISTEN", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Seconds since the tables were written last beyond which /readyz says no
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    max_age_seconds: u64,
    /// Requests per second of one client in the long run, beyond which it is told to wait; 0 for any number
    #[arg(long, env = "GANTRY_RATE_LIMIT", default_value_t = Limits::default().requests_per_second)]
    rate_limit: u32,
    /// Requests that one client may send at once
    #[arg(long, env = "GANTRY_RATE_BURST", default_value_t = Limits::default().burst)]
    rate_burst: u32,
    /// Take a client's address from the last entry of x-forwarded-for: only right behind a proxy that writes it
    #[arg(long, env = "GANTRY_BEHIND_PROXY", action = ArgAction::Set, value_name = "BOOL", default_value_t = false,
        default_missing_value = "true", num_args = 0..=1, require_equals = true)]
    behind_proxy: bool,
    /// Seconds for which requests are still answered once the process is told to end
    #[arg(long, default_value_t = 10)]
    drain_seconds: u64,
    /// Exit when stdin closes, so that no parent leaves this process behind
    #[arg(long)]
    pub(crate) exit_with_parent: bool,
    /// Write the API's address here once the tables are there
    #[arg(long)]
    pub(crate) ready_file: Option<PathBuf>,
}

impl Serving {
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            requests_per_second: self.rate_limit,
            burst: self.rate_burst,
            behind_proxy: self.behind_proxy,
        }
    }

    pub(crate) const fn max_age(&self) -> Duration {
        Duration::from_secs(self.max_age_seconds)
    }

    pub(crate) const fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) database: Database,
    #[command(flatten)]
    pub(crate) rpc: Rpc,
    #[command(flatten)]
    pub(crate) serving: Serving,
    /// Yellowstone gRPC endpoint
    #[arg(long, env = "GANTRY_GRPC_URL", default_value = "http://127.0.0.1:10000")]
    grpc_url: String,
    /// Token that the gRPC endpoint asks for
    #[arg(long, env = "GANTRY_GRPC_TOKEN", hide_env_values = true)]
    grpc_token: Option<String>,
    /// File with certificates (PEM) of authorities that may vouch for an https gRPC endpoint, besides the system's
    #[arg(long, env = "GANTRY_STREAM_CA", value_name = "FILE")]
    stream_ca: Option<PathBuf>,
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
    pub(crate) max_lag: u64,
    /// Drop all that the database holds first, for a network that was started anew
    #[arg(long)]
    pub(crate) reset: bool,
}

impl Run {
    pub(crate) fn source(&self) -> anyhow::Result<SourceOptions> {
        Ok(SourceOptions {
            url: self.grpc_url.clone(),
            ca: self
                .stream_ca
                .as_deref()
                .map(|file| certificates("--stream-ca", file))
                .transpose()?,
            token: self.grpc_token.clone().filter(|token| !token.is_empty()),
            silence: Duration::from_secs(self.silence_seconds),
            compression: self.grpc_compression.map(|compression| match compression {
                GrpcCompression::Gzip => Compression::Gzip,
                GrpcCompression::Zstd => Compression::Zstd,
            }),
        })
    }

    pub(crate) const fn retention(&self) -> Retention {
        Retention {
            event_slots: self.event_retention_slots,
            outbox_rows: self.outbox_rows,
        }
    }

    pub(crate) fn buffer_limit(&self) -> usize {
        usize::try_from(self.buffer_mib)
            .unwrap_or(usize::MAX)
            .saturating_mul(1 << 20)
    }
}

/// The certificates in the file that `flag` names.
fn certificates(flag: &str, file: &Path) -> anyhow::Result<Vec<u8>> {
    let read = fs::read(file).with_context(|| format!("cannot read {flag} {}", file.display()))?;
    let begin = b"-----BEGIN CERTIFICATE-----";
    anyhow::ensure!(
        read.windows(begin.len()).any(|line| line == begin),
        "{flag} {} holds no certificate: a PEM file with BEGIN CERTIFICATE is expected",
        file.display()
    );
    Ok(read)
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum GrpcCompression {
    Gzip,
    Zstd,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) database: Database,
    #[command(flatten)]
    pub(crate) serving: Serving,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) database: Database,
    #[command(flatten)]
    pub(crate) rpc: Rpc,
    /// Seconds to wait for the tables to reach the chain
    #[arg(long, default_value_t = 60)]
    pub(crate) timeout_seconds: u64,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

impl Cli {
    /// What the arguments, the environment and the file say together; none where it was only to be printed. Ends the process
    /// with a message where the arguments make no sense.
    pub(crate) fn read() -> anyhow::Result<Option<Self>> {
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let command = Self::command();
        let config = Config::of(&command, &arguments, &OF_ONE_RUN)?;
        let command = config.apply(command);
        let matches = command.clone().get_matches_from(&arguments);
        let cli = Self::from_arg_matches(&matches).context("reading the arguments")?;
        if cli.print_config {
            print!("{}", config.print(&command, &matches, &OF_ONE_RUN));
            return Ok(None);
        }
        Ok(Some(cli))
    }

    pub(crate) fn telemetry(&self) -> anyhow::Result<TelemetryOptions> {
        let options = &self.telemetry;
        let collector = |endpoint: &String| -> anyhow::Result<Collector> {
            let ca = options.otlp_ca.as_deref();
            Ok(Collector {
                endpoint: endpoint.clone(),
                ca: ca.map(|file| certificates("--otlp-ca", file)).transpose()?,
                headers: options.otlp_headers.clone().unwrap_or_default(),
            })
        };
        let endpoint = options.otlp_endpoint.as_ref().filter(|endpoint| !endpoint.is_empty());
        Ok(TelemetryOptions {
            log: options.log.clone(),
            format: match options.log_format {
                Lines::Text => LogFormat::Text,
                Lines::Json => LogFormat::Json,
            },
            collector: endpoint.map(collector).transpose()?,
            sample_ratio: options.trace_sample_ratio,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../deploy/gantry-indexer.toml");

    /// The sample with every setting in it switched on.
    fn all() -> String {
        let on = |line: &str| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => setting.to_owned(),
            _ => line.to_owned(),
        };
        SAMPLE.lines().map(on).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_sample_file_is_taken_as_it_is_and_with_all_of_it_switched_on() {
        Config::parse(&Cli::command(), Path::new("sample"), SAMPLE, &OF_ONE_RUN).expect("settings");
        let config = Config::parse(&Cli::command(), Path::new("sample"), &all(), &OF_ONE_RUN).expect("settings");
        let command = config.apply(Cli::command());
        let matches = command
            .clone()
            .try_get_matches_from(["gantry-indexer", "run"])
            .expect("enough");
        Cli::from_arg_matches(&matches).expect("all of it is understood");
    }

    #[test]
    fn the_sample_file_has_every_setting_and_says_its_default() {
        let text = all();
        let keys = gantry_indexer::config::keys(&Cli::command(), &OF_ONE_RUN);
        assert!(keys.len() >= 20, "{keys:?}");
        let run = Cli::command();
        let run = run.find_subcommand("run").expect("run");
        for key in keys {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("{key} = ")));
            let line = line.unwrap_or_else(|| panic!("the sample lacks {key}"));
            let arg = run.get_arguments().find(|arg| arg.get_id() == key.as_str());
            let default = arg.and_then(|arg| arg.get_default_values().first());
            if let Some(default) = default {
                assert_eq!(line.trim_matches('"'), default.to_string_lossy(), "{key}");
            }
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
