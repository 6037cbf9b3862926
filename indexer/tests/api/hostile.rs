//! What no honest client sends: text that means something to SQL, bytes that are no text, and far too much of anything.
//! Where it goes is taken from the OpenAPI document, so that a parameter that is added is covered by itself.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use gantry_indexer::key;
use gantry_indexer::store::Store;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::common::{Server, dump};
use crate::market::{Client, filled};

/// For one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Values that are none of any text parameter, but for names that no event has.
fn hostile() -> Vec<Vec<u8>> {
    let mut values: Vec<Vec<u8>> = [
        "' or '1'='1",
        "'; drop table job; --",
        "\"; drop table job; --",
        "1); delete from node; --",
        "' union select password from pg_shadow --",
        "'||(select pg_sleep(20))||'",
        "$1",
        "$$; truncate checkpoint; $$",
        "\\'; update job set status = 0; --",
        "created_at; drop table job",
        "-",
        "%",
        "_",
        "\\",
        "null",
        "[]",
        "{\"$ne\":null}",
        "../../../etc/passwd",
        "<script>alert(1)</script>",
        "\u{202e}\u{0}\u{feff}",
        "\r\nset-cookie: a=b",
        " ",
        "-9223372036854775809",
        "1e400",
        "٣",
        "DE\u{0}",
        "open\u{0}",
        "ｓｌｏｔ",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    values.extend([
        vec![0],
        vec![0xff, 0xfe],
        vec![0xc0, 0xaf],
        vec![0xed, 0xa0, 0x80],
        vec![b'1'; 3_000],
        vec![0; 1_000],
        "🦀".repeat(250).into_bytes(),
        vec![b'z'; 44],
    ]);
    values
}

fn encoded(bytes: &[u8]) -> String {
    let one = |byte: &u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
        byte => format!("%{byte:02x}"),
    };
    bytes.iter().map(one).collect()
}

/// A parameter of the document: its path, its place, its name and its type.
fn parameters(document: &Value) -> Vec<(String, String, String, String)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for parameter in item["get"]["parameters"].as_array().into_iter().flatten() {
            all.push((
                path.clone(),
                text(&parameter["in"]),
                text(&parameter["name"]),
                match &parameter["schema"]["type"] {
                    Value::Array(kinds) => text(&kinds[0]),
                    kind => text(kind),
                },
            ));
        }
    }
    all
}

/// The tables, those that a replay may change included.
async fn everything(store: &Store) -> Vec<String> {
    let mut rows = dump(store).await;
    for table in ["checkpoint", "block", "outbox", "undo", "doubt"] {
        let sql = format!("select t::text from {table} t order by 1");
        let found: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_all(store.pool())
            .await
            .expect("rows");
        rows.extend(found);
    }
    rows
}

/// Sends the bytes and gives the status and the whole answer.
async fn raw(client: &Client, request: &[u8]) -> (u16, String) {
    let address = client.base.trim_start_matches("http://");
    let mut socket = tokio::net::TcpStream::connect(address).await.expect("a connection");
    // The server may refuse and close before it has read all.
    let _ = socket.write_all(request).await;
    let mut answer = Vec::new();
    let read = async {
        let mut chunk = [0; 4_096];
        // A reset after the answer, where not all was read, is no news.
        while let Ok(length @ 1..) = socket.read(&mut chunk).await {
            answer.extend_from_slice(&chunk[..length]);
            // A stream was opened, which has no end.
            if answer.windows(17).any(|text| text == b"text/event-stream") {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("an answer in time");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no status: {answer:?}")), answer)
}

async fn get(client: &Client, target: &str, headers: &[u8]) -> (u16, String) {
    let head = format!("GET {target} HTTP/1.1\r\nhost: gantry\r\nconnection: close\r\n");
    raw(client, &[head.as_bytes(), headers, b"\r\n"].concat()).await
}

/// Refused with a problem, or nothing was found.
fn harmless(status: u16, answer: &str, what: &str) {
    match status {
        400..=499 => {
            let problem = answer.contains("content-type: application/problem+json");
            assert!(problem, "{what}: {answer}");
        }
        200 => assert!(
            answer.contains("\"data\":[]") || answer.contains("text/event-stream"),
            "{what}: {answer}"
        ),
        _ => panic!("{what}: {answer}"),
    }
}

#[tokio::test]
async fn hostile_text_in_every_parameter_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let store = filled(&server, "hostile").await;
    let client = Client::serve(store.clone(), Arc::default()).await;
    let before = everything(&store).await;
    let document = client.ok("/openapi.json").await;
    let parameters = parameters(&document);
    let (mut tried, mut found) = (0, 0);
    for (path, place, name, kind) in &parameters {
        let path = path.as_str();
        for value in hostile() {
            let some = key::text(&[10; 32]);
            let (target, headers) = match place.as_str() {
                "path" => (path.replace(&format!("{{{name}}}"), &encoded(&value)), Vec::new()),
                "query" => {
                    let path = path.replace("{address}", &some);
                    (format!("{path}?{name}={}", encoded(&value)), Vec::new())
                }
                "header" => {
                    // Bytes that a header cannot hold are the server's to refuse before it is ours.
                    let kept = value.iter().copied().filter(|byte| *byte >= 32 && *byte != 127);
                    let line = [name.as_bytes(), b": ", &kept.collect::<Vec<_>>(), b"\r\n"].concat();
                    (path.to_owned(), line)
                }
                place => panic!("{path}: a parameter in {place}"),
            };
            let (status, answer) = get(&client, &target, &headers).await;
            let what = format!("{path}: {name} is {:?}", String::from_utf8_lossy(&value));
            harmless(status, &answer, &what);
            // Where there are numbers, none of these is one.
            assert!(kind == "string" || status == 400, "{what}: {answer}");
            tried += 1;
            found += usize::from(status == 200);
        }
    }
    assert!(
        parameters.len() > 80 && tried > 2_800,
        "{tried} requests, {} parameters",
        parameters.len()
    );
    // Names of events that there are none of, and nothing else.
    assert!(found <= 12, "{found} were taken");
    assert_eq!(everything(&store).await, before);
    println!(
        "{tried} requests over {} parameters, {found} of them taken",
        parameters.len()
    );
}

#[tokio::test]
async fn forged_and_overlong_cursors_are_refused_and_change_nothing() {
    let server = Server::start().await;
    let store = filled(&server, "cursors").await;
    let client = Client::serve(store.clone(), Arc::default()).await;
    let before = everything(&store).await;
    let document = client.ok("/openapi.json").await;
    let address = key::text(&[10; 32]);
    let honest = client.ok("/v1/jobs?limit=1").await["next_cursor"].clone();
    let honest = honest.as_str().expect("a cursor");
    let mut forged: Vec<String> = [
        json!(["-created_at", "0); drop table job; --", address]),
        json!(["-created_at", "' or 1=1", address]),
        json!(["-created_at", "99999999999999999999", address]),
        json!(["-created_at", "0", "' or '1'='1"]),
        json!(["-created_at", "0", "\u{0}"]),
        json!(["address", "", "z".repeat(300)]),
        json!(["deposited", "-1e9", address]),
        json!(["deposited", "NaN", address]),
        json!(["active", "170141183460469231731687303715884105728", address]),
        json!([i64::MIN, "0", 0]),
        json!([0, 0, i64::MAX]),
        json!([1.5, 0, 0]),
        json!({ "slot": 0 }),
        json!(null),
        json!([]),
    ]
    .iter()
    .map(|place| BASE64_URL_SAFE_NO_PAD.encode(place.to_string()))
    .collect();
    forged.extend([
        BASE64_URL_SAFE_NO_PAD.encode("[".repeat(300)),
        BASE64_URL_SAFE_NO_PAD.encode([0xff; 64]),
        "A".repeat(513),
        "A".repeat(3_500),
        honest[..honest.len() - 3].to_owned(),
        format!("{honest}AAAA"),
        "!!!!".to_owned(),
    ]);
    let mut tried = 0;
    for (path, ..) in parameters(&document).iter().filter(|(_, _, name, _)| name == "cursor") {
        let path = path.replace("{address}", &address);
        for cursor in &forged {
            let (status, answer) = get(&client, &format!("{path}?cursor={cursor}"), b"").await;
            assert_eq!(status, 400, "{path}: {cursor}: {answer}");
            harmless(status, &answer, &path);
            tried += 1;
        }
        // Well formed, and beyond what any list has: nothing comes after it, or all does.
        for place in [
            json!([i64::MIN, i64::MIN, i32::MIN]),
            json!([i64::MAX, i64::MAX, i32::MAX]),
        ] {
            let cursor = BASE64_URL_SAFE_NO_PAD.encode(place.to_string());
            let (status, answer) = get(&client, &format!("{path}?cursor={cursor}"), b"").await;
            assert!(status == 200 || status == 400, "{path}: {answer}");
            tried += 1;
        }
        if !path.ends_with("/jobs") {
            let (status, answer) = get(&client, &format!("{path}?cursor={honest}"), b"").await;
            assert_eq!(status, 400, "{path}: another list's cursor: {answer}");
        }
    }
    assert!(tried > 150, "{tried}");
    assert_eq!(everything(&store).await, before);
}

#[tokio::test]
async fn oversized_and_malformed_requests_are_refused_and_change_nothing() {
    let server = Server::start().await;
    let store = filled(&server, "oversized").await;
    let client = Client::serve(store.clone(), Arc::default()).await;
    let before = everything(&store).await;
    let document = client.ok("/openapi.json").await;
    let address = key::text(&[10; 32]);
    for path in document["paths"].as_object().expect("paths").keys() {
        let path = path.replace("{address}", &address);
        let market = path.starts_with("/v1/");
        // Longer than the API takes, and longer than the server reads.
        for length in [4_097, 60_000, 1_000_000] {
            let (status, answer) = get(&client, &format!("{path}?cursor={}", "x".repeat(length)), b"").await;
            let refused = if length > 65_000 {
                status == 414 || status == 431
            } else {
                !market || status == 414
            };
            assert!(refused, "{path}: {length}: {answer}");
        }
        let many: String = (0..300).map(|number| format!("&p{number}={number}")).collect();
        let twice = "limit=1&limit=2&min_slot=1&min_slot=2";
        for query in [&many[1..], twice, "=", "&&&", "a[]=1&a[b]=2", "%", "%zz=1", "min_slot"] {
            let (status, answer) = get(&client, &format!("{path}?{query}"), b"").await;
            assert!(status < 500, "{path}?{query}: {answer}");
            // Empty pairs are no parameters.
            if market && query != "&&&" {
                harmless(status, &answer, &format!("{path}?{query}"));
            }
        }
        if path.ends_with("/stream") {
            continue;
        }
        for (headers, what) in [
            (format!("x-request-id: {}\r\n", "i".repeat(8_000)), "a long request id"),
            (
                "x-request-id: '; drop table job; --\r\n".to_owned(),
                "a hostile request id",
            ),
            (format!("if-none-match: {}\r\n", "\"a\",".repeat(5_000)), "many tags"),
            (
                "x-forwarded-for: ' or 1=1, \u{e9}, 999.999.999.999\r\n".to_owned(),
                "a hostile address",
            ),
            ("accept: \u{0}\r\n".to_owned(), "a NUL in a header"),
            (
                (0..200).map(|number| format!("h{number}: 1\r\n")).collect(),
                "many headers",
            ),
            (format!("h: {}\r\n", "x".repeat(2_000_000)), "a long header"),
        ] {
            let (status, answer) = get(&client, &path, headers.as_bytes()).await;
            // The server itself refuses what is no HTTP or too much of it: with a status and no body of ours.
            assert!(
                status < 500 || path == "/readyz" && status == 503,
                "{path}: {what}: {answer}"
            );
            if what == "a NUL in a header" {
                assert_eq!(status, 400, "{path}: {answer}");
            }
            if what == "many headers" || what == "a long header" {
                assert_eq!(status, 431, "{path}: {what}: {answer}");
            }
        }
    }
    for (request, expected) in [
        (
            &b"GET /v1/jobs?status=\xff\xfe HTTP/1.1\r\nhost: gantry\r\nconnection: close\r\n\r\n"[..],
            400,
        ),
        (
            b"GET /v1/jobs/\x00 HTTP/1.1\r\nhost: gantry\r\nconnection: close\r\n\r\n",
            400,
        ),
        (b"GET /v1/jobs HTTP/9.9\r\nhost: gantry\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (
            b"DELETE /v1/jobs HTTP/1.1\r\nhost: gantry\r\nconnection: close\r\n\r\n",
            405,
        ),
        (
            b"GET /v1/jobs HTTP/1.1\r\nhost: gantry\r\ncontent-length: 99999999999\r\nconnection: close\r\n\r\n",
            413,
        ),
    ] {
        let (status, answer) = raw(&client, request).await;
        assert_eq!(status, expected, "{}: {answer}", String::from_utf8_lossy(request));
    }
    assert_eq!(everything(&store).await, before);
    client.ok("/v1/jobs").await;
}
