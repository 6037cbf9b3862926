//! A server that sends what no server should.

use gantry_localnet::faults::Garbage;

use super::lab::{Lab, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_account_data_and_malformed_updates() -> anyhow::Result<()> {
    let mut lab = Lab::start().await?;
    // Data that no type describes is counted, and read from the chain once it is final.
    for garbage in [
        Garbage::TruncatedData,
        Garbage::NoData,
        Garbage::OversizedData,
        Garbage::ForeignData,
    ] {
        let before = lab.counted("gantry_indexer_unknown_accounts_total").await?;
        lab.faults.set(|wire| wire.garbage = Some((garbage, 5)));
        lab.trade.rounds(2).await?;
        lab.caught_up().await?;
        let counted = lab.counted("gantry_indexer_unknown_accounts_total").await? - before;
        assert!(counted >= 1.0, "{garbage:?}: {counted} counted");
        lab.check(
            "hostile account data",
            &format!("{garbage:?}: 5 updates, {counted} accounts counted"),
        )
        .await?;
    }
    // What makes no sense at all ends the subscription: what the server meant is not guessed.
    for garbage in [
        Garbage::ShortKey,
        Garbage::NoAccount,
        Garbage::HugeSlot,
        Garbage::HugeVersion,
        Garbage::OwnParent,
        Garbage::NoResult,
    ] {
        let before = lab.counted("gantry_indexer_malformed_updates_total").await?;
        lab.faults.set(|wire| wire.garbage = Some((garbage, 2)));
        lab.trade.rounds(1).await?;
        let counted = async || Ok(lab.counted("gantry_indexer_malformed_updates_total").await? >= before + 2.0);
        until(counted, "both are counted").await?;
        lab.check(
            "malformed updates",
            &format!("{garbage:?}: 2 updates, 2 counted, 2 subscriptions ended"),
        )
        .await?;
    }
    Ok(())
}
