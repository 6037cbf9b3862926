//! The databases of a run: one that is filled once, and copies of it; and whether a copy holds what was sent.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use gantry_bench_ingest::script::{BASE_SLOT, GENESIS, Plan, Script};
use gantry_bench_ingest::workload::{Account, Kind, Workload};
use gantry_indexer::Key;
use gantry_indexer::schema::{Column, Schema};
use gantry_indexer::store::{ProgramState, Snapshot, Store};
use gantry_stack::postgres::{Postgres, PrivateOptions};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _};

/// What differs from a server as installed. Everything that keeps what is committed is as installed: fsync,
/// synchronous_commit and full_page_writes are on.
const SETTINGS: [(&str, &str); 4] = [
    ("shared_buffers", "512MB"),
    ("max_wal_size", "4GB"),
    ("checkpoint_timeout", "15min"),
    ("autovacuum_naptime", "15s"),
];
const TEMPLATE: &str = "gantry_bench_before";
/// Rows of each table whose columns are compared too, not only their bytes.
const COLUMNS_OF: i64 = 200;

pub(crate) struct Databases {
    postgres: Postgres,
    schema: Arc<Schema>,
}

impl Databases {
    /// A server with the database that the others are copies of.
    pub(crate) async fn start(folder: &Path, population: usize) -> Result<Self> {
        let mut options = PrivateOptions::new(folder.join("postgres"));
        options.settings = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let postgres = Postgres::private(options).await?;
        let schema = Arc::new(Schema::embedded()?);
        let url = postgres.fresh_database(TEMPLATE).await?;
        let store = Store::open(&url, schema.clone()).await?;
        let mut programs: BTreeMap<Key, Vec<(Key, Vec<u8>)>> = BTreeMap::new();
        let workload = Workload {
            population,
            per_slot: 0,
        };
        for account in workload.before().chain([Workload::marker()]) {
            programs
                .entry(account.owner)
                .or_default()
                .push((account.address, account.data));
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
        sqlx::query("select ensure_event_partition($1)")
            .bind(BASE_SLOT as i64)
            .execute(store.pool())
            .await?;
        sqlx::query("vacuum analyze").execute(store.pool()).await?;
        store.pool().close().await;
        Ok(Self { postgres, schema })
    }

    /// A copy as the first slot finds it, with nothing left to write back. Says its URL.
    pub(crate) async fn copy(&self, name: &str) -> Result<String> {
        let options: PgConnectOptions = self.postgres.url().parse()?;
        let mut connection = PgConnection::connect_with(&options).await?;
        for sql in [
            format!("drop database if exists {name} with (force)"),
            format!("create database {name} template {TEMPLATE}"),
            "checkpoint".to_owned(),
        ] {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await?;
        }
        Ok(options.database(name).to_url_lossy().to_string())
    }

    pub(crate) async fn drop(&self, name: &str) -> Result<()> {
        let mut connection = PgConnection::connect(self.postgres.url()).await?;
        let sql = format!("drop database if exists {name} with (force)");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await?;
        Ok(())
    }

    pub(crate) fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    pub(crate) async fn ask(&self, sql: &'static str) -> Result<String> {
        let mut connection = PgConnection::connect(self.postgres.url()).await?;
        Ok(sqlx::query_scalar(sql).fetch_one(&mut connection).await?)
    }

    pub(crate) fn server_pid(&mut self) -> Result<u32> {
        let server = self.postgres.private_server().context("the server is not ours")?;
        server.server_pid().context("the server does not run")
    }

    /// Accounts whose rows are not what was sent last of them, and rows of accounts that were never sent.
    pub(crate) async fn lost(&self, url: &str, plan: Plan) -> Result<u64> {
        let expected = expected(plan);
        let mut connection = PgConnection::connect(url).await?;
        let (mut right, mut wrong) = (0, 0);
        for kind in Kind::all() {
            let sql = format!(
                "select address, slot, write_version, closed, data from {}",
                kind.table()
            );
            for row in sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await? {
                let address: Key = row.try_get::<Vec<u8>, _>(0)?.as_slice().try_into()?;
                let found = (row.try_get(1)?, row.try_get(2)?);
                let is_right = expected.get(&address).is_some_and(|(version, account)| {
                    *version == found
                        && account.kind == kind
                        && row.try_get::<&[u8], _>(4).is_ok_and(|data| data == account.data)
                }) && !row.try_get::<bool, _>(3)?;
                if is_right { right += 1 } else { wrong += 1 }
            }
            self.check_columns(&mut connection, kind).await?;
        }
        Ok(wrong + (expected.len() as u64).saturating_sub(right))
    }

    async fn check_columns(&self, connection: &mut PgConnection, kind: Kind) -> Result<()> {
        let account = self
            .schema
            .accounts
            .iter()
            .find(|account| account.table == kind.table());
        let account = account.context("a table")?;
        let columns: Vec<_> = account
            .fields
            .iter()
            .map(|field| format!("{}::text", field.name))
            .collect();
        let sql = format!(
            "select data, {} from {} order by slot desc limit {COLUMNS_OF}",
            columns.join(", "),
            kind.table()
        );
        for row in sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await? {
            let data: Vec<u8> = row.try_get(0)?;
            for (place, field) in account.fields.iter().enumerate() {
                let found: String = row.try_get(place + 1)?;
                let same = match field.column() {
                    Column::Jsonb => serde_json::from_str::<serde_json::Value>(&found)? == field.json(&data),
                    _ => found == field.text(&data),
                };
                ensure!(
                    same,
                    "{}.{} is {found}, and was sent as {}",
                    kind.table(),
                    field.name,
                    field.text(&data)
                );
            }
        }
        Ok(())
    }
}

type Version = (i64, i64);

fn expected(plan: Plan) -> HashMap<Key, (Version, Account)> {
    let (workload, script) = (plan.workload(), Script::new(plan));
    let before = workload
        .before()
        .map(|account| (account.address, ((BASE_SLOT as i64, 0), account)));
    let mut expected: HashMap<Key, (Version, Account)> = before.collect();
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
