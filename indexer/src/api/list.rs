//! Lists: filters, order, and the walk through them a page at a time by keyset cursors.

use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row};

use super::page::{Answer, Select};
use super::{Api, Problem};
use crate::store::Numeric;
use crate::{Key, key};

/// Items of a page where the request does not say.
const DEFAULT_LIMIT: u32 = 50;
/// Most items of a page.
pub(super) const MAX_LIMIT: u32 = 500;
/// Most bytes of a cursor that any list gives.
const MAX_CURSOR: usize = 512;

/// The parameters of a list: those named, and those that every list takes.
macro_rules! list_params {
    (
        $(#[$meta:meta])*
        $name:ident, sorts = $sorts:literal,
        { $($(#[$field_meta:meta])* $field:ident: $kind:ty,)* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Default, serde::Deserialize, utoipa::IntoParams)]
        #[serde(deny_unknown_fields, default)]
        #[into_params(parameter_in = Query)]
        pub(super) struct $name {
            $($(#[$field_meta])* $field: $kind,)*
            /// Order of the list; `-` before it for descending.
            #[param(pattern = $sorts)]
            sort: Option<String>,
            /// Most items of the page; 50 where it is not given.
            #[param(minimum = 1, maximum = 500)]
            limit: Option<u32>,
            /// `next_cursor` of the page before, with the same filters and order.
            cursor: Option<String>,
            /// Wait until the data is from this slot or a later one.
            min_slot: Option<u64>,
        }

        impl $name {
            fn paging(&self) -> $crate::api::list::Paging<'_> {
                $crate::api::list::Paging {
                    sort: self.sort.as_deref(),
                    limit: self.limit,
                    cursor: self.cursor.as_deref(),
                    min_slot: self.min_slot,
                }
            }
        }
    };
}
pub(super) use list_params;

/// Where a page begins, how long it is, and in which order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paging<'a> {
    pub(super) sort: Option<&'a str>,
    pub(super) limit: Option<u32>,
    pub(super) cursor: Option<&'a str>,
    pub(super) min_slot: Option<u64>,
}

impl Paging<'_> {
    pub(super) fn limit(&self) -> Result<u32, Problem> {
        match self.limit.unwrap_or(DEFAULT_LIMIT) {
            limit @ 1..=MAX_LIMIT => Ok(limit),
            limit => Err(Problem::bad_request(format!(
                "limit is {limit}: it must be from 1 to {MAX_LIMIT}"
            ))),
        }
    }
}

/// What a list can be ordered by besides its address: an integer column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column {
    /// `smallint`, `integer` or `bigint`.
    Integer(&'static str),
    /// `numeric`.
    Numeric(&'static str),
}

impl Column {
    const fn name(self) -> &'static str {
        match self {
            Self::Integer(name) | Self::Numeric(name) => name,
        }
    }
}

/// The rows of a list: what `select` takes of them and where they are. The table is `t`, and it has an `address`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    pub(super) columns: &'static str,
    pub(super) from: &'static str,
    /// What it can be ordered by besides `address`.
    pub(super) sorts: &'static [Column],
    /// The order where the request does not say.
    pub(super) default: &'static str,
}

/// A row and where it is in its list.
struct Placed<T> {
    item: T,
    value: String,
    address: String,
}

impl<'r, T: FromRow<'r, PgRow>> FromRow<'r, PgRow> for Placed<T> {
    fn from_row(row: &'r PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            item: T::from_row(row)?,
            value: row.try_get("sort_value")?,
            address: row.try_get::<&[u8], _>("address").map(key::text)?,
        })
    }
}

/// A page of a list on its way.
pub(super) struct Listing {
    select: Select,
    sort: String,
    column: Option<Column>,
    descending: bool,
    limit: u32,
    min_slot: Option<u64>,
}

impl Listing {
    /// Begins the page of `source` that `paging` asks for; conditions may be pushed to its query.
    pub(super) fn of(source: &Source, paging: &Paging<'_>) -> Result<Self, Problem> {
        let limit = paging.limit()?;
        let sort = paging.sort.unwrap_or(source.default);
        let (name, descending) = sort.strip_prefix('-').map_or((sort, false), |name| (name, true));
        let column = source.sorts.iter().copied().find(|column| column.name() == name);
        if column.is_none() && name != "address" {
            let names: Vec<_> = source.sorts.iter().map(|column| column.name()).collect();
            return Err(Problem::bad_request(format!(
                "sort is `{sort}`: address{}{} is expected, with or without `-` before it",
                if names.is_empty() { "" } else { " or one of " },
                names.join(", ")
            )));
        }
        let mut select = Select::new(source.columns);
        let query = &mut select.query;
        query.push(", ");
        match column {
            Some(column) => query.push("t.").push(column.name()).push("::text"),
            None => query.push("''"),
        };
        query.push(" as sort_value from ").push(source.from);
        let order = if descending { " < (" } else { " > (" };
        if let Some(cursor) = paging.cursor {
            let (of, value, address): (String, String, String) = read_cursor(cursor)?;
            let address = key::parse(&address).filter(|_| of == sort).ok_or_else(bad_cursor)?;
            match column {
                Some(column) => {
                    query
                        .push(" and (t.")
                        .push(column.name())
                        .push(", t.address)")
                        .push(order);
                    match column {
                        Column::Integer(_) => query.push_bind(number::<i64>(&value)?),
                        Column::Numeric(_) => query.push_bind(Numeric(number(&value)?)),
                    };
                    query.push(", ");
                }
                None => {
                    query.push(" and t.address").push(order);
                }
            }
            query.push_bind(address.to_vec()).push(")");
        }
        Ok(Self {
            select,
            sort: sort.to_owned(),
            column,
            descending,
            limit,
            min_slot: paging.min_slot,
        })
    }

    /// Reads the page.
    pub(super) async fn answer<T>(mut self, api: &Api) -> Answer<Vec<T>>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let direction = if self.descending { " desc" } else { "" };
        let order = |table: &str| match self.column {
            Some(column) => format!("{table}.{}{direction}, {table}.address{direction}", column.name()),
            None => format!("{table}.address{direction}"),
        };
        let query = &mut self.select.query;
        query.push(" order by ").push(order("t"));
        push_limit(query, self.limit);
        let page = api.rows(self.select, &order("page"), self.min_slot).await?;
        let rows: Vec<Placed<T>> = page.items()?;
        let (rows, next) = cut(rows, self.limit, |row| {
            write_cursor(&(&self.sort, &row.value, &row.address))
        });
        let items = rows.into_iter().map(|row| row.item).collect();
        Ok(api.answer(page.moment, items, next))
    }

    /// The query, for conditions.
    pub(super) fn query(&mut self) -> &mut QueryBuilder<Postgres> {
        &mut self.select.query
    }

    /// Adds `column = key` where the parameter is given.
    pub(super) fn with_key(&mut self, column: &'static str, name: &str, text: Option<&String>) -> Result<(), Problem> {
        if let Some(text) = text {
            let key = key_param(name, text)?;
            let query = self.query().push(" and ").push(column).push(" = ");
            query.push_bind(key.to_vec());
        }
        Ok(())
    }
}

/// Answers with the one row of `source` at `address`.
pub(super) async fn one<T>(api: &Api, source: &Source, what: &str, address: &str, min_slot: Option<u64>) -> Answer<T>
where
    T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let bytes = key_param("address", address)?;
    let mut select = Select::new(source.columns);
    select.query.push(" from ").push(source.from);
    select.query.push(" and t.address = ").push_bind(bytes.to_vec());
    let rows = api.rows(select, "", min_slot).await?;
    let item = rows.items()?.pop();
    let item = item.ok_or_else(|| Problem::not_found(format!("there is no {what} {address}")))?;
    Ok(api.answer(rows.moment, item, None))
}

/// The key that a parameter holds.
pub(super) fn key_param(name: &str, text: &str) -> Result<Key, Problem> {
    key::parse(text).ok_or_else(|| Problem::bad_request(format!("{name} is `{text}`: 32 bytes in base58 are expected")))
}

/// The country that a parameter holds.
pub(super) fn country_param(text: &str) -> Result<String, Problem> {
    if text.len() == 2 && text.bytes().all(|letter| letter.is_ascii_alphabetic()) {
        return Ok(text.to_ascii_uppercase());
    }
    Err(Problem::bad_request(
        "country is no code of two letters (ISO 3166-1 alpha-2)",
    ))
}

/// The byte that a status is, from its name.
pub(super) fn status_param(names: &[&str], text: &str) -> Result<i16, Problem> {
    let found = names
        .iter()
        .position(|name| *name == text)
        .and_then(|status| i16::try_from(status).ok());
    found.ok_or_else(|| Problem::bad_request(format!("status is `{text}`: one of {} is expected", names.join(", "))))
}

/// The page's items and the cursor of the next: `items` is one more than `limit` where there is a next page.
pub(super) fn cut<T>(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| more).map(cursor);
    (items, next)
}

/// Adds the limit of a page, and one for whether there is a next one. It is written out, so that the plan which Postgres
/// keeps is one for few rows; it assumes a tenth of the table for a limit that it does not know.
pub(super) fn push_limit(query: &mut QueryBuilder<Postgres>, limit: u32) {
    query.push(" limit ").push(u64::from(limit) + 1);
}

/// A place in a list, for nobody to read.
pub(super) fn write_cursor(place: &impl Serialize) -> String {
    // A tuple of text and numbers is always JSON.
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

/// The place that a cursor stands for.
pub(super) fn read_cursor<T: DeserializeOwned>(cursor: &str) -> Result<T, Problem> {
    let bytes = Some(cursor)
        .filter(|cursor| cursor.len() <= MAX_CURSOR)
        .and_then(|cursor| BASE64_URL_SAFE_NO_PAD.decode(cursor).ok());
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(bad_cursor)
}

fn number<T: FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| bad_cursor())
}

pub(super) fn bad_cursor() -> Problem {
    Problem::bad_request(
        "cursor is none that this list gave in this order: leave it out to begin at the start, and keep `sort` as it was",
    )
}
