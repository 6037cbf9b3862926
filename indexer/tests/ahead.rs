//! Banks that are written before they are confirmed: nobody sees them, and what comes of it is what a plain write gives.

mod common;

use std::sync::Arc;

use common::{GENESIS, Server, account, bank, dump, event, program, schema, write};
use gantry_indexer::Key;
use gantry_indexer::store::{Store, StoreError};
use gantry_indexer::stream::SealedBank;

const A: Key = [1; 32];
const B: Key = [2; 32];

/// Writes A and closes B, or the other way round.
fn block(slot: u64, fill: u8, swapped: bool) -> SealedBank {
    let schema = schema();
    let (written, closed) = if swapped { (B, A) } else { (A, B) };
    let data = account(&schema, "market", "Job", fill, &[("status", &[2])]);
    let writes = vec![write(program(&schema, "market"), written, slot, data)];
    let reported = event(&schema, "market", "ResultAccepted", &[&written]);
    bank(slot, writes, &[closed], vec![reported])
}

/// Everything that must be the same whichever way it was written: the tables, the way back, and what was told.
async fn all(store: &Store) -> Vec<String> {
    let mut rows = dump(store).await;
    for sql in [
        "select 'undo ' || u::text from undo u order by slot, account, part",
        "select 'outbox ' || o::text from outbox o order by id",
        "select 'block ' || b::text from block b order by slot",
    ] {
        let found: Vec<String> = sqlx::query_scalar(sql).fetch_all(store.pool()).await.expect("rows");
        rows.extend(found);
    }
    rows.push(format!("{:?}", store.checkpoint().await.expect("an answer")));
    rows
}

async fn started(server: &Server, name: &str) -> Store {
    let store = server.store(name).await;
    let banks = [block(10, 1, false), block(11, 2, true)];
    store.write(&banks, Some(10), GENESIS).await.expect("written");
    store
}

#[tokio::test]
async fn a_bank_that_is_written_ahead_is_seen_once_it_is_confirmed_and_is_what_a_plain_write_gives() {
    let server = Server::start().await;
    let (plain, early) = (started(&server, "plain").await, started(&server, "early").await);
    let banks = [block(12, 3, false), block(13, 4, true), block(14, 5, false)];
    for (count, finalized) in [(1, None), (3, Some(12))] {
        let banks = &banks[..count];
        let before = all(&early).await;
        let prepared: Vec<_> = banks.iter().map(|bank| Arc::new(early.prepare(bank))).collect();
        let at = early.checkpoint().await.expect("an answer").expect("a checkpoint").slot as u64;
        let from = prepared.partition_point(|bank| bank.slot() <= at);
        let next = &prepared[from];
        let ahead = early.write_ahead(next).await.expect("written").expect("it is new");
        assert_eq!(all(&early).await, before, "nobody sees it");
        early
            .write_prepared(&prepared[from..], Some(ahead), finalized, GENESIS)
            .await
            .expect("written");
        plain.write(banks, finalized, GENESIS).await.expect("written");
        assert_eq!(all(&early).await, all(&plain).await);
    }
    for store in [&plain, &early] {
        assert_eq!(store.undo(12).await.expect("undone").events, 2);
    }
    assert_eq!(dump(&early).await, dump(&plain).await);
}

#[tokio::test]
async fn a_bank_that_was_written_ahead_and_abandoned_leaves_nothing() {
    let server = Server::start().await;
    let (plain, early) = (started(&server, "never").await, started(&server, "dropped").await);
    let abandoned = Arc::new(early.prepare(&block(12, 3, false)));
    let ahead = early
        .write_ahead(&abandoned)
        .await
        .expect("written")
        .expect("it is new");
    drop(ahead);
    let mut other = block(12, 9, true);
    other.facts.blockhash = "other12".to_owned();
    for store in [&plain, &early] {
        store
            .write(std::slice::from_ref(&other), None, GENESIS)
            .await
            .expect("written");
    }
    assert_eq!(all(&early).await, all(&plain).await);
}

#[tokio::test]
async fn only_what_continues_the_tables_is_written_ahead() {
    let server = Server::start().await;
    let store = started(&server, "refused").await;
    let known = Arc::new(store.prepare(&block(11, 2, true)));
    assert!(
        store.write_ahead(&known).await.expect("an answer").is_none(),
        "it is there"
    );
    let gap = Arc::new(store.prepare(&block(14, 2, true)));
    let refused = store.write_ahead(&gap).await.map(|_| ()).expect_err("13 is missing");
    assert!(
        matches!(refused, StoreError::NotContiguous { slot: 14, .. }),
        "{refused}"
    );
    // Neither holds anybody up.
    store
        .write(&[block(12, 3, false)], None, GENESIS)
        .await
        .expect("written");
}
