//! `gantry-indexer serve`: the API alone, on a streaming replica, traced, and ended while clients listen.

mod common;

use std::process::Command;

use common::otlp::{Collector, text};
use common::serving::{Lines, PATIENCE, Serving, lines};
use common::{GENESIS, Server, account, bank, event, program, schema, write};
use gantry_indexer::Key;
use gantry_indexer::store::Store;
use gantry_stack::postgres::{Installation, Postgres, PrivateOptions, PrivatePostgres};
use serde_json::Value;

const JOB: Key = [1; 32];
/// Requests of which the log and the collector have to have each.
const MORE: usize = 50;

/// A bank in which the job gets another status and its result is accepted.
async fn accept(store: &Store, slot: u64, status: u8) {
    let schema = schema();
    let market = program(&schema, "market");
    let fields: [(&str, &[u8]); 2] = [("mint", &[3; 32]), ("status", &[status])];
    let job = write(market, JOB, slot, account(&schema, "market", "Job", 0, &fields));
    let accepted = event(&schema, "market", "ResultAccepted", &[&JOB]);
    store
        .write(&[bank(slot, vec![job], &[], vec![accepted])], Some(slot), GENESIS)
        .await
        .expect("written");
}

/// A standby of the server behind `primary`, as `pg_basebackup` makes one. Its URL, too.
async fn replica(primary: &str, run: &std::path::Path) -> (PrivatePostgres, String) {
    let mut server = PrivatePostgres::start(PrivateOptions::new(run))
        .await
        .expect("a server");
    server.stop().await;
    let data = server.data().to_owned();
    let programs = Installation::find(&data).expect("installed").bin;
    let owner = data.parent().expect("a parent").to_owned();
    std::fs::remove_dir_all(&data).expect("its own data goes");
    let copied = Command::new(programs.join("pg_basebackup"))
        .args([
            "--write-recovery-conf",
            "--wal-method",
            "stream",
            "--checkpoint",
            "fast",
            "--dbname",
            primary,
            "--pgdata",
        ])
        .arg(&data)
        .output()
        .expect("pg_basebackup");
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    let given = Command::new("chown")
        .arg("-R")
        .arg("--reference")
        .args([&owner, &data])
        .status();
    assert!(given.expect("chown").success());
    server.restart().await.expect("a standby");
    let (credentials, place) = primary.rsplit_once('@').expect("a user");
    let (_, database) = place.split_once('/').expect("a database");
    let url = format!("{credentials}@127.0.0.1:{}/{database}", server.port());
    (server, url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_serves_what_the_primary_is_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, other) = (folder.path().join("primary"), folder.path().join("replica"));
    let primary = Postgres::private(PrivateOptions::new(one)).await.expect("a server");
    let store = Store::open(primary.url(), schema()).await.expect("a store");
    accept(&store, 10, 2).await;
    let (_replica, url) = replica(primary.url(), &other).await;
    let recovering: bool = sqlx::query_scalar("select pg_is_in_recovery()")
        .fetch_one(Store::open_to_read(&url, schema()).await.expect("a store").pool())
        .await
        .expect("an answer");
    assert!(recovering, "it is a standby");
    let serving = Serving::start(&url, folder.path(), &[]).await;

    // What was written at the primary is waited for.
    let path = format!("/v1/jobs/{}?min_slot=11", gantry_indexer::key::text(&JOB));
    let (answer, ()) = tokio::join!(serving.json(&path), accept(&store, 11, 3));
    assert_eq!(
        (&answer["data"]["status"], &answer["slot"]),
        (&"finished".into(), &11.into())
    );
    assert!(answer.get("lag_slots").is_none(), "no stream to be behind of");

    let first = serving.get("/v1/jobs", &[]).await;
    let tag = first.headers()["etag"].to_str().expect("text").to_owned();
    assert_eq!(serving.get("/v1/jobs", &[("if-none-match", &tag)]).await.status(), 304);
    accept(&store, 12, 4).await;
    assert_eq!(
        serving
            .get("/v1/jobs?min_slot=12", &[("if-none-match", &tag)])
            .await
            .status(),
        200
    );

    let mut stream = Lines::of(serving.get("/v1/events/stream", &[]).await);
    stream.until("event: start").await;
    accept(&store, 13, 5).await;
    let told = stream.until("data: {\"slot\":13").await;
    let id = told
        .iter()
        .rev()
        .find_map(|line| line.strip_prefix("id: "))
        .expect("an id")
        .to_owned();
    drop(stream);
    accept(&store, 14, 6).await;
    let mut again = Lines::of(serving.get("/v1/events/stream", &[("last-event-id", &id)]).await);
    again.until("data: {\"slot\":14").await;

    assert_eq!(serving.get("/readyz", &[]).await.status(), 200);
    let measured = serving.get("/metrics", &[]).await.text().await.expect("text");
    assert!(measured.contains("\ngantry_indexer_leader 0\n"), "{measured}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_told_to_end_answers_and_sends_listeners_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start().await;
    let url = server.database("ending").await;
    let store = Store::open(&url, schema()).await.expect("a store");
    accept(&store, 10, 2).await;
    let mut serving = Serving::start(&url, folder.path(), &[]).await;
    let mut stream = Lines::of(serving.get("/v1/events/stream", &[]).await);
    stream.until("event: start").await;
    let socket = serving.base.replace("http://", "ws://") + "/v1/events/ws";
    let (mut socket, _) = tokio_tungstenite::connect_async(socket).await.expect("a WebSocket");
    futures::StreamExt::next(&mut socket)
        .await
        .expect("a message")
        .expect("the start");

    // A request that waits for a slot, which is written only after the signal: it is answered all the same.
    let waiting = tokio::spawn(serving.http.get(format!("{}/v1/jobs?min_slot=11", serving.base)).send());
    let open = async {
        // This very request is one of the two that are not answered.
        let at = |text: &str| {
            text.lines()
                .any(|line| line == "gantry_indexer_api_requests_in_flight 2")
        };
        while !at(&serving.get("/metrics", &[]).await.text().await.expect("text")) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, open).await.expect("it waits");
    serving.terminate().await;
    let told = stream.until("retry: ").await;
    assert!(told.iter().any(|line| line == "retry: 1000"), "{told:?}");
    while stream.next().await.is_some() {}
    let closed = loop {
        let frame = futures::StreamExt::next(&mut socket).await.expect("a frame");
        if let tokio_tungstenite::tungstenite::Message::Close(reason) = frame.expect("a frame") {
            break reason.expect("a reason");
        }
    };
    assert_eq!(u16::from(closed.code), 1012);
    accept(&store, 11, 3).await;
    let answer = waiting.await.expect("a task").expect("an answer");
    assert_eq!(answer.status(), 200);
    let ended = tokio::time::timeout(PATIENCE, serving.process.wait())
        .await
        .expect("it ends");
    assert_eq!(ended.expect("a status").code(), Some(0));
    let log = std::fs::read_to_string(folder.path().join("serve.log")).expect("a log");
    assert!(log.contains("SIGTERM") && !log.contains("cut off"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_a_span_of_its_callers_trace_and_a_line_of_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start().await;
    let url = server.database("traced").await;
    let store = Store::open(&url, schema()).await.expect("a store");
    accept(&store, 10, 2).await;
    let mut collector = Collector::start().await;
    let log = "info,tower_http=debug";
    let arguments = [
        "--otlp-endpoint",
        &collector.url.clone(),
        "--log-format",
        "json",
        "--log",
        log,
    ];
    let mut serving = Serving::start(&url, folder.path(), &arguments).await;
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let traceparent = format!("00-{trace}-{parent}-01");
    let path = format!("/v1/jobs/{}", gantry_indexer::key::text(&JOB));
    let headers = [("traceparent", traceparent.as_str()), ("x-request-id", "mine")];
    assert_eq!(serving.get(&path, &headers).await.status(), 200);
    // Each request asks the database something, after which none may be lost.
    for number in 1..=MORE {
        let traceparent = format!("00-{number:032x}-{parent}-01");
        let headers = [("traceparent", traceparent.as_str()), ("x-request-id", "more")];
        assert_eq!(serving.get(&path, &headers).await.status(), 200);
    }
    // What is left is sent at the end.
    serving.terminate().await;
    let (service, span) = collector
        .span(PATIENCE, |span| hex::encode(&span.trace_id) == trace)
        .await;
    assert_eq!((service.as_str(), span.name.as_str()), ("gantry-indexer", "request"));
    assert_eq!(hex::encode(&span.parent_span_id), parent);
    let attribute = |name| text(&span.attributes, name);
    assert_eq!(attribute("http.route").as_deref(), Some("/v1/jobs/{address}"));
    assert_eq!(attribute("http.response.status_code").as_deref(), Some("200"));
    assert_eq!(attribute("id").as_deref(), Some("mine"));
    assert!(span.end_time_unix_nano > span.start_time_unix_nano);
    for number in 1..=MORE {
        let trace = format!("{number:032x}");
        collector
            .span(PATIENCE, |span| hex::encode(&span.trace_id) == trace)
            .await;
    }
    tokio::time::timeout(PATIENCE, serving.process.wait())
        .await
        .expect("it ends")
        .expect("a status");
    let told = lines(&folder.path().join("serve.log")).await;
    let told: Vec<Value> = told
        .iter()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!(told.iter().any(|line| line["span"]["id"] == "mine"), "{told:?}");
    let more = told
        .iter()
        .filter(|line| line["span"]["id"] == "more" && line["message"] == "finished processing request");
    assert_eq!(more.count(), MORE, "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traces_go_over_tls_with_a_key_and_the_log_says_where_they_are_not_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start().await;
    let url = server.database("traced").await;
    let store = Store::open(&url, schema()).await.expect("a store");
    accept(&store, 10, 2).await;
    let (mut collector, certificate) = Collector::guarded("Bearer a word").await;
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, certificate).expect("written");
    let ca = ca.to_str().expect("text");
    let (endpoint, key) = (collector.url.clone(), "authorization=Bearer%20a%20word");
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traceparent = format!("00-{trace}-00f067aa0ba902b7-01");
    let cases: [(&[&str], Option<&str>); 3] = [
        // Nobody vouches for it.
        (&["--otlp-headers", key], Some("--otlp-ca")),
        (&["--otlp-ca", ca], Some("no key")),
        (&["--otlp-ca", ca, "--otlp-headers", key], None),
    ];
    for (place, (arguments, refused)) in cases.into_iter().enumerate() {
        let folder = folder.path().join(place.to_string());
        std::fs::create_dir(&folder).expect("a folder");
        let arguments = [&["--otlp-endpoint", &endpoint], arguments].concat();
        let mut serving = Serving::start(&url, &folder, &arguments).await;
        let answer = serving.get("/v1/jobs", &[("traceparent", &traceparent)]).await;
        assert_eq!(answer.status(), 200, "{arguments:?}");
        // What is left is sent at the end.
        serving.terminate().await;
        tokio::time::timeout(PATIENCE, serving.process.wait())
            .await
            .expect("it ends")
            .expect("a status");
        let log = std::fs::read_to_string(folder.join("serve.log")).expect("a log");
        let said = log.lines().find(|line| line.contains("traces are not taken"));
        match refused {
            Some(why) => assert!(said.is_some_and(|line| line.contains(why)), "{arguments:?}: {log}"),
            None => assert_eq!(said, None, "{arguments:?}"),
        }
        assert!(!log.contains("a word") && !log.contains("a%20word"), "{log}");
    }
    let (_, span) = collector
        .span(PATIENCE, |span| hex::encode(&span.trace_id) == trace)
        .await;
    assert_eq!(span.name, "request");
    assert!(
        collector.none(|span| hex::encode(&span.trace_id) == trace),
        "spans that were refused"
    );
}
