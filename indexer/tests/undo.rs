//! Going back: what was confirmed and then abandoned leaves no trace in the tables, and the outbox tells all of it.

mod common;

use common::{GENESIS, Server, account, bank, dump, event, program, schema, write};
use gantry_indexer::Key;
use gantry_indexer::store::{Store, StoreError};
use gantry_indexer::stream::{BlockFacts, SealedBank};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

type Content = (Vec<(u8, u8, u8)>, Option<u8>);

/// Writes of jobs and pools, each with an event, and maybe a closing.
fn content() -> impl Strategy<Value = Content> {
    let change = (1..6u8, 0..4u8, any::<u8>());
    (prop::collection::vec(change, 0..5), prop::option::of(1..6u8))
}

/// A bank of the branch named `fork` in `slot`, on a parent of the branch named `on`.
fn block(slot: u64, fork: &str, parent: (u64, &str), content: &Content) -> SealedBank {
    let schema = schema();
    let (market, staking) = (program(&schema, "market"), program(&schema, "staking"));
    let (mut writes, mut events) = (Vec::new(), Vec::new());
    for (place, (address, kind, fill)) in content.0.iter().enumerate() {
        let (version, fill) = (slot * 10 + place as u64, fill % 128);
        writes.push(match kind {
            0 => {
                let data = account(&schema, "staking", "Pool", fill, &[]);
                write(staking, [address + 100; 32], version, data)
            }
            _ => {
                let data = account(&schema, "market", "Job", fill, &[("status", &[fill % 7])]);
                write(market, [*address; 32], version, data)
            }
        });
        events.push(event(&schema, "market", "ResultAccepted", &[&[*address; 32]]));
    }
    let closed: Vec<Key> = content.1.iter().map(|address| [*address; 32]).collect();
    let mut bank = bank(slot, writes, &closed, events);
    bank.facts = BlockFacts {
        parent: parent.0,
        parent_blockhash: format!("{}{}", parent.1, parent.0),
        blockhash: format!("{fork}{slot}"),
        time: Some(slot as i64),
    };
    // A transaction of another branch is another transaction.
    bank.transactions[0].signature[9] = fork.as_bytes()[0];
    bank
}

fn chain(from: u64, fork: &str, on: &str, contents: &[Content]) -> Vec<SealedBank> {
    let mut parent = (from - 1, on);
    let mut banks = Vec::new();
    for (slot, content) in (from..).zip(contents) {
        banks.push(block(slot, fork, parent, content));
        parent = (slot, fork);
    }
    banks
}

async fn put(store: &Store, banks: &[SealedBank], finalized: Option<u64>) {
    store.write(banks, finalized, GENESIS).await.expect("written");
}

async fn clear(store: &Store) {
    for table in ["job", "pool", "event", "block", "undo", "outbox", "checkpoint"] {
        let sql = sqlx::AssertSqlSafe(format!("delete from {table}"));
        sqlx::query(sql).execute(store.pool()).await.expect("deleted");
    }
}

/// Ids of the outbox begin at 1 and have no holes, and the checkpoint knows the last.
async fn outbox_is_whole(store: &Store) {
    let (count, first, last): (i64, i64, i64) = sqlx::query_as(
        "select coalesce(sum(count), 0)::bigint, coalesce(min(id - count + 1), 1), coalesce(max(id), 0) from outbox",
    )
    .fetch_one(store.pool())
    .await
    .expect("a row");
    let checkpoint = store.checkpoint().await.expect("an answer").expect("a checkpoint");
    assert_eq!((count, first, checkpoint.outbox_id), (last, 1, last));
}

#[tokio::test]
async fn tables_after_an_abandoned_branch_are_those_of_a_chain_that_never_had_it() {
    let server = Server::start().await;
    let (plain, forked) = (server.store("plain").await, server.store("forked").await);
    let mut runner = TestRunner::deterministic();
    for round in 0..24u64 {
        let mut contents = |count: usize| {
            prop::collection::vec(content(), count..=count)
                .new_tree(&mut runner)
                .expect("contents")
                .current()
        };
        let (common, lost, won) = (contents(4), contents(1 + round as usize % 4), contents(3));
        let trunk = chain(10, "a", "a", &common);
        let lost = chain(14, "b", "a", &lost);
        let won = chain(14, "c", "a", &won);
        // Final up to 11: some of the trunk was written with a way back, some without.
        for store in [&plain, &forked] {
            clear(store).await;
            put(store, &trunk, Some(11)).await;
        }
        put(&plain, &won, None).await;
        // Once in one transaction and once a bank at a time.
        if round % 2 == 0 {
            put(&forked, &lost, None).await;
        } else {
            for bank in &lost {
                put(&forked, std::slice::from_ref(bank), None).await;
            }
        }
        forked.undo(13).await.expect("undone");
        let expected = {
            clear(&plain).await;
            put(&plain, &trunk, Some(11)).await;
            dump(&plain).await
        };
        assert_eq!(dump(&forked).await, expected, "nothing of the branch is left");
        // The same again changes nothing.
        assert_eq!(forked.undo(13).await.expect("undone").rows, 0);
        for store in [&plain, &forked] {
            put(store, &won, None).await;
        }
        assert_eq!(dump(&forked).await, dump(&plain).await);
        outbox_is_whole(&forked).await;
    }
}

#[tokio::test]
async fn what_is_final_has_no_way_back_and_takes_no_room() {
    let server = Server::start().await;
    let store = server.store("final").await;
    let content: Content = (vec![(1, 1, 1), (2, 1, 2)], None);
    let banks = chain(10, "a", "a", &vec![content; 100]);
    put(&store, &banks, Some(5)).await;
    let undo = async || {
        let count: i64 = sqlx::query_scalar("select count(*) from undo_row")
            .fetch_one(store.pool())
            .await
            .expect("a count");
        count
    };
    assert_eq!(undo().await, 200);
    // All but the margin that comparing at a final slot needs.
    put(&store, &[], Some(108)).await;
    let checkpoint = store.checkpoint().await.expect("an answer").expect("a checkpoint");
    assert_eq!((checkpoint.slot, checkpoint.finalized_slot), (109, 108));
    assert_eq!(undo().await, 2 * 65);
    let error = store.undo(107).await.expect_err("it is final");
    assert!(
        matches!(error, StoreError::CannotUndo { to: 107, floor: 108 }),
        "{error}"
    );
    assert_eq!(store.undo(108).await.expect("undone").rows, 2);
    let trunk = store
        .trunk(&store.checkpoint().await.expect("an answer").expect("a checkpoint"))
        .await
        .expect("a trunk");
    assert_eq!((trunk.root, trunk.tip(), trunk.blocks.len()), (108, 108, 1));
}

#[tokio::test]
async fn a_bank_that_does_not_continue_the_tables_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let store = server.store("contiguous").await;
    let content: Content = (vec![(1, 1, 1)], None);
    let banks = chain(10, "a", "a", &vec![content.clone(); 4]);
    put(&store, &banks[..2], None).await;
    let before = dump(&store).await;
    let other_branch = chain(12, "b", "b", std::slice::from_ref(&content));
    for left_out in [
        &banks[3..],
        &other_branch[..],
        &[banks[2].clone(), other_branch[0].clone()],
    ] {
        let error = store.write(left_out, None, GENESIS).await.expect_err("refused");
        assert!(matches!(error, StoreError::NotContiguous { .. }), "{error}");
        assert!(!error.is_passing(), "trying again does not help");
    }
    assert_eq!(dump(&store).await, before);
    // Two that believe to lead: the second finds the first's banks there, and leaves them out.
    let (one, other) = tokio::join!(store.write(&banks, None, GENESIS), store.write(&banks, None, GENESIS));
    let rows = one.expect("written").rows + other.expect("written").rows;
    assert_eq!(rows, 2);
    outbox_is_whole(&store).await;
}

#[tokio::test]
async fn the_outbox_tells_every_change_and_every_way_back_in_order() {
    let server = Server::start().await;
    let store = server.store("outbox").await;
    let opened: Content = (vec![(1, 1, 1)], None);
    let closed: Content = (vec![], Some(1));
    put(&store, &chain(10, "a", "a", std::slice::from_ref(&opened)), None).await;
    put(&store, &chain(11, "b", "a", std::slice::from_ref(&closed)), None).await;
    store.undo(10).await.expect("undone");
    put(&store, &chain(11, "c", "a", std::slice::from_ref(&opened)), Some(10)).await;
    let told: Vec<(i64, String, i64, String)> = sqlx::query_as("select id, kind, slot, name from outbox order by id")
        .fetch_all(store.pool())
        .await
        .expect("rows");
    let told: Vec<_> = told
        .iter()
        .map(|(id, kind, slot, name)| format!("{id} {kind} {slot} {name}"))
        .collect();
    let expected = [
        "1 account 10 job",
        "2 event 10 ResultAccepted",
        "3 closed 11 job",
        "4 rollback 10 ",
        "5 undone 10 job",
        "6 account 11 job",
        "7 event 11 ResultAccepted",
        "8 finalized 10 ",
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn accounts_in_doubt_are_settled_by_what_the_chain_says_at_a_final_slot() {
    let server = Server::start().await;
    let store = server.store("doubt").await;
    let market = program(&schema(), "market");
    let opened: Content = (vec![(1, 1, 1), (2, 1, 2), (3, 1, 3)], None);
    let mut banks = chain(10, "a", "a", &[opened, (vec![], None)]);
    // A transaction may have written these, and no write passed; 9 is none of ours.
    banks[1].doubtful = vec![[1; 32], [2; 32], [9; 32]];
    put(&store, &banks, None).await;
    assert!(store.doubts(10).await.expect("an answer").is_empty(), "not final yet");
    assert_eq!(store.doubts(11).await.expect("an answer"), [[1; 32], [2; 32]]);
    // 1 was closed and given lamports again in one transaction: it is the System program's now. 2 is as it was.
    let data = account(&schema(), "market", "Job", 2, &[("status", &[2])]);
    let of_system = gantry_indexer::rpc::ChainAccount {
        owner: [0; 32],
        data: vec![],
    };
    let ours = gantry_indexer::rpc::ChainAccount { owner: market, data };
    let settled = store
        .settle(11, &[([1; 32], Some(of_system)), ([2; 32], Some(ours))])
        .await
        .expect("settled");
    assert_eq!(settled, 2);
    let rows: Vec<(bool,)> = sqlx::query_as("select closed from job order by address")
        .fetch_all(store.pool())
        .await
        .expect("rows");
    assert_eq!(rows, [(true,), (false,), (false,)]);
    assert!(store.doubts(11).await.expect("an answer").is_empty());
    outbox_is_whole(&store).await;
}
