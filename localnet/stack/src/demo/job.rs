//! One job, from its spec to its picture.

use super::{Market, Say, say::amount};
use anyhow::{Context as _, anyhow, bail, ensure};
use futures::StreamExt as _;
use gantry_sdk::{
    Pubkey,
    client::{Closing, JobUpdate, OpenJob},
    market::{accounts::Job, events::JobSettled},
    spec::JobSpec,
    state::{JobExt as _, JobOutcome, JobStatus},
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

/// How often the matcher's events are read again, and for how long.
const MATCHER_POLL: Duration = Duration::from_millis(50);
const MATCHER_PATIENCE: Duration = Duration::from_secs(2);

/// What became of the job.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The job account.
    pub(super) job: Pubkey,
    /// Base units deposited.
    pub(super) deposited: u64,
    /// Who was paid what.
    pub(super) settled: JobSettled,
    /// Its outputs, in the results folder.
    pub(super) files: Vec<PathBuf>,
}

/// Opens the job in `spec`, follows it to its settlement and fetches what it made.
pub(super) async fn run(market: &Market, spec: &Path, say: &Say) -> anyhow::Result<Outcome> {
    let (gantry, customer) = (&market.gantry, &market.customer);
    let source = JobSpec::load(spec)?;
    let folder = spec
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let prepared = source.prepare(folder, &market.blobs).await?;
    say.heading(&format!("job: {}", source.name));
    let opened = gantry.open_job(customer, OpenJob::new(&prepared)).await?;
    say.step(&format!(
        "opened {}: {} USDC deposited ({} an hour at most, for {} s at most)",
        opened.address,
        amount(opened.deposited),
        source.max_price_per_hour,
        source.max_duration_seconds,
    ));

    let mut seen = Seen::default();
    let mut updates = std::pin::pin!(gantry.watch(opened.address));
    let mut files = None;
    while let Some(update) = updates.next().await {
        match update? {
            JobUpdate::Live { job, .. } => {
                seen.tell(market, &opened.address, &job, say).await;
                if job.status() == Some(JobStatus::Finished) && files.is_none() {
                    files = Some(fetch(market, &opened.address, &job, say).await?);
                    gantry.accept_result(customer, &opened.address).await?;
                    say.step("the customer accepts the result: nobody waits for the dispute window");
                } else if job.status() == Some(JobStatus::Lapsed) {
                    bail!(
                        "the node went silent: see the node's log in {}",
                        market.stack.run_dir().path().display()
                    );
                }
            }
            JobUpdate::Closed(Closing::Settled(settled)) => {
                tell_settlement(market, &settled, say);
                let files = files.ok_or_else(|| anyhow!("the job was settled before its result could be fetched"))?;
                return Ok(Outcome {
                    job: opened.address,
                    deposited: opened.deposited,
                    settled,
                    files,
                });
            }
            JobUpdate::Closed(other) => bail!("the job was closed without a settlement: {other:?}"),
        }
    }
    bail!("the job's updates ended before the job did")
}

/// What has been told of a job, so that each change is told once.
#[derive(Default)]
struct Seen {
    status: Option<JobStatus>,
    sequence: u64,
}

impl Seen {
    async fn tell(&mut self, market: &Market, address: &Pubkey, job: &Job, say: &Say) {
        let status = job.status();
        if status != self.status && status >= Some(JobStatus::Assigned) && self.status < Some(JobStatus::Assigned) {
            let who = market.fleet.of_node(&job.node);
            say.step(&format!(
                "matched with {} at {} USDC an hour; {} STAKE behind it answers for the job",
                who.map_or_else(
                    || job.node.to_string(),
                    |listing| format!("{} ({})", listing.name, listing.country)
                ),
                amount(job.price_per_hour),
                amount(job.bond),
            ));
            if let Some(why) = why_matched(market, address).await {
                say.step(&format!("why: {why}"));
            }
        }
        if status != self.status && status >= Some(JobStatus::Running) && self.status < Some(JobStatus::Running) {
            let per_second = job.price_per_hour as f64 / 3_600.0;
            say.step(&format!(
                "started with receipt 0; billed by the second, {per_second:.1} base units each"
            ));
        }
        if job.sequence > self.sequence {
            say.step(&format!(
                "receipt {}: {} s proven, {} USDC earned, {} left in escrow",
                job.sequence,
                job.served_seconds,
                amount(job.billed()),
                amount(job.escrow_left()),
            ));
            self.sequence = job.sequence;
        }
        if status != self.status && status == Some(JobStatus::Finished) {
            let outcome = job.outcome().map_or("unknown", JobOutcome::name);
            say.step(&format!("finished: {outcome}, exit code {}", job.exit_code));
        }
        self.status = status;
    }
}

/// What the matcher wrote about its choice for `job`. It writes once its transaction is confirmed, which may be a moment
/// after the chain shows the assignment.
async fn why_matched(market: &Market, job: &Pubkey) -> Option<String> {
    let job = job.to_string();
    let read = async {
        loop {
            let text = tokio::fs::read_to_string(market.matcher_events())
                .await
                .unwrap_or_default();
            let mut events = text
                .lines()
                .rev()
                .filter_map(|line| serde_json::from_str::<Matched>(line).ok());
            if let Some(event) = events.find(|event| event.event == "matched" && event.job == job) {
                return event.describe(market);
            }
            tokio::time::sleep(MATCHER_POLL).await;
        }
    };
    tokio::time::timeout(MATCHER_PATIENCE, read).await.ok()
}

/// A choice of the matcher's, as its events file has it.
#[derive(Deserialize)]
struct Matched {
    event: String,
    job: String,
    #[serde(default)]
    fitting: u64,
    runner_up: Option<Candidate>,
    #[serde(default)]
    unfit: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Candidate {
    node: String,
    price_per_hour: u64,
}

impl Matched {
    fn describe(&self, market: &Market) -> String {
        let mut text = format!("it is the cheapest of {} that fit", self.fitting);
        if let Some(next) = &self.runner_up {
            let listing = next.node.parse().ok().and_then(|node| market.fleet.of_node(&node));
            let name = listing.map_or(next.node.as_str(), |listing| listing.name);
            text.push_str(&format!("; next would be {name} at {}", amount(next.price_per_hour)));
        }
        for (why, count) in &self.unfit {
            text.push_str(&format!("; {count} {why}"));
        }
        text
    }
}

/// Fetches the result, with every hash checked, and makes sure that pictures are pictures.
async fn fetch(market: &Market, address: &Pubkey, job: &Job, say: &Say) -> anyhow::Result<Vec<PathBuf>> {
    ensure!(
        job.exit_code == 0,
        "the job's process failed with exit code {}",
        job.exit_code
    );
    let manifest = market.gantry.result(address, &market.blobs).await?;
    let folder = market.stack.run_dir().path().join("results").join(address.to_string());
    let files = manifest.save(&market.blobs, &folder).await?;
    say.step(&format!("ran on {}", manifest.device));
    for file in &files {
        let shown = file.display();
        if file.extension().is_some_and(|extension| extension == "png") {
            let (width, height) = image::image_dimensions(file).with_context(|| format!("{shown} is no picture"))?;
            image::open(file).with_context(|| format!("{shown} is no whole picture"))?;
            say.step(&format!("result: {shown} ({width} × {height}, hash checked)"));
        } else {
            say.step(&format!("result: {shown}"));
        }
    }
    Ok(files)
}

fn tell_settlement(market: &Market, settled: &JobSettled, say: &Say) {
    let name = market
        .fleet
        .listings
        .iter()
        .find(|listing| listing.provider == settled.provider);
    say.heading("settlement");
    say.step(&format!(
        "{} s paid: {} USDC",
        settled.paid_seconds,
        amount(settled.bill)
    ));
    let parts = [
        (
            format!("provider {}", name.map_or("", |listing| listing.name)),
            settled.to_provider,
        ),
        ("its stakers".to_owned(), settled.to_delegators),
        ("matcher".to_owned(), settled.to_matcher),
        ("treasury".to_owned(), settled.to_treasury),
        ("customer, back".to_owned(), settled.to_customer),
    ];
    for (who, part) in parts {
        say.step(&format!("{who:24} {:>12} USDC", amount(part)));
    }
}
