//! Connections that a network ends without a word, or without anyone hearing it.

use super::lab::{Lab, until};
use super::proxy::{Cut, Proxy};

const RESETS: u64 = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_reset_and_half_open() -> anyhow::Result<()> {
    let mut lab = Lab::start().await?;
    let proxy = Proxy::start(&lab.grpc_url, None).await?;
    lab.kill_indexer().await?;
    lab.grpc_url = format!("http://{}", proxy.address());
    lab.start_indexer().await?;
    lab.caught_up().await?;

    let mut reset = 0;
    while reset < RESETS {
        lab.trade.round().await?;
        until(async || Ok(proxy.open() > 0), "it is connected").await?;
        reset += proxy.cut(Cut::Reset);
    }
    lab.check(
        "connection reset",
        &format!("{reset} connections ended with RST while the market moved"),
    )
    .await?;

    let silent = "gantry_indexer_subscriptions_ended_total{reason=\"silent\"";
    for _ in 0..2 {
        let noticed = lab.counted(silent).await?;
        until(async || Ok(proxy.open() > 0), "it is connected").await?;
        let held = proxy.cut(Cut::HalfOpen);
        assert!(held > 0);
        lab.trade.rounds(1).await?;
        until(
            async || Ok(lab.counted(silent).await? > noticed),
            "the silence is noticed",
        )
        .await?;
        lab.check(
            "half-open connection",
            &format!("{held} connections whose server had gone and never said so, until that was noticed"),
        )
        .await?;
    }
    Ok(())
}
