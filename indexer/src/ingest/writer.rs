//! Takes banks off the queue and writes as many as are there in one transaction, again and again until it is in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::progress::Progress;
use crate::store::{Snapshot, Store, StoreError, Written};
use crate::stream::SealedBank;

/// Banks in one transaction: catching up is fast, and a failed try is not expensive.
const MAX_BANKS: usize = 64;
/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What the writer is given, in order.
#[derive(Debug)]
pub(super) enum Work {
    /// The next confirmed bank.
    Bank(SealedBank),
    /// All accounts, in place of banks that are lost.
    Snapshot(Snapshot),
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

    pub(super) async fn run(self, mut queue: mpsc::Receiver<Work>) {
        let mut next = queue.recv().await;
        while let Some(work) = next.take() {
            match work {
                Work::Snapshot(snapshot) => {
                    self.until_written(snapshot.checkpoint, || {
                        self.store.write_snapshot(&snapshot, &self.genesis_hash)
                    })
                    .await;
                }
                Work::Bank(bank) => {
                    let mut banks = vec![bank];
                    while banks.len() < MAX_BANKS {
                        match queue.try_recv() {
                            Ok(Work::Bank(bank)) => banks.push(bank),
                            Ok(snapshot) => {
                                next = Some(snapshot);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    let slot = banks.last().map_or(0, |bank| bank.slot);
                    self.until_written(slot, || self.store.write(&banks, &self.genesis_hash))
                        .await;
                    metrics::counter!("gantry_indexer_banks_total").increment(banks.len() as u64);
                }
            }
            if next.is_none() {
                next = queue.recv().await;
            }
        }
    }

    /// Writes until the database has taken it: the same twice changes nothing, so a try whose outcome is unknown is
    /// simply made again.
    async fn until_written<F>(&self, slot: u64, write: impl Fn() -> F)
    where
        F: Future<Output = Result<Written, StoreError>>,
    {
        let mut pause = Duration::from_millis(50);
        loop {
            let started = Instant::now();
            match write().await {
                Ok(written) => {
                    metrics::histogram!("gantry_indexer_write_seconds").record(started.elapsed());
                    metrics::counter!("gantry_indexer_rows_total").increment(written.rows);
                    metrics::counter!("gantry_indexer_events_total").increment(written.events);
                    tracing::debug!(slot, rows = written.rows, events = written.events, "written");
                    self.progress.written(slot);
                    return;
                }
                Err(error) => {
                    metrics::counter!("gantry_indexer_failed_writes_total").increment(1);
                    tracing::warn!(%error, slot, ?pause, "writing failed, trying again");
                    tokio::time::sleep(pause).await;
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
            }
        }
    }
}
