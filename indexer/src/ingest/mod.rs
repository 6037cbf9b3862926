//! Keeps the tables at the tip: resumes at the checkpoint, falls back to a snapshot, and starts over whatever breaks.

mod backfill;
mod snapshot;
mod upkeep;
mod writer;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tonic::Code;

use crate::progress::Progress;
use crate::rpc::{Chain, RpcError};
use crate::store::{Retention, Store, StoreError};
use crate::stream::{Broken, Buffer, Event, SourceOptions, Step, StreamError, Subscription, Trunk};
use snapshot::Start;
use writer::{Queue, Writer};

pub use snapshot::from_rpc;
pub use upkeep::UpkeepError;

/// Steps between the stream and the database; when they are that many, the stream is not read.
const QUEUE: usize = 64;
/// The part of the buffer's limit that whole banks may take while they wait for the database.
const QUEUED_PART: usize = 4;
/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often whoever leads, or waits to lead, looks.
const LEAD_CHECK: Duration = Duration::from_secs(1);
/// Refusals in a row, of a server that does not say why, before a snapshot is taken.
const REFUSALS: u32 = 3;

/// Slots above the oldest of the server at which a snapshot's stream begins, where the oldest was too old.
const FIRST_MARGIN: u64 = 8;

/// What the ingest needs to know.
#[derive(Clone, Debug)]
pub struct IngestOptions {
    /// The stream.
    pub source: SourceOptions,
    /// Bytes held for slots that are not final.
    pub buffer_limit: usize,
    /// What is kept of the past.
    pub retention: Retention,
}

/// What no new try can mend.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The checkpoint is ahead of the chain.
    #[error(
        "the database is at slot {checkpoint}, the chain at slot {chain}: they are from different runs of a network; use \
         another database, or `--reset` to drop what this one holds"
    )]
    ChainBehind {
        /// Slot of the checkpoint.
        checkpoint: u64,
        /// Confirmed slot of the chain.
        chain: u64,
    },
}

/// Why one subscription was given up.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error(transparent)]
    Rpc(#[from] RpcError),
    #[error("the writer has stopped")]
    WriterStopped,
}

/// How the next subscription begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    /// At the slot after the newest that was handed to the writer.
    Resume,
    /// At the slot after the newest final one, for the branches that lie between.
    Rewind,
    /// With a snapshot.
    Snapshot(Start),
}

/// See the module's page.
pub struct Ingest {
    store: Store,
    chain: Chain,
    options: IngestOptions,
    progress: Arc<Progress>,
}

impl Ingest {
    /// From the stream and the chain into the store.
    #[must_use]
    pub fn new(store: Store, chain: Chain, options: IngestOptions, progress: Arc<Progress>) -> Self {
        Self {
            store,
            chain,
            options,
            progress,
        }
    }

    /// Runs until it is dropped, which is safe at any moment.
    ///
    /// # Errors
    /// Where no new try can help: another cluster's database.
    pub async fn run(&self) -> Result<Infallible, IngestError> {
        loop {
            let leading = self.lead().await;
            metrics::gauge!("gantry_indexer_leader").set(1.0);
            tokio::select! {
                ended = self.follow() => match ended? {
                    WriterStopped => tracing::warn!("the tables are not where they were left: starting over from them"),
                },
                () = keep(leading) => tracing::warn!("lost the database connection that leads: starting over"),
            }
            metrics::gauge!("gantry_indexer_leader").set(0.0);
            tokio::time::sleep(LEAD_CHECK).await;
        }
    }

    /// Waits to be the one instance that writes.
    async fn lead(&self) -> PgConnection {
        let mut told = false;
        loop {
            match self.store.try_lead().await {
                Ok(Some(connection)) => return connection,
                Ok(None) if !told => {
                    told = true;
                    tracing::info!("another instance writes to this database: waiting to take over");
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "cannot reach the database"),
            }
            tokio::time::sleep(LEAD_CHECK).await;
        }
    }

    async fn follow(&self) -> Result<WriterStopped, IngestError> {
        let genesis_hash = self.genesis_hash().await;
        let checkpoint = self.patiently(|| self.store.checkpoint()).await;
        let mut position = None;
        if let Some(checkpoint) = checkpoint {
            if checkpoint.genesis_hash != genesis_hash {
                return Err(StoreError::OtherCluster {
                    stored: checkpoint.genesis_hash,
                    found: genesis_hash,
                }
                .into());
            }
            self.progress.written(checkpoint.slot as u64);
            self.check_chain(checkpoint.slot as u64).await?;
            position = Some(self.patiently(|| self.store.trunk(&checkpoint)).await);
        }
        let (work, received) = mpsc::channel(QUEUE);
        let queue = Queue {
            work,
            room: Arc::new(Semaphore::new(Queue::kib(self.options.buffer_limit / QUEUED_PART))),
            size: Queue::kib(self.options.buffer_limit / QUEUED_PART),
        };
        let writer = Writer::new(self.store.clone(), self.progress.clone(), genesis_hash);
        // Dropped with this future, and all of them with it.
        let mut tasks = JoinSet::new();
        tasks.spawn(writer.run(received));
        tasks.spawn(backfill::run(self.store.clone(), self.chain.clone()));
        tasks.spawn(upkeep::settle(self.store.clone(), self.chain.clone()));
        tasks.spawn(upkeep::maintain(self.store.clone(), self.options.retention));

        let mut plan = if position.is_some() {
            Plan::Resume
        } else {
            Plan::Snapshot(Start::Oldest(0))
        };
        let mut failures = 0u32;
        loop {
            let before = position.clone();
            let Err(ended) = self.session(plan, &mut position, &queue).await;
            failures = if position == before { failures + 1 } else { 0 };
            let reason = reason(&ended);
            metrics::counter!("gantry_indexer_subscriptions_ended_total", "reason" => reason).increment(1);
            if matches!(ended, Ended::WriterStopped) {
                return Ok(WriterStopped);
            }
            plan = next_plan(&ended, plan, position.as_ref(), failures);
            let pause = pause(failures);
            let at = position.as_ref().map(Trunk::tip);
            tracing::warn!(error = %ended, at, ?plan, ?pause, "the subscription is opened again");
            tokio::time::sleep(pause).await;
        }
    }

    async fn genesis_hash(&self) -> String {
        loop {
            match self.chain.genesis_hash().await {
                Ok(hash) => return hash,
                Err(error) => tracing::warn!(%error, "waiting for the RPC endpoint"),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Asks the database until it answers.
    async fn patiently<T, F>(&self, ask: impl Fn() -> F) -> T
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        loop {
            match ask().await {
                Ok(answer) => return answer,
                Err(error) => tracing::warn!(%error, "waiting for the database"),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// A confirmed slot is never ahead of the chain by more than what one endpoint is behind another.
    async fn check_chain(&self, checkpoint: u64) -> Result<(), IngestError> {
        const TOLERANCE: u64 = 32;
        loop {
            match self.chain.slot().await {
                Ok(chain) if chain + TOLERANCE < checkpoint => {
                    return Err(IngestError::ChainBehind { checkpoint, chain });
                }
                Ok(_) => return Ok(()),
                Err(error) => tracing::warn!(%error, "waiting for the RPC endpoint"),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Follows one subscription until it ends.
    async fn session(&self, plan: Plan, position: &mut Option<Trunk>, queue: &Queue) -> Result<Infallible, Ended> {
        let (mut subscription, mut buffer) = match (plan, position.clone()) {
            (Plan::Resume, Some(trunk)) => (self.open(Some(trunk.tip() + 1)).await?, self.buffer(trunk)),
            (Plan::Rewind, Some(trunk)) => (self.open(Some(trunk.root + 1)).await?, self.buffer(trunk)),
            (Plan::Snapshot(start), _) => self.start_with_snapshot(start, position, queue).await?,
            (Plan::Resume | Plan::Rewind, None) => self.start_with_snapshot(Start::Oldest(0), position, queue).await?,
        };
        loop {
            for step in self.next(&mut subscription, &mut buffer).await? {
                hand_over(step, position, queue).await?;
            }
            if queue.is_idle()
                && let Some(bank) = buffer.ahead()
            {
                queue.send_ahead(bank);
            }
        }
    }

    async fn open(&self, from_slot: Option<u64>) -> Result<Subscription, StreamError> {
        let subscription = Subscription::open(&self.options.source, self.store.schema(), from_slot).await?;
        tracing::info!(?from_slot, "subscribed");
        Ok(subscription)
    }

    fn buffer(&self, trunk: Trunk) -> Buffer {
        let programs = self.store.schema().programs.iter().map(|program| program.address);
        Buffer::new(programs, trunk, self.options.buffer_limit)
    }

    /// What the next message of the stream completes. Safe to cancel.
    async fn next(&self, subscription: &mut Subscription, buffer: &mut Buffer) -> Result<Vec<Step>, Ended> {
        match subscription.next(self.store.schema()).await? {
            Event::Alive => Ok(Vec::new()),
            Event::Disconnected { replay_from } => {
                metrics::counter!("gantry_indexer_reconnects_total").increment(1);
                tracing::info!(replay_from, "the stream was cut and goes on");
                buffer.disconnected(replay_from);
                Ok(Vec::new())
            }
            Event::Update(update) => {
                self.progress.seen(update.slot());
                let steps = buffer.push(update)?;
                metrics::gauge!("gantry_indexer_buffered_bytes").set(buffer.held() as f64);
                Ok(steps)
            }
        }
    }
}

/// The writer found tables that are not those it was to go on with, or is gone.
struct WriterStopped;

async fn hand_over(step: Step, position: &mut Option<Trunk>, queue: &Queue) -> Result<(), Ended> {
    let trunk = position.get_or_insert_default();
    match &step {
        Step::Bank(bank) => trunk.extend(bank.slot, &bank.facts.blockhash),
        Step::Undo { to } => {
            tracing::warn!(to, after = trunk.tip(), "confirmed blocks were abandoned");
            metrics::counter!("gantry_indexer_rollbacks_total").increment(1);
            trunk.cut(*to);
        }
        Step::Final { slot } => trunk.finalize(*slot),
    }
    queue.send(step).await
}

fn next_plan(ended: &Ended, plan: Plan, position: Option<&Trunk>, failures: u32) -> Plan {
    // The server throws slots away while this one asks: each try in a row begins further from the edge.
    let oldest = Plan::Snapshot(Start::Oldest(FIRST_MARGIN << failures.min(4)));
    let Some(trunk) = position else { return oldest };
    match ended {
        // What was given out since the newest final slot may be of another branch, and cannot be looked at.
        Ended::Stream(StreamError::OutOfRange(_)) if plan == Plan::Rewind => Plan::Snapshot(Start::After(trunk.root)),
        Ended::Stream(StreamError::OutOfRange(_)) => oldest,
        // A replay that fails without saying why would fail again and again.
        Ended::Stream(StreamError::Status(status)) if status.code() == Code::Internal && failures >= REFUSALS => {
            Plan::Snapshot(Start::Tip)
        }
        Ended::Broken(Broken::Branch { .. }) if plan == Plan::Rewind && failures > 0 => {
            Plan::Snapshot(Start::After(trunk.root))
        }
        Ended::Broken(Broken::Branch { .. }) => Plan::Rewind,
        Ended::Broken(Broken::Fork { parent, .. }) => Plan::Snapshot(Start::After(*parent)),
        // The first time it may have been lost on the way; the second time the server does not have it.
        Ended::Broken(Broken::Gap { .. }) if failures > 0 => Plan::Snapshot(Start::Tip),
        Ended::Broken(Broken::Gap { .. }) => Plan::Resume,
        // What moved something is done; a snapshot that failed half way has moved nothing and is tried again.
        _ if failures == 0 => Plan::Resume,
        _ => plan,
    }
}

fn pause(failures: u32) -> Duration {
    LONGEST_PAUSE.min(Duration::from_millis(50) * 2u32.saturating_pow(failures.min(10)))
}

/// What [`reason`] says.
pub(crate) const REASONS: [&str; 10] = [
    "out_of_range",
    "silent",
    "malformed",
    "stream",
    "gap",
    "branch",
    "fork",
    "full",
    "rpc",
    "writer",
];

fn reason(ended: &Ended) -> &'static str {
    match ended {
        Ended::Stream(StreamError::OutOfRange(_)) => "out_of_range",
        Ended::Stream(StreamError::Silent(_)) => "silent",
        Ended::Stream(StreamError::Malformed(_)) => "malformed",
        Ended::Stream(_) => "stream",
        Ended::Broken(Broken::Gap { .. }) => "gap",
        Ended::Broken(Broken::Branch { .. }) => "branch",
        Ended::Broken(Broken::Fork { .. }) => "fork",
        Ended::Broken(Broken::Full { .. }) => "full",
        Ended::Rpc(_) => "rpc",
        Ended::WriterStopped => "writer",
    }
}

/// Returns when the connection is gone, and the lock with it.
async fn keep(mut connection: PgConnection) {
    while connection.ping().await.is_ok() {
        tokio::time::sleep(LEAD_CHECK).await;
    }
}
