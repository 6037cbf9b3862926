//! Errors as `application/problem+json` (RFC 9457).

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

const CONTENT_TYPE: &str = "application/problem+json";

/// What a request is refused with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What the kind means.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong with this request, and what to do.
    detail: String,
    /// Seconds after which it is worth trying again.
    #[serde(skip)]
    retry_after: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            title,
            status: status.as_u16(),
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// The request is malformed.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        let title = "The request is malformed";
        Self::new(StatusCode::BAD_REQUEST, "urn:gantry:bad-request", title, detail)
    }

    /// There is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        let title = "There is no such thing";
        Self::new(StatusCode::NOT_FOUND, "urn:gantry:not-found", title, detail)
    }

    /// It was there once.
    pub fn gone(detail: impl Into<String>) -> Self {
        let title = "It is no longer kept";
        Self::new(StatusCode::GONE, "urn:gantry:gone", title, detail)
    }

    /// The tables are not far enough.
    pub fn behind(detail: impl Into<String>) -> Self {
        let title = "The indexer is behind";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "urn:gantry:behind", title, detail).after(1)
    }

    /// The server has as much to do as it takes on.
    pub fn busy(detail: impl Into<String>) -> Self {
        let title = "The server is busy";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "urn:gantry:busy", title, detail).after(5)
    }

    /// The client asks too often.
    pub fn too_many(detail: impl Into<String>, retry_after: u64) -> Self {
        let title = "The client asks too much";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "urn:gantry:rate-limit", title, detail).after(retry_after)
    }

    fn after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// What the router and the layers around it refuse with a status alone.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let (kind, title, detail) = match status {
            StatusCode::METHOD_NOT_ALLOWED => (
                "urn:gantry:method-not-allowed",
                "The method is not allowed here",
                "the API only reads: use GET; the header `allow` lists what this path takes",
            ),
            StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => (
                "urn:gantry:timeout",
                "The request took too long",
                "ask for less, or try again",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => (
                "urn:gantry:too-large",
                "The request is too large",
                "no request to this API has a body",
            ),
            StatusCode::URI_TOO_LONG => (
                "urn:gantry:too-large",
                "The request is too large",
                "the path and the query together may have 4096 bytes",
            ),
            status if status.is_server_error() => (
                "urn:gantry:internal",
                "The server failed",
                "it is in the indexer's log under this answer's x-request-id",
            ),
            _ => (
                "urn:gantry:refused",
                "The request was refused",
                "/openapi.json describes what is taken",
            ),
        };
        Self::new(status, kind, title, detail)
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!(%error, "a query failed");
        let (title, detail) = (
            "The database does not answer",
            "try again; the indexer's log says what is wrong",
        );
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "urn:gantry:database", title, detail).after(1)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Gives a body to every refusal that has none of ours.
pub(super) async fn explain(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == CONTENT_TYPE);
    if is_problem || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let mut problem = Problem::of_status(status).into_response();
    for (name, value) in response.headers() {
        if ![header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CACHE_CONTROL].contains(name) {
            problem.headers_mut().append(name, value.clone());
        }
    }
    problem
}

/// Query parameters; unknown and malformed ones are refused with a [`Problem`].
#[derive(Clone, Copy, Debug)]
pub struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(params) = Query::try_from_uri(&parts.uri).map_err(|error| Problem::bad_request(error.body_text()))?;
        Ok(Self(params))
    }
}

/// The address in the path; what is none is refused with a [`Problem`].
#[derive(Clone, Debug)]
pub struct Address(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Address {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(address) = Path::from_request_parts(parts, state)
            .await
            .map_err(|error| Problem::bad_request(error.body_text()))?;
        Ok(Self(address))
    }
}

fn refusals<const N: usize>(refusals: [(StatusCode, &str); N]) -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
    let response = |(status, description): (StatusCode, &str)| {
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name("Problem")))
            .build();
        let response = ResponseBuilder::new().description(description);
        (
            status.as_str().to_owned(),
            response.content(CONTENT_TYPE, content).into(),
        )
    };
    refusals.into_iter().map(response).collect()
}

/// What every request for data may be refused with.
pub(super) struct StreamRefusals;

impl IntoResponses for StreamRefusals {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        refusals([
            (StatusCode::BAD_REQUEST, "A parameter is malformed or not known"),
            (StatusCode::URI_TOO_LONG, "The query is too long"),
            (
                StatusCode::TOO_MANY_REQUESTS,
                "The client asks too often: `retry-after` says when to ask again",
            ),
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "The slot or the id that was asked for was not reached in time, or the database does not answer",
            ),
            (StatusCode::GATEWAY_TIMEOUT, "The read took too long"),
        ])
    }
}

/// The same of a read, which a client may have already.
pub(super) struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let mut responses = StreamRefusals::responses();
        let same = ResponseBuilder::new().description("What `if-none-match` names is still current");
        responses.insert("304".to_owned(), same.into());
        responses
    }
}

/// What a read of one thing may be refused with, besides.
pub(super) struct Missing;

impl IntoResponses for Missing {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        refusals([(StatusCode::NOT_FOUND, "There is no such thing")])
    }
}

/// What a stream may be refused with, besides.
pub(super) struct Lost;

impl IntoResponses for Lost {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        refusals([(StatusCode::GONE, "What follows the event id is no longer kept")])
    }
}
