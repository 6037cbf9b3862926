//! Postgres: everything that a batch of banks changes, in one transaction with the checkpoint.

mod doubt;
mod encode;
mod events;
mod history;
mod numeric;
mod outbox;
mod rows;
mod undo;
mod write;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, PgConnection};

pub use events::EventRow;
pub(crate) use events::{Executed, of_transaction};
pub use history::{Gap, PARTITION_SLOTS, Retention};
pub use numeric::Numeric;
pub use rows::{Fold, Row};
pub use write::{Ahead, Prepared};

use crate::Key;
use crate::schema::Schema;
use crate::stream::{Block, Trunk};
use rows::Table;

/// The schema of the database.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// Named by every instance that wants to write: the one that holds it leads. "gantry" in ASCII.
const LEADER_LOCK: i64 = 0x6761_6e74_7279;

/// How long a connection is waited for.
const ACQUIRE_WITHIN: Duration = Duration::from_secs(10);

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
    /// Nobody made the tables of this build.
    #[error(
        "migration {0} was not made: start the instance that writes (`gantry-indexer run`), of this version, first; a replica \
         has it a moment later"
    )]
    NotMigrated(i64),
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
    /// Somebody else wrote meanwhile, or a bank was left out.
    #[error("slot {slot} on parent {parent} does not continue the tables, which are at slot {checkpoint}")]
    NotContiguous {
        /// Where the tables are.
        checkpoint: u64,
        /// The bank's slot.
        slot: u64,
        /// Its parent's.
        parent: u64,
    },
    /// The way back to a slot is not known.
    #[error("slot {to} cannot be gone back to: nothing before slot {floor} can")]
    CannotUndo {
        /// The slot asked for.
        to: i64,
        /// The lowest that can be gone back to.
        floor: i64,
    },
}

impl StoreError {
    /// Whether trying again can help.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Database(_))
    }
}

/// How far the tables are.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Checkpoint {
    /// Every confirmed slot up to this one is in the tables.
    pub slot: i64,
    /// Blockhash of that slot, base58; none after a snapshot.
    pub blockhash: Option<String>,
    /// Time of that block, Unix seconds.
    pub block_time: Option<i64>,
    /// Genesis hash of the cluster, base58.
    pub genesis_hash: String,
    /// Everything up to this slot is final; later rows and events may still be taken back.
    pub finalized_slot: i64,
    /// Nothing up to this slot can be taken back: it was read as a whole.
    pub snapshot_slot: i64,
    /// Newest id of the outbox.
    pub outbox_id: i64,
}

const CHECKPOINT: &str =
    "select slot, blockhash, block_time, genesis_hash, finalized_slot, snapshot_slot, outbox_id from checkpoint";

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
    /// For the writer alone: its statements are prepared and stay so.
    writer: PgPool,
    options: PgConnectOptions,
    schema: Arc<Schema>,
    tables: Arc<[Table]>,
    /// Partitions of the events that are known to be there.
    partitions: Arc<Mutex<BTreeSet<u64>>>,
}

async fn connect(options: &PgConnectOptions) -> sqlx::Result<PgPool> {
    const PATIENCE: Duration = Duration::from_secs(10);
    let pool = PgPoolOptions::new()
        .max_connections(16)
        .acquire_timeout(PATIENCE)
        .connect_with(options.clone())
        .await;
    if !matches!(pool, Err(sqlx::Error::PoolTimedOut)) {
        return pool;
    }
    // The pool has tried again and again, and does not say what it met.
    let reason = tokio::time::timeout(PATIENCE, PgConnection::connect_with(options)).await;
    Err(reason.ok().and_then(Result::err).unwrap_or(sqlx::Error::PoolTimedOut))
}

impl Store {
    /// Connects, runs what migrations are missing, and checks that the tables fit the programs.
    ///
    /// # Errors
    /// Where Postgres cannot be reached or holds another schema.
    pub async fn open(url: &str, schema: Arc<Schema>) -> Result<Self, StoreError> {
        let options: PgConnectOptions = url.parse()?;
        let options = options.application_name("gantry-indexer");
        let pool = connect(&options).await?;
        MIGRATIONS.run(&pool).await?;
        Self::over(pool, options, schema).await
    }

    /// Connects to tables that another instance writes, on the same server or on a replica. Every session is read only.
    ///
    /// # Errors
    /// Where Postgres cannot be reached, or what the tables need was not migrated yet.
    pub async fn open_to_read(url: &str, schema: Arc<Schema>) -> Result<Self, StoreError> {
        let options: PgConnectOptions = url.parse()?;
        let options = options
            .application_name("gantry-indexer serve")
            .options([("default_transaction_read_only", "on")]);
        let pool = connect(&options).await?;
        let migrated: bool = sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null")
            .fetch_one(&pool)
            .await?;
        let done: Vec<i64> = if migrated {
            sqlx::query_scalar("select version from _sqlx_migrations where success")
                .fetch_all(&pool)
                .await?
        } else {
            Vec::new()
        };
        if let Some(missing) = MIGRATIONS.iter().find(|migration| !done.contains(&migration.version)) {
            return Err(StoreError::NotMigrated(missing.version));
        }
        Self::over(pool, options, schema).await
    }

    async fn over(pool: PgPool, options: PgConnectOptions, schema: Arc<Schema>) -> Result<Self, StoreError> {
        check_columns(&pool, &schema).await?;
        let mut connection = pool.acquire().await?;
        let mut tables = Vec::new();
        for account in &schema.accounts {
            tables.push(Table::read(&mut connection, account).await?);
        }
        drop(connection);
        // One that works, and one in case the server never answers the other again.
        let writer = PgPoolOptions::new()
            .max_connections(2)
            .acquire_timeout(ACQUIRE_WITHIN)
            .connect_lazy_with(options.clone());
        Ok(Self {
            pool,
            writer,
            options,
            schema,
            tables: tables.into(),
            partitions: Arc::default(),
        })
    }

    /// The pool, for reading.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// What the programs store.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
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
        let sql = format!(
            "truncate checkpoint, event, event_gap, block, undo, outbox, doubt, {}",
            tables.join(", ")
        );
        let mut transaction = self.pool.begin().await?;
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *transaction).await?;
        // After that of before, which has to be known for it, and instead of it.
        let epoch = outbox::begin_epoch(&mut transaction, 0).await?;
        sqlx::query("delete from feed_epoch where epoch < $1")
            .bind(epoch)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// How far the tables are; none where nothing was ever written.
    ///
    /// # Errors
    /// Where Postgres does not answer.
    pub async fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        Ok(sqlx::query_as(CHECKPOINT).fetch_optional(&self.pool).await?)
    }

    /// Time since the checkpoint was written last, by the database's clock; for ever where it never was.
    ///
    /// # Errors
    /// Where Postgres does not answer.
    pub async fn checkpoint_age(&self) -> Result<Duration, StoreError> {
        let sql = "select extract(epoch from clock_timestamp() - updated_at)::float8 from checkpoint";
        let age: Option<f64> = sqlx::query_scalar(sql).fetch_optional(&self.pool).await?;
        Ok(age.map_or(Duration::MAX, |age| {
            Duration::try_from_secs_f64(age.max(0.0)).unwrap_or(Duration::MAX)
        }))
    }

    /// The chain as the tables hold it, from the newest final block on.
    ///
    /// # Errors
    /// Where Postgres does not answer.
    pub async fn trunk(&self, checkpoint: &Checkpoint) -> Result<Trunk, StoreError> {
        let root = checkpoint.finalized_slot.min(checkpoint.slot);
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "select slot, blockhash from block where slot <= $2 \
             and slot >= coalesce((select max(slot) from block where slot <= $1), 0) order by slot",
        )
        .bind(root)
        .bind(checkpoint.slot)
        .fetch_all(&self.pool)
        .await?;
        let block = |(slot, blockhash): (i64, String)| Block {
            slot: slot as u64,
            blockhash,
        };
        // Below the first block that is known, there is nothing to go back to and nothing to become final.
        let root = rows.first().map_or(root, |(slot, _)| root.max(slot - 1));
        let at_end = rows.last().is_some_and(|(slot, _)| *slot == checkpoint.slot);
        if checkpoint.blockhash.is_none() || !at_end {
            return Ok(Trunk::above(checkpoint.slot as u64));
        }
        Ok(Trunk {
            root: root as u64,
            floor: None,
            undo_floor: checkpoint.snapshot_slot.max(root) as u64,
            blocks: rows.into_iter().map(block).collect(),
        })
    }

    /// Tries to become the one instance that writes: the connection holds the lock for as long as it lives. An epoch of the
    /// change feed's ids begins with it: these tables may be older than what was given out last, from a backup or a replica.
    ///
    /// # Errors
    /// Where Postgres does not answer.
    pub async fn try_lead(&self) -> Result<Option<PgConnection>, StoreError> {
        let mut connection = PgConnection::connect_with(&self.options).await?;
        let sql = "select pg_try_advisory_lock($1)";
        let (leads,): (bool,) = sqlx::query_as(sql).bind(LEADER_LOCK).fetch_one(&mut connection).await?;
        if !leads {
            return Ok(None);
        }
        let mut transaction = self.pool.begin().await?;
        let checkpoint = write::lock_checkpoint(&mut transaction).await?.unwrap_or_default();
        outbox::begin_epoch(&mut transaction, checkpoint.outbox_id).await?;
        transaction.commit().await?;
        Ok(Some(connection))
    }
}

async fn check_columns(pool: &PgPool, schema: &Schema) -> Result<(), StoreError> {
    for account in &schema.accounts {
        let columns: Vec<(String, String)> = sqlx::query_as(
            "select column_name::text, data_type::text from information_schema.columns \
             where table_schema = current_schema() and table_name = $1",
        )
        .bind(&account.table)
        .fetch_all(pool)
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
