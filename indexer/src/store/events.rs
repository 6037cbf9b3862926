//! Logged data → rows of the table `event`.

use std::collections::HashSet;

use sqlx::{PgConnection, Postgres, QueryBuilder, Row};

use crate::schema::{Schema, visit};
use crate::stream::{SealedBank, Transaction};
use crate::{Key, Signature, key};

/// Rows in one statement: ten values each, and Postgres takes 65,535.
const MAX_ROWS: usize = 4_096;

/// Where and when a transaction was executed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Executed {
    pub(crate) slot: u64,
    pub(crate) block_time: Option<i64>,
}

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
    /// The job that it is about.
    pub job: Option<Key>,
    /// Every key in it, each once.
    pub accounts: Vec<Key>,
    /// Its fields, as JSON.
    pub data: String,
}

/// The events of a bank, in order. Data that no IDL names is left out, and told.
pub(super) fn of_bank(schema: &Schema, bank: &SealedBank) -> Vec<EventRow> {
    let executed = Executed {
        slot: bank.slot,
        block_time: bank.facts.time,
    };
    let of_transaction = |transaction| of_transaction(schema, executed, transaction);
    bank.transactions.iter().flat_map(of_transaction).collect()
}

/// As [`of_bank`], of one transaction.
pub(crate) fn of_transaction(schema: &Schema, executed: Executed, transaction: &Transaction) -> Vec<EventRow> {
    let slot = executed.slot;
    let signature = key::text(&transaction.signature);
    if transaction.incomplete {
        metrics::counter!("gantry_indexer_incomplete_logs_total").increment(1);
        tracing::warn!(
            slot,
            signature,
            "the logs of a transaction were cut: its events may be missing"
        );
    }
    let mut rows = Vec::new();
    for (index, logged) in transaction.logged.iter().enumerate() {
        let mut accounts = Vec::new();
        let decoded = schema
            .event(&logged.program, &logged.data)
            .zip(schema.program_name(&logged.program));
        let data = decoded.map(|((of, mut body), _)| visit(&of.of, &mut body, &mut accounts));
        let (Some(((of, _), program)), Some(Ok(data))) = (decoded, data) else {
            metrics::counter!("gantry_indexer_unknown_events_total").increment(1);
            tracing::warn!(
                slot,
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
            slot,
            transaction_index: transaction.index,
            block_time: executed.block_time,
            program,
            name: of.name.clone(),
            job: data["job"].as_str().and_then(key::parse),
            accounts,
            data: data.to_string(),
        });
    }
    rows
}

/// Appends events; one that is there already stays as it is. Gives those that are new, in order.
pub(super) async fn insert<'a>(connection: &mut PgConnection, rows: &'a [EventRow]) -> sqlx::Result<Vec<&'a EventRow>> {
    let mut inserted: HashSet<(Vec<u8>, i32)> = HashSet::new();
    for rows in rows.chunks(MAX_ROWS) {
        let mut query = QueryBuilder::<Postgres>::new(
            "insert into event (slot, transaction_index, index, signature, block_time, program, name, job, accounts, data) ",
        );
        query.push_values(rows, |mut row, event| {
            row.push_bind(event.slot as i64)
                .push_bind(event.transaction_index as i64)
                .push_bind(event.index)
                .push_bind(event.signature.as_slice())
                .push_bind(event.block_time)
                .push_bind(event.program)
                .push_bind(event.name.as_str())
                .push_bind(event.job.as_ref().map(Key::as_slice))
                .push_bind(event.accounts.iter().map(Key::as_slice).collect::<Vec<_>>())
                .push_bind(event.data.as_str())
                .push_unseparated("::jsonb");
        });
        query.push(" on conflict (slot, signature, index) do nothing returning signature, index");
        for row in query.build().fetch_all(&mut *connection).await? {
            inserted.insert((row.try_get(0)?, row.try_get(1)?));
        }
    }
    let is_new = |row: &&EventRow| inserted.contains(&(row.signature.to_vec(), row.index));
    Ok(rows.iter().filter(is_new).collect())
}
