//! Requests at times that were set before: an answer that is slow delays no other request, and one that could not be sent
//! in time is counted from when it should have been.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use gantry_indexer::key;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::connections::Connections;
use crate::market::{CUSTOMER, JOB, JOBS_EACH, NODE, address};

/// Requests under way at once; more wait, and their time runs.
const MOST: usize = 1_024;
/// Longest wait for an answer.
const LONGEST: Duration = Duration::from_secs(30);
/// Time before the measurement in which connections are made and plans are cached.
const WARM_UP: Duration = Duration::from_secs(3);

/// What is asked, and how many of a hundred requests do.
const MIX: [(&str, u32); 10] = [
    ("/v1/jobs/{address}", 25),
    ("/v1/jobs?customer=", 15),
    ("/v1/jobs?status=", 10),
    ("/v1/jobs/{address}/timeline", 12),
    ("/v1/nodes/{address}", 12),
    ("/v1/nodes?country=", 10),
    ("/v1/events?job=", 8),
    ("/v1/events", 4),
    ("/v1/mints", 2),
    ("/v1/stats", 2),
];

fn path(number: u32, jobs: u32) -> (&'static str, String) {
    // Neighbours ask for other things, and the same run asks the same.
    let random = number.wrapping_mul(0x9e37_79b1) >> 7;
    let mut share = random % 100;
    let place = MIX.iter().position(|(_, parts)| {
        let here = share < *parts;
        share = share.saturating_sub(*parts);
        here
    });
    let (name, _) = MIX[place.unwrap_or_default()];
    let which = random / 100 % jobs;
    let text = |kind, number| key::text(&address(kind, number));
    let path = match name {
        "/v1/jobs?customer=" => format!("{name}{}&limit=20", text(CUSTOMER, which / JOBS_EACH)),
        "/v1/jobs?status=" => format!("{name}{}&limit=20", ["open", "assigned", "running"][which as usize % 3]),
        "/v1/nodes/{address}" => format!("/v1/nodes/{}", text(NODE, which / 4)),
        "/v1/nodes?country=" => format!("{name}DE&limit=20"),
        "/v1/events?job=" => format!("{name}{}&limit=20", text(JOB, which)),
        "/v1/events" => format!("{name}?limit=20"),
        _ => name.replace("{address}", &text(JOB, which)),
    };
    (name, path)
}

/// Milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Latencies {
    requests: usize,
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    most: f64,
}

impl Latencies {
    fn of(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        let at = |share: f64| {
            let place = (all.len() as f64 * share) as usize;
            let found = all
                .get(place.min(all.len().saturating_sub(1)))
                .copied()
                .unwrap_or_default();
            (found.as_secs_f64() * 1e5).round() / 100.0
        };
        Self {
            requests: all.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            most: at(1.0),
        }
    }
}

/// What came of it.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    asked_per_second: u32,
    answered_per_second: f64,
    /// Requests that were answered with anything but 200, or not.
    pub(crate) failed: usize,
    milliseconds: Latencies,
    /// Requests that were sent, those of the warm-up included.
    #[serde(skip)]
    pub(crate) sent: f64,
    by_endpoint: BTreeMap<&'static str, Latencies>,
}

impl Report {
    pub(crate) fn print(&self) {
        println!(
            "asked {}/s, answered {:.0}/s, {} failed",
            self.asked_per_second, self.answered_per_second, self.failed
        );
        let line = |name: &str, all: &Latencies| {
            println!(
                "{name:<30} {:>8} p50 {:>8.2} p90 {:>8.2} p99 {:>8.2} p99.9 {:>8.2} most {:>8.2} ms",
                all.requests, all.p50, all.p90, all.p99, all.p999, all.most
            );
        };
        self.by_endpoint.iter().for_each(|(name, all)| line(name, all));
        line("all", &self.milliseconds);
    }
}

/// Asks `rate` times a second for `time`, after a warm-up that does not count.
pub(crate) async fn run(base: &str, rate: u32, time: Duration, jobs: u32) -> Result<Report> {
    let connections = Arc::new(Connections::to(base)?);
    let room = Arc::new(Semaphore::new(MOST));
    let warm = (WARM_UP.as_secs_f64() * f64::from(rate)) as u32;
    let count = (time.as_secs_f64() * f64::from(rate)) as u32;
    let begun = Instant::now();
    let mut asked = JoinSet::new();
    for number in 0..warm + count {
        let due = begun + Duration::from_secs_f64(f64::from(number) / f64::from(rate));
        tokio::time::sleep_until(due.into()).await;
        let (name, path) = path(number, jobs);
        let (connections, room) = (connections.clone(), room.clone());
        asked.spawn(async move {
            let _place = room.acquire_owned().await.ok();
            let answered = tokio::time::timeout(LONGEST, connections.get(path)).await;
            let good = matches!(answered, Ok(Ok(200)));
            (number, name, good, due.elapsed(), Instant::now())
        });
    }
    let mut by: BTreeMap<&'static str, Vec<Duration>> = BTreeMap::new();
    let mut all = Vec::with_capacity(count as usize);
    let (mut failed, mut last) = (0, begun);
    while let Some(done) = asked.join_next().await {
        let (number, name, good, took, at) = done.context("a request")?;
        if number < warm {
            continue;
        }
        failed += usize::from(!good);
        last = last.max(at);
        by.entry(name).or_default().push(took);
        all.push(took);
    }
    ensure!(
        all.len() == count as usize,
        "{} of {count} requests are known",
        all.len()
    );
    let seconds = last.duration_since(begun + WARM_UP).as_secs_f64();
    Ok(Report {
        asked_per_second: rate,
        answered_per_second: (f64::from(count) / seconds * 10.0).round() / 10.0,
        failed,
        sent: f64::from(warm + count),
        milliseconds: Latencies::of(all),
        by_endpoint: by.into_iter().map(|(name, all)| (name, Latencies::of(all))).collect(),
    })
}
