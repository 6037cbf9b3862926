//! The indexer measured: how many rows per second, how late a row and a message are, and what a frozen database does.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use gantry_bench_ingest::script::Plan;
use gantry_bench_ingest::server::{Sent, now_us};
use gantry_bench_ingest::workload::Workload;
use gantry_stack::child::Signal;
use gantry_stack::processes::with_descendants;
use serde::Serialize;
use sqlx::{Connection as _, PgConnection};

use crate::database::Databases;
use crate::processes::{IndexerProcess, PATIENCE, ServerProcess, Taken};

/// How often a row is looked at.
const LOOK: Duration = Duration::from_micros(500);
/// How often it is looked whether a run is over.
const LOOK_FOR_THE_END: Duration = Duration::from_millis(5);

/// Milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Spread {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
    pub(crate) count: usize,
}

impl Spread {
    pub(crate) fn of(mut micros: Vec<u64>) -> Self {
        micros.sort_unstable();
        let at = |share: f64| {
            let place = ((micros.len() as f64 * share).ceil() as usize).clamp(1, micros.len().max(1));
            micros.get(place - 1).map_or(0.0, |micros| *micros as f64 / 1_000.0)
        };
        Self {
            p50: at(0.5),
            p99: at(0.99),
            max: at(1.0),
            count: micros.len(),
        }
    }
}

/// A run from the first update to the last row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Throughput {
    pub(crate) took: Duration,
    pub(crate) lost: u64,
    pub(crate) taken: Taken,
}

/// Waits until the tables are at `slot`; says when that was seen.
async fn reached(
    connection: &mut PgConnection,
    slot: u64,
    indexer: &IndexerProcess,
    patience: Duration,
) -> Result<u64> {
    let begun = Instant::now();
    loop {
        let at: i64 = sqlx::query_scalar("select slot from checkpoint")
            .fetch_one(&mut *connection)
            .await?;
        if at as u64 >= slot {
            return Ok(now_us());
        }
        if begun.elapsed() > patience {
            bail!(
                "the tables are at slot {at} and do not reach {slot}:\n{}",
                indexer.log()
            );
        }
        tokio::time::sleep(LOOK_FOR_THE_END).await;
    }
}

/// The whole script as fast as the indexer takes it.
pub(crate) async fn throughput(databases: &Databases, folder: &Path, name: &str, plan: Plan) -> Result<Throughput> {
    let url = databases.copy(name).await?;
    let server = ServerProcess::start(plan).await?;
    let indexer = IndexerProcess::start(folder, name, &url, &server)?;
    server.subscribed().await?;
    let mut connection = PgConnection::connect(&url).await?;
    server.begin().await?;
    let end = reached(&mut connection, plan.last_slot(), &indexer, PATIENCE).await?;
    let sent = server.sent().await?;
    let taken = indexer.taken()?;
    let first = sent.first.context("nothing was sent")?;
    let lost = databases.lost(&url, plan).await?;
    indexer.stop().await?;
    connection.close().await?;
    databases.drop(name).await?;
    Ok(Throughput {
        took: Duration::from_micros(end.saturating_sub(first)),
        lost,
        taken,
    })
}

/// How late things were.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Latency {
    /// From the confirmation to the row.
    pub(crate) row: Spread,
    /// From the confirmation to each message.
    pub(crate) message: Spread,
    /// From the account update itself to the row.
    pub(crate) row_from_update: Spread,
    pub(crate) updates_per_s: f64,
    pub(crate) indexer_cpu_share: f64,
    pub(crate) lost: u64,
}

/// A paced script, while the marker's row is looked at and the events are listened to.
pub(crate) async fn latency(databases: &Databases, folder: &Path, name: &str, plan: Plan) -> Result<Latency> {
    let url = databases.copy(name).await?;
    let server = ServerProcess::start(plan).await?;
    let indexer = IndexerProcess::start(folder, name, &url, &server)?;
    server.subscribed().await?;
    let api = indexer.api().await?;
    let mut stream = reqwest::get(format!("{api}/v1/events/stream"))
        .await?
        .error_for_status()?;
    let heard: Arc<Mutex<Vec<(u64, u64)>>> = Arc::default();
    let hears = heard.clone();
    let listener = tokio::spawn(async move {
        let mut text = Vec::new();
        while let Ok(Some(chunk)) = stream.chunk().await {
            let now = now_us();
            text.extend_from_slice(&chunk);
            while let Some(end) = text.windows(2).position(|two| two == b"\n\n") {
                let message: Vec<u8> = text.drain(..end + 2).collect();
                if let Some(slot) = event_slot(&message) {
                    hears.lock().unwrap_or_else(PoisonError::into_inner).push((slot, now));
                }
            }
        }
    });
    let before = indexer.taken()?;
    server.begin().await?;
    let began = Instant::now();
    let rows = watch_marker(&url, plan, &indexer).await?;
    let took = began.elapsed();
    let cpu = indexer.taken()?.cpu.saturating_sub(before.cpu);
    // The messages of the last slot are behind its row by no more than this.
    tokio::time::sleep(Duration::from_secs(1)).await;
    listener.abort();
    let sent = server.sent().await?;
    let lost = databases.lost(&url, plan).await?;
    indexer.stop().await?;
    databases.drop(name).await?;
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    ensure!(
        heard.len() == plan.slots * plan.transactions,
        "{} events were told of {}",
        heard.len(),
        plan.slots * plan.transactions
    );
    let since = |at: &BTreeMap<u64, u64>, slot: u64, now: u64| at.get(&slot).map(|sent| now.saturating_sub(*sent));
    let spread = |times: &mut dyn Iterator<Item = Option<u64>>| Spread::of(times.flatten().collect());
    Ok(Latency {
        row: spread(&mut rows.iter().map(|(slot, now)| since(&sent.confirmed, *slot, *now))),
        message: spread(&mut heard.iter().map(|(slot, now)| since(&sent.confirmed, *slot, *now))),
        row_from_update: spread(&mut rows.iter().map(|(slot, now)| since(&sent.marker, *slot, *now))),
        updates_per_s: rate(&sent, plan),
        indexer_cpu_share: cpu.as_secs_f64() / took.as_secs_f64(),
        lost,
    })
}

fn rate(sent: &Sent, plan: Plan) -> f64 {
    let slots = plan.slots as f64 - 1.0;
    let first = sent.marker.first_key_value().map_or(0, |(_, at)| *at);
    let last = sent.marker.last_key_value().map_or(0, |(_, at)| *at);
    slots * (plan.per_slot + 1) as f64 / (last.saturating_sub(first).max(1) as f64 / 1e6)
}

/// The slot of an event of the stream; none for other messages.
fn event_slot(message: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(message).ok()?;
    let is_event = text.lines().any(|line| line == "event: event");
    let data = text.lines().find_map(|line| line.strip_prefix("data: "))?;
    let data: serde_json::Value = serde_json::from_str(data).ok()?;
    is_event.then(|| data["slot"].as_u64())?
}

/// Looks at the row that every slot writes until the last slot is there; says when each slot was first seen in it. A slot
/// that was committed together with a later one was there when the later one was seen.
async fn watch_marker(url: &str, plan: Plan, indexer: &IndexerProcess) -> Result<Vec<(u64, u64)>> {
    let mut connection = PgConnection::connect(url).await?;
    let address = Workload::marker().address;
    let (mut seen, mut last) = (Vec::new(), None);
    let mut moved = Instant::now();
    while last != Some(plan.last_slot()) {
        let slot: i64 = sqlx::query_scalar("select slot from customer where address = $1")
            .bind(address.as_slice())
            .fetch_one(&mut connection)
            .await?;
        let (slot, now) = (slot as u64, now_us());
        if last.is_some_and(|last| last < slot) {
            let first = last.map_or(slot, |last| last + 1);
            seen.extend((first..=slot).map(|slot| (slot, now)));
            moved = Instant::now();
        }
        last = Some(slot);
        if moved.elapsed() > PATIENCE {
            bail!("the row stays at slot {slot}:\n{}", indexer.log());
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(seen)
}

/// What a database that stood still did.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Frozen {
    pub(crate) max_rss_mib: u64,
    pub(crate) lost: u64,
    pub(crate) frozen_s: u64,
    /// Updates that the server had to send meanwhile.
    pub(crate) updates_meanwhile: u64,
    /// Times the server cut the indexer off for being too far behind.
    pub(crate) cut: u64,
    /// From the thaw until the tables are at the chain's newest slot but one.
    pub(crate) caught_up_s: f64,
    pub(crate) updates_per_s: f64,
}

/// A paced script, in whose middle every process of the database stands still.
pub(crate) async fn frozen(
    databases: &mut Databases,
    folder: &Path,
    name: &str,
    plan: Plan,
    before: Duration,
    frozen: Duration,
) -> Result<Frozen> {
    let url = databases.copy(name).await?;
    let server = ServerProcess::start(plan).await?;
    let indexer = IndexerProcess::start(folder, name, &url, &server)?;
    server.subscribed().await?;
    let all = databases.server_pid()?;
    server.begin().await?;
    tokio::time::sleep(before).await;
    let all = with_descendants(&[all]);
    all.iter().for_each(|process| process.signal(Signal::STOP));
    let begun = Instant::now();
    tokio::time::sleep(frozen).await;
    all.iter().for_each(|process| process.signal(Signal::CONT));
    let (frozen_s, thawed) = (begun.elapsed().as_secs(), Instant::now());
    let mut connection = PgConnection::connect(&url).await?;
    let slot_ms = plan.slot_ms.max(1);
    let caught_up = loop {
        // Where the chain is by now, and one slot for its confirmation.
        let due = (before + frozen + thawed.elapsed()).as_millis() as u64 / slot_ms;
        let tip = gantry_bench_ingest::script::BASE_SLOT + due.min(plan.slots as u64);
        let at: i64 = sqlx::query_scalar("select slot from checkpoint")
            .fetch_one(&mut connection)
            .await?;
        if at as u64 + 2 >= tip {
            break thawed.elapsed();
        }
        ensure!(
            thawed.elapsed() < PATIENCE,
            "the tables are at slot {at} of {tip}:\n{}",
            indexer.log()
        );
        tokio::time::sleep(LOOK_FOR_THE_END).await;
    };
    reached(&mut connection, plan.last_slot(), &indexer, PATIENCE).await?;
    let sent = server.sent().await?;
    let max_rss_mib = indexer.taken()?.peak_mib;
    let lost = databases.lost(&url, plan).await?;
    indexer.stop().await?;
    connection.close().await?;
    databases.drop(name).await?;
    let per_s = (plan.per_slot + 1) as f64 * 1_000.0 / slot_ms as f64;
    Ok(Frozen {
        max_rss_mib,
        lost,
        frozen_s,
        updates_meanwhile: (frozen.as_secs_f64() * per_s) as u64,
        cut: sent.cut,
        caught_up_s: caught_up.as_secs_f64(),
        updates_per_s: per_s,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_measured() {
        let spread = Spread::of((1..=200).rev().map(|millis| millis * 1_000).collect());
        assert_eq!(
            (spread.p50, spread.p99, spread.max, spread.count),
            (100.0, 198.0, 200.0, 200)
        );
        assert_eq!(Spread::of(vec![7_000]).p99, 7.0);
    }

    #[test]
    fn events_are_told_from_other_messages() {
        assert_eq!(event_slot(b"id: 4\nevent: event\ndata: {\"slot\":9}\n\n"), Some(9));
        assert_eq!(event_slot(b"id: 4\nevent: finalized\ndata: {\"slot\":9}\n\n"), None);
        assert_eq!(event_slot(b": keep alive\n\n"), None);
    }
}
