//! What the tables hold before the first slot, and whether they hold what was sent after the last.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, ensure};
use gantry_indexer::Key;
use gantry_indexer::schema::{Column, Schema};
use gantry_indexer::store::{ProgramState, Snapshot, Store};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::script::{BASE_SLOT, GENESIS, Plan, Script};
use crate::workload::{Account, Kind, Workload};

/// Rows of each table whose columns are compared too, not only their bytes.
const COLUMNS_OF: i64 = 200;

/// Writes the accounts that are there before the first slot.
///
/// # Errors
/// Where the database does not take them.
pub async fn fill(store: &Store, population: usize) -> Result<()> {
    let mut programs: BTreeMap<Key, Vec<(Key, Vec<u8>)>> = BTreeMap::new();
    let workload = Workload {
        population,
        per_slot: 0,
    };
    for account in workload.before().chain([Workload::marker()]) {
        let of_program = programs.entry(account.owner).or_default();
        of_program.push((account.address, account.data));
    }
    let state = |(program, accounts)| ProgramState {
        program,
        slot: BASE_SLOT,
        accounts,
    };
    let snapshot = Snapshot {
        programs: programs.into_iter().map(state).collect(),
        checkpoint: BASE_SLOT,
        gap: None,
        abandoned_after: None,
    };
    store.write_snapshot(&snapshot, GENESIS).await?;
    Ok(())
}

/// Accounts whose rows are not what was sent last of them, and rows of accounts that were never sent.
///
/// # Errors
/// Where the database does not answer, or a column is not what its account's bytes say.
pub async fn lost(connection: &mut PgConnection, schema: &Schema, plan: Plan) -> Result<u64> {
    let expected = expected(plan);
    let (mut right, mut wrong) = (0, 0);
    for kind in Kind::all() {
        let sql = format!(
            "select address, slot, write_version, closed, data from {}",
            kind.table()
        );
        for row in sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut *connection).await? {
            let address: Key = row.try_get::<&[u8], _>(0)?.try_into()?;
            let found = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
            let data: &[u8] = row.try_get(4)?;
            let sent = expected.get(&address);
            let is_right = sent.is_some_and(|((slot, version), account)| {
                (*slot, *version, false) == found && account.kind == kind && data == account.data
            });
            if is_right {
                right += 1;
            } else {
                wrong += 1;
            }
        }
        check_columns(connection, schema, kind).await?;
    }
    // A row that is wrong is of an account that is not right.
    Ok(wrong.max((expected.len() as u64).saturating_sub(right)))
}

async fn check_columns(connection: &mut PgConnection, schema: &Schema, kind: Kind) -> Result<()> {
    let of_kind = schema.accounts.iter().find(|account| account.table == kind.table());
    let account = of_kind.context("the schema has no such table")?;
    let columns = account.fields.iter().map(|field| format!("{}::text", field.name));
    let sql = format!(
        "select data, {} from {} order by slot desc limit {COLUMNS_OF}",
        columns.collect::<Vec<_>>().join(", "),
        kind.table()
    );
    for row in sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await? {
        let data: &[u8] = row.try_get(0)?;
        for (place, field) in account.fields.iter().enumerate() {
            let found: &str = row.try_get(place + 1)?;
            let sent = field.text(data);
            let same = match field.column() {
                Column::Jsonb => serde_json::from_str::<serde_json::Value>(found)? == field.json(data),
                _ => found == sent,
            };
            ensure!(
                same,
                "{}.{} is {found}, and was sent as {sent}",
                kind.table(),
                field.name
            );
        }
    }
    Ok(())
}

type Version = (i64, i64);

/// By address: the newest version that was sent, and its bytes.
fn expected(plan: Plan) -> HashMap<Key, (Version, Account)> {
    let (workload, script) = (plan.workload(), Script::new(plan));
    let marker = [Workload::marker()];
    let before = workload.before().chain(marker);
    let mut expected: HashMap<Key, (Version, Account)> = before
        .map(|account| (account.address, ((BASE_SLOT as i64, 0), account)))
        .collect();
    for slot in 0..plan.slots {
        let number = (BASE_SLOT + 1 + slot as u64) as i64;
        let accounts = (0..plan.per_slot).map(|place| (place, workload.written(slot, place)));
        for (place, account) in accounts.chain([(plan.per_slot, Workload::marker_at(slot))]) {
            let version = (number, script.write_version(slot, place) as i64);
            expected.insert(account.address, (version, account));
        }
    }
    expected
}
