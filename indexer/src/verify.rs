//! Compares every row with the chain.
//!
//! All accounts are read from the chain at a finalized slot, then the tables as they were at that slot: rows that changed
//! since are taken from the undo rows. What differs even so is read again from both sides, at the newest confirmed slot,
//! until it agrees or keeps differing with nothing changing: not every endpoint answers with the state of the slot that it
//! names, and a row that was written as part of a snapshot has no undo row.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use crate::rpc::{Chain, ChainAccount, RpcError};
use crate::schema::{AccountType, Column};
use crate::store::{Store, StoreError};
use crate::{Key, key};

/// Looks in a row at which an account must differ before it counts.
const LOOKS: u32 = 3;
/// How often the checkpoint is looked at.
const PAUSE: Duration = Duration::from_millis(100);

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The chain could not be read.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The database could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tables do not get there.
    #[error("the tables are at slot {checkpoint} and have not reached slot {slot} in {} s: does the indexer run?", .waited.as_secs())]
    Behind {
        /// Where the tables are.
        checkpoint: i64,
        /// Where they have to be.
        slot: u64,
        /// How long was waited.
        waited: Duration,
    },
}

impl From<sqlx::Error> for VerifyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// One disagreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The account.
    pub address: String,
    /// The table; none for an account that no table holds.
    pub table: Option<String>,
    /// What disagrees.
    pub what: String,
}

/// What the comparison came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Finalized slot of the chain that the tables were compared at.
    pub slot: u64,
    /// Accounts that were looked at again at a confirmed slot.
    pub looked_again: usize,
    /// Open rows, as they were compared last.
    pub rows: usize,
    /// Accounts on chain.
    pub accounts: usize,
    /// Rows per table.
    pub tables: BTreeMap<String, usize>,
    /// Disagreements, none when all is well.
    pub differences: Vec<Difference>,
}

/// A row as Postgres prints it.
struct StoredRow {
    closed: bool,
    data: Vec<u8>,
    /// None for a row that is no longer what it was at the slot: only its bytes are known.
    columns: Option<Vec<Option<String>>>,
}

type Rows = BTreeMap<Key, (usize, StoredRow)>;

/// Compares all rows with the chain; waits at most `timeout` for the tables each time.
///
/// # Errors
/// Where one side cannot be read or the tables do not get to the chain's slot.
pub async fn verify(store: &Store, chain: &Chain, timeout: Duration) -> Result<Report, VerifyError> {
    let schema = store.schema();
    let mut on_chain: BTreeMap<Key, ChainAccount> = BTreeMap::new();
    let mut slots: BTreeMap<Key, u64> = BTreeMap::new();
    for program in &schema.programs {
        let state = chain.program_accounts(&program.address, 0, "finalized").await?;
        slots.insert(program.address, state.slot);
        on_chain.extend(state.value);
    }
    let slot = slots.values().copied().max().unwrap_or_default();
    wait_for(store, slot, timeout).await?;
    let mut rows = read(store, Which::At(&slots)).await?;
    let addresses: BTreeSet<Key> = on_chain.keys().chain(rows.keys()).copied().collect();
    let mut differing: BTreeMap<Key, Difference> = BTreeMap::new();
    for address in addresses {
        if let Some(difference) = compare(store, &address, on_chain.get(&address), rows.get(&address)) {
            differing.insert(address, difference);
        }
    }
    let looked_again = differing.len();
    for _ in 1..LOOKS {
        if differing.is_empty() {
            break;
        }
        differing = look_again(store, chain, &differing, &mut rows, timeout).await?;
    }
    let mut tables: BTreeMap<String, usize> = schema
        .accounts
        .iter()
        .map(|account| (account.table.clone(), 0))
        .collect();
    for (kind, row) in rows.values() {
        if let Some(count) = tables.get_mut(&schema.accounts[*kind].table).filter(|_| !row.closed) {
            *count += 1;
        }
    }
    Ok(Report {
        slot,
        looked_again,
        rows: tables.values().sum(),
        accounts: on_chain.len(),
        tables,
        differences: differing.into_values().collect(),
    })
}

/// Reads what differed from both sides again, into `rows` too. The chain is read on both sides of the tables: what it
/// changed between says nothing and is looked at until it stands still.
async fn look_again(
    store: &Store,
    chain: &Chain,
    differing: &BTreeMap<Key, Difference>,
    rows: &mut Rows,
    timeout: Duration,
) -> Result<BTreeMap<Key, Difference>, VerifyError> {
    let started = Instant::now();
    let mut addresses: Vec<Key> = differing.keys().copied().collect();
    let mut still = BTreeMap::new();
    while !addresses.is_empty() {
        let before = chain.accounts(&addresses, "confirmed").await?;
        // One slot more, so that the slot that was read in its middle is over.
        wait_for(store, before.slot + 1, timeout).await?;
        let mut now = read(store, Which::Now(&addresses)).await?;
        let after = chain.accounts(&addresses, "confirmed").await?;
        let mut moving = Vec::new();
        for ((address, before), after) in addresses.into_iter().zip(&before.value).zip(&after.value) {
            let ours = |account: &&ChainAccount| store.schema().is_program(&account.owner);
            let (before, after) = (before.as_ref().filter(ours), after.as_ref().filter(ours));
            rows.remove(&address);
            rows.extend(now.remove_entry(&address));
            if let Some(difference) = compare(store, &address, before, rows.get(&address)) {
                if before == after || started.elapsed() > timeout {
                    still.insert(address, difference);
                } else {
                    moving.push(address);
                }
            }
        }
        addresses = moving;
    }
    Ok(still)
}

async fn wait_for(store: &Store, slot: u64, timeout: Duration) -> Result<(), VerifyError> {
    let started = Instant::now();
    loop {
        let checkpoint = store.checkpoint().await?.map_or(-1, |checkpoint| checkpoint.slot);
        if u64::try_from(checkpoint).is_ok_and(|at| at >= slot) {
            return Ok(());
        }
        if started.elapsed() > timeout {
            return Err(VerifyError::Behind {
                checkpoint,
                slot,
                waited: timeout,
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Which rows are read.
#[derive(Clone, Copy)]
enum Which<'a> {
    /// All, as they were at the slot of their program.
    At(&'a BTreeMap<Key, u64>),
    /// Those at these addresses, as they are.
    Now(&'a [Key]),
}

/// The rows, at one moment.
async fn read(store: &Store, which: Which<'_>) -> Result<Rows, VerifyError> {
    let mut transaction = store.pool().begin().await?;
    sqlx::query("set transaction isolation level repeatable read read only")
        .execute(&mut *transaction)
        .await?;
    let mut rows = Rows::new();
    for (kind, account) in store.schema().accounts.iter().enumerate() {
        let columns: Vec<_> = account
            .fields
            .iter()
            .map(|field| format!("{}::text", field.name))
            .collect();
        let filter = match which {
            Which::At(_) => "",
            Which::Now(_) => " where address = any($1)",
        };
        let sql = format!(
            "select address, closed, data, {} from {}{filter}",
            columns.join(", "),
            account.table
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        if let Which::Now(addresses) = which {
            query = query.bind(addresses.iter().map(Key::as_slice).collect::<Vec<_>>());
        }
        for row in query.fetch_all(&mut *transaction).await? {
            let columns = (0..account.fields.len())
                .map(|index| row.try_get(index + 3))
                .collect::<Result<_, _>>()?;
            let stored = StoredRow {
                closed: row.try_get(1)?,
                data: row.try_get(2)?,
                columns: Some(columns),
            };
            rows.insert(address(&row, account)?, (kind, stored));
        }
        if let Which::At(slots) = which {
            let slot = slots.get(&account.program).copied().unwrap_or_default();
            go_back(&mut transaction, kind, account, slot, &mut rows).await?;
        }
    }
    Ok(rows)
}

/// Makes the rows of one table what they were at `slot`.
async fn go_back(
    connection: &mut PgConnection,
    kind: usize,
    account: &AccountType,
    slot: u64,
    rows: &mut Rows,
) -> Result<(), VerifyError> {
    let before = sqlx::query(
        "select distinct on (address) address, before_closed, before_data from undo_row \
         where account = $1 and slot > $2 order by address, slot",
    )
    .bind(&account.table)
    .bind(slot as i64)
    .fetch_all(connection)
    .await?;
    for row in before {
        let address = address(&row, account)?;
        match row.try_get::<Option<bool>, _>(1)? {
            Some(closed) => {
                let stored = StoredRow {
                    closed,
                    data: row.try_get(2)?,
                    columns: None,
                };
                rows.insert(address, (kind, stored));
            }
            None => {
                rows.remove(&address);
            }
        }
    }
    Ok(())
}

fn address(row: &PgRow, account: &AccountType) -> Result<Key, VerifyError> {
    let what = || format!("table {} has an address that has not 32 bytes", account.table);
    let bytes: &[u8] = row.try_get(0)?;
    Ok(bytes.try_into().map_err(|_| sqlx::Error::Decode(what().into()))?)
}

fn compare(
    store: &Store,
    address: &Key,
    on_chain: Option<&ChainAccount>,
    row: Option<&(usize, StoredRow)>,
) -> Option<Difference> {
    let schema = store.schema();
    let table = |kind: usize| schema.accounts[kind].table.clone();
    let kind = on_chain.map(|account| schema.account(&account.owner, &account.data));
    let (what, table) = match (on_chain, kind, row) {
        (None, _, None) => return None,
        (None, _, Some((_, row))) if row.closed => return None,
        (None, _, Some((kind, _))) => ("is open in the table and gone on chain".to_owned(), Some(table(*kind))),
        (Some(account), Some(None), _) => {
            let what = format!("is {} bytes that the IDLs do not describe", account.data.len());
            (what, row.map(|(kind, _)| table(*kind)))
        }
        (Some(_), Some(Some(kind)), None) => ("is on chain and not in the table".to_owned(), Some(table(kind))),
        (Some(account), Some(Some(kind)), Some((stored, row))) => {
            let what = if kind != *stored {
                format!("is a {} on chain", table(kind))
            } else if row.closed {
                "is closed in the table and open on chain".to_owned()
            } else {
                differing_columns(&schema.accounts[kind], &account.data, row)?
            };
            (what, Some(table(*stored)))
        }
        (Some(_), None, _) => return None,
    };
    Some(Difference {
        address: key::text(address),
        table,
        what,
    })
}

/// What of an open row is not what the account's bytes say.
fn differing_columns(account: &AccountType, data: &[u8], row: &StoredRow) -> Option<String> {
    let mut differing = Vec::new();
    if row.data != data {
        differing.push(format!(
            "data is {} and should be {}",
            hex::encode(&row.data),
            hex::encode(data)
        ));
    }
    let columns = row.columns.iter().flatten();
    for (field, stored) in account.fields.iter().zip(columns) {
        let expected = field.text(data);
        let equal = match (field.column(), stored) {
            (_, None) => false,
            // Postgres prints jsonb in its own spacing and order.
            (Column::Jsonb, Some(stored)) => {
                serde_json::from_str(stored).is_ok_and(|json: serde_json::Value| json == field.json(data))
            }
            (_, Some(stored)) => *stored == expected,
        };
        if !equal {
            differing.push(format!(
                "{} is {} and should be {expected}",
                field.name,
                stored.as_deref().unwrap_or("null")
            ));
        }
    }
    (!differing.is_empty()).then(|| differing.join("; "))
}
