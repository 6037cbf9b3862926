//! Keeps the tables at the tip: resumes at the checkpoint, falls back to a snapshot, and starts over whatever breaks.

mod snapshot;
mod writer;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tonic::Code;

use crate::progress::Progress;
use crate::rpc::{Chain, RpcError};
use crate::store::{Store, StoreError};
use crate::stream::{Broken, Buffer, Event, SealedBank, SourceOptions, StreamError, Subscription};
use snapshot::Start;
use writer::{Work, Writer};

/// Banks between the stream and the database; when they are that many, the stream is not read.
const QUEUE: usize = 16;
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
    /// Bytes of account data held for slots that are not confirmed.
    pub buffer_limit: usize,
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
    /// The writer is gone.
    #[error("the writer has stopped")]
    WriterStopped,
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

/// What has been handed to the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    slot: u64,
    is_block: bool,
}

/// How the next subscription begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    /// At the slot after the position.
    Resume,
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
            tokio::select! {
                ended = self.follow() => return ended,
                () = keep(leading) => tracing::warn!("lost the database connection that leads: starting over"),
            }
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

    async fn follow(&self) -> Result<Infallible, IngestError> {
        let genesis_hash = self.genesis_hash().await;
        let checkpoint = self.checkpoint().await;
        if let Some(checkpoint) = checkpoint
            .as_ref()
            .filter(|checkpoint| checkpoint.genesis_hash != genesis_hash)
        {
            let stored = checkpoint.genesis_hash.clone();
            return Err(StoreError::OtherCluster {
                stored,
                found: genesis_hash,
            }
            .into());
        }
        let mut position = checkpoint.map(|checkpoint| {
            self.progress.written(checkpoint.slot as u64);
            Position {
                slot: checkpoint.slot as u64,
                is_block: checkpoint.blockhash.is_some(),
            }
        });
        if let Some(position) = &position {
            self.check_chain(position.slot).await?;
        }
        let (work, queue) = mpsc::channel(QUEUE);
        let writer = Writer::new(self.store.clone(), self.progress.clone(), genesis_hash);
        // Dropped with this future, and the writer with it.
        let mut tasks = JoinSet::new();
        tasks.spawn(writer.run(queue));

        let mut plan = if position.is_some() {
            Plan::Resume
        } else {
            Plan::Snapshot(Start::Oldest(0))
        };
        let mut failures = 0u32;
        loop {
            let before = position;
            let Err(ended) = self.session(plan, &mut position, &work).await;
            failures = if position == before { failures + 1 } else { 0 };
            let reason = reason(&ended);
            metrics::counter!("gantry_indexer_subscriptions_ended_total", "reason" => reason).increment(1);
            if matches!(ended, Ended::WriterStopped) {
                return Err(IngestError::WriterStopped);
            }
            plan = next_plan(&ended, plan, position, failures);
            let pause = pause(failures);
            tracing::warn!(error = %ended, ?position, ?plan, ?pause, "the subscription is opened again");
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

    async fn checkpoint(&self) -> Option<crate::store::Checkpoint> {
        loop {
            match self.store.checkpoint().await {
                Ok(checkpoint) => return checkpoint,
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
    async fn session(
        &self,
        plan: Plan,
        position: &mut Option<Position>,
        work: &mpsc::Sender<Work>,
    ) -> Result<Infallible, Ended> {
        let (mut subscription, mut buffer) = match (plan, *position) {
            (Plan::Resume, Some(at)) => {
                let subscription = self.open(Some(at.slot + 1)).await?;
                (subscription, self.buffer(at.slot, at.is_block))
            }
            (Plan::Snapshot(start), _) => self.start_with_snapshot(start, position, work).await?,
            (Plan::Resume, None) => self.start_with_snapshot(Start::Oldest(0), position, work).await?,
        };
        loop {
            for bank in self.next(&mut subscription, &mut buffer).await? {
                hand_over(bank, position, work).await?;
            }
        }
    }

    async fn open(&self, from_slot: Option<u64>) -> Result<Subscription, StreamError> {
        let subscription = Subscription::open(&self.options.source, self.store.schema(), from_slot).await?;
        tracing::info!(?from_slot, "subscribed");
        Ok(subscription)
    }

    fn buffer(&self, applied: u64, applied_is_block: bool) -> Buffer {
        let programs = self.store.schema().programs.iter().map(|program| program.address);
        Buffer::new(programs, applied, applied_is_block, self.options.buffer_limit)
    }

    /// What the next message of the stream completes. Safe to cancel.
    async fn next(&self, subscription: &mut Subscription, buffer: &mut Buffer) -> Result<Vec<SealedBank>, Ended> {
        match subscription.next(self.store.schema()).await? {
            Event::Alive => Ok(Vec::new()),
            Event::Disconnected { replay_from } => {
                metrics::counter!("gantry_indexer_reconnects_total").increment(1);
                buffer.disconnected(replay_from);
                Ok(Vec::new())
            }
            Event::Update(update) => {
                self.progress.seen(update.slot());
                Ok(buffer.push(update)?)
            }
        }
    }
}

async fn hand_over(bank: SealedBank, position: &mut Option<Position>, work: &mpsc::Sender<Work>) -> Result<(), Ended> {
    let slot = bank.slot;
    work.send(Work::Bank(bank)).await.map_err(|_| Ended::WriterStopped)?;
    *position = Some(Position { slot, is_block: true });
    Ok(())
}

fn next_plan(ended: &Ended, plan: Plan, position: Option<Position>, failures: u32) -> Plan {
    // The server throws slots away while this one asks: each try in a row begins further from the edge.
    let oldest = Plan::Snapshot(Start::Oldest(FIRST_MARGIN << failures.min(4)));
    if position.is_none() {
        return oldest;
    }
    match ended {
        Ended::Stream(StreamError::OutOfRange(_)) => oldest,
        // A replay that fails without saying why would fail again and again.
        Ended::Stream(StreamError::Status(status)) if status.code() == Code::Internal && failures >= REFUSALS => {
            Plan::Snapshot(Start::Tip)
        }
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

fn reason(ended: &Ended) -> &'static str {
    match ended {
        Ended::Stream(StreamError::OutOfRange(_)) => "out_of_range",
        Ended::Stream(StreamError::Silent(_)) => "silent",
        Ended::Stream(_) => "stream",
        Ended::Broken(Broken::Gap { .. }) => "gap",
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
