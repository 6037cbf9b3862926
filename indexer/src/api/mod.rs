//! The HTTP API: reads of the tables, each at one moment, with the slot of that moment.

mod cut;
mod disputes;
mod event_id;
mod events;
mod feed;
mod jobs;
mod limits;
mod list;
mod observe;
mod openapi;
mod page;
mod problem;
mod row;
mod rules;
mod stake;
mod stats;
mod streams;
mod supply;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::serve::ListenerExt as _;
use metrics_exporter_prometheus::PrometheusHandle;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::progress::Progress;
use crate::store::Store;
use feed::Feed;
use streams::Open;

pub use disputes::{Dispute, Vote};
pub use events::Event;
pub use jobs::{Job, JobEvent, Requirements};
pub use limits::Limits;
pub use page::{Amount, Envelope, SlotParams};
pub use problem::{Address, Params, Problem};
pub use rules::{Council, Mint, Network, SlaCredit, Staking, Terms};
pub use stake::{Pool, Position, Unbonding};
pub use stats::{Stats, Volume};
pub use streams::{Bounds, StreamMessage};
pub use supply::{Attestation, Hardware, Node, Provider, Record};

/// What the handlers share.
#[derive(Clone)]
pub struct Api {
    store: Store,
    pool: PgPool,
    stats: Arc<stats::Shared>,
    progress: Arc<Progress>,
    metrics: PrometheusHandle,
    max_lag: u64,
    max_age: Option<Duration>,
    limits: Limits,
    /// Turns true when streams are to end; each of them holds a receiver.
    closing: Arc<watch::Sender<bool>>,
    bounds: Bounds,
    feed: Arc<Feed>,
    open: Arc<Open>,
}

impl Api {
    /// An API over `store`; it is ready while the tables are at most `max_lag` slots behind the stream.
    #[must_use]
    pub fn new(store: Store, progress: Arc<Progress>, metrics: PrometheusHandle, max_lag: u64) -> Self {
        Self {
            feed: Arc::new(Feed::new(store.clone(), progress.clone())),
            open: Arc::default(),
            pool: Self::pool(&store),
            stats: Arc::default(),
            store,
            progress,
            metrics,
            max_lag,
            max_age: None,
            closing: Arc::default(),
            limits: Limits::default(),
            bounds: Bounds::default(),
        }
    }

    /// The same within other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same, ready only while the tables were written within `age`.
    #[must_use]
    pub fn with_max_age(self, age: Duration) -> Self {
        Self {
            max_age: Some(age),
            ..self
        }
    }

    /// The same within other bounds.
    #[must_use]
    pub fn with_bounds(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    /// The routes. The addresses of clients are known only where [`Self::serve`] serves them.
    pub fn router(self) -> Router {
        let (operation, described) = openapi::operation().split_for_parts();
        let (market, mut document) = openapi::market().split_for_parts();
        document.merge(described);
        let routes = limits::metered(market.merge(openapi::pages(document)), self.limits)
            .merge(operation)
            .fallback(async || Problem::not_found("there is nothing at this path: /docs shows what there is"));
        limits::around(routes, self.bounds.longest_answer).with_state(self)
    }

    /// Serves the routes to whoever connects.
    ///
    /// # Errors
    /// Where the listener fails.
    pub async fn serve(self, listener: TcpListener) -> std::io::Result<()> {
        self.serve_until(listener, std::future::pending()).await
    }

    /// Serves the routes until `end`; then takes no more connections, answers the requests that are there, and tells the
    /// streams' clients to connect again.
    ///
    /// # Errors
    /// Where the listener fails.
    pub async fn serve_until(
        self,
        listener: TcpListener,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let closing = self.closing.clone();
        let close = closing.clone();
        let service = self.router().into_make_service_with_connect_info::<SocketAddr>();
        let ending = async move {
            end.await;
            close.send_replace(true);
        };
        // An event goes out as it comes, and does not wait for what was sent before to be acknowledged.
        let listener = listener.tap_io(|connection| {
            // It fails only where the client has gone.
            let _ = connection.set_nodelay(true);
        });
        axum::serve(listener, service).with_graceful_shutdown(ending).await?;
        // WebSockets are no longer the server's connections.
        closing.closed().await;
        Ok(())
    }
}

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = 200, description = "It does", body = String)))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// The tables are there and not far behind.
#[utoipa::path(get, path = "/readyz", tag = "operation", responses(
    (status = 200, description = "They are", body = String),
    (status = 503, description = "They are not", body = Problem, content_type = "application/problem+json"),
))]
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
    if let Some(longest) = api.max_age {
        let age = api.store.checkpoint_age().await;
        let age = age.map_err(|_| Problem::behind("the database does not answer"))?;
        if age > longest {
            return Err(Problem::behind(format!(
                "the tables were written {} s ago, more than {}",
                age.as_secs(),
                longest.as_secs()
            )));
        }
    }
    Ok("ready\n")
}

/// Measurements, for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "Measurements", body = String, content_type = "text/plain")))]
async fn metrics(State(api): State<Api>) -> impl IntoResponse {
    (
        StatusCode::OK,
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        api.metrics.render(),
    )
}
