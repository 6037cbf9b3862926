//! What a node offers to the jobs it runs, and how much of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use gantry_sdk::Hash32;
use gantry_sdk::blob::{BlobError, BlobStore};
use gantry_sdk::manifest::{ResultManifest, StoredFile};
use gantry_sdk::seal::{self, Kind, Opener, Sealer};
use gantry_sdk::spec::{PreparedSpec, Runner, SpecError};

use crate::container::{self, Ceiling, Container, Run, Runtime};
use crate::guard::{Limits, numbered_processes};
use crate::process::{Order, Process, check_environment, resolve};
use crate::runner::Running;
use crate::sandbox::Sandbox;
use crate::status::Place;
use crate::workspace::Workspace;

/// Name of the log among a job's results.
const LOG_NAME: &str = "log.txt";
/// CPU seconds beyond the job's duration, for each core: a limit for what escaped its deadline, not the deadline.
const CPU_GRACE: u64 = 60;
/// What a program of CUDA's goes by to see some GPUs and not others.
const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";

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
    /// What jobs run on.
    pub device: String,
    /// UUIDs of the GPUs that are this node's; `None` where they are not told apart.
    pub gpus: Option<Vec<String>>,
    /// Longest time between two receipts.
    pub proof_interval: Duration,
    /// Least time between two parts of a job's log while it runs; `None` where only the result has it.
    pub log_interval: Option<Duration>,
    /// How long a container that is asked to end may take.
    pub grace: Duration,
    /// User and group that jobs run as; `None` for the daemon's own.
    pub user: Option<(u32, u32)>,
    /// Bytes that jobs must leave free on the disk.
    pub reserve: u64,
    /// Where its operator sees what it does.
    pub place: Place,
    /// What a job may have at most.
    pub ceiling: Ceiling,
    /// The process runner, where it is offered.
    pub processes: Option<Processes>,
    /// The container runner, where it is offered.
    pub containers: Option<Runtime>,
}

/// How a job ended.
#[derive(Debug)]
pub struct JobResult<'a> {
    /// Its account.
    pub job: String,
    /// The hash of its spec.
    pub spec_hash: [u8; 32],
    /// The paths that its spec wants kept.
    pub outputs: &'a [String],
    /// Its exit code.
    pub exit_code: i32,
    /// For the end of the log.
    pub note: Option<&'a str>,
}

/// What the process runner needs.
#[derive(Clone, Debug)]
pub struct Processes {
    /// Folders whose commands jobs may run.
    pub search: Vec<PathBuf>,
    /// The daemon's own program, which guards are started from.
    pub program: PathBuf,
    /// What jobs may touch.
    pub sandbox: Sandbox,
}

impl Host {
    /// Fetches a job's spec, opens it with `opener` if it is sealed, and checks that this node can run it.
    ///
    /// # Errors
    /// [`NotThereYet`] where the spec or an input is missing; otherwise the spec is not what the job names, or asks for
    /// what this node does not offer.
    pub async fn accept(&self, spec_hash: &[u8; 32], opener: &Opener<'_>) -> anyhow::Result<PreparedSpec> {
        let spec = match PreparedSpec::fetch_with(&self.blobs, spec_hash, opener).await {
            Err(SpecError::Blob(error @ BlobError::Missing(_))) => return Err(NotThereYet(error.to_string()).into()),
            other => other?,
        };
        match spec.runner() {
            Runner::Process(runner) => {
                resolve(&runner.command, &self.processes()?.search)?;
                check_environment(&runner.env)?;
            }
            Runner::Container(runner) => {
                self.ceiling.grant(runner, self.gpu_uuids().len())?;
                self.containers()?.ensure_image(&runner.image, &self.ceiling).await?;
            }
        }
        for input in spec.inputs() {
            if !self.blobs.contains(&input.sha256.0).await? {
                let text = format!("the input {:?} ({}) is not in the blob store", input.path, input.sha256);
                return Err(NotThereYet(text).into());
            }
        }
        Ok(spec)
    }

    fn processes(&self) -> anyhow::Result<&Processes> {
        let offered = self.processes.as_ref();
        offered.context("this node does not offer the `process` runner")
    }

    fn containers(&self) -> anyhow::Result<&Runtime> {
        let offered = self.containers.as_ref();
        offered.context("this node does not offer the `container` runner")
    }

    fn gpu_uuids(&self) -> &[String] {
        self.gpus.as_deref().unwrap_or_default()
    }

    /// Places the inputs and starts the job; `seconds` is how long it may run.
    ///
    /// # Errors
    /// If an input is missing or damaged, or the job cannot be started.
    pub async fn start(
        &self,
        run: Run,
        spec: &PreparedSpec,
        workspace: &Workspace,
        seconds: u64,
        opener: &Opener<'_>,
    ) -> anyhow::Result<Running> {
        for input in spec.inputs() {
            let mut bytes = self.blobs.get(&input.sha256.0).await?;
            if spec.is_sealed() && seal::is_sealed(&bytes) {
                let opened = opener.open(Kind::File, &bytes);
                bytes = opened.with_context(|| format!("the input {:?}", input.path))?.into();
            }
            workspace.place(&input.path, &bytes).context("cannot place an input")?;
        }
        if let Some((user, group)) = self.user {
            let given = workspace.give_to(user, group);
            given.context("cannot hand the job's folder to the user that it runs as")?;
        }
        let log = workspace.log();
        match spec.runner() {
            Runner::Process(runner) => {
                let offered = self.processes()?;
                let mut environment = runner.env.clone();
                if let Some(gpus) = &self.gpus {
                    environment.insert(VISIBLE.to_owned(), gpus.join(","));
                }
                let order = Order {
                    command: &runner.command,
                    environment: &environment,
                    folder: workspace.work(),
                    log: &log,
                    log_bytes: self.ceiling.log_bytes,
                    limits: self.limits(seconds),
                    user: self.user,
                    sandbox: &offered.sandbox,
                };
                let process = Process::start(&offered.program, &offered.search, order).await?;
                Ok(Running::Process(process))
            }
            Runner::Container(runner) => {
                let own = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
                let order = container::Order {
                    run,
                    runner,
                    ceiling: &self.ceiling,
                    gpus: self.gpu_uuids(),
                    folder: workspace.work(),
                    log: &log,
                    user: self.user.unwrap_or(own),
                };
                let container = Container::start(self.containers()?, &order).await?;
                Ok(Running::Container(container))
            }
        }
    }

    /// Finds again what an earlier life of the daemon left running for a job.
    ///
    /// # Errors
    /// If the container runtime does not answer.
    pub async fn attach(&self, run: &Run, workspace: &Workspace) -> anyhow::Result<Option<Running>> {
        let Some(runtime) = &self.containers else {
            return Ok(None);
        };
        let container = Container::attach(runtime, run, &workspace.log(), self.ceiling.log_bytes).await?;
        Ok(container.map(Running::Container))
    }

    /// Bytes that a job's folder may hold.
    pub fn disk_bytes(&self, spec: &PreparedSpec) -> u64 {
        let asked = match spec.runner() {
            Runner::Process(_) => None,
            Runner::Container(runner) => runner.disk_mib,
        };
        asked
            .unwrap_or(u64::MAX)
            .min(self.ceiling.disk_mib)
            .saturating_mul(1 << 20)
    }

    fn limits(&self, seconds: u64) -> Limits {
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
        // The system counts everything that the user runs, not the job's own.
        let others = if self.user.is_some() { 0 } else { own_tasks() };
        Limits {
            cpu_seconds: seconds.saturating_add(CPU_GRACE).saturating_mul(cores),
            memory_bytes: self.ceiling.memory_mib.saturating_mul(1 << 20),
            open_files: 1_024,
            processes: others.saturating_add(self.ceiling.pids.into()),
            file_bytes: self.ceiling.file_bytes,
        }
    }

    /// Stores what a job left behind; gives the digest of the manifest. Without a workspace there is only the note, which
    /// goes to the end of the log. With a `sealer`, everything is sealed, the manifest too.
    ///
    /// # Errors
    /// If the blob store refuses.
    pub async fn store_result(
        &self,
        result: JobResult<'_>,
        workspace: Option<&Workspace>,
        sealer: Option<&Sealer>,
    ) -> anyhow::Result<[u8; 32]> {
        let mut log = workspace
            .and_then(|workspace| workspace.read_log().ok())
            .unwrap_or_default();
        let mut notes: Vec<String> = result.note.map(ToOwned::to_owned).into_iter().collect();
        let (mut stored, mut missing) = (Vec::new(), Vec::new());
        for path in result.outputs {
            let bytes = workspace.map(|workspace| workspace.collect(path, self.ceiling.file_bytes));
            match bytes {
                Some(Ok(bytes)) => stored.push(self.store(path, bytes, sealer).await?),
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
            job: result.job,
            spec: Hash32(result.spec_hash),
            exit_code: result.exit_code,
            device: self.device.clone(),
            outputs: stored,
            missing,
            logs: Some(self.store(LOG_NAME, log, sealer).await?),
        };
        match sealer {
            Some(sealer) => Ok(self.blobs.put(sealer.seal(Kind::Manifest, &manifest.encode())?).await?),
            None => Ok(manifest.store(&self.blobs).await?),
        }
    }

    async fn store(&self, path: &str, mut bytes: Vec<u8>, sealer: Option<&Sealer>) -> anyhow::Result<StoredFile> {
        let size = bytes.len() as u64;
        if let Some(sealer) = sealer {
            bytes = sealer
                .seal(Kind::File, &bytes)
                .with_context(|| format!("cannot seal {path:?}"))?;
        }
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
