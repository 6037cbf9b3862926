//! The OpenAPI document, held to the routes and to what they answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use gantry_indexer::key;
use serde_json::Value;

use crate::common::Server;
use crate::market::{Client, filled};

/// Every route of the API: one that is added belongs here, and in the document by itself.
const ROUTES: [&str; 22] = [
    "/healthz",
    "/metrics",
    "/readyz",
    "/v1/disputes",
    "/v1/disputes/{address}",
    "/v1/events",
    "/v1/events/stream",
    "/v1/events/ws",
    "/v1/jobs",
    "/v1/jobs/{address}",
    "/v1/jobs/{address}/timeline",
    "/v1/mints",
    "/v1/network",
    "/v1/nodes",
    "/v1/nodes/{address}",
    "/v1/pools",
    "/v1/pools/{address}",
    "/v1/positions",
    "/v1/positions/{address}",
    "/v1/providers",
    "/v1/providers/{address}",
    "/v1/stats",
];

/// Where `value` is not what `schema` says, of the words that the document uses.
fn breach(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    for (word, said) in schema.as_object().expect("a schema") {
        let list = || said.as_array().expect("a list").iter();
        let wrong = match word.as_str() {
            "$ref" => {
                let pointer = said.as_str().expect("text").trim_start_matches('#');
                breach(document, document.pointer(pointer).expect("a schema"), value)
            }
            "type" => {
                let kinds = said.as_array().cloned().unwrap_or_else(|| vec![said.clone()]);
                let fits = |kind: &Value| match kind.as_str().expect("text") {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    kind => panic!("the type {kind} is not known here"),
                };
                (!kinds.iter().any(fits)).then(|| format!("{value} is no {said}"))
            }
            "required" => list()
                .find(|name| value.is_object() && value.get(name.as_str().expect("text")).is_none())
                .map(|name| format!("{name} is missing")),
            "properties" if value.is_object() => {
                let said = said.as_object().expect("properties");
                said.iter().find_map(|(name, schema)| {
                    let wrong = value.get(name).and_then(|value| breach(document, schema, value));
                    wrong.map(|wrong| format!("{name}: {wrong}"))
                })
            }
            "items" => value
                .as_array()
                .into_iter()
                .flatten()
                .find_map(|item| breach(document, said, item)),
            "additionalProperties" | "propertyNames" => None,
            "allOf" => list().find_map(|schema| breach(document, schema, value)),
            "oneOf" => (list()
                .filter(|schema| breach(document, schema, value).is_none())
                .count()
                != 1)
                .then(|| format!("{value} is not one of {said}")),
            "minimum" => value
                .as_i64()
                .filter(|value| *value < said.as_i64().expect("a number"))
                .map(|value| format!("{value} is less than {said}")),
            "description" | "format" | "maximum" | "pattern" | "properties" => None,
            word => panic!("the word {word} is not known here"),
        };
        if wrong.is_some() {
            return wrong;
        }
    }
    None
}

/// The fields that a value has and its schema does not.
fn unknown(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    fn of<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
        if let Some(pointer) = schema["$ref"].as_str() {
            let schema = document.pointer(pointer.trim_start_matches('#')).expect("a schema");
            return of(document, schema);
        }
        let parts = ["allOf", "oneOf"]
            .iter()
            .filter_map(|word| schema[word].as_array())
            .flatten();
        let mut all = vec![schema];
        all.extend(parts.flat_map(|part| of(document, part)));
        all
    }
    let schemas = of(document, schema);
    if let Some(items) = value.as_array() {
        let schema = schemas.iter().find(|schema| schema.get("items").is_some())?;
        return items.iter().find_map(|item| unknown(document, &schema["items"], item));
    }
    let described = |schema: &&&Value| schema.get("properties").is_some();
    if schemas.iter().any(|schema| described(&schema)) {
        return value.as_object().into_iter().flatten().find_map(|(name, value)| {
            let schema = schemas.iter().find_map(|schema| schema["properties"].get(name));
            schema.map_or_else(|| Some(name.clone()), |schema| unknown(document, schema, value))
        });
    }
    None
}

/// The paths of the document, each with addresses of the market in it.
fn instances(path: &str) -> Vec<String> {
    let address = |byte: u8| path.replace("{address}", &key::text(&[byte; 32]));
    match path.split('/').nth(2) {
        Some("jobs") => vec![address(10), address(11)],
        Some("nodes") => vec![address(6)],
        Some("pools") => vec![address(20)],
        Some("positions") => vec![address(21)],
        Some("disputes") => vec![address(24)],
        Some("providers") => vec![address(30)],
        _ => vec![path.to_owned()],
    }
}

#[tokio::test]
async fn every_route_is_in_the_document_and_answers_as_it_says() {
    let server = Server::start().await;
    let client = Client::serve(filled(&server, "contract").await, Arc::default()).await;
    let document = client.ok("/openapi.json").await;
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1."))
    );
    let paths = document["paths"].as_object().expect("paths");
    let named: BTreeSet<&str> = paths.keys().map(String::as_str).collect();
    assert_eq!(named, BTreeSet::from(ROUTES));
    for (path, item) in paths {
        let said = item["get"]["responses"].as_object().expect("responses");
        for url in instances(path)
            .iter()
            .flat_map(|url| [url.clone(), format!("{url}?unknown=1")])
        {
            let response = client
                .http
                .get(format!("{}{url}", client.base))
                .send()
                .await
                .expect("an answer");
            let status = response.status().as_u16();
            let kind = response.headers()["content-type"].to_str().expect("text").to_owned();
            let kind = kind.split(';').next().unwrap_or_default().to_owned();
            let answer = said.get(&status.to_string());
            let answer = answer.unwrap_or_else(|| panic!("{url} answers {status}, which the document does not say"));
            let schema = answer["content"].get(&kind);
            let schema = &schema.unwrap_or_else(|| panic!("{url}: {kind} is not in the document"))["schema"];
            if kind == "text/event-stream" {
                // It has no end; what it says is held to the document in the tests of streams.
                continue;
            }
            let text = response.text().await.expect("text");
            if kind.ends_with("json") {
                let body: Value = serde_json::from_str(&text).expect("JSON");
                assert_eq!(breach(&document, schema, &body), None, "{url}: {body}");
                assert_eq!(unknown(&document, schema, &body), None, "{url}: {body}");
            }
            if url.contains("/v1/") {
                let expected = match url {
                    _ if url.contains('?') || url.ends_with("/ws") => 400,
                    _ if url.contains("/v1/providers/") => 404,
                    _ => 200,
                };
                assert_eq!(status, expected, "{url}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn every_parameter_of_the_document_is_taken() {
    let server = Server::start().await;
    let client = Client::serve(filled(&server, "parameters").await, Arc::default()).await;
    let document = client.ok("/openapi.json").await;
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for parameter in item["get"]["parameters"].as_array().into_iter().flatten() {
            let (name, schema) = (parameter["name"].as_str().expect("a name"), &parameter["schema"]);
            if parameter["in"] != "query" {
                continue;
            }
            assert_eq!(parameter["required"], false, "{path}: {name}");
            let pattern = schema["pattern"].as_str().unwrap_or_default();
            let values = match schema["type"].as_str().expect("one type") {
                "boolean" => vec!["true".to_owned(), "false".to_owned()],
                "integer" => vec!["1".to_owned()],
                "string" if name == "country" => vec!["de".to_owned()],
                "string" if name == "name" => vec!["JobSettled".to_owned()],
                "string" if name == "after" => vec!["0".to_owned()],
                // Where the document says which values there are, each of them.
                "string" if !pattern.is_empty() => {
                    let signs: &[&str] = if pattern.starts_with("^-?") { &["", "-"] } else { &[""] };
                    let names = pattern.trim_start_matches("^-?").trim_matches(['^', '$', '(', ')']);
                    let signed = |name: &str| {
                        signs
                            .iter()
                            .map(move |sign| format!("{sign}{name}"))
                            .collect::<Vec<_>>()
                    };
                    names.split('|').flat_map(signed).collect()
                }
                "string" if name == "cursor" => Vec::new(),
                "string" => vec![key::text(&[1; 32])],
                kind => panic!("{path}: {name} is of type {kind}"),
            };
            for value in values {
                let url = format!("{}?{name}={value}", instances(path)[0]);
                // A stream has no end: its head says enough.
                let response = client
                    .http
                    .get(format!("{}{url}", client.base))
                    .send()
                    .await
                    .expect("an answer");
                let expected = match path.as_str() {
                    "/v1/providers/{address}" => 404,
                    // Refused for what it does not ask for, after its parameters were read.
                    "/v1/events/ws" => 400,
                    _ => 200,
                };
                assert_eq!(response.status(), expected, "{url}");
                if path == "/v1/events/ws" {
                    let text = response.text().await.expect("text");
                    assert!(text.contains("speaks WebSocket"), "{url}: {text}");
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "{tried} requests");
}

#[tokio::test]
async fn the_interactive_page_needs_no_other_server() {
    let server = Server::start().await;
    let client = Client::serve(server.store("docs").await, Arc::default()).await;
    let text = async |path: &str| {
        let response = client
            .http
            .get(format!("{}{path}", client.base))
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), 200, "{path}");
        response.text().await.expect("text")
    };
    let page = text("/docs").await;
    let sources: Vec<&str> = page
        .split(['"', '\''])
        .filter(|part| part.ends_with(".js") || part.ends_with(".css"))
        .collect();
    assert!(sources.len() >= 3, "{page}");
    for source in sources {
        assert!(!source.contains("//"), "{source} is elsewhere");
        assert!(
            !text(&format!("/docs/{}", source.trim_start_matches("./")))
                .await
                .is_empty()
        );
    }
    assert!(text("/docs/swagger-initializer.js").await.contains("/openapi.json"));
}
