//! One assignment of a job, from the first receipt to the last.

mod proving;
mod storing;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use gantry_sdk::Pubkey;
use gantry_sdk::market::accounts::Job;
use gantry_sdk::receipt::ReceiptStatus;
use gantry_sdk::seal::Sealer;
use gantry_sdk::spec::PreparedSpec;
use gantry_sdk::state::{JobExt, JobOutcome, JobStatus};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::chain::{Chain, Observation};
use crate::container::Run;
use crate::ended::Ended;
use crate::guard::Exit;
use crate::host::{Host, NotThereYet};
use crate::journal::Journal;
use crate::live::{self, LiveLog};
use crate::meter::Meter;
use crate::orphans;
use crate::runner::Running;
use crate::tasks::{LOOK, Poster, look, watch_job};
use crate::usage;
use crate::workspace::Workspace;

/// Times that the command of one assignment is started: it may be what brings the daemon down.
const MAX_LAUNCHES: u32 = 3;
/// Seconds before the start deadline at which the node gives up waiting for a spec.
const START_MARGIN: i64 = 5;

/// A session: everything that one assignment of one job needs.
pub struct Session {
    chain: Arc<Chain>,
    host: Arc<Host>,
    address: Pubkey,
    /// The account as it was when the session began.
    job: Job,
    journal: Journal,
    poster: Poster,
    /// When the latest receipt was signed, or the session began.
    proved_at: Instant,
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
        proved_at: Instant::now(),
        news,
        _watch: watch,
    }
    .serve()
    .await
}

impl Session {
    async fn serve(mut self) -> anyhow::Result<()> {
        let mut spec = Err(anyhow::anyhow!("not looked at"));
        let waited = self.status() == Some(JobStatus::Assigned);
        if waited {
            spec = self.accept().await;
            self.start().await?;
        }
        if !self.expects_receipts() {
            return Ok(());
        }
        if spec.is_err() {
            let opener = self.chain.opener(self.address);
            spec = self.host.accept(&self.job.spec_hash, &opener).await;
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
        let started_at = started_at.context("a running job has no start")?;
        let before = self.journal.last().map_or(0, |receipt| receipt.served_seconds);
        let meter = Meter {
            started_at,
            max_duration: u64::from(self.job.max_duration),
            before: before.max(self.running_job().map_or(0, |job| u64::from(job.served_seconds))),
            since: if waited {
                Meter::set_off(started_at, observation.clock)
            } else {
                observation.clock
            },
        };
        let root = self.folder().join("run");
        let (mut workspace, found) = self.workspace(&root).await?;
        let meter = match (&found, self.journal.last()) {
            // It went on while nobody looked: served without a gap since the latest receipt.
            (Some(_), Some(last)) => Meter {
                since: last.issued_at,
                ..meter
            },
            _ => meter,
        };
        workspace.keep(found.is_some());
        if found.is_some() {
            // Without the spec nobody knows what to keep of the job, nor whether for everybody's eyes.
            spec = Ok(spec?);
        }
        let sealer = spec.as_ref().is_ok_and(PreparedSpec::is_sealed).then_some(Sealer {
            recipient: self.job.customer,
            context: self.chain.opener(self.address).context,
        });
        let (meter, mut ended, running) = self.attempt(spec, &mut workspace, found, meter, sealer).await?;
        let digest = self
            .store(&mut ended, &outputs, &workspace, sealer.as_ref(), &meter)
            .await?;
        self.landed().await?;
        // The latest time there is: storing the result took some.
        let observation = look(&self.chain, Some(&self.address)).await;
        let stopped = observation.job.as_ref().and_then(JobExt::ended_at);
        let end = stopped.into_iter().chain(ended.at).min();
        let served = meter.served(observation.clock, end);
        self.sign(&observation, served, ended.status, ended.exit_code, digest)?;
        let outcome = if ended.status == ReceiptStatus::Failed {
            "failed"
        } else {
            "completed"
        };
        self.host.place.ended(&self.address.to_string(), outcome);
        // Only now: until the final receipt is written down, a restart needs what is there.
        if let Some(running) = running
            && let Err(error) = running.remove().await
        {
            tracing::warn!(error = format!("{error:#}"), "the job's container is left for later");
        }
        workspace.keep(false);
        drop(workspace);
        self.finish().await
    }

    /// Waits for the spec as long as the job may wait: its customer may still be uploading it.
    async fn accept(&mut self) -> anyhow::Result<PreparedSpec> {
        loop {
            let deadline = self.job.start_deadline_at().unwrap_or(0).saturating_sub(START_MARGIN);
            let left = u64::try_from(deadline.saturating_sub(self.now().clock))
                .unwrap_or(0)
                .max(1);
            // An image may take longer to pull than the job may wait.
            let opener = self.chain.opener(self.address);
            let accepted = tokio::time::timeout(
                Duration::from_secs(left),
                self.host.accept(&self.job.spec_hash, &opener),
            );
            let error = match accepted.await {
                Ok(Ok(spec)) => return Ok(spec),
                Ok(Err(error)) => error,
                Err(_) => anyhow::anyhow!("what the job needs did not come before its start deadline"),
            };
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
        self.proved_at = Instant::now();
        Ok(())
    }

    /// The job's folder: with what still runs in it, or empty.
    async fn workspace(&self, root: &std::path::Path) -> anyhow::Result<(Workspace, Option<Running>)> {
        if let Ok(mut workspace) = Workspace::open(root) {
            // Whatever goes wrong now, what runs in it keeps it.
            workspace.keep(true);
            if let Some(running) = self.host.attach(&self.run(), &workspace).await? {
                tracing::info!(job = %self.address, "the job's container is found again");
                return Ok((workspace, Some(running)));
            }
        }
        if root.exists() {
            // A guard that was let go a moment ago may still be at it.
            let folder = root.canonicalize().context("cannot find the job's folder")?;
            tokio::task::spawn_blocking(move || orphans::kill_below(&folder)).await??;
        }
        let workspace = Workspace::create(root).context("cannot make the job's folder")?;
        Ok((workspace, None))
    }

    fn show(&self, spec: &PreparedSpec) {
        let (name, runner) = (&spec.spec().name, spec.runner().name());
        self.host.place.runs(&self.address.to_string(), name, runner);
    }

    fn run(&self) -> Run {
        Run {
            job: self.address.to_string(),
            assignment: self.job.assignment,
        }
    }

    /// Runs the job's command to its end, the job's end, or the end of what is paid. `found` runs already.
    async fn attempt(
        &mut self,
        spec: anyhow::Result<PreparedSpec>,
        workspace: &mut Workspace,
        found: Option<Running>,
        meter: Meter,
        sealer: Option<Sealer>,
    ) -> anyhow::Result<(Meter, Ended, Option<Running>)> {
        if let Some(mut running) = found {
            if let Ok(spec) = &spec {
                self.show(spec);
            }
            let disk = spec.as_ref().map_or(u64::MAX, |spec| self.host.disk_bytes(spec));
            let _live = self.live_log(workspace, sealer, false)?;
            let ended = self.attend(&mut running, workspace, disk, &meter).await?;
            return Ok((meter, ended, Some(running)));
        }
        let untouched = Meter {
            max_duration: meter.before,
            ..meter
        };
        let unable = |ended| Ok((untouched, ended, None));
        if self.journal.last().is_none() {
            return unable(Ended::failed("the node has lost its record of this job"));
        }
        if !self.runs() {
            return unable(Ended::completed(Exit::KILLED, "the job ended while the node was down"));
        }
        let spec = match spec {
            Ok(spec) => spec,
            Err(error) => return unable(Ended::failed(format!("the node cannot run this job: {error:#}"))),
        };
        let left = meter.left(meter.since);
        if left == 0 || self.journal.launches() >= MAX_LAUNCHES {
            return unable(Ended::failed("the node was interrupted and cannot run the job again"));
        }
        if self.journal.launches() > 0 {
            tracing::info!(job = %self.address, before = meter.before, left, "runs the job again after a restart");
        }
        self.journal.launch()?;
        let opener = self.chain.opener(self.address);
        let mut running = match self.host.start(self.run(), &spec, workspace, left, &opener).await {
            Ok(running) => running,
            Err(error) => return unable(Ended::failed(format!("the job cannot be started: {error:#}"))),
        };
        workspace.keep(matches!(running, Running::Container(_)));
        tracing::info!(job = %self.address, name = spec.spec().name, device = self.host.device, "runs");
        self.show(&spec);
        let _live = self.live_log(workspace, sealer, true)?;
        let ended = self
            .attend(&mut running, workspace, self.host.disk_bytes(&spec), &meter)
            .await?;
        Ok((meter, ended, Some(running)))
    }

    /// Shows the job's log for as long as the result is held. `again` says that it was just started.
    fn live_log(
        &self,
        workspace: &Workspace,
        sealer: Option<Sealer>,
        again: bool,
    ) -> anyhow::Result<Option<crate::tasks::Owned>> {
        let Some(interval) = self.host.log_interval else {
            return Ok(None);
        };
        let live = LiveLog {
            chain: self.chain.clone(),
            blobs: self.host.blobs.clone(),
            place: self.chain.log_place(self.address, self.job.assignment),
            sealer,
            log: workspace.log(),
            interval,
        };
        live.follow(&self.folder(), again).map(Some)
    }

    fn folder(&self) -> std::path::PathBuf {
        self.host.folder(&self.address.to_string(), self.job.assignment)
    }

    async fn attend(
        &mut self,
        running: &mut Running,
        workspace: &Workspace,
        disk_bytes: u64,
        meter: &Meter,
    ) -> anyhow::Result<Ended> {
        let mut deadline = self.deadline(meter);
        let full = usage::exceeded(workspace.work().to_owned(), disk_bytes, self.host.reserve);
        let mut full = std::pin::pin!(full);
        let grace = self.host.grace;
        let why = loop {
            tokio::select! {
                outcome = running.wait() => {
                    let outcome = outcome?;
                    tracing::info!(job = %self.address, exit_code = outcome.exit.code, "the job's command has ended");
                    return Ok(Ended::by_itself(outcome, self.now().clock));
                }
                () = tokio::time::sleep_until(self.proof_due()) => self.prove(meter, None)?,
                () = tokio::time::sleep_until(deadline) => {
                    break "the job has run for as long as it was paid".to_owned();
                }
                reason = &mut full => break reason,
                changed = self.news.changed() => {
                    changed.context("the watch has ended")?;
                    deadline = self.deadline(meter);
                    if !self.runs() {
                        break "the job ended on the network".to_owned();
                    }
                }
            }
        };
        let outcome = self.prove_during(running.stop(grace), meter, None).await??;
        tracing::info!(job = %self.address, status = ?self.status(), why, "stopped");
        Ok(Ended::completed(outcome.exit, format!("stopped: {why}")))
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
        // The result has the whole log. What is left goes when the job is closed.
        let place = self.chain.log_place(self.address, self.job.assignment);
        if let Err(error) = live::remove(&self.host.blobs, &place, &self.folder()).await {
            tracing::debug!(error = format!("{error:#}"), "the parts of the log are left for later");
        }
        Ok(())
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
