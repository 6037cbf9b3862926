//! What a job writes, seen while it runs.

use crate::{
    daemon::{PATIENCE, files},
    gantry::Network,
};
use anyhow::{Context as _, bail, ensure};
use gantry_sdk::state::{JobExt as _, JobOutcome, JobStatus};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Stdio, time::Duration};
use tokio::{
    io::AsyncReadExt as _,
    process::{Child, ChildStdout, Command},
};

/// In all that a sealed job writes.
const SECRET: &str = "topsecret";

/// `gantry` that follows a job.
pub(crate) struct Follower {
    child: Child,
    output: ChildStdout,
    read: Vec<u8>,
}

impl Follower {
    pub(crate) fn start(network: &Network, words: &[&str]) -> anyhow::Result<Self> {
        Self::of(
            Command::from(network.command("customer"))
                .args(words)
                .args(["--blob-dir", "blobs"]),
        )
    }

    /// The same in a terminal of 120 columns, for people.
    fn in_terminal(network: &Network, words: &str) -> anyhow::Result<Self> {
        let gantry = network.command("customer");
        let line = format!(
            "stty cols 120 rows 40; {} {words} --blob-dir blobs",
            gantry.get_program().display()
        );
        let mut script = Command::new("script");
        script
            .current_dir(network.path())
            .env("TERM", "xterm")
            .stdin(Stdio::null());
        for (name, value) in gantry.get_envs() {
            if let Some(value) = value {
                script.env(name, value);
            }
        }
        Self::of(script.args(["--quiet", "--return", "--command", &line, "/dev/null"]))
    }

    fn of(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self {
            output: child.stdout.take().context("no standard output")?,
            child,
            read: Vec::new(),
        })
    }

    /// Reads until `text` has come, and not further.
    pub(crate) async fn until(&mut self, text: &str) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let found = self.read.windows(text.len()).position(|part| part == text.as_bytes());
            if let Some(at) = found {
                self.read.drain(..at + text.len());
                return Ok(());
            }
            let more = tokio::time::timeout_at(deadline, self.output.read_buf(&mut self.read)).await;
            let read = String::from_utf8_lossy(&self.read);
            match more {
                Ok(Ok(0)) => bail!("it ended without {text:?}: {read}"),
                Ok(read) => drop(read?),
                Err(_) => bail!("{text:?} never came, but {read}"),
            }
        }
    }

    /// All that it still prints, and says; it has to end well.
    pub(crate) async fn rest(mut self) -> anyhow::Result<(String, String)> {
        let ended = async {
            self.output.read_to_end(&mut self.read).await?;
            let mut said = String::new();
            let mut errors = self.child.stderr.take().context("no standard error")?;
            errors.read_to_string(&mut said).await?;
            let status = self.child.wait().await?;
            ensure!(status.success(), "{status}: {said}");
            Ok((String::from_utf8(self.read)?, said))
        };
        tokio::time::timeout(PATIENCE, ended).await.context("it never ends")?
    }
}

fn job(gate: &Path) -> Value {
    json!({
        "name": "talks",
        "runner": { "process": { "command": ["talk", gate], "env": { "WORD": SECRET } } },
    })
}

struct Bench {
    network: Network,
    daemon: crate::daemon::Daemon,
    node: String,
}

impl Bench {
    async fn start() -> anyhow::Result<Self> {
        let network = Network::start().await?;
        let node = network.list(&["node"])?.remove(0);
        let tools = network.script(
            "talk",
            "echo \"first $WORD\"; while [ ! -e \"$1\" ]; do sleep 0.05; done; echo 'second'; printf unended",
        )?;
        fs::create_dir(network.path().join("gates"))?;
        let (tools, gates) = (
            tools.display().to_string(),
            network.path().join("gates").display().to_string(),
        );
        let daemon = network
            .daemon(&["node"], &["--search-path", &tools, "--readable", &gates])
            .await?;
        Ok(Self { network, daemon, node })
    }

    /// Opens a job that waits for a gate of this name, and has the node take it; gives its account.
    async fn run(&self, name: &str, more: &[&str]) -> anyhow::Result<String> {
        let opened = self.network.open_at(&self.node, &job(&self.gate(name)), more)?;
        let address = opened["address"].as_str().context("an address")?.to_owned();
        self.network.ok("keeper", &["keeper", "assign", &address, &self.node])?;
        Ok(address)
    }

    fn gate(&self, name: &str) -> std::path::PathBuf {
        self.network.path().join("gates").join(name)
    }

    fn follow(&self, address: &str) -> anyhow::Result<Follower> {
        Follower::start(&self.network, &["job", "logs", address, "--follow"])
    }

    /// Ends well once the job has, with a result; gives what the parts of its log left in the store: nothing.
    async fn finish(&self, address: &str, name: &str) -> anyhow::Result<()> {
        fs::write(self.gate(name), "")?;
        let ended = self.network.finished(address).await?;
        ensure!(ended.outcome() == Some(JobOutcome::Completed), "{ended:?}");
        let parts = self.network.blobs().join("logs");
        let gone = async {
            while !files(&parts)?.is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(PATIENCE, gone)
            .await
            .context("parts of the log stay")?
    }

    /// What `gantry job logs` prints now.
    fn shown(&self, actor: &str, address: &str) -> anyhow::Result<(i32, String, String)> {
        let mut command = self.network.command(actor);
        crate::gantry::finish(command.args(["job", "logs", address, "--blob-dir", "blobs"]))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_s_output_is_seen_while_it_runs() -> anyhow::Result<()> {
    let bench = Bench::start().await?;
    let address = bench.run("plain", &[]).await?;
    let mut follower = bench.follow(&address)?;
    let mut watcher = Follower::start(
        &bench.network,
        &[
            "job", "watch", &address, "--until", "finished", "--logs", "--output", "json",
        ],
    )?;
    let first = format!("first {SECRET}");
    let mut terminal = Follower::in_terminal(&bench.network, &format!("job watch {address} --until finished"))?;
    follower.until(&format!("{first}\n")).await?;
    watcher.until(&format!("\"text\":\"{first}\"")).await?;
    terminal.until(&format!("| {first}")).await?;
    // Its gate is closed, so it runs.
    let job = bench.network.client.require_job(&address.parse()?).await?;
    ensure!(job.status() == Some(JobStatus::Running), "{job:?}");
    let (code, shown, said) = bench.shown("customer", &address)?;
    ensure!(code == 0 && shown == format!("{first}\n"), "{code}: {shown}{said}");

    // A part that the node did not sign is not shown.
    let part = bench.network.blobs().join(format!("logs/{address}/1/0"));
    let whole = fs::read(&part)?;
    let mut changed = whole.clone();
    *changed.last_mut().context("an empty part")? ^= 1;
    fs::write(&part, changed)?;
    let (code, shown, said) = bench.shown("customer", &address)?;
    ensure!(
        code == 1 && shown.is_empty() && said.contains("not what the job's node signed"),
        "{code}: {shown}{said}"
    );
    fs::write(&part, whole)?;

    bench.finish(&address, "plain").await?;
    let (rest, _) = follower.rest().await?;
    ensure!(rest == "second\nunended", "{rest:?}");
    let (rest, _) = terminal.rest().await?;
    for shown in [
        "running",
        "s proven",
        " a second",
        "left in escrow",
        "| second",
        "| unended",
        "finished",
    ] {
        ensure!(rest.contains(shown), "no {shown:?} in the terminal: {rest}");
    }
    let (rest, _) = watcher.rest().await?;
    let texts: Vec<Value> = rest
        .lines()
        .map(serde_json::from_str::<Value>)
        .filter_map(|line| line.ok().filter(|line| line["event"] == "log"))
        .map(|line| line["text"].clone())
        .collect();
    ensure!(texts == ["second", "unended"], "{rest:?}");
    let (code, shown, _) = bench.shown("stranger", &address)?;
    ensure!(code == 0 && shown == format!("{first}\nsecond\nunended"), "{shown}");

    a_sealed_one_is_the_customer_s(&bench).await?;
    one_that_runs_again_begins_anew(bench).await
}

async fn a_sealed_one_is_the_customer_s(bench: &Bench) -> anyhow::Result<()> {
    let address = bench.run("sealed", &["--seal"]).await?;
    let mut follower = bench.follow(&address)?;
    follower.until(&format!("first {SECRET}\n")).await?;
    let parts = files(&bench.network.blobs().join("logs"))?;
    ensure!(!parts.is_empty(), "where did it come from?");
    for part in parts {
        let text = String::from_utf8_lossy(&fs::read(&part)?).into_owned();
        ensure!(!text.contains(SECRET), "{} tells the secret", part.display());
    }
    let (code, shown, said) = bench.shown("stranger", &address)?;
    ensure!(
        code == 1 && shown.is_empty() && said.contains("does not open"),
        "{code}: {shown}{said}"
    );
    bench.finish(&address, "sealed").await?;
    let (rest, _) = follower.rest().await?;
    ensure!(rest == "second\nunended", "{rest:?}");
    Ok(())
}

/// A program does not outlive its daemon: it is run again, and what it writes then is told from what it wrote before.
async fn one_that_runs_again_begins_anew(mut bench: Bench) -> anyhow::Result<()> {
    let address = bench.run("again", &[]).await?;
    let mut follower = bench.follow(&address)?;
    let first = format!("first {SECRET}");
    follower.until(&format!("{first}\n")).await?;
    bench.daemon.child.kill9().await?;
    bench.daemon.child.restart().await?;
    follower.until(&format!("{first}\n")).await?;
    bench.finish(&address, "again").await?;
    let (rest, said) = follower.rest().await?;
    ensure!(rest == "second\nunended", "{rest:?}");
    ensure!(said.matches("started again").count() == 1, "{said}");
    let (_, shown, _) = bench.shown("customer", &address)?;
    ensure!(shown == format!("{first}\nsecond\nunended"), "{shown}");
    drop(bench.daemon);
    bench.network.stop().await;
    Ok(())
}
