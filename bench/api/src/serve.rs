//! The API and the writer in one process, as the indexer is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Args;
use gantry_indexer::api::{Api, Limits};
use gantry_indexer::progress::Progress;
use gantry_indexer::schema::Schema;
use gantry_indexer::store::Store;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::io::AsyncReadExt as _;

use crate::market::Market;

/// Time from one bank to the next.
const SLOT: Duration = Duration::from_millis(400);
const GENESIS: &str = "bench";

#[derive(Args)]
pub(crate) struct Serve {
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    #[arg(long)]
    jobs: u32,
    #[arg(long)]
    updates: u32,
}

pub(crate) async fn run(options: Serve) -> Result<()> {
    let store = Store::open(&options.database_url, Arc::new(Schema::embedded()?)).await?;
    let mut market = Market::new(store.schema())?;
    for banks in market.first(options.jobs).chunks(16) {
        store.write(banks, None, GENESIS).await?;
    }
    // What autovacuum would do in its time.
    sqlx::raw_sql("analyze").execute(store.pool()).await?;
    let progress = Arc::new(Progress::default());
    progress.written(market.slot());
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    let limits = Limits {
        requests_per_second: 0,
        ..Limits::default()
    };
    let api = Api::new(store.clone(), progress.clone(), metrics, 64).with_limits(limits);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let serving = tokio::spawn(api.serve(listener));
    let begun = Instant::now();
    let (mut banks, mut updates) = (0u64, 0u64);
    let each = (f64::from(options.updates) * SLOT.as_secs_f64()) as u32;
    let mut pace = tokio::time::interval(SLOT);
    let writing = async {
        loop {
            pace.tick().await;
            if each == 0 {
                continue;
            }
            let bank = market.next(options.jobs, each);
            updates += bank.accounts.len() as u64;
            // Final as on a cluster, 32 slots behind.
            let finalized = bank.slot.checked_sub(32);
            if let Err(error) = store.write(&[bank], finalized, GENESIS).await {
                return anyhow::Error::from(error);
            }
            banks += 1;
            progress.written(market.slot());
        }
    };
    let mut rest = Vec::new();
    let mut input = tokio::io::stdin();
    let ended: Result<()> = tokio::select! {
        failed = writing => Err(failed),
        ended = input.read_to_end(&mut rest) => ended.map(|_| ()).context("standard input"),
    };
    ended?;
    serving.abort();
    let seconds = begun.elapsed().as_secs_f64();
    let report = serde_json::json!({ "banks": banks, "updates_per_second": (updates as f64 / seconds).round() });
    println!("{report}");
    Ok(())
}
