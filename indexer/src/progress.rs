//! How far the stream and the tables are, shared between the ingest and the API.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// See the module's page.
#[derive(Debug, Default)]
pub struct Progress {
    tip: AtomicU64,
    written: watch::Sender<u64>,
}

impl Progress {
    /// The stream has said something of `slot`.
    pub fn seen(&self, slot: u64) {
        if self.tip.fetch_max(slot, Ordering::Relaxed) < slot {
            metrics::gauge!("gantry_indexer_tip_slot").set(slot as f64);
        }
    }

    /// The tables are at `slot`.
    pub fn written(&self, slot: u64) {
        self.written.send_replace(slot);
        metrics::gauge!("gantry_indexer_checkpoint_slot").set(slot as f64);
    }

    /// Everything up to `slot` is final.
    pub fn finalized(&self, slot: u64) {
        metrics::gauge!("gantry_indexer_finalized_slot").set(slot as f64);
    }

    /// Where the tables are.
    #[must_use]
    pub fn checkpoint(&self) -> u64 {
        *self.written.borrow()
    }

    /// The newest slot that the stream spoke of; none before it spoke.
    #[must_use]
    pub fn tip(&self) -> Option<u64> {
        Some(self.tip.load(Ordering::Relaxed)).filter(|tip| *tip > 0)
    }

    /// Changes with each write of the tables.
    #[must_use]
    pub fn writes(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }
}
