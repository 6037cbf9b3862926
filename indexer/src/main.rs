//! `gantry-indexer`: keeps Postgres at the tip of the market and serves it.

mod options;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use gantry_indexer::api::Api;
use gantry_indexer::ingest::{Ingest, IngestOptions};
use gantry_indexer::progress::Progress;
use gantry_indexer::rpc::Chain;
use gantry_indexer::schema::Schema;
use gantry_indexer::store::Store;
use gantry_indexer::verify::verify;
use gantry_indexer::{measurements, telemetry};
use gantry_sdk::service;
use options::{Cli, Command, Run, Serve, Serving, Verify};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    work().await.unwrap_or_else(|error| {
        eprintln!("error: {}", telemetry::explained(error.as_ref()));
        ExitCode::FAILURE
    })
}

async fn work() -> anyhow::Result<ExitCode> {
    let Some(cli) = Cli::read()? else {
        return Ok(ExitCode::SUCCESS);
    };
    let telemetry = telemetry::start(&cli.telemetry()?)?;
    let done = match cli.command {
        Command::Run(options) => run(options).await.map(|()| ExitCode::SUCCESS),
        Command::Serve(options) => serve(options).await.map(|()| ExitCode::SUCCESS),
        Command::Verify(options) => compare(options).await,
    };
    telemetry.finish().await;
    done
}

fn schema() -> anyhow::Result<Arc<Schema>> {
    Ok(Arc::new(Schema::embedded()?))
}

async fn open(database_url: &str) -> anyhow::Result<Store> {
    Store::open(database_url, schema()?)
        .await
        .context("cannot open the database that --database-url names")
}

async fn open_to_read(database_url: &str) -> anyhow::Result<Store> {
    Store::open_to_read(database_url, schema()?)
        .await
        .context("cannot read from the database that --database-url names")
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: choose another address with --listen"))
}

/// Follows the chain, if this instance leads, and serves the API.
async fn run(options: Run) -> anyhow::Result<()> {
    // Before anything starts, so that no signal is missed.
    let ending = service::ending(options.serving.exit_with_parent)?;
    tokio::pin!(ending);
    let metrics = measurements::install().context("cannot set up metrics")?;
    let prepare = async {
        let listener = listen(options.serving.listen).await?;
        let store = open(&options.database.database_url).await?;
        if options.reset {
            store.reset().await?;
            tracing::warn!("dropped all that the database held");
        }
        anyhow::Ok((listener, store))
    };
    let (listener, store) = tokio::select! {
        _ = &mut ending => return Ok(()),
        prepared = prepare => prepared?,
    };
    let progress = Arc::new(Progress::default());
    let ingest = Ingest::new(
        store.clone(),
        Chain::new(options.rpc.rpc_url.clone()),
        IngestOptions {
            source: options.source()?,
            buffer_limit: options.buffer_limit(),
            retention: options.retention(),
        },
        progress.clone(),
    );
    let watch = measurements::watch(store.clone(), metrics.clone(), |_| ());
    let api = Api::new(store, progress.clone(), metrics, options.max_lag);
    let serving = options.serving;
    let beside = async {
        tokio::select! {
            // Whatever is dropped in the middle is as if the process had been killed there, which is safe.
            ended = ingest.run() => ended.map(|never| match never {}).context("indexing stopped"),
            () = watch => Ok(()),
        }
    };
    supervise(ending, api, listener, serving, &progress, beside).await
}

/// Serves the API from tables that another instance writes.
async fn serve(options: Serve) -> anyhow::Result<()> {
    let ending = service::ending(options.serving.exit_with_parent)?;
    tokio::pin!(ending);
    let metrics = measurements::install().context("cannot set up metrics")?;
    let prepare = async {
        let listener = listen(options.serving.listen).await?;
        let store = open_to_read(&options.database.database_url).await?;
        anyhow::Ok((listener, store))
    };
    let (listener, store) = tokio::select! {
        _ = &mut ending => return Ok(()),
        prepared = prepare => prepared?,
    };
    let progress = Arc::new(Progress::default());
    let follows = progress.clone();
    let watch = measurements::watch(store.clone(), metrics.clone(), move |slot| follows.written(slot));
    // There is no stream to be behind of: how old the tables are says whether they are kept.
    let api = Api::new(store, progress.clone(), metrics, u64::MAX);
    let beside = async {
        watch.await;
        Ok(())
    };
    supervise(ending, api, listener, options.serving, &progress, beside).await
}

/// Serves until the process is to end; then what goes on beside it ends at once, requests are answered and streams closed.
async fn supervise(
    ending: impl Future<Output = &'static str>,
    api: Api,
    listener: TcpListener,
    options: Serving,
    progress: &Progress,
    beside: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let address = listener.local_addr().context("cannot read the API's address")?;
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let drain = options.drain();
    let api = api.with_limits(options.limits()).with_max_age(options.max_age());
    let serving = api.serve_until(listener, async {
        // Either way of ending says so.
        let _ = ended.await;
    });
    tokio::pin!(serving);
    tracing::info!(%address, "serving");
    tokio::select! {
        why = ending => tracing::info!(why, "ends"),
        ended = &mut serving => return ended.context("the API stopped"),
        failed = tell_ready(options.ready_file, progress, address) => return failed.map(|never| match never {}),
        ended = beside => return ended,
    }
    drop(end);
    match tokio::time::timeout(drain, serving).await {
        Ok(ended) => ended.context("the API stopped"),
        Err(_) => {
            tracing::warn!(
                seconds = drain.as_secs(),
                "requests that were not answered in time are cut off"
            );
            Ok(())
        }
    }
}

/// Writes the ready file once the tables hold something.
async fn tell_ready(file: Option<PathBuf>, progress: &Progress, address: SocketAddr) -> anyhow::Result<Infallible> {
    let mut writes = progress.writes();
    if writes.wait_for(|slot| *slot > 0).await.is_ok() {
        tracing::info!(%address, "ready");
        if let Some(file) = file {
            let ready = serde_json::json!({
                "ready": true,
                "pid": std::process::id(),
                "api_url": format!("http://{address}"),
            });
            service::announce(&file, &ready)?;
        }
    }
    std::future::pending().await
}

async fn compare(options: Verify) -> anyhow::Result<ExitCode> {
    // It looks and touches nothing: any role that may read will do.
    let store = open_to_read(&options.database.database_url).await?;
    let chain = Chain::new(options.rpc.rpc_url);
    let report = verify(&store, &chain, Duration::from_secs(options.timeout_seconds)).await?;
    if options.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        for difference in &report.differences {
            let table = difference.table.as_deref().unwrap_or("no table");
            println!("{} ({table}) {}", difference.address, difference.what);
        }
        println!("rows: {}", report.rows);
        println!("accounts: {}", report.accounts);
        println!("differences: {}", report.differences.len());
        println!("slot: {}", report.slot);
    }
    Ok(if report.differences.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
