//! The `process` runner: starts a job's command below a guard, collects its log, and ends it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::guard::{Exit, Launch, Limits};
use crate::log::Log;
use crate::orphans;
use crate::sandbox::Sandbox;

/// How long a guard may take to kill everything below it.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// What to run.
#[derive(Debug)]
pub struct Order<'a> {
    /// Command name and arguments.
    pub command: &'a [String],
    /// What the job adds to the environment.
    pub environment: &'a BTreeMap<String, String>,
    /// The folder that is the job's own: its command runs in it.
    pub folder: &'a Path,
    /// Where the log goes; outside the job's folder.
    pub log: &'a Path,
    /// Most bytes of the log to keep.
    pub log_bytes: u64,
    /// Limits of each process.
    pub limits: Limits,
    /// User and group that it runs as; `None` for the daemon's own.
    pub user: Option<(u32, u32)>,
    /// What it may touch beside its folder.
    pub sandbox: &'a Sandbox,
}

/// Why a command is not one that this node runs.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The command list is empty.
    #[error("the job names no command")]
    Empty,
    /// A path where a name is asked for.
    #[error("the command {0:?} is a path: name one of the commands that the node offers")]
    Path(String),
    /// Not in any of the folders.
    #[error("this node offers no command {0:?}")]
    Unknown(String),
    /// A variable that would reach into the node's own programs.
    #[error("a job may not set the environment variable {0:?}")]
    Variable(String),
}

/// Finds the file of a command name in the folders that jobs may use.
///
/// # Errors
/// If it is a path or nothing executable has that name.
pub fn resolve(command: &[String], search: &[PathBuf]) -> Result<PathBuf, CommandError> {
    let name = command.first().ok_or(CommandError::Empty)?;
    if name.is_empty() || name.contains(['/', '\0']) || name == "." || name == ".." {
        return Err(CommandError::Path(name.clone()));
    }
    let executable = |file: &PathBuf| {
        std::fs::metadata(file).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    };
    let found = search.iter().map(|folder| folder.join(name)).find(executable);
    found.ok_or_else(|| CommandError::Unknown(name.clone()))
}

/// Refuses variables that steer the loader or the C library, or that the node sets itself.
///
/// # Errors
/// Names the first such variable.
pub fn check_environment(environment: &BTreeMap<String, String>) -> Result<(), CommandError> {
    let forbidden = |name: &str| {
        let reserved = ["LD_", "GLIBC_", "GANTRY_", "MALLOC_"]
            .iter()
            .any(|prefix| name.starts_with(prefix));
        reserved || matches!(name, "" | "PATH" | "HOME" | "TMPDIR") || name.contains(['=', '\0'])
    };
    let bad = environment
        .iter()
        .find(|(name, value)| forbidden(name) || value.contains('\0'));
    bad.map_or(Ok(()), |(name, _)| Err(CommandError::Variable(name.clone())))
}

/// A job's process and all that it started. Dropping it lets go of the guard, which ends all of them.
#[derive(Debug)]
pub struct Process {
    guard: Child,
    /// Held open as long as the job may run.
    lifeline: Option<ChildStdin>,
    report: ChildStdout,
    /// What the guard has said so far.
    said: Vec<u8>,
    log: Option<JoinHandle<std::io::Result<()>>>,
    folder: PathBuf,
}

impl Process {
    /// Starts `order` below a guard; `program` is this daemon's own file ([`SELF`](crate::guard::SELF)), `search` the folders whose
    /// commands jobs may use.
    ///
    /// # Errors
    /// If the command is none that the node runs or the guard cannot be started.
    pub async fn start(program: &Path, search: &[PathBuf], order: Order<'_>) -> anyhow::Result<Self> {
        let command = resolve(order.command, search)?;
        check_environment(order.environment)?;
        let folder = order.folder.canonicalize().context("cannot find the job's folder")?;
        let mark = folder
            .to_str()
            .context("the node's state folder must have a name in UTF-8")?
            .to_owned();
        let mut environment = order.environment.clone();
        environment
            .entry("LANG".to_owned())
            .or_insert_with(|| "C.UTF-8".to_owned());
        for name in ["HOME", "TMPDIR", orphans::MARK] {
            environment.insert(name.to_owned(), mark.clone());
        }
        let mut sandbox = order.sandbox.clone();
        sandbox.readable.extend_from_slice(search);
        let launch = Launch {
            program: command.canonicalize().context("cannot find the command")?,
            user: order.user,
            sandbox,
            arguments: order.command[1..].to_vec(),
            environment,
            folder: folder.clone(),
            limits: order.limits,
        };
        let (reader, writer) = std::io::pipe().context("cannot make a pipe for the log")?;
        let mut file = std::fs::OpenOptions::new();
        let file = file.write(true).create(true).truncate(true).mode(0o600).open(order.log);
        let file = file.with_context(|| format!("cannot write the log {}", order.log.display()))?;
        let log_bytes = order.log_bytes;
        let mut guard = Command::new(program)
            .arg("guard")
            .env_clear()
            .env(orphans::MARK, &mark)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(writer)
            // A Ctrl-C in the daemon's terminal is the daemon's to handle.
            .process_group(0)
            .spawn()
            .context("cannot start the guard")?;
        let log = tokio::task::spawn_blocking(move || copy_log(reader, Log::new(file, log_bytes)));
        let mut lifeline = guard.stdin.take().context("the guard has no standard input")?;
        let report = guard.stdout.take().context("the guard has no standard output")?;
        let mut line = serde_json::to_vec(&launch).context("cannot describe the job")?;
        line.push(b'\n');
        lifeline
            .write_all(&line)
            .await
            .context("cannot tell the guard what to run")?;
        Ok(Self {
            guard,
            lifeline: Some(lifeline),
            report,
            said: Vec::new(),
            log: Some(log),
            folder,
        })
    }

    /// Waits until the job's first process has ended and everything that it started is gone. May be cancelled and
    /// called again; then the log is whole, too.
    ///
    /// # Errors
    /// If the guard itself failed.
    pub async fn wait(&mut self) -> anyhow::Result<Exit> {
        // Each step keeps what it got in `self`, so that a cancelled call loses nothing.
        while self
            .report
            .read_buf(&mut self.said)
            .await
            .context("cannot read what the guard says")?
            > 0
        {}
        let status = self.guard.wait().await.context("cannot wait for the guard")?;
        let exit: Option<Exit> = serde_json::from_slice(&self.said).ok();
        // A guard that was killed could not clean up.
        let folder = self.folder.clone();
        let left = tokio::task::spawn_blocking(move || orphans::kill_below(&folder)).await??;
        if left > 0 {
            tracing::warn!(left, "ended processes that the guard had left");
        }
        // Everyone who could write to the log is gone.
        if let Some(log) = &mut self.log {
            let result = log.await.context("the log's copier failed")?;
            self.log = None;
            if let Err(error) = result {
                tracing::warn!(%error, "the job's log is incomplete");
            }
        }
        match exit {
            Some(exit) => Ok(exit),
            None if status.success() => anyhow::bail!("the guard said nothing"),
            None => Ok(Exit::KILLED),
        }
    }

    /// Kills the job's processes, all of them, and waits for it.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn stop(&mut self) -> anyhow::Result<Exit> {
        drop(self.lifeline.take());
        if let Ok(exit) = tokio::time::timeout(STOP_PATIENCE, self.wait()).await {
            return exit;
        }
        self.guard.start_kill().context("cannot kill the guard")?;
        self.wait().await
    }
}

/// Copies what the job writes to its log.
fn copy_log(mut reader: std::io::PipeReader, mut log: Log) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return log.finish(),
            Ok(read) => log.write(&buffer[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(name: &str) -> Vec<String> {
        vec![name.to_owned()]
    }

    #[test]
    fn only_names_of_offered_commands_are_resolved() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let search = [folder.path().to_owned()];
        let file = folder.path().join("tool");
        std::fs::write(&file, "").expect("written");
        assert_eq!(
            resolve(&command("tool"), &search),
            Err(CommandError::Unknown("tool".to_owned()))
        );
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("set");
        assert_eq!(resolve(&command("tool"), &search), Ok(file));
        for path in ["/bin/sh", "./tool", "../tool", "..", "."] {
            assert_eq!(
                resolve(&command(path), &search),
                Err(CommandError::Path(path.to_owned()))
            );
        }
        assert_eq!(resolve(&[], &search), Err(CommandError::Empty));
    }

    #[test]
    fn a_job_cannot_steer_the_loader() {
        let environment = |name: &str| BTreeMap::from([(name.to_owned(), "x".to_owned())]);
        assert_eq!(check_environment(&environment("SAMPLES")), Ok(()));
        for name in [
            "LD_PRELOAD",
            "GLIBC_TUNABLES",
            "PATH",
            "HOME",
            "GANTRY_JOB_DIR",
            "A=B",
            "",
        ] {
            let refused = Err(CommandError::Variable(name.to_owned()));
            assert_eq!(check_environment(&environment(name)), refused, "{name}");
        }
    }
}
