//! What the other commands need, looked at one by one.

mod host;
mod programs;

use crate::{
    context::Context,
    output::{count, fields},
    wallet::Form,
};
use anyhow::Result;
use clap::Args;
use gantry_sdk::{Signer, amount, pda};
use serde_json::{Value, json};
use std::{
    path::Path,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Seconds that the chain's clock and ours may differ: receipts and deadlines are told in the chain's.
const SKEW_WARNING: u64 = 10;
const SKEW_FAILURE: u64 = 60;
/// Slots that the indexer may be behind.
const LAG_WARNING: u64 = 64;
/// Lamports below which fees and rent soon run out.
const LITTLE_SOL: u64 = 10_000_000;
/// Bytes below which specs and results may not fit.
const LITTLE_DISK: u64 = 1 << 30;
/// How long the indexer may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Check everything that the other commands need.
#[derive(Debug, Args)]
#[command(after_help = "Exit code 1 where a check fails; a warning is none.\n\nExample: gantry doctor --output json")]
pub(crate) struct Doctor {}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    Warning,
    Fails,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Fails => "fails",
        }
    }
}

/// One line of the result.
#[derive(Debug)]
struct Check {
    name: &'static str,
    state: State,
    /// For people; may have several lines.
    found: String,
    todo: Option<String>,
    /// The same for programs, where it is more than a sentence.
    details: Value,
}

impl Check {
    fn with(self, details: Value) -> Self {
        Self { details, ..self }
    }
}

fn ok(name: &'static str, found: impl Into<String>) -> Check {
    Check {
        name,
        state: State::Ok,
        found: found.into(),
        todo: None,
        details: Value::Null,
    }
}

fn warning(name: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Check {
    Check {
        name,
        state: State::Warning,
        found: found.into(),
        todo: Some(todo.into()),
        details: Value::Null,
    }
}

fn fails(name: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Check {
    Check {
        name,
        state: State::Fails,
        found: found.into(),
        todo: Some(todo.into()),
        details: Value::Null,
    }
}

/// Checks failed; what they said is written already.
#[derive(Debug)]
pub(crate) struct Unwell(usize);

impl std::fmt::Display for Unwell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} failed", count(self.0, "check"))
    }
}

impl std::error::Error for Unwell {}

impl Doctor {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let mut checks = Vec::new();
        let reachable = chain(context, &mut checks).await;
        let wallet = key(context, &mut checks);
        if let (true, Some(wallet)) = (reachable, wallet) {
            balances(context, &wallet, &mut checks).await;
        }
        checks.push(indexer(context).await);
        checks.push(disk(&context.config.blob_dir.value));
        host::host(&mut checks);
        let failed = checks.iter().filter(|check| check.state == State::Fails).count();
        let value: Vec<Value> = checks
            .iter()
            .map(|check| {
                json!({
                    "check": check.name,
                    "state": check.state.name(),
                    "found": check.found,
                    "todo": check.todo,
                    "details": check.details,
                })
            })
            .collect();
        context.show(json!({ "healthy": failed == 0, "checks": value }), || {
            fields(checks.iter().map(|check| {
                let found = check.found.replace('\n', "\n         ");
                let mut text = format!("{:<8} {found}", check.state.name());
                if let Some(todo) = &check.todo {
                    text.push_str(&format!("\n         -> {todo}"));
                }
                (check.name, text)
            }))
        })?;
        if failed == 0 {
            Ok(())
        } else {
            Err(Unwell(failed).into())
        }
    }
}

/// Whether the cluster answers.
async fn chain(context: &Context, checks: &mut Vec<Check>) -> bool {
    let gantry = &context.gantry;
    let url = &context.config.rpc_url;
    let begun = Instant::now();
    let genesis = match gantry.genesis_hash().await {
        Ok(genesis) => genesis,
        Err(error) => {
            let todo = format!(
                "start it, or name another with --rpc-url; this one comes from: {}",
                url.source
            );
            checks.push(fails("RPC server", format!("{}: {error}", url.value), todo));
            return false;
        }
    };
    let took = begun.elapsed().as_millis();
    checks.push(ok("RPC server", format!("{} answers in {took} ms", url.value)));
    programs::programs(context, checks).await;
    checks.push(match gantry.market_params().await {
        Ok(Some(params)) if params.genesis_hash == genesis => {
            ok("market's network", "its genesis hash is this cluster's")
        }
        Ok(Some(_)) => fails(
            "market's network",
            "the market was set up for another cluster: no receipt counts here",
            "use the cluster that the market is of",
        ),
        Ok(None) => fails(
            "market's network",
            format!("the market is not set up: nothing at {}", pda::market_params()),
            "`gantry network init` sets a network of one's own up",
        ),
        Err(error) => fails(
            "market's network",
            error.to_string(),
            "this program and the market are of different versions: update this one",
        ),
    });
    checks.push(clock(context).await);
    true
}

async fn clock(context: &Context) -> Check {
    let ours = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    match context.gantry.clock().await {
        Ok(chain) => {
            let skew = chain.abs_diff(i64::try_from(ours).unwrap_or(i64::MAX));
            let found = format!("{skew} s between the chain's and this machine's");
            let todo = "let a time service set this machine's clock, or ask another RPC server, which may be behind";
            if skew <= SKEW_WARNING {
                ok("clock", found)
            } else if skew <= SKEW_FAILURE {
                warning("clock", found, todo)
            } else {
                fails("clock", found, todo)
            }
        }
        Err(error) => fails("clock", error.to_string(), "ask another RPC server"),
    }
}

/// The wallet's address, where it can be had without asking.
fn key(context: &Context, checks: &mut Vec<Check>) -> Option<gantry_sdk::Pubkey> {
    let setting = &context.config.keypair;
    let from = &setting.source;
    match (Form::of(&setting.value), context.wallet()) {
        (_, Ok(wallet)) => {
            let address = wallet.pubkey();
            checks.push(ok("wallet", format!("{address} from {} ({from})", setting.value)));
            Some(address)
        }
        (Form::File(path), Err(error)) if !path.exists() => {
            let todo = format!("`gantry keys new {}` makes one; it is named by: {from}", path.display());
            checks.push(warning("wallet", error.to_string(), todo));
            None
        }
        (_, Err(error)) => {
            let todo = format!("it is named by: {from}");
            checks.push(fails("wallet", format!("{error:#}"), todo));
            None
        }
    }
}

async fn balances(context: &Context, wallet: &gantry_sdk::Pubkey, checks: &mut Vec<Check>) {
    let todo = format!("send SOL to {wallet}, or on a local network `gantry airdrop`");
    checks.push(match context.gantry.balance(wallet).await {
        Ok(lamports) => {
            let found = format!("{} SOL", amount::format(lamports, 9));
            if lamports < LITTLE_SOL {
                warning("balance", found, todo)
            } else {
                ok("balance", found)
            }
        }
        Err(error) => fails("balance", error.to_string(), "ask another RPC server"),
    });
    let Ok(mints) = context.gantry.payment_mints().await else {
        return;
    };
    for (_, mint) in mints.into_iter().filter(|(_, mint)| mint.enabled == 1) {
        let reference = gantry_sdk::ix::MintRef {
            mint: mint.mint,
            token_program: mint.token_program,
        };
        let (token, held) = tokio::join!(
            context.token(&mint.mint),
            context.gantry.token_balance(wallet, &reference)
        );
        if let (Ok(token), Ok(held)) = (token, held) {
            checks.push(ok("payment token", token.show(held.amount)));
        }
    }
}

async fn indexer(context: &Context) -> Check {
    let setting = &context.config.api_url;
    let base = setting.value.trim_end_matches('/');
    let todo = "`gantry job list --closed` and the explorer need it; all else works without: --api-url names another";
    let answer = async {
        let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
        let response = client
            .get(format!("{base}/v1/stats"))
            .send()
            .await?
            .error_for_status()?;
        response.json::<Value>().await
    };
    match answer.await {
        Err(error) => warning("indexer", format!("{base}: {error}"), todo),
        Ok(stats) => {
            let lag = find_number(&stats, "lag_slots").or_else(|| find_number(&stats, "lag"));
            match lag {
                Some(lag) if lag > LAG_WARNING => warning(
                    "indexer",
                    format!("{base} is {lag} slots behind"),
                    "wait, or look at its log: what it shows is old",
                ),
                Some(lag) => ok("indexer", format!("{base} is {lag} slots behind")),
                None => ok("indexer", format!("{base} answers")),
            }
        }
    }
}

/// The first number under `name`, wherever it is.
fn find_number(value: &Value, name: &str) -> Option<u64> {
    match value {
        Value::Object(fields) => fields
            .get(name)
            .and_then(Value::as_u64)
            .or_else(|| fields.values().find_map(|inner| find_number(inner, name))),
        Value::Array(items) => items.iter().find_map(|item| find_number(item, name)),
        _ => None,
    }
}

/// Room for specs and results.
fn disk(folder: &Path) -> Check {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let Some(there) = absolute.ancestors().find(|folder| folder.is_dir()) else {
        return fails(
            "disk",
            format!("no folder above {}", folder.display()),
            "name another with --blob-dir",
        );
    };
    match rustix::fs::statvfs(there) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let found = format!("{} MiB free for blobs in {}", free >> 20, there.display());
            let read_only = stat.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY);
            if read_only {
                fails(
                    "disk",
                    found,
                    "the file system is read-only: name another folder with --blob-dir",
                )
            } else if free < LITTLE_DISK {
                warning("disk", found, "make room, or name another folder with --blob-dir")
            } else {
                ok("disk", found)
            }
        }
        Err(error) => fails(
            "disk",
            format!("{}: {error}", there.display()),
            "name another with --blob-dir",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_wherever_it_is() {
        let value = json!({ "data": [{ "x": 1 }, { "meta": { "lag": 7 } }] });
        assert_eq!(find_number(&value, "lag"), Some(7));
        assert_eq!(find_number(&value, "x"), Some(1));
        assert_eq!(find_number(&value, "y"), None);
    }

    #[test]
    fn the_disk_of_a_folder_that_is_not_made_yet_is_that_above() {
        let folder = tempfile::tempdir().expect("a folder");
        let check = disk(&folder.path().join("not/made"));
        assert!(check.found.contains(&folder.path().display().to_string()), "{check:?}");
    }
}
