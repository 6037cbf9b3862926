//! Several nodes of one daemon: each has its own job and receipts, and on SIGTERM they are brought to an end together.

use crate::{
    daemon::{Daemon, PATIENCE},
    gantry::Network,
};
use anyhow::{Context as _, bail, ensure};
use gantry_sdk::{
    market::accounts::Job,
    state::{ENDED_BY_NODE, JobExt as _, JobOutcome, JobStatus, NodeStatus},
};
use gantry_stack::child::ChildError;
use serde_json::{Value, json};
use std::{fs, path::Path};

/// A job that runs until its gate is opened, and says which it is.
fn job(name: &str, gate: &Path) -> Value {
    json!({
        "name": name,
        "runner": { "process": { "command": ["wait-for", gate], "env": { "WORD": name } } },
        "outputs": ["word"],
    })
}

struct Bench {
    network: Network,
    daemon: Daemon,
    nodes: Vec<String>,
}

impl Bench {
    async fn start(on_sigterm: &str) -> anyhow::Result<Self> {
        let network = Network::start().await?;
        let nodes = network.list(&["node", "second"])?;
        let tools = network.script(
            "wait-for",
            "while [ ! -e \"$1\" ]; do sleep 0.05; done; echo \"$WORD\" > word; echo \"$WORD ends\"",
        )?;
        fs::create_dir(network.path().join("gates"))?;
        let path = |path: &Path| path.display().to_string();
        let (tools, gates) = (path(&tools), path(&network.path().join("gates")));
        let more = [
            "--search-path",
            &tools,
            "--readable",
            &gates,
            "--on-sigterm",
            on_sigterm,
        ];
        let daemon = network.daemon(&["node", "second"], &more).await?;
        Ok(Self { network, daemon, nodes })
    }

    fn gate(&self, name: &str) -> std::path::PathBuf {
        self.network.path().join("gates").join(name)
    }

    fn open_gate(&self, name: &str) -> anyhow::Result<()> {
        Ok(fs::write(self.gate(name), "")?)
    }

    /// Opens a job at one of the nodes; gives its account.
    fn open(&self, name: &str, node: usize) -> anyhow::Result<String> {
        let opened = self
            .network
            .open_at(&self.nodes[node], &job(name, &self.gate(name)), &[])?;
        Ok(opened["address"].as_str().context("an address")?.to_owned())
    }

    fn assign(&self, address: &str, node: usize) -> anyhow::Result<()> {
        self.network
            .ok("keeper", &["keeper", "assign", address, &self.nodes[node]])?;
        Ok(())
    }

    async fn proven(&self, address: &str, receipts: u64) -> anyhow::Result<Job> {
        self.network
            .reached(address, |job| {
                job.status() == Some(JobStatus::Running) && job.sequence >= receipts
            })
            .await
    }

    /// Waits until the daemon has ended by itself, in good order.
    async fn ended(&self) -> anyhow::Result<()> {
        match tokio::time::timeout(PATIENCE, self.daemon.child.death()).await {
            Ok(ChildError::Died { status, .. }) if status.success() => Ok(()),
            Ok(other) => Err(other.into()),
            Err(_) => bail!(
                "the daemon drains and drains: {}",
                fs::read_to_string(self.daemon.child.log())?
            ),
        }
    }

    async fn completed(&self, address: &str, name: &str) -> anyhow::Result<()> {
        let job = self.network.finished(address).await?;
        ensure!(
            job.outcome() == Some(JobOutcome::Completed) && job.exit_code == 0,
            "{name}: {job:?}"
        );
        let out = self.network.result(address, &format!("out-{name}"))?;
        let word = fs::read_to_string(out.join("word"))?;
        ensure!(word == format!("{name}\n"), "{name} got the result of {word}");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_of_one_daemon_run_two_jobs_and_drain() -> anyhow::Result<()> {
    let bench = Bench::start("finish").await?;
    let ready = bench.daemon.child.ready();
    ensure!(ready["nodes"].as_array().is_some_and(|all| all.len() == 2), "{ready}");
    let (one, two) = (bench.open("one", 0)?, bench.open("two", 1)?);
    bench.assign(&one, 0)?;
    bench.assign(&two, 1)?;
    // Neither can end before its gate opens: both run at the same time, each with receipts of its own node's.
    let (first, second) = (bench.proven(&one, 2).await?, bench.proven(&two, 2).await?);
    ensure!(
        first.node != second.node && first.node.to_string() == bench.nodes[0],
        "{first:?} {second:?}"
    );
    // Two receipts may come within one second, which is what service is counted in.
    let third = bench
        .network
        .reached(&one, |job| {
            job.sequence > first.sequence && job.served_seconds > first.served_seconds
        })
        .await?;
    // One ends, which is nothing to the other.
    bench.open_gate("two")?;
    bench.completed(&two, "two").await?;
    bench.network.settled(&two)?;
    bench.proven(&one, third.sequence + 1).await?;

    // Opened before the daemon is told to end, so that nothing but the telling comes before the assignment.
    let late = bench.open("late", 1)?;
    bench.daemon.tell_to_end()?;
    bench.daemon.logged("drains;").await?;
    bench.assign(&late, 1)?;
    let given_back = bench
        .network
        .reached(&late, |job| job.status() == Some(JobStatus::Open))
        .await?;
    ensure!(
        given_back.assignment == 1,
        "it was assigned, and given back: {given_back:?}"
    );
    bench
        .network
        .refused("keeper", 4, "barred", &["keeper", "assign", &late, &bench.nodes[1]])?;
    // What runs goes on, with receipts, to its own end.
    let during = bench.proven(&one, third.sequence + 2).await?;
    ensure!(during.status() == Some(JobStatus::Running), "{during:?}");
    bench.daemon.child.check()?;
    bench.open_gate("one")?;
    bench.completed(&one, "one").await?;
    bench.ended().await?;
    bench.network.settled(&one)?;
    bench.network.ok("customer", &["job", "cancel", &late])?;
    for node in &bench.nodes {
        let node = bench.network.client.require_node(&node.parse()?).await?;
        ensure!(node.status == NodeStatus::Available as u8, "{node:?}");
    }
    bench.network.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_hands_back_gives_notice_of_what_runs() -> anyhow::Result<()> {
    let bench = Bench::start("hand-back").await?;
    // Longer than the notice takes: a shorter one would be served to its end.
    let mut spec = job("one", &bench.gate("one"));
    spec["max_duration_seconds"] = 3_600.into();
    let opened = bench.network.open_at(&bench.nodes[0], &spec, &[])?;
    let job = opened["address"].as_str().context("an address")?.to_owned();
    bench.assign(&job, 0)?;
    bench.proven(&job, 1).await?;
    bench.daemon.tell_to_end()?;
    let noticed = bench
        .network
        .reached(&job, |job| job.options & ENDED_BY_NODE != 0)
        .await?;
    ensure!(noticed.status() == Some(JobStatus::Running), "{noticed:?}");
    // The market gives the customer 15 minutes; this one does not need them.
    bench.network.ok("customer", &["job", "stop", &job])?;
    bench.ended().await?;
    let stopped = bench.network.finished(&job).await?;
    ensure!(stopped.outcome() == Some(JobOutcome::Stopped), "{stopped:?}");
    bench.network.settled(&job)?;
    bench.network.stop().await;
    Ok(())
}
