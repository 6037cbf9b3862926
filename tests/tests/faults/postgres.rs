//! A database that is killed, and one that stands still.

use std::time::{Duration, Instant};

use gantry_stack::child::Signal;
use gantry_stack::processes::with_descendants;

use super::lab::{Lab, until};

/// How long the database stands still at least.
const FROZEN: Duration = Duration::from_secs(12);
/// The measurement, with the blank that ends its name.
const AGE: &str = "gantry_indexer_checkpoint_age_seconds ";
/// Most memory that the indexer may have, of which 16 + 4 MiB are for what waits.
const MOST_MIB: u64 = 256;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_killed_and_one_that_stands_still() -> anyhow::Result<()> {
    let mut lab = Lab::start().await?;
    for _ in 0..2 {
        lab.trade.rounds(1).await?;
        lab.server()?.kill9().await?;
        lab.trade.rounds(2).await?;
        lab.server()?.restart().await?;
        lab.caught_up().await?;
    }
    lab.check(
        "Postgres killed",
        "SIGKILL twice while the market moved, seconds away each time",
    )
    .await?;

    let fresh = async || Ok(lab.counted(AGE).await? < FROZEN.as_secs_f64() / 2.0);
    until(fresh, "the tables are fresh").await?;
    let before = lab.peak_mib()?;
    // Each update several times: more than the market alone has to say.
    lab.faults.set(|wire| wire.repeats = 10);
    let server = lab.server()?.server_pid().expect("it runs");
    let all = with_descendants(&[server]);
    all.iter().for_each(|process| process.signal(Signal::STOP));
    let begun = Instant::now();
    while begun.elapsed() < FROZEN {
        lab.trade.round().await?;
    }
    // Who watches sees the tables age, though nobody can ask how old they are.
    let aged = async || Ok(lab.counted(AGE).await? >= FROZEN.as_secs_f64());
    until(aged, "the tables age").await?;
    let peak = lab.peak_mib()?;
    all.iter().for_each(|process| process.signal(Signal::CONT));
    let frozen = begun.elapsed().as_secs();
    let sent = lab.faults.done()["duplicates"];
    assert!(peak <= MOST_MIB, "{peak} MiB");
    lab.check(
        "Postgres frozen under load",
        &format!("SIGSTOP for {frozen} s, {sent} updates more; {before} MiB before, {peak} at most"),
    )
    .await
}
