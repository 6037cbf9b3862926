//! A container job from the command line to its settlement, in a real Podman.

use crate::{daemon::with_terms, gantry::Network, logs::Follower, podman::Podman};
use anyhow::{Context as _, ensure};
use gantry_sdk::state::{JobExt as _, JobOutcome};
use serde_json::{Value, json};
use std::fs;

/// Nobody's on any host.
const USER: &str = "61500";

/// A job that says who it is, waits until it is let go, and says what it may do.
fn job(image: &str) -> Value {
    let script = "cat input.txt; id -u; touch up; while [ ! -e go ]; do sleep 0.05; done; \
                  touch /etc/file 2>&1; ls /sys/class/net; echo \"$WORD\" > output.txt; exit 7";
    json!({
        "name": "contained",
        "runner": { "container": {
            "image": image,
            "command": ["/bin/sh", "-c", script],
            "env": { "WORD": "done" },
            "memory_mib": 64,
        } },
        "inputs": [{ "path": "input.txt", "file": "input.txt" }],
        "outputs": ["output.txt"],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_job_is_run_proven_and_settled() -> anyhow::Result<()> {
    let Some(podman) = Podman::start().await else {
        return Ok(());
    };
    let network = Network::start().await?;
    let node = network.list(&["node"])?.remove(0);
    network.write("input.txt", "from outside\n")?;
    let socket = podman.socket().display().to_string();
    let mut daemon = network
        .daemon(&["node"], &["--container-socket", &socket, "--job-uid", USER])
        .await?;
    let image = podman.image.to_string();

    // A tag may mean another image tomorrow.
    network.write("tagged.json", &with_terms(job("localhost/gantry-test:1")).to_string())?;
    network.refused("customer", 2, "sha256", &["job", "open", "tagged.json"])?;

    let opened = network.open_at(&node, &job(&image), &[])?;
    let address = opened["address"].as_str().context("an address")?.to_owned();
    network.ok("keeper", &["keeper", "assign", &address, &node])?;
    let mut follower = Follower::start(&network, &["job", "logs", &address, "--follow"])?;
    follower.until("from outside\n").await?;
    let before = network.reached(&address, |job| job.sequence >= 1).await?;
    // The daemon crashes; the container goes on, is found again, and no second is lost or signed twice.
    daemon.child.kill9().await?;
    daemon.child.restart().await?;
    let after = network
        .reached(&address, |job| {
            job.sequence > before.sequence && job.served_seconds > before.served_seconds
        })
        .await?;
    ensure!(after.assignment == before.assignment, "{after:?}");
    fs::write(daemon.work(&address, after.assignment).join("go"), "")?;
    let ended = network.finished(&address).await?;
    ensure!(
        ended.outcome() == Some(JobOutcome::Completed) && ended.exit_code == 7,
        "{ended:?}"
    );
    ensure!(ended.served_seconds >= after.served_seconds, "{ended:?}");
    let out = network.result(&address, "out")?;
    ensure!(
        fs::read_to_string(out.join("output.txt"))? == "done\n",
        "another output"
    );
    let log = fs::read_to_string(out.join("log.txt"))?;
    let lines: Vec<&str> = log.lines().collect();
    let expected = ["from outside", USER, "Read-only file system", "lo"];
    ensure!(
        lines.len() == 4 && lines.iter().zip(expected).all(|(line, part)| line.contains(part)),
        "{log}"
    );
    // Followed over the crash, nothing came twice and nothing was left out.
    let (rest, said) = follower.rest().await?;
    ensure!(
        rest.lines().eq(lines[1..].iter().copied()) && !said.contains("again"),
        "{rest:?} {said}"
    );
    let left = podman.podman().args(["ps", "--all", "--quiet"]).output()?;
    ensure!(
        left.status.success() && left.stdout.is_empty(),
        "a container is left: {left:?}"
    );

    let bill = network.settled(&address)?;
    ensure!(
        bill["to_provider"] != "0" && bill["paid_seconds"].as_u64() >= Some(2),
        "{bill}"
    );
    an_image_that_is_not_there(&network, &node).await?;
    daemon.child.check()?;
    drop(daemon);
    network.stop().await;
    Ok(())
}

/// It pulls none, so the job fails and its customer learns why.
async fn an_image_that_is_not_there(network: &Network, node: &str) -> anyhow::Result<()> {
    let other = format!("localhost/gantry-test@sha256:{}", "0".repeat(64));
    let opened = network.open_at(node, &job(&other), &[])?;
    let address = opened["address"].as_str().context("an address")?;
    network.ok("keeper", &["keeper", "assign", address, node])?;
    let ended = network.finished(address).await?;
    ensure!(
        ended.outcome() == Some(JobOutcome::Failed) && ended.exit_code == 125,
        "{ended:?}"
    );
    let log = fs::read_to_string(network.result(address, "absent")?.join("log.txt"))?;
    ensure!(log.contains("pulls none"), "{log}");
    Ok(())
}
