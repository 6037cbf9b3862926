//! Pools of stake, and who has a share of them.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row};
use utoipa::ToSchema;

use super::list::{Column, Listing, Source, list_params, one};
use super::page::Answer;
use super::problem::{Address, Missing, Refusals};
use super::row::{integer, json, text};
use super::{Amount, Api, Envelope, Params, SlotParams};
use crate::store::Numeric;

/// A provider's pool of stake.
#[derive(Clone, Debug, Serialize, ToSchema)]
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

/// Stake on its way out.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Unbonding {
    /// Shares of the pool's unbonding stake.
    pub shares: String,
    /// When it may be withdrawn, Unix seconds.
    pub unlocks_at: i64,
}

/// A staker's part of a pool.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Position {
    /// Its account.
    pub address: String,
    /// The pool.
    pub pool: String,
    /// The provider of that pool; null where the indexer does not know the pool.
    pub provider: Option<String>,
    /// Who staked.
    pub owner: String,
    /// Shares of the pool's active stake.
    pub shares: String,
    /// Whether the pool was slashed to nothing since, so that the shares are worth nothing.
    pub wiped: bool,
    /// Revenue to claim, as counted when the position last changed.
    pub rewards_owed: Amount,
    /// Stake on its way out, oldest first.
    pub unbonding: Vec<Unbonding>,
    /// Whether its account is gone.
    pub closed: bool,
    /// Slot of its last change.
    pub changed_at_slot: i64,
}

/// As the table keeps it.
#[derive(Deserialize)]
struct StoredUnbonding {
    shares: Value,
    unlocks_at: Value,
}

impl FromRow<'_, PgRow> for Position {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let requests: Vec<StoredUnbonding> = json(row, "unbonding_text")?;
        let under_way = usize::try_from(row.try_get::<i16, _>("unbonding_count")?).unwrap_or_default();
        let unbonding = requests.iter().take(under_way).map(|request| Unbonding {
            shares: integer(&request.shares),
            unlocks_at: integer(&request.unlocks_at).parse().unwrap_or_default(),
        });
        let pool_wipes: Option<i16> = row.try_get("pool_wipes")?;
        Ok(Self {
            address: text(row, "address")?,
            pool: text(row, "pool")?,
            provider: row.try_get::<Option<&[u8]>, _>("provider")?.map(crate::key::text),
            owner: text(row, "owner")?,
            shares: row.try_get::<Numeric, _>("shares")?.to_string(),
            wiped: pool_wipes.is_some_and(|wipes| row.try_get::<i16, _>("wipes").is_ok_and(|seen| wipes > seen)),
            rewards_owed: Amount::new(
                row.try_get("rewards_owed")?,
                row.try_get("reward_mint")?,
                row.try_get("mint_decimals")?,
            ),
            unbonding: unbonding.collect(),
            closed: row.try_get("closed")?,
            changed_at_slot: row.try_get("slot")?,
        })
    }
}

const POOLS: Source = Source {
    columns: "t.*, m.decimals as mint_decimals, p.stake_mint",
    from: "pool t left join payment_mint m on m.mint = t.reward_mint left join staking_params p on true where true",
    sorts: &[
        Column::Numeric("active"),
        Column::Numeric("rewards_total"),
        Column::Integer("commission_bps"),
        Column::Integer("positions"),
    ],
    default: "address",
};
const POSITIONS: Source = Source {
    columns: "t.*, t.unbonding::text as unbonding_text, p.provider, p.reward_mint, p.wipes as pool_wipes, \
        m.decimals as mint_decimals",
    from: "position t left join pool p on p.address = t.pool left join payment_mint m on m.mint = p.reward_mint \
        where true",
    sorts: &[Column::Numeric("shares")],
    default: "address",
};

list_params! {
    /// Filters of `/v1/pools`.
    PoolParams, sorts = "^-?(address|active|rewards_total|commission_bps|positions)$",
    {
        /// The provider account.
        #[param(format = "base58")]
        provider: Option<String>,
        /// Those whose account is gone, in place of those that are there.
        closed: bool,
    }
}

/// Pools of stake.
#[utoipa::path(get, path = "/v1/pools", tag = "stake", params(PoolParams),
    responses((status = 200, description = "Pools", body = Envelope<Vec<Pool>>), Refusals))]
pub(super) async fn pools(State(api): State<Api>, Params(params): Params<PoolParams>) -> Answer<Vec<Pool>> {
    let mut list = Listing::of(&POOLS, &params.paging())?;
    list.query().push(" and t.closed = ").push_bind(params.closed);
    list.with_key("t.provider", "provider", params.provider.as_ref())?;
    list.answer(&api).await
}

/// One pool, by the address of its account.
#[utoipa::path(get, path = "/v1/pools/{address}", tag = "stake",
    params(("address" = String, Path, format = "base58", description = "Address of the account, 32 bytes in base58"), SlotParams),
    responses((status = 200, description = "The pool", body = Envelope<Pool>), Refusals, Missing))]
pub(super) async fn pool(
    State(api): State<Api>,
    Address(address): Address,
    Params(params): Params<SlotParams>,
) -> Answer<Pool> {
    one(&api, &POOLS, "pool", &address, params.min_slot).await
}

list_params! {
    /// Filters of `/v1/positions`.
    PositionParams, sorts = "^-?(address|shares)$",
    {
        /// Who staked.
        #[param(format = "base58")]
        owner: Option<String>,
        /// The pool.
        #[param(format = "base58")]
        pool: Option<String>,
        /// Those whose account is gone, in place of those that are there.
        closed: bool,
    }
}

/// Stakers' parts of pools.
#[utoipa::path(get, path = "/v1/positions", tag = "stake", params(PositionParams),
    responses((status = 200, description = "Positions", body = Envelope<Vec<Position>>), Refusals))]
pub(super) async fn positions(State(api): State<Api>, Params(params): Params<PositionParams>) -> Answer<Vec<Position>> {
    let mut list = Listing::of(&POSITIONS, &params.paging())?;
    list.query().push(" and t.closed = ").push_bind(params.closed);
    list.with_key("t.owner", "owner", params.owner.as_ref())?;
    list.with_key("t.pool", "pool", params.pool.as_ref())?;
    list.answer(&api).await
}

/// One position, by the address of its account.
#[utoipa::path(get, path = "/v1/positions/{address}", tag = "stake",
    params(("address" = String, Path, format = "base58", description = "Address of the account, 32 bytes in base58"), SlotParams),
    responses((status = 200, description = "The position", body = Envelope<Position>), Refusals, Missing))]
pub(super) async fn position(
    State(api): State<Api>,
    Address(address): Address,
    Params(params): Params<SlotParams>,
) -> Answer<Position> {
    one(&api, &POSITIONS, "position", &address, params.min_slot).await
}
