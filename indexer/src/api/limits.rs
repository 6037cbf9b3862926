//! What keeps one client, or one request, from taking all.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{Any, CorsLayer};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use super::page::SLOT_HEADER;
use super::{Problem, observe, problem};

/// Most bytes of the path and the query together.
const MAX_URI: usize = 4_096;
/// Most bytes of a body, though nothing here takes one.
const MAX_BODY: usize = 4_096;
/// Most bytes of a client's own request id.
const MAX_REQUEST_ID: usize = 128;
/// Clients that are remembered before those that have nothing on their account are forgotten.
const MANY_CLIENTS: usize = 1_024;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What the API allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests per second of one client in the long run; 0 for any number.
    pub requests_per_second: u32,
    /// Requests that a client may send at once.
    pub burst: u32,
    /// Take the client's address from the last entry of `x-forwarded-for`: right behind a proxy that writes it, and only
    /// there.
    pub behind_proxy: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second: 100,
            burst: 200,
            behind_proxy: false,
        }
    }
}

/// A client: its address, or the network of an IPv6 address, of which anyone has as many as they like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Client(IpAddr);

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
            address => address,
        })
    }
}

/// Counts what each client may still ask: the generic cell rate algorithm, which keeps one time per client.
#[derive(Debug)]
pub(super) struct Meter {
    interval: Duration,
    burst: Duration,
    behind_proxy: bool,
    accounts: Mutex<Accounts>,
}

#[derive(Debug, Default)]
struct Accounts {
    /// When the client's requests so far are paid off.
    clear_at: HashMap<Client, Instant>,
    sweep_above: usize,
}

impl Meter {
    /// None where there is no limit.
    fn new(limits: Limits) -> Option<Self> {
        let interval = Duration::from_secs(1).checked_div(limits.requests_per_second)?;
        Some(Self {
            interval,
            burst: interval.saturating_mul(limits.burst.max(1)),
            behind_proxy: limits.behind_proxy,
            accounts: Mutex::default(),
        })
    }

    /// Takes a request at `now`, or says how long it is too early.
    fn take(&self, client: Client, now: Instant) -> Result<(), Duration> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.clear_at.len() > accounts.sweep_above {
            // Whoever has nothing on the account is as one who was never here. What stays is bounded by the requests of
            // one burst's time.
            accounts.clear_at.retain(|_, clear_at| *clear_at > now);
            accounts.sweep_above = MANY_CLIENTS.max(accounts.clear_at.len() * 2);
        }
        let clear_at = accounts.clear_at.get(&client).copied().unwrap_or(now).max(now) + self.interval;
        let early = clear_at.duration_since(now).saturating_sub(self.burst);
        if !early.is_zero() {
            return Err(early);
        }
        accounts.clear_at.insert(client, clear_at);
        Ok(())
    }
}

/// Who sent a request.
pub(super) fn client_of(headers: &HeaderMap, extensions: &Extensions, behind_proxy: bool) -> Client {
    let forwarded = || {
        let last = headers.get_all(FORWARDED_FOR).iter().next_back()?;
        last.to_str().ok()?.rsplit(',').next()?.trim().parse::<IpAddr>().ok()
    };
    let peer = || {
        let ConnectInfo(address) = extensions.get::<ConnectInfo<SocketAddr>>()?;
        Some(address.ip())
    };
    let address = behind_proxy.then(forwarded).flatten().or_else(peer);
    address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).into()
}

async fn meter(State(meter): State<Arc<Meter>>, request: Request, next: Next) -> Response {
    let client = client_of(request.headers(), request.extensions(), meter.behind_proxy);
    match meter.take(client, Instant::now()) {
        Ok(()) => next.run(request).await,
        Err(early) => {
            metrics::counter!("gantry_indexer_api_rate_limited_total").increment(1);
            let seconds = early.as_secs() + u64::from(early.subsec_nanos() > 0);
            let detail = format!("more requests than this client may send: wait {seconds} s, and keep to the pace");
            Problem::too_many(detail, seconds).into_response()
        }
    }
}

/// Refuses a path and query that are longer than any that makes sense.
async fn refuse_long_uris(request: Request, next: Next) -> Response {
    let length = request.uri().path_and_query().map_or(0, |uri| uri.as_str().len());
    if length > MAX_URI {
        return Problem::of_status(StatusCode::URI_TOO_LONG).into_response();
    }
    next.run(request).await
}

/// Leaves the body out where the client has it already.
async fn revalidate(request: Request, next: Next) -> Response {
    let wanted: Vec<HeaderValue> = request
        .headers()
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .cloned()
        .collect();
    let response = next.run(request).await;
    let same = response.status() == StatusCode::OK
        && response
            .headers()
            .get(header::ETAG)
            .is_some_and(|tag| wanted.iter().any(|wanted| names(wanted, tag)));
    if !same {
        return response;
    }
    let mut answer = StatusCode::NOT_MODIFIED.into_response();
    let kept = [header::ETAG, header::CACHE_CONTROL, SLOT_HEADER];
    for name in kept {
        if let Some(value) = response.headers().get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer
}

/// Whether the `if-none-match` names the tag, by the weak comparison of RFC 9110.
fn names(wanted: &HeaderValue, tag: &HeaderValue) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let (Ok(wanted), Ok(tag)) = (wanted.to_str(), tag.to_str()) else {
        return false;
    };
    wanted.trim() == "*" || wanted.split(',').any(|wanted| opaque(wanted) == opaque(tag))
}

/// A client's own request id is kept where it is short and plain.
fn own_request_id(headers: &HeaderMap) -> bool {
    headers
        .get(REQUEST_ID)
        .is_some_and(|id| (1..=MAX_REQUEST_ID).contains(&id.len()) && id.to_str().is_ok())
}

async fn check_request_id(mut request: Request, next: Next) -> Response {
    if !own_request_id(request.headers()) {
        request.headers_mut().remove(REQUEST_ID);
    }
    next.run(request).await
}

fn cors() -> CorsLayer {
    // All is public and nothing depends on who asks: any page may read it.
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers(Any)
        .expose_headers([header::ETAG, header::RETRY_AFTER, REQUEST_ID, SLOT_HEADER])
        .max_age(Duration::from_secs(3_600))
}

/// The routes that clients read, within the limits.
pub(super) fn metered<S: Clone + Send + Sync + 'static>(routes: Router<S>, limits: Limits) -> Router<S> {
    let routes = routes
        .layer(middleware::from_fn(revalidate))
        .layer(middleware::from_fn(refuse_long_uris));
    match Meter::new(limits) {
        Some(new) => routes.layer(middleware::from_fn_with_state(Arc::new(new), meter)),
        None => routes,
    }
}

/// What is around every route.
pub(super) fn around<S: Clone + Send + Sync + 'static>(routes: Router<S>, longest: Duration) -> Router<S> {
    // The last is the outermost.
    routes
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, longest))
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn(problem::explain))
        .layer(cors())
        .layer(middleware::from_fn(observe::measure))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(TraceLayer::new_for_http().make_span_with(observe::span))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(middleware::from_fn(check_request_id))
}

#[cfg(test)]
mod tests {
    use axum::routing::get;

    use super::*;

    fn of(text: &str) -> Client {
        text.parse::<IpAddr>().expect("an address").into()
    }

    #[test]
    fn a_burst_then_the_pace_for_each_client_alone() {
        let limits = Limits {
            requests_per_second: 10,
            burst: 3,
            behind_proxy: false,
        };
        let meter = Meter::new(limits).expect("a limit");
        let (one, other) = (of("192.0.2.1"), of("192.0.2.2"));
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let taken = (0..5).filter(|_| meter.take(one, start).is_ok()).count();
        assert_eq!(taken, 3);
        assert_eq!(meter.take(one, at(40)), Err(Duration::from_millis(60)));
        assert_eq!(meter.take(other, at(40)), Ok(()));
        assert_eq!(meter.take(one, at(100)), Ok(()));
        assert!(meter.take(one, at(100)).is_err());
        // Rest gives back no more than the burst.
        let taken = (0..9).filter(|_| meter.take(one, at(60_000)).is_ok()).count();
        assert_eq!(taken, 3);
        assert!(
            Meter::new(Limits {
                requests_per_second: 0,
                ..limits
            })
            .is_none()
        );
    }

    #[tokio::test]
    async fn a_handler_that_panics_or_never_answers_is_a_problem_and_harms_nobody_else() {
        let routes: Router = Router::new()
            .route("/panics", get(async || -> &'static str { panic!("on purpose") }))
            .route("/waits", get(async || std::future::pending::<&'static str>().await))
            .route("/answers", get(async || "yes"));
        let routes = around(routes, Duration::from_millis(200));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let http = reqwest::Client::new();
        for _ in 0..3 {
            for (path, status, kind) in [
                ("panics", 500, "urn:gantry:internal"),
                ("waits", 504, "urn:gantry:timeout"),
            ] {
                let answer = http.get(format!("{base}/{path}")).send().await.expect("an answer");
                assert_eq!(answer.status(), status, "{path}");
                assert_eq!(answer.headers()["content-type"], "application/problem+json");
                assert!(answer.headers().contains_key("x-request-id"));
                let body: serde_json::Value = answer.json().await.expect("JSON");
                assert_eq!(body["type"], kind);
                assert!(!body.to_string().contains("on purpose"), "{body}");
            }
            let answer = http.get(format!("{base}/answers")).send().await.expect("an answer");
            assert_eq!(answer.text().await.expect("text"), "yes");
        }
    }

    #[test]
    fn clients_at_rest_are_forgotten() {
        let meter = Meter::new(Limits::default()).expect("a limit");
        let start = Instant::now();
        for number in 0..100_000u32 {
            let client = IpAddr::V4(Ipv4Addr::from_bits(number)).into();
            assert_eq!(meter.take(client, start + Duration::from_millis(number.into())), Ok(()));
        }
        let kept = meter.accounts.lock().expect("accounts").clear_at.len();
        assert!(kept <= MANY_CLIENTS + 1, "{kept}");
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }

    #[test]
    fn tags_compare_weakly_and_in_lists() {
        let tag = HeaderValue::from_static("W/\"a\"");
        for (wanted, same) in [
            ("W/\"a\"", true),
            ("\"a\"", true),
            ("\"b\", W/\"a\"", true),
            ("*", true),
            ("\"b\"", false),
        ] {
            assert_eq!(names(&HeaderValue::from_static(wanted), &tag), same, "{wanted}");
        }
    }
}
