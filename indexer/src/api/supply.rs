//! Providers, nodes, pools and mints.

use axum::Json;
use axum::extract::{Path, State};
use gantry_core::reputation::{History, reputation_bps};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row};

use super::page::{after_address, cut, key_filter, key_param, limit};
use super::{Amount, Api, Envelope, PageParams, Params, Problem};
use crate::key;
use crate::store::Numeric;

type Answer<T> = Result<Json<Envelope<T>>, Problem>;

/// Zeros stand for no key.
fn some_key(bytes: &[u8]) -> Option<String> {
    bytes.iter().any(|byte| *byte != 0).then(|| key::text(bytes))
}

fn text(row: &PgRow, column: &str) -> sqlx::Result<String> {
    row.try_get::<&[u8], _>(column).map(key::text)
}

fn count(row: &PgRow, column: &str) -> sqlx::Result<u64> {
    let Numeric(value) = row.try_get(column)?;
    u64::try_from(value).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn history(row: &PgRow) -> sqlx::Result<History> {
    Ok(History {
        completed: count(row, "jobs_completed")?,
        failed: count(row, "jobs_failed")?,
        served_seconds: count(row, "served_seconds")?,
        promised_seconds: count(row, "promised_seconds")?,
    })
}

/// How the jobs of a node or a provider went.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// Jobs that ended as they should.
    pub jobs_completed: u64,
    /// Jobs that did not.
    pub jobs_failed: u64,
    /// Seconds served over all jobs.
    pub served_seconds: u64,
    /// Seconds those jobs were entitled to.
    pub promised_seconds: u64,
    /// What that comes to, basis points.
    pub reputation_bps: u16,
}

impl From<History> for Record {
    fn from(history: History) -> Self {
        Self {
            jobs_completed: history.completed,
            jobs_failed: history.failed,
            served_seconds: history.served_seconds,
            promised_seconds: history.promised_seconds,
            reputation_bps: reputation_bps(history),
        }
    }
}

/// A provider.
#[derive(Clone, Debug, Serialize)]
pub struct Provider {
    /// Its account.
    pub address: String,
    /// Its wallet.
    pub authority: String,
    /// Owner of the token accounts that payouts go to.
    pub payout_owner: String,
    /// When it registered, Unix seconds.
    pub registered_at: i64,
    /// Nodes listed now.
    pub node_count: i64,
    /// Nodes that run a job now.
    pub active_leases: i64,
    /// Disputes decided against it.
    pub disputes_lost: u64,
    /// How its jobs went.
    #[serde(flatten)]
    pub record: Record,
    /// Whether its account is gone.
    pub closed: bool,
    /// Slot of its last change.
    pub changed_at_slot: i64,
}

impl FromRow<'_, PgRow> for Provider {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            address: text(row, "address")?,
            authority: text(row, "authority")?,
            payout_owner: text(row, "payout_owner")?,
            registered_at: row.try_get("registered_at")?,
            node_count: row.try_get("node_count")?,
            active_leases: row.try_get("active_leases")?,
            disputes_lost: count(row, "disputes_lost")?,
            record: history(row)?.into(),
            closed: row.try_get("closed")?,
            changed_at_slot: row.try_get("slot")?,
        })
    }
}

/// What a node has.
#[derive(Clone, Debug, Serialize)]
pub struct Hardware {
    /// GPU model code of the SDK's catalogue; 0 for none.
    pub gpu_model: i32,
    /// GPUs.
    pub gpu_count: i16,
    /// Memory of each GPU, GiB.
    pub vram_gib: i32,
    /// CPU cores.
    pub cpu_cores: i32,
    /// Main memory, GiB.
    pub ram_gib: i32,
    /// Disk, GiB.
    pub disk_gib: i64,
    /// Bandwidth, Mbit/s.
    pub mbps: i64,
}

/// Who vouches for a node, and for what.
#[derive(Clone, Debug, Serialize)]
pub struct Attestation {
    /// 0 self-declared, 1 benchmarked, 2 attested by the vendor's service, 3 inspected on site.
    pub tier: i16,
    /// `DATACENTER`, `GDPR_DPA`, `ISO27001`, `SOC2`, `CONFIDENTIAL_COMPUTING`, `EEA`.
    pub flags: Vec<&'static str>,
    /// Who vouches; null when nobody does.
    pub attestor: Option<String>,
    /// Until when, Unix seconds.
    pub expires_at: i64,
}

/// A node.
#[derive(Clone, Debug, Serialize)]
pub struct Node {
    /// Its account.
    pub address: String,
    /// The provider account it belongs to.
    pub provider: String,
    /// The key that signs its receipts.
    pub node_key: String,
    /// `available`, `leased`, `draining` or `suspended`.
    pub status: &'static str,
    /// Price of an hour.
    pub price_per_hour: Amount,
    /// Country, ISO 3166-1 alpha-2.
    pub country: String,
    /// What it has.
    pub hardware: Hardware,
    /// Who vouches for it.
    pub attestation: Attestation,
    /// The job it runs.
    pub current_job: Option<String>,
    /// Jobs failed since the last that did not.
    pub consecutive_failures: i16,
    /// How its jobs went.
    #[serde(flatten)]
    pub record: Record,
    /// Whether its account is gone.
    pub closed: bool,
    /// Slot of its last change.
    pub changed_at_slot: i64,
}

const NODE_STATUS: [&str; 4] = ["available", "leased", "draining", "suspended"];
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

impl FromRow<'_, PgRow> for Node {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            address: text(row, "address")?,
            provider: text(row, "provider")?,
            node_key: text(row, "node_key")?,
            status: named(&NODE_STATUS, row.try_get("status")?),
            price_per_hour: Amount::new(
                row.try_get("price_per_hour")?,
                Some(row.try_get("price_mint")?),
                row.try_get("mint_decimals")?,
            ),
            country: row.try_get("country")?,
            hardware: Hardware {
                gpu_model: row.try_get("gpu_model")?,
                gpu_count: row.try_get("gpu_count")?,
                vram_gib: row.try_get("vram_gib")?,
                cpu_cores: row.try_get("cpu_cores")?,
                ram_gib: row.try_get("ram_gib")?,
                disk_gib: row.try_get("disk_gib")?,
                mbps: row.try_get("mbps")?,
            },
            attestation: Attestation {
                tier: row.try_get("tier")?,
                flags: flags(row.try_get("flags")?),
                attestor: some_key(row.try_get("attestor")?),
                expires_at: row.try_get("attestation_expires_at")?,
            },
            current_job: some_key(row.try_get("current_job")?),
            consecutive_failures: row.try_get("consecutive_failures")?,
            record: history(row)?.into(),
            closed: row.try_get("closed")?,
            changed_at_slot: row.try_get("slot")?,
        })
    }
}

/// A provider's pool of stake.
#[derive(Clone, Debug, Serialize)]
pub struct Pool {
    /// Its account.
    pub address: String,
    /// The provider account.
    pub provider: String,
    /// Stake that takes jobs.
    pub active: Amount,
    /// Stake on its way out.
    pub unbonding: Amount,
    /// Part of the active stake that answers for running jobs.
    pub bonded: Amount,
    /// Slashed so far.
    pub slashed_total: Amount,
    /// Revenue shared so far.
    pub rewards_total: Amount,
    /// Revenue that stakers have not claimed.
    pub rewards_unclaimed: Amount,
    /// Share of the revenue that the provider keeps, basis points.
    pub commission_bps: i32,
    /// Stakers.
    pub positions: i64,
    /// Whether its account is gone.
    pub closed: bool,
    /// Slot of its last change.
    pub changed_at_slot: i64,
}

impl FromRow<'_, PgRow> for Pool {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let stake_mint: Option<&[u8]> = row.try_get("stake_mint")?;
        let reward_mint: &[u8] = row.try_get("reward_mint")?;
        let reward_decimals = row.try_get("mint_decimals")?;
        // The programs do not store the decimals of the stake mint.
        let stake = |column| Ok::<_, sqlx::Error>(Amount::new(row.try_get(column)?, stake_mint, None));
        let reward =
            |column| Ok::<_, sqlx::Error>(Amount::new(row.try_get(column)?, Some(reward_mint), reward_decimals));
        Ok(Self {
            address: text(row, "address")?,
            provider: text(row, "provider")?,
            active: stake("active")?,
            unbonding: stake("unbonding")?,
            bonded: stake("bonded")?,
            slashed_total: stake("slashed_total")?,
            rewards_total: reward("rewards_total")?,
            rewards_unclaimed: reward("rewards_unclaimed")?,
            commission_bps: row.try_get("commission_bps")?,
            positions: row.try_get("positions")?,
            closed: row.try_get("closed")?,
            changed_at_slot: row.try_get("slot")?,
        })
    }
}

/// A mint that jobs may be paid in.
#[derive(Clone, Debug, Serialize)]
pub struct Mint {
    /// The market's account of it.
    pub address: String,
    /// The mint.
    pub mint: String,
    /// Its token program.
    pub token_program: String,
    /// Decimals.
    pub decimals: i16,
    /// Least price of an hour.
    pub minimum_price: Amount,
    /// Stake units per payment unit, Q32.32.
    pub stake_rate: String,
    /// Whether new jobs may use it.
    pub enabled: bool,
    /// Slot of its last change.
    pub changed_at_slot: i64,
}

impl FromRow<'_, PgRow> for Mint {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let decimals = row.try_get("decimals")?;
        let stake_rate: Numeric = row.try_get("stake_rate")?;
        Ok(Self {
            address: text(row, "address")?,
            mint: text(row, "mint")?,
            token_program: text(row, "token_program")?,
            decimals,
            minimum_price: Amount::new(
                row.try_get("minimum_price")?,
                Some(row.try_get("mint")?),
                Some(decimals),
            ),
            stake_rate: stake_rate.to_string(),
            enabled: row.try_get::<i16, _>("enabled")? != 0,
            changed_at_slot: row.try_get("slot")?,
        })
    }
}

/// Answers with a page of `query`, which ends in a `where`, in the order of addresses.
async fn list<T>(
    api: &Api,
    mut query: QueryBuilder<Postgres>,
    page: (Option<u64>, Option<u32>, Option<&String>),
    address: impl Fn(&T) -> &String,
) -> Answer<Vec<T>>
where
    T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let (min_slot, asked, cursor) = page;
    let limit = limit(asked)?;
    after_address(&mut query, "t.address", cursor)?;
    query.push(" order by t.address limit ").push_bind(i64::from(limit) + 1);
    let mut reading = api.read(min_slot).await?;
    let items = query.build_query_as::<T>().fetch_all(&mut *reading.transaction).await?;
    let (items, next) = cut(items, limit, |item| address(item).clone());
    Ok(Json(reading.answer(items, next)))
}

const PROVIDERS: &str = "select t.* from provider t where true";
const NODES: &str = "select t.*, m.decimals as mint_decimals from node t \
    left join payment_mint m on m.mint = t.price_mint where true";
const POOLS: &str = "select t.*, m.decimals as mint_decimals, p.stake_mint from pool t \
    left join payment_mint m on m.mint = t.reward_mint left join staking_params p on true where true";
const MINTS: &str = "select t.* from payment_mint t where not t.closed";

/// Filters of `/v1/providers`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ProviderParams {
    authority: Option<String>,
    closed: bool,
    min_slot: Option<u64>,
    limit: Option<u32>,
    cursor: Option<String>,
}

pub(super) async fn providers(State(api): State<Api>, Params(params): Params<ProviderParams>) -> Answer<Vec<Provider>> {
    let mut query = QueryBuilder::new(PROVIDERS);
    query.push(" and t.closed = ").push_bind(params.closed);
    key_filter(&mut query, "t.authority", "authority", params.authority.as_ref())?;
    let page = (params.min_slot, params.limit, params.cursor.as_ref());
    list(&api, query, page, |provider: &Provider| &provider.address).await
}

/// Filters of `/v1/nodes`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NodeParams {
    provider: Option<String>,
    mint: Option<String>,
    status: Option<String>,
    country: Option<String>,
    min_tier: Option<i16>,
    gpu_model: Option<i32>,
    closed: bool,
    min_slot: Option<u64>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// The byte that a status is, from its name.
pub(super) fn status_param(names: &[&str], text: &str) -> Result<i16, Problem> {
    let found = names
        .iter()
        .position(|name| *name == text)
        .and_then(|status| i16::try_from(status).ok());
    found.ok_or_else(|| Problem::bad_request(format!("status is `{text}`: one of {} is expected", names.join(", "))))
}

pub(super) async fn nodes(State(api): State<Api>, Params(params): Params<NodeParams>) -> Answer<Vec<Node>> {
    let mut query = QueryBuilder::new(NODES);
    query.push(" and t.closed = ").push_bind(params.closed);
    key_filter(&mut query, "t.provider", "provider", params.provider.as_ref())?;
    key_filter(&mut query, "t.price_mint", "mint", params.mint.as_ref())?;
    if let Some(status) = &params.status {
        query
            .push(" and t.status = ")
            .push_bind(status_param(&NODE_STATUS, status)?);
    }
    if let Some(country) = &params.country {
        query.push(" and t.country = ").push_bind(country.to_ascii_uppercase());
    }
    if let Some(tier) = params.min_tier {
        query.push(" and t.tier >= ").push_bind(tier);
    }
    if let Some(model) = params.gpu_model {
        query.push(" and t.gpu_model = ").push_bind(model);
    }
    let page = (params.min_slot, params.limit, params.cursor.as_ref());
    list(&api, query, page, |node: &Node| &node.address).await
}

/// Filters of `/v1/pools`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PoolParams {
    provider: Option<String>,
    min_slot: Option<u64>,
    limit: Option<u32>,
    cursor: Option<String>,
}

pub(super) async fn pools(State(api): State<Api>, Params(params): Params<PoolParams>) -> Answer<Vec<Pool>> {
    let mut query = QueryBuilder::new(POOLS);
    query.push(" and not t.closed");
    key_filter(&mut query, "t.provider", "provider", params.provider.as_ref())?;
    let page = (params.min_slot, params.limit, params.cursor.as_ref());
    list(&api, query, page, |pool: &Pool| &pool.address).await
}

pub(super) async fn mints(State(api): State<Api>, Params(params): Params<PageParams>) -> Answer<Vec<Mint>> {
    let page = (params.min_slot, params.limit, params.cursor.as_ref());
    list(&api, QueryBuilder::new(MINTS), page, |mint: &Mint| &mint.address).await
}

/// Answers with the one row of `query` at `address`.
async fn one<T>(api: &Api, query: &'static str, what: &str, address: &str, min_slot: Option<u64>) -> Answer<T>
where
    T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let bytes = key_param("address", address)?;
    let mut query = QueryBuilder::<Postgres>::new(query);
    query.push(" and t.address = ").push_bind(bytes.to_vec());
    let mut reading = api.read(min_slot).await?;
    let item = query
        .build_query_as::<T>()
        .fetch_optional(&mut *reading.transaction)
        .await?;
    let item = item.ok_or_else(|| Problem::not_found(format!("there is no {what} {address}")))?;
    Ok(Json(reading.answer(item, None)))
}

pub(super) async fn provider(
    State(api): State<Api>,
    Path(address): Path<String>,
    Params(params): Params<super::SlotParams>,
) -> Answer<Provider> {
    one(&api, PROVIDERS, "provider", &address, params.min_slot).await
}

pub(super) async fn node(
    State(api): State<Api>,
    Path(address): Path<String>,
    Params(params): Params<super::SlotParams>,
) -> Answer<Node> {
    one(&api, NODES, "node", &address, params.min_slot).await
}

pub(super) async fn pool(
    State(api): State<Api>,
    Path(address): Path<String>,
    Params(params): Params<super::SlotParams>,
) -> Answer<Pool> {
    one(&api, POOLS, "pool", &address, params.min_slot).await
}
