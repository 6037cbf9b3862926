//! Accounts → columns → one guarded `UNNEST` upsert per table.

use std::collections::BTreeMap;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Row as _};

use super::Numeric;
use crate::Key;
use crate::schema::{AccountType, Column, Field, Schema, country, unsigned};

/// Rows in one statement: bounds what is held twice, as values and as the statement's bytes.
const MAX_ROWS: usize = 8_192;

/// The version of a row that a closing writes: nothing of the same slot comes after it.
pub(super) const CLOSING: i64 = i64::MAX;

/// The newest state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Slot of the write.
    pub slot: u64,
    /// Version of the write within its validator.
    pub write_version: u64,
    /// The account's bytes.
    pub data: &'a [u8],
}

/// Accounts by table and address, each once, and the newest closing of accounts.
#[derive(Debug, Default)]
pub struct Fold<'a> {
    /// By index of the account type.
    pub rows: BTreeMap<usize, BTreeMap<Key, Row<'a>>>,
    /// The slot in which an account was last closed.
    pub closed: BTreeMap<Key, u64>,
    /// Accounts of the programs that no table holds, with the slot of the write.
    pub unknown: BTreeMap<Key, u64>,
}

impl<'a> Fold<'a> {
    /// Adds a write; keeps the newest of each account.
    pub fn write(&mut self, schema: &Schema, owner: &Key, address: Key, row: Row<'a>) {
        let Some(kind) = schema.account(owner, row.data) else {
            self.unknown.insert(address, row.slot);
            return;
        };
        let held = self.rows.entry(kind).or_default().entry(address).or_insert(row);
        if (held.slot, held.write_version) < (row.slot, row.write_version) {
            *held = row;
        }
    }

    /// Adds a closing; keeps the newest of each account.
    pub fn close(&mut self, address: Key, slot: u64) {
        let held = self.closed.entry(address).or_default();
        *held = slot.max(*held);
    }
}

/// The statements for one table.
#[derive(Debug)]
pub(super) struct Table {
    name: String,
    upsert: String,
    remember: String,
    restore: String,
    close: String,
    remember_close: String,
    vanish: String,
}

/// Columns of `undo` that hold the row before.
const BEFORE: &str = "before_slot, before_write_version, before_closed, before_data";

impl Table {
    pub(super) fn new(account: &AccountType) -> Self {
        let table = &account.table;
        let names: Vec<_> = account.fields.iter().map(|field| field.name.as_str()).collect();
        let columns = names.join(", ");
        let (mut values, mut arrays, mut aliases, mut updates) =
            (String::new(), String::new(), String::new(), String::new());
        for (index, field) in account.fields.iter().enumerate() {
            let column = field.column();
            let (number, name) = (index + 6, &field.name);
            // A list cannot be an element of an array of lists of another length, so jsonb travels as text.
            let (wire, cast) = if column == Column::Jsonb {
                ("text", "::jsonb")
            } else {
                (column.sql(), "")
            };
            values.push_str(&format!(", u.c{number}{cast}"));
            arrays.push_str(&format!(", ${number}::{wire}[]"));
            aliases.push_str(&format!(", c{number}"));
            updates.push_str(&format!(", {name} = excluded.{name}"));
        }
        let restore = format!(
            "insert into {table} as t (address, slot, write_version, closed, data, {columns}) \
             select u.address, u.slot, u.write_version, u.closed, u.data{values} \
             from unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[], $5::boolean[]{arrays}) \
             as u(address, slot, write_version, data, closed{aliases}) \
             on conflict (address) do update set slot = excluded.slot, write_version = excluded.write_version, \
             closed = excluded.closed, data = excluded.data{updates}"
        );
        let upsert = format!(
            "{restore} where (excluded.slot, excluded.write_version) > (t.slot, t.write_version) returning t.address"
        );
        let remember = format!(
            "insert into undo (slot, account, address, {BEFORE}) \
             select u.slot, '{table}', u.address, t.slot, t.write_version, t.closed, t.data \
             from unnest($1::bytea[], $2::bigint[], $3::bigint[]) as u(address, slot, write_version) \
             left join {table} t on t.address = u.address \
             where t.address is null or (u.slot, u.write_version) > (t.slot, t.write_version) on conflict do nothing"
        );
        let close = format!(
            "update {table} as t set closed = true, slot = u.slot, write_version = {CLOSING} \
             from unnest($1::bytea[], $2::bigint[]) as u(address, slot) \
             where t.address = u.address and (t.slot, t.write_version) < (u.slot, {CLOSING}) returning t.address"
        );
        let remember_close = format!(
            "insert into undo (slot, account, address, {BEFORE}) \
             select u.slot, '{table}', t.address, t.slot, t.write_version, t.closed, t.data \
             from unnest($1::bytea[], $2::bigint[]) as u(address, slot) join {table} t on t.address = u.address \
             where (t.slot, t.write_version) < (u.slot, {CLOSING}) on conflict do nothing"
        );
        let vanish = format!(
            "update {table} as t set closed = true, slot = $2, write_version = 0 \
             where not t.closed and t.slot < $2 \
             and not exists (select from unnest($1::bytea[]) as u(address) where u.address = t.address) \
             returning t.address"
        );
        Self {
            name: table.clone(),
            upsert,
            remember,
            restore,
            close,
            remember_close,
            vanish,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Keeps what the rows are before [`upsert`](Self::upsert) changes them.
    pub(super) async fn remember(
        &self,
        connection: &mut PgConnection,
        rows: &BTreeMap<Key, Row<'_>>,
    ) -> sqlx::Result<()> {
        let query = sqlx::query(AssertSqlSafe(self.remember.clone()))
            .bind(rows.keys().map(Key::as_slice).collect::<Vec<_>>())
            .bind(rows.values().map(|row| row.slot as i64).collect::<Vec<_>>())
            .bind(rows.values().map(|row| row.write_version as i64).collect::<Vec<_>>());
        query.execute(connection).await?;
        Ok(())
    }

    /// Keeps what the rows are before [`close`](Self::close) changes them.
    pub(super) async fn remember_close(
        &self,
        connection: &mut PgConnection,
        closed: &BTreeMap<Key, u64>,
    ) -> sqlx::Result<()> {
        let query = sqlx::query(AssertSqlSafe(self.remember_close.clone()))
            .bind(closed.keys().map(Key::as_slice).collect::<Vec<_>>())
            .bind(closed.values().map(|slot| *slot as i64).collect::<Vec<_>>());
        query.execute(connection).await?;
        Ok(())
    }

    /// Makes rows what they were, whatever they are.
    pub(super) async fn restore(
        &self,
        connection: &mut PgConnection,
        account: &AccountType,
        rows: &BTreeMap<Key, (Row<'_>, bool)>,
    ) -> sqlx::Result<()> {
        let rows: Vec<_> = rows
            .iter()
            .map(|(address, (row, closed))| (address, row, *closed))
            .collect();
        for rows in rows.chunks(MAX_ROWS) {
            self.bind_all(&self.restore, account, rows)
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }

    fn bind_all<'q>(&self, sql: &str, account: &AccountType, rows: &[(&Key, &Row<'q>, bool)]) -> Query_<'q> {
        let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()))
            .bind(rows.iter().map(|(address, ..)| address.to_vec()).collect::<Vec<_>>())
            .bind(rows.iter().map(|(_, row, _)| row.slot as i64).collect::<Vec<_>>())
            .bind(
                rows.iter()
                    .map(|(_, row, _)| row.write_version as i64)
                    .collect::<Vec<_>>(),
            )
            .bind(rows.iter().map(|(_, row, _)| row.data).collect::<Vec<_>>())
            .bind(rows.iter().map(|(.., closed)| *closed).collect::<Vec<_>>());
        for field in &account.fields {
            query = bind(query, field, rows);
        }
        query
    }

    /// Writes the rows that are newer than what the table holds; says which were.
    pub(super) async fn upsert(
        &self,
        connection: &mut PgConnection,
        account: &AccountType,
        rows: &BTreeMap<Key, Row<'_>>,
    ) -> sqlx::Result<Vec<Key>> {
        let rows: Vec<_> = rows.iter().map(|(address, row)| (address, row, false)).collect();
        let mut written = Vec::new();
        for rows in rows.chunks(MAX_ROWS) {
            let query = self.bind_all(&self.upsert, account, rows);
            written.extend(addresses(&query.fetch_all(&mut *connection).await?)?);
        }
        written.sort_unstable();
        Ok(written)
    }

    /// Marks accounts closed that were closed in a slot; says which the table holds.
    pub(super) async fn close(
        &self,
        connection: &mut PgConnection,
        closed: &BTreeMap<Key, u64>,
    ) -> sqlx::Result<Vec<Key>> {
        let query = sqlx::query(AssertSqlSafe(self.close.clone()))
            .bind(closed.keys().map(Key::as_slice).collect::<Vec<_>>())
            .bind(closed.values().map(|slot| *slot as i64).collect::<Vec<_>>());
        addresses(&query.fetch_all(connection).await?)
    }

    /// Marks every account closed that a snapshot at `slot` does not have; says which.
    pub(super) async fn vanish(
        &self,
        connection: &mut PgConnection,
        present: &[&[u8]],
        slot: u64,
    ) -> sqlx::Result<Vec<Key>> {
        let query = sqlx::query(AssertSqlSafe(self.vanish.clone()))
            .bind(present)
            .bind(slot as i64);
        addresses(&query.fetch_all(connection).await?)
    }
}

/// The first column, in order.
fn addresses(rows: &[PgRow]) -> sqlx::Result<Vec<Key>> {
    let mut addresses = rows.iter().map(address).collect::<sqlx::Result<Vec<_>>>()?;
    addresses.sort_unstable();
    Ok(addresses)
}

/// The first column, a key.
pub(super) fn address(row: &PgRow) -> sqlx::Result<Key> {
    let bytes: &[u8] = row.try_get(0)?;
    bytes
        .try_into()
        .map_err(|_| sqlx::Error::Decode("an address that has not 32 bytes".into()))
}

type Query_<'q> = Query<'q, Postgres, PgArguments>;

/// Binds one column of all rows.
fn bind<'q>(query: Query_<'q>, field: &Field, rows: &[(&Key, &Row<'q>, bool)]) -> Query_<'q> {
    let data = || rows.iter().map(|(_, row, _)| row.data);
    match field.column() {
        Column::Bytea => query.bind(data().map(|data| field.bytes(data)).collect::<Vec<_>>()),
        Column::Text => query.bind(data().map(|data| country(field.bytes(data))).collect::<Vec<_>>()),
        Column::Boolean => query.bind(data().map(|data| field.bytes(data)[0] != 0).collect::<Vec<_>>()),
        Column::Smallint => query.bind(data().map(|data| field.integer(data) as i16).collect::<Vec<_>>()),
        Column::Integer => query.bind(data().map(|data| field.integer(data) as i32).collect::<Vec<_>>()),
        Column::Bigint => query.bind(data().map(|data| field.integer(data)).collect::<Vec<_>>()),
        Column::Numeric => query.bind(
            data()
                .map(|data| Numeric(unsigned(field.bytes(data))))
                .collect::<Vec<_>>(),
        ),
        Column::Jsonb => query.bind(data().map(|data| field.json(data).to_string()).collect::<Vec<_>>()),
    }
}
