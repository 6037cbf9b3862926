//! Errors as `application/problem+json` (RFC 9457).

use axum::Json;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a request is refused with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Names the kind of problem.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What the kind means.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong with this request, and what to do.
    detail: String,
}

impl Problem {
    /// The request is malformed.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self {
            kind: "urn:gantry:bad-request",
            title: "The request is malformed",
            status: 400,
            detail: detail.into(),
        }
    }

    /// There is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self {
            kind: "urn:gantry:not-found",
            title: "There is no such thing",
            status: 404,
            detail: detail.into(),
        }
    }

    /// The tables are not far enough.
    pub fn behind(detail: impl Into<String>) -> Self {
        Self {
            kind: "urn:gantry:behind",
            title: "The indexer is behind",
            status: 503,
            detail: detail.into(),
        }
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!(%error, "a query failed");
        Self {
            kind: "urn:gantry:database",
            title: "The database does not answer",
            status: 503,
            detail: "try again; the indexer's log says what is wrong".to_owned(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let content_type = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        response
    }
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
