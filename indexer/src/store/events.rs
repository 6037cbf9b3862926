//! Logged data → rows of the table `event`.

use sqlx::{PgConnection, Postgres, QueryBuilder};

use crate::schema::{Schema, visit};
use crate::stream::SealedBank;
use crate::{Key, Signature};

/// Rows in one statement: nine values each, and Postgres takes 65,535.
const MAX_ROWS: usize = 4_096;

/// An event, decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRow {
    /// The transaction.
    pub signature: Signature,
    /// Place in the transaction, from 0.
    pub index: i32,
    /// Slot.
    pub slot: u64,
    /// Place of the transaction in its block.
    pub transaction_index: u64,
    /// Time of the block, Unix seconds.
    pub block_time: Option<i64>,
    /// Name of the program.
    pub program: &'static str,
    /// Name of the event.
    pub name: String,
    /// Every key in it, each once.
    pub accounts: Vec<Key>,
    /// Its fields, as JSON.
    pub data: String,
}

/// The events of a bank, in order. Data that no IDL names is left out, and told.
pub(super) fn of_bank(schema: &Schema, bank: &SealedBank) -> Vec<EventRow> {
    let mut rows = Vec::new();
    for transaction in &bank.transactions {
        if transaction.incomplete {
            metrics::counter!("gantry_indexer_incomplete_logs_total").increment(1);
            tracing::warn!(
                slot = bank.slot,
                signature = crate::key::text(&transaction.signature),
                "the logs of a transaction were cut: its events may be missing"
            );
        }
        for (index, logged) in transaction.logged.iter().enumerate() {
            let mut accounts = Vec::new();
            let decoded = schema
                .event(&logged.program, &logged.data)
                .zip(schema.program_name(&logged.program));
            let data = decoded.map(|((of, mut body), _)| visit(&of.of, &mut body, &mut accounts));
            let (Some(((of, _), program)), Some(Ok(data))) = (decoded, data) else {
                metrics::counter!("gantry_indexer_unknown_events_total").increment(1);
                let signature = crate::key::text(&transaction.signature);
                tracing::warn!(
                    slot = bank.slot,
                    signature,
                    index,
                    "an event that the IDLs do not describe was left out"
                );
                continue;
            };
            accounts.sort_unstable();
            accounts.dedup();
            rows.push(EventRow {
                signature: transaction.signature,
                index: i32::try_from(index).unwrap_or(i32::MAX),
                slot: bank.slot,
                transaction_index: transaction.index,
                block_time: bank.facts.time,
                program,
                name: of.name.clone(),
                accounts,
                data: data.to_string(),
            });
        }
    }
    rows
}

/// Appends events; one that is there already stays as it is. Says how many are new.
pub(super) async fn insert(connection: &mut PgConnection, rows: &[EventRow]) -> sqlx::Result<u64> {
    let mut inserted = 0;
    for rows in rows.chunks(MAX_ROWS) {
        let mut query = QueryBuilder::<Postgres>::new(
            "insert into event (signature, index, slot, transaction_index, block_time, program, name, accounts, data) ",
        );
        query.push_values(rows, |mut row, event| {
            row.push_bind(event.signature.as_slice())
                .push_bind(event.index)
                .push_bind(event.slot as i64)
                .push_bind(event.transaction_index as i64)
                .push_bind(event.block_time)
                .push_bind(event.program)
                .push_bind(event.name.as_str())
                .push_bind(event.accounts.iter().map(Key::as_slice).collect::<Vec<_>>())
                .push_bind(event.data.as_str())
                .push_unseparated("::jsonb");
        });
        query.push(" on conflict (signature, index) do nothing");
        inserted += query.build().execute(&mut *connection).await?.rows_affected();
    }
    Ok(inserted)
}
