//! A server that no longer has what the indexer missed, and one whose replays fail.

use std::time::Duration;

use super::lab::{Lab, REPLAY_SLOTS, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missed_replay_window_and_replays_that_fail() -> anyhow::Result<()> {
    let mut lab = Lab::start().await?;
    let snapshots = "select count(*) from outbox where kind = 'snapshot'";

    // Away for longer than the server keeps.
    let before = lab.count(snapshots).await?;
    lab.kill_indexer().await?;
    let left = lab.chain.slot().await?;
    lab.trade.rounds(4).await?;
    while lab.chain.slot().await? < left + REPLAY_SLOTS as u64 + 40 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    lab.start_indexer().await?;
    until(async || Ok(lab.count(snapshots).await? > before), "a snapshot is taken").await?;
    let missed = lab.chain.slot().await? - left;
    lab.check(
        "replay window missed",
        &format!("away for {missed} slots of {REPLAY_SLOTS} kept: snapshot, events filled in from the chain"),
    )
    .await?;

    // The server forgets faster than it is asked.
    let before = lab.count(snapshots).await?;
    lab.kill_indexer().await?;
    lab.trade.rounds(2).await?;
    let tip = lab.chain.slot().await?;
    lab.faults.set(|wire| wire.forget_below = Some(tip));
    lab.start_indexer().await?;
    until(async || Ok(lab.count(snapshots).await? > before), "a snapshot is taken").await?;
    let refused = lab.faults.done()["replays out of range"];
    lab.check(
        "OUT_OF_RANGE",
        &format!("{refused} replays refused: snapshot, events filled in"),
    )
    .await?;

    // It has the slots, and fails to replay them.
    let before = lab.count(snapshots).await?;
    lab.kill_indexer().await?;
    lab.trade.rounds(2).await?;
    lab.faults.set(|wire| wire.fail_replays = true);
    lab.start_indexer().await?;
    until(async || Ok(lab.count(snapshots).await? > before), "a snapshot is taken").await?;
    let failed = lab.faults.done()["failed replays"];
    assert!(failed < 60, "{failed} tries are a storm");
    lab.check(
        "INTERNAL on every replay",
        &format!("{failed} tries with growing pauses, then a snapshot without a replay"),
    )
    .await
}
