//! A store that takes long, or refuses for a while: the job does not lapse over it, and nothing is computed twice.

use crate::{daemon::Daemon, gantry::Network};
use anyhow::{Context as _, ensure};
use gantry_sdk::{
    Hash32,
    market::accounts::Job,
    state::{JobExt as _, JobOutcome, JobStatus},
};
use rustix::fs::{CWD, FileType, Mode};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::FileTypeExt as _, path::PathBuf};

/// Receipts that have to come while the result is stored.
const RECEIPTS: u64 = 4;

/// A job that leaves `word` in a file.
fn job(word: &str) -> Value {
    json!({
        "name": word,
        "runner": { "process": { "command": ["say"], "env": { "WORD": word } } },
        "outputs": ["word"],
        "sla_uptime_bps": 10_000,
    })
}

struct Bench {
    network: Network,
    node: String,
    daemon: Daemon,
}

impl Bench {
    async fn start() -> anyhow::Result<Self> {
        let network = Network::start().await?;
        let node = network.list(&["node"])?.pop().context("a node")?;
        let tools = network.script("say", "echo \"$WORD\" > word; echo \"$WORD\"")?;
        let search = ["--search-path", &tools.display().to_string()];
        let daemon = network.daemon(&["node"], &search).await?;
        Ok(Self { network, node, daemon })
    }

    /// Where the result of [`job`] comes to lie, in a folder that is not there yet.
    fn place(&self, word: &str) -> PathBuf {
        let hash = Hash32::of(format!("{word}\n").as_bytes()).to_string();
        self.network.blobs().join("sha256").join(&hash[..2]).join(&hash)
    }

    /// Has the node run it; gives its account once the node is at storing its result.
    async fn run(&self, word: &str) -> anyhow::Result<String> {
        let opened = self.network.open_at(&self.node, &job(word), &[])?;
        let address = opened["address"].as_str().context("an address")?;
        self.network.ok("keeper", &["keeper", "assign", address, &self.node])?;
        self.daemon
            .logged(&format!("the job's command has ended job={address}"))
            .await?;
        Ok(address.to_owned())
    }

    /// Waits for some receipts more.
    async fn proven_on(&self, address: &str) -> anyhow::Result<()> {
        let before = self.network.client.require_job(&address.parse()?).await?.sequence;
        let reached = |job: &Job| job.sequence > before + RECEIPTS;
        let job = self.network.reached(address, reached).await?;
        ensure!(job.status() == Some(JobStatus::Running), "{job:?}");
        Ok(())
    }

    /// The bill, after the whole result of one run of the job.
    async fn settled(&self, address: &str, word: &str) -> anyhow::Result<Value> {
        let job = self.network.finished(address).await?;
        let log = fs::read_to_string(self.daemon.child.log())?;
        ensure!(
            job.outcome() == Some(JobOutcome::Completed) && job.exit_code == 0,
            "{job:?} {log}"
        );
        let found = fs::read_to_string(self.network.result(address, word)?.join("word"))?;
        ensure!(found == format!("{word}\n"), "{found}");
        ensure!(!log.contains("runs the job again"), "{log}");
        self.network.settled(address)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_result_is_slow_to_store_is_proven_on() -> anyhow::Result<()> {
    let bench = Bench::start().await?;
    // The store looks first whether it has the blob: at a pipe it waits for whoever writes.
    let blob = bench.place("slowly");
    fs::create_dir_all(blob.parent().context("a folder")?)?;
    rustix::fs::mknodat(CWD, &blob, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    let address = bench.run("slowly").await?;
    bench.proven_on(&address).await?;
    // A look ends once somebody has written nothing; then the blob takes the pipe's place.
    std::thread::spawn(move || {
        while fs::metadata(&blob).is_ok_and(|found| found.file_type().is_fifo()) {
            drop(fs::OpenOptions::new().write(true).open(&blob));
        }
    });
    let settled = bench.settled(&address, "slowly").await?;
    ensure!(
        settled["credit"] == "0",
        "up all the time, and a credit is due: {settled}"
    );
    bench.network.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_the_store_refuses_is_kept_until_it_does_not() -> anyhow::Result<()> {
    let bench = Bench::start().await?;
    // A file where the store wants a folder.
    let blob = bench.place("refused");
    let folder = blob.parent().context("a folder")?;
    fs::create_dir_all(folder.parent().context("a store")?)?;
    fs::write(folder, "")?;
    let address = bench.run("refused").await?;
    bench.daemon.logged("the result is not stored; trying on").await?;
    bench.proven_on(&address).await?;
    fs::remove_file(folder)?;
    let job = bench.network.finished(&address).await?;
    let settled = bench.settled(&address, "refused").await?;
    // The customer does not pay for the wait, of a second for each receipt but for what is rounded.
    let paid = settled["paid_seconds"].as_u64().context("seconds")?;
    let elapsed = u64::from(job.ended_at - job.started_at);
    ensure!(paid + RECEIPTS <= elapsed + 1, "{settled} in {elapsed} s");
    bench.network.stop().await;
    Ok(())
}
