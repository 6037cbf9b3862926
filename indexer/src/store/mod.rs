//! Postgres: everything that a batch of banks changes, in one transaction with the checkpoint.

mod events;
mod numeric;
mod rows;

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, PgConnection};

pub use events::EventRow;
pub use numeric::Numeric;
pub use rows::{Fold, Row};

use crate::schema::Schema;
use crate::stream::{Change, SealedBank};
use crate::{Key, key};
use rows::Table;

/// The schema of the database.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// Named by every instance that wants to write: the one that holds it leads. "gantry" in ASCII.
const LEADER_LOCK: i64 = 0x6761_6e74_7279;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Postgres said no, or nothing.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A migration failed.
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The tables are not those that the IDLs call for.
    #[error("the database does not fit the programs of this build: {0}; add a migration")]
    Drift(String),
    /// The database belongs to another cluster.
    #[error(
        "the database holds cluster {stored}, the RPC endpoint is of cluster {found}: use another database, or `--reset` \
         to drop what this one holds"
    )]
    OtherCluster {
        /// Genesis hash in the database.
        stored: String,
        /// Genesis hash of the endpoint.
        found: String,
    },
}

/// How far the tables are.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Checkpoint {
    /// Every confirmed slot up to this one is in the tables.
    pub slot: i64,
    /// Blockhash of that slot, base58; none after a snapshot.
    pub blockhash: Option<String>,
    /// Time of that block, Unix seconds.
    pub block_time: Option<i64>,
    /// Genesis hash of the cluster, base58.
    pub genesis_hash: String,
}

/// All accounts of one program at a slot.
#[derive(Clone, Debug)]
pub struct ProgramState {
    /// The program.
    pub program: Key,
    /// The slot.
    pub slot: u64,
    /// Addresses and data.
    pub accounts: Vec<(Key, Vec<u8>)>,
}

/// What stands in for the banks that the server no longer has.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The programs' accounts.
    pub programs: Vec<ProgramState>,
    /// The checkpoint from here on: the banks after it are all in the stream.
    pub checkpoint: u64,
    /// First and last slot whose events are not known.
    pub gap: Option<(u64, u64)>,
    /// Where confirmed slots were abandoned: the last that was not. Events after it are dropped.
    pub abandoned_after: Option<u64>,
}

/// What a write changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows that were inserted or updated.
    pub rows: u64,
    /// Events that are new.
    pub events: u64,
}

/// The database.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
    options: PgConnectOptions,
    schema: std::sync::Arc<Schema>,
    tables: std::sync::Arc<Vec<Table>>,
}

impl Store {
    /// Connects, runs what migrations are missing, and checks that the tables fit the programs.
    ///
    /// # Errors
    /// Where Postgres cannot be reached or holds another schema.
    pub async fn open(url: &str, schema: std::sync::Arc<Schema>) -> Result<Self, StoreError> {
        let options: PgConnectOptions = url.parse()?;
        let options = options.application_name("gantry-indexer");
        let pool = PgPoolOptions::new()
            .max_connections(16)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(options.clone())
            .await?;
        MIGRATIONS.run(&pool).await?;
        let tables = std::sync::Arc::new(schema.accounts.iter().map(Table::new).collect());
        let store = Self {
            pool,
            options,
            schema,
            tables,
        };
        store.check_columns().await?;
        Ok(store)
    }

    /// The pool, for reading.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// What the programs store.
    #[must_use]
    pub fn schema(&self) -> &std::sync::Arc<Schema> {
        &self.schema
    }

    async fn check_columns(&self) -> Result<(), StoreError> {
        for account in &self.schema.accounts {
            let columns: Vec<(String, String)> = sqlx::query_as(
                "select column_name::text, data_type::text from information_schema.columns \
                 where table_schema = current_schema() and table_name = $1",
            )
            .bind(&account.table)
            .fetch_all(&self.pool)
            .await?;
            for field in &account.fields {
                let (name, sql) = (&field.name, field.column().sql());
                match columns.iter().find(|(column, _)| column == name) {
                    Some((_, found)) if found == sql => {}
                    Some((_, found)) => {
                        let what = format!("column {name} of table {} is {found}, not {sql}", account.table);
                        return Err(StoreError::Drift(what));
                    }
                    None => {
                        return Err(StoreError::Drift(format!(
                            "table {} has no column {name} ({sql})",
                            account.table
                        )));
                    }
                }
            }
            if columns.len() != account.fields.len() + 5 {
                let what = format!("table {} has columns that no field is kept in", account.table);
                return Err(StoreError::Drift(what));
            }
        }
        Ok(())
    }

    /// Empties every table.
    ///
    /// # Errors
    /// Where Postgres does not answer.
    pub async fn reset(&self) -> Result<(), StoreError> {
        let tables: Vec<_> = self
            .schema
            .accounts
            .iter()
            .map(|account| account.table.as_str())
            .collect();
        let sql = format!("truncate checkpoint, event, event_gap, {}", tables.join(", "));
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&self.pool).await?;
        Ok(())
    }

    /// How far the tables are; none where nothing was ever written.
    ///
    /// # Errors
    /// Where Postgres does not answer.
    pub async fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        let sql = "select slot, blockhash, block_time, genesis_hash from checkpoint";
        Ok(sqlx::query_as(sql).fetch_optional(&self.pool).await?)
    }

    /// Tries to become the one instance that writes: the connection holds the lock for as long as it lives.
    ///
    /// # Errors
    /// Where Postgres does not answer.
    pub async fn try_lead(&self) -> Result<Option<PgConnection>, StoreError> {
        let mut connection = PgConnection::connect_with(&self.options).await?;
        let sql = "select pg_try_advisory_lock($1)";
        let (leads,): (bool,) = sqlx::query_as(sql).bind(LEADER_LOCK).fetch_one(&mut connection).await?;
        Ok(leads.then_some(connection))
    }

    /// Writes consecutive confirmed banks, oldest first, and the checkpoint: all or nothing. Writing them again, or in
    /// other batches, comes to the same tables.
    ///
    /// # Errors
    /// Where Postgres does not answer; then whether it was written is unknown, and it is to be written again.
    pub async fn write(&self, banks: &[SealedBank], genesis_hash: &str) -> Result<Written, StoreError> {
        let Some(last) = banks.last() else {
            return Ok(Written::default());
        };
        let mut fold = Fold::default();
        let mut events = Vec::new();
        for bank in banks {
            for (address, change) in &bank.accounts {
                match change {
                    Change::Closed => fold.close(*address, bank.slot),
                    Change::Written(write) => {
                        let row = Row {
                            slot: bank.slot,
                            write_version: write.write_version,
                            data: &write.data,
                        };
                        fold.write(&self.schema, &write.owner, *address, row);
                    }
                }
            }
            events.extend(events::of_bank(&self.schema, bank));
        }
        let checkpoint = Checkpoint {
            slot: last.slot as i64,
            blockhash: Some(last.facts.blockhash.clone()),
            block_time: last.facts.time,
            genesis_hash: genesis_hash.to_owned(),
        };
        let mut transaction = self.pool.begin().await?;
        let rows = self.write_fold(&mut transaction, &fold).await?;
        let events = events::insert(&mut transaction, &events).await?;
        set_checkpoint(&mut transaction, &checkpoint).await?;
        transaction.commit().await?;
        Ok(Written { rows, events })
    }

    async fn write_fold(&self, connection: &mut PgConnection, fold: &Fold<'_>) -> Result<u64, StoreError> {
        for address in &fold.unknown {
            metrics::counter!("gantry_indexer_unknown_accounts_total").increment(1);
            tracing::warn!(
                address = key::text(address),
                "an account that the IDLs do not describe was left out"
            );
        }
        let mut written = 0;
        for (kind, rows) in &fold.rows {
            written += self.tables[*kind]
                .upsert(connection, &self.schema.accounts[*kind], rows)
                .await?;
        }
        if !fold.closed.is_empty() {
            // Which table an emptied address is in, if any, only the tables know.
            for table in self.tables.iter() {
                written += table.close(connection, &fold.closed).await?;
            }
        }
        Ok(written)
    }

    /// Replaces what the banks up to the snapshot's slots would have written, and sets the checkpoint.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_snapshot(&self, snapshot: &Snapshot, genesis_hash: &str) -> Result<Written, StoreError> {
        let mut fold = Fold::default();
        for state in &snapshot.programs {
            for (address, data) in &state.accounts {
                let row = Row {
                    slot: state.slot,
                    write_version: 0,
                    data,
                };
                fold.write(&self.schema, &state.program, *address, row);
            }
        }
        let mut transaction = self.pool.begin().await?;
        let mut rows = self.write_fold(&mut transaction, &fold).await?;
        for state in &snapshot.programs {
            let present: Vec<_> = state.accounts.iter().map(|(address, _)| address.as_slice()).collect();
            for (account, table) in self.schema.accounts.iter().zip(self.tables.iter()) {
                if account.program == state.program {
                    rows += table.vanish(&mut transaction, &present, state.slot).await?;
                }
            }
        }
        if let Some(slot) = snapshot.abandoned_after {
            sqlx::query("delete from event where slot > $1")
                .bind(slot as i64)
                .execute(&mut *transaction)
                .await?;
        }
        if let Some((from, to)) = snapshot.gap {
            sqlx::query(
                "insert into event_gap (from_slot, to_slot) values ($1, $2) \
                 on conflict (from_slot) do update set to_slot = greatest(event_gap.to_slot, excluded.to_slot)",
            )
            .bind(from as i64)
            .bind(to as i64)
            .execute(&mut *transaction)
            .await?;
        }
        let checkpoint = Checkpoint {
            slot: snapshot.checkpoint as i64,
            blockhash: None,
            block_time: None,
            genesis_hash: genesis_hash.to_owned(),
        };
        set_checkpoint(&mut transaction, &checkpoint).await?;
        transaction.commit().await?;
        Ok(Written { rows, events: 0 })
    }
}

async fn set_checkpoint(connection: &mut PgConnection, checkpoint: &Checkpoint) -> sqlx::Result<()> {
    sqlx::query(
        "insert into checkpoint (slot, blockhash, block_time, genesis_hash) values ($1, $2, $3, $4) \
         on conflict (id) do update set slot = excluded.slot, blockhash = excluded.blockhash, \
         block_time = excluded.block_time, genesis_hash = excluded.genesis_hash, updated_at = now()",
    )
    .bind(checkpoint.slot)
    .bind(&checkpoint.blockhash)
    .bind(checkpoint.block_time)
    .bind(&checkpoint.genesis_hash)
    .execute(connection)
    .await?;
    Ok(())
}
