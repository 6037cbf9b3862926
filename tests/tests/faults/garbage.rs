//! A server that sends what no server should, and a customer who hides what he did from it.

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
        let name = "gantry_indexer_malformed_updates_total";
        until(async || Ok(lab.counted(name).await? > before), "it is counted").await?;
        lab.caught_up().await?;
        let counted = lab.counted(name).await? - before;
        lab.check(
            "malformed updates",
            &format!("{garbage:?}: 2 updates, {counted} subscriptions ended and counted"),
        )
        .await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_leaves_without_a_trace() -> anyhow::Result<()> {
    let mut lab = Lab::start().await?;
    let job = lab.trade.cancel_and_refund().await?;
    lab.caught_up().await?;
    // No update of the account passed the filter by owner, and it had lamports before and after.
    let closed = async || {
        let closed: bool = sqlx::query_scalar("select closed from job where address = $1")
            .bind(job.to_bytes().as_slice())
            .fetch_one(lab.store.pool())
            .await?;
        anyhow::Ok(closed)
    };
    let at_once = closed().await?;
    until(&closed, "the doubt is settled").await?;
    lab.check(
        "account closed and paid again in one transaction",
        &format!("closed in the table at once: {at_once}; once it was final: true"),
    )
    .await
}
