//! What the market runs by: its mints, and the settings of the three programs.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row};
use utoipa::ToSchema;

use super::list::{Listing, Source, list_params};
use super::page::{Answer, Select};
use super::problem::{Missing, Refusals};
use super::row::{integer, json, some_key, text};
use super::{Amount, Api, Envelope, Params, Problem, SlotParams};
use crate::store::Numeric;

/// A mint that jobs may be paid in.
#[derive(Clone, Debug, Serialize, ToSchema)]
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

const MINTS: Source = Source {
    columns: "t.*",
    from: "payment_mint t where not t.closed",
    sorts: &[],
    default: "address",
};

list_params! {
    /// Filters of `/v1/mints`.
    MintParams, sorts = "^-?address$",
    {
        /// Only those that new jobs may use, or only the others.
        enabled: Option<bool>,
    }
}

/// Mints that jobs are paid in.
#[utoipa::path(get, path = "/v1/mints", tag = "network", params(MintParams),
    responses((status = 200, description = "Mints", body = Envelope<Vec<Mint>>), Refusals))]
pub(super) async fn mints(State(api): State<Api>, Params(params): Params<MintParams>) -> Answer<Vec<Mint>> {
    let mut list = Listing::of(&MINTS, &params.paging())?;
    if let Some(enabled) = params.enabled {
        list.query().push(" and (t.enabled <> 0) = ").push_bind(enabled);
    }
    list.answer(&api).await
}

/// The arbiters of disputes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Council {
    /// Their wallets.
    pub arbiters: Vec<String>,
    /// Equal votes that decide a dispute.
    pub threshold: i16,
}

/// What the uptime that is missing costs a provider.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SlaCredit {
    /// Basis points that the uptime is below the job's target.
    pub shortfall_bps: i64,
    /// Basis points of the bill that the customer gets back.
    pub credit_bps: i64,
}

/// The numbers that the market runs by.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Terms {
    /// Bond that opens a dispute, base units of the job's mint.
    pub dispute_bond: String,
    /// Bond behind a job, basis points of its highest bill converted to stake units.
    pub bond_ratio_bps: i64,
    /// Seconds after a job's end in which its customer may dispute it.
    pub dispute_window: i64,
    /// Least seconds that a job may give its node to start.
    pub min_start_deadline: i64,
    /// Most seconds that a job may give its node to start.
    pub max_start_deadline: i64,
    /// Least seconds that a job may allow between proofs.
    pub min_proof_timeout: i64,
    /// Most seconds that a job may allow between proofs.
    pub max_proof_timeout: i64,
    /// Seconds after which a dispute without a verdict ends.
    pub arbitration_timeout: i64,
    /// Most seconds that a job may run.
    pub max_duration: i64,
    /// Seconds after which anyone may close a job that was never served.
    pub open_timeout: i64,
    /// The treasury's share of what is earned, basis points.
    pub fee_bps: i64,
    /// The matcher's share of what is earned, basis points.
    pub matcher_fee_bps: i64,
    /// SLA credits by shortfall.
    pub sla: Vec<SlaCredit>,
}

/// As the table keeps it.
#[derive(Deserialize)]
struct StoredTerms {
    dispute_bond: Value,
    sla: Vec<Value>,
    #[serde(flatten)]
    numbers: serde_json::Map<String, Value>,
}

impl From<StoredTerms> for Terms {
    fn from(stored: StoredTerms) -> Self {
        let number = |name: &str| stored.numbers.get(name).and_then(Value::as_i64).unwrap_or_default();
        let credit = |credit: &Value| SlaCredit {
            shortfall_bps: credit["shortfall_bps"].as_i64().unwrap_or_default(),
            credit_bps: credit["credit_bps"].as_i64().unwrap_or_default(),
        };
        Self {
            dispute_bond: integer(&stored.dispute_bond),
            bond_ratio_bps: number("bond_ratio_bps"),
            dispute_window: number("dispute_window"),
            min_start_deadline: number("min_start_deadline"),
            max_start_deadline: number("max_start_deadline"),
            min_proof_timeout: number("min_proof_timeout"),
            max_proof_timeout: number("max_proof_timeout"),
            arbitration_timeout: number("arbitration_timeout"),
            max_duration: number("max_duration"),
            open_timeout: number("open_timeout"),
            fee_bps: number("fee_bps"),
            matcher_fee_bps: number("matcher_fee_bps"),
            sla: stored.sla.iter().map(credit).collect(),
        }
    }
}

/// The settings of the staking program.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Staking {
    /// Mint of the stake.
    pub stake_mint: String,
    /// Least active stake of a pool that takes jobs.
    pub minimum_pool_stake: Amount,
    /// Least deposit of one staker.
    pub minimum_position_stake: Amount,
    /// Seconds between a request to unstake and the withdrawal.
    pub unbonding_seconds: i64,
    /// Seconds of notice before a commission rises.
    pub commission_notice_seconds: i64,
    /// Share of a slash that goes to the harmed customer, basis points.
    pub slash_customer_bps: i32,
    /// Share of a slash that goes to who reported it, basis points; the treasury gets the rest.
    pub slash_reporter_bps: i32,
}

/// The settings of the three programs. What a program was not yet set up with is null.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Network {
    /// The registry's account of them.
    pub address: String,
    /// Genesis hash of the cluster, base58.
    pub genesis_hash: Option<String>,
    /// Who governs.
    pub authority: String,
    /// Who may accept the authority; null when nothing is proposed.
    pub pending_authority: Option<String>,
    /// Who may pause, beside the authority.
    pub guardian: String,
    /// Seconds between a proposal and its application.
    pub timelock_seconds: i64,
    /// Whether no new jobs are taken.
    pub jobs_paused: bool,
    /// Whether no assignments are made.
    pub assignments_paused: bool,
    /// The arbiters of disputes.
    pub council: Council,
    /// The council that is proposed; null when none is.
    pub pending_council: Option<Council>,
    /// When the proposed council may be applied, Unix seconds.
    pub council_change_at: Option<i64>,
    /// The market's terms.
    pub terms: Option<Terms>,
    /// The terms that are announced; null when none are.
    pub pending_terms: Option<Terms>,
    /// When the announced terms may be applied, Unix seconds.
    pub terms_change_at: Option<i64>,
    /// The settings of the staking program.
    pub staking: Option<Staking>,
    /// Slot of the last change of the registry's account.
    pub changed_at_slot: i64,
}

fn council(row: &PgRow, prefix: &str) -> sqlx::Result<Council> {
    let places: Vec<String> = json(row, &format!("{prefix}arbiters_text"))?;
    let count = usize::try_from(row.try_get::<i16, _>(&*format!("{prefix}arbiter_count"))?).unwrap_or_default();
    Ok(Council {
        arbiters: places.into_iter().take(count).collect(),
        threshold: row.try_get(&*format!("{prefix}arbiter_threshold"))?,
    })
}

impl FromRow<'_, PgRow> for Network {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let time = |column| Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, _>(column)?.filter(|at| *at != 0));
        let terms = |column| {
            let stored: Option<&str> = row.try_get(column)?;
            let stored: Option<StoredTerms> = stored
                .map(serde_json::from_str)
                .transpose()
                .map_err(|error| sqlx::Error::Decode(error.into()))?;
            Ok::<_, sqlx::Error>(stored.map(Terms::from))
        };
        let stake_mint: Option<&[u8]> = row.try_get("stake_mint")?;
        let staking = |mint: &[u8]| {
            // The programs do not store the decimals of the stake mint.
            let stake = |column| Ok::<_, sqlx::Error>(Amount::new(row.try_get(column)?, Some(mint), None));
            Ok::<_, sqlx::Error>(Staking {
                stake_mint: crate::key::text(mint),
                minimum_pool_stake: stake("minimum_pool_stake")?,
                minimum_position_stake: stake("minimum_position_stake")?,
                unbonding_seconds: row.try_get("unbonding_seconds")?,
                commission_notice_seconds: row.try_get("commission_notice_seconds")?,
                slash_customer_bps: row.try_get("slash_customer_bps")?,
                slash_reporter_bps: row.try_get("slash_reporter_bps")?,
            })
        };
        let paused: i16 = row.try_get("paused")?;
        let (council_change_at, terms_change_at) = (time("council_change_at")?, time("terms_change_at")?);
        let pending_council = council_change_at.map(|_| council(row, "pending_")).transpose()?;
        let pending_terms = terms_change_at.map(|_| terms("pending_terms_text")).transpose()?;
        Ok(Self {
            address: text(row, "address")?,
            genesis_hash: row.try_get::<Option<&[u8]>, _>("genesis_hash")?.map(crate::key::text),
            authority: text(row, "authority")?,
            pending_authority: some_key(row.try_get("pending_authority")?),
            guardian: text(row, "guardian")?,
            timelock_seconds: row.try_get("timelock_seconds")?,
            jobs_paused: paused & 1 != 0,
            assignments_paused: paused & 2 != 0,
            council: council(row, "")?,
            pending_council,
            council_change_at,
            terms: terms("terms_text")?,
            pending_terms: pending_terms.flatten(),
            terms_change_at,
            staking: stake_mint.map(staking).transpose()?,
            changed_at_slot: row.try_get("slot")?,
        })
    }
}

const NETWORK: &str = "t.*, t.arbiters::text as arbiters_text, t.pending_arbiters::text as pending_arbiters_text, \
    m.genesis_hash, m.terms::text as terms_text, m.pending_terms::text as pending_terms_text, m.terms_change_at, \
    s.stake_mint, s.minimum_pool_stake, s.minimum_position_stake, s.unbonding_seconds, s.commission_notice_seconds, \
    s.slash_customer_bps, s.slash_reporter_bps \
    from network t left join market_params m on true left join staking_params s on true order by t.address limit 1";

/// The settings of the three programs.
#[utoipa::path(get, path = "/v1/network", tag = "network", params(SlotParams),
    responses((status = 200, description = "The settings", body = Envelope<Network>), Refusals, Missing))]
pub(super) async fn network(State(api): State<Api>, Params(params): Params<SlotParams>) -> Answer<Network> {
    let rows = api.rows(Select::new(NETWORK), "", params.min_slot).await?;
    let network: Option<Network> = rows.items()?.pop();
    let network =
        network.ok_or_else(|| Problem::not_found("the programs are not set up yet, or nothing was indexed"))?;
    Ok(api.answer(rows.moment, network, None))
}
