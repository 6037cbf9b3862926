//! kill -9 in the middle: nothing is lost, nothing is invented, nothing is signed twice.

use gantry_sdk::state::{AnyEvent, JobExt as _, JobStatus};
use gantry_tests::market::{TestMarket, assert_conserved};
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread")]
async fn an_indexer_killed_mid_stream_catches_up_without_a_difference() -> anyhow::Result<()> {
    let mut test = TestMarket::start().await?;
    let job = test.open_render(24).await?;
    test.until(&job, |job| job.status() == Some(JobStatus::Running)).await?;
    test.market.stack.child("indexer")?.kill9().await?;
    // The job goes on without it, and leaves receipts that the indexer has not seen.
    test.until(&job, |job| job.sequence >= 2).await?;
    test.market.stack.child("indexer")?.restart().await?;
    assert_conserved(&test.settled(&job).await?);
    let report = test.market.verify().await?;
    assert!(report.rows > 10, "{report:?}");
    assert_eq!(report.differences, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_killed_mid_job_resumes_and_signs_no_sequence_twice() -> anyhow::Result<()> {
    let mut test = TestMarket::start().await?;
    let job = test.open_render(24).await?;
    let running = test.until(&job, |job| job.sequence >= 1).await?;
    let process = test.node_process(&running);
    test.market.stack.child(&process)?.kill9().await?;
    test.market.stack.child(&process)?.restart().await?;
    let after = test.until(&job, |job| job.sequence > running.sequence).await?;
    assert!(after.served_seconds >= running.served_seconds);
    assert_conserved(&test.settled(&job).await?);

    let history = test.market.gantry.job_history(&job).await?;
    let mut sequences = BTreeSet::new();
    for event in history.events() {
        if let AnyEvent::ProofSubmitted(proof) = event {
            assert!(sequences.insert(proof.sequence), "sequence {} twice", proof.sequence);
        }
    }
    assert!(sequences.len() >= 2, "{sequences:?}");
    assert!(history.ended().is_some());
    assert_eq!(test.market.verify().await?.differences, 0);
    Ok(())
}
