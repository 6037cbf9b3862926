//! What the reads answer.

use std::sync::Arc;

use gantry_indexer::key;
use gantry_indexer::progress::Progress;

use crate::common::{GENESIS, Server, account, bank, program, schema, write};
use crate::market::{CUSTOMER, Client, MINT, filled};

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
async fn the_numbers_may_be_older_than_the_tables_but_not_than_min_slot() {
    let server = Server::start().await;
    let store = filled(&server, "numbers").await;
    let progress = Arc::new(Progress::default());
    let client = Client::serve(store.clone(), progress.clone()).await;
    let first = client.ok("/v1/stats").await;
    assert_eq!(
        (&first["slot"], &first["data"]["jobs"]["open"]),
        (&42.into(), &1.into())
    );
    let schema = schema();
    for slot in 43..=45 {
        let data = account(&schema, "market", "Job", 0, &[]);
        let opened = write(program(&schema, "market"), [slot as u8; 32], 1, data);
        let next = bank(slot, vec![opened], &[], vec![]);
        store.write(&[next], None, GENESIS).await.expect("written");
        progress.written(slot);
        let stats = client.ok(&format!("/v1/stats?min_slot={slot}")).await;
        assert_eq!(
            (&stats["slot"], &stats["data"]["jobs"]["open"]),
            (&slot.into(), &(slot - 41).into())
        );
    }
    // Who asks for nothing newer gets there too, once it is time to count again.
    let next = bank(46, vec![], &[], vec![]);
    store.write(&[next], None, GENESIS).await.expect("written");
    let newer = async {
        while client.ok("/v1/stats").await["slot"] != 46 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::common::serving::PATIENCE, newer)
        .await
        .expect("the newer numbers");
}

#[tokio::test]
async fn a_closed_job_and_what_closed_it_are_of_one_moment() {
    let server = Server::start().await;
    let store = filled(&server, "moment").await;
    let client = Client::serve(store.clone(), Arc::default()).await;
    let path = format!("/v1/jobs/{}", key::text(&[10; 32]));
    let mut change = store.pool().begin().await.expect("a transaction");
    sqlx::raw_sql("lock table event in access exclusive mode; delete from event where name = 'JobSettled'")
        .execute(&mut *change)
        .await
        .expect("locked");
    let asked = async {
        let job = client.ok(&path).await;
        assert_eq!(job["data"]["closing"]["name"], "JobSettled", "{job}");
    };
    // The job's row is read, what closed it is asked for and has to wait; then it is taken back.
    let taken_back = async {
        let waiting =
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
        while sqlx::query_scalar::<_, i64>(waiting)
            .fetch_one(store.pool())
            .await
            .expect("a count")
            == 0
        {
            tokio::task::yield_now().await;
        }
        change.commit().await.expect("committed");
    };
    tokio::join!(asked, taken_back);
    let job = client.ok(&path).await;
    assert!(job["data"].get("closing").is_none(), "{job}");
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
    let pools = client.ok("/v1/pools").await["data"].take();
    assert_eq!(
        (pools[0]["positions"].as_i64(), &pools[0]["provider"]),
        (Some(0), &key::text(&[8; 32]).into())
    );
    assert_eq!(client.ok("/v1/pools?closed=true").await["data"], serde_json::json!([]));
}

#[tokio::test]
async fn bad_requests_get_a_problem_that_says_what_to_do() {
    let server = Server::start().await;
    let client = Client::serve(filled(&server, "bad").await, Arc::default()).await;
    let unknown = key::text(&[77; 32]);
    for (path, status, detail) in [
        ("/v1/jobs?status=broken", 400, "one of open, assigned"),
        ("/v1/jobs?sort=mint", 400, "created_at, deposited"),
        ("/v1/mints?sort=price", 400, "address is expected"),
        ("/v1/jobs?country=D%00", 400, "two letters"),
        ("/v1/events?name=%00", 400, "name is none"),
        ("/v1/events?program=token", 400, "registry, staking, market"),
        ("/v1/jobs?min_slot=18446744073709551615", 400, "the chain is at slot 42"),
        ("/v1/jobs/%ff", 400, "Invalid"),
        ("/v1/disputes?closed=maybe", 400, "closed"),
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

fn numbers(items: &[serde_json::Value], field: &str) -> Vec<u128> {
    let number = |item: &serde_json::Value| {
        let value = item.pointer(field).expect("the field");
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.parse().expect("a number")
    };
    items.iter().map(number).collect()
}

#[tokio::test]
async fn every_order_is_walked_once_in_both_directions() {
    let server = Server::start().await;
    let client = Client::serve(filled(&server, "orders").await, Arc::default()).await;
    for (list, sort, field, least) in [
        ("positions", "shares", "/shares", 3),
        ("nodes", "price_per_hour", "/price_per_hour/amount", 2),
        ("jobs", "created_at", "/created_at", 5),
        // All the same: only the address orders them.
        ("jobs", "deposited", "/deposited/amount", 5),
        ("events", "slot", "/slot", 2),
    ] {
        let up = client.all(&format!("/v1/{list}?limit=1&sort={sort}")).await;
        let mut down = client.all(&format!("/v1/{list}?limit=1&sort=-{sort}")).await;
        let values = numbers(&up, field);
        assert!(
            values.is_sorted() && values.len() == least,
            "{list} by {sort}: {values:?}"
        );
        down.reverse();
        assert_eq!(up, down, "{list} by {sort}");
    }
    assert_eq!(
        numbers(&client.all("/v1/positions?limit=2&sort=-shares").await, "/shares"),
        [u128::MAX, 30, 7]
    );
    // A cursor belongs to its order.
    let page = client.ok("/v1/positions?limit=1&sort=shares").await;
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    assert_eq!(
        client
            .get(&format!("/v1/positions?sort=-shares&cursor={cursor}"))
            .await
            .0,
        400
    );
    assert_eq!(client.get(&format!("/v1/events?cursor={cursor}")).await.0, 400);
}

#[tokio::test]
async fn positions_disputes_and_the_network_are_told_in_full() {
    let server = Server::start().await;
    let client = Client::serve(filled(&server, "rules").await, Arc::default()).await;
    let positions = client
        .all(&format!("/v1/positions?owner={}", key::text(&[60; 32])))
        .await;
    assert_eq!(positions.len(), 1);
    assert_eq!(
        serde_json::json!([
            positions[0]["provider"],
            positions[0]["wiped"],
            positions[0]["unbonding"],
            positions[0]["rewards_owed"]["decimals"]
        ]),
        serde_json::json!([
            key::text(&[8; 32]),
            true,
            [{"shares": u128::MAX.to_string(), "unlocks_at": 99}],
            6
        ])
    );
    let position = client.ok(&format!("/v1/positions/{}", key::text(&[22; 32]))).await;
    assert_eq!(position["data"]["wiped"], false);

    let disputes = client
        .all(&format!("/v1/disputes?closed=false&job={}", key::text(&[11; 32])))
        .await;
    assert_eq!(disputes.len(), 1);
    assert_eq!(
        disputes,
        client
            .all(&format!("/v1/disputes?customer={}", key::text(&CUSTOMER)))
            .await
    );
    assert_eq!(
        disputes[0]["votes"],
        serde_json::json!([{"arbiter": 1, "provider_share_bps": 10_000, "slash_bps": 100}])
    );
    assert_eq!(
        disputes[0]["bond"],
        serde_json::json!({"amount": "5", "decimals": 6, "mint": key::text(&MINT)})
    );

    let network = client.ok("/v1/network").await["data"].take();
    assert_eq!(
        network["council"],
        serde_json::json!({"arbiters": [key::text(&[50; 32]), key::text(&[51; 32])], "threshold": 2})
    );
    assert_eq!(
        serde_json::json!([
            network["assignments_paused"],
            network["jobs_paused"],
            network["genesis_hash"],
            network["terms"]["dispute_bond"],
            network["terms"]["bond_ratio_bps"],
            network["pending_terms"],
            network["staking"]
        ]),
        serde_json::json!([true, false, key::text(&[9; 32]), u64::MAX.to_string(), 7, null, null])
    );
    let empty = Client::serve(server.store("empty").await, Arc::default()).await;
    assert_eq!(empty.get("/v1/network").await.0, 404);
}

#[tokio::test]
async fn events_are_filtered_and_the_timeline_says_what_they_moved() {
    let server = Server::start().await;
    let client = Client::serve(filled(&server, "events").await, Arc::default()).await;
    let count = async |query: &str| client.all(&format!("/v1/events?limit=1&{query}")).await.len();
    assert_eq!(count("").await, 2);
    assert_eq!(count("name=JobSettled&program=market").await, 1);
    assert_eq!(count("program=staking").await, 0);
    assert_eq!(count(&format!("job={}", key::text(&[10; 32]))).await, 2);
    assert_eq!(count(&format!("account={}", key::text(&CUSTOMER))).await, 1);
    assert_eq!(count("from_slot=42").await, 1);
    assert_eq!(count("to_slot=41").await, 1);
    assert_eq!(count("from_slot=43&to_slot=9223372036854775807").await, 0);
    let timeline = client
        .all(&format!("/v1/jobs/{}/timeline?limit=1", key::text(&[10; 32])))
        .await;
    assert_eq!(timeline.len(), 2);
    assert_eq!(timeline[1]["name"], "JobSettled");
    assert!(timeline[1]["amounts"]["to_provider"].is_string(), "{}", timeline[1]);
    assert_eq!(timeline[0]["amounts"], serde_json::json!({}));
}
