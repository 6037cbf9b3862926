//! The roles of the database: who may write, who may read, who sees the views alone.

mod common;

use common::{GENESIS, Server, account, bank, event, program, schema, write};
use gantry_indexer::store::Store;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

const ROLES: &str = include_str!("../../deploy/postgres/roles.sql");
const JOB: [u8; 32] = [1; 32];
/// Roles are the server's and not the database's: one test at a time changes them.
static CHANGING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
/// What Postgres calls it when a role may not do something.
const NOT_ALLOWED: &str = "42501";
const READ_ONLY: &str = "25006";

/// The database's URL for another role.
fn of_role(url: &str, role: &str) -> String {
    let (_, place) = url.rsplit_once('@').expect("a user");
    format!("postgres://{role}:secret@{place}")
}

async fn superuser(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("a connection")
}

async fn run(connection: &mut PgConnection, sql: &str) -> Result<(), String> {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await;
    done.map(drop)
        .map_err(|error| match error.as_database_error().and_then(|error| error.code()) {
            Some(code) => code.into_owned(),
            None => error.to_string(),
        })
}

/// A database with the three roles, that an indexer of its own role migrated and filled. `name` is unique among the tests.
async fn prepared(server: &Server, name: &str) -> (String, Store) {
    let url = server.database(name).await;
    let mut root = superuser(&url).await;
    let changing = CHANGING.lock().await;
    // Twice: it can be run at any time.
    for _ in 0..2 {
        run(&mut root, ROLES).await.expect("roles");
    }
    for role in ["gantry_indexer", "gantry_api", "gantry_analyst"] {
        run(&mut root, &format!("alter role {role} password 'secret'"))
            .await
            .expect("a password");
    }
    drop(changing);
    let store = Store::open(&of_role(&url, "gantry_indexer"), schema())
        .await
        .expect("a store");
    let schema = schema();
    let market = program(&schema, "market");
    let fields: [(&str, &[u8]); 3] = [("mint", &[3; 32]), ("status", &[2]), ("deposited", &7u64.to_le_bytes())];
    let job = write(market, JOB, 1, account(&schema, "market", "Job", 0, &fields));
    let topped_up = event(
        &schema,
        "market",
        "JobToppedUp",
        &[&JOB, &5u64.to_le_bytes(), &12u64.to_le_bytes(), &60u32.to_le_bytes()],
    );
    store
        .write(&[bank(10, vec![job], &[], vec![topped_up])], Some(10), GENESIS)
        .await
        .expect("written");
    (url, store)
}

#[tokio::test]
async fn an_analyst_reads_the_views_and_nothing_else() {
    let server = Server::start().await;
    let (url, store) = prepared(&server, "analysts").await;
    let mut analyst = superuser(&of_role(&url, "gantry_analyst")).await;

    // Without the schema's name, as a person types it.
    let row = sqlx::query("select base58(job) as job, status, deposited::text, created_at, node from jobs")
        .fetch_one(&mut analyst)
        .await
        .expect("a row");
    assert_eq!(row.get::<String, _>("job"), gantry_indexer::key::text(&JOB));
    assert_eq!(
        (row.get::<&str, _>("status"), row.get::<&str, _>("deposited")),
        ("running", "7")
    );
    let never: bool =
        sqlx::query_scalar("select created_at is null and node is null from jobs where job = unbase58($1)")
            .bind(gantry_indexer::key::text(&JOB))
            .fetch_one(&mut analyst)
            .await
            .expect("a row");
    assert!(never, "zero is never, and nobody");
    let transfer: (String, String, Vec<u8>) =
        sqlx::query_as("select kind, amount::text, mint from job_transfers where job = '\\x0101010101010101010101010101010101010101010101010101010101010101'")
            .fetch_one(&mut analyst)
            .await
            .expect("a transfer");
    assert_eq!(transfer, ("added".to_owned(), "5".to_owned(), vec![3; 32]));
    let views: Vec<String> =
        sqlx::query_scalar("select table_name::text from information_schema.views where table_schema = 'analytics'")
            .fetch_all(&mut analyst)
            .await
            .expect("names");
    assert!(views.len() >= 10, "{views:?}");
    for view in &views {
        run(&mut analyst, &format!("select * from analytics.{view} limit 1"))
            .await
            .unwrap_or_else(|why| panic!("{view}: {why}"));
    }

    // The settings are a mistake's limit; the grants hold without them.
    let timeout: String = sqlx::query_scalar("show statement_timeout")
        .fetch_one(&mut analyst)
        .await
        .expect("a setting");
    assert_eq!(timeout, "30s");
    assert_eq!(
        run(&mut analyst, "create table mine (a int)").await,
        Err(READ_ONLY.to_owned())
    );
    run(&mut analyst, "set default_transaction_read_only = off")
        .await
        .expect("anybody may");
    let tables: Vec<String> = sqlx::query_scalar("select tablename::text from pg_tables where schemaname = 'public'")
        .fetch_all(store.pool())
        .await
        .expect("names");
    assert!(tables.len() > 15, "{tables:?}");
    for table in &tables {
        assert_eq!(
            run(&mut analyst, &format!("select * from public.{table}")).await,
            Err(NOT_ALLOWED.to_owned()),
            "{table}"
        );
    }
    for sql in [
        "insert into public.job select * from public.job",
        "update jobs set deposited = 0",
        "delete from events",
        "truncate public.outbox",
        "create table mine (a int)",
        "create table analytics.mine (a int)",
        "create temporary table mine (a int)",
        "create schema mine",
        "drop view jobs",
        "select lo_creat(-1)",
        "select pg_advisory_lock(1)",
        "select pg_try_advisory_xact_lock(1)",
        "set temp_file_limit = -1",
    ] {
        assert_eq!(run(&mut analyst, sql).await, Err(NOT_ALLOWED.to_owned()), "{sql}");
    }
}

#[tokio::test]
async fn every_view_and_column_says_what_it_is() {
    let server = Server::start().await;
    let (_, store) = prepared(&server, "described").await;
    let silent: Vec<String> = sqlx::query_scalar(
        "select c.relname || coalesce('.' || a.attname, '') from pg_class c \
         left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 \
         where c.relnamespace = 'analytics'::regnamespace \
         and (col_description(c.oid, a.attnum) is null or obj_description(c.oid, 'pg_class') is null)",
    )
    .fetch_all(store.pool())
    .await
    .expect("names");
    assert_eq!(silent, Vec::<String>::new(), "without a comment");
}

#[tokio::test]
async fn an_api_instance_reads_all_and_writes_nothing() {
    let server = Server::start().await;
    let url = server.database("reader").await;
    let empty = Store::open_to_read(&url, schema())
        .await
        .map(drop)
        .expect_err("no tables");
    assert!(empty.to_string().contains("start the instance that writes"), "{empty}");

    let (url, writer) = prepared(&server, "reader").await;
    let reader = Store::open_to_read(&of_role(&url, "gantry_api"), schema())
        .await
        .expect("a store");
    assert_eq!(
        reader.checkpoint().await.expect("an answer"),
        writer.checkpoint().await.expect("an answer")
    );
    assert!(reader.checkpoint_age().await.expect("an answer").as_secs() < 60);
    // Read only by its sessions, whatever the role may do; and by its role, whatever the session says.
    let refused = sqlx::query("delete from job")
        .execute(reader.pool())
        .await
        .expect_err("read only");
    assert_eq!(
        refused.as_database_error().and_then(|error| error.code()).as_deref(),
        Some(READ_ONLY)
    );
    let as_writer = Store::open_to_read(&of_role(&url, "gantry_indexer"), schema())
        .await
        .expect("a store");
    let refused = sqlx::query("delete from job")
        .execute(as_writer.pool())
        .await
        .expect_err("read only");
    assert_eq!(
        refused.as_database_error().and_then(|error| error.code()).as_deref(),
        Some(READ_ONLY)
    );
    let mut api = superuser(&of_role(&url, "gantry_api")).await;
    run(&mut api, "set default_transaction_read_only = off")
        .await
        .expect("anybody may");
    assert_eq!(run(&mut api, "delete from job").await, Err(NOT_ALLOWED.to_owned()));
    // A partition that is made later is readable, too.
    let late = gantry_indexer::store::PARTITION_SLOTS * 7;
    sqlx::query("select ensure_event_partition($1)")
        .bind(late as i64)
        .execute(writer.pool())
        .await
        .expect("made");
    run(&mut api, "select * from event_p7").await.expect("readable");
}
