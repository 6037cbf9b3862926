//! The HTTP API: reads of the tables, each at one moment, with the slot of that moment.

mod jobs;
mod page;
mod problem;
mod stats;
mod supply;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Deserialize;

use crate::progress::Progress;
use crate::store::Store;

pub use jobs::{Job, Requirements, TimelineEvent};
pub use page::{Amount, Envelope, PageParams};
pub use problem::{Params, Problem};
pub use stats::{Stats, Volume};
pub use supply::{Attestation, Hardware, Mint, Node, Pool, Provider, Record};

/// What the handlers share.
#[derive(Clone)]
pub struct Api {
    store: Store,
    progress: Arc<Progress>,
    metrics: PrometheusHandle,
    max_lag: u64,
}

/// The parameter that every read takes.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SlotParams {
    /// Wait until the data is from this slot or a later one.
    pub min_slot: Option<u64>,
}

impl Api {
    /// An API over `store`; it is ready while the tables are at most `max_lag` slots behind the stream.
    #[must_use]
    pub fn new(store: Store, progress: Arc<Progress>, metrics: PrometheusHandle, max_lag: u64) -> Self {
        Self {
            store,
            progress,
            metrics,
            max_lag,
        }
    }

    /// The routes.
    pub fn router(self) -> Router {
        Router::new()
            .route("/v1/providers", get(supply::providers))
            .route("/v1/providers/{address}", get(supply::provider))
            .route("/v1/nodes", get(supply::nodes))
            .route("/v1/nodes/{address}", get(supply::node))
            .route("/v1/pools", get(supply::pools))
            .route("/v1/pools/{address}", get(supply::pool))
            .route("/v1/mints", get(supply::mints))
            .route("/v1/jobs", get(jobs::jobs))
            .route("/v1/jobs/{address}", get(jobs::job))
            .route("/v1/jobs/{address}/timeline", get(jobs::timeline))
            .route("/v1/stats", get(stats::stats))
            .route("/healthz", get(healthz))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .fallback(async || Problem::not_found("there is nothing at this path: see /v1/stats, /v1/jobs, /v1/nodes"))
            .with_state(self)
    }
}

/// The process answers.
async fn healthz() -> &'static str {
    "ok\n"
}

/// The tables are there and not far behind.
async fn readyz(State(api): State<Api>) -> Result<&'static str, Problem> {
    let checkpoint = api
        .store
        .checkpoint()
        .await
        .map_err(|_| Problem::behind("the database does not answer"))?;
    let checkpoint = checkpoint.ok_or_else(|| Problem::behind("nothing was indexed yet"))?;
    let lag = api
        .progress
        .tip()
        .map_or(0, |tip| tip.saturating_sub(checkpoint.slot as u64));
    if lag > api.max_lag {
        return Err(Problem::behind(format!(
            "the tables are {lag} slots behind the stream, more than {}",
            api.max_lag
        )));
    }
    Ok("ready\n")
}

async fn metrics(State(api): State<Api>) -> impl IntoResponse {
    (
        StatusCode::OK,
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        api.metrics.render(),
    )
}
