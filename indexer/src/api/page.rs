//! What every answer of the API carries.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use sqlx::postgres::{PgPool, PgPoolOptions, PgRow};
use sqlx::{Connection as _, FromRow, Postgres, QueryBuilder, Row as _, Transaction};
use utoipa::{IntoParams, ToSchema};

use super::{Api, Problem};
use crate::key;
use crate::store::{Numeric, Store};

/// Connections that reads share. More of them would not answer sooner: a read keeps a core busy and waits for no disk.
const CONNECTIONS: u32 = 16;
/// Rest after which a connection is tried before it is used.
const RESTED: Duration = Duration::from_secs(1);
/// Longest wait for `min_slot`, and for a connection.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How often the checkpoint is looked at while waiting, for where another process writes it.
const LOOK: Duration = Duration::from_millis(50);
/// Slots beyond the tables that no `min_slot` can mean: more than four days.
const FARTHEST: u64 = 1_000_000;
/// The slot of the answer, where it has no body too.
pub(super) const SLOT_HEADER: HeaderName = HeaderName::from_static("gantry-slot");

/// What a read answers.
pub(super) type Answer<T> = Result<Envelope<T>, Problem>;

/// An answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Envelope<T> {
    /// The slot that the data is from.
    pub slot: u64,
    /// What that slot has reached: always `confirmed`.
    #[schema(pattern = "^confirmed$")]
    pub commitment: &'static str,
    /// Everything up to this slot is final; what a later slot changed may be taken back.
    pub finalized_slot: u64,
    /// Slots that the stream is ahead of the data; absent where this process does not follow the stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub lag_slots: Option<u64>,
    /// Pass it as `cursor` for what comes next; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_cursor: Option<String>,
    /// What was asked for.
    pub data: T,
}

impl<T: Serialize> IntoResponse for Envelope<T> {
    fn into_response(self) -> Response {
        let Ok(data) = serde_json::value::to_raw_value(&self.data) else {
            return Problem::of_status(axum::http::StatusCode::INTERNAL_SERVER_ERROR).into_response();
        };
        // Of what was asked for and not of the slot, which is another one every time: hence weak.
        let mut hash = Sha256::new();
        hash.update(data.get());
        hash.update([0]);
        hash.update(self.next_cursor.as_deref().unwrap_or_default());
        let tag = format!("W/\"{}\"", hex::encode(&hash.finalize()[..16]));
        let envelope: Envelope<Box<RawValue>> = Envelope {
            slot: self.slot,
            commitment: self.commitment,
            finalized_slot: self.finalized_slot,
            lag_slots: self.lag_slots,
            next_cursor: self.next_cursor,
            data,
        };
        let slot = envelope.slot;
        let mut response = Json(envelope).into_response();
        let headers = response.headers_mut();
        if let Ok(tag) = HeaderValue::try_from(tag) {
            headers.insert(header::ETAG, tag);
        }
        headers.insert(SLOT_HEADER, slot.into());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }
}

/// A token amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Amount {
    /// Base units.
    #[schema(pattern = "^[0-9]+$")]
    pub amount: String,
    /// Decimals of the mint; null where the indexer does not know the mint.
    pub decimals: Option<i16>,
    /// The mint; null where the indexer does not know it.
    pub mint: Option<String>,
}

impl Amount {
    /// `amount` base units of `mint`.
    #[must_use]
    pub fn new(amount: Numeric, mint: Option<&[u8]>, decimals: Option<i16>) -> Self {
        Self {
            amount: amount.to_string(),
            decimals,
            mint: mint.map(key::text),
        }
    }
}

/// The moment that a read is of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    slot: u64,
    finalized_slot: u64,
}

impl Moment {
    pub(super) const fn slot(self) -> u64 {
        self.slot
    }

    fn new(slot: Option<i64>, finalized_slot: Option<i64>) -> Self {
        // Nothing was written yet where they are null.
        let number = |slot: Option<i64>| slot.unwrap_or_default().max(0) as u64;
        Self {
            slot: number(slot),
            finalized_slot: number(finalized_slot),
        }
    }
}

/// Several reads of the tables as they are at one moment.
pub(super) struct Reading {
    pub(super) transaction: Transaction<'static, Postgres>,
    pub(super) moment: Moment,
}

/// Rows that were read with their moment in one statement, which sees the tables as they are at one moment.
pub(super) struct Rows {
    pub(super) moment: Moment,
    /// The first has the moment, and is there without an item too.
    rows: Vec<PgRow>,
}

impl Rows {
    pub(super) fn items<T: for<'r> FromRow<'r, PgRow>>(&self) -> sqlx::Result<Vec<T>> {
        let there = |row: &&PgRow| {
            row.try_get::<Option<bool>, _>("there")
                .map_or(true, |there| there.is_some())
        };
        self.rows.iter().filter(there).map(T::from_row).collect()
    }

    /// Whether what [`Select::known`] asked about is there.
    pub(super) fn known(&self) -> sqlx::Result<bool> {
        self.rows.first().map_or(Ok(false), |row| row.try_get("known"))
    }
}

/// A read of rows with their moment.
pub(super) struct Select {
    pub(super) query: QueryBuilder<Postgres>,
    known: &'static str,
}

impl Select {
    /// Begins a read of `columns`; the rest of the query is pushed.
    pub(super) fn new(columns: &str) -> Self {
        let mut query = QueryBuilder::new("with page as (select true as there, ");
        query.push(columns);
        Self { query, known: "" }
    }

    /// Also asks whether this finds a row.
    pub(super) fn known(self, query: &'static str) -> Self {
        Self { known: query, ..self }
    }
}

impl Api {
    /// A pool for the reads of `store`, apart from the writer's connections, so that neither waits for the other's.
    pub(super) fn pool(store: &Store) -> PgPool {
        let options = store.pool().connect_options().as_ref().clone();
        // A client that has gone leaves no query behind that runs for long.
        let options = options.options([
            ("statement_timeout", "10s"),
            ("default_transaction_read_only", "on"),
            // To plan a read takes as long as to run it. None here depends on its parameters' values: they are looked up in
            // an index, or the page's limit, which is written out, keeps the read short.
            ("plan_cache_mode", "force_generic_plan"),
        ]);
        PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(LONGEST_WAIT)
            // A round trip more per read, unless the connection has rested long enough to be lost unseen.
            .test_before_acquire(false)
            .before_acquire(|connection, about| {
                Box::pin(async move {
                    if about.idle_for < RESTED {
                        return Ok(true);
                    }
                    connection.ping().await.map(|()| true)
                })
            })
            .connect_lazy_with(options)
    }

    /// An answer of that moment.
    pub(super) fn answer<T>(&self, moment: Moment, data: T, next_cursor: Option<String>) -> Envelope<T> {
        Envelope {
            slot: moment.slot,
            commitment: "confirmed",
            finalized_slot: moment.finalized_slot,
            lag_slots: self.progress.tip().map(|tip| tip.saturating_sub(moment.slot)),
            next_cursor,
            data,
        }
    }

    /// Reads rows at `min_slot` or later, in this order of the page's columns.
    pub(super) async fn rows(&self, select: Select, order: &str, min_slot: Option<u64>) -> Result<Rows, Problem> {
        self.reach(min_slot).await?;
        let Select { mut query, known } = select;
        query.push(") select page.*, c.slot as moment_slot, c.finalized_slot as moment_finalized_slot");
        if !known.is_empty() {
            query.push(", exists (").push(known).push(") as known");
        }
        query.push(" from (select) one left join checkpoint c on true left join page on true");
        if !order.is_empty() {
            query.push(" order by ").push(order);
        }
        let rows = query.build().fetch_all(&self.pool).await?;
        let first = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        let moment = Moment::new(first.try_get("moment_slot")?, first.try_get("moment_finalized_slot")?);
        Ok(Rows { moment, rows })
    }

    /// Opens a read of the tables at `min_slot` or later, for what takes several statements.
    pub(super) async fn read(&self, min_slot: Option<u64>) -> Result<Reading, Problem> {
        self.reach(min_slot).await?;
        let begin = "begin isolation level repeatable read read only";
        let mut transaction = self.pool.begin_with(begin).await?;
        let checkpoint: Option<(i64, i64)> = sqlx::query_as("select slot, finalized_slot from checkpoint")
            .fetch_optional(&mut *transaction)
            .await?;
        let (slot, finalized_slot) = checkpoint.unzip();
        Ok(Reading {
            transaction,
            moment: Moment::new(slot, finalized_slot),
        })
    }

    /// Waits until the tables are at `min_slot`.
    pub(super) async fn reach(&self, min_slot: Option<u64>) -> Result<(), Problem> {
        match min_slot {
            Some(min_slot) => self.wait_for(min_slot).await,
            None => Ok(()),
        }
    }

    async fn wait_for(&self, min_slot: u64) -> Result<(), Problem> {
        let mut writes = self.progress.writes();
        let mut farthest = self.progress.tip().unwrap_or_default();
        let reached = async {
            loop {
                if let Ok(checkpoint) = self.store.checkpoint().await {
                    let slot = checkpoint.map_or(0, |checkpoint| checkpoint.slot as u64);
                    farthest = farthest.max(slot);
                    if slot >= min_slot {
                        return Ok(());
                    }
                    if slot > 0 && min_slot > farthest.saturating_add(FARTHEST) {
                        return Err(Problem::bad_request(format!(
                            "min_slot is {min_slot}, but the chain is at slot {farthest}: pass the slot of a transaction"
                        )));
                    }
                }
                let _ = tokio::time::timeout(LOOK, writes.changed()).await;
            }
        };
        tokio::time::timeout(LONGEST_WAIT, reached).await.unwrap_or_else(|_| {
            Err(Problem::behind(format!(
                "slot {min_slot} was not reached in {} s: try again",
                LONGEST_WAIT.as_secs()
            )))
        })
    }
}

/// The parameter that every read takes.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct SlotParams {
    /// Wait until the data is from this slot or a later one.
    pub min_slot: Option<u64>,
}
