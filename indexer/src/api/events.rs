//! What the programs reported, in the order of the chain.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row};
use utoipa::{IntoParams, ToSchema};

use super::list::{MAX_LIMIT, Paging, cut, key_param, list_params, push_limit, read_cursor, write_cursor};
use super::page::{Answer, Select};
use super::problem::Refusals;
use super::row::json;
use super::{Api, Envelope, Params, Problem};
use crate::key;

/// Something that happened.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Event {
    /// Slot.
    pub slot: i64,
    /// Place of the transaction in its block.
    pub transaction_index: i64,
    /// Place in the transaction.
    pub index: i32,
    /// Time of the block, Unix seconds.
    pub block_time: Option<i64>,
    /// The transaction.
    pub signature: String,
    /// The program that reported it.
    pub program: String,
    /// What happened.
    pub name: String,
    /// Its details: keys in base58, hashes in hex, 64-bit integers as strings.
    #[schema(value_type = Object)]
    pub data: Value,
}

impl FromRow<'_, PgRow> for Event {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            slot: row.try_get("slot")?,
            transaction_index: row.try_get("transaction_index")?,
            index: row.try_get("index")?,
            block_time: row.try_get("block_time")?,
            signature: key::text(row.try_get("signature")?),
            program: row.try_get("program")?,
            name: row.try_get("name")?,
            data: json(row, "data")?,
        })
    }
}

/// Where an event is in the order of the chain.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Place(i64, i64, i32);

impl Place {
    pub(super) const fn of(event: &Event) -> Self {
        Self(event.slot, event.transaction_index, event.index)
    }

    pub(super) fn read(cursor: &str) -> Result<Self, Problem> {
        read_cursor(cursor)
    }

    pub(super) fn write(&self) -> String {
        write_cursor(self)
    }

    /// Leaves out what is not after this place.
    pub(super) fn push(self, query: &mut QueryBuilder<Postgres>, descending: bool) {
        let order = if descending { "<" } else { ">" };
        query.push(" and (slot, transaction_index, index) ").push(order);
        query.push(" (").push_bind(self.0).push(", ").push_bind(self.1);
        query.push(", ").push_bind(self.2).push(")");
    }
}

/// Where in a timeline a page begins and how long it is.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct TimelineParams {
    /// Most items of the page; 500 where it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Wait until the data is from this slot or a later one.
    min_slot: Option<u64>,
}

impl TimelineParams {
    pub(super) fn limit(&self) -> Result<u32, Problem> {
        let paging = Paging {
            sort: None,
            limit: self.limit.or(Some(MAX_LIMIT)),
            cursor: None,
            min_slot: None,
        };
        paging.limit()
    }

    pub(super) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    pub(super) const fn min_slot(&self) -> Option<u64> {
        self.min_slot
    }
}

list_params! {
    /// Filters of `/v1/events`.
    EventParams, sorts = "^-?slot$",
    {
        /// Its name, such as `JobSettled`.
        #[param(pattern = "^[A-Za-z0-9]{1,64}$")]
        name: Option<String>,
        /// The program that reported it.
        #[param(pattern = "^(registry|staking|market)$")]
        program: Option<String>,
        /// An account, wallet or mint that it names.
        #[param(format = "base58")]
        account: Option<String>,
        /// The job that it is about.
        #[param(format = "base58")]
        job: Option<String>,
        /// Its first slot.
        from_slot: Option<u64>,
        /// Its last slot.
        to_slot: Option<u64>,
    }
}

/// The name of an event that a parameter holds.
pub(super) fn name_param(name: &str) -> Result<&str, Problem> {
    let is_name = (1..=64).contains(&name.len()) && name.bytes().all(|letter| letter.is_ascii_alphanumeric());
    is_name.then_some(name).ok_or_else(|| {
        Problem::bad_request("name is none of an event: 1 to 64 letters and digits are expected, as in JobSettled")
    })
}

/// The slot that a parameter holds, as the tables keep it.
fn slot_param(name: &str, slot: u64) -> Result<i64, Problem> {
    i64::try_from(slot).map_err(|_| Problem::bad_request(format!("{name} is {slot}: no slot is above {}", i64::MAX)))
}

/// The program that a parameter names.
pub(super) fn program_param(program: &str) -> Result<&str, Problem> {
    let known = ["registry", "staking", "market"].contains(&program);
    known.then_some(program).ok_or_else(|| {
        Problem::bad_request(format!(
            "program is `{program}`: one of registry, staking, market is expected"
        ))
    })
}

/// Events, the newest first unless `sort` says otherwise. Those of slots that were pruned, or that the indexer joined
/// too late for, are not there.
#[utoipa::path(get, path = "/v1/events", tag = "events", params(EventParams),
    responses((status = 200, description = "Events", body = Envelope<Vec<Event>>), Refusals))]
pub(super) async fn events(State(api): State<Api>, Params(params): Params<EventParams>) -> Answer<Vec<Event>> {
    let paging = params.paging();
    let limit = paging.limit()?;
    let descending = match paging.sort.unwrap_or("-slot") {
        "slot" => false,
        "-slot" => true,
        sort => {
            return Err(Problem::bad_request(format!(
                "sort is `{sort}`: slot or -slot is expected"
            )));
        }
    };
    let mut select = Select::new(
        "slot, transaction_index, index, block_time, signature, program, name, data::text as data \
         from event where true",
    );
    let query = &mut select.query;
    if let Some(name) = &params.name {
        query.push(" and name = ").push_bind(name_param(name)?.to_owned());
    }
    if let Some(program) = &params.program {
        query
            .push(" and program = ")
            .push_bind(program_param(program)?.to_owned());
    }
    if let Some(account) = &params.account {
        let account = key_param("account", account)?.to_vec();
        query.push(" and accounts @> array[").push_bind(account).push("]");
    }
    if let Some(job) = &params.job {
        query.push(" and job = ").push_bind(key_param("job", job)?.to_vec());
    }
    if let Some(from) = params.from_slot {
        query.push(" and slot >= ").push_bind(slot_param("from_slot", from)?);
    }
    if let Some(to) = params.to_slot {
        query.push(" and slot <= ").push_bind(slot_param("to_slot", to)?);
    }
    if let Some(cursor) = paging.cursor {
        Place::read(cursor)?.push(query, descending);
    }
    let direction = if descending { " desc" } else { "" };
    let order = |table: &str| {
        format!("{table}.slot{direction}, {table}.transaction_index{direction}, {table}.index{direction}")
    };
    query.push(" order by ").push(order("event"));
    push_limit(query, limit);
    let rows = api.rows(select, &order("page"), paging.min_slot).await?;
    let (events, next) = cut(rows.items()?, limit, |event| Place::of(event).write());
    Ok(api.answer(rows.moment, events, next))
}
