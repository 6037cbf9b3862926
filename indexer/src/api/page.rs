//! What every answer of the API carries, and the walk through long lists.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::{Postgres, QueryBuilder, Transaction};

use super::{Api, Problem};
use crate::store::Numeric;
use crate::{Key, key};

/// Items of a page where the request does not say.
const DEFAULT_LIMIT: u32 = 50;
/// Most items of a page.
const MAX_LIMIT: u32 = 500;
/// Longest wait for `min_slot`.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How often the checkpoint is looked at while waiting, for where another process writes it.
const LOOK: Duration = Duration::from_millis(50);

/// An answer.
#[derive(Clone, Debug, Serialize)]
pub struct Envelope<T> {
    /// The slot that the data is from.
    pub slot: u64,
    /// What that slot has reached.
    pub commitment: &'static str,
    /// Slots that the stream is ahead of the data; absent where this process does not follow the stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_slots: Option<u64>,
    /// Pass it as `cursor` for what comes next; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// What was asked for.
    pub data: T,
}

/// A token amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// Base units.
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
    lag_slots: Option<u64>,
}

impl Reading {
    pub(super) fn answer<T>(&self, data: T, next_cursor: Option<String>) -> Envelope<T> {
        Envelope {
            slot: self.slot,
            commitment: "confirmed",
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
        sqlx::query("set transaction isolation level repeatable read read only")
            .execute(&mut *transaction)
            .await?;
        let checkpoint: Option<(i64,)> = sqlx::query_as("select slot from checkpoint")
            .fetch_optional(&mut *transaction)
            .await?;
        let slot = checkpoint.map_or(0, |(slot,)| slot as u64);
        let lag_slots = self.progress.tip().map(|tip| tip.saturating_sub(slot));
        Ok(Reading {
            transaction,
            slot,
            lag_slots,
        })
    }

    async fn wait_for(&self, min_slot: u64) -> Result<(), Problem> {
        let mut writes = self.progress.writes();
        let reached = async {
            loop {
                let checkpoint = self.store.checkpoint().await;
                if checkpoint.is_ok_and(|at| at.is_some_and(|at| at.slot as u64 >= min_slot)) {
                    return;
                }
                let _ = tokio::time::timeout(LOOK, writes.changed()).await;
            }
        };
        tokio::time::timeout(LONGEST_WAIT, reached).await.map_err(|_| {
            Problem::behind(format!(
                "slot {min_slot} was not reached in {} s: try again",
                LONGEST_WAIT.as_secs()
            ))
        })
    }
}

/// Where in a list a page begins and how long it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PageParams {
    /// Wait until the data is from this slot or a later one.
    pub min_slot: Option<u64>,
    /// Most items.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

pub(super) fn limit(limit: Option<u32>) -> Result<u32, Problem> {
    match limit.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit),
        limit => Err(Problem::bad_request(format!(
            "limit is {limit}: it must be from 1 to {MAX_LIMIT}"
        ))),
    }
}

/// The key that a parameter holds.
pub(super) fn key_param(name: &str, text: &str) -> Result<Key, Problem> {
    key::parse(text).ok_or_else(|| Problem::bad_request(format!("{name} is `{text}`: 32 bytes in base58 are expected")))
}

/// Adds `column = key` where the parameter is given.
pub(super) fn key_filter(
    query: &mut QueryBuilder<Postgres>,
    column: &'static str,
    name: &str,
    text: Option<&String>,
) -> Result<(), Problem> {
    if let Some(text) = text {
        let key = key_param(name, text)?;
        query.push(" and ").push(column).push(" = ").push_bind(key.to_vec());
    }
    Ok(())
}

/// The page's items and the cursor of the next: `items` is one more than `limit` where there is a next page.
pub(super) fn cut<T>(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| more).map(cursor);
    (items, next)
}

/// A cursor over addresses in ascending order.
pub(super) fn after_address(
    query: &mut QueryBuilder<Postgres>,
    column: &'static str,
    cursor: Option<&String>,
) -> Result<(), Problem> {
    if let Some(cursor) = cursor {
        let key = key::parse(cursor).ok_or_else(bad_cursor)?;
        query.push(" and ").push(column).push(" > ").push_bind(key.to_vec());
    }
    Ok(())
}

pub(super) fn bad_cursor() -> Problem {
    Problem::bad_request("cursor is none that this list gave: leave it out to begin at the start")
}
