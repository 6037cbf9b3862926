//! `gantry-node` on the network, with nodes that are listed from the command line.

use crate::gantry::Network;
use anyhow::{Context as _, bail, ensure};
use futures::StreamExt as _;
use gantry_sdk::{
    client::JobUpdate,
    market::accounts::Job,
    state::{JobExt as _, JobStatus},
};
use gantry_stack::child::{Child, tail};
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

/// Longest that anything a test waits for may take. Generous: the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);
/// The blob store of customer and nodes, in the network's folder.
const BLOBS: &str = "blobs";

/// A running `gantry-node`.
pub(crate) struct Daemon {
    pub(crate) child: Child,
    state: PathBuf,
}

impl Daemon {
    /// Where a job of its only node works.
    pub(crate) fn work(&self, job: &str, assignment: u32) -> PathBuf {
        self.state.join(format!("jobs/{job}-{assignment}/run/work"))
    }

    /// Sends it SIGTERM.
    pub(crate) fn tell_to_end(&self) -> anyhow::Result<()> {
        let pid = self.child.pid().context("it runs")?;
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid)?).context("a process id")?;
        Ok(rustix::process::kill_process(pid, rustix::process::Signal::TERM)?)
    }

    /// Waits until its log says `text`.
    pub(crate) async fn logged(&self, text: &str) -> anyhow::Result<()> {
        let said = async {
            while !fs::read_to_string(self.child.log())?.contains(text) {
                self.child.check()?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            anyhow::Ok(())
        };
        let waited = tokio::time::timeout(PATIENCE, said).await;
        waited.with_context(|| format!("the daemon never says `{text}`"))?
    }
}

/// A job spec with the terms that it leaves out.
pub(crate) fn with_terms(mut spec: Value) -> Value {
    let terms = [
        ("version", Value::from(1)),
        ("max_price_per_hour", "2.00".into()),
        ("max_duration_seconds", 600.into()),
        ("start_deadline_seconds", 120.into()),
        ("proof_timeout_seconds", 60.into()),
    ];
    for (field, value) in terms {
        if spec[field].is_null() {
            spec[field] = value;
        }
    }
    spec
}

impl Network {
    /// A provider with stake, and one listed node for each name; gives the nodes' accounts.
    pub(crate) fn list(&self, names: &[&str]) -> anyhow::Result<Vec<String>> {
        self.ok("provider", &["provider", "register"])?;
        self.ok("provider", &["pool", "create", "--commission-bps", "1000"])?;
        self.ok("provider", &["stake", "1000"])?;
        let list = |name: &&str| {
            let key = format!("{name}.json");
            if !self.path().join(&key).exists() {
                self.ok("provider", &["keys", "new", &key])?;
            }
            let hardware = [
                "--price",
                "0.50",
                "--country",
                "DE",
                "--cpu-cores",
                "1",
                "--ram-gib",
                "1",
            ];
            let register = [&["node", "register", "--node-key", &key][..], &hardware[..]].concat();
            let listed = self.ok("provider", &register)?;
            Ok(listed["address"].as_str().context("an address")?.to_owned())
        };
        names.iter().map(list).collect()
    }

    /// A daemon that serves the nodes of these names, once it does.
    pub(crate) async fn daemon(&self, names: &[&str], more: &[&str]) -> anyhow::Result<Daemon> {
        let state = self.path().join("state");
        let mut spec = self.stack.daemon("node", "gantry-node")?.arg("run");
        spec = match names {
            [one] => spec.arg("--node-key").arg(self.path().join(format!("{one}.json"))),
            several => several.iter().fold(spec, |spec, name| {
                spec.arg("--node").arg(self.path().join(format!("{name}.json")))
            }),
        };
        let spec = spec
            .arg("--operator-key")
            .arg(self.path().join("operator.json"))
            .args(["--provider", &self.address("provider")?, "--rpc-url", self.rpc()])
            .arg("--blob-dir")
            .arg(self.blobs())
            .arg("--state-dir")
            .arg(&state)
            .args(["--proof-interval", "1"])
            .args(more);
        let child = Child::start(spec.daemon(self.path().join("node.ready"))).await?;
        Ok(Daemon { child, state })
    }

    /// Where blobs lie.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.path().join(BLOBS)
    }

    /// A folder of programs with the shell script `text` in it as `name`, for jobs of the process runner.
    pub(crate) fn script(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let tools = self.path().join("tools");
        fs::create_dir_all(&tools)?;
        let file = tools.join(name);
        fs::write(&file, format!("#!/bin/sh\n{text}\n"))?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        Ok(tools)
    }

    /// Opens a job of the customer's from `spec`, whose terms are added, at `node` alone; gives what `gantry` says.
    pub(crate) fn open_at(&self, node: &str, spec: &Value, more: &[&str]) -> anyhow::Result<Value> {
        self.write("job.json", &with_terms(spec.clone()).to_string())?;
        let open = ["job", "open", "job.json", "--node", node, "--blob-dir", BLOBS];
        self.ok("customer", &[&open[..], more].concat())
    }

    /// The job as soon as `reached` holds.
    pub(crate) async fn reached(&self, job: &str, reached: impl Fn(&Job) -> bool) -> anyhow::Result<Job> {
        let mut updates = std::pin::pin!(self.client.watch(job.parse()?));
        let mut last = None;
        let waiting = async {
            while let Some(update) = updates.next().await {
                match update? {
                    JobUpdate::Live { job, .. } if reached(&job) => return Ok(*job),
                    JobUpdate::Live { job, .. } => last = Some(job),
                    JobUpdate::Closed(how) => bail!("the job was closed before: {how:?}"),
                }
            }
            bail!("the job's updates ended")
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(result) => result,
            Err(_) => bail!(
                "the job did not get there in time; it is {last:?}; its node says:\n{}",
                tail(&self.stack.run_dir().log("node"))
            ),
        }
    }

    /// The job once it has ended.
    pub(crate) async fn finished(&self, job: &str) -> anyhow::Result<Job> {
        self.reached(job, |job| job.status() == Some(JobStatus::Finished)).await
    }

    /// Accepts and settles a finished job; gives the bill.
    pub(crate) fn settled(&self, job: &str) -> anyhow::Result<Value> {
        self.ok("customer", &["job", "accept", job])?;
        let settled = self.ok("keeper", &["keeper", "settle", job])?;
        self.conserved(&settled)?;
        Ok(settled)
    }

    /// Fetches the job's result as the customer into the folder `out`; gives that.
    pub(crate) fn result(&self, job: &str, out: &str) -> anyhow::Result<PathBuf> {
        self.ok("customer", &["job", "result", job, "--out", out, "--blob-dir", BLOBS])?;
        Ok(self.path().join(out))
    }

    /// Fetching it has to fail as `actor`, and say `expected`.
    pub(crate) fn result_refused(&self, actor: &str, job: &str, expected: &str) -> anyhow::Result<()> {
        let fetch = ["job", "result", job, "--out", "refused", "--blob-dir", BLOBS];
        self.refused(actor, 1, expected, &fetch)?;
        ensure!(
            !self.path().join("refused").exists(),
            "something was written all the same"
        );
        Ok(())
    }
}

/// All files below `folder`.
pub(crate) fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
