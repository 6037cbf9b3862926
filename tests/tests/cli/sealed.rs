//! A sealed job from the command line: what the store sees of it, who opens its result, and what becomes of changed blobs.

use crate::{
    daemon::files,
    gantry::{Network, finish},
};
use anyhow::{Context as _, ensure};
use gantry_sdk::{
    Hash32,
    state::{JobExt as _, JobOutcome},
};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

/// In everything that is to stay between customer and node, in large or small letters.
const SECRET: &str = "topsecret";

fn job() -> Value {
    json!({
        "name": format!("{SECRET}-name"),
        "runner": { "process": { "command": ["shout"], "env": { "WORD": format!("{SECRET}-word") } } },
        "inputs": [{ "path": "input.txt", "file": "input.txt" }],
        "outputs": ["output.txt"],
    })
}

/// A blob, changed as long as this lives.
struct Changed {
    file: PathBuf,
    before: Vec<u8>,
}

impl Changed {
    fn at(file: PathBuf) -> anyhow::Result<Self> {
        let before = fs::read(&file).with_context(|| file.display().to_string())?;
        let mut after = before.clone();
        *after.last_mut().context("an empty blob")? ^= 1;
        fs::write(&file, after)?;
        Ok(Self { file, before })
    }
}

impl Drop for Changed {
    fn drop(&mut self) {
        fs::write(&self.file, &self.before).expect("it could be written before");
    }
}

fn blob(network: &Network, hash: &str) -> PathBuf {
    network.blobs().join("sha256").join(&hash[..2]).join(hash)
}

/// The blobs that are there now and are not among `before`.
fn new_blobs(network: &Network, before: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let now = files(&network.blobs())?;
    Ok(now.into_iter().filter(|file| !before.contains(file)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_job_is_between_customer_and_node_alone() -> anyhow::Result<()> {
    let network = Network::start().await?;
    let node = network.list(&["node"])?.remove(0);
    let tools = network.script(
        "shout",
        "cat input.txt; echo \"$WORD\"; tr a-z A-Z < input.txt > output.txt",
    )?;
    network.write("input.txt", &format!("{SECRET}-input\n"))?;
    let daemon = network
        .daemon(&["node"], &["--search-path", &tools.display().to_string()])
        .await?;

    // A wallet that keeps its key to itself could not open the result.
    let signer = network.signing_command("customer")?;
    network.write("job.json", &job().to_string())?;
    let open = [
        "job",
        "open",
        "job.json",
        "--node",
        &node,
        "--seal",
        "--keypair",
        &signer,
    ];
    let (code, _, said) = network.run("customer", &open)?;
    ensure!(code == 2, "{code}: {said}");

    let address = served_and_read(&network, &node).await?;
    changed_results(&network, &address).await?;
    network.settled(&address)?;
    let out = network.result(&address, "after")?;
    ensure!(out.join("output.txt").exists(), "a settled job's result opens, too");
    changed_spec(&network, &node).await?;
    changed_input(&network, &node).await?;
    daemon.child.check()?;
    drop(daemon);
    network.stop().await;
    Ok(())
}

async fn served_and_read(network: &Network, node: &str) -> anyhow::Result<String> {
    let opened = network.open_at(node, &job(), &["--seal"])?;
    ensure!(opened["sealed"] == true, "{opened}");
    let address = opened["address"].as_str().context("an address")?.to_owned();
    network.ok("keeper", &["keeper", "assign", &address, node])?;
    let ended = network.finished(&address).await?;
    ensure!(
        ended.outcome() == Some(JobOutcome::Completed) && ended.exit_code == 0,
        "{ended:?}"
    );

    let blobs = files(&network.blobs())?;
    // Spec and input; output, log and manifest.
    ensure!(blobs.len() == 5, "{blobs:?}");
    for file in &blobs {
        let bytes = fs::read(file)?;
        ensure!(bytes.starts_with(b"gantry.sealed"), "{} is open to all", file.display());
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        ensure!(!text.contains(SECRET), "{} tells the secret", file.display());
    }
    let out = network.result(&address, "out")?;
    let output = fs::read_to_string(out.join("output.txt"))?;
    ensure!(output == format!("{SECRET}-input\n").to_uppercase(), "{output}");
    let log = fs::read_to_string(out.join("log.txt"))?;
    ensure!(log == format!("{SECRET}-input\n{SECRET}-word\n"), "{log}");
    // What the job's account names it by does not open it.
    network.result_refused("stranger", &address, "does not open")?;
    let signer = network.signing_command("customer")?;
    let fetch = [
        "job",
        "result",
        &address,
        "--out",
        "x",
        "--blob-dir",
        "blobs",
        "--keypair",
        &signer,
    ];
    let (code, _, said) = finish(network.command("customer").args(fetch))?;
    ensure!(code == 2 && said.contains("key file"), "{code}: {said}");
    Ok(address)
}

/// The customer refuses each blob of the result that is not what the node's receipt covers.
async fn changed_results(network: &Network, address: &str) -> anyhow::Result<()> {
    let job = network.client.require_job(&address.parse()?).await?;
    let spec = blob(network, &Hash32(job.spec_hash).to_string());
    let mut refused = 0;
    for file in files(&network.blobs())?.into_iter().filter(|file| *file != spec) {
        let name = file.file_name().context("a name")?.to_string_lossy().into_owned();
        let changed = Changed::at(file)?;
        let fetch = ["job", "result", address, "--out", "changed", "--blob-dir", "blobs"];
        let (code, _, said) = network.run("customer", &fetch)?;
        drop(changed);
        if code != 0 {
            ensure!(
                code == 1 && said.contains("damaged") && said.contains(&name),
                "{code}: {said}"
            );
            refused += 1;
        }
    }
    // Output, log and manifest; the input is no part of the result.
    ensure!(refused == 3, "{refused} of the result's three blobs were refused");
    Ok(())
}

/// The node does not run a spec that is not the one that the job names, and says why.
async fn changed_spec(network: &Network, node: &str) -> anyhow::Result<()> {
    let opened = network.open_at(node, &job(), &["--seal"])?;
    let address = opened["address"].as_str().context("an address")?;
    let hash = opened["spec_hash"].as_str().context("a hash")?;
    let _changed = Changed::at(blob(network, hash))?;
    refused_by_the_node(network, node, address, hash).await
}

async fn changed_input(network: &Network, node: &str) -> anyhow::Result<()> {
    let before = files(&network.blobs())?;
    let opened = network.open_at(node, &job(), &["--seal"])?;
    let address = opened["address"].as_str().context("an address")?;
    let spec = blob(network, opened["spec_hash"].as_str().context("a hash")?);
    let mut inputs = new_blobs(network, &before)?;
    inputs.retain(|file| *file != spec);
    ensure!(inputs.len() == 1, "{inputs:?}");
    let hash = inputs[0].file_name().context("a name")?.to_string_lossy().into_owned();
    let _changed = Changed::at(inputs.remove(0))?;
    refused_by_the_node(network, node, address, &hash).await
}

async fn refused_by_the_node(network: &Network, node: &str, address: &str, hash: &str) -> anyhow::Result<()> {
    network.ok("keeper", &["keeper", "assign", address, node])?;
    let ended = network.finished(address).await?;
    ensure!(
        ended.outcome() == Some(JobOutcome::Failed) && ended.exit_code == 125,
        "{:?} {}",
        ended.outcome(),
        ended.exit_code
    );
    let out = network.result(address, &format!("refused-{}", &hash[..8]))?;
    let log = fs::read_to_string(out.join("log.txt"))?;
    ensure!(log.contains("damaged") && log.contains(hash), "{log}");
    ensure!(!out.join("output.txt").exists(), "it ran all the same");
    Ok(())
}
