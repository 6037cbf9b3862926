//! Providers and nodes.

use axum::extract::State;
use gantry_core::reputation::{History, reputation_bps};
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row};
use utoipa::ToSchema;

use super::list::{Column, Listing, Source, country_param, list_params, one, status_param};
use super::page::Answer;
use super::problem::{Address, Missing, Refusals};
use super::row::{count, flags, history, named, some_key, text};
use super::{Amount, Api, Envelope, Params, SlotParams};

/// How the jobs of a node or a provider went.
#[derive(Clone, Debug, Serialize, ToSchema)]
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
#[derive(Clone, Debug, Serialize, ToSchema)]
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
#[derive(Clone, Debug, Serialize, ToSchema)]
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
#[derive(Clone, Debug, Serialize, ToSchema)]
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
#[derive(Clone, Debug, Serialize, ToSchema)]
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

const PROVIDERS: Source = Source {
    columns: "t.address, t.slot, t.closed, t.authority, t.payout_owner, t.registered_at, t.jobs_completed, t.jobs_failed, \
        t.disputes_lost, t.served_seconds, t.promised_seconds, t.node_count, t.active_leases",
    from: "provider t where true",
    sorts: &[
        Column::Integer("registered_at"),
        Column::Numeric("jobs_completed"),
        Column::Numeric("served_seconds"),
    ],
    default: "address",
};
const NODES: Source = Source {
    columns: "t.address, t.slot, t.closed, t.provider, t.node_key, t.price_mint, t.current_job, t.attestor, t.price_per_hour, \
        t.attestation_expires_at, t.registered_at, t.jobs_completed, t.jobs_failed, t.served_seconds, t.promised_seconds, \
        t.disk_gib, t.mbps, t.gpu_model, t.vram_gib, t.cpu_cores, t.ram_gib, t.flags, t.country, t.gpu_count, t.tier, \
        t.status, t.consecutive_failures, m.decimals as mint_decimals",
    from: "node t left join payment_mint m on m.mint = t.price_mint where true",
    sorts: &[
        Column::Numeric("price_per_hour"),
        Column::Integer("registered_at"),
        Column::Numeric("jobs_completed"),
        Column::Numeric("served_seconds"),
    ],
    default: "address",
};

list_params! {
    /// Filters of `/v1/providers`.
    ProviderParams, sorts = "^-?(address|registered_at|jobs_completed|served_seconds)$",
    {
        /// The provider's wallet.
        #[param(format = "base58")]
        authority: Option<String>,
        /// Those whose account is gone, in place of those that are there.
        closed: bool,
    }
}

/// Providers.
#[utoipa::path(get, path = "/v1/providers", tag = "supply", params(ProviderParams),
    responses((status = 200, description = "Providers", body = Envelope<Vec<Provider>>), Refusals))]
pub(super) async fn providers(State(api): State<Api>, Params(params): Params<ProviderParams>) -> Answer<Vec<Provider>> {
    let mut list = Listing::of(&PROVIDERS, &params.paging())?;
    list.query().push(" and t.closed = ").push_bind(params.closed);
    list.with_key("t.authority", "authority", params.authority.as_ref())?;
    list.answer(&api).await
}

/// One provider, by the address of its account.
#[utoipa::path(get, path = "/v1/providers/{address}", tag = "supply",
    params(("address" = String, Path, format = "base58", description = "Address of the account, 32 bytes in base58"), SlotParams),
    responses((status = 200, description = "The provider", body = Envelope<Provider>), Refusals, Missing))]
pub(super) async fn provider(
    State(api): State<Api>,
    Address(address): Address,
    Params(params): Params<SlotParams>,
) -> Answer<Provider> {
    one(&api, &PROVIDERS, "provider", &address, params.min_slot).await
}

list_params! {
    /// Filters of `/v1/nodes`.
    NodeParams, sorts = "^-?(address|price_per_hour|registered_at|jobs_completed|served_seconds)$",
    {
        /// The provider account that the node belongs to.
        #[param(format = "base58")]
        provider: Option<String>,
        /// The mint that its price is in.
        #[param(format = "base58")]
        mint: Option<String>,
        /// Its status.
        #[param(pattern = "^(available|leased|draining|suspended)$")]
        status: Option<String>,
        /// Its country, ISO 3166-1 alpha-2.
        #[param(pattern = "^[A-Za-z]{2}$")]
        country: Option<String>,
        /// Its least tier.
        min_tier: Option<i16>,
        /// GPU model code of the SDK's catalogue.
        gpu_model: Option<i32>,
        /// Those whose account is gone, in place of those that are there.
        closed: bool,
    }
}

/// Nodes.
#[utoipa::path(get, path = "/v1/nodes", tag = "supply", params(NodeParams),
    responses((status = 200, description = "Nodes", body = Envelope<Vec<Node>>), Refusals))]
pub(super) async fn nodes(State(api): State<Api>, Params(params): Params<NodeParams>) -> Answer<Vec<Node>> {
    let mut list = Listing::of(&NODES, &params.paging())?;
    list.query().push(" and t.closed = ").push_bind(params.closed);
    list.with_key("t.provider", "provider", params.provider.as_ref())?;
    list.with_key("t.price_mint", "mint", params.mint.as_ref())?;
    if let Some(status) = &params.status {
        let status = status_param(&NODE_STATUS, status)?;
        list.query().push(" and t.status = ").push_bind(status);
    }
    if let Some(country) = &params.country {
        list.query()
            .push(" and t.country = ")
            .push_bind(country_param(country)?);
    }
    if let Some(tier) = params.min_tier {
        list.query().push(" and t.tier >= ").push_bind(tier);
    }
    if let Some(model) = params.gpu_model {
        list.query().push(" and t.gpu_model = ").push_bind(model);
    }
    list.answer(&api).await
}

/// One node, by the address of its account.
#[utoipa::path(get, path = "/v1/nodes/{address}", tag = "supply",
    params(("address" = String, Path, format = "base58", description = "Address of the account, 32 bytes in base58"), SlotParams),
    responses((status = 200, description = "The node", body = Envelope<Node>), Refusals, Missing))]
pub(super) async fn node(
    State(api): State<Api>,
    Address(address): Address,
    Params(params): Params<SlotParams>,
) -> Answer<Node> {
    one(&api, &NODES, "node", &address, params.min_slot).await
}
