//! What a node offers to the jobs it runs, and how much of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use gantry_sdk::Hash32;
use gantry_sdk::blob::{BlobError, BlobStore};
use gantry_sdk::manifest::{ResultManifest, StoredFile};
use gantry_sdk::spec::{PreparedSpec, Runner, SpecError};

use crate::guard::{Limits, numbered_processes};
use crate::process::{Order, Process, check_environment, resolve};
use crate::workspace::Workspace;

/// Name of the log among a job's results.
const LOG_NAME: &str = "log.txt";
/// CPU seconds beyond the job's duration, for each core: a limit for what escaped its deadline, not the deadline.
const CPU_GRACE: u64 = 60;

/// A blob that its customer may still be uploading.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotThereYet(String);

/// What a node offers.
#[derive(Clone, Debug)]
pub struct Host {
    /// Where specs, inputs and results lie.
    pub blobs: BlobStore,
    /// Where the daemon keeps its journals and the jobs' folders.
    pub state: PathBuf,
    /// Folders whose commands jobs may run.
    pub search: Vec<PathBuf>,
    /// The daemon's own program, which guards are started from.
    pub program: PathBuf,
    /// What jobs run on.
    pub device: String,
    /// Longest time between two receipts.
    pub proof_interval: Duration,
    /// Address space of each of a job's processes, bytes.
    pub memory_bytes: u64,
    /// Processes and threads that a job may add to those of the daemon's user.
    pub processes: u64,
    /// Size of any file that a job writes, and of any output that is kept, bytes.
    pub file_bytes: u64,
    /// Size of a log that is kept, bytes.
    pub log_bytes: u64,
}

impl Host {
    /// Fetches a job's spec, and checks that this node can run it.
    ///
    /// # Errors
    /// [`NotThereYet`] where the spec or an input is missing; otherwise the spec is not what the job names, or asks for
    /// what this node does not offer.
    pub async fn accept(&self, spec_hash: &[u8; 32]) -> anyhow::Result<PreparedSpec> {
        let spec = match PreparedSpec::fetch(&self.blobs, spec_hash).await {
            Err(SpecError::Blob(error @ BlobError::Missing(_))) => return Err(NotThereYet(error.to_string()).into()),
            other => other?,
        };
        let Runner::Process(runner) = spec.runner();
        resolve(&runner.command, &self.search)?;
        check_environment(&runner.env)?;
        for input in spec.inputs() {
            if !self.blobs.contains(&input.sha256.0).await? {
                let text = format!("the input {:?} ({}) is not in the blob store", input.path, input.sha256);
                return Err(NotThereYet(text).into());
            }
        }
        Ok(spec)
    }

    /// Places the inputs and starts the job's command; `seconds` is how long it may run.
    ///
    /// # Errors
    /// If an input is missing or damaged, or the command cannot be started.
    pub async fn start(&self, spec: &PreparedSpec, workspace: &Workspace, seconds: u64) -> anyhow::Result<Process> {
        for input in spec.inputs() {
            let bytes = self.blobs.get(&input.sha256.0).await?;
            workspace.place(&input.path, &bytes).context("cannot place an input")?;
        }
        let Runner::Process(runner) = spec.runner();
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
        let log = workspace.log();
        let order = Order {
            command: &runner.command,
            environment: &runner.env,
            folder: workspace.work(),
            log: &log,
            log_bytes: self.log_bytes,
            limits: Limits {
                cpu_seconds: seconds.saturating_add(CPU_GRACE).saturating_mul(cores),
                memory_bytes: self.memory_bytes,
                open_files: 1_024,
                // The system counts everything that the user runs, not the job's own.
                processes: own_tasks().saturating_add(self.processes),
                file_bytes: self.file_bytes,
            },
        };
        Process::start(&self.program, &self.search, order).await
    }

    /// Stores what a job left behind; gives the digest of the manifest. Without a workspace there is only `note`, which
    /// goes to the end of the log.
    ///
    /// # Errors
    /// If the blob store refuses.
    pub async fn store_result(
        &self,
        job: String,
        spec_hash: [u8; 32],
        outputs: &[String],
        workspace: Option<&Workspace>,
        exit_code: i32,
        note: Option<&str>,
    ) -> anyhow::Result<[u8; 32]> {
        let mut log = workspace
            .and_then(|workspace| workspace.read_log().ok())
            .unwrap_or_default();
        let mut notes: Vec<String> = note.map(ToOwned::to_owned).into_iter().collect();
        let (mut stored, mut missing) = (Vec::new(), Vec::new());
        for path in outputs {
            let bytes = workspace.map(|workspace| workspace.collect(path, self.file_bytes));
            match bytes {
                Some(Ok(bytes)) => stored.push(self.store(path, bytes).await?),
                Some(Err(error)) => {
                    notes.push(format!("output not kept: {error}"));
                    missing.push(path.clone());
                }
                None => missing.push(path.clone()),
            }
        }
        for note in notes {
            log.extend_from_slice(format!("[gantry-node] {note}\n").as_bytes());
        }
        let manifest = ResultManifest {
            version: gantry_sdk::manifest::VERSION,
            job,
            spec: Hash32(spec_hash),
            exit_code,
            device: self.device.clone(),
            outputs: stored,
            missing,
            logs: Some(self.store(LOG_NAME, log).await?),
        };
        Ok(manifest.store(&self.blobs).await?)
    }

    async fn store(&self, path: &str, bytes: Vec<u8>) -> anyhow::Result<StoredFile> {
        let size = bytes.len() as u64;
        let sha256 = Hash32(
            self.blobs
                .put(bytes)
                .await
                .with_context(|| format!("cannot store {path:?}"))?,
        );
        Ok(StoredFile {
            path: path.to_owned(),
            sha256,
            size,
        })
    }

    /// The folder of one assignment of a job.
    pub fn folder(&self, job: &str, assignment: u32) -> PathBuf {
        self.jobs().join(format!("{job}-{assignment}"))
    }

    /// The folder that holds those.
    pub fn jobs(&self) -> PathBuf {
        self.state.join("jobs")
    }
}

/// Threads of every process of this user.
fn own_tasks() -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let user = rustix::process::getuid().as_raw();
    let tasks = |pid: rustix::process::Pid| {
        let folder = format!("/proc/{}", pid.as_raw_nonzero());
        let own = std::fs::metadata(&folder).is_ok_and(|data| data.uid() == user);
        let count = || std::fs::read_dir(Path::new(&folder).join("task")).map_or(0, Iterator::count);
        if own { count() as u64 } else { 0 }
    };
    numbered_processes().map(tasks).sum()
}
