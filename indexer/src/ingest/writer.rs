//! Takes steps off the queue, decodes them while those before are written, and writes as many as are there in one
//! transaction, again and again until it is in.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tracing::Instrument;
use tracing::field::Empty;

use super::Ended;
use crate::progress::Progress;
use crate::store::{Ahead, Prepared, Snapshot, Store, StoreError, Written};
use crate::stream::{SealedBank, Step};

/// Banks in one transaction: catching up is fast, and a failed try is not expensive.
const MAX_BANKS: usize = 64;
/// How long a bank may be written and not committed: others wait for it.
const LONGEST_AHEAD: Duration = Duration::from_secs(2);
/// KiB of banks that are decoded and wait for the database.
const READY_KIB: usize = 16 << 10;
/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Longest wait for one transaction. A database that takes longer is asked anew, over another connection.
const LONGEST_WRITE: Duration = Duration::from_secs(120);

/// What the writer is given, in order.
#[derive(Debug)]
pub(super) enum Work {
    /// The next confirmed bank, and the room that it takes.
    Bank(SealedBank, OwnedSemaphorePermit),
    /// A bank that may become the next confirmed one, and the room that it takes.
    Ahead(SealedBank, OwnedSemaphorePermit),
    /// Everything up to this slot is final.
    Final(u64),
    /// The blocks after this slot were abandoned.
    Undo(u64),
    /// All accounts, in place of banks that are lost.
    Snapshot(Snapshot),
}

/// The way to the writer: waits while it holds more than `size` KiB.
pub(super) struct Queue {
    pub(super) work: mpsc::Sender<Work>,
    pub(super) room: Arc<Semaphore>,
    pub(super) size: usize,
}

impl Queue {
    pub(super) fn kib(bytes: usize) -> usize {
        (bytes >> 10).clamp(1, u32::MAX as usize)
    }

    pub(super) async fn send(&self, step: Step) -> Result<(), Ended> {
        let work = match step {
            Step::Bank(bank) => {
                // A bank larger than all the room waits for all of it.
                let size = Self::kib(bank.bytes()).min(self.size) as u32;
                let room = self.room.clone().acquire_many_owned(size).await;
                Work::Bank(bank, room.map_err(|_| Ended::WriterStopped)?)
            }
            Step::Final { slot } => Work::Final(slot),
            Step::Undo { to } => Work::Undo(to),
        };
        self.work.send(work).await.map_err(|_| Ended::WriterStopped)
    }

    /// Whether the writer has nothing to do.
    pub(super) fn is_idle(&self) -> bool {
        self.room.available_permits() == self.size && self.work.capacity() == self.work.max_capacity()
    }

    /// Tells the writer of a bank that is not confirmed yet, if there is room for it: nothing depends on it.
    pub(super) fn send_ahead(&self, bank: SealedBank) {
        let size = Self::kib(bank.bytes()).min(self.size) as u32;
        if let Ok(room) = self.room.clone().try_acquire_many_owned(size) {
            // A full queue has better things in it.
            let _ = self.work.try_send(Work::Ahead(bank, room));
        }
    }

    pub(super) async fn send_snapshot(&self, snapshot: Snapshot) -> Result<(), Ended> {
        let work = Work::Snapshot(snapshot);
        self.work.send(work).await.map_err(|_| Ended::WriterStopped)
    }
}

/// Work whose banks are decoded.
enum Ready {
    /// The next bank, and the room that it takes in both forms.
    Bank(Arc<Prepared>, Vec<OwnedSemaphorePermit>),
    /// A bank that may come next.
    Ahead(Arc<Prepared>),
    Final(u64),
    Undo(u64),
    Snapshot(Snapshot),
}

/// Banks and finality that are written together.
#[derive(Default)]
struct Batch {
    banks: Vec<Arc<Prepared>>,
    /// Held until the banks are written.
    room: Vec<Vec<OwnedSemaphorePermit>>,
    finalized: Option<u64>,
}

impl Batch {
    /// Takes `work` in, or gives it back where it has to wait for the batch.
    fn take(&mut self, work: Ready) -> Option<Ready> {
        match work {
            Ready::Bank(bank, room) if self.banks.len() < MAX_BANKS => {
                self.banks.push(bank);
                self.room.push(room);
                None
            }
            Ready::Final(slot) => {
                self.finalized = self.finalized.max(Some(slot));
                None
            }
            other => Some(other),
        }
    }
}

pub(super) struct Writer {
    store: Store,
    progress: Arc<Progress>,
    genesis_hash: String,
}

impl Writer {
    pub(super) fn new(store: Store, progress: Arc<Progress>, genesis_hash: String) -> Self {
        Self {
            store,
            progress,
            genesis_hash,
        }
    }

    /// Writes until the queue ends, or what is there does not fit what is to be written.
    pub(super) async fn run(self, queue: mpsc::Receiver<Work>) {
        let (ready, prepared) = mpsc::channel(MAX_BANKS);
        // Dropped with the writing, and the queue with it: whoever fills it is told so.
        let preparing = prepare(self.store.clone(), queue, ready);
        let writing = self.write_all(prepared);
        tokio::pin!(writing);
        tokio::select! {
            () = &mut writing => return,
            () = preparing => {}
        }
        writing.await;
    }

    async fn write_all(&self, mut queue: mpsc::Receiver<Ready>) {
        let mut next = queue.recv().await;
        // The bank that is written and waits for its confirmation, and what became final meanwhile.
        let mut ahead: Option<(Arc<Prepared>, Ahead)> = None;
        let mut finalized = None;
        while let Some(work) = next.take() {
            let mut batch = Batch {
                finalized,
                ..Batch::default()
            };
            let done = match batch.take(work) {
                Some(Ready::Ahead(bank)) => {
                    // One at a time: the one before was abandoned, or its confirmation was lost.
                    drop(ahead.take());
                    ahead = self.write_ahead(bank).await;
                    Ok(())
                }
                Some(Ready::Snapshot(snapshot)) => {
                    drop(ahead.take());
                    self.until_written(snapshot.checkpoint, || {
                        self.store.write_snapshot(&snapshot, &self.genesis_hash)
                    })
                    .await
                }
                Some(Ready::Undo(to)) => {
                    drop(ahead.take());
                    self.until_written(to, || self.store.undo(to)).await
                }
                _ => {
                    while next.is_none()
                        && let Ok(work) = queue.try_recv()
                    {
                        next = batch.take(work);
                    }
                    finalized = batch.finalized;
                    if batch.banks.is_empty() && ahead.is_some() {
                        // It is written with the bank.
                        Ok(())
                    } else {
                        finalized = None;
                        self.write(&batch, ahead.take()).await
                    }
                }
            };
            if let Err(error) = done {
                tracing::error!(%error, "cannot go on writing");
                return;
            }
            // Gives its room back: who waits for it may be who is waited for next.
            drop(batch);
            if next.is_none() {
                next = if ahead.is_some() {
                    match tokio::time::timeout(LONGEST_AHEAD, queue.recv()).await {
                        Ok(work) => work,
                        Err(_) => {
                            drop(ahead.take());
                            // What became final has waited for it.
                            match finalized.take() {
                                Some(slot) => Some(Ready::Final(slot)),
                                None => queue.recv().await,
                            }
                        }
                    }
                } else {
                    queue.recv().await
                };
            }
        }
    }

    /// Writes a bank as far as that is possible before it is confirmed. Where it is not, nothing is lost.
    async fn write_ahead(&self, bank: Arc<Prepared>) -> Option<(Arc<Prepared>, Ahead)> {
        match tokio::time::timeout(LONGEST_AHEAD, self.store.write_ahead(&bank)).await {
            Ok(Ok(open)) => open.map(|open| (bank, open)),
            Ok(Err(error)) => {
                tracing::debug!(%error, slot = bank.slot(), "not written ahead");
                None
            }
            Err(_) => None,
        }
    }

    async fn write(&self, batch: &Batch, ahead: Option<(Arc<Prepared>, Ahead)>) -> Result<(), StoreError> {
        let slot = batch
            .banks
            .last()
            .map_or_else(|| self.progress.checkpoint(), |bank| bank.slot());
        // The very bank, and not another one of its slot. What is dropped was not written.
        let ahead = ahead.filter(|(bank, _)| batch.banks.first().is_some_and(|first| Arc::ptr_eq(first, bank)));
        metrics::counter!("gantry_indexer_banks_ahead_total").increment(ahead.is_some().into());
        let ahead = Mutex::new(ahead.map(|(_, open)| open));
        let write = || {
            // Another try has to write all of it.
            let ahead = ahead.lock().unwrap_or_else(PoisonError::into_inner).take();
            self.store
                .write_prepared(&batch.banks, ahead, batch.finalized, &self.genesis_hash)
        };
        self.until_written(slot, write).await?;
        metrics::counter!("gantry_indexer_banks_total").increment(batch.banks.len() as u64);
        if let Some(slot) = batch.finalized {
            self.progress.finalized(slot);
        }
        Ok(())
    }

    /// Writes until the database has taken it: the same twice changes nothing, so a try whose outcome is unknown is
    /// simply made again.
    async fn until_written<F>(&self, slot: u64, write: impl Fn() -> F) -> Result<(), StoreError>
    where
        F: Future<Output = Result<Written, StoreError>>,
    {
        let mut pause = Duration::from_millis(50);
        loop {
            let started = Instant::now();
            let span = tracing::info_span!("write", slot, rows = Empty, events = Empty);
            let writing = write().instrument(span.clone());
            let error = match tokio::time::timeout(LONGEST_WRITE, writing).await {
                Ok(Ok(written)) => {
                    span.record("rows", written.rows).record("events", written.events);
                    metrics::histogram!("gantry_indexer_write_seconds").record(started.elapsed());
                    metrics::counter!("gantry_indexer_rows_total").increment(written.rows);
                    metrics::counter!("gantry_indexer_events_total").increment(written.events);
                    tracing::debug!(slot, rows = written.rows, events = written.events, "written");
                    self.progress.written(slot);
                    return Ok(());
                }
                Ok(Err(error)) if !error.is_passing() => return Err(error),
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer in {} s", LONGEST_WRITE.as_secs()),
            };
            metrics::counter!("gantry_indexer_failed_writes_total").increment(1);
            tracing::warn!(error, slot, ?pause, "writing failed, trying again");
            tokio::time::sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }
}

/// Decodes banks while those before them are written, in order, as far as there is room.
async fn prepare(store: Store, mut queue: mpsc::Receiver<Work>, ready: mpsc::Sender<Ready>) {
    let space = Arc::new(Semaphore::new(READY_KIB));
    // The last bank that came ahead: it is decoded, and the same when it is confirmed.
    let mut ahead: Option<(SealedBank, Arc<Prepared>)> = None;
    while let Some(work) = queue.recv().await {
        let work = match work {
            Work::Bank(bank, room) => {
                let known = ahead.take().filter(|(known, _)| *known == bank);
                let prepared = match known {
                    Some((_, prepared)) => prepared,
                    None => match decode(&store, bank).await {
                        Some((_, prepared)) => prepared,
                        None => return,
                    },
                };
                let size = Queue::kib(prepared.bytes()).min(READY_KIB) as u32;
                let Ok(space) = space.clone().acquire_many_owned(size).await else {
                    return;
                };
                Ready::Bank(prepared, vec![room, space])
            }
            Work::Ahead(bank, room) => {
                let Some((bank, prepared)) = decode(&store, bank).await else {
                    return;
                };
                ahead = Some((bank, prepared.clone()));
                drop(room);
                Ready::Ahead(prepared)
            }
            Work::Final(slot) => Ready::Final(slot),
            Work::Undo(to) => Ready::Undo(to),
            Work::Snapshot(snapshot) => Ready::Snapshot(snapshot),
        };
        if ready.send(work).await.is_err() {
            return;
        }
    }
}

async fn decode(store: &Store, bank: SealedBank) -> Option<(SealedBank, Arc<Prepared>)> {
    let store = store.clone();
    let decoded = tokio::task::spawn_blocking(move || {
        let prepared = store.prepare(&bank);
        (bank, Arc::new(prepared))
    });
    decoded.await.ok()
}
