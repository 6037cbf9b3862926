//! One assignment of a job, from the first receipt to the last.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use gantry_sdk::Pubkey;
use gantry_sdk::market::accounts::Job;
use gantry_sdk::receipt::{Receipt, ReceiptStatus};
use gantry_sdk::spec::PreparedSpec;
use gantry_sdk::state::{JobExt, JobOutcome, JobStatus};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use crate::chain::{Chain, Observation};
use crate::guard::Exit;
use crate::host::{Host, NotThereYet};
use crate::journal::Journal;
use crate::meter::Meter;
use crate::orphans;
use crate::process::Process;
use crate::tasks::{LOOK, Poster, look, watch_job};
use crate::workspace::Workspace;

/// Times that the command of one assignment is started: it may be what brings the daemon down.
const MAX_LAUNCHES: u32 = 3;
/// Exit code of a job whose command was never run, as `docker run` has it.
const NOT_RUN: i32 = 125;
/// Seconds before the start deadline at which the node gives up waiting for a spec.
const START_MARGIN: i64 = 5;
/// Where sequence numbers go on when the journal is lost: far beyond any that can have been used.
const LOST_JOURNAL_GAP: u64 = 1 << 32;

/// How the run of a job's process ended.
struct Ended {
    status: ReceiptStatus,
    exit_code: i32,
    note: Option<String>,
}

impl Ended {
    fn failed(note: impl Into<String>) -> Self {
        Self {
            status: ReceiptStatus::Failed,
            exit_code: NOT_RUN,
            note: Some(note.into()),
        }
    }

    fn completed(exit: Exit, note: Option<&str>) -> Self {
        Self {
            status: ReceiptStatus::Completed,
            exit_code: exit.code,
            note: note.map(ToOwned::to_owned),
        }
    }
}

/// A session: everything that one assignment of one job needs.
pub struct Session {
    chain: Arc<Chain>,
    host: Arc<Host>,
    address: Pubkey,
    /// The account as it was when the session began.
    job: Job,
    journal: Journal,
    poster: Poster,
    news: watch::Receiver<Observation>,
    _watch: crate::tasks::Owned,
}

/// Runs, or goes on with, the job at `address` until nothing is left to do about it.
///
/// # Errors
/// If the journal or the job's folder cannot be used. The process is gone then; calling again goes on.
pub async fn run(chain: Arc<Chain>, host: Arc<Host>, address: Pubkey) -> anyhow::Result<()> {
    let first = look(&chain, Some(&address)).await;
    let Some(job) = first.job.filter(|job| job.node == chain.node) else {
        return Ok(());
    };
    let folder = host.folder(&address.to_string(), job.assignment);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let journal = Journal::open(&folder.join("journal"), address.to_bytes(), job.assignment)?;
    let poster = Poster::start(chain.clone(), address, job);
    let (news, watch) = watch_job(chain.clone(), address, first);
    Session {
        chain,
        host,
        address,
        job,
        journal,
        poster,
        news,
        _watch: watch,
    }
    .serve()
    .await
}

impl Session {
    async fn serve(mut self) -> anyhow::Result<()> {
        let mut spec = Err(anyhow::anyhow!("not looked at"));
        if self.status() == Some(JobStatus::Assigned) {
            spec = self.accept().await;
            self.start().await?;
        }
        if !self.expects_receipts() {
            return Ok(());
        }
        if spec.is_err() && self.runs() {
            spec = self.host.accept(&self.job.spec_hash).await;
        }
        if self
            .journal
            .last()
            .is_some_and(|receipt| receipt.status != ReceiptStatus::Running)
        {
            return self.finish().await;
        }
        let outputs = spec.as_ref().map(|spec| spec.outputs().to_vec()).unwrap_or_default();
        let observation = self.now();
        let started_at = self.running_job().and_then(|job| JobExt::started_at(&job));
        let before = self.journal.last().map_or(0, |receipt| receipt.served_seconds);
        let meter = Meter {
            started_at: started_at.context("a running job has no start")?,
            max_duration: u64::from(self.job.max_duration),
            before: before.max(self.running_job().map_or(0, |job| u64::from(job.served_seconds))),
            since: observation.clock,
        };
        let root = self
            .host
            .folder(&self.address.to_string(), self.job.assignment)
            .join("run");
        if root.exists() {
            // A guard that was let go a moment ago may still be at it.
            let folder = root.canonicalize().context("cannot find the job's folder")?;
            tokio::task::spawn_blocking(move || orphans::kill_below(&folder)).await??;
        }
        let workspace = Workspace::create(&root).context("cannot make the job's folder")?;
        let (meter, ended) = self.attempt(spec, &workspace, meter).await?;
        let digest = self.host.store_result(
            self.address.to_string(),
            self.job.spec_hash,
            &outputs,
            Some(&workspace),
            ended.exit_code,
            ended.note.as_deref(),
        );
        let digest = digest.await.context("cannot store the result")?;
        drop(workspace);
        // The latest time there is: storing the result took some.
        let observation = look(&self.chain, Some(&self.address)).await;
        let served = meter.served(observation.clock, observation.job.as_ref().and_then(JobExt::ended_at));
        self.sign(&observation, served, ended.status, ended.exit_code, digest)?;
        self.finish().await
    }

    /// Waits for the spec as long as the job may wait: its customer may still be uploading it.
    async fn accept(&mut self) -> anyhow::Result<PreparedSpec> {
        loop {
            let error = match self.host.accept(&self.job.spec_hash).await {
                Ok(spec) => return Ok(spec),
                Err(error) => error,
            };
            let deadline = self.job.start_deadline_at().unwrap_or(0).saturating_sub(START_MARGIN);
            let hopeless = !error.is::<NotThereYet>();
            if hopeless || self.now().clock >= deadline || self.status() != Some(JobStatus::Assigned) {
                tracing::warn!(job = %self.address, error = format!("{error:#}"), "this node cannot run the job");
                return Err(error);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Posts receipt 0 until the job runs. A job that cannot be run is started too, and reported failed: only that tells
    /// the customer why.
    async fn start(&mut self) -> anyhow::Result<()> {
        if self.journal.last().is_none() {
            let observation = self.now();
            let receipt = self.receipt(&observation, 0, 0, ReceiptStatus::Running, 0, [0; 32]);
            self.journal.receipt(&receipt)?;
        }
        let receipt = self.journal.last().context("receipt 0 was just written down")?.clone();
        self.poster.post(receipt);
        while self.status() == Some(JobStatus::Assigned) {
            self.changed().await?;
        }
        Ok(())
    }

    /// Runs the job's command to its end, the job's end, or the end of what is paid.
    async fn attempt(
        &mut self,
        spec: anyhow::Result<PreparedSpec>,
        workspace: &Workspace,
        meter: Meter,
    ) -> anyhow::Result<(Meter, Ended)> {
        let untouched = Meter {
            max_duration: meter.before,
            ..meter
        };
        if self.journal.last().is_none() {
            return Ok((untouched, Ended::failed("the node has lost its record of this job")));
        }
        if !self.runs() {
            return Ok((
                untouched,
                Ended::completed(Exit::KILLED, Some("the job ended while the node was down")),
            ));
        }
        let spec = match spec {
            Ok(spec) => spec,
            Err(error) => {
                return Ok((
                    untouched,
                    Ended::failed(format!("the node cannot run this job: {error:#}")),
                ));
            }
        };
        let left = meter.left(meter.since);
        if left == 0 || self.journal.launches() >= MAX_LAUNCHES {
            return Ok((
                untouched,
                Ended::failed("the node was interrupted and cannot run the job again"),
            ));
        }
        if self.journal.launches() > 0 {
            tracing::info!(job = %self.address, before = meter.before, left, "runs the job again after a restart");
        }
        self.journal.launch()?;
        let mut process = match self.host.start(&spec, workspace, left).await {
            Ok(process) => process,
            Err(error) => {
                return Ok((
                    untouched,
                    Ended::failed(format!("the job cannot be started: {error:#}")),
                ));
            }
        };
        tracing::info!(job = %self.address, name = spec.spec().name, device = self.host.device, "runs");
        let ended = self.attend(&mut process, &meter).await?;
        Ok((meter, ended))
    }

    async fn attend(&mut self, process: &mut Process, meter: &Meter) -> anyhow::Result<Ended> {
        let half = Duration::from_millis(u64::from(self.job.proof_timeout) * 500);
        let interval = self.host.proof_interval.min(half).max(Duration::from_millis(500));
        let mut ticks = tokio::time::interval_at(Instant::now() + interval, interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut deadline = self.deadline(meter);
        loop {
            tokio::select! {
                exit = process.wait() => {
                    let exit = exit?;
                    tracing::info!(job = %self.address, exit_code = exit.code, "the job's command has ended");
                    return Ok(Ended::completed(exit, None));
                }
                _ = ticks.tick() => {
                    let observation = self.now();
                    let served = meter.served(observation.clock, None);
                    self.sign(&observation, served, ReceiptStatus::Running, 0, [0; 32])?;
                }
                () = tokio::time::sleep_until(deadline) => {
                    let exit = process.stop().await?;
                    tracing::info!(job = %self.address, "stopped: it has run for as long as it was paid");
                    return Ok(Ended::completed(exit, Some("stopped: the job has run for as long as it was paid")));
                }
                changed = self.news.changed() => {
                    changed.context("the watch has ended")?;
                    deadline = self.deadline(meter);
                    if !self.runs() {
                        let exit = process.stop().await?;
                        tracing::info!(job = %self.address, status = ?self.status(), "stopped: the job runs no more");
                        return Ok(Ended::completed(exit, Some("stopped: the job ended on the network")));
                    }
                }
            }
        }
    }

    /// When the job will be paid out, by this host's clock: counted on from the chain's, should that be out of reach.
    fn deadline(&self, meter: &Meter) -> Instant {
        let observation = self.now();
        observation.at + Duration::from_secs(meter.left(observation.clock))
    }

    /// Posts the final receipt until it is on chain or nobody wants it any more.
    async fn finish(&mut self) -> anyhow::Result<()> {
        let receipt = self
            .journal
            .last()
            .context("the final receipt was just written down")?
            .clone();
        let sequence = receipt.sequence;
        self.poster.post(receipt);
        while self.expects_receipts() && self.running_job().is_some_and(|job| job.sequence < sequence) {
            self.changed().await?;
        }
        tracing::info!(job = %self.address, sequence, status = ?self.status(), "done");
        Ok(())
    }

    /// Writes a receipt down and hands it to the poster, which signs it.
    fn sign(
        &mut self,
        observation: &Observation,
        served: u64,
        status: ReceiptStatus,
        exit_code: i32,
        digest: [u8; 32],
    ) -> anyhow::Result<()> {
        let on_chain = self.running_job().map_or(0, |job| job.sequence);
        let sequence = match self.journal.last() {
            Some(last) => last.sequence.max(on_chain) + 1,
            None => on_chain.saturating_add(LOST_JOURNAL_GAP),
        };
        let receipt = self.receipt(observation, sequence, served, status, exit_code, digest);
        self.journal.receipt(&receipt)?;
        self.poster.post(receipt);
        Ok(())
    }

    fn receipt(
        &self,
        observation: &Observation,
        sequence: u64,
        served_seconds: u64,
        status: ReceiptStatus,
        exit_code: i32,
        output_digest: [u8; 32],
    ) -> Receipt {
        Receipt {
            genesis_hash: self.chain.genesis_hash,
            market: gantry_sdk::market::ID.to_bytes(),
            job: self.address.to_bytes(),
            assignment: self.job.assignment,
            sequence,
            served_seconds,
            // The chain's clock: what the SLA is measured by.
            issued_at: observation.clock,
            status,
            exit_code,
            output_digest,
        }
    }

    fn now(&self) -> Observation {
        self.news.borrow().clone()
    }

    async fn changed(&mut self) -> anyhow::Result<()> {
        self.news.changed().await.context("the watch has ended")
    }

    /// The job, as long as this assignment is its latest.
    fn running_job(&self) -> Option<Job> {
        let job = self.news.borrow().job;
        job.filter(|job| job.node == self.chain.node && job.assignment == self.job.assignment)
    }

    fn status(&self) -> Option<JobStatus> {
        self.running_job().and_then(|job| JobExt::status(&job))
    }

    fn runs(&self) -> bool {
        self.status() == Some(JobStatus::Running)
    }

    /// Whether the market takes receipts: while the job runs, and after its customer's stop until it is settled.
    fn expects_receipts(&self) -> bool {
        let stopped = self.running_job().and_then(|job| job.outcome()) == Some(JobOutcome::Stopped);
        self.runs() || (self.status() == Some(JobStatus::Finished) && stopped)
    }
}
