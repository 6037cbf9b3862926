//! Jobs.

use super::{view, watch, why};
use crate::{
    context::{Context, token_of},
    exit::Usage,
    output::{count, fields, table},
};
use anyhow::{Context as _, Result};
use clap::Subcommand;
use gantry_sdk::{
    Pubkey, Signature, Signer,
    client::{ClientError, JobHistory, OpenJob},
    market::accounts::Job,
    spec::JobSpec,
    state::JobExt,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Open, follow, stop and settle jobs. A job is named by its number with the wallet, or by its address.
#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Open a job from a spec file and deposit for it
    #[command(after_help = "Example: gantry job open examples/render.json")]
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
        #[arg(long, value_name = "WALLET")]
        matcher: Option<Pubkey>,
        /// Its number, for scripts that try again: the job with that number is opened once
        #[arg(long)]
        id: Option<u64>,
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
    Watch {
        /// Number or address
        job: String,
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
    /// Close an open job that no node has, and take the deposit back
    Cancel {
        /// Number or address
        job: String,
    },
    /// Fetch a job's outputs and logs, verified against their hashes
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
                watch,
            } => {
                let address = open(context, &spec, mint, node, matcher, id, watch).await?;
                if watch {
                    watch::follow(context, address).await
                } else {
                    Ok(())
                }
            }
            Self::List { all, closed } => list(context, all, closed).await,
            Self::Show { job } => show(context, &context.job_address(&job)?).await,
            Self::Watch { job } => watch::follow(context, context.job_address(&job)?).await,
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
            Self::Result { job, out } => result(context, &context.job_address(&job)?, &out).await,
            Self::Why { job } => {
                let (address, job) = context.job(&job).await?;
                why::explain(context, &address, &job).await
            }
        }
    }
}

async fn open(
    context: &Context,
    path: &Path,
    mint: Option<Pubkey>,
    node: Option<Pubkey>,
    matcher: Option<Pubkey>,
    id: Option<u64>,
    watch: bool,
) -> Result<Pubkey> {
    // The spec first: nothing is asked of the network for one that cannot be.
    let spec = JobSpec::load(path).with_context(|| path.display().to_string())?;
    let wallet = context.wallet()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let prepared = spec
        .prepare(folder, &context.blobs()?)
        .await
        .with_context(|| path.display().to_string())?;
    let request = OpenJob {
        spec: &prepared,
        mint,
        node,
        matcher,
        id,
    };
    let opened = context.gantry.open_job(&wallet, request).await?;
    let token = context.token(&opened.mint).await?;
    if watch && context.is_json() {
        // One JSON value per invocation: the watch writes it.
        return Ok(opened.address);
    }
    let value = json!({
        "address": opened.address.to_string(),
        "id": opened.id,
        "deposited": { "amount": opened.deposited.to_string(), "decimals": token.decimals, "mint": token.mint.to_string() },
        "spec_hash": hex::encode(prepared.hash()),
        "transaction": opened.signature.map(|signature| signature.to_string()),
    });
    context.show(value, || {
        let transaction = opened
            .signature
            .map_or_else(|| "was open already".to_owned(), |s| s.to_string());
        fields([
            ("Job", format!("{} ({})", opened.id, opened.address)),
            ("Deposited", token.show(opened.deposited)),
            ("Spec", hex::encode(prepared.hash())),
            ("Transaction", transaction),
        ])
    })?;
    Ok(opened.address)
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
    let base = context.global.api_url.trim_end_matches('/');
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
async fn closed_by(context: &Context, address: &Pubkey, signature: Signature) -> Result<()> {
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

async fn result(context: &Context, address: &Pubkey, out: &Path) -> Result<()> {
    if out.is_file() {
        return Err(Usage(format!("--out {}: is a file, name a folder", out.display())).into());
    }
    let blobs = context.blobs()?;
    let manifest = context.gantry.result(address, &blobs).await?;
    let written = manifest.save(&blobs, out).await?;
    let files: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    let value = json!({
        "job": address.to_string(),
        "exit_code": manifest.exit_code,
        "device": manifest.device,
        "files": files,
        "missing": manifest.missing,
    });
    context.show(value, || {
        let mut rows = vec![
            ("Exit code", manifest.exit_code.to_string()),
            ("Device", manifest.device.clone()),
        ];
        rows.extend(files.iter().map(|file| ("Written", file.clone())));
        rows.extend(
            manifest
                .missing
                .iter()
                .map(|file| ("Missing", format!("{file}: the job did not write it"))),
        );
        fields(rows)
    })
}
