//! Jobs.

use super::{
    logs,
    open::{Wanted, open},
    result, view, watch, why,
};
use crate::{
    context::{Context, token_of},
    exit::Usage,
    output::{count, fields, table},
};
use anyhow::{Context as _, Result};
use clap::Subcommand;
use gantry_sdk::{
    Hash32, Pubkey, Signature, Signer,
    client::{ClientError, JobHistory},
    market::accounts::Job,
    state::JobExt,
};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Open, follow, stop and settle jobs. A job is named by its number with the wallet, or by its address.
#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Open a job from a spec file and deposit for it
    #[command(
        after_help = "Examples:\n  gantry job open examples/render.json\n  gantry job open secret.json --node NODE --seal"
    )]
    Open {
        /// The job spec
        spec: PathBuf,
        /// Mint to pay in [default: the only enabled one]
        #[arg(long)]
        mint: Option<Pubkey>,
        /// The only node that may serve it
        #[arg(long)]
        node: Option<Pubkey>,
        /// The only wallet that may match it
        #[arg(long, value_name = "WALLET", value_parser = crate::context::key_or_file)]
        matcher: Option<Pubkey>,
        /// Its number, for scripts that try again: the job with that number is opened once
        #[arg(long)]
        id: Option<u64>,
        /// A name of your own for this opening: run again with it, also after a crash, it opens no second job
        #[arg(long, value_name = "NAME", conflicts_with_all = ["id", "dry_run"])]
        once: Option<String>,
        /// Seal spec and input files to that node, and the result to this wallet: the store sees nothing of them
        #[arg(long, requires = "node", conflicts_with_all = ["id", "once"])]
        seal: bool,
        /// Follow it until it is closed
        #[arg(long)]
        watch: bool,
    },
    /// Show jobs: the wallet's unless all are asked for
    List {
        /// Those of every customer
        #[arg(long)]
        all: bool,
        /// The closed ones too, from the indexer's API
        #[arg(long)]
        closed: bool,
    },
    /// Show a job, or how it was settled
    Show {
        /// Number or address
        job: String,
    },
    /// Follow a job live until it is closed
    #[command(after_help = "Example: gantry job watch 0 --until running")]
    Watch {
        /// Number or address
        job: String,
        /// How far; to the bill unless said otherwise
        #[arg(long, value_enum, default_value_t = watch::Until::Closed, value_name = "STATE")]
        until: watch::Until,
        /// Show what the job writes, too; in a terminal that is always done
        #[arg(long)]
        logs: bool,
    },
    /// End a running job now; what was served is paid
    Stop {
        /// Number or address
        job: String,
    },
    /// Accept a finished job's result, so that it can be settled at once
    Accept {
        /// Number or address
        job: String,
    },
    /// Settle a job that has ended: everybody is paid (anyone may)
    Settle {
        /// Number or address
        job: String,
    },
    /// Let a running job run longer; that is paid at once, at its highest price
    #[command(name = "top-up", after_help = "Example: gantry job top-up 0 30m")]
    TopUp {
        /// Number or address
        job: String,
        /// How much longer: seconds, or with a unit, such as 90s, 30m, 2h
        #[arg(value_parser = seconds)]
        time: u32,
    },
    /// Release what a running job has proven, so that it may be paid before the dispute window is over
    #[command(after_help = "Example: gantry job acknowledge 0 10m")]
    Acknowledge {
        /// Number or address
        job: String,
        /// How much of it, from the start: seconds, or with a unit [default: all that is proven]
        #[arg(value_parser = seconds)]
        time: Option<u32>,
    },
    /// Take a job to the council, with a bond that the loser pays; a running job ends
    #[command(after_help = "Example: gantry job dispute 0 'The result is not what the spec asks for.'")]
    Dispute {
        /// Number or address
        job: String,
        /// The reason: its SHA-256 goes on chain, and you give the text to the arbiters
        #[arg(required_unless_present = "reason_file", conflicts_with = "reason_file")]
        reason: Option<String>,
        /// A file with the reason
        #[arg(long, value_name = "FILE")]
        reason_file: Option<PathBuf>,
    },
    /// Execute the verdict on a disputed job, or end a dispute that got none in time (anyone may)
    Resolve {
        /// Number or address
        job: String,
    },
    /// Close an open job that no node has, and take the deposit back
    Cancel {
        /// Number or address
        job: String,
    },
    /// Show what a job writes, while it runs or afterwards: standard output and error, as its node signed them
    #[command(after_help = "Example: gantry job logs 0 --follow")]
    Logs {
        /// Number or address
        job: String,
        /// Go on until the job has ended
        #[arg(long, short)]
        follow: bool,
    },
    /// Fetch a job's outputs and logs, verified against their hashes; a sealed result is opened with the wallet's key
    #[command(after_help = "Example: gantry job result 0 --out result/")]
    Result {
        /// Number or address
        job: String,
        /// Folder to write to; made if it does not exist
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
    },
    /// Say why an open job is not matched: the first thing that each node lacks
    Why {
        /// Number or address
        job: String,
    },
}

impl JobCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        match self {
            Self::Open {
                spec,
                mint,
                node,
                matcher,
                id,
                once,
                seal,
                watch,
            } => {
                let wanted = Wanted {
                    mint,
                    node,
                    matcher,
                    id,
                    once,
                    seal,
                    watch,
                };
                let address = open(context, &spec, wanted).await?;
                if watch {
                    watch::follow(context, address, watch::Until::Closed, false).await
                } else {
                    Ok(())
                }
            }
            Self::List { all, closed } => list(context, all, closed).await,
            Self::Show { job } => show(context, &context.job_address(&job)?).await,
            Self::Watch { job, until, logs } => watch::follow(context, context.job_address(&job)?, until, logs).await,
            Self::Stop { job } => {
                let address = context.job_address(&job)?;
                context.gantry.stop_job(&context.wallet()?, &address).await?;
                show(context, &address).await
            }
            Self::Accept { job } => {
                let address = context.job_address(&job)?;
                context.gantry.accept_result(&context.wallet()?, &address).await?;
                show(context, &address).await
            }
            Self::Settle { job } => {
                let address = context.job_address(&job)?;
                let signature = context.gantry.settle_job(&context.wallet()?, &address).await?;
                closed_by(context, &address, signature).await
            }
            Self::Cancel { job } => {
                let address = context.job_address(&job)?;
                let signature = context.gantry.cancel_job(&context.wallet()?, &address).await?;
                closed_by(context, &address, signature).await
            }
            Self::TopUp { job, time } => {
                let address = context.job_address(&job)?;
                context.gantry.top_up_job(&context.wallet()?, &address, time).await?;
                show(context, &address).await
            }
            Self::Acknowledge { job, time } => {
                let address = context.job_address(&job)?;
                context.gantry.acknowledge(&context.wallet()?, &address, time).await?;
                show(context, &address).await
            }
            Self::Dispute {
                job,
                reason,
                reason_file,
            } => dispute(context, &job, reason, reason_file).await,
            Self::Resolve { job } => {
                let address = context.job_address(&job)?;
                let signature = context.gantry.resolve_dispute(&context.wallet()?, &address).await?;
                closed_by(context, &address, signature).await
            }
            Self::Result { job, out } => result::save(context, &context.job_address(&job)?, &out).await,
            Self::Logs { job, follow } => logs::show(context, context.job_address(&job)?, follow).await,
            Self::Why { job } => {
                let (address, job) = context.job(&job).await?;
                why::explain(context, &address, &job).await
            }
        }
    }
}

async fn dispute(context: &Context, job: &str, reason: Option<String>, file: Option<PathBuf>) -> Result<()> {
    let reason = match (reason, file) {
        (Some(text), _) => text.into_bytes(),
        (None, Some(file)) => std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?,
        (None, None) => return Err(Usage("name a reason, or --reason-file FILE".into()).into()),
    };
    if reason.is_empty() {
        return Err(Usage("the reason is empty: the arbiters would have nothing to judge by".into()).into());
    }
    let hash = Hash32::of(&reason);
    let address = context.job_address(job)?;
    let signature = context.gantry.dispute_job(&context.wallet()?, &address, hash.0).await?;
    let value = json!({
        "job": address.to_string(),
        "reason_hash": hash.to_string(),
        "transaction": signature.to_string(),
    });
    context.show(value, || {
        fields([
            ("Disputed", address.to_string()),
            ("SHA-256 of the reason", hash.to_string()),
            ("Transaction", signature.to_string()),
            (
                "Next",
                format!("give the reason to the arbiters; gantry dispute show {address}"),
            ),
        ])
    })
}

/// Seconds of `90`, `90s`, `30m` or `2h`.
pub(crate) fn seconds(text: &str) -> Result<u32, String> {
    let (digits, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(digits) => (digits, text.as_bytes().last().copied()),
        None => (text, None),
    };
    let unit = match unit {
        Some(b'h') => 3_600,
        Some(b'm') => 60,
        _ => 1,
    };
    let number = digits.parse::<u32>().ok().filter(|_| !digits.starts_with('+'));
    number
        .and_then(|number| number.checked_mul(unit))
        .filter(|seconds| *seconds > 0)
        .ok_or_else(|| "write seconds, or a number with s, m or h, such as 90s, 30m, 2h".to_owned())
}

async fn list(context: &Context, all: bool, closed: bool) -> Result<()> {
    let wallet = if all { None } else { Some(context.wallet()?.pubkey()) };
    if closed {
        return list_from_api(context, wallet).await;
    }
    let jobs = match wallet {
        Some(wallet) => context.gantry.jobs_of(&wallet).await?,
        None => context.gantry.jobs().await?,
    };
    let tokens = context.tokens(jobs.iter().map(|(_, job)| job.mint)).await?;
    let value: Vec<Value> = jobs
        .iter()
        .map(|(a, job)| view::job_json(a, job, &token_of(&tokens, &job.mint)))
        .collect();
    context.show(value.into(), || {
        let rows = jobs.iter().map(|(address, job)| {
            let token = token_of(&tokens, &job.mint);
            vec![
                job.id.to_string(),
                view::job_status(job),
                view::job_outcome(job).unwrap_or_default(),
                format!("{}/{} s", job.served_seconds, job.max_duration),
                token.show(job.deposited),
                token.show(job.billed()),
                address.to_string(),
            ]
        });
        let header = ["Id", "Status", "Outcome", "Served", "Deposited", "Billed", "Address"];
        format!("{}\n{}", table(&header, rows), count(jobs.len(), "job"))
    })
}

async fn list_from_api(context: &Context, wallet: Option<Pubkey>) -> Result<()> {
    let base = context.config.api_url.value.trim_end_matches('/');
    let customer = wallet.map(|wallet| format!("&customer={wallet}")).unwrap_or_default();
    let url = format!("{base}/v1/jobs?limit=100{customer}");
    let unreachable = || format!("cannot read {url}: start the indexer (`cargo xtask up`) or pass --api-url");
    let response = reqwest::get(&url)
        .await
        .with_context(unreachable)?
        .error_for_status()
        .with_context(unreachable)?;
    let answer: Value = response.json().await.with_context(unreachable)?;
    let jobs = answer["data"]
        .as_array()
        .cloned()
        .with_context(|| format!("{url} answered without a list of jobs"))?;
    context.show(jobs.clone().into(), || {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let rows = jobs.iter().map(|job| {
            let deposit = text(&job["deposited"]["amount"]).parse().ok();
            let decimals = job["deposited"]["decimals"].as_u64().and_then(|d| u8::try_from(d).ok());
            let deposit = deposit
                .zip(decimals)
                .map(|(units, decimals)| gantry_sdk::amount::format(units, decimals));
            vec![
                text(&job["id"]),
                text(&job["status"]),
                text(&job["outcome"]),
                format!("{}/{} s", job["served_seconds"], job["max_duration_seconds"]),
                deposit.unwrap_or_default(),
                text(&job["address"]),
            ]
        });
        let header = ["Id", "Status", "Outcome", "Served", "Deposited", "Address"];
        format!("{}\n{}", table(&header, rows), count(jobs.len(), "job"))
    })
}

async fn show(context: &Context, address: &Pubkey) -> Result<()> {
    if let Some(job) = context.gantry.job(address).await? {
        return show_live(context, address, &job).await;
    }
    let history = context.gantry.job_history(address).await?;
    if history.transactions.is_empty() {
        return Err(ClientError::NotFound {
            what: "job",
            address: address.to_string(),
        }
        .into());
    }
    show_closed(context, address, &history).await
}

async fn show_live(context: &Context, address: &Pubkey, job: &Job) -> Result<()> {
    let token = context.token(&job.mint).await?;
    let now = context.gantry.clock().await?;
    context.show(view::job_json(address, job, &token), || {
        let hint = match (job.fixed_node(), JobExt::status(job)) {
            (None, Some(gantry_sdk::state::JobStatus::Open)) => "\nWhy no node has it: gantry job why",
            _ => "",
        };
        format!("{}{hint}", view::job_fields(address, job, &token, now))
    })
}

/// Shows a job that is gone, from its events.
pub(crate) async fn show_closed(context: &Context, address: &Pubkey, history: &JobHistory) -> Result<()> {
    let mint = history.events().find_map(|event| match event {
        gantry_sdk::state::AnyEvent::JobOpened(opened) => Some(opened.mint),
        _ => None,
    });
    let mint = match mint {
        Some(mint) => mint,
        // The server has forgotten the opening; the amounts have the only enabled mint.
        None => context.gantry.enabled_mint(None).await?.mint,
    };
    let token = context.token(&mint).await?;
    if let Some(settled) = history.settled() {
        return context.show(view::settled_json(settled, &token), || {
            view::settled_fields(settled, &token)
        });
    }
    if let Some(cancelled) = history.cancelled() {
        let value = json!({
            "job": address.to_string(),
            "status": "cancelled",
            "mint": mint.to_string(),
            "decimals": token.decimals,
            "refunded": cancelled.refunded.to_string(),
        });
        return context.show(value, || {
            fields([
                ("Job", address.to_string()),
                ("Status", "cancelled".into()),
                ("Refunded", token.show(cancelled.refunded)),
            ])
        });
    }
    let value = json!({ "job": address.to_string(), "status": "closed" });
    context.show(value, || {
        fields([("Job", address.to_string()), ("Status", "closed".into())])
    })
}

/// Shows how `signature` closed the job.
pub(super) async fn closed_by(context: &Context, address: &Pubkey, signature: Signature) -> Result<()> {
    if context.is_rehearsal() {
        return Ok(());
    }
    // The transaction is confirmed, but servers index it a moment later.
    for _ in 0..100 {
        if let Some(transaction) = context.gantry.transaction(&signature).await? {
            let mut history = context.gantry.job_history(address).await?;
            if history.settled().is_none() && history.cancelled().is_none() {
                history.transactions.push(transaction);
            }
            return show_closed(context, address, &history).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    show_closed(context, address, &JobHistory::default()).await
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn times_are_written_with_a_unit_or_without() {
        for (text, expected) in [("90", 90), ("90s", 90), ("30m", 1_800), ("2h", 7_200)] {
            assert_eq!(seconds(text), Ok(expected));
        }
        for odd in ["", "0", "0m", "-1", "+5", "1.5h", "h", "2d", "5ms", "1193047h", "４"] {
            assert!(seconds(odd).is_err(), "{odd}");
        }
    }
}
