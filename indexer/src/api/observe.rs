//! What is measured and traced of each request.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::limits::REQUEST_ID;
use crate::telemetry;

/// The span of a request: of its caller's trace where it names one.
pub(super) fn span<B>(request: &axum::http::Request<B>) -> Span {
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let span = tracing::info_span!(
        "request",
        id,
        method = %request.method(),
        path = request.uri().path(),
        otel.kind = "server",
        http.route = Empty,
        http.response.status_code = Empty,
    );
    continue_trace(&span, request.headers());
    span
}

fn continue_trace(span: &Span, headers: &HeaderMap) {
    if headers.contains_key("traceparent") {
        // It fails only where nothing is traced.
        let _ = span.set_parent(telemetry::parent(headers));
    }
}

/// A request that is not answered yet, also where its client leaves.
struct InFlight;

impl InFlight {
    fn begin() -> Self {
        metrics::gauge!("gantry_indexer_api_requests_in_flight").increment(1.0);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        metrics::gauge!("gantry_indexer_api_requests_in_flight").decrement(1.0);
    }
}

/// Counts the request and times its answer, under the route and not the path: there are few routes.
pub(super) async fn measure(request: Request, next: Next) -> Response {
    let (begun, _in_flight) = (Instant::now(), InFlight::begin());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| "none".to_owned());
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    };
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let span = Span::current();
    span.record("http.route", &route);
    span.record("http.response.status_code", status);
    let status = status.to_string();
    metrics::counter!("gantry_indexer_api_requests_total", "route" => route.clone(), "method" => method, "status" => status)
        .increment(1);
    metrics::histogram!("gantry_indexer_api_request_seconds", "route" => route).record(begun.elapsed());
    response
}
