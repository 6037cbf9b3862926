//! A market to read, and a client of the API.

#![allow(unreachable_pub)]

use std::sync::Arc;

use gantry_indexer::Key;
use gantry_indexer::api::{Api, Limits};
use gantry_indexer::progress::Progress;
use gantry_indexer::store::Store;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;

use crate::common::{GENESIS, Server, account, bank, event, program, schema, write};

pub const MINT: Key = [3; 32];
pub const CUSTOMER: Key = [4; 32];

pub struct Client {
    pub base: String,
    pub http: reqwest::Client,
}

impl Client {
    pub async fn serve(store: Store, progress: Arc<Progress>) -> Self {
        let unlimited = Limits {
            requests_per_second: 0,
            ..Limits::default()
        };
        Self::serve_within(unlimited, store, progress).await
    }

    pub async fn serve_within(limits: Limits, store: Store, progress: Arc<Progress>) -> Self {
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let api = Api::new(store, progress, metrics, 10).with_limits(limits);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(api.serve(listener));
        Self {
            base,
            http: reqwest::Client::new(),
        }
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
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

    pub async fn ok(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }
}

pub fn job(number: u8, status: u8) -> Vec<u8> {
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

pub async fn filled(server: &Server, name: &str) -> Store {
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
    let pool = account(
        &schema,
        "staking",
        "Pool",
        0,
        &[("provider", &[8; 32]), ("reward_mint", &MINT), ("wipes", &[1])],
    );
    let mut unbonding = [0; 192];
    unbonding[..16].copy_from_slice(&u128::MAX.to_le_bytes());
    unbonding[16..24].copy_from_slice(&99i64.to_le_bytes());
    let position = |owner: u8, shares: u128, wipes: u8| {
        let fields: [(&str, &[u8]); 6] = [
            ("pool", &[20; 32]),
            ("owner", &[owner; 32]),
            ("shares", &shares.to_le_bytes()),
            ("unbonding", &unbonding),
            ("unbonding_count", &[1]),
            ("wipes", &[wipes]),
        ];
        account(&schema, "staking", "Position", 0, &fields)
    };
    let mut votes = [0; 45];
    votes[5..10].copy_from_slice(&[1, 0x10, 0x27, 100, 0]);
    let fields: [(&str, &[u8]); 4] = [
        ("job", &[11; 32]),
        ("opener", &CUSTOMER),
        ("bond", &5u64.to_le_bytes()),
        ("votes", &votes),
    ];
    let dispute = account(&schema, "market", "Dispute", 0, &fields);
    let mut arbiters = [0; 288];
    arbiters[..32].fill(50);
    arbiters[32..64].fill(51);
    let fields: [(&str, &[u8]); 4] = [
        ("arbiters", &arbiters),
        ("arbiter_count", &[2]),
        ("arbiter_threshold", &[2]),
        ("paused", &[2]),
    ];
    let network = account(&schema, "registry", "Network", 0, &fields);
    let mut terms = [0; 60];
    terms[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    terms[8..12].copy_from_slice(&7u32.to_le_bytes());
    let fields: [(&str, &[u8]); 2] = [("terms", &terms), ("genesis_hash", &[9; 32])];
    let params = account(&schema, "market", "MarketParams", 0, &fields);
    let staking = program(&schema, "staking");
    let mut writes = vec![
        write(staking, [20; 32], 4, pool),
        write(staking, [21; 32], 5, position(60, u128::MAX, 0)),
        write(staking, [22; 32], 6, position(61, 7, 1)),
        write(staking, [23; 32], 7, position(61, 30, 1)),
        write(market, [24; 32], 8, dispute),
        write(registry, [25; 32], 9, network),
        write(market, [26; 32], 9, params),
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

impl Client {
    /// All pages of a list, in its order.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let mut page = self.ok(&format!("{path}{cursor}")).await;
            let data = page["data"].as_array_mut().expect("a list");
            assert!(
                !data.is_empty() || items.is_empty(),
                "{path}: an empty page after the first"
            );
            items.append(data);
            let Some(next) = page["next_cursor"].as_str() else {
                return items;
            };
            cursor = format!("&cursor={next}");
        }
    }
}
