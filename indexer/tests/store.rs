//! The tables: replays, batches and snapshots against a real Postgres.

mod common;

use common::{GENESIS, Server, account, bank, dump, event, program, schema, write};
use gantry_indexer::Key;
use gantry_indexer::store::{ProgramState, Snapshot, Store};
use gantry_indexer::stream::SealedBank;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sqlx::ConnectOptions;

const A: Key = [1; 32];
const B: Key = [2; 32];

fn job(fill: u8, status: u8) -> Vec<u8> {
    account(&schema(), "market", "Job", fill, &[("status", &[status])])
}

fn history() -> impl Strategy<Value = Vec<SealedBank>> {
    let change = (1..5u8, 0..5u8, any::<u8>());
    let slot = (prop::collection::vec(change, 0..5), prop::option::of(1..5u8));
    prop::collection::vec(slot, 3..12).prop_map(|slots| {
        let schema = schema();
        let (market, staking) = (program(&schema, "market"), program(&schema, "staking"));
        let mut version = 0;
        let of_slot = |(index, (changes, closed)): (usize, (Vec<_>, Option<u8>))| {
            let mut events = Vec::new();
            let mut writes = Vec::new();
            for (address, kind, fill) in changes {
                version += 1;
                let (address, fill) = ([address; 32], fill % 128);
                writes.push(match kind {
                    0 => write(
                        staking,
                        [address[0] + 100; 32],
                        version,
                        account(&schema, "staking", "Pool", fill, &[]),
                    ),
                    _ => write(market, address, version, job(fill, fill % 7)),
                });
                events.push(event(&schema, "market", "ResultAccepted", &[&address]));
            }
            bank(
                10 + index as u64,
                writes,
                &closed.map(|address| [address; 32]).into_iter().collect::<Vec<_>>(),
                events,
            )
        };
        slots.into_iter().enumerate().map(of_slot).collect()
    })
}

/// Empties the tables that the histories fill; `reset` takes new files for all tables, which is slow.
async fn clear(store: &Store) {
    for sql in [
        "delete from job",
        "delete from pool",
        "delete from event",
        "delete from block",
        "delete from undo",
        "delete from outbox",
        "delete from checkpoint",
    ] {
        sqlx::query(sql).execute(store.pool()).await.expect("deleted");
    }
}

async fn write_all(store: &Store, banks: &[SealedBank]) {
    store.write(banks, None, GENESIS).await.expect("written");
}

#[tokio::test]
async fn batches_and_replays_give_the_same_tables_byte_for_byte() {
    let server = Server::start().await;
    let (whole, parts) = (server.store("whole").await, server.store("parts").await);
    let mut runner = TestRunner::deterministic();
    for _ in 0..24 {
        let banks = history().new_tree(&mut runner).expect("a history").current();
        let cuts = (0..banks.len(), 0..banks.len())
            .new_tree(&mut runner)
            .expect("cuts")
            .current();
        let (from, to) = (cuts.0.min(cuts.1), cuts.0.max(cuts.1));
        clear(&whole).await;
        clear(&parts).await;
        write_all(&whole, &banks).await;
        for bank in &banks[..to] {
            write_all(&parts, std::slice::from_ref(bank)).await;
        }
        // Killed, and resumed from an older checkpoint.
        write_all(&parts, &banks[from..]).await;
        let expected = dump(&whole).await;
        assert_eq!(dump(&parts).await, expected);
        // All of it again changes nothing.
        let written = parts.write(&banks, None, GENESIS).await.expect("written");
        assert_eq!((dump(&parts).await, written.events), (expected, 0));
        let checkpoint = parts.checkpoint().await.expect("an answer").expect("a checkpoint");
        assert_eq!(checkpoint.slot as u64, banks.last().expect("a bank").slot);
    }
}

#[tokio::test]
async fn every_type_of_account_fits_its_table_with_its_largest_values() {
    let server = Server::start().await;
    let store = server.store("types").await;
    let schema = schema();
    let types = [
        (
            "registry",
            ["Network", "Provider", "Node", "Attestor", "Device"].as_slice(),
        ),
        ("staking", &["StakingParams", "Pool", "Position"]),
        ("market", &["MarketParams", "PaymentMint", "Customer", "Job"]),
    ];
    let mut writes = Vec::new();
    for (owner, names) in types {
        for name in names {
            for fill in [0, 0x7f, 0xff] {
                let address = [writes.len() as u8; 32];
                let data = account(&schema, owner, name, fill, &[]);
                writes.push(write(program(&schema, owner), address, 1, data));
            }
        }
    }
    let written = store
        .write(&[bank(5, writes, &[], vec![])], None, GENESIS)
        .await
        .expect("written");
    assert_eq!(written.rows, 12 * 3);
    let numbers: (String, String, i64, String) = sqlx::query_as(
        "select reward_index::text, active::text, commission_change_at, wiped_reward_index ->> 0 from pool \
         order by reward_index desc limit 1",
    )
    .fetch_one(store.pool())
    .await
    .expect("a row");
    assert_eq!(
        numbers,
        (u128::MAX.to_string(), u64::MAX.to_string(), -1, u128::MAX.to_string())
    );
    let node: (i32, String, i64) =
        sqlx::query_as("select gpu_model, country, disk_gib from node order by gpu_model desc limit 1")
            .fetch_one(store.pool())
            .await
            .expect("a row");
    assert_eq!(
        node,
        (65_535, String::new(), u32::MAX.into()),
        "bytes that are no letters are no country"
    );
    let (base58,): (String,) = sqlx::query_as("select base58('\\x00000102'::bytea)")
        .fetch_one(store.pool())
        .await
        .expect("text");
    assert_eq!(base58, gantry_indexer::key::text(&[0, 0, 1, 2]));
}

#[tokio::test]
async fn closed_accounts_keep_their_last_state_and_can_come_back() {
    let server = Server::start().await;
    let store = server.store("closed").await;
    let market = program(&schema(), "market");
    let state = async || {
        let sql = "select closed, slot, status from job where address = $1";
        sqlx::query_as::<_, (bool, i64, i16)>(sql)
            .bind(A.as_slice())
            .fetch_one(store.pool())
            .await
            .expect("a row")
    };
    write_all(
        &store,
        &[
            bank(5, vec![write(market, A, 7, job(0, 2))], &[], vec![]),
            bank(6, vec![], &[A, B], vec![]),
        ],
    )
    .await;
    assert_eq!(state().await, (true, 6, 2));
    write_all(&store, &[bank(5, vec![write(market, A, 7, job(0, 2))], &[], vec![])]).await;
    assert_eq!(state().await, (true, 6, 2), "an older write changes nothing");
    write_all(&store, &[bank(7, vec![write(market, A, 1, job(0, 0))], &[], vec![])]).await;
    assert_eq!(state().await, (false, 7, 0));
}

#[tokio::test]
async fn a_snapshot_joins_what_the_stream_brings_of_the_same_slots() {
    let server = Server::start().await;
    let store = server.store("snapshot").await;
    let schema = schema();
    let market = program(&schema, "market");
    let at = |slot, accounts: Vec<(Key, Vec<u8>)>| Snapshot {
        programs: vec![ProgramState {
            program: market,
            slot,
            accounts,
        }],
        checkpoint: 18,
        gap: Some((11, 18)),
        abandoned_after: None,
    };
    write_all(
        &store,
        &[bank(
            10,
            vec![write(market, A, 1, job(0, 1)), write(market, B, 2, job(0, 1))],
            &[],
            vec![],
        )],
    )
    .await;
    // Read at slot 20: A has gone on, B is gone.
    store
        .write_snapshot(&at(20, vec![(A, job(0, 2))]), GENESIS)
        .await
        .expect("written");
    // The stream replays 19, which is older, and 20, in whose middle the snapshot was read.
    let replayed = [
        bank(
            19,
            vec![write(market, A, 5, job(0, 1)), write(market, B, 6, job(0, 1))],
            &[],
            vec![],
        ),
        bank(20, vec![write(market, A, 7, job(0, 3))], &[], vec![]),
    ];
    write_all(&store, &replayed).await;
    let rows: Vec<(bool, i64, i16)> = sqlx::query_as("select closed, slot, status from job order by address")
        .fetch_all(store.pool())
        .await
        .expect("rows");
    assert_eq!(rows, [(false, 20, 3), (true, 20, 1)]);
    assert!(dump(&store).await.contains(&"event_gap (11,18)".to_owned()));
    assert_eq!(
        store.checkpoint().await.expect("an answer").expect("a checkpoint").slot,
        20
    );
}

#[tokio::test]
async fn one_instance_leads_and_the_next_takes_over() {
    let server = Server::start().await;
    let store = server.store("leader").await;
    let leader = store.try_lead().await.expect("an answer").expect("nobody leads yet");
    assert!(store.try_lead().await.expect("an answer").is_none());
    sqlx::Connection::close(leader).await.expect("closed");
    assert!(store.try_lead().await.expect("an answer").is_some());
}

#[tokio::test]
async fn a_table_that_does_not_fit_the_programs_is_refused() {
    let server = Server::start().await;
    let store = server.store("drift").await;
    // The analysts' views stand on the column.
    sqlx::raw_sql("drop schema analytics cascade; alter table job alter column bond type bigint")
        .execute(store.pool())
        .await
        .expect("altered");
    let url = store.pool().connect_options().to_url_lossy().to_string();
    let error = Store::open(&url, schema()).await.err().expect("refused").to_string();
    assert!(
        error.contains("column bond of table job is bigint, not numeric"),
        "{error}"
    );
}
