//! What the process says of itself while it runs: logs for whoever reads them, traces for a collector.

mod asked;
mod traces;

use std::io::IsTerminal;

use axum::http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::{EnvFilter, ParseError, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry};

use asked::Asked;
use traces::EXPORT_WITHIN;
pub use traces::{Collector, CollectorError, headers};

/// What is logged where nothing else is asked for.
pub const DEFAULT_LOG: &str = "info,sqlx=warn,yellowstone_grpc_client=error";

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// What is logged and traced.
#[derive(Clone, Debug)]
pub struct TelemetryOptions {
    /// Directives of `tracing_subscriber::EnvFilter`.
    pub log: String,
    /// How lines look.
    pub format: LogFormat,
    /// Where spans go; nowhere if not given.
    pub collector: Option<Collector>,
    /// The part of traces begun here that is sent, 0 to 1. A caller's own decision goes before it.
    pub sample_ratio: f64,
}

/// Why nothing can be logged or traced.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter.
    #[error("the log filter cannot be read: {0}")]
    Filter(#[from] ParseError),
    /// The collector.
    #[error(transparent)]
    Collector(#[from] CollectorError),
    /// Somebody was first.
    #[error("logging was set up twice: {0}")]
    Twice(#[from] TryInitError),
}

/// Sends what is left when it is finished.
#[derive(Debug)]
#[must_use]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

/// Sets logs and traces up for the process. Within a tokio runtime.
///
/// # Errors
/// Where the options do not make sense.
pub fn start(options: &TelemetryOptions) -> Result<Telemetry, TelemetryError> {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match options.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let filter = EnvFilter::try_new(&options.log)?;
    let traces = options
        .collector
        .as_ref()
        .map(|collector| traces::provider(collector, options.sample_ratio))
        .transpose()?;
    // Own spans only: those of the exporter's connection would be about themselves.
    let spans = traces.as_ref().map(|traces| {
        tracing_opentelemetry::layer()
            .with_tracer(traces.tracer("gantry-indexer"))
            .with_filter(Asked(filter_fn(|metadata| {
                metadata.is_span() && metadata.target().starts_with("gantry_")
            })))
    });
    tracing_subscriber::registry()
        .with(lines.with_filter(Asked(filter)))
        .with(spans)
        .try_init()?;
    Ok(Telemetry { traces })
}

impl Telemetry {
    /// Sends what was not sent yet.
    pub async fn finish(self) {
        let Some(traces) = self.traces else { return };
        let sent = tokio::task::spawn_blocking(move || traces.shutdown_with_timeout(EXPORT_WITHIN)).await;
        if let Ok(Err(error)) = sent {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// An error with its causes, as far as its own text leaves them out.
#[must_use]
pub fn explained(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| {
        let said = cause.to_string();
        if text.ends_with(&said) {
            text
        } else {
            format!("{text}: {said}")
        }
    })
}

/// The span that a request's `traceparent` names, for what it causes here.
#[must_use]
pub fn parent(headers: &HeaderMap) -> Context {
    struct Headers<'a>(&'a HeaderMap);
    impl Extractor for Headers<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            self.0.get(key)?.to_str().ok()
        }

        fn keys(&self) -> Vec<&str> {
            self.0.keys().map(axum::http::HeaderName::as_str).collect()
        }
    }
    TraceContextPropagator::new().extract(&Headers(headers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("no database: {0}")]
    struct Whole(#[source] std::io::Error);

    #[test]
    fn causes_are_said_once() {
        let error = anyhow::Error::new(Whole(std::io::Error::other("refused"))).context("cannot open");
        assert_eq!(explained(error.as_ref()), "cannot open: no database: refused");
    }
}
