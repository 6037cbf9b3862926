//! Migrations, each on a database that the one before it has filled; and the history's partitions.

mod common;

use std::borrow::Cow;

use common::{GENESIS, Server, account, bank, event, program, schema, write};
use gantry_indexer::Key;
use gantry_indexer::key;
use gantry_indexer::store::{MIGRATIONS, PARTITION_SLOTS, Retention, Store};
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

const JOB: Key = [1; 32];

/// The first `count` migrations.
fn first(count: usize) -> Migrator {
    Migrator {
        migrations: Cow::Owned(MIGRATIONS.migrations[..count].to_vec()),
        ..Migrator::DEFAULT
    }
}

async fn run(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// What an indexer of the first migration left: two jobs, events in slots of two partitions, a gap, a checkpoint.
fn filled_by_the_first() -> String {
    let schema = schema();
    let job = schema
        .accounts
        .iter()
        .find(|account| account.table == "job")
        .expect("a table");
    let data = account(&schema, "market", "Job", 0, &[("status", &[2])]);
    let columns: Vec<_> = job.fields.iter().map(|field| field.name.as_str()).collect();
    let values: Vec<_> = job
        .fields
        .iter()
        .map(|field| format!("'{}'", field.text(&data)))
        .collect();
    let row = |address: u8| {
        format!(
            "insert into job (address, slot, write_version, closed, data, {}) values ('\\x{}', 7, 3, false, '\\x{}', {});",
            columns.join(", "),
            hex::encode([address; 32]),
            hex::encode(&data),
            values.join(", "),
        )
    };
    let event = |slot: u64| {
        format!(
            "insert into event (signature, index, slot, transaction_index, block_time, program, name, accounts, data) \
             values ('\\x{:0128x}', 0, {slot}, 4, 5, 'market', 'JobOpened', array['\\x{}'::bytea], \
             '{{\"job\": \"{}\", \"deposited\": \"18446744073709551615\"}}');",
            slot,
            hex::encode(JOB),
            key::text(&JOB),
        )
    };
    [
        row(1),
        row(2),
        event(7),
        event(PARTITION_SLOTS * 3 + 1),
        "insert into event_gap (from_slot, to_slot) values (0, 5);".to_owned(),
        format!(
            "insert into checkpoint (slot, blockhash, block_time, genesis_hash) values ({}, 'h', 1, '{GENESIS}');",
            PARTITION_SLOTS * 3 + 1
        ),
    ]
    .concat()
}

#[tokio::test]
async fn each_migration_keeps_what_the_one_before_left() {
    let server = Server::start().await;
    let url = server.database("migrations").await;
    let mut connection = PgConnection::connect(&url).await.expect("a connection");
    first(1).run(&mut connection).await.expect("migrated");
    run(&url, &filled_by_the_first()).await;

    first(2).run(&mut connection).await.expect("migrated");
    let tip = (PARTITION_SLOTS * 3 + 1) as i64;
    let checkpoint: (i64, i64, i64, i64) =
        sqlx::query_as("select slot, finalized_slot, snapshot_slot, outbox_id from checkpoint")
            .fetch_one(&mut connection)
            .await
            .expect("a row");
    assert_eq!(
        checkpoint,
        (tip, 0, tip, 0),
        "what was written without undo rows cannot be undone"
    );
    let blocks: Vec<(i64, Option<i64>, String)> = sqlx::query_as("select slot, parent, blockhash from block")
        .fetch_all(&mut connection)
        .await
        .expect("rows");
    assert_eq!(blocks, [(tip, None, "h".to_owned())]);

    first(3).run(&mut connection).await.expect("migrated");
    let events: Vec<(i64, Vec<u8>)> = sqlx::query_as("select slot, job from event order by slot")
        .fetch_all(&mut connection)
        .await
        .expect("rows");
    assert_eq!(events, [(7, JOB.to_vec()), (tip, JOB.to_vec())]);

    let hex = |bytes: &[u8]| format!("'\\x{}'", hex::encode(bytes));
    let (job, other, signature) = (hex(&JOB), hex(&[2; 32]), hex(&[3; 64]));
    run(
        &url,
        &format!(
            "insert into undo (slot, account, address, before_slot, before_write_version, before_closed, before_data) \
             values ({tip}, 'job', {other}, null, null, null, null), ({tip}, 'job', {job}, 7, 3, false, '\\x01'), \
             ({tip}, 'node', {other}, 6, 2, true, '\\x0203'); \
             insert into outbox (id, slot, kind, name, address, signature, index) values \
             (1, {tip}, 'account', 'job', {job}, null, null), (2, {tip}, 'event', 'JobOpened', null, {signature}, 0), \
             (3, {tip}, 'finalized', '', null, null, null); update checkpoint set outbox_id = 3;"
        ),
    )
    .await;
    first(5).run(&mut connection).await.expect("migrated");
    let rows: Vec<String> = sqlx::query_scalar("select (u.*)::text from undo_row u order by slot, account, address")
        .fetch_all(&mut connection)
        .await
        .expect("rows");
    let (job, other) = (hex::encode(JOB), hex::encode([2; 32]));
    assert_eq!(
        rows,
        [
            format!("({tip},job,\"\\\\x{job}\",7,3,f,\"\\\\x01\")"),
            format!("({tip},job,\"\\\\x{other}\",,,,)"),
            format!("({tip},node,\"\\\\x{other}\",6,2,t,\"\\\\x0203\")"),
        ]
    );
    let entries: Vec<String> = sqlx::query_scalar(
        "select concat_ws(' ', id, count, kind, addresses::text, signature::text) from outbox order by id",
    )
    .fetch_all(&mut connection)
    .await
    .expect("rows");
    assert_eq!(
        entries,
        [
            format!("1 1 account {{\"\\\\x{job}\"}}"),
            format!("2 1 event \\x{}", hex::encode([3; 64])),
            "3 1 finalized".to_owned(),
        ]
    );

    // The newest indexer goes on from there.
    let store = Store::open(&url, schema()).await.expect("a store");
    let running: i64 = sqlx::query_scalar("select count(*) from analytics.jobs where status = 'running'")
        .fetch_one(store.pool())
        .await
        .expect("a count");
    assert_eq!(running, 2, "the jobs of old are in the views");
    let trunk = store
        .trunk(&store.checkpoint().await.expect("an answer").expect("a checkpoint"))
        .await
        .expect("a trunk");
    assert_eq!((trunk.tip(), trunk.undo_floor), (tip as u64, tip as u64));
    let market = program(&schema(), "market");
    let data = account(&schema(), "market", "Job", 0, &[("status", &[3])]);
    let mut next = bank(tip as u64 + 1, vec![write(market, JOB, 1, data)], &[], vec![]);
    next.facts.parent_blockhash = "h".to_owned();
    store.write(&[next], None, GENESIS).await.expect("written");
    assert_eq!(store.undo(tip as u64).await.expect("undone").rows, 1);
    let (jobs, gaps): (i64, i64) =
        sqlx::query_as("select (select count(*) from job where status = 2), (select count(*) from event_gap)")
            .fetch_one(store.pool())
            .await
            .expect("a row");
    assert_eq!((jobs, gaps), (2, 1));
    // Ids that were given out before there were epochs are of the first.
    let epochs: Vec<i64> = sqlx::query_scalar("select after from feed_epoch")
        .fetch_all(store.pool())
        .await
        .expect("rows");
    assert_eq!(epochs, [0]);
}

#[tokio::test]
async fn events_are_kept_in_partitions_and_dropped_by_them() {
    let server = Server::start().await;
    let store = server.store("partitions").await;
    let schema = schema();
    let slots = [10, PARTITION_SLOTS + 1, PARTITION_SLOTS * 4];
    let mut parent: Option<u64> = None;
    for slot in slots {
        let opened = event(&schema, "market", "ResultAccepted", &[&JOB]);
        let mut bank = bank(slot, vec![], &[], vec![opened]);
        if let Some(parent) = parent {
            bank.facts = common::facts(slot, parent);
        }
        parent = Some(slot);
        store.write(&[bank], None, GENESIS).await.expect("written");
    }
    let partitions = async || {
        let names: Vec<(String,)> = sqlx::query_as(
            "select inhrelid::regclass::text from pg_inherits where inhparent = 'event'::regclass order by 1",
        )
        .fetch_all(store.pool())
        .await
        .expect("rows");
        names.into_iter().map(|(name,)| name).collect::<Vec<_>>()
    };
    assert_eq!(partitions().await, ["event_p0", "event_p1", "event_p4"]);
    // The job's events are found by way of an index in each.
    let found: i64 = sqlx::query_scalar("select count(*) from event where job = $1")
        .bind(JOB.as_slice())
        .fetch_one(store.pool())
        .await
        .expect("a count");
    assert_eq!(found, 3);
    let retention = Retention {
        event_slots: Some(PARTITION_SLOTS * 2),
        outbox_rows: 2,
    };
    // Nothing is final: nothing is old.
    assert_eq!(store.maintain(retention).await.expect("kept"), 0);
    store
        .write(&[], Some(PARTITION_SLOTS * 4), GENESIS)
        .await
        .expect("written");
    assert_eq!(store.maintain(retention).await.expect("kept"), 2);
    assert_eq!(partitions().await, ["event_p4"]);
    let left: (i64, i64) = sqlx::query_as("select min(id), max(id) from outbox")
        .fetch_one(store.pool())
        .await
        .expect("a row");
    assert_eq!(left, (3, 4), "the newest rows stay");
    // What comes late of a partition that is gone finds it made again.
    let mut late = bank(
        PARTITION_SLOTS * 5,
        vec![],
        &[],
        vec![event(&schema, "market", "ResultAccepted", &[&JOB])],
    );
    late.facts = common::facts(PARTITION_SLOTS * 5, PARTITION_SLOTS * 4);
    assert_eq!(store.write(&[late], None, GENESIS).await.expect("written").events, 1);
}

#[tokio::test]
async fn the_timeline_of_a_job_has_the_amounts_of_every_transfer() {
    let server = Server::start().await;
    let store = server.store("timeline").await;
    let schema = schema();
    let (customer, provider, matcher, pool) = ([4; 32], [5; 32], [6; 32], [7; 32]);
    let amount = |amount: u64| amount.to_le_bytes();
    let opened = event(
        &schema,
        "market",
        "JobOpened",
        &[
            &JOB,
            &customer,
            &amount(0),
            &[3; 32],
            &amount(u64::MAX),
            &amount(9),
            &[1; 4],
            &[2; 32],
        ],
    );
    let settled = event(
        &schema,
        "market",
        "JobSettled",
        &[
            &JOB,
            &customer,
            &provider,
            &matcher,
            &amount(100),
            &60u32.to_le_bytes(),
            &amount(60),
            &amount(0),
            &amount(50),
            &amount(5),
            &amount(3),
            &amount(2),
            &amount(40),
            &amount(0),
        ],
    );
    let slashed = event(
        &schema,
        "staking",
        "Slashed",
        &[
            &pool,
            &amount(9),
            &amount(8),
            &amount(8),
            &amount(0),
            &amount(6),
            &amount(0),
            &amount(2),
            &amount(1),
            &amount(1),
            &amount(1),
        ],
    );
    let banks = [
        bank(10, vec![], &[], vec![opened]),
        bank(11, vec![], &[], vec![slashed, settled]),
    ];
    store.write(&banks, None, GENESIS).await.expect("written");
    let rows: Vec<(i64, i64, String, String)> = sqlx::query_as(
        "select slot, block_time, name, amounts::text from job_timeline where job = $1 \
         order by slot, transaction_index, index",
    )
    .bind(JOB.as_slice())
    .fetch_all(store.pool())
    .await
    .expect("rows");
    let of_settlement = "{\"to_matcher\": \"3\", \"to_customer\": \"40\", \"to_provider\": \"50\", \"to_treasury\": \"2\", \
                         \"to_delegators\": \"5\"}";
    assert_eq!(
        rows,
        [
            (
                10,
                1_700_000_010,
                "JobOpened".to_owned(),
                format!("{{\"deposited\": \"{}\"}}", u64::MAX)
            ),
            (11, 1_700_000_011, "JobSettled".to_owned(), of_settlement.to_owned()),
        ]
    );
    let of_stake: Vec<(String, String)> =
        sqlx::query_as("select kind, amount::text from job_transfer where job = $1 and of_stake order by kind")
            .bind(JOB.as_slice())
            .fetch_all(store.pool())
            .await
            .expect("rows");
    let expected = [("to_customer", "6"), ("to_treasury", "2")];
    assert_eq!(
        of_stake,
        expected.map(|(kind, amount)| (kind.to_owned(), amount.to_owned()))
    );
}
