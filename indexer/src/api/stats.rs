//! The market in numbers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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

/// The market in numbers, counted at most every few seconds where there is much to count: `slot` says of when they are,
/// `min_slot` asks for newer ones.
#[utoipa::path(get, path = "/v1/stats", tag = "network", params(SlotParams),
    responses((status = 200, description = "The numbers", body = Envelope<Stats>), Refusals))]
pub(super) async fn stats(State(api): State<Api>, Params(params): Params<SlotParams>) -> Answer<Stats> {
    api.reach(params.min_slot).await?;
    let (moment, stats) = api.stats.since(&api, params.min_slot.unwrap_or(0)).await?;
    Ok(api.answer(moment, stats, None))
}

/// What the tables' state is known by. Each change of a row or an event takes a new number of the outbox.
type Mark = Option<(i64, i64, i64)>;

/// The numbers are counted again when this many times as long has passed as counting them takes, so that it never takes
/// more than a part of that of one connection, however large the tables are.
const REST: u32 = 20;

/// The numbers, which take a look at every job, and the state that they are of.
#[derive(Debug, Default)]
pub(super) struct Shared {
    last: Mutex<Option<Arc<Counted>>>,
    /// Held by the one that counts.
    counting: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Counted {
    begun: Instant,
    took: Duration,
    mark: Mark,
    moment: Moment,
    stats: Stats,
}

impl Counted {
    fn is_recent(&self) -> bool {
        self.begun.elapsed() < self.took * REST
    }
}

const MARK: &str = "select outbox_id, slot, finalized_slot from checkpoint";

impl Shared {
    /// What was counted last, if it is of that slot or a later one.
    fn last(&self, min_slot: u64) -> Option<Arc<Counted>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        last.filter(|counted| counted.moment.slot() >= min_slot)
    }

    /// The numbers of the tables at `min_slot` or later, which they have reached.
    async fn since(&self, api: &Api, min_slot: u64) -> Result<(Moment, Stats), Problem> {
        let answer = |counted: Arc<Counted>| Ok((counted.moment, counted.stats.clone()));
        if let Some(counted) = self.last(min_slot).filter(|counted| counted.is_recent()) {
            return answer(counted);
        }
        let _alone = match self.counting.try_lock() {
            Ok(alone) => alone,
            Err(_) => {
                // Somebody counts: they are as good as ever for the others until then.
                if let Some(counted) = self.last(min_slot) {
                    return answer(counted);
                }
                self.counting.lock().await
            }
        };
        let last = self.last(min_slot);
        if let Some(counted) = last.clone().filter(|counted| counted.is_recent()) {
            return answer(counted);
        }
        let begun = Instant::now();
        if let Some(counted) = last {
            let mark: Mark = sqlx::query_as(MARK).fetch_optional(&api.pool).await?;
            if counted.mark == mark {
                return answer(counted);
            }
        }
        let mut reading = api.read(None).await?;
        let mark = sqlx::query_as(MARK).fetch_optional(&mut *reading.transaction).await?;
        let counted = Arc::new(Counted {
            mark,
            moment: reading.moment,
            stats: collect(&mut reading.transaction).await?,
            begun,
            took: begun.elapsed(),
        });
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(counted.clone());
        answer(counted)
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
    // One look at each job.
    let jobs: Vec<(Vec<u8>, String, i64, Numeric)> = sqlx::query_as(
        "select mint, case when closed then 'closed' else \
         (array['open', 'assigned', 'running', 'finished', 'lapsed', 'disputed', 'resolved'])[status + 1] end as name, \
         count(*), coalesce(sum(deposited - paid_out) filter (where not closed), 0) from job group by 1, 2",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut by_status: BTreeMap<String, i64> = BTreeMap::new();
    let mut escrowed: BTreeMap<&[u8], u128> = BTreeMap::new();
    for (mint, status, count, Numeric(escrow)) in &jobs {
        *by_status.entry(status.clone()).or_default() += count;
        *escrowed.entry(mint).or_default() += escrow;
    }
    let volume: Vec<(Vec<u8>, i16, i64, Numeric, Numeric)> = sqlx::query_as(
        "select m.mint, m.decimals, count(e.name), \
         coalesce(sum((e.data ->> 'paid_seconds')::numeric), 0), coalesce(sum((e.data ->> 'bill')::numeric), 0) \
         from payment_mint m left join (event e join job j on j.address = e.job and e.name = 'JobSettled' and j.closed) \
         on j.mint = m.mint group by m.mint, m.decimals order by m.mint",
    )
    .fetch_all(&mut *connection)
    .await?;
    let volume = volume
        .into_iter()
        .map(|(mint, decimals, settled_jobs, seconds, billed)| {
            let amount = |amount| Amount::new(amount, Some(&mint), Some(decimals));
            Volume {
                settled_jobs,
                paid_seconds: seconds.to_string(),
                billed: amount(billed),
                escrowed: amount(Numeric(escrowed.get(mint.as_slice()).copied().unwrap_or_default())),
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
        jobs: by_status,
        events,
        volume: volume.collect(),
        active_stake: stake.map(|(mint, active)| Amount::new(active, Some(&mint), None)),
    })
}
