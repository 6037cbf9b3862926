//! Events as they happen, over server-sent events and WebSocket.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use gantry_indexer::Key;
use gantry_indexer::key;
use gantry_indexer::progress::Progress;
use gantry_indexer::store::{Retention, Store};
use reqwest::Response;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::common::{GENESIS, Server, bank, event, schema};
use crate::market::{Client, filled};

/// For anything that is waited for here.
const PATIENCE: Duration = Duration::from_secs(30);

/// A bank in which the result of each of the jobs is accepted.
async fn accept(store: &Store, slot: u64, jobs: &[Key], finalized: Option<u64>) {
    let schema = schema();
    let events = jobs
        .iter()
        .map(|job| event(&schema, "market", "ResultAccepted", &[job]));
    let bank = bank(slot, vec![], &[], events.collect());
    store.write(&[bank], finalized, GENESIS).await.expect("written");
}

/// A stream of server-sent events.
struct Sse {
    response: Response,
    text: String,
}

impl Sse {
    async fn open(client: &Client, query: &str, last: Option<&str>) -> Self {
        let request = client.http.get(format!("{}/v1/events/stream?{query}", client.base));
        let request = match last {
            Some(id) => request.header("last-event-id", id),
            None => request,
        };
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{:?}", response.text().await);
        let text = String::new();
        let mut stream = Self { response, text };
        assert_eq!(stream.next().await["type"], "start");
        stream
    }

    /// The next message in the form that a WebSocket has.
    async fn next(&mut self) -> Value {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let line = block
                        .lines()
                        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                    line.map(str::to_owned)
                };
                let message = field("data").map(|data| {
                    serde_json::json!({
                        "id": field("id"),
                        "type": field("event"),
                        "data": serde_json::from_str::<Value>(&data).expect("JSON"),
                    })
                });
                self.text = rest.to_owned();
                if let Some(message) = message {
                    return message;
                }
                continue;
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk())
                .await
                .expect("in time");
            let chunk = chunk.expect("a chunk").expect("the stream goes on");
            self.text.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    }

    async fn take(&mut self, count: usize) -> Vec<Value> {
        let mut messages = Vec::new();
        for _ in 0..count {
            messages.push(self.next().await);
        }
        messages
    }
}

/// The epoch and the number of a message's id.
fn id(message: &Value) -> (i64, i64) {
    let id = message["id"].as_str().and_then(|id| id.split_once('-')).expect("an id");
    (id.0.parse().expect("an epoch"), id.1.parse().expect("a number"))
}

#[tokio::test]
async fn a_stream_that_was_cut_goes_on_where_it_was() {
    let server = Server::start().await;
    let store = filled(&server, "resume").await;
    let client = Client::serve(store.clone(), Arc::default()).await;
    let mut whole = Sse::open(&client, "after=0", None).await;
    let first = whole.take(2).await;
    assert_eq!(
        (&first[0]["data"]["name"], &first[1]["data"]["name"]),
        (&"ResultAccepted".into(), &"JobSettled".into())
    );
    // As the list gives it.
    let listed = client.all("/v1/events?sort=slot").await;
    assert_eq!(first[1]["data"], listed[1]);

    let mut cut = Sse::open(&client, "", None).await;
    accept(&store, 43, &[[1; 32]], None).await;
    let seen = cut.next().await;
    assert_eq!(seen["data"]["slot"], 43);
    drop(cut);
    accept(&store, 44, &[[2; 32], [3; 32]], Some(43)).await;
    let mut again = Sse::open(&client, "", seen["id"].as_str()).await;
    accept(&store, 45, &[[4; 32]], None).await;
    let missed = again.take(4).await;
    let kinds: Vec<_> = missed
        .iter()
        .map(|message| message["type"].as_str().expect("text"))
        .collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "event").count(), 3, "{missed:?}");
    assert_eq!(
        missed
            .iter()
            .find(|message| message["type"] == "finalized")
            .expect("one")["data"]["slot"],
        43
    );
    // The one that was never cut saw the same.
    let all = whole.take(5).await;
    assert_eq!((&all[0], &all[1..]), (&seen, &missed[..]));
    assert!(all.iter().map(id).is_sorted_by(|one, next| one < next));
}

#[tokio::test]
async fn what_is_taken_back_is_told_and_filters_hold() {
    let server = Server::start().await;
    let store = filled(&server, "told").await;
    let client = Client::serve(store.clone(), Arc::default()).await;
    let mut all = Sse::open(&client, "", None).await;
    let wanted = format!("job={}&name=ResultAccepted", key::text(&[2; 32]));
    let mut some = Sse::open(&client, &wanted, None).await;
    let mut none = Sse::open(&client, "program=staking&name=Slashed", None).await;
    accept(&store, 43, &[[1; 32], [2; 32]], None).await;
    let seen = all.take(2).await;
    assert_eq!(some.next().await, seen[1]);
    store.undo(42).await.expect("undone");
    let told = all.take(3).await;
    let undone: Vec<_> = told.iter().filter(|message| message["type"] == "undone").collect();
    assert_eq!(undone.len(), 2, "{told:?}");
    for event in &seen {
        let same = |undone: &&&Value| {
            ["signature", "index", "slot", "name"]
                .iter()
                .all(|field| undone["data"][field] == event["data"][field])
        };
        assert!(undone.iter().any(|undone| same(&undone)), "{event} in {told:?}");
    }
    let rollback = told
        .iter()
        .find(|message| message["type"] == "rollback")
        .expect("a rollback");
    assert_eq!(rollback["data"]["slot"], 42);
    // What concerns no event passes every filter.
    assert_eq!(none.next().await["type"], "rollback");
    // Whoever comes later is not told of what was undone since.
    let (epoch, number) = id(&seen[0]);
    let mut late = Sse::open(&client, "", Some(&format!("{epoch}-{}", number - 1))).await;
    assert_eq!(late.take(3).await, told);
}

#[tokio::test]
async fn an_id_that_cannot_be_resumed_from_is_refused() {
    let server = Server::start().await;
    let store = filled(&server, "gone").await;
    let client = Client::serve(store.clone(), Arc::default()).await;
    for slot in 43..60 {
        accept(&store, slot, &[[1; 32]], None).await;
    }
    let retention = Retention {
        outbox_rows: 3,
        ..Retention::default()
    };
    store.maintain(retention).await.expect("maintained");
    let (status, body) = client.get("/v1/events/stream?after=2").await;
    assert_eq!(status, 410, "{body}");
    let detail = body["detail"].as_str().expect("text");
    let oldest = resume_after(detail);
    let mut stream = Sse::open(&client, "", Some(oldest)).await;
    let number = id(&serde_json::json!({ "id": oldest })).1;
    let told = stream.take(3).await;
    assert!(
        told.iter().map(|message| id(message).1).eq(number + 1..=number + 3),
        "{told:?}"
    );
    assert_eq!(
        client.get("/v1/events/ws?after=2").await.0,
        400,
        "no WebSocket was asked for"
    );
    assert_eq!(client.get("/v1/events/stream?after=-1").await.0, 400);
    assert_eq!(client.get("/v1/events/stream?after=9223372036854775808").await.0, 400);
    assert_eq!(client.get("/v1/events/stream?after=1-").await.0, 400);
    // One of another network, maybe.
    assert_eq!(client.get("/v1/events/stream?after=1000000").await.0, 503);
}

/// What a refusal says to resume after.
fn resume_after(detail: &str) -> &str {
    let rest = detail.split("resume after ").nth(1);
    rest.and_then(|rest| rest.split(' ').next()).expect("an id")
}

#[tokio::test]
async fn an_id_from_before_a_restore_is_not_taken_for_another() {
    let server = Server::start().await;
    let store = filled(&server, "lost").await;
    let leading = store.try_lead().await.expect("an answer").expect("it leads");
    accept(&store, 43, &[[1; 32]], None).await;
    // The backup is of now.
    let backup = server.copy(&store, "restored").await;
    let client = Client::serve(store.clone(), Arc::default()).await;
    let mut stream = Sse::open(&client, "after=0", None).await;
    let kept = stream.take(3).await.pop().expect("a message");
    assert_eq!(kept["data"]["slot"], 43);
    accept(&store, 44, &[[2; 32]], None).await;
    let lost = stream.next().await;
    assert_eq!(lost["data"]["slot"], 44);
    drop(leading);

    let restored = Store::open(&backup, schema()).await.expect("a store");
    let client = Client::serve(restored.clone(), Arc::default()).await;
    // Nobody writes there yet: it may be a replica that is behind.
    let path = format!("/v1/events/stream?after={}", lost["id"].as_str().expect("an id"));
    assert_eq!(client.get(&path).await.0, 503);
    let mut listening = Sse::open(&client, "", kept["id"].as_str()).await;
    let _leading = restored.try_lead().await.expect("an answer").expect("it leads");
    // The same number again, of another event.
    accept(&restored, 44, &[[3; 32], [4; 32]], None).await;
    let other = listening.next().await;
    assert_eq!(id(&other).1, id(&lost).1);
    assert_ne!(other, lost);
    let (status, body) = client.get(&path).await;
    assert_eq!(status, 410, "{body}");
    let mut again = Sse::open(&client, "", Some(resume_after(body["detail"].as_str().expect("text")))).await;
    assert_eq!(again.next().await, other);
    // What was there before is resumed from as if nothing had been.
    let mut from_before = Sse::open(&client, "", kept["id"].as_str()).await;
    assert_eq!(from_before.next().await, other);

    // Emptied: whoever listens is not left waiting for numbers that are far away.
    restored.reset().await.expect("emptied");
    let ended = async { while again.response.chunk().await.is_ok_and(|chunk| chunk.is_some()) {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("the stream ends");
    let path = format!("/v1/events/stream?after={}", other["id"].as_str().expect("an id"));
    let (status, body) = client.get(&path).await;
    assert_eq!(status, 410, "{body}");
}

#[tokio::test]
async fn epochs_in_which_nothing_happened_do_not_pile_up() {
    let server = Server::start().await;
    let store = filled(&server, "loop").await;
    // An instance that takes the lead and ends, again and again.
    sqlx::raw_sql(
        "insert into feed_epoch select e, (select outbox_id from checkpoint) \
         from (select max(epoch) as newest from feed_epoch) f, generate_series(newest + 1, newest + 1500) e",
    )
    .execute(store.pool())
    .await
    .expect("inserted");
    let _leading = store.try_lead().await.expect("an answer").expect("it leads");
    let (count, oldest): (i64, i64) = sqlx::query_as("select count(*), min(epoch) from feed_epoch")
        .fetch_one(store.pool())
        .await
        .expect("a row");
    assert_eq!(count, 1_001);
    // What was given out before all that are known counts as of the oldest, and is resumed from.
    let client = Client::serve(store.clone(), Arc::default()).await;
    let first = Sse::open(&client, "after=0", None).await.take(2).await;
    assert_eq!(id(&first[0]).0, oldest);
    let mut again = Sse::open(&client, "", first[0]["id"].as_str()).await;
    assert_eq!(again.next().await, first[1]);
}

#[tokio::test]
async fn a_websocket_tells_the_same_and_resumes() {
    let server = Server::start().await;
    let store = filled(&server, "websocket").await;
    let client = Client::serve(store.clone(), Arc::default()).await;
    let base = client.base.replace("http://", "ws://");
    let connect = async |query: &str| {
        let url = format!("{base}/v1/events/ws?{query}");
        let (socket, _) = tokio_tungstenite::connect_async(url).await.expect("a connection");
        socket
    };
    let mut sse = Sse::open(&client, "after=0", None).await;
    let mut socket = connect("after=0").await;
    let next = async |socket: &mut tokio_tungstenite::WebSocketStream<_>| loop {
        let frame = tokio::time::timeout(PATIENCE, socket.next()).await.expect("in time");
        match frame.expect("the connection is there").expect("a frame") {
            Frame::Text(text) => return serde_json::from_str::<Value>(&text).expect("JSON"),
            Frame::Ping(_) => {}
            frame => panic!("{frame:?}"),
        }
    };
    assert_eq!(next(&mut socket).await["type"], "start");
    // What a client says is not listened to.
    socket.send(Frame::text("hello")).await.expect("sent");
    accept(&store, 43, &[[1; 32]], Some(42)).await;
    let told = sse.take(4).await;
    for message in &told {
        assert_eq!(next(&mut socket).await, *message);
    }
    drop(socket);
    let mut again = connect(&format!("after={}", told[1]["id"].as_str().expect("an id"))).await;
    assert_eq!(next(&mut again).await["type"], "start");
    assert_eq!(next(&mut again).await, told[2]);
    // Too much of it closes the connection.
    let _ = again.send(Frame::text("x".repeat(100_000))).await;
    let closed = async { while let Some(Ok(Frame::Text(_) | Frame::Ping(_))) = again.next().await {} };
    tokio::time::timeout(PATIENCE, closed).await.expect("closed in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_listener_hears_all_of_it_once_and_soon() {
    const LISTENERS: usize = 10;
    const BANKS: u64 = 150;
    let server = Server::start().await;
    let store = filled(&server, "listeners").await;
    let progress = Arc::new(Progress::default());
    let client = Client::serve(store.clone(), progress.clone()).await;
    let mut listeners = Vec::new();
    for _ in 0..LISTENERS {
        let mut stream = Sse::open(&client, "", None).await;
        listeners.push(tokio::spawn(async move {
            let mut heard = Vec::new();
            for _ in 0..BANKS * 2 {
                let message = stream.next().await;
                let slot = message["data"]["slot"].as_u64().expect("a slot");
                heard.push((slot, id(&message), Instant::now()));
            }
            heard
        }));
    }
    let mut written = Vec::new();
    // Ten times as fast as a cluster.
    let mut pace = tokio::time::interval(Duration::from_millis(40));
    for slot in 43..43 + BANKS {
        pace.tick().await;
        accept(&store, slot, &[[1; 32], [2; 32]], None).await;
        progress.written(slot);
        written.push(Instant::now());
    }
    let mut latencies = Vec::new();
    for listener in listeners {
        let heard = tokio::time::timeout(PATIENCE * 2, listener)
            .await
            .expect("in time")
            .expect("heard");
        let slots: Vec<u64> = heard.iter().map(|(slot, ..)| *slot).collect();
        let expected: Vec<u64> = (43..43 + BANKS).flat_map(|slot| [slot, slot]).collect();
        assert_eq!(slots, expected, "each event once, in order");
        assert!(heard.is_sorted_by(|one, next| one.1 < next.1));
        for (slot, _, at) in heard {
            latencies.push(at.saturating_duration_since(written[(slot - 43) as usize]));
        }
    }
    latencies.sort_unstable();
    let at = |share: usize| latencies[latencies.len() * share / 100];
    println!("written to heard: p50 {:?}, p99 {:?}", at(50), at(99));
    // With much to spare on a machine that does other things: a listener that waits for the clock hears it in 1 s.
    assert!(at(50) < Duration::from_millis(500), "{:?}", at(50));
}

#[tokio::test]
async fn one_client_holds_only_so_many_streams() {
    let server = Server::start().await;
    let client = Client::serve(filled(&server, "many").await, Arc::default()).await;
    let mut open = Vec::new();
    for _ in 0..16 {
        open.push(Sse::open(&client, "", None).await);
    }
    let (status, body) = client.get("/v1/events/stream").await;
    assert_eq!(status, 429, "{body}");
    open.pop();
    let again = async {
        let url = format!("{}/v1/events/stream", client.base);
        // The server notices that the connection is closed when it notices.
        while client.http.get(&url).send().await.expect("an answer").status() != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("its place is free");
}
