//! The two processes that are measured: the server with the script, and the indexer.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use gantry_bench_ingest::script::Plan;
use gantry_bench_ingest::server::Sent;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// For anything that is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) struct ServerProcess {
    _child: Child,
    pub(crate) grpc_url: String,
    pub(crate) rpc_url: String,
}

impl ServerProcess {
    pub(crate) async fn start(plan: Plan) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", "--plan", &serde_json::to_string(&plan)?])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().context("no output")?;
        let line = BufReader::new(stdout).lines().next_line().await?;
        let ready: Value = serde_json::from_str(&line.context("the server said nothing")?)?;
        let url = |name: &str| ready[name].as_str().map(str::to_owned).context("no URL");
        Ok(Self {
            grpc_url: url("grpc_url")?,
            rpc_url: url("rpc_url")?,
            _child: child,
        })
    }

    pub(crate) async fn begin(&self) -> Result<()> {
        let begun = reqwest::Client::new()
            .post(format!("{}/begin", self.rpc_url))
            .send()
            .await?;
        begun.error_for_status()?;
        Ok(())
    }

    pub(crate) async fn sent(&self) -> Result<Sent> {
        Ok(reqwest::get(format!("{}/sent", self.rpc_url)).await?.json().await?)
    }

    pub(crate) async fn subscribed(&self) -> Result<()> {
        let begun = Instant::now();
        while self.sent().await?.subscriptions == 0 {
            ensure!(begun.elapsed() < PATIENCE, "the indexer does not subscribe");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

pub(crate) struct IndexerProcess {
    child: Child,
    ready: PathBuf,
    log: PathBuf,
}

/// What a process took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taken {
    pub(crate) cpu: Duration,
    pub(crate) peak_mib: u64,
}

impl IndexerProcess {
    pub(crate) fn start(folder: &Path, name: &str, url: &str, server: &ServerProcess) -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("gantry-indexer");
        ensure!(
            program.is_file(),
            "{} is missing: run `cargo xtask bench ingest`, which builds it",
            program.display()
        );
        let (ready, log) = (folder.join(format!("{name}.json")), folder.join(format!("{name}.log")));
        let child = Command::new(program)
            .args([
                "run",
                "--exit-with-parent",
                "--listen",
                "127.0.0.1:0",
                "--rate-limit",
                "0",
                "--ready-file",
            ])
            .arg(&ready)
            .env("DATABASE_URL", url)
            .env("GANTRY_GRPC_URL", &server.grpc_url)
            .env("GANTRY_RPC_URL", &server.rpc_url)
            .stdin(Stdio::piped())
            .stderr(File::create(&log)?)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { child, ready, log })
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// URL of its API, once it serves.
    pub(crate) async fn api(&self) -> Result<String> {
        let begun = Instant::now();
        loop {
            if let Ok(text) = std::fs::read_to_string(&self.ready) {
                let ready: Value = serde_json::from_str(&text)?;
                return ready["api_url"].as_str().map(str::to_owned).context("no API");
            }
            if begun.elapsed() > PATIENCE {
                bail!("the indexer is not ready:\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("the indexer has ended")
    }

    pub(crate) fn taken(&self) -> Result<Taken> {
        taken(self.pid()?).with_context(|| self.log())
    }

    pub(crate) async fn stop(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}

pub(crate) fn taken(pid: u32) -> Result<Taken> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.get(stat.rfind(')').unwrap_or(0) + 2..).unwrap_or_default();
    let field = |nth: usize| after_name.split(' ').nth(nth).and_then(|text| text.parse::<u64>().ok());
    // User and system time, in hundredths of a second on every Linux.
    let ticks = field(11)
        .zip(field(12))
        .map(|(user, system)| user + system)
        .context("no times")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .context("no VmHWM")?;
    let kib: u64 = peak.split_whitespace().next().context("no number")?.parse()?;
    Ok(Taken {
        cpu: Duration::from_millis(ticks * 10),
        peak_mib: kib.div_ceil(1024),
    })
}
