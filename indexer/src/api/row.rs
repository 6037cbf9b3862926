//! Columns as the API prints them.

use gantry_core::reputation::History;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::key;
use crate::store::Numeric;

/// Zeros stand for no key.
pub(super) fn some_key(bytes: &[u8]) -> Option<String> {
    bytes.iter().any(|byte| *byte != 0).then(|| key::text(bytes))
}

pub(super) fn text(row: &PgRow, column: &str) -> sqlx::Result<String> {
    row.try_get::<&[u8], _>(column).map(key::text)
}

pub(super) fn count(row: &PgRow, column: &str) -> sqlx::Result<u64> {
    let Numeric(value) = row.try_get(column)?;
    u64::try_from(value).map_err(|error| sqlx::Error::Decode(error.into()))
}

pub(super) fn history(row: &PgRow) -> sqlx::Result<History> {
    Ok(History {
        completed: count(row, "jobs_completed")?,
        failed: count(row, "jobs_failed")?,
        served_seconds: count(row, "served_seconds")?,
        promised_seconds: count(row, "promised_seconds")?,
    })
}

/// A list or a struct, which the query casts to text.
pub(super) fn json<T: serde::de::DeserializeOwned>(row: &PgRow, column: &str) -> sqlx::Result<T> {
    serde_json::from_str(row.try_get(column)?).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// An integer of a list or a struct: a number, or text where it has 64 bits or more.
pub(super) fn integer(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

const FLAGS: [&str; 6] = [
    "DATACENTER",
    "GDPR_DPA",
    "ISO27001",
    "SOC2",
    "CONFIDENTIAL_COMPUTING",
    "EEA",
];

/// The name of a byte's value.
pub(super) fn named(names: &[&'static str], value: i16) -> &'static str {
    usize::try_from(value)
        .ok()
        .and_then(|value| names.get(value))
        .copied()
        .unwrap_or("unknown")
}

/// The names of the bits that are set.
pub(super) fn flags(bits: i32) -> Vec<&'static str> {
    FLAGS
        .iter()
        .enumerate()
        .filter(|(bit, _)| bits >> bit & 1 == 1)
        .map(|(_, name)| *name)
        .collect()
}
