//! What the tests share: a database, processes over it, a collector of traces, and accounts and banks to put into it.
#![allow(dead_code, unreachable_pub)]

pub mod measured;
pub mod otlp;
pub mod serving;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use gantry_indexer::Key;
use gantry_indexer::schema::Schema;
use gantry_indexer::store::Store;
use gantry_indexer::stream::{AccountWrite, BlockFacts, Change, LoggedData, SealedBank, Transaction};
use gantry_stack::postgres::{Installation, Postgres, PrivateOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use tokio::process::Command;

pub const GENESIS: &str = "genesis";

/// A server, kept for as long as its databases are used.
pub struct Server {
    postgres: Postgres,
    run: tempfile::TempDir,
}

impl Server {
    /// `DATABASE_URL`'s, else a private one.
    pub async fn start() -> Self {
        let run = tempfile::tempdir().expect("a folder");
        let postgres = match std::env::var("DATABASE_URL") {
            Ok(url) => Postgres::external(&url).await,
            Err(_) => {
                // No crash is tested here, and thousands of small transactions are.
                let mut options = PrivateOptions::new(run.path());
                options.settings = vec![("fsync".to_owned(), "off".to_owned())];
                Postgres::private(options).await
            }
        };
        Self {
            postgres: postgres.expect("a Postgres server"),
            run,
        }
    }

    /// An empty database. `name` is unique among the tests.
    pub async fn database(&self, name: &str) -> String {
        self.postgres
            .fresh_database(&format!("gantry_indexer_{name}"))
            .await
            .expect("a database")
    }

    /// A copy of a store's database, by way of a dump. Its URL.
    pub async fn copy(&self, store: &Store, name: &str) -> String {
        let url = self.database(name).await;
        let file = self.run.path().join(format!("{name}.dump"));
        let programs = Installation::find(Path::new("none")).expect("installed").bin;
        let from = store.pool().connect_options().to_url_lossy().to_string();
        // Without sqlx's own settings.
        let plain = |url: &str| url.split('?').next().unwrap_or_default().to_owned();
        let mut dump = Command::new(programs.join("pg_dump"));
        dump.args(["--format=custom", "--dbname", &plain(&from), "--file"])
            .arg(&file);
        let mut restore = Command::new(programs.join("pg_restore"));
        restore.args(["--exit-on-error", "--dbname", &plain(&url)]).arg(&file);
        for mut command in [dump, restore] {
            let done = command.output().await.expect("a program of Postgres");
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
        url
    }

    /// An empty store. `name` is unique among the tests.
    pub async fn store(&self, name: &str) -> Store {
        Store::open(&self.database(name).await, schema())
            .await
            .expect("a store")
    }
}

pub fn schema() -> Arc<Schema> {
    Arc::new(Schema::embedded().expect("the IDLs of this build"))
}

fn idl(program: &str) -> serde_json::Value {
    let text = match program {
        "registry" => include_str!("../../../idl/registry.json"),
        "staking" => include_str!("../../../idl/staking.json"),
        _ => include_str!("../../../idl/market.json"),
    };
    serde_json::from_str(text).expect("JSON")
}

fn discriminator(program: &str, list: &str, name: &str) -> Vec<u8> {
    let idl = idl(program);
    let entries = idl[list].as_array().expect("a list");
    let entry = entries
        .iter()
        .find(|entry| entry["name"] == name)
        .expect("an entry of that name");
    serde_json::from_value(entry["discriminator"].clone()).expect("bytes")
}

/// The program of that name.
pub fn program(schema: &Schema, name: &str) -> Key {
    schema
        .programs
        .iter()
        .find(|program| program.name == name)
        .expect("a program")
        .address
}

/// Bytes of an account of type `name` with `fields` set and the rest filled with `fill`.
pub fn account(schema: &Schema, owner: &str, name: &str, fill: u8, fields: &[(&str, &[u8])]) -> Vec<u8> {
    let discriminator = discriminator(owner, "accounts", name);
    let table: String = name
        .char_indices()
        .map(|(at, letter)| match letter.is_uppercase() && at > 0 {
            true => format!("_{}", letter.to_lowercase()),
            false => letter.to_lowercase().to_string(),
        })
        .collect();
    let account = schema
        .accounts
        .iter()
        .find(|account| account.table == table)
        .expect("a table");
    let mut data = discriminator;
    data.resize(account.size, fill);
    for (name, bytes) in fields {
        let field = account
            .fields
            .iter()
            .find(|field| field.name == *name)
            .expect("a field");
        data[field.offset..field.offset + field.size].copy_from_slice(bytes);
    }
    data
}

/// An event as a program logs it.
pub fn event(schema: &Schema, owner: &str, name: &str, body: &[&[u8]]) -> LoggedData {
    let mut data = discriminator(owner, "events", name);
    data.extend(body.concat());
    LoggedData {
        program: program(schema, owner),
        data,
    }
}

pub fn write(owner: Key, address: Key, write_version: u64, data: Vec<u8>) -> AccountWrite {
    AccountWrite {
        address,
        write_version,
        lamports: 1,
        owner,
        data,
        signature: None,
    }
}

pub fn facts(slot: u64, parent: u64) -> BlockFacts {
    BlockFacts {
        parent,
        parent_blockhash: format!("hash{parent}"),
        blockhash: format!("hash{slot}"),
        time: Some(1_700_000_000 + slot as i64),
    }
}

/// A bank whose one transaction logged `events`.
pub fn bank(slot: u64, writes: Vec<AccountWrite>, closed: &[Key], events: Vec<LoggedData>) -> SealedBank {
    let mut accounts: BTreeMap<Key, Change> = writes
        .into_iter()
        .map(|write| (write.address, Change::Written(write)))
        .collect();
    accounts.extend(closed.iter().map(|address| (*address, Change::Closed)));
    let mut signature = [0; 64];
    signature[..8].copy_from_slice(&slot.to_be_bytes());
    let transaction = Transaction {
        signature,
        index: 3,
        emptied: closed.to_vec(),
        touched: Vec::new(),
        logged: events,
        incomplete: false,
    };
    SealedBank {
        slot,
        facts: facts(slot, slot - 1),
        accounts,
        transactions: vec![transaction],
        doubtful: Vec::new(),
    }
}

/// Everything in the tables that replays must not change, as Postgres prints it.
pub async fn dump(store: &Store) -> Vec<String> {
    let mut rows = Vec::new();
    let accounts = store
        .schema()
        .accounts
        .iter()
        .map(|account| (account.table.as_str(), "address"));
    for (table, order) in accounts.chain([("event", "signature, index"), ("event_gap", "from_slot")]) {
        let columns = if table == "event_gap" {
            "from_slot, to_slot"
        } else {
            "*"
        };
        let sql = format!("select t::text from (select {columns} from {table} order by {order}) t");
        let found: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(store.pool())
            .await
            .expect("rows");
        rows.extend(found.into_iter().map(|(row,)| format!("{table} {row}")));
    }
    rows
}
