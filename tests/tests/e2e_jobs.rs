//! Jobs through all processes: chain, Postgres, indexer, matcher, nodes.

use gantry_sdk::state::{JobExt as _, JobOutcome, JobStatus};
use gantry_stack::{
    Database, Ports, Stack,
    binaries::Binaries,
    daemons::Programs,
    demo::{Say, demo},
};
use gantry_tests::market::{TestMarket, assert_conserved, example_spec, repository};

/// The demo is the main path: deposit, match, receipts, picture, settlement, API, verify.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_runs_its_job_and_finds_nothing_wrong() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let programs = Programs::of_repository(&repository());
    let stack = Stack::builder(folder.path())
        .chain(gantry_stack::Chain::Localnet {
            programs,
            slot_time_ms: 400,
        })
        .database(Database::Private)
        .ports(Ports::FREE)
        .binaries(Binaries::new(repository().join("target/debug")))
        .start(|_| {})
        .await?;
    let (summary, mut stack) = demo(stack, &example_spec(), &Say::new(true)).await?;
    stack.stop().await;
    assert!(summary.ok);
    let paid = summary.provider + summary.matcher + summary.treasury + summary.customer;
    assert_eq!(paid, summary.deposited);
    assert!(summary.served_seconds > 0 && summary.provider > 0 && summary.matcher > 0 && summary.treasury > 0);
    assert!(summary.verify.rows > 10, "{:?}", summary.verify);
    assert_eq!(summary.verify.differences, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_job_is_paid_until_the_stop_and_settles() -> anyhow::Result<()> {
    let test = TestMarket::start().await?;
    let job = test.open_render(4_000).await?;
    test.until(&job, |job| job.served_seconds > 2).await?;
    test.market.gantry.stop_job(&test.market.customer, &job).await?;
    let stopped = test
        .until(&job, |job| job.status() == Some(JobStatus::Finished))
        .await?;
    assert_eq!(stopped.outcome(), Some(JobOutcome::Stopped));
    let settled = test.settled(&job).await?;
    assert_conserved(&settled);
    assert!(settled.paid_seconds > 2 && settled.to_customer > settled.bill);
    assert_eq!(test.market.verify().await?.differences, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_no_node_fits_stays_open_and_says_why() -> anyhow::Result<()> {
    let test = TestMarket::start().await?;
    let examples = repository().join("examples");
    let mut spec = gantry_sdk::spec::JobSpec::load(&example_spec())?;
    spec.requirements.countries = vec!["JP".to_owned()];
    let prepared = spec.prepare(&examples, &test.market.blobs).await?;
    let request = gantry_sdk::client::OpenJob::new(&prepared);
    let opened = test.market.gantry.open_job(&test.market.customer, request).await?;
    let why = tokio::process::Command::new(repository().join("target/debug/gantry"))
        .args(["--rpc-url", &test.market.stack.chain().rpc, "--output", "json"])
        .args(["job", "why", &opened.address.to_string()])
        .output()
        .await?;
    let text = String::from_utf8(why.stdout)?;
    assert!(
        text.contains("is in another country"),
        "{text} {}",
        String::from_utf8_lossy(&why.stderr)
    );
    let job = test.market.gantry.require_job(&opened.address).await?;
    assert_eq!(job.status(), Some(JobStatus::Open));
    test.market
        .gantry
        .cancel_job(&test.market.customer, &opened.address)
        .await?;
    Ok(())
}
