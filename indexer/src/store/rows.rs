//! Accounts → rows → one guarded `UNNEST` upsert per table.

use std::collections::BTreeMap;

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::encode::{RowType, Rows};
use crate::Key;
use crate::schema::{AccountType, Schema};

/// Rows in one statement: bounds what is held twice, as values and as the statement's bytes.
const MAX_ROWS: usize = 8_192;
/// What is written is the first statements of a block for a table, what is closed the one after them.
const CLOSING_PART: i16 = i16::MAX;

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

/// Rows of one table, ready to be written.
#[derive(Clone, Debug)]
pub(super) struct Encoded {
    /// In order.
    addresses: Vec<Key>,
    rows: Rows,
}

impl Encoded {
    pub(super) const fn len(&self) -> usize {
        self.addresses.len()
    }

    /// About how many bytes it holds.
    pub(super) const fn size(&self) -> usize {
        self.rows.size() + self.len() * 32
    }
}

/// The statements for one table.
#[derive(Debug)]
pub(super) struct Table {
    name: String,
    row: RowType,
    upsert: String,
    upsert_with_way_back: String,
    restore: String,
    close: String,
    close_with_way_back: String,
    vanish: String,
}

/// Keeps what the rows that `{rows}` selects are before they change.
fn remember(rows: &str) -> String {
    format!(
        "insert into undo (slot, account, part, address, before_slot, before_write_version, before_closed, before_data) \
         select {rows} having count(*) > 0"
    )
}

/// The guarded upsert: rows that are newer than what the table holds replace it, and rows that it lacks are added.
///
/// The writer is the only one, so it looks a row up once and goes where it found it. `on conflict` would look it up in
/// the index again, and lock the row (and say so in the log) before it changes it. Should somebody else write after all,
/// the row is not where it was or the key is there already: the first adds up to less than was asked for and the second
/// is an error; nothing is overwritten.
fn upsert(table: &str, columns: &[&str], updates: &str, way_back: bool) -> String {
    let columns = columns.join(", ");
    // A statement sees the tables as they were before it, in all of its parts.
    let (before, kept) = if way_back {
        let lists = "array_agg(address), array_agg(before_slot), array_agg(before_write_version), \
                     array_agg(before_closed), array_agg(before_data)";
        (
            "t.slot as before_slot, t.write_version as before_write_version, t.closed as before_closed, \
             t.data as before_data, ",
            format!(
                "kept as ({}), ",
                remember(&format!("$3, '{table}', $4, {lists} from found"))
            ),
        )
    } else {
        ("", String::new())
    };
    format!(
        "with found as materialized (select t.ctid as place, {before}u.* from unnest($2::\"{table}\"[]) as u \
         left join {table} t on t.address = u.address \
         where t.address is null or (u.slot, u.write_version) > (t.slot, t.write_version)), {kept}\
         changed as (update {table} as t set {updates} from found f where t.ctid = f.place returning t.address), \
         added as (insert into {table} (address, {columns}) select address, {columns} from found where place is null \
         returning address), \
         written as (select address from changed union all select address from added) {WRITTEN}"
    )
}

/// The columns of `undo` that are lists.
const LISTS: &str =
    "array_agg(u.address), array_agg(t.slot), array_agg(t.write_version), array_agg(t.closed), array_agg(t.data)";

/// What was written, in order; null where it was all of `$1`: that needs no telling.
const WRITTEN: &str =
    "select count(*), case when count(*) < $1 then array_agg(address order by address) end from written";

impl Table {
    /// # Errors
    /// Where Postgres does not answer, or the table has another column than the account has fields.
    pub(super) async fn read(connection: &mut PgConnection, account: &AccountType) -> sqlx::Result<Self> {
        let row = RowType::read(connection, account).await?;
        let table = &account.table;
        let columns: Vec<_> = ["slot", "write_version", "closed", "data"]
            .into_iter()
            .chain(account.fields.iter().map(|field| field.name.as_str()))
            .collect();
        let updates = |from: &str| {
            let updates = columns.iter().map(|name| format!("{name} = {from}.{name}"));
            updates.collect::<Vec<_>>().join(", ")
        };
        let close = format!(
            "written as (update {table} as t set closed = true, slot = u.slot, write_version = {CLOSING} \
             from unnest($2::bytea[], $3::bigint[]) as u (address, slot) \
             where t.address = u.address and (t.slot, t.write_version) < (u.slot, {CLOSING}) returning t.address) {WRITTEN}"
        );
        let before_closing = remember(&format!(
            "$4, '{table}', {CLOSING_PART}, {LISTS} from unnest($2::bytea[], $3::bigint[]) as u (address, slot) \
             join {table} t on t.address = u.address where (t.slot, t.write_version) < (u.slot, {CLOSING})"
        ));
        let vanish = format!(
            "update {table} as t set closed = true, slot = $2, write_version = 0 \
             where not t.closed and t.slot < $2 \
             and not exists (select from unnest($1::bytea[]) as u(address) where u.address = t.address) \
             returning t.address"
        );
        Ok(Self {
            name: table.clone(),
            row,
            upsert: upsert(table, &columns, &updates("f"), false),
            upsert_with_way_back: upsert(table, &columns, &updates("f"), true),
            restore: format!(
                "insert into {table} as t select u.* from unnest($1::\"{table}\"[]) as u \
                 on conflict (address) do update set {}",
                updates("excluded")
            ),
            close: format!("with {close}"),
            close_with_way_back: format!("with before as ({before_closing}), {close}"),
            vanish,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Makes the rows ready, some in each statement.
    pub(super) fn encode(&self, account: &AccountType, rows: &BTreeMap<Key, Row<'_>>) -> Vec<Encoded> {
        let rows: Vec<_> = rows.iter().collect();
        let encode = |rows: &[(&Key, &Row<'_>)]| Encoded {
            addresses: rows.iter().map(|(address, _)| **address).collect(),
            rows: self
                .row
                .encode(account, rows.iter().map(|(address, row)| (*address, *row, false))),
        };
        rows.chunks(MAX_ROWS).map(encode).collect()
    }

    /// Writes the rows that are newer than what the table holds, and says which were. With `way_back`, all of them are of
    /// that slot, the statement is the block's `part`th of this table, and what was there before is kept.
    pub(super) async fn upsert(
        &self,
        connection: &mut PgConnection,
        rows: &Encoded,
        way_back: Option<(u64, i16)>,
    ) -> sqlx::Result<Vec<Key>> {
        let sql = if way_back.is_some() {
            &self.upsert_with_way_back
        } else {
            &self.upsert
        };
        let mut query = sqlx::query(AssertSqlSafe(sql.clone()))
            .bind(rows.len() as i64)
            .bind(&rows.rows);
        if let Some((slot, part)) = way_back {
            query = query.bind(slot as i64).bind(part);
        }
        written(&query.fetch_one(connection).await?, &rows.addresses)
    }

    /// Makes rows what they were, whatever they are.
    pub(super) async fn restore(
        &self,
        connection: &mut PgConnection,
        account: &AccountType,
        rows: &BTreeMap<Key, (Row<'_>, bool)>,
    ) -> sqlx::Result<()> {
        let rows: Vec<_> = rows.iter().collect();
        for rows in rows.chunks(MAX_ROWS) {
            let rows = rows.iter().map(|(address, (row, closed))| (*address, row, *closed));
            let rows = self.row.encode(account, rows);
            sqlx::query(AssertSqlSafe(self.restore.clone()))
                .bind(&rows)
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }

    /// Marks accounts closed that were closed in a slot; says which the table holds. With `way_back`, all of them are of
    /// that slot, and what was there before is kept.
    pub(super) async fn close(
        &self,
        connection: &mut PgConnection,
        closed: &BTreeMap<Key, u64>,
        way_back: Option<u64>,
    ) -> sqlx::Result<Vec<Key>> {
        let addresses: Vec<Key> = closed.keys().copied().collect();
        let sql = if way_back.is_some() {
            &self.close_with_way_back
        } else {
            &self.close
        };
        let mut query = sqlx::query(AssertSqlSafe(sql.clone()))
            .bind(addresses.len() as i64)
            .bind(slices(&addresses))
            .bind(closed.values().map(|slot| *slot as i64).collect::<Vec<_>>());
        if let Some(slot) = way_back {
            query = query.bind(slot as i64);
        }
        written(&query.fetch_one(connection).await?, &addresses)
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
        let rows = query.fetch_all(connection).await?;
        let mut addresses = rows.iter().map(address).collect::<sqlx::Result<Vec<_>>>()?;
        addresses.sort_unstable();
        Ok(addresses)
    }
}

/// What [`WRITTEN`] says.
fn written(row: &PgRow, all: &[Key]) -> sqlx::Result<Vec<Key>> {
    if row.try_get::<i64, _>(0)? as usize == all.len() {
        return Ok(all.to_vec());
    }
    let some: Option<Vec<Vec<u8>>> = row.try_get(1)?;
    some.unwrap_or_default().iter().map(|bytes| key(bytes)).collect()
}

fn slices(keys: &[Key]) -> Vec<&[u8]> {
    keys.iter().map(Key::as_slice).collect()
}

/// The first column, a key.
pub(super) fn address(row: &PgRow) -> sqlx::Result<Key> {
    key(row.try_get(0)?)
}

fn key(bytes: &[u8]) -> sqlx::Result<Key> {
    bytes
        .try_into()
        .map_err(|_| sqlx::Error::Decode("an address that has not 32 bytes".into()))
}
