//! The indexer as a process, against a running local network, killed again and again while the market moves.

mod common;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use common::otlp::{Collector, text};
use common::{Server, measured};
use gantry_indexer::rpc::Chain;
use gantry_indexer::store::Store;
use gantry_indexer::verify::verify;
use gantry_sdk::bootstrap::{Deployment, ONE_TOKEN, bootstrap};
use gantry_sdk::client::OpenJob;
use gantry_sdk::spec::JobSpec;
use gantry_sdk::{Gantry, Keypair, Signer, blob::BlobStore, ix};
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// For anything that is waited for here.
const PATIENCE: Duration = Duration::from_secs(60);
/// Kills that the tables survive at least while the market moves; mostly it is more.
const KILLS: u32 = 3;
/// Slots of 50 ms that the network keeps for replay: more than a restart takes, on a busy machine too.
const REPLAY_SLOTS: u64 = 300;

struct Network {
    _process: Child,
    rpc_url: String,
    grpc_url: String,
}

/// What the indexers of a test said, shown where it fails.
struct Log(PathBuf);

impl Drop for Log {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", std::fs::read_to_string(&self.0).unwrap_or_default());
        }
    }
}

/// A line of JSON, once the file is there.
async fn ready(file: &Path) -> String {
    let wait = async {
        loop {
            match tokio::fs::read_to_string(file).await {
                Ok(text) => return text,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("{} does not appear", file.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a parent")
        .to_owned()
}

async fn network(folder: &Path) -> Network {
    // Beside this crate's own binary; cargo builds only that one for us.
    let program = Path::new(env!("CARGO_BIN_EXE_gantry-indexer")).with_file_name("gantry-localnet");
    assert!(
        program.exists(),
        "{} is missing: run `cargo build -p gantry-localnet`",
        program.display()
    );
    let file = folder.join("localnet.json");
    let process = Command::new(program)
        .args([
            "--rpc-port",
            "0",
            "--ws-port",
            "0",
            "--grpc-port",
            "0",
            "--slot-time-ms",
            "50",
            "--exit-with-parent",
        ])
        .args(["--replay-slots", &REPLAY_SLOTS.to_string(), "--ready-file"])
        .arg(&file)
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("a process");
    let json: serde_json::Value = serde_json::from_str(&ready(&file).await).expect("JSON");
    let url = |name: &str| json[name].as_str().expect("a URL").to_owned();
    Network {
        _process: process,
        rpc_url: url("rpc_url"),
        grpc_url: url("grpc_url"),
    }
}

fn indexer(network: &Network, database_url: &str, folder: &Path, collector: &Collector) -> Child {
    let ready = folder.join("indexer.json");
    let _ = std::fs::remove_file(&ready);
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("indexer.log"))
        .expect("a log");
    Command::new(env!("CARGO_BIN_EXE_gantry-indexer"))
        .args(["run", "--exit-with-parent", "--listen", "127.0.0.1:0"])
        .args([
            "--rpc-url",
            &network.rpc_url,
            "--grpc-url",
            &network.grpc_url,
            "--database-url",
            database_url,
            "--otlp-endpoint",
            &collector.url,
            "--ready-file",
        ])
        .arg(ready)
        .stdin(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .expect("a process")
}

/// Opens and cancels jobs, lists nodes and changes their prices, `rounds` times. There is a kill for every third round
/// that has been, up to [`KILLS`], before it goes on.
async fn trade(gantry: &Gantry, deployment: &Deployment, folder: &Path, rounds: u32, mut kills: watch::Receiver<u32>) {
    let blobs = BlobStore::open(folder.join("blobs")).expect("a store");
    let spec = r#"{"version":1,"name":"none","runner":{"process":{"command":["true"]}},"outputs":["out"],
        "max_price_per_hour":"1.50","max_duration_seconds":60}"#;
    let spec = JobSpec::from_json(spec.as_bytes())
        .expect("a spec")
        .prepare(folder, &blobs)
        .await
        .expect("a spec");
    let (provider, customer) = (Keypair::new(), Keypair::new());
    for wallet in [&provider, &customer] {
        gantry.airdrop(&wallet.pubkey(), 2_000_000_000).await.expect("SOL");
        deployment
            .mint_to(gantry, &wallet.pubkey(), 500 * ONE_TOKEN, 50 * ONE_TOKEN)
            .await
            .expect("tokens");
    }
    gantry.register_provider(&provider, [0; 32]).await.expect("a provider");
    let pool = gantry
        .create_pool(&provider, &deployment.payment.mint, 1_000)
        .await
        .expect("a pool");
    gantry.stake(&provider, &pool, 200 * ONE_TOKEN).await.expect("stake");
    for round in 0..rounds {
        let due = KILLS.min(round / 3);
        kills.wait_for(|kills| *kills >= due).await.expect("somebody kills");
        let args = ix::NodeArgs {
            price_mint: deployment.payment.mint,
            price_per_hour: ONE_TOKEN,
            disk_gib: 10,
            mbps: 100,
            gpu_model: 0,
            vram_gib: 0,
            cpu_cores: 2,
            ram_gib: 4,
            country: *b"DE",
            gpu_count: 0,
        };
        let node = gantry
            .register_node(&provider, &Keypair::new(), args)
            .await
            .expect("a node");
        gantry
            .update_price(&provider, &node, ONE_TOKEN + u64::from(round))
            .await
            .expect("a price");
        let job = gantry.open_job(&customer, OpenJob::new(&spec)).await.expect("a job");
        if round % 2 == 0 {
            gantry.cancel_job(&customer, &job.address).await.expect("cancelled");
        }
    }
}

/// Slots whose events are not known, those before the indexer first began aside.
async fn gaps(store: &Store) -> Vec<(i64, i64)> {
    let sql = "select from_slot, to_slot from event_gap where from_slot > 0 order by from_slot";
    sqlx::query_as(sql).fetch_all(store.pool()).await.expect("rows")
}

/// Compares once all that has happened is final: the report counts rows at a final slot.
async fn compare(store: &Store, chain: &Chain) -> gantry_indexer::verify::Report {
    let now = chain.slot().await.expect("a slot") as i64;
    let settled = async {
        while store
            .checkpoint()
            .await
            .expect("an answer")
            .is_none_or(|at| at.finalized_slot < now)
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, settled)
        .await
        .expect("the tables are final");
    let report = verify(store, chain, PATIENCE).await.expect("a comparison");
    assert_eq!(report.differences, [], "at slot {}", report.slot);
    report
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tables_are_the_chain_after_kills_and_after_missing_more_than_the_server_keeps() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start().await;
    let store = server.store("live").await;
    let url = sqlx::ConnectOptions::to_url_lossy(&*store.pool().connect_options()).to_string();
    let _log = Log(folder.path().join("indexer.log"));
    let network = network(folder.path()).await;
    let (gantry, chain) = (
        Gantry::connect(network.rpc_url.clone()),
        Chain::new(network.rpc_url.clone()),
    );
    let mut collector = Collector::start().await;
    let mut process = indexer(&network, &url, folder.path(), &collector);
    let deployment = bootstrap(&gantry, folder.path()).await.expect("set up");

    // Killed at moments that are not chosen: each time some more banks were written, and what comes next is still there.
    let (kills, killed) = watch::channel(0);
    let trading = trade(&gantry, &deployment, folder.path(), 12, killed.clone());
    tokio::pin!(trading);
    loop {
        let written = async || {
            let at = store.checkpoint().await.expect("an answer");
            at.map_or(0, |at| at.slot as u64)
        };
        let begun = written().await;
        let moved_on = async {
            loop {
                let (at, tip) = (written().await, chain.slot().await.expect("a slot"));
                if at >= begun + 5 && at + REPLAY_SLOTS / 3 >= tip {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(7)).await;
            }
        };
        tokio::select! {
            () = &mut trading => break,
            moved_on = tokio::time::timeout(PATIENCE, moved_on) => {
                moved_on.expect("the tables move on");
                process.kill().await.expect("SIGKILL");
                kills.send_modify(|kills| *kills += 1);
                process = indexer(&network, &url, folder.path(), &collector);
            }
        }
    }
    println!("{} kills", *killed.borrow());
    assert!(*killed.borrow() >= KILLS, "it was killed while the market moved");
    let report = compare(&store, &chain).await;
    assert_eq!(
        (report.tables["node"], report.tables["job"], report.tables["provider"]),
        (12, 6, 1)
    );
    let missed = gaps(&store).await;
    assert!(
        missed.is_empty(),
        "no kill kept it away for longer than the server replays: {missed:?}"
    );
    let events: Vec<(String, i64)> =
        sqlx::query_as("select name, count(*) from event where name like 'Job%' group by name order by name")
            .fetch_all(store.pool())
            .await
            .expect("rows");
    assert_eq!(
        events,
        [("JobCancelled".to_owned(), 6), ("JobOpened".to_owned(), 12)],
        "each once, none lost"
    );
    let (closed,): (i64,) = sqlx::query_as("select count(*) from job where closed")
        .fetch_one(store.pool())
        .await
        .expect("a row");
    // A job that was opened and cancelled in one slot was never there at a slot's end.
    assert!(closed <= 6);

    // Away for longer than the server can replay.
    process.kill().await.expect("SIGKILL");
    trade(&gantry, &deployment, folder.path(), 3, killed).await;
    let left = chain.slot().await.expect("a slot");
    while chain.slot().await.expect("a slot") < left + REPLAY_SLOTS + 60 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let _process = indexer(&network, &url, folder.path(), &collector);
    let report = compare(&store, &chain).await;
    assert_eq!((report.tables["node"], report.tables["job"]), (15, 7));
    assert!(!gaps(&store).await.is_empty(), "the slots of that time are told");
    // Their events come from the chain's history, once the slots are final.
    let filled = async {
        let left = "select count(*) from event_gap where from_slot > 0 and filled_at is null";
        while sqlx::query_scalar::<_, i64>(left)
            .fetch_one(store.pool())
            .await
            .expect("a count")
            > 0
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, filled).await.expect("the gap is filled");
    let opened: i64 = sqlx::query_scalar("select count(*) from event where name = 'JobOpened'")
        .fetch_one(store.pool())
        .await
        .expect("a count");
    assert_eq!(opened, 15);

    // It says all of itself that the dashboard and the alerts look at, and a span for each write.
    let json: serde_json::Value =
        serde_json::from_str(&ready(&folder.path().join("indexer.json")).await).expect("JSON");
    let get = async |path: &str| {
        let url = format!("{}{path}", json["api_url"].as_str().expect("a URL"));
        let answer = reqwest::get(url).await.expect("an answer");
        answer.text().await.expect("text")
    };
    get("/v1/jobs").await;
    let metrics = get("/metrics").await;
    measured::all_that_is_looked_at(&metrics);
    let value = |name: &str| measured::value(&metrics, name);
    assert_eq!(value("gantry_indexer_leader"), 1.0);
    assert!(value("gantry_indexer_checkpoint_slot") >= left as f64, "{metrics}");
    assert!(
        value("gantry_indexer_database_bytes") > 1e6 && value("process_resident_memory_bytes") > 1e6,
        "{metrics}"
    );
    let is_write = |span: &opentelemetry_proto::tonic::trace::v1::Span| {
        let slot = text(&span.attributes, "slot").and_then(|slot| slot.parse::<u64>().ok());
        span.name == "write" && slot.is_some_and(|slot| slot > left)
    };
    // Of each write, also right after a query that the database's driver would have logged.
    for _ in 0..50 {
        let (_, span) = collector.span(PATIENCE, is_write).await;
        assert!(text(&span.attributes, "rows").is_some(), "{span:?}");
    }

    // What is wrong is found: a changed column, a lost row, a row that is not on chain.
    sqlx::query("update provider set jobs_completed = 7 where true")
        .execute(store.pool())
        .await
        .expect("changed");
    sqlx::query("delete from pool")
        .execute(store.pool())
        .await
        .expect("deleted");
    sqlx::query("update job set closed = false where closed")
        .execute(store.pool())
        .await
        .expect("changed");
    let report = verify(&store, &chain, PATIENCE).await.expect("a comparison");
    let found = |text: &str| {
        report
            .differences
            .iter()
            .filter(|difference| difference.what.contains(text))
            .count()
    };
    assert_eq!(
        (found("jobs_completed is 7 and should be 0"), found("not in the table")),
        (2, 2)
    );
    assert_eq!(found("gone on chain") as i64, closed);
}
