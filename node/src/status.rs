//! What the daemon is doing, for its operator: a page, the same as JSON, and metrics. On the loopback interface only.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse as _, Json, Response};
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::Serialize;

use crate::gpu::{Driver, Inventory as _};

/// A node of this daemon.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Node {
    /// Its account; empty until it is listed.
    pub address: String,
    /// UUIDs of its GPUs.
    pub gpus: Vec<String>,
    /// What it runs, by job.
    pub jobs: BTreeMap<String, Job>,
    /// Jobs that it brought to an end since the daemon started.
    pub ended: u64,
}

/// A job that runs.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Job {
    /// What its customer calls it.
    pub name: String,
    /// Its runner.
    pub runner: String,
    /// Sequence number of the latest receipt.
    pub sequence: u64,
    /// Seconds that it proves.
    pub served_seconds: u64,
}

/// What the daemon is doing, by node key. Clones are the same board.
#[derive(Clone, Debug, Default)]
pub struct Board {
    nodes: Arc<Mutex<BTreeMap<String, Node>>>,
    draining: Arc<Mutex<Option<&'static str>>>,
}

/// One node's place on the board.
#[derive(Clone, Debug, Default)]
pub struct Place {
    board: Board,
    key: String,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What it guards is only shown.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    /// A place for the node with this key.
    pub fn node(&self, key: String, gpus: Vec<String>) -> Place {
        let node = Node {
            gpus,
            ..Node::default()
        };
        lock(&self.nodes).insert(key.clone(), node);
        Place {
            board: self.clone(),
            key,
        }
    }

    /// Says that the daemon takes no more jobs, and why.
    pub fn drains(&self, why: &'static str) {
        *lock(&self.draining) = Some(why);
    }

    /// Every node, by key.
    pub fn nodes(&self) -> BTreeMap<String, Node> {
        lock(&self.nodes).clone()
    }
}

impl Place {
    fn change(&self, change: impl FnOnce(&mut Node)) {
        change(lock(&self.board.nodes).entry(self.key.clone()).or_default());
    }

    /// The node is listed as `address`.
    pub fn listed(&self, address: &str) {
        self.change(|node| address.clone_into(&mut node.address));
    }

    /// A job runs.
    pub fn runs(&self, job: &str, name: &str, runner: &str) {
        metrics::counter!("gantry_node_jobs_started_total", "node" => self.key.clone()).increment(1);
        let shown = Job {
            name: name.to_owned(),
            runner: runner.to_owned(),
            ..Job::default()
        };
        self.change(|node| drop(node.jobs.insert(job.to_owned(), shown)));
    }

    /// A receipt was written down.
    pub fn proved(&self, job: &str, sequence: u64, served_seconds: u64) {
        metrics::counter!("gantry_node_receipts_total", "node" => self.key.clone()).increment(1);
        self.change(|node| {
            if let Some(job) = node.jobs.get_mut(job) {
                let more = served_seconds.saturating_sub(job.served_seconds);
                metrics::counter!("gantry_node_served_seconds_total", "node" => self.key.clone()).increment(more);
                (job.sequence, job.served_seconds) = (sequence, served_seconds);
            }
        });
    }

    /// A job's session is over.
    pub fn ended(&self, job: &str, outcome: &'static str) {
        let node = self.key.clone();
        metrics::counter!("gantry_node_jobs_ended_total", "node" => node, "outcome" => outcome).increment(1);
        self.change(|node| {
            node.jobs.remove(job);
            node.ended += 1;
        });
    }
}

/// The server's own.
struct Page {
    board: Board,
    driver: Driver,
    metrics: PrometheusHandle,
}

/// Serves the page on `listen` until it is dropped; says where it listens.
///
/// # Errors
/// If the address is not a loopback one, or taken.
pub async fn serve(
    listen: SocketAddr,
    board: Board,
    driver: Driver,
) -> anyhow::Result<(SocketAddr, impl Future<Output = std::io::Result<()>>)> {
    anyhow::ensure!(
        listen.ip().is_loopback(),
        "--status-listen {listen}: the page has no login, so it listens on a loopback address only; for others to read \
         it, put a proxy with a login in front"
    );
    let metrics = PrometheusBuilder::new()
        .install_recorder()
        .context("cannot collect metrics")?;
    describe();
    let page = Arc::new(Page { board, driver, metrics });
    let router = Router::new()
        .route("/", get(html))
        .route("/status.json", get(json))
        .route("/metrics", get(prometheus))
        .route("/healthz", get(|| std::future::ready("ok\n")))
        .with_state(page);
    let socket = tokio::net::TcpListener::bind(listen).await;
    let socket = socket.with_context(|| format!("--status-listen {listen}: cannot listen there"))?;
    let address = socket.local_addr().context("the status page has no address")?;
    Ok((address, async move { axum::serve(socket, router).await }))
}

fn describe() {
    metrics::describe_counter!("gantry_node_jobs_started_total", "Jobs whose command was started");
    metrics::describe_counter!("gantry_node_jobs_ended_total", "Jobs brought to an end, by outcome");
    metrics::describe_counter!("gantry_node_receipts_total", "Receipts written down");
    metrics::describe_counter!("gantry_node_served_seconds_total", "Seconds proven");
    metrics::describe_gauge!("gantry_node_jobs_running", "Jobs that run now");
    metrics::describe_gauge!("gantry_node_gpu_temperature_celsius", "Temperature of a GPU");
    metrics::describe_gauge!("gantry_node_gpu_utilization_ratio", "How busy a GPU is, 0 to 1");
    metrics::describe_gauge!("gantry_node_gpu_memory_used_bytes", "Memory of a GPU in use");
    metrics::describe_gauge!("gantry_node_gpu_power_watts", "What a GPU draws");
}

async fn prometheus(State(page): State<Arc<Page>>) -> Response {
    for (key, node) in page.board.nodes() {
        metrics::gauge!("gantry_node_jobs_running", "node" => key).set(node.jobs.len() as f64);
    }
    for gpu in page.driver.gpus().unwrap_or_default() {
        let set = |name: &'static str, value: Option<f64>| {
            if let Some(value) = value {
                metrics::gauge!(name, "gpu" => gpu.uuid.clone()).set(value);
            }
        };
        set(
            "gantry_node_gpu_temperature_celsius",
            gpu.temperature_celsius.map(f64::from),
        );
        set(
            "gantry_node_gpu_utilization_ratio",
            gpu.utilization_percent.map(|percent| f64::from(percent) / 100.0),
        );
        set(
            "gantry_node_gpu_memory_used_bytes",
            gpu.memory_used_bytes.map(|bytes| bytes as f64),
        );
        set(
            "gantry_node_gpu_power_watts",
            gpu.power_milliwatts.map(|power| f64::from(power) / 1_000.0),
        );
    }
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, page.metrics.render()).into_response()
}

async fn json(State(page): State<Arc<Page>>) -> Json<serde_json::Value> {
    let draining = *lock(&page.board.draining);
    Json(serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "draining": draining,
        "nodes": page.board.nodes(),
        "gpus": page.driver.gpus().unwrap_or_default(),
    }))
}

async fn html(State(page): State<Arc<Page>>) -> Html<String> {
    let mut rows = String::new();
    for (key, node) in page.board.nodes() {
        let gpus = if node.gpus.is_empty() {
            "none".to_owned()
        } else {
            node.gpus.join(", ")
        };
        let state = if node.address.is_empty() {
            "not listed yet".to_owned()
        } else {
            node.address.clone()
        };
        let _ = write!(
            rows,
            "<h2>{}</h2><p>account {} · GPUs {} · {} jobs ended</p><table><tr><th>job<th>name<th>runner<th>receipt\
             <th>seconds proven</tr>",
            escape(&key),
            escape(&state),
            escape(&gpus),
            node.ended
        );
        for (address, job) in &node.jobs {
            let cells = [
                address,
                &job.name,
                &job.runner,
                &job.sequence.to_string(),
                &job.served_seconds.to_string(),
            ];
            rows.push_str("<tr>");
            for cell in cells {
                let _ = write!(rows, "<td>{}", escape(cell));
            }
            rows.push_str("</tr>");
        }
        rows.push_str("</table>");
    }
    let draining = lock(&page.board.draining).map_or(String::new(), |why| format!("<p><b>Draining: {why}</b></p>"));
    Html(format!(
        "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=5><title>gantry-node</title>\
         <style>body{{font:15px system-ui;margin:2em;max-width:70em}}td,th{{text-align:left;padding:.2em 1em .2em 0}}\
         h2{{font:600 15px monospace}}</style><h1>gantry-node {}</h1>{draining}{rows}\
         <p><a href=/status.json>status.json</a> · <a href=/metrics>metrics</a></p>",
        env!("CARGO_PKG_VERSION")
    ))
}

/// Names come from customers.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_page_shows_what_runs_and_trusts_no_name() {
        let board = Board::default();
        let place = board.node("key".to_owned(), vec!["GPU-a".to_owned()]);
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let (address, server) = serve(loopback, board.clone(), Driver::default()).await.expect("serves");
        let server = tokio::spawn(server);
        place.listed("account");
        place.runs("job", "<script>", "process");
        place.proved("job", 3, 17);
        let fetch = async |path: &str| {
            let answer = reqwest::get(format!("http://{address}{path}")).await.expect("answers");
            assert_eq!(answer.status(), 200, "{path}");
            answer.text().await.expect("text")
        };
        let html = fetch("/").await;
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script>"), "{html}");
        let json: serde_json::Value = serde_json::from_str(&fetch("/status.json").await).expect("json");
        let job = &json["nodes"]["key"]["jobs"]["job"];
        assert_eq!((&job["sequence"], &job["served_seconds"]), (&3.into(), &17.into()));
        let metrics = fetch("/metrics").await;
        for line in [
            "gantry_node_receipts_total{node=\"key\"} 1",
            "gantry_node_served_seconds_total{node=\"key\"} 17",
            "gantry_node_jobs_running{node=\"key\"} 1",
        ] {
            assert!(metrics.contains(line), "{line} is not in\n{metrics}");
        }
        place.ended("job", "completed");
        assert!(board.nodes()["key"].jobs.is_empty());
        assert!(
            fetch("/metrics")
                .await
                .contains("gantry_node_jobs_running{node=\"key\"} 0")
        );
        server.abort();
    }

    #[tokio::test]
    async fn it_does_not_listen_for_others() {
        let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let refused = serve(everywhere, Board::default(), Driver::default()).await;
        let error = refused.err().expect("refused").to_string();
        assert!(error.contains("loopback"), "{error}");
    }
}
