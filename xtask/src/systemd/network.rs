//! The network outside of the machine, and those on it who do not belong on the machine.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{paths, sh};

/// A little slower than a network's 400 ms, for the sake of the emulated processor; what waits for finality takes 32 of them.
const SLOT_TIME_MS: &str = "600";
/// Where the machine finds this one's loopback.
const OUTSIDE: &str = "10.0.2.2";

/// `gantry-localnet`, which ends with this, and a folder with what the machine is told of it.
pub(super) struct Network {
    process: Child,
    folder: PathBuf,
    rpc: String,
}

impl Network {
    /// A network with its rules, a customer with money, and a provider with stake and no node.
    pub(super) fn start(folder: &Path) -> Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        fs::create_dir_all(folder.join("keys")).with_context(|| folder.display().to_string())?;
        let root = paths::root();
        let log = fs::File::create(folder.join("localnet.log"))?;
        let mut process = Command::new(root.join("target/debug/gantry-localnet"))
            .args(["--rpc-port", "0", "--ws-port", "0", "--grpc-port", "0"])
            .args(["--slot-time-ms", SLOT_TIME_MS, "--exit-with-parent"])
            .current_dir(&root)
            .env_remove("LD_LIBRARY_PATH")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("could not start gantry-localnet")?;
        let output = process.stdout.take().context("its output")?;
        let mut network = Self {
            process,
            folder: folder.to_owned(),
            rpc: String::new(),
        };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let Ok(ready) = serde_json::from_str::<Value>(&line) else {
            bail!("gantry-localnet did not start: see {}/localnet.log", folder.display());
        };
        let url = |field: &str| ready[field].as_str().map(str::to_owned).context("where it listens");
        network.rpc = url("rpc_url")?;
        network.settle()?;
        let outside = |url: &str| url.replace("127.0.0.1", OUTSIDE);
        let settings = format!(
            "RPC_URL={}\nGRPC_URL={}\nPROVIDER={}\n",
            outside(&network.rpc),
            outside(&url("grpc_url")?),
            network.gantry("provider", &["address"])?.trim(),
        );
        fs::write(folder.join("env"), settings)?;
        Ok(network)
    }

    /// What the machine is told: `env`, and the keys of those outside.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends it; that it still ran is part of what holds.
    pub(super) fn stop(mut self) -> Result<()> {
        if let Some(status) = self.process.try_wait()? {
            bail!(
                "gantry-localnet ended: {status}; see {}/localnet.log",
                self.folder.display()
            );
        }
        Ok(())
    }

    fn settle(&self) -> Result<()> {
        let key = |name: &str| self.folder.join(format!("keys/{name}.json")).display().to_string();
        let (provider, customer) = (key("provider"), key("customer"));
        for file in [&provider, &customer] {
            self.gantry("provider", &["keys", "new", file])?;
        }
        self.gantry(
            "customer",
            &["network", "init", &self.folder.display().to_string(), "--yes"],
        )?;
        self.gantry("provider", &["airdrop", "--sol", "2", "--stake", "1000"])?;
        self.gantry("customer", &["airdrop", "--sol", "2", "--usdc", "50"])?;
        self.gantry("provider", &["provider", "register", "--yes"])?;
        self.gantry("provider", &["pool", "create", "--commission-bps", "1000", "--yes"])?;
        self.gantry("provider", &["stake", "1000", "--yes"])?;
        Ok(())
    }

    /// Runs `gantry` as somebody whose key is in the folder.
    fn gantry(&self, who: &str, words: &[&str]) -> Result<String> {
        let mut command = Command::new(paths::root().join("target/debug/gantry"));
        command
            .args(words)
            .env("GANTRY_RPC_URL", &self.rpc)
            .env("GANTRY_RUN_DIR", &self.folder)
            .env("GANTRY_KEYPAIR", self.folder.join(format!("keys/{who}.json")));
        sh::output(&mut command)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
