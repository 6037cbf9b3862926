//! What every answer of the API carries.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use sqlx::{Postgres, Transaction};
use utoipa::{IntoParams, ToSchema};

use super::{Api, Problem};
use crate::key;
use crate::store::Numeric;

/// Longest wait for `min_slot`.
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

/// A read of the tables as they are at one moment, and that moment's slot.
pub(super) struct Reading {
    pub(super) transaction: Transaction<'static, Postgres>,
    slot: u64,
    finalized_slot: u64,
    lag_slots: Option<u64>,
}

impl Reading {
    pub(super) fn answer<T>(&self, data: T, next_cursor: Option<String>) -> Envelope<T> {
        Envelope {
            slot: self.slot,
            commitment: "confirmed",
            finalized_slot: self.finalized_slot,
            lag_slots: self.lag_slots,
            next_cursor,
            data,
        }
    }
}

impl Api {
    /// Opens a read of the tables at `min_slot` or later.
    pub(super) async fn read(&self, min_slot: Option<u64>) -> Result<Reading, Problem> {
        if let Some(min_slot) = min_slot {
            self.wait_for(min_slot).await?;
        }
        let mut transaction = self.store.pool().begin().await?;
        // A client that has gone leaves no query behind that runs for long.
        sqlx::raw_sql("set transaction isolation level repeatable read read only; set local statement_timeout = '10s'")
            .execute(&mut *transaction)
            .await?;
        let checkpoint: Option<(i64, i64)> = sqlx::query_as("select slot, finalized_slot from checkpoint")
            .fetch_optional(&mut *transaction)
            .await?;
        let (slot, finalized_slot) =
            checkpoint.map_or((0, 0), |(slot, finalized)| (slot as u64, finalized.max(0) as u64));
        let lag_slots = self.progress.tip().map(|tip| tip.saturating_sub(slot));
        Ok(Reading {
            transaction,
            slot,
            finalized_slot,
            lag_slots,
        })
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
