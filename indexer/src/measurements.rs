//! Every measurement that `/metrics` gives: its name, its unit, what it means. All are there from the start, at zero, so
//! that a rate or an alert sees the first increase.

use std::time::{Duration, Instant, SystemTime};

use metrics::Unit;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::store::Store;

/// How often those that must be looked for are.
const LOOK: Duration = Duration::from_secs(5);
/// Looks between two of the database's size, which is added up from its files.
const SIZE_EVERY: u32 = 12;
/// Bounds of durations, in seconds: a write takes milliseconds, a request that waits for a slot up to 20 s.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 20.0];

const GAUGES: &[(&str, Unit, &str)] = &[
    (
        "gantry_indexer_tip_slot",
        Unit::Count,
        "Newest slot that the stream spoke of; 0 in an API instance, which has no stream",
    ),
    (
        "gantry_indexer_checkpoint_slot",
        Unit::Count,
        "Slot that the tables are at, as this instance knows",
    ),
    (
        "gantry_indexer_finalized_slot",
        Unit::Count,
        "Slot up to which the tables are final",
    ),
    (
        "gantry_indexer_checkpoint_age_seconds",
        Unit::Seconds,
        "Time since the checkpoint was written last, by the database's clock; counted on while the database does not answer",
    ),
    (
        "gantry_indexer_leader",
        Unit::Count,
        "1 while this instance is the one that writes",
    ),
    (
        "gantry_indexer_buffered_bytes",
        Unit::Bytes,
        "Held for slots that are not final yet",
    ),
    (
        "gantry_indexer_outbox_rows",
        Unit::Count,
        "Rows of the change feed that are kept",
    ),
    (
        "gantry_indexer_outbox_newest_id",
        Unit::Count,
        "Newest id of the change feed: its rate is that of changes",
    ),
    (
        "gantry_indexer_event_gaps",
        Unit::Count,
        "Ranges of slots, after the first that was indexed, whose events are not known and still looked for",
    ),
    (
        "gantry_indexer_accounts_in_doubt",
        Unit::Count,
        "Accounts to be read from the chain again once their slot is final",
    ),
    (
        "gantry_indexer_database_bytes",
        Unit::Bytes,
        "Size of the database on disk",
    ),
    (
        "gantry_indexer_database_up",
        Unit::Count,
        "1 when the database answered the last time it was asked",
    ),
    (
        "gantry_indexer_database_connections",
        Unit::Count,
        "Connections to the database, by state",
    ),
    (
        "gantry_indexer_api_streams",
        Unit::Count,
        "Open streams of events, server-sent and WebSocket",
    ),
    (
        "gantry_indexer_api_requests_in_flight",
        Unit::Count,
        "Requests whose answer has not begun",
    ),
    (
        "gantry_indexer_build_info",
        Unit::Count,
        "1; the label says which version runs",
    ),
    ("process_resident_memory_bytes", Unit::Bytes, "Memory of this process"),
    ("process_open_fds", Unit::Count, "Open file descriptors of this process"),
    (
        "process_start_time_seconds",
        Unit::Seconds,
        "When this process began, Unix time",
    ),
];

const COUNTERS: &[(&str, &str)] = &[
    ("gantry_indexer_banks_total", "Confirmed blocks written"),
    (
        "gantry_indexer_banks_ahead_total",
        "Of these, blocks that were written before they were confirmed",
    ),
    ("gantry_indexer_rows_total", "Account rows inserted or updated"),
    ("gantry_indexer_events_total", "Events written"),
    (
        "gantry_indexer_failed_writes_total",
        "Transactions that the database refused or did not answer, and that were tried again",
    ),
    (
        "gantry_indexer_rollbacks_total",
        "Times that confirmed blocks were abandoned and undone",
    ),
    (
        "gantry_indexer_api_streams_cut_total",
        "Streams of events ended because their client did not read",
    ),
    (
        "gantry_indexer_snapshots_total",
        "Times that all accounts were read at once, for lack of a stream from where the tables were",
    ),
    (
        "gantry_indexer_reconnects_total",
        "Connections to the stream lost and opened again",
    ),
    (
        "gantry_indexer_subscriptions_ended_total",
        "Subscriptions given up and begun anew, by reason",
    ),
    (
        "gantry_indexer_malformed_updates_total",
        "Updates of the stream that made no sense",
    ),
    (
        "gantry_indexer_unknown_accounts_total",
        "Accounts of the programs that this build cannot read: it is too old",
    ),
    (
        "gantry_indexer_unknown_events_total",
        "Events of the programs that this build cannot read: it is too old",
    ),
    (
        "gantry_indexer_incomplete_logs_total",
        "Transactions whose log was cut short, and with it perhaps events",
    ),
    (
        "gantry_indexer_backfilled_events_total",
        "Events read from the chain's history to fill a gap",
    ),
    (
        "gantry_indexer_doubts_total",
        "Accounts read from the chain because the stream left them open",
    ),
    (
        "gantry_indexer_api_requests_total",
        "Requests answered, by route, method and status",
    ),
    (
        "gantry_indexer_api_rate_limited_total",
        "Requests refused because their client asks too much",
    ),
    (
        "gantry_indexer_api_stream_lags_total",
        "Times that a stream's client fell behind what is held in memory",
    ),
];

const HISTOGRAMS: &[(&str, &str)] = &[
    ("gantry_indexer_write_seconds", "Duration of one write of the tables"),
    (
        "gantry_indexer_api_request_seconds",
        "Time until an answer began, by route",
    ),
];

/// Measures from here on.
///
/// # Errors
/// Where something else measures already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()?;
    for (name, unit, help) in GAUGES {
        metrics::describe_gauge!(*name, *unit, *help);
    }
    for (name, help) in COUNTERS {
        metrics::describe_counter!(*name, Unit::Count, *help);
    }
    for (name, help) in HISTOGRAMS {
        metrics::describe_histogram!(*name, Unit::Seconds, *help);
    }
    let labelled = [
        "gantry_indexer_database_connections",
        "gantry_indexer_build_info",
        "gantry_indexer_subscriptions_ended_total",
        "gantry_indexer_api_requests_total",
    ];
    for (name, ..) in GAUGES.iter().filter(|(name, ..)| !labelled.contains(name)) {
        metrics::gauge!(*name).set(0.0);
    }
    for (name, _) in COUNTERS.iter().filter(|(name, _)| !labelled.contains(name)) {
        metrics::counter!(*name).increment(0);
    }
    for reason in crate::ingest::REASONS {
        metrics::counter!("gantry_indexer_subscriptions_ended_total", "reason" => reason).increment(0);
    }
    metrics::gauge!("gantry_indexer_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    metrics::gauge!("process_start_time_seconds").set(now.unwrap_or_default().as_secs_f64());
    Ok(handle)
}

/// What the database says of the tables.
#[derive(sqlx::FromRow)]
struct State {
    slot: i64,
    finalized_slot: i64,
    age: f64,
    outbox_id: i64,
    oldest: Option<i64>,
    gaps: i64,
    doubts: i64,
}

const STATE: &str = "select slot, finalized_slot, outbox_id, \
    greatest(extract(epoch from clock_timestamp() - updated_at), 0)::float8 as age, \
    (select id - count + 1 from outbox order by id limit 1) as oldest, \
    (select count(*) from event_gap where filled_at is null and from_slot > 0) as gaps, (select count(*) from doubt) as doubts \
    from checkpoint";

/// Looks again and again at what nobody counts as it happens. `follows` is told the slot of the tables where another
/// process writes them.
pub async fn watch(store: Store, handle: PrometheusHandle, follows: impl Fn(u64)) {
    let mut looks = 0;
    let mut written = None;
    loop {
        handle.run_upkeep();
        process();
        let up = look(&store, looks % SIZE_EVERY == 0, &mut written, &follows)
            .await
            .inspect_err(|error| tracing::debug!(%error, "the state of the tables cannot be measured"))
            .is_ok();
        if let Some(written) = written {
            metrics::gauge!("gantry_indexer_checkpoint_age_seconds").set(written.age());
        }
        metrics::gauge!("gantry_indexer_database_up").set(if up { 1.0 } else { 0.0 });
        // What could not be measured is measured at the next look.
        looks = if up { looks + 1 } else { 0 };
        tokio::time::sleep(LOOK).await;
    }
}

/// When the checkpoint was written last, as was read once.
#[derive(Clone, Copy)]
struct Written {
    before: f64,
    read: Instant,
}

impl Written {
    /// Seconds since.
    fn age(self) -> f64 {
        self.before + self.read.elapsed().as_secs_f64()
    }
}

async fn look(store: &Store, size: bool, written: &mut Option<Written>, follows: impl Fn(u64)) -> sqlx::Result<()> {
    let (all, idle) = (store.pool().size(), store.pool().num_idle());
    let used = f64::from(all) - idle as f64;
    metrics::gauge!("gantry_indexer_database_connections", "state" => "used").set(used.max(0.0));
    metrics::gauge!("gantry_indexer_database_connections", "state" => "idle").set(idle as f64);
    let state: Option<State> = sqlx::query_as(STATE).fetch_optional(store.pool()).await?;
    if let Some(state) = state {
        follows(state.slot as u64);
        let kept = state.oldest.map_or(0, |oldest| state.outbox_id - oldest + 1);
        metrics::gauge!("gantry_indexer_finalized_slot").set(state.finalized_slot as f64);
        *written = Some(Written {
            before: state.age,
            read: Instant::now(),
        });
        metrics::gauge!("gantry_indexer_outbox_rows").set(kept as f64);
        metrics::gauge!("gantry_indexer_outbox_newest_id").set(state.outbox_id as f64);
        metrics::gauge!("gantry_indexer_event_gaps").set(state.gaps as f64);
        metrics::gauge!("gantry_indexer_accounts_in_doubt").set(state.doubts as f64);
    }
    if size {
        let bytes: i64 = sqlx::query_scalar("select pg_database_size(current_database())")
            .fetch_one(store.pool())
            .await?;
        metrics::gauge!("gantry_indexer_database_bytes").set(bytes as f64);
    }
    Ok(())
}

/// As Linux tells it; elsewhere they stay at zero.
fn process() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    metrics::gauge!("process_resident_memory_bytes").set(kib.unwrap_or_default() * 1024.0);
    let open = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    metrics::gauge!("process_open_fds").set(open as f64);
}
