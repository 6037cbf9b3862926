//! The databases of a run: one that is filled once, and copies of it.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use gantry_bench_ingest::script::{BASE_SLOT, Plan};
use gantry_bench_ingest::tables;
use gantry_indexer::schema::Schema;
use gantry_indexer::store::Store;
use gantry_stack::postgres::{Postgres, PrivateOptions};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// What differs from a server as installed. Everything that keeps what is committed is as installed: fsync,
/// synchronous_commit and full_page_writes are on.
const SETTINGS: [(&str, &str); 3] = [
    ("shared_buffers", "512MB"),
    ("max_wal_size", "4GB"),
    ("checkpoint_timeout", "15min"),
];
const TEMPLATE: &str = "gantry_bench_before";

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
        tables::fill(&store, population).await?;
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
        // As psql takes it: the driver would add parameters of its own.
        let (server, _) = self.postgres.url().rsplit_once('/').context("a URL with a database")?;
        Ok(format!("{server}/{name}"))
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

    /// Accounts whose rows are not what was sent.
    pub(crate) async fn lost(&self, url: &str, plan: Plan) -> Result<u64> {
        let mut connection = PgConnection::connect(url).await?;
        tables::lost(&mut connection, &self.schema, plan).await
    }
}
