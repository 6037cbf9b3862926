//! Jobs and how they came about.

use std::collections::BTreeMap;

use axum::extract::State;
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row};
use utoipa::ToSchema;

use super::events::{Event, Place, TimelineParams};
use super::list::{Column, Listing, Source, country_param, cut, key_param, list_params, one, push_limit, status_param};
use super::page::{Answer, Select};
use super::problem::{Address, Missing, Refusals};
use super::row::{flags, json, named, some_key, text};
use super::{Amount, Api, Envelope, Params, Problem, SlotParams};
use crate::store::Numeric;

const JOB_STATUS: [&str; 7] = [
    "open", "assigned", "running", "finished", "lapsed", "disputed", "resolved",
];
const OUTCOME: [&str; 6] = ["none", "completed", "failed", "stopped", "lapsed", "expired"];
/// The status of a job whose account is gone.
const CLOSED: &str = "closed";

/// What a job asks of its node.
#[derive(Clone, Debug, Serialize, ToSchema)]
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
#[derive(Clone, Debug, Serialize, ToSchema)]
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
    #[schema(nullable = false)]
    pub closing: Option<Event>,
    /// Slot of its last change.
    pub changed_at_slot: i64,
}

fn hash(bytes: &[u8]) -> Option<String> {
    bytes.iter().any(|byte| *byte != 0).then(|| hex::encode(bytes))
}

/// A list of the job's, without its empty places.
fn places<T: serde::de::DeserializeOwned + Default + PartialEq>(row: &PgRow, column: &str) -> sqlx::Result<Vec<T>> {
    let places: Vec<T> = json(row, column)?;
    Ok(places.into_iter().filter(|place| *place != T::default()).collect())
}

impl FromRow<'_, PgRow> for Job {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let key = |column| text(row, column);
        let some_key = |column| row.try_get(column).map(some_key);
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

/// An event of a job's life.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JobEvent {
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
    /// What it moved, by the name of the amount: base units, of the stake mint for `slashed` and what comes of it, else of
    /// the job's mint.
    pub amounts: BTreeMap<String, String>,
}

impl FromRow<'_, PgRow> for JobEvent {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            event: Event::from_row(row)?,
            amounts: json(row, "amounts")?,
        })
    }
}

const JOBS: Source = Source {
    // What is printed and no more: the account's bytes are as much again.
    columns: "t.address, t.slot, t.closed, t.customer, t.mint, t.node, t.provider, t.matcher, t.spec_hash, t.output_digest, \
        t.id, t.deposited, t.max_price_per_hour, t.price_per_hour, t.bond, t.sequence, t.created_at, t.started_at, \
        t.ended_at, t.max_duration, t.assignment, t.served_seconds, t.exit_code, t.disk_gib, t.mbps, t.vram_gib, t.ram_gib, \
        t.flags, t.reputation_bps, t.gpu_count, t.tier, t.status, t.outcome, t.options, m.decimals as mint_decimals, \
        t.gpu_models::text as gpu_models_text, t.countries::text as countries_text",
    from: "job t left join payment_mint m on m.mint = t.mint where true",
    sorts: &[
        Column::Integer("created_at"),
        Column::Numeric("deposited"),
        Column::Numeric("max_price_per_hour"),
        Column::Integer("max_duration"),
    ],
    default: "-created_at",
};

list_params! {
    /// Filters of `/v1/jobs`.
    JobParams, sorts = "^-?(address|created_at|deposited|max_price_per_hour|max_duration)$",
    {
        /// Its status.
        #[param(pattern = "^(open|assigned|running|finished|lapsed|disputed|resolved|closed)$")]
        status: Option<String>,
        /// The customer's wallet.
        #[param(format = "base58")]
        customer: Option<String>,
        /// The provider account of its node.
        #[param(format = "base58")]
        provider: Option<String>,
        /// Its node.
        #[param(format = "base58")]
        node: Option<String>,
        /// The mint that it is paid in.
        #[param(format = "base58")]
        mint: Option<String>,
        /// A country that it allows by name, ISO 3166-1 alpha-2.
        #[param(pattern = "^[A-Za-z]{2}$")]
        country: Option<String>,
    }
}

/// Jobs, closed ones included; the newest first unless `sort` says otherwise.
#[utoipa::path(get, path = "/v1/jobs", tag = "jobs", params(JobParams),
    responses((status = 200, description = "Jobs", body = Envelope<Vec<Job>>), Refusals))]
pub(super) async fn jobs(State(api): State<Api>, Params(params): Params<JobParams>) -> Answer<Vec<Job>> {
    let mut list = Listing::of(&JOBS, &params.paging())?;
    match params.status.as_deref() {
        Some(CLOSED) => {
            list.query().push(" and t.closed");
        }
        Some(status) => {
            let status = status_param(&JOB_STATUS, status)?;
            let query = list.query().push(" and not t.closed and t.status = ");
            query.push_bind(status);
        }
        None => {}
    }
    list.with_key("t.customer", "customer", params.customer.as_ref())?;
    list.with_key("t.provider", "provider", params.provider.as_ref())?;
    list.with_key("t.node", "node", params.node.as_ref())?;
    list.with_key("t.mint", "mint", params.mint.as_ref())?;
    if let Some(country) = &params.country {
        list.query()
            .push(" and t.countries ? ")
            .push_bind(country_param(country)?);
    }
    list.answer(&api).await
}

/// One job, by the address of its account.
#[utoipa::path(get, path = "/v1/jobs/{address}", tag = "jobs",
    params(("address" = String, Path, format = "base58", description = "Address of the account, 32 bytes in base58"), SlotParams),
    responses((status = 200, description = "The job", body = Envelope<Job>), Refusals, Missing))]
pub(super) async fn job(
    State(api): State<Api>,
    Address(address): Address,
    Params(params): Params<SlotParams>,
) -> Answer<Job> {
    let answer = one::<Job>(&api, &JOBS, "job", &address, params.min_slot).await?;
    if answer.data.status != CLOSED {
        return Ok(answer);
    }
    // Nearly always the job stays as it is: its event, and again the job, are of one later moment.
    let mut reading = api.read(None).await?;
    let bytes = key_param("address", &address)?.to_vec();
    let mut query = QueryBuilder::<Postgres>::new("select ");
    query.push(JOBS.columns).push(" from ").push(JOBS.from);
    query.push(" and t.address = ").push_bind(bytes.clone());
    let job: Option<Job> = query.build_query_as().fetch_optional(&mut *reading.transaction).await?;
    let mut job = job.ok_or_else(|| Problem::not_found(format!("there is no job {address}")))?;
    if job.status == CLOSED {
        let sql = "select slot, transaction_index, index, block_time, signature, program, name, data::text as data \
            from event where job = $1 and name in ('JobSettled', 'JobCancelled') order by slot desc limit 1";
        let closing = sqlx::query_as(sql).bind(bytes);
        job.closing = closing.fetch_optional(&mut *reading.transaction).await?;
    }
    Ok(api.answer(reading.moment, job, None))
}

/// All that happened to a job, in the order of the chain.
#[utoipa::path(get, path = "/v1/jobs/{address}/timeline", tag = "jobs",
    params(("address" = String, Path, format = "base58", description = "Address of the account, 32 bytes in base58"), TimelineParams),
    responses((status = 200, description = "What happened", body = Envelope<Vec<JobEvent>>), Refusals, Missing))]
pub(super) async fn timeline(
    State(api): State<Api>,
    Address(address): Address,
    Params(params): Params<TimelineParams>,
) -> Answer<Vec<JobEvent>> {
    let bytes = key_param("address", &address)?;
    let limit = params.limit()?;
    let select = Select::new(
        "slot, transaction_index, index, block_time, signature, program, name, data::text as data, \
         amounts::text as amounts from job_timeline where job = ",
    );
    let mut select = select.known("select from job where address = $1");
    select.query.push_bind(bytes.to_vec());
    if let Some(cursor) = params.cursor() {
        Place::read(cursor)?.push(&mut select.query, false);
    }
    select.query.push(" order by slot, transaction_index, index");
    push_limit(&mut select.query, limit);
    let order = "page.slot, page.transaction_index, page.index";
    let rows = api.rows(select, order, params.min_slot()).await?;
    let events: Vec<JobEvent> = rows.items()?;
    if events.is_empty() && !rows.known()? {
        return Err(Problem::not_found(format!("there is no job {address}")));
    }
    let (events, next) = cut(events, limit, |event| Place::of(&event.event).write());
    Ok(api.answer(rows.moment, events, next))
}
