//! The API over a real Postgres and real HTTP.

mod common;

use std::sync::Arc;

use common::{GENESIS, Server, account, bank, event, program, schema, write};
use gantry_indexer::api::Api;
use gantry_indexer::progress::Progress;
use gantry_indexer::store::Store;
use gantry_indexer::{Key, key};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;

const MINT: Key = [3; 32];
const CUSTOMER: Key = [4; 32];

struct Client {
    base: String,
    http: reqwest::Client,
}

impl Client {
    async fn serve(store: Store, progress: Arc<Progress>) -> Self {
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let router = Api::new(store, progress, metrics, 10).router();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            base,
            http: reqwest::Client::new(),
        }
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let response = self
            .http
            .get(format!("{}{path}", self.base))
            .send()
            .await
            .expect("an answer");
        let status = response.status().as_u16();
        let kind = response.headers()["content-type"].to_str().expect("text").to_owned();
        assert_eq!(
            kind == "application/problem+json",
            status >= 400,
            "{path}: {status} {kind}"
        );
        (
            status,
            serde_json::from_str(&response.text().await.expect("text")).unwrap_or(Value::Null),
        )
    }

    async fn ok(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }
}

fn job(number: u8, status: u8) -> Vec<u8> {
    let mut countries = [0; 16];
    countries[..4].copy_from_slice(b"DEFR");
    let fields: [(&str, &[u8]); 8] = [
        ("mint", &MINT),
        ("customer", &CUSTOMER),
        ("deposited", &u64::MAX.to_le_bytes()),
        ("created_at", &(1_000 + i64::from(number / 2)).to_le_bytes()),
        ("started_at", &7u32.to_le_bytes()),
        ("status", &[status]),
        ("countries", &countries),
        ("flags", &0b10_0001u16.to_le_bytes()),
    ];
    account(&schema(), "market", "Job", 0, &fields)
}

async fn filled(server: &Server, name: &str) -> Store {
    let store = server.store(name).await;
    let schema = schema();
    let (market, registry) = (program(&schema, "market"), program(&schema, "registry"));
    let mint = account(
        &schema,
        "market",
        "PaymentMint",
        0,
        &[("mint", &MINT), ("decimals", &[6]), ("enabled", &[1])],
    );
    let node = |country: &[u8]| {
        let fields: [(&str, &[u8]); 3] = [
            ("country", country),
            ("price_mint", &MINT),
            ("price_per_hour", &9u64.to_le_bytes()),
        ];
        account(&schema, "registry", "Node", 0, &fields)
    };
    let mut writes = vec![
        write(market, [5; 32], 1, mint),
        write(registry, [6; 32], 2, node(b"DE")),
        write(registry, [7; 32], 3, node(b"US")),
    ];
    for number in 0..5 {
        writes.push(write(
            market,
            [10 + number; 32],
            10 + u64::from(number),
            job(number, number % 3),
        ));
    }
    let settled = event(
        &schema,
        "market",
        "JobSettled",
        &[
            &[10; 32],
            &CUSTOMER,
            &[8; 32],
            &[9; 32],
            &100u64.to_le_bytes(),
            &60u32.to_le_bytes(),
            &[1; 64],
        ],
    );
    let accepted = event(&schema, "market", "ResultAccepted", &[&[10; 32]]);
    let banks = [
        bank(41, writes, &[], vec![accepted]),
        bank(42, vec![], &[[10; 32]], vec![settled]),
    ];
    store.write(&banks, None, GENESIS).await.expect("written");
    store
}

#[tokio::test]
async fn jobs_are_listed_filtered_and_paged() {
    let server = Server::start().await;
    let client = Client::serve(filled(&server, "jobs").await, Arc::default()).await;
    let mut path = "/v1/jobs?limit=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = client.ok(&path).await;
        assert_eq!(
            (page["slot"].as_u64(), page["commitment"].as_str()),
            (Some(42), Some("confirmed"))
        );
        seen.extend(
            page["data"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|job| job["address"].as_str().expect("text").to_owned()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/jobs?limit=2&cursor={cursor}");
    }
    let expected: Vec<_> = [14u8, 13, 12, 11, 10]
        .iter()
        .map(|byte| key::text(&[*byte; 32]))
        .collect();
    assert_eq!(seen, expected, "newest first, each once");

    let count = async |query: &str| {
        client.ok(&format!("/v1/jobs?{query}")).await["data"]
            .as_array()
            .expect("a list")
            .len()
    };
    assert_eq!(count("status=open").await, 1);
    assert_eq!(count("status=closed").await, 1);
    assert_eq!(count(&format!("customer={}&country=de", key::text(&CUSTOMER))).await, 5);
    assert_eq!(count("country=IT").await, 0);
    assert_eq!(count(&format!("mint={}", key::text(&[99; 32]))).await, 0);
}

#[tokio::test]
async fn a_closed_job_tells_what_everyone_received() {
    let server = Server::start().await;
    let client = Client::serve(filled(&server, "closing").await, Arc::default()).await;
    let address = key::text(&[10; 32]);
    let job = client.ok(&format!("/v1/jobs/{address}")).await["data"].take();
    assert_eq!(job["status"], "closed");
    assert_eq!(job["deposited"]["amount"], u64::MAX.to_string());
    assert_eq!(
        (job["deposited"]["decimals"].as_u64(), job["started_at"].as_i64()),
        (Some(6), Some(1_007))
    );
    assert_eq!(job["requirements"]["countries"], serde_json::json!(["DE", "FR"]));
    assert_eq!(job["requirements"]["flags"], serde_json::json!(["DATACENTER", "EEA"]));
    assert_eq!(
        (&job["closing"]["name"], &job["closing"]["data"]["deposited"]),
        (&"JobSettled".into(), &"100".into())
    );
    let timeline = client.ok(&format!("/v1/jobs/{address}/timeline")).await;
    let names: Vec<_> = timeline["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| event["name"].clone())
        .collect();
    assert_eq!(names, ["ResultAccepted", "JobSettled"]);
    let stats = client.ok("/v1/stats").await["data"].take();
    assert_eq!(
        stats["jobs"],
        serde_json::json!({"open": 1, "assigned": 2, "running": 1, "closed": 1})
    );
    assert_eq!(
        (&stats["volume"][0]["paid_seconds"], stats["nodes"].as_i64()),
        (&"60".into(), Some(2))
    );
}

#[tokio::test]
async fn nodes_are_filtered_and_carry_their_reputation() {
    let server = Server::start().await;
    let client = Client::serve(filled(&server, "nodes").await, Arc::default()).await;
    let nodes = client.ok("/v1/nodes?country=DE&status=available").await["data"].take();
    assert_eq!(nodes.as_array().expect("a list").len(), 1);
    assert_eq!(
        (
            nodes[0]["reputation_bps"].as_i64(),
            &nodes[0]["price_per_hour"]["amount"]
        ),
        (Some(5_000), &"9".into())
    );
    assert_eq!(client.ok("/v1/mints").await["data"][0]["decimals"], 6);
    assert_eq!(client.ok("/v1/providers").await["data"], serde_json::json!([]));
    assert_eq!(client.ok("/v1/pools").await["data"], serde_json::json!([]));
}

#[tokio::test]
async fn bad_requests_get_a_problem_that_says_what_to_do() {
    let server = Server::start().await;
    let client = Client::serve(filled(&server, "bad").await, Arc::default()).await;
    let unknown = key::text(&[77; 32]);
    for (path, status, detail) in [
        ("/v1/jobs?status=broken", 400, "one of open, assigned"),
        ("/v1/jobs?limit=0", 400, "from 1 to 500"),
        ("/v1/jobs?limit=501", 400, "from 1 to 500"),
        ("/v1/jobs?cursor=x", 400, "cursor"),
        ("/v1/jobs?custmer=x", 400, "unknown field"),
        ("/v1/jobs?customer=0OIl", 400, "base58"),
        ("/v1/nodes?min_tier=high", 400, "invalid digit"),
        ("/v1/jobs/xyz", 400, "base58"),
        (&format!("/v1/jobs/{unknown}"), 404, "there is no job"),
        (&format!("/v1/jobs/{unknown}/timeline"), 404, "there is no job"),
        ("/v2", 404, "nothing at this path"),
    ] {
        let (found, body) = client.get(path).await;
        let text = body["detail"].as_str().unwrap_or_default();
        assert!(found == status && text.contains(detail), "{path}: {found} {body}");
    }
}

#[tokio::test]
async fn min_slot_waits_for_what_was_written() {
    let server = Server::start().await;
    let store = filled(&server, "min_slot").await;
    let progress = Arc::new(Progress::default());
    let client = Client::serve(store.clone(), progress.clone()).await;
    let waiting = client.ok("/v1/stats?min_slot=43");
    tokio::pin!(waiting);
    // It does not answer from the tables of slot 42.
    let early = tokio::time::timeout(std::time::Duration::from_millis(300), &mut waiting).await;
    assert!(early.is_err());
    store
        .write(&[bank(43, vec![], &[], vec![])], None, GENESIS)
        .await
        .expect("written");
    progress.written(43);
    assert_eq!(waiting.await["slot"], 43);

    let ready = async || {
        reqwest::get(format!("{}/readyz", client.base))
            .await
            .expect("an answer")
            .status()
            .as_u16()
    };
    progress.seen(50);
    assert_eq!(ready().await, 200);
    progress.seen(54);
    assert_eq!(ready().await, 503);
}
