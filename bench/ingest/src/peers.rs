//! What Gantry is measured against: the server's own ceiling by psql, and one statement per update.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use gantry_bench_ingest::script::{BASE_SLOT, Plan, Script};
use gantry_bench_ingest::workload::{Account, Kind, Workload};
use gantry_indexer::schema::{AccountType, Column, Schema, country};
use gantry_indexer::store::Numeric;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Postgres};
use tokio::process::Command;

/// Text of `COPY` that is sent at once.
const COPY_CHUNK: usize = 1 << 20;

fn table(schema: &Schema, kind: Kind) -> Result<&AccountType> {
    let of_kind = schema.accounts.iter().find(|account| account.table == kind.table());
    of_kind.context("the schema has no such table")
}

fn columns(account: &AccountType) -> Vec<&str> {
    ["address", "slot", "write_version", "closed", "data"]
        .into_iter()
        .chain(account.fields.iter().map(|field| field.name.as_str()))
        .collect()
}

fn types(account: &AccountType) -> Vec<&str> {
    ["bytea", "bigint", "bigint", "boolean", "bytea"]
        .into_iter()
        .chain(account.fields.iter().map(|field| field.column().sql()))
        .collect()
}

fn updates(account: &AccountType) -> String {
    let updates: Vec<_> = columns(account)[1..]
        .iter()
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    format!(
        "on conflict (address) do update set {} where (t.slot, t.write_version) < (excluded.slot, excluded.write_version)",
        updates.join(", ")
    )
}

/// Everything that `slot` writes of one type, in order of the addresses, as the indexer writes it too.
fn of_slot(plan: Plan, script: &Script, slot: usize, kind: Kind) -> Vec<(i64, Account)> {
    let written = (0..plan.per_slot).map(|place| {
        (
            script.write_version(slot, place) as i64,
            plan.workload().written(slot, place),
        )
    });
    let marker = (
        script.write_version(slot, plan.per_slot) as i64,
        Workload::marker_at(slot),
    );
    let mut accounts: Vec<_> = written
        .chain([marker])
        .filter(|(_, account)| account.kind == kind)
        .collect();
    accounts.sort_unstable_by_key(|(_, account)| account.address);
    accounts
}

/// Puts the rows of every slot into the database as arrays, a row of arrays per slot: so that psql has nothing to do but
/// to run the upserts, and the server nothing but to execute them.
pub(crate) async fn stage(url: &str, schema: &Schema, plan: Plan) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    let script = Script::new(plan);
    for kind in Kind::all() {
        let account = table(schema, kind)?;
        let (name, columns, types) = (kind.table(), columns(account), types(account));
        let run = async |connection: &mut PgConnection, sql: String| {
            sqlx::query(AssertSqlSafe(sql)).execute(connection).await.map(|_| ())
        };
        run(
            &mut connection,
            format!("create unlogged table rows_{name} (batch integer, like {name})"),
        )
        .await?;
        let mut copy = connection
            .copy_in_raw(&format!("copy rows_{name} (batch, {}) from stdin", columns.join(", ")))
            .await?;
        let mut text = String::new();
        for slot in 0..plan.slots {
            for (version, row) in of_slot(plan, &script, slot, kind) {
                write!(
                    text,
                    "{slot}\t\\\\x{}\t{}\t{version}\tf\t\\\\x{}",
                    hex::encode(row.address),
                    BASE_SLOT + 1 + slot as u64,
                    hex::encode(&row.data)
                )?;
                for field in &account.fields {
                    write!(text, "\t{}", field.text(&row.data).replace('\\', "\\\\"))?;
                }
                text.push('\n');
            }
            if text.len() > COPY_CHUNK {
                copy.send(std::mem::take(&mut text).into_bytes()).await?;
            }
        }
        copy.send(text.into_bytes()).await?;
        copy.finish().await?;
        let arrays: Vec<_> = columns
            .iter()
            .zip(&types)
            .map(|(column, of)| format!("{column} {of}[]"))
            .collect();
        run(
            &mut connection,
            format!(
                "create unlogged table arrays_{name} (batch integer primary key, {})",
                arrays.join(", ")
            ),
        )
        .await?;
        // Not compressed: to unpack them would be work that is not the upsert's.
        for column in &columns {
            let sql = format!("alter table arrays_{name} alter column {column} set storage external");
            run(&mut connection, sql).await?;
        }
        let aggregates: Vec<_> = columns
            .iter()
            .map(|column| format!("array_agg({column} order by address)"))
            .collect();
        run(
            &mut connection,
            format!(
                "insert into arrays_{name} select batch, {} from rows_{name} group by batch",
                aggregates.join(", ")
            ),
        )
        .await?;
        run(&mut connection, format!("drop table rows_{name}")).await?;
        run(&mut connection, format!("vacuum analyze arrays_{name}")).await?;
    }
    sqlx::query("checkpoint").execute(&mut connection).await?;
    Ok(())
}

/// The upserts of all slots by psql, `slots` of them in a transaction. Says how long it took.
pub(crate) async fn ceiling(folder: &Path, url: &str, schema: &Schema, plan: Plan, slots: usize) -> Result<Duration> {
    let mut sql = String::from("\\set ON_ERROR_STOP on\n\\set QUIET on\n");
    for kind in Kind::all() {
        let account = table(schema, kind)?;
        let (name, columns) = (kind.table(), columns(account));
        let arrays: Vec<_> = columns.iter().map(|column| format!("a.{column}")).collect();
        writeln!(
            sql,
            "prepare upsert_{name}(integer) as insert into {name} as t ({columns}) select u.* from arrays_{name} a, \
             unnest({arrays}) u({columns}) where a.batch = $1 {updates};",
            columns = columns.join(", "),
            arrays = arrays.join(", "),
            updates = updates(account)
        )?;
    }
    for slot in 0..plan.slots {
        if slot % slots == 0 {
            writeln!(sql, "begin;")?;
        }
        for kind in Kind::all() {
            writeln!(sql, "execute upsert_{}({slot});", kind.table())?;
        }
        if (slot + 1) % slots == 0 || slot + 1 == plan.slots {
            writeln!(sql, "commit;")?;
        }
    }
    let file = folder.join("ceiling.sql");
    std::fs::write(&file, sql)?;
    let begun = Instant::now();
    let output = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--file"])
        .arg(&file)
        .arg(url)
        .stdin(Stdio::null())
        .output()
        .await
        .context("psql does not run: `cargo xtask setup` installs it")?;
    let took = begun.elapsed();
    ensure!(
        output.status.success(),
        "psql: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(took)
}

/// One guarded upsert and one commit for each update, one after the other, as carbon's Postgres sink does it: the first
/// `count` updates. Says how long it took.
pub(crate) async fn row_at_a_time(url: &str, schema: &Schema, plan: Plan, count: usize) -> Result<Duration> {
    let mut connection = PgConnection::connect(url).await?;
    let script = Script::new(plan);
    let mut statements = Vec::new();
    for kind in Kind::all() {
        let account = table(schema, kind)?;
        let columns = columns(account);
        let values: Vec<_> = types(account)
            .iter()
            .enumerate()
            .map(|(place, of)| match *of {
                "jsonb" => format!("${}::text::jsonb", place + 1),
                _ => format!("${}", place + 1),
            })
            .collect();
        let sql = format!(
            "insert into {} as t ({}) values ({}) {}",
            kind.table(),
            columns.join(", "),
            values.join(", "),
            updates(account)
        );
        statements.push((kind, account, sql));
    }
    let rows: Vec<_> = (0..count)
        .map(|nth| {
            let (slot, place) = (nth / plan.per_slot, nth % plan.per_slot);
            (
                slot,
                script.write_version(slot, place) as i64,
                plan.workload().written(slot, place),
            )
        })
        .collect();
    let begun = Instant::now();
    for (slot, version, row) in &rows {
        let of_kind = statements.iter().find(|(kind, ..)| *kind == row.kind);
        let (_, account, sql) = of_kind.context("a statement")?;
        let mut query = sqlx::query(AssertSqlSafe(sql.clone()))
            .bind(row.address.as_slice())
            .bind((BASE_SLOT + 1) as i64 + *slot as i64)
            .bind(version)
            .bind(false)
            .bind(row.data.as_slice());
        for field in &account.fields {
            query = bind(query, field, &row.data);
        }
        query.execute(&mut connection).await?;
    }
    Ok(begun.elapsed())
}

type Bound<'q> = Query<'q, Postgres, PgArguments>;

fn bind<'q>(query: Bound<'q>, field: &gantry_indexer::schema::Field, data: &'q [u8]) -> Bound<'q> {
    let bytes = field.bytes(data);
    match field.column() {
        Column::Bytea => query.bind(bytes),
        Column::Text => query.bind(country(bytes)),
        Column::Boolean => query.bind(bytes[0] != 0),
        Column::Smallint => query.bind(field.integer(data) as i16),
        Column::Integer => query.bind(field.integer(data) as i32),
        Column::Bigint => query.bind(field.integer(data)),
        Column::Numeric => query.bind(Numeric(gantry_indexer::schema::unsigned(bytes))),
        Column::Jsonb => query.bind(field.json(data).to_string()),
    }
}
