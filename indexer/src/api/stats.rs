//! The market in numbers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::State;
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::page::{Answer, Moment};
use super::problem::Refusals;
use super::{Amount, Api, Envelope, Params, Problem, SlotParams};
use crate::store::Numeric;

/// `/v1/stats`.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Stats {
    /// Providers registered now.
    pub providers: i64,
    /// Nodes listed now.
    pub nodes: i64,
    /// Of these, those that take jobs.
    pub nodes_available: i64,
    /// Of these, those that run one.
    pub nodes_leased: i64,
    /// GPUs in the nodes listed now.
    pub gpus: i64,
    /// Jobs by status, those that closed included.
    pub jobs: BTreeMap<String, i64>,
    /// Events recorded.
    pub events: i64,
    /// Money by mint.
    pub volume: Vec<Volume>,
    /// Stake that takes jobs, over all pools.
    pub active_stake: Option<Amount>,
}

/// What was paid in one mint.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Volume {
    /// Jobs settled.
    pub settled_jobs: i64,
    /// Seconds paid for.
    pub paid_seconds: String,
    /// Billed.
    pub billed: Amount,
    /// In escrow now.
    pub escrowed: Amount,
}

/// The market in numbers.
#[utoipa::path(get, path = "/v1/stats", tag = "network", params(SlotParams),
    responses((status = 200, description = "The numbers", body = Envelope<Stats>), Refusals))]
pub(super) async fn stats(State(api): State<Api>, Params(params): Params<SlotParams>) -> Answer<Stats> {
    api.reach(params.min_slot).await?;
    let (moment, stats) = api.stats.since(&api, Instant::now()).await?;
    Ok(api.answer(moment, stats, None))
}

/// What the tables' state is known by. Each change of a row or an event takes a new number of the outbox.
type Mark = Option<(i64, i64, i64)>;

/// The numbers, which take a look at every job, and the state that they are of: counted once per state, however many ask.
#[derive(Debug, Default)]
pub(super) struct Shared {
    last: Mutex<Option<Arc<Counted>>>,
    /// Held by the one that counts.
    counting: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Counted {
    begun: Instant,
    mark: Mark,
    moment: Moment,
    stats: Stats,
}

const MARK: &str = "select outbox_id, slot, finalized_slot from checkpoint";

impl Shared {
    fn last(&self) -> Option<Arc<Counted>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The numbers of the tables as they were at `arrived` or later.
    async fn since(&self, api: &Api, arrived: Instant) -> Result<(Moment, Stats), Problem> {
        let mark: Mark = sqlx::query_as(MARK).fetch_optional(&api.pool).await?;
        let fits = |counted: &Arc<Counted>| counted.mark == mark || counted.begun >= arrived;
        if let Some(counted) = self.last().filter(fits) {
            return Ok((counted.moment, counted.stats.clone()));
        }
        let _alone = self.counting.lock().await;
        if let Some(counted) = self.last().filter(fits) {
            return Ok((counted.moment, counted.stats.clone()));
        }
        let begun = Instant::now();
        let mut reading = api.read(None).await?;
        let mark = sqlx::query_as(MARK).fetch_optional(&mut *reading.transaction).await?;
        let stats = collect(&mut reading.transaction).await?;
        let moment = reading.moment;
        let counted = Counted {
            begun,
            mark,
            moment,
            stats: stats.clone(),
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(counted));
        Ok((moment, stats))
    }
}

async fn collect(connection: &mut PgConnection) -> sqlx::Result<Stats> {
    let (providers, events): (i64, i64) =
        sqlx::query_as("select (select count(*) from provider where not closed), (select count(*) from event)")
            .fetch_one(&mut *connection)
            .await?;
    let (nodes, nodes_available, nodes_leased, gpus): (i64, i64, i64, i64) = sqlx::query_as(
        "select count(*), count(*) filter (where status = 0), count(*) filter (where status = 1), \
         coalesce(sum(gpu_count), 0)::bigint from node where not closed",
    )
    .fetch_one(&mut *connection)
    .await?;
    let jobs: Vec<(String, i64)> = sqlx::query_as(
        "select case when closed then 'closed' else \
         (array['open', 'assigned', 'running', 'finished', 'lapsed', 'disputed', 'resolved'])[status + 1] end as name, \
         count(*) from job group by 1",
    )
    .fetch_all(&mut *connection)
    .await?;
    let volume: Vec<(Vec<u8>, i16, i64, Numeric, Numeric, Numeric)> = sqlx::query_as(
        "select m.mint, m.decimals, count(e.name), \
         coalesce(sum((e.data ->> 'paid_seconds')::numeric), 0), coalesce(sum((e.data ->> 'bill')::numeric), 0), \
         coalesce((select sum(o.deposited - o.paid_out) from job o where o.mint = m.mint and not o.closed), 0) \
         from payment_mint m left join job j on j.mint = m.mint and j.closed \
         left join event e on e.name = 'JobSettled' and e.accounts @> array[j.address] \
         group by m.mint, m.decimals order by m.mint",
    )
    .fetch_all(&mut *connection)
    .await?;
    let volume = volume
        .into_iter()
        .map(|(mint, decimals, settled_jobs, seconds, billed, escrowed)| {
            let amount = |amount| Amount::new(amount, Some(&mint), Some(decimals));
            Volume {
                settled_jobs,
                paid_seconds: seconds.to_string(),
                billed: amount(billed),
                escrowed: amount(escrowed),
            }
        });
    let stake: Option<(Vec<u8>, Numeric)> = sqlx::query_as(
        "select stake_mint, coalesce((select sum(active) from pool where not closed), 0) from staking_params limit 1",
    )
    .fetch_optional(&mut *connection)
    .await?;
    Ok(Stats {
        providers,
        nodes,
        nodes_available,
        nodes_leased,
        gpus,
        jobs: jobs.into_iter().collect(),
        events,
        volume: volume.collect(),
        active_stake: stake.map(|(mint, active)| Amount::new(active, Some(&mint), None)),
    })
}
