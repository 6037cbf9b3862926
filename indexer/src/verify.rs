//! Compares every row with the chain.
//!
//! All accounts are read from the chain, then the tables once their checkpoint has passed that slot. Accounts change
//! meanwhile, so what differs is read again from both sides until it agrees or keeps differing with nothing changing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::Serialize;
use sqlx::{AssertSqlSafe, Row};

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
    /// Slot of the chain that the tables were compared at.
    pub slot: u64,
    /// Open rows.
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
    columns: Vec<Option<String>>,
}

type Rows = BTreeMap<Key, (usize, StoredRow)>;

/// Compares all rows with the chain; waits at most `timeout` for the tables each time.
///
/// # Errors
/// Where one side cannot be read or the tables do not get to the chain's slot.
pub async fn verify(store: &Store, chain: &Chain, timeout: Duration) -> Result<Report, VerifyError> {
    let schema = store.schema();
    let mut on_chain: BTreeMap<Key, ChainAccount> = BTreeMap::new();
    let mut slot = 0;
    for program in &schema.programs {
        let state = chain.program_accounts(&program.address, 0).await?;
        slot = slot.max(state.slot);
        on_chain.extend(state.value);
    }
    wait_for(store, slot, timeout).await?;
    let rows = read(store, None).await?;
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
    let addresses: BTreeSet<Key> = on_chain.keys().chain(rows.keys()).copied().collect();
    let mut differing: BTreeMap<Key, Difference> = BTreeMap::new();
    for address in addresses {
        if let Some(difference) = compare(store, &address, on_chain.get(&address), rows.get(&address)) {
            differing.insert(address, difference);
        }
    }
    for _ in 1..LOOKS {
        if differing.is_empty() {
            break;
        }
        differing = look_again(store, chain, &differing, timeout).await?;
    }
    Ok(Report {
        slot,
        rows: tables.values().sum(),
        accounts: on_chain.len(),
        tables,
        differences: differing.into_values().collect(),
    })
}

/// Reads what differed from both sides again. The chain is read on both sides of the tables: what it changed between
/// says nothing and is looked at until it stands still.
async fn look_again(
    store: &Store,
    chain: &Chain,
    differing: &BTreeMap<Key, Difference>,
    timeout: Duration,
) -> Result<BTreeMap<Key, Difference>, VerifyError> {
    let started = Instant::now();
    let mut addresses: Vec<Key> = differing.keys().copied().collect();
    let mut still = BTreeMap::new();
    while !addresses.is_empty() {
        let before = chain.accounts(&addresses).await?;
        // One slot more, so that the slot that was read in its middle is over.
        wait_for(store, before.slot + 1, timeout).await?;
        let rows = read(store, Some(&addresses)).await?;
        let after = chain.accounts(&addresses).await?;
        let mut moving = Vec::new();
        for ((address, before), after) in addresses.into_iter().zip(&before.value).zip(&after.value) {
            let ours = |account: &&ChainAccount| store.schema().is_program(&account.owner);
            let (before, after) = (before.as_ref().filter(ours), after.as_ref().filter(ours));
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

/// All rows, or those at `addresses`, as they are at one moment.
async fn read(store: &Store, addresses: Option<&[Key]>) -> Result<Rows, VerifyError> {
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
        let filter = if addresses.is_some() {
            " where address = any($1)"
        } else {
            ""
        };
        let sql = format!(
            "select address, closed, data, {} from {}{filter}",
            columns.join(", "),
            account.table
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        if let Some(addresses) = addresses {
            query = query.bind(addresses.iter().map(Key::as_slice).collect::<Vec<_>>());
        }
        for row in query.fetch_all(&mut *transaction).await? {
            let address = row.try_get::<&[u8], _>(0)?.try_into().map_err(|_| {
                sqlx::Error::Decode(format!("table {} has an address that has not 32 bytes", account.table).into())
            })?;
            let columns = (0..account.fields.len())
                .map(|index| row.try_get(index + 3))
                .collect::<Result<_, _>>()?;
            rows.insert(
                address,
                (
                    kind,
                    StoredRow {
                        closed: row.try_get(1)?,
                        data: row.try_get(2)?,
                        columns,
                    },
                ),
            );
        }
    }
    Ok(rows)
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
    for (field, stored) in account.fields.iter().zip(&row.columns) {
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
