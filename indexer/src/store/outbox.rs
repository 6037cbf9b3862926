//! The outbox: what changed, in order, under ids without holes. Written in the transaction of the change itself.

use sqlx::PgConnection;

use super::EventRow;
use crate::{Key, Signature};

/// The channel on which a write tells its newest id.
const CHANNEL: &str = "gantry_outbox";
/// Epochs that are known at least, of those whose ids are kept.
const EPOCHS_KEPT: i64 = 1_000;
/// Rows in one statement.
const MAX_ROWS: usize = 8_192;

/// Kinds of rows; `migrations/0002_finality.sql` says what each means, and `0006_compact_undo.sql` how they share rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Account,
    Closed,
    Event,
    Undone,
    Rollback,
    Finalized,
    Snapshot,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Closed => "closed",
            Self::Event => "event",
            Self::Undone => "undone",
            Self::Rollback => "rollback",
            Self::Finalized => "finalized",
            Self::Snapshot => "snapshot",
        }
    }
}

struct Entry {
    slot: u64,
    kind: Kind,
    name: String,
    /// An id for each; none where it is about no account.
    addresses: Vec<Key>,
    event: Option<(Signature, i32)>,
}

impl Entry {
    fn count(&self) -> i64 {
        self.addresses.len().max(1) as i64
    }
}

/// The rows of one transaction.
#[derive(Default)]
pub(super) struct Outbox(Vec<Entry>);

impl Outbox {
    /// Each address is a change of its own, and has an id of its own; they share a row.
    pub(super) fn accounts(&mut self, kind: Kind, slot: u64, table: &str, addresses: Vec<Key>) {
        if !addresses.is_empty() {
            self.0.push(Entry {
                slot,
                kind,
                name: table.to_owned(),
                addresses,
                event: None,
            });
        }
    }

    pub(super) fn event(&mut self, kind: Kind, slot: u64, name: &str, signature: Signature, index: i32) {
        self.0.push(Entry {
            slot,
            kind,
            name: name.to_owned(),
            addresses: Vec::new(),
            event: Some((signature, index)),
        });
    }

    pub(super) fn events(&mut self, events: &[&EventRow]) {
        for event in events {
            self.event(Kind::Event, event.slot, &event.name, event.signature, event.index);
        }
    }

    /// What is about a slot and nothing in it.
    pub(super) fn slot(&mut self, kind: Kind, slot: u64) {
        self.0.push(Entry {
            slot,
            kind,
            name: String::new(),
            addresses: Vec::new(),
            event: None,
        });
    }

    /// Writes the rows after `last` and tells who listens; gives the newest id.
    pub(super) async fn write(mut self, connection: &mut PgConnection, last: i64) -> sqlx::Result<i64> {
        let id = self.insert(connection, last).await?;
        tell(connection, last, id).await?;
        Ok(id)
    }

    /// Writes the rows after `last` and none of them again; gives the newest id. Nobody is told.
    pub(super) async fn insert(&mut self, connection: &mut PgConnection, last: i64) -> sqlx::Result<i64> {
        let entries = std::mem::take(&mut self.0);
        let mut id = last;
        for entries in entries.chunks(MAX_ROWS) {
            let mut ids = Vec::with_capacity(entries.len());
            // Lists within a list have one length: so one list, and where the part of each row ends.
            let (mut addresses, mut ends) = (Vec::new(), Vec::with_capacity(entries.len()));
            for entry in entries {
                id += entry.count();
                ids.push(id);
                addresses.extend(entry.addresses.iter().map(Key::as_slice));
                ends.push(addresses.len() as i32);
            }
            sqlx::query(
                "insert into outbox (id, count, slot, kind, name, addresses, signature, index) \
                 select o.id, greatest(o.addresses, 1), o.slot, o.kind, o.name, \
                 case when o.addresses > 0 then ($8::bytea[])[o.last - o.addresses + 1 : o.last] end, \
                 o.signature, o.index from \
                 unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bytea[], $6::integer[], $7::integer[], \
                 $9::integer[]) as o (id, slot, kind, name, signature, index, addresses, last)",
            )
            .bind(ids)
            .bind(entries.iter().map(|entry| entry.slot as i64).collect::<Vec<_>>())
            .bind(entries.iter().map(|entry| entry.kind.name()).collect::<Vec<_>>())
            .bind(entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>())
            .bind(
                entries
                    .iter()
                    .map(|entry| entry.event.map(|(signature, _)| signature.to_vec()))
                    .collect::<Vec<_>>(),
            )
            .bind(
                entries
                    .iter()
                    .map(|entry| entry.event.map(|(_, index)| index))
                    .collect::<Vec<_>>(),
            )
            .bind(
                entries
                    .iter()
                    .map(|entry| entry.addresses.len() as i32)
                    .collect::<Vec<_>>(),
            )
            .bind(addresses)
            .bind(ends)
            .execute(&mut *connection)
            .await?;
        }
        Ok(id)
    }
}

/// Begins an epoch of the ids after `last`; gives it.
pub(super) async fn begin_epoch(connection: &mut PgConnection, last: i64) -> sqlx::Result<i64> {
    // Who starts again and again, and writes nothing, shall not fill a disk with it.
    sqlx::query(
        "delete from feed_epoch where epoch <= (select epoch from feed_epoch order by epoch desc offset $1 limit 1)",
    )
    .bind(EPOCHS_KEPT)
    .execute(&mut *connection)
    .await?;
    sqlx::query_scalar(
        "insert into feed_epoch (epoch, after) \
         select greatest((extract(epoch from clock_timestamp()) * 1000)::bigint, coalesce(max(epoch), 0) + 1), $1 \
         from feed_epoch returning epoch",
    )
    .bind(last)
    .fetch_one(connection)
    .await
}

/// Tells who listens that there is more after `last`. It takes a lock of the whole server at the commit: once per
/// transaction and no oftener.
pub(super) async fn tell(connection: &mut PgConnection, last: i64, id: i64) -> sqlx::Result<()> {
    if id > last {
        sqlx::query("select pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(id.to_string())
            .execute(connection)
            .await?;
    }
    Ok(())
}
