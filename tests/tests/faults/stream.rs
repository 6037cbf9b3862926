//! A stream that is cut, repeats itself, comes out of order, or says nothing.

use gantry_localnet::faults::Stall;

use super::lab::{Lab, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_repeated_reordered_and_silent_streams() -> anyhow::Result<()> {
    let mut lab = Lab::start().await?;

    lab.faults.set(|wire| wire.cut_within = Some(60));
    lab.trade.rounds(6).await?;
    let cuts = lab.faults.done()["cuts"];
    assert!(cuts > 10, "{cuts} cuts");
    lab.check(
        "stream cut at random offsets",
        &format!("{cuts} cuts, each within 60 updates"),
    )
    .await?;

    lab.faults.set(|wire| wire.repeats = 2);
    lab.trade.rounds(4).await?;
    let repeated = lab.faults.done()["duplicates"];
    lab.check(
        "duplicated updates",
        &format!("{repeated} updates twice more, and older ones between them"),
    )
    .await?;

    lab.faults.set(|wire| {
        wire.shuffle = true;
        wire.late_statuses = 5;
        wire.repeats = 1;
    });
    lab.trade.rounds(4).await?;
    let (reordered, late) = (lab.faults.done()["reordered"], lab.faults.done()["delays"]);
    lab.check(
        "reordered and delayed updates",
        &format!("{reordered} updates in another order, {late} confirmations 5 late"),
    )
    .await?;

    for (stall, what) in [(Stall::Content, "pings alone"), (Stall::Everything, "nothing at all")] {
        let noticed = lab
            .counted("gantry_indexer_subscriptions_ended_total{reason=\"silent\"")
            .await?;
        lab.faults.set(|wire| wire.stall = Some(stall));
        let at = lab.checkpoint().await?.slot;
        lab.trade.rounds(1).await?;
        let counted = async || {
            let now = lab
                .counted("gantry_indexer_subscriptions_ended_total{reason=\"silent\"")
                .await?;
            Ok(now > noticed)
        };
        until(counted, "the silence is noticed").await?;
        let moved = lab.checkpoint().await?.slot - at;
        lab.check(
            "silent stream",
            &format!("{what} until it was noticed and opened again; {moved} slots came before"),
        )
        .await?;
    }
    Ok(())
}
