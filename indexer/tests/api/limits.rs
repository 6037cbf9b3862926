//! What is around every answer.

use std::sync::Arc;

use gantry_indexer::api::Limits;
use gantry_indexer::progress::Progress;
use reqwest::{Method, Response};
use serde_json::Value;

use crate::common::{GENESIS, Server, bank, program, schema, write};
use crate::market::{Client, filled, job};

impl Client {
    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
        let request = self.http.request(method, format!("{}{path}", self.base));
        let request = headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value));
        request.send().await.expect("an answer")
    }
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value
        .unwrap_or_else(|| panic!("no {name}: {response:?}"))
        .to_str()
        .expect("text")
}

async fn problem(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    assert_eq!(header(&response, "content-type"), "application/problem+json");
    assert!(!header(&response, "x-request-id").is_empty());
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["status"], status);
    assert!(
        body["type"]
            .as_str()
            .is_some_and(|kind| kind.starts_with("urn:gantry:")),
        "{body}"
    );
    (status, body)
}

#[tokio::test]
async fn a_client_that_has_it_gets_no_body_until_it_changes() {
    let server = Server::start().await;
    let store = filled(&server, "etag").await;
    let client = Client::serve(store.clone(), Arc::default()).await;
    let path = "/v1/jobs?status=running";
    let first = client.send(Method::GET, path, &[]).await;
    let tag = header(&first, "etag").to_owned();
    // A slot later with nothing new in it.
    store
        .write(&[bank(43, vec![], &[], vec![])], None, GENESIS)
        .await
        .expect("written");
    let again = client.send(Method::GET, path, &[("if-none-match", &tag)]).await;
    assert_eq!((again.status().as_u16(), header(&again, "gantry-slot")), (304, "43"));
    assert_eq!(header(&again, "etag"), tag);
    assert_eq!(again.bytes().await.expect("a body").len(), 0);
    for other in ["/v1/jobs?status=open", "/v1/stats"] {
        let other = client.send(Method::GET, other, &[("if-none-match", &tag)]).await;
        assert_eq!(other.status(), 200);
    }
    let market = program(&schema(), "market");
    let changed = write(market, [11; 32], 99, job(0, 2));
    store
        .write(&[bank(44, vec![changed], &[], vec![])], None, GENESIS)
        .await
        .expect("written");
    let after = client.send(Method::GET, path, &[("if-none-match", &tag)]).await;
    assert_eq!(after.status(), 200);
    assert_ne!(header(&after, "etag"), tag);
}

#[tokio::test]
async fn every_refusal_is_a_problem() {
    let server = Server::start().await;
    let client = Client::serve(filled(&server, "refusals").await, Arc::default()).await;
    let posted = client.send(Method::POST, "/v1/jobs", &[]).await;
    assert!(header(&posted, "allow").contains("GET"));
    assert_eq!(problem(posted).await.0, 405);
    assert_eq!(problem(client.send(Method::GET, "/nothing", &[]).await).await.0, 404);
    assert_eq!(
        problem(client.send(Method::GET, "/docs/nothing.js", &[]).await).await.0,
        404
    );
    let long = format!("/v1/jobs?cursor={}", "x".repeat(5_000));
    assert_eq!(problem(client.send(Method::GET, &long, &[]).await).await.0, 414);
    let body = client
        .http
        .get(format!("{}/v1/jobs", client.base))
        .body("x".repeat(5_000));
    assert_eq!(problem(body.send().await.expect("an answer")).await.0, 413);
    let injected = "/v1/jobs?sort=created_at;drop%20table%20job&status='%20or%20'1'='1";
    assert_eq!(problem(client.send(Method::GET, injected, &[]).await).await.0, 400);
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_not_waited_for_longer_than_said() {
    let server = Server::start().await;
    let store = filled(&server, "locked").await;
    let client = Client::serve(store.clone(), Arc::default()).await;
    let mut lock = store.pool().begin().await.expect("a transaction");
    sqlx::query("lock table node in access exclusive mode")
        .execute(&mut *lock)
        .await
        .expect("locked");
    let answer = tokio::time::timeout(
        std::time::Duration::from_secs(20),
        client.send(Method::GET, "/v1/nodes", &[]),
    );
    let (status, body) = problem(answer.await.expect("in time")).await;
    assert_eq!((status, body["type"].as_str()), (503, Some("urn:gantry:database")));
    lock.rollback().await.expect("unlocked");
    client.ok("/v1/nodes").await;
}

#[tokio::test]
async fn a_client_beyond_its_pace_waits_and_the_others_do_not() {
    let server = Server::start().await;
    let limits = Limits {
        requests_per_second: 1,
        burst: 3,
        behind_proxy: true,
    };
    let client = Client::serve_within(limits, filled(&server, "pace").await, Arc::<Progress>::default()).await;
    let ask = async |address: &str| {
        client
            .send(Method::GET, "/v1/mints", &[("x-forwarded-for", address)])
            .await
    };
    let mut refused = None;
    // Enough for any machine that sends more than three in a second.
    for _ in 0..100 {
        let answer = ask("198.51.100.1, 192.0.2.1").await;
        if answer.status() != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("a refusal");
    assert_eq!(header(&refused, "retry-after"), "1");
    // A page in a browser must see why.
    assert_eq!(header(&refused, "access-control-allow-origin"), "*");
    assert_eq!(problem(refused).await.0, 429);
    // What the client itself wrote before the proxy's entry changes nothing.
    assert_eq!(ask("203.0.113.9, 192.0.2.1").await.status(), 429);
    assert_eq!(ask("192.0.2.2").await.status(), 200);
    // Who watches the process is not counted.
    for _ in 0..10 {
        let alive = client
            .send(Method::GET, "/healthz", &[("x-forwarded-for", "192.0.2.1")])
            .await;
        assert_eq!(alive.status(), 200);
    }
}

#[tokio::test]
async fn pages_of_any_origin_may_read_and_every_answer_has_its_id() {
    let server = Server::start().await;
    let client = Client::serve(filled(&server, "cors").await, Arc::default()).await;
    let asked = [
        ("origin", "https://explorer.example"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "if-none-match"),
    ];
    let preflight = client.send(Method::OPTIONS, "/v1/jobs", &asked).await;
    assert_eq!(preflight.status(), 200);
    assert!(header(&preflight, "access-control-allow-methods").contains("GET"));
    assert_eq!(header(&preflight, "access-control-allow-origin"), "*");
    let own = client
        .send(Method::GET, "/v1/stats", &[("x-request-id", "mine-1")])
        .await;
    assert_eq!(header(&own, "x-request-id"), "mine-1");
    assert!(header(&own, "access-control-expose-headers").contains("etag"));
    let long = "x".repeat(500);
    let given = client.send(Method::GET, "/v1/stats", &[("x-request-id", &long)]).await;
    assert_eq!(header(&given, "x-request-id").len(), 36);
}
