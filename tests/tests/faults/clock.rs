//! Clocks that jump: the indexer's own, two that disagree, and the stream's.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use chrono::DateTime;

use super::lab::{Lab, until};

/// Where Debian's package `libfaketime` has what stands between a program and the clock.
fn libfaketime() -> anyhow::Result<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib")?.flatten().map(|entry| entry.path());
    let mut found = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
    found
        .find(|file| file.exists())
        .context("no libfaketime: `apt-get install libfaketime`, or `cargo xtask setup`")
}

/// A clock that is `seconds` from the right one, from now on.
fn set(clock: &Path, seconds: i64) -> anyhow::Result<()> {
    let part = clock.with_extension("part");
    std::fs::write(&part, format!("{seconds:+}\n"))?;
    Ok(std::fs::rename(part, clock)?)
}

fn environment(library: &Path, clock: &Path) -> Vec<(String, String)> {
    let text = |path: &Path| path.display().to_string();
    [
        ("LD_PRELOAD", text(library)),
        ("FAKETIME_TIMESTAMP_FILE", text(clock)),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        // When somebody sets a clock, the time since the start goes on as it was.
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Waits for a line of the log, after the first `bytes` of it, that the indexer wrote `seconds` from the right time.
/// The `Date` of its answers would not do: it is kept until a time that a clock which is set back takes long to reach.
async fn jumped(lab: &Lab, bytes: usize, seconds: i64) -> anyhow::Result<()> {
    let jumped = async || {
        let log = lab.log();
        let lines = log.get(bytes..).unwrap_or_default().lines();
        let mut times = lines.filter_map(|line| DateTime::parse_from_rfc3339(line.split_once(' ')?.0).ok());
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() as i64;
        Ok(times.any(|time| (time.timestamp() - seconds).abs_diff(now) < 600))
    };
    until(jumped, "the indexer's clock has jumped")
        .await
        .inspect_err(|_| lab.show_log())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_jump_an_hour_back_and_a_day_ahead() -> anyhow::Result<()> {
    let library = libfaketime()?;
    let mut lab = Lab::start().await?;
    let folder = tempfile::tempdir()?;
    let clock = folder.path().join("clock");
    set(&clock, 0)?;
    lab.kill_indexer().await?;
    lab.environment = environment(&library, &clock);
    lab.start_indexer().await?;
    lab.caught_up().await?;
    for (seconds, what) in [
        (-3_600, "an hour back"),
        (86_400, "a day ahead"),
        (0, "to the right time again"),
    ] {
        let said = lab.log().len();
        set(&clock, seconds)?;
        let at = lab.checkpoint().await?.slot;
        // Some of it over a new subscription and a new connection to the database.
        lab.faults.set(|wire| wire.cut_within = Some(200));
        lab.trade.rounds(3).await?;
        lab.caught_up().await?;
        jumped(&lab, said, seconds).await?;
        lab.faults.clear();
        let moved = lab.checkpoint().await?.slot - at;
        lab.check(
            "the indexer's clock jumps",
            &format!("{what}; {moved} slots written since, some of them after the stream was cut"),
        )
        .await?;
    }

    // Who leads is not a matter of time: one a day ahead, the other an hour behind.
    set(&clock, 86_400)?;
    let behind = folder.path().join("behind");
    set(&behind, -3_600)?;
    let leading = std::mem::replace(&mut lab.environment, environment(&library, &behind));
    let mut second = lab.spawn(&folder.path().join("second.json"))?;
    lab.trade.rounds(1).await?;
    lab.kill_indexer().await?;
    let slot = lab.chain.slot().await? as i64;
    let begun = std::time::Instant::now();
    until(
        async || Ok(lab.checkpoint().await?.slot >= slot),
        "the second takes over",
    )
    .await?;
    let took = begun.elapsed();
    second.kill().await?;
    lab.environment = leading;
    lab.start_indexer().await?;
    lab.check(
        "two clocks a day apart",
        &format!("the other indexer took over within {} ms", took.as_millis()),
    )
    .await?;

    // The stream's: times of blocks and of messages.
    for (seconds, what) in [
        (-3_600, "an hour back"),
        (86_400, "a day ahead"),
        (0, "and right again"),
    ] {
        lab.faults.set(|wire| wire.clock_seconds = seconds);
        lab.trade.rounds(2).await?;
        lab.caught_up().await?;
        let kept = lab
            .count("select coalesce(max(block_time) - extract(epoch from now())::bigint, 0) from event")
            .await?;
        ensure!(
            seconds != 86_400 || kept > 80_000,
            "the newest event is {kept} s ahead, which no jump of a day is"
        );
        lab.check("the chain's clock jumps", &format!("{what}, in blocks and messages"))
            .await?;
    }
    Ok(())
}
