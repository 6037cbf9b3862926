//! The outbox: what changed, in order, under ids without holes. Written in the transaction of the change itself.

use sqlx::PgConnection;

use super::EventRow;
use crate::{Key, Signature};

/// The channel on which a write tells its newest id.
const CHANNEL: &str = "gantry_outbox";
/// Rows in one statement.
const MAX_ROWS: usize = 8_192;

/// Kinds of rows; `migrations/0002_finality.sql` says what each means.
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
    address: Option<Key>,
    event: Option<(Signature, i32)>,
}

/// The rows of one transaction.
#[derive(Default)]
pub(super) struct Outbox(Vec<Entry>);

impl Outbox {
    pub(super) fn accounts(&mut self, kind: Kind, slot: impl Fn(&Key) -> u64, table: &str, addresses: &[Key]) {
        self.0.extend(addresses.iter().map(|address| Entry {
            slot: slot(address),
            kind,
            name: table.to_owned(),
            address: Some(*address),
            event: None,
        }));
    }

    pub(super) fn event(&mut self, kind: Kind, slot: u64, name: &str, signature: Signature, index: i32) {
        self.0.push(Entry {
            slot,
            kind,
            name: name.to_owned(),
            address: None,
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
            address: None,
            event: None,
        });
    }

    /// Writes the rows after `last`; gives the newest id.
    pub(super) async fn write(self, connection: &mut PgConnection, last: i64) -> sqlx::Result<i64> {
        let mut id = last;
        for entries in self.0.chunks(MAX_ROWS) {
            let ids: Vec<i64> = (id + 1..).take(entries.len()).collect();
            id += entries.len() as i64;
            sqlx::query(
                "insert into outbox (id, slot, kind, name, address, signature, index) select * from \
                 unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bytea[], $6::bytea[], $7::integer[])",
            )
            .bind(ids)
            .bind(entries.iter().map(|entry| entry.slot as i64).collect::<Vec<_>>())
            .bind(entries.iter().map(|entry| entry.kind.name()).collect::<Vec<_>>())
            .bind(entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>())
            .bind(
                entries
                    .iter()
                    .map(|entry| entry.address.map(|address| address.to_vec()))
                    .collect::<Vec<_>>(),
            )
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
            .execute(&mut *connection)
            .await?;
        }
        if id > last {
            // It takes a lock of the whole server at the commit: once per transaction and no oftener.
            sqlx::query("select pg_notify($1, $2)")
                .bind(CHANNEL)
                .bind(id.to_string())
                .execute(&mut *connection)
                .await?;
        }
        Ok(id)
    }
}
