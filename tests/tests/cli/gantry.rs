//! The built `gantry`, and a chain with nothing else on it.

use anyhow::{Context as _, bail, ensure};
use gantry_sdk::{
    Gantry, Pubkey, Signer as _, keys, market,
    receipt::{Receipt, ReceiptStatus, sign},
};
use gantry_stack::{Chain, Database, Ports, Stack, binaries::Binaries, daemons::Programs};
use gantry_tests::market::repository;
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// Everybody, beside the authority and the attestor that setting up makes.
const ACTORS: [&str; 10] = [
    "guardian",
    "successor",
    "arbiter",
    "second-attestor",
    "provider",
    "operator",
    "customer",
    "delegator",
    "keeper",
    "stranger",
];
/// Seconds that the chain's clock may take to get somewhere, beside those that it should.
const PATIENCE: u64 = 120;

/// A chain, and the keys of everybody in a folder.
pub(crate) struct Network {
    pub(crate) stack: Stack,
    pub(crate) client: Gantry,
    folder: TempDir,
}

impl Network {
    /// A fresh chain, set up with `gantry network init`, and everybody funded from its faucet.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let stack = Stack::builder(folder.path().join("stack"))
            .chain(Chain::Localnet {
                programs: Programs::of_repository(&repository()),
                slot_time_ms: 400,
            })
            .database(Database::None)
            .indexer(false)
            .ports(Ports::FREE)
            .binaries(Binaries::new(repository().join("target/debug")))
            .start(|_| {})
            .await?;
        let client = Gantry::connect(stack.chain().rpc.clone());
        let network = Self { stack, client, folder };
        for actor in ACTORS.into_iter().chain(["node"]) {
            network.ok(actor, &["keys", "new", &format!("{actor}.json")])?;
        }
        network.refused("customer", 4, "nobody is at a terminal", &["network", "init", "net"])?;
        let made = network.ok("customer", &["network", "init", "net", "--yes"])?;
        for actor in ["authority", "attestor"] {
            let key = made[format!("{actor}_key")].as_str().context("a key file")?;
            symlink(key, network.path().join(format!("{actor}.json")))?;
        }
        for actor in ACTORS {
            let to = format!("{actor}.json");
            let airdrop = ["airdrop", "--sol", "2", "--usdc", "100", "--stake", "2000", "--to", &to];
            network.ok(actor, &airdrop)?;
        }
        Ok(network)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn rpc(&self) -> &str {
        &self.stack.chain().rpc
    }

    pub(crate) async fn stop(mut self) {
        self.stack.stop().await;
    }

    /// `gantry` in the folder, with nothing in its environment.
    pub(crate) fn bare(&self) -> Command {
        let mut command = Command::new(repository().join("target/debug/gantry"));
        command
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .stdin(Stdio::null());
        command
    }

    /// The same as `actor`.
    pub(crate) fn command(&self, actor: &str) -> Command {
        let mut command = self.bare();
        command
            .env("GANTRY_RPC_URL", self.rpc())
            .env("GANTRY_RUN_DIR", self.path().join("net"))
            .env("GANTRY_KEYPAIR", format!("{actor}.json"));
        command
    }

    /// Runs it; gives code, output and errors.
    pub(crate) fn run(&self, actor: &str, words: &[&str]) -> anyhow::Result<(i32, String, String)> {
        finish(self.command(actor).args(["--output", "json"]).args(words))
    }

    pub(crate) fn run_without_environment(&self, words: &[&str]) -> anyhow::Result<(i32, String, String)> {
        finish(self.bare().args(words))
    }

    pub(crate) fn without_environment(&self, words: &[&str]) -> anyhow::Result<Value> {
        let (code, printed, said) = self.run_without_environment(words)?;
        ensure!(code == 0, "gantry {}: {code}: {said}", words.join(" "));
        Ok(serde_json::from_str(&printed)?)
    }

    /// What it prints; it has to succeed.
    pub(crate) fn raw(&self, actor: &str, words: &[&str]) -> anyhow::Result<String> {
        let (code, printed, said) = self.run(actor, words)?;
        ensure!(code == 0, "{actor}: gantry {}: {code}: {said}", words.join(" "));
        Ok(printed)
    }

    /// Its JSON; it has to succeed.
    pub(crate) fn ok(&self, actor: &str, words: &[&str]) -> anyhow::Result<Value> {
        let printed = self.raw(actor, words)?;
        serde_json::from_str(&printed).with_context(|| format!("{actor}: gantry {}: {printed}", words.join(" ")))
    }

    /// It has to fail with `code` and say `expected`, in JSON.
    pub(crate) fn refused(&self, actor: &str, code: i32, expected: &str, words: &[&str]) -> anyhow::Result<()> {
        let (found, printed, said) = self.run(actor, words)?;
        let line = words.join(" ");
        ensure!(
            found == code && said.contains(expected),
            "{actor}: gantry {line}: {found}, not {code} with `{expected}`: {said}{printed}"
        );
        let error: Value = serde_json::from_str(&said).with_context(|| format!("gantry {line}: {said}"))?;
        ensure!(error["exit_code"] == code && error["error"].is_string(), "{error}");
        Ok(())
    }

    pub(crate) fn address(&self, actor: &str) -> anyhow::Result<String> {
        Ok(keys::load(self.path().join(format!("{actor}.json")))?
            .pubkey()
            .to_string())
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        Ok(fs::write(self.path().join(name), text)?)
    }

    /// A job spec's file, with some numbers changed.
    pub(crate) fn spec(&self, name: &str, changes: &[(&str, u64)]) -> anyhow::Result<String> {
        let mut spec = json!({
            "version": 1,
            "name": name,
            "runner": { "process": { "command": ["gantry-render", "scene.json"] } },
            "max_price_per_hour": "2.00",
            "max_duration_seconds": 120,
            "start_deadline_seconds": 60,
            "proof_timeout_seconds": 60,
            // Nobody runs these: what was not served is not to be credited on top.
            "sla_uptime_bps": 0,
        });
        for (field, value) in changes {
            spec[*field] = (*value).into();
        }
        let file = format!("{name}.json");
        self.write(&file, &spec.to_string())?;
        Ok(file)
    }

    /// Opens a job of the customer's; gives its address.
    pub(crate) fn open(&self, name: &str, changes: &[(&str, u64)]) -> anyhow::Result<String> {
        let opened = self.ok("customer", &["job", "open", &self.spec(name, changes)?])?;
        Ok(opened["address"].as_str().context("an address")?.to_owned())
    }

    /// A receipt of the node's over `job` in a file.
    pub(crate) async fn receipt(
        &self,
        job: &str,
        sequence: u64,
        served_seconds: u64,
        status: ReceiptStatus,
    ) -> anyhow::Result<String> {
        let address: Pubkey = job.parse()?;
        let account = self.client.require_job(&address).await?;
        let receipt = Receipt {
            genesis_hash: self.client.genesis_hash().await?,
            market: market::ID.to_bytes(),
            job: address.to_bytes(),
            assignment: account.assignment,
            sequence,
            served_seconds,
            issued_at: self.clock().await?,
            status,
            exit_code: 0,
            output_digest: if status == ReceiptStatus::Completed {
                [7; 32]
            } else {
                [0; 32]
            },
        };
        let key = keys::load(self.path().join("node.json"))?;
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let file = format!("receipt-{}-{sequence}-{}.json", &job[..8], status as u8);
        let value = json!({ "encoded": hex(&receipt.encode()), "signature": hex(&sign(&receipt, &key)) });
        self.write(&file, &value.to_string())?;
        Ok(file)
    }

    /// Has the keeper carry such a receipt.
    pub(crate) async fn carry(
        &self,
        job: &str,
        sequence: u64,
        served: u64,
        status: ReceiptStatus,
    ) -> anyhow::Result<()> {
        let file = self.receipt(job, sequence, served, status).await?;
        self.ok("keeper", &["keeper", "carry", job, "--receipt", &file])?;
        Ok(())
    }

    pub(crate) async fn start_job(&self, job: &str) -> anyhow::Result<()> {
        self.carry(job, 0, 0, ReceiptStatus::Running).await
    }

    pub(crate) async fn clock(&self) -> anyhow::Result<i64> {
        Ok(self.client.clock().await?)
    }

    /// Waits until the chain's clock is past `time`.
    pub(crate) async fn until(&self, time: i64) -> anyhow::Result<()> {
        let reached = async {
            // Asked again and again: RPC servers announce slots, not what their banks' clock says.
            while self.clock().await? <= time {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            anyhow::Ok(())
        };
        let left = time.saturating_sub(self.clock().await?).max(0).unsigned_abs();
        match tokio::time::timeout(Duration::from_secs(left + PATIENCE), reached).await {
            Ok(result) => result,
            Err(_) => bail!("the chain's clock does not get to {time}"),
        }
    }

    /// What was paid sums to what was deposited.
    pub(crate) fn conserved(&self, settled: &Value) -> anyhow::Result<()> {
        let units = |field: &str| settled[field].as_str().and_then(|text| text.parse::<u64>().ok());
        let parts = [
            "to_provider",
            "to_delegators",
            "to_matcher",
            "to_treasury",
            "to_customer",
            "claimed",
        ];
        let paid: Option<u64> = parts.into_iter().map(units).sum();
        ensure!(paid.is_some() && paid == units("deposited"), "{settled}");
        Ok(())
    }

    /// A command that signs as `actor`: it asks `gantry` itself for the address.
    pub(crate) fn signing_command(&self, actor: &str) -> anyhow::Result<String> {
        let file = self.path().join("signer.sh");
        fs::write(
            &file,
            format!("#!/bin/sh\n[ \"$1\" = address ] && echo {}\n", self.address(actor)?),
        )?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o700))?;
        Ok(format!("exec:{}", file.display()))
    }
}

/// Runs a command to its end; gives code, output and errors.
pub(crate) fn finish(command: &mut Command) -> anyhow::Result<(i32, String, String)> {
    let output = command.output().context("cannot start gantry: build it first")?;
    let text = |bytes| String::from_utf8(bytes).context("it wrote what is no text");
    Ok((
        output.status.code().unwrap_or(-1),
        text(output.stdout)?,
        text(output.stderr)?,
    ))
}
