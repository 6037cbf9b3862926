//! Banks that die, blocks that lose, and blocks that were confirmed and lose even so.

use gantry_localnet::faults::Fate;

use super::lab::{Lab, until};

async fn rollbacks(lab: &Lab) -> anyhow::Result<i64> {
    lab.count("select count(*) from outbox where kind = 'rollback'").await
}

async fn undone(lab: &Lab) -> anyhow::Result<i64> {
    lab.count("select coalesce(sum(count), 0)::bigint from outbox where kind = 'undone'")
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forks_and_dead_slots() -> anyhow::Result<()> {
    let mut lab = Lab::start().await?;
    for (fate, what) in [(Fate::Dead, "died half done"), (Fate::Abandoned, "were whole and lost")] {
        for slots in [1, 2, 5] {
            lab.faults.fork(slots, fate);
        }
        lab.trade.rounds(4).await?;
        until(async || Ok(!lab.faults.has_forks()), "the branches came").await?;
        assert_eq!(rollbacks(&lab).await?, 0, "nothing of them was confirmed");
        lab.check(
            if fate == Fate::Dead {
                "dead slots"
            } else {
                "abandoned forks"
            },
            &format!("8 banks in 3 branches of 1, 2 and 5 slots {what}"),
        )
        .await?;
    }
    for slots in [1, 2, 5, 12] {
        lab.faults.fork(slots, Fate::Confirmed);
        let before = rollbacks(&lab).await?;
        lab.trade.rounds(2).await?;
        until(async || Ok(rollbacks(&lab).await? > before), "the branch is undone").await?;
    }
    let (back, undone) = (rollbacks(&lab).await?, undone(&lab).await?);
    lab.check(
        "confirmed blocks abandoned",
        &format!("20 confirmed banks in 4 branches: {back} ways back, {undone} changes undone"),
    )
    .await?;

    // Written, then the process is killed, and the chain has gone another way when it comes back.
    let before = rollbacks(&lab).await?;
    let on_branch = "select count(*) from block where blockhash like '0branch%'";
    lab.faults.fork(20, Fate::Confirmed);
    until(async || Ok(lab.count(on_branch).await? > 3), "the branch is written").await?;
    lab.kill_indexer().await?;
    let killed = lab.count(on_branch).await?;
    lab.trade.rounds(3).await?;
    lab.start_indexer().await?;
    lab.caught_up().await?;
    until(async || Ok(rollbacks(&lab).await? > before), "the branch is undone").await?;
    lab.check(
        "confirmed blocks abandoned while it was down",
        &format!("killed with {killed} blocks of a branch written, which had lost when it came back"),
    )
    .await
}
