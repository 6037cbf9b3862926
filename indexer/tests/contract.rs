//! Schemathesis over the API: requests made from its own description, and answers held to it.
//!
//! Runs where `GANTRY_SCHEMATHESIS` names the program, as `cargo xtask test contract` does; says so where it does not.

#[path = "common/mod.rs"]
mod common;
#[allow(dead_code)]
#[path = "api/market.rs"]
mod market;

use std::path::Path;
use std::sync::Arc;

use gantry_indexer::key;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use tokio::process::Command;

use common::{GENESIS, Server, account, bank, program, schema, write};
use market::{CUSTOMER, Client, MINT, filled};

/// A slot that no request waits for: one in a million million asks for a slot that is just ahead.
const FAR: u64 = 9_000_000_000_000_000;
/// The operations of the document that are not streams.
const OPERATIONS: u64 = 20;
/// The address of one of each kind.
const KNOWN: gantry_indexer::Key = [77; 32];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_made_from_the_document_are_answered_as_it_says() {
    let Some(schemathesis) = std::env::var_os("GANTRY_SCHEMATHESIS").filter(|path| !path.is_empty()) else {
        println!("skipped: GANTRY_SCHEMATHESIS names no schemathesis");
        return;
    };
    let server = Server::start().await;
    let store = filled(&server, "schemathesis").await;
    let provider = account(&schema(), "registry", "Provider", 0, &[("authority", &CUSTOMER)]);
    let provider = write(program(&schema(), "registry"), KNOWN, 99, provider);
    let mut far = bank(FAR, vec![provider], &[], vec![]);
    (far.facts.parent, far.facts.parent_blockhash) = (42, "hash42".to_owned());
    store.write(&[far], None, GENESIS).await.expect("written");
    // One address for one of each, so that requests made at random find something.
    for (table, byte) in [
        ("job", 10u8),
        ("node", 6),
        ("pool", 20),
        ("position", 21),
        ("dispute", 24),
    ] {
        let sql = format!("update {table} set address = $1 where address = $2");
        let done = sqlx::query(AssertSqlSafe(sql))
            .bind(KNOWN.as_slice())
            .bind([byte; 32].as_slice());
        assert_eq!(
            done.execute(store.pool()).await.expect("moved").rows_affected(),
            1,
            "{table}"
        );
    }
    let client = Client::serve(store.clone(), Arc::default()).await;
    let before = common::dump(&store).await;

    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.json");
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract");
    let keys = [KNOWN, KNOWN, MINT, CUSTOMER].map(|key| key::text(&key));
    let status = Command::new(schemathesis)
        .arg("--config-file")
        .arg(here.join("schemathesis.toml"))
        .arg("run")
        .arg(format!("{}/openapi.json", client.base))
        .args(["--no-color", "--report", "json", "--report-json-path"])
        .arg(&report)
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", &here)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("GANTRY_CONTRACT_KEYS", keys.join(","))
        .current_dir(folder.path())
        .kill_on_drop(true)
        .status()
        .await
        .expect("schemathesis starts");
    assert!(status.success(), "{status}");
    assert_eq!(common::dump(&store).await, before, "reading changed a table");
    let report: Value = serde_json::from_slice(&std::fs::read(&report).expect("a report")).expect("JSON");
    let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    let operations = ["selected", "tested", "errored"].map(|word| number(&format!("/operations/{word}")));
    assert_eq!(operations, [OPERATIONS, OPERATIONS, 0], "{report:#}");
    assert!(number("/test_cases/generated") > 1_000, "{report:#}");
    // Each of them was asked for something that it has.
    let rates = report["valid_rates"].as_object().expect("rates");
    for (operation, phases) in rates {
        let accepted = phases.as_object().into_iter().flatten();
        let accepted: u64 = accepted.filter_map(|(_, counts)| counts["accepted"].as_u64()).sum();
        assert!(accepted > 0, "{operation}: {phases}");
    }
    assert_eq!(rates.len() as u64, OPERATIONS, "{rates:#?}");
}
