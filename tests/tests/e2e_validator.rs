//! The chain part against a real Agave validator: programs, SDK, node and matcher over plain RPC, and the indexer's
//! tables from the same.
//!
//! Runs where `GANTRY_TEST_VALIDATOR` names a `solana-test-validator`; says so where it does not.

use gantry_indexer::ingest::from_rpc;
use gantry_indexer::rpc::Chain as IndexerChain;
use gantry_indexer::schema::Schema;
use gantry_indexer::store::Store;
use gantry_indexer::verify::{Report, verify};
use gantry_sdk::{
    market, registry, staking,
    state::{JobExt as _, JobStatus},
};
use gantry_stack::{
    Chain, Database,
    child::{Child, ChildSpec, Orphan, Readiness},
    postgres::{Postgres, PrivateOptions},
    stack::ChainUrls,
};
use gantry_tests::market::{TestMarket, assert_conserved, repository};
use std::{net::TcpListener, path::Path, sync::Arc, time::Duration};

/// Free ports for RPC and faucet. The validator takes the port after the RPC port for WebSocket; those after it are for
/// its other sockets.
fn free_ports() -> anyhow::Result<(u16, u16)> {
    loop {
        let rpc = TcpListener::bind("127.0.0.1:0")?;
        let port = rpc.local_addr()?.port();
        if port < 60_000 && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            let faucet = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            return Ok((port, faucet));
        }
    }
}

async fn start_validator(binary: &Path, folder: &Path, rpc: u16, faucet: u16) -> anyhow::Result<Child> {
    let mut spec = ChildSpec::new("validator", binary, folder.join("validator.log"))
        .arg("--ledger")
        .arg(folder.join("ledger"))
        .args(["--reset", "--quiet", "--bind-address", "127.0.0.1"])
        .args(["--rpc-port", &rpc.to_string(), "--faucet-port", &faucet.to_string()])
        // The defaults are the same for every validator on a machine.
        .args(["--gossip-port", &(rpc + 2).to_string()])
        .args(["--dynamic-port-range", &format!("{}-{}", rpc + 3, rpc + 60)])
        .ready(Readiness::Http(format!("http://127.0.0.1:{rpc}/health")))
        .orphan(Orphan::Guarded(None));
    for (id, name) in [
        (registry::ID, "registry"),
        (staking::ID, "staking"),
        (market::ID, "market"),
    ] {
        let file = repository().join("target/deploy").join(name).with_extension("so");
        spec = spec.args(["--bpf-program".into(), id.to_string().into(), file.into_os_string()]);
    }
    spec.ready_within = Duration::from_secs(120);
    Ok(Child::start(spec).await?)
}

/// The tables from the validator's RPC alone, which has no stream, and how they compare with it.
async fn index_by_rpc(url: &str, folder: &Path) -> anyhow::Result<Report> {
    let postgres = Postgres::private(PrivateOptions::new(folder.join("postgres-run"))).await?;
    let store = Store::open(postgres.url(), Arc::new(Schema::embedded()?)).await?;
    let chain = IndexerChain::new(url.to_owned());
    // Nobody writes any more: once that is final, what is confirmed is what is final.
    let quiet = chain.slot().await?;
    for program in &store.schema().programs {
        while let Err(error) = chain.program_accounts(&program.address, quiet, "finalized").await {
            // A slot's length: the server refuses a slot that it has not reached at this commitment, and cannot be asked to wait.
            tokio::time::sleep(Duration::from_millis(400)).await;
            anyhow::ensure!(chain.slot().await? < quiet + 400, "not final after 400 slots: {error}");
        }
    }
    from_rpc(&store, &chain).await?;
    Ok(verify(&store, &chain, Duration::from_secs(30)).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_on_a_real_validator() -> anyhow::Result<()> {
    let Some(binary) = std::env::var_os("GANTRY_TEST_VALIDATOR").filter(|path| !path.is_empty()) else {
        println!("skipped: GANTRY_TEST_VALIDATOR names no solana-test-validator");
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let (rpc, faucet) = free_ports()?;
    let mut validator = start_validator(Path::new(&binary), folder.path(), rpc, faucet).await?;
    let urls = ChainUrls {
        rpc: format!("http://127.0.0.1:{rpc}"),
        ws: format!("ws://127.0.0.1:{}", rpc + 1),
        grpc: None,
    };
    let test = TestMarket::start_on(Chain::External(urls), Database::None).await?;
    let job = test.open_render(16).await?;
    test.until(&job, |job| job.status() == Some(JobStatus::Finished))
        .await?;
    let settled = test.settled(&job).await?;
    assert_conserved(&settled);
    assert!(settled.paid_seconds > 0);
    let manifest = test.market.gantry.result(&job, &test.market.blobs).await?;
    assert_eq!((manifest.exit_code, manifest.missing.len()), (0, 0));
    // One that is still there when the tables are compared.
    test.open_render(16).await?;
    drop(test);
    let report = index_by_rpc(&format!("http://127.0.0.1:{rpc}"), folder.path()).await?;
    println!(
        "verify against a real validator: {} rows, differences {}",
        report.rows,
        report.differences.len()
    );
    assert!(report.rows > 10, "{report:?}");
    assert!(report.tables["job"] > 0 && report.tables["node"] > 0, "{report:?}");
    assert!(report.differences.is_empty(), "{:#?}", report.differences);
    validator.stop().await;
    Ok(())
}
