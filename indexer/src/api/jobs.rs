//! Jobs and how they came about.

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row};

use super::page::{bad_cursor, cut, key_filter, key_param, limit};
use super::supply::{flags, named, status_param};
use super::{Amount, Api, Envelope, Params, Problem, SlotParams};
use crate::key;
use crate::store::Numeric;

type Answer<T> = Result<Json<Envelope<T>>, Problem>;

const JOB_STATUS: [&str; 7] = [
    "open", "assigned", "running", "finished", "lapsed", "disputed", "resolved",
];
const OUTCOME: [&str; 6] = ["none", "completed", "failed", "stopped", "lapsed", "expired"];
/// The status of a job whose account is gone.
const CLOSED: &str = "closed";
/// The events that close a job.
const CLOSING: &str = "('JobSettled', 'JobCancelled')";

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
pub struct TimelineEvent {
    /// Slot.
    pub slot: i64,
    /// Time of the block, Unix seconds.
    pub block_time: Option<i64>,
    /// The transaction.
    pub signature: String,
    /// Place in the transaction.
    pub index: i32,
    /// The program that reported it.
    pub program: String,
    /// What happened.
    pub name: String,
    /// Its details: keys in base58, hashes in hex, 64-bit integers as strings.
    pub data: Value,
}

impl FromRow<'_, PgRow> for TimelineEvent {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let data: &str = row.try_get("data")?;
        Ok(Self {
            slot: row.try_get("slot")?,
            block_time: row.try_get("block_time")?,
            signature: key::text(row.try_get("signature")?),
            index: row.try_get("index")?,
            program: row.try_get("program")?,
            name: row.try_get("name")?,
            data: serde_json::from_str(data).map_err(|error| sqlx::Error::Decode(error.into()))?,
        })
    }
}

/// What a job asks of its node.
#[derive(Clone, Debug, Serialize)]
pub struct Requirements {
    /// GPU model codes, any of which will do; empty for any.
    pub gpu_models: Vec<u64>,
    /// Least number of GPUs.
    pub gpu_count: i16,
    /// Least memory of each GPU, GiB.
    pub vram_gib: i32,
    /// Least main memory, GiB.
    pub ram_gib: i32,
    /// Least disk, GiB.
    pub disk_gib: i64,
    /// Least bandwidth, Mbit/s.
    pub mbps: i64,
    /// Countries, any of which will do; empty for anywhere.
    pub countries: Vec<String>,
    /// Flags that must all be attested.
    pub flags: Vec<&'static str>,
    /// Least tier.
    pub tier: i16,
    /// Least reputation, basis points.
    pub reputation_bps: i32,
}

/// A job.
#[derive(Clone, Debug, Serialize)]
pub struct Job {
    /// Its account.
    pub address: String,
    /// Its number with its customer.
    pub id: String,
    /// `open`, `assigned`, `running`, `finished`, `lapsed`, `disputed`, `resolved`; `closed` once its account is gone.
    pub status: &'static str,
    /// `none`, `completed`, `failed`, `stopped`, `lapsed` or `expired`.
    pub outcome: &'static str,
    /// The customer's wallet.
    pub customer: String,
    /// The node that serves it, or that it asks for.
    pub node: Option<String>,
    /// The provider of that node.
    pub provider: Option<String>,
    /// Who assigned it, or may.
    pub matcher: Option<String>,
    /// What the customer put in.
    pub deposited: Amount,
    /// Highest price of an hour.
    pub max_price_per_hour: Amount,
    /// The node's price of an hour; null until it is assigned.
    pub price_per_hour: Option<Amount>,
    /// Stake that answers for it, base units of the stake mint.
    pub bond: String,
    /// When it was opened, Unix seconds.
    pub created_at: i64,
    /// When it was started, Unix seconds.
    pub started_at: Option<i64>,
    /// When it ended, Unix seconds.
    pub ended_at: Option<i64>,
    /// Most seconds to serve.
    pub max_duration_seconds: i64,
    /// Seconds proven by receipts.
    pub served_seconds: i64,
    /// Assignments so far.
    pub assignment: i64,
    /// Number of the latest receipt.
    pub sequence: String,
    /// Exit code of its process; null until the result is there.
    pub exit_code: Option<i32>,
    /// SHA-256 of the job spec, hex.
    pub spec_hash: String,
    /// SHA-256 of the result's manifest, hex; null until it is there.
    pub output_digest: Option<String>,
    /// Whether the customer has accepted the result.
    pub accepted: bool,
    /// What it asks of its node.
    pub requirements: Requirements,
    /// The event that closed it, with what everyone received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closing: Option<TimelineEvent>,
    /// Slot of its last change.
    pub changed_at_slot: i64,
}

fn hash(bytes: &[u8]) -> Option<String> {
    bytes.iter().any(|byte| *byte != 0).then(|| hex::encode(bytes))
}

/// A list of the job's, without its empty places.
fn places<T: serde::de::DeserializeOwned + Default + PartialEq>(row: &PgRow, column: &str) -> sqlx::Result<Vec<T>> {
    let places: Vec<T> =
        serde_json::from_str(row.try_get::<&str, _>(column)?).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(places.into_iter().filter(|place| *place != T::default()).collect())
}

impl FromRow<'_, PgRow> for Job {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let key = |column| row.try_get::<&[u8], _>(column).map(key::text);
        let some_key = |column| {
            let bytes: &[u8] = row.try_get(column)?;
            Ok::<_, sqlx::Error>(bytes.iter().any(|byte| *byte != 0).then(|| key::text(bytes)))
        };
        let number = |column| row.try_get::<Numeric, _>(column).map(|number| number.to_string());
        let (mint, decimals) = (row.try_get::<&[u8], _>("mint")?, row.try_get("mint_decimals")?);
        let amount = |column| Ok::<_, sqlx::Error>(Amount::new(row.try_get(column)?, Some(mint), decimals));
        let created_at: i64 = row.try_get("created_at")?;
        // Stored as seconds after the job was opened; 0 means not yet.
        let since = |column| {
            Ok::<_, sqlx::Error>(
                Some(row.try_get(column)?)
                    .filter(|at: &i64| *at > 0)
                    .map(|at| created_at + at),
            )
        };
        let closed = row.try_get("closed")?;
        let status = named(&JOB_STATUS, row.try_get("status")?);
        let outcome: i16 = row.try_get("outcome")?;
        let assignment: i64 = row.try_get("assignment")?;
        Ok(Self {
            address: key("address")?,
            id: number("id")?,
            status: if closed { CLOSED } else { status },
            outcome: named(&OUTCOME, outcome),
            customer: key("customer")?,
            node: some_key("node")?,
            provider: some_key("provider")?,
            matcher: some_key("matcher")?,
            deposited: amount("deposited")?,
            max_price_per_hour: amount("max_price_per_hour")?,
            price_per_hour: (assignment > 0).then(|| amount("price_per_hour")).transpose()?,
            bond: number("bond")?,
            created_at,
            started_at: since("started_at")?,
            ended_at: since("ended_at")?,
            max_duration_seconds: row.try_get("max_duration")?,
            served_seconds: row.try_get("served_seconds")?,
            assignment,
            sequence: number("sequence")?,
            exit_code: hash(row.try_get("output_digest")?)
                .map(|_| row.try_get("exit_code"))
                .transpose()?,
            spec_hash: hex::encode(row.try_get::<&[u8], _>("spec_hash")?),
            output_digest: hash(row.try_get("output_digest")?),
            accepted: row.try_get::<i16, _>("options")? & 4 != 0,
            requirements: Requirements {
                gpu_models: places(row, "gpu_models_text")?,
                gpu_count: row.try_get("gpu_count")?,
                vram_gib: row.try_get("vram_gib")?,
                ram_gib: row.try_get("ram_gib")?,
                disk_gib: row.try_get("disk_gib")?,
                mbps: row.try_get("mbps")?,
                countries: places(row, "countries_text")?,
                flags: flags(row.try_get("flags")?),
                tier: row.try_get("tier")?,
                reputation_bps: row.try_get("reputation_bps")?,
            },
            closing: None,
            changed_at_slot: row.try_get("slot")?,
        })
    }
}

const JOBS: &str = "select t.*, m.decimals as mint_decimals, t.gpu_models::text as gpu_models_text, \
    t.countries::text as countries_text from job t left join payment_mint m on m.mint = t.mint where true";
const EVENTS: &str = "select slot, block_time, signature, index, program, name, data::text as data from event";

/// Filters of `/v1/jobs`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct JobParams {
    status: Option<String>,
    customer: Option<String>,
    provider: Option<String>,
    node: Option<String>,
    mint: Option<String>,
    country: Option<String>,
    min_slot: Option<u64>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// The newest job first.
pub(super) async fn jobs(State(api): State<Api>, Params(params): Params<JobParams>) -> Answer<Vec<Job>> {
    let limit = limit(params.limit)?;
    let mut query = QueryBuilder::<Postgres>::new(JOBS);
    match params.status.as_deref() {
        Some(CLOSED) => {
            query.push(" and t.closed");
        }
        Some(status) => {
            let status = status_param(&JOB_STATUS, status)?;
            query.push(" and not t.closed and t.status = ").push_bind(status);
        }
        None => {}
    }
    key_filter(&mut query, "t.customer", "customer", params.customer.as_ref())?;
    key_filter(&mut query, "t.provider", "provider", params.provider.as_ref())?;
    key_filter(&mut query, "t.node", "node", params.node.as_ref())?;
    key_filter(&mut query, "t.mint", "mint", params.mint.as_ref())?;
    if let Some(country) = &params.country {
        // A country that the job allows.
        query
            .push(" and t.countries ? ")
            .push_bind(country.to_ascii_uppercase());
    }
    if let Some(cursor) = &params.cursor {
        let (created_at, address) = cursor.split_once('.').ok_or_else(bad_cursor)?;
        let created_at: i64 = created_at.parse().map_err(|_| bad_cursor())?;
        let address = key::parse(address).ok_or_else(bad_cursor)?;
        query
            .push(" and (t.created_at, t.address) < (")
            .push_bind(created_at)
            .push(", ");
        query.push_bind(address.to_vec()).push(")");
    }
    query
        .push(" order by t.created_at desc, t.address desc limit ")
        .push_bind(i64::from(limit) + 1);
    let mut reading = api.read(params.min_slot).await?;
    let jobs = query
        .build_query_as::<Job>()
        .fetch_all(&mut *reading.transaction)
        .await?;
    let (jobs, next) = cut(jobs, limit, |job| format!("{}.{}", job.created_at, job.address));
    Ok(Json(reading.answer(jobs, next)))
}

pub(super) async fn job(
    State(api): State<Api>,
    Path(address): Path<String>,
    Params(params): Params<SlotParams>,
) -> Answer<Job> {
    let bytes = key_param("address", &address)?;
    let mut query = QueryBuilder::<Postgres>::new(JOBS);
    query.push(" and t.address = ").push_bind(bytes.to_vec());
    let mut reading = api.read(params.min_slot).await?;
    let job = query
        .build_query_as::<Job>()
        .fetch_optional(&mut *reading.transaction)
        .await?;
    let mut job = job.ok_or_else(|| Problem::not_found(format!("there is no job {address}")))?;
    if job.status == CLOSED {
        let mut query = QueryBuilder::<Postgres>::new(EVENTS);
        query
            .push(" where accounts @> array[")
            .push_bind(bytes.to_vec())
            .push("] and name in ")
            .push(CLOSING);
        query.push(" order by slot desc limit 1");
        job.closing = query.build_query_as().fetch_optional(&mut *reading.transaction).await?;
    }
    Ok(Json(reading.answer(job, None)))
}

/// Everything that names the job, in the order of the chain.
pub(super) async fn timeline(
    State(api): State<Api>,
    Path(address): Path<String>,
    Params(params): Params<SlotParams>,
) -> Answer<Vec<TimelineEvent>> {
    /// Receipts come every few seconds at most, so even a long job has fewer.
    const MOST: i64 = 10_000;
    let bytes = key_param("address", &address)?;
    let mut query = QueryBuilder::<Postgres>::new(EVENTS);
    query.push(" where accounts @> array[").push_bind(bytes.to_vec());
    query
        .push("] order by slot, transaction_index, index limit ")
        .push_bind(MOST);
    let mut reading = api.read(params.min_slot).await?;
    let events: Vec<TimelineEvent> = query.build_query_as().fetch_all(&mut *reading.transaction).await?;
    if events.is_empty() {
        let known: Option<(i32,)> = sqlx::query_as("select 1 from job where address = $1")
            .bind(bytes.as_slice())
            .fetch_optional(&mut *reading.transaction)
            .await?;
        known.ok_or_else(|| Problem::not_found(format!("there is no job {address}")))?;
    }
    Ok(Json(reading.answer(events, None)))
}
