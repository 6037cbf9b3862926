//! The receipts of a session: when they are due, what they say, and writing them down before they are posted.

use std::time::Duration;

use gantry_sdk::receipt::{Receipt, ReceiptStatus};
use tokio::time::Instant;

use super::Session;
use crate::chain::Observation;
use crate::meter::Meter;

/// Longest wait for a receipt to land before the final one is signed.
const LANDING: Duration = Duration::from_secs(5);
/// Where sequence numbers go on when the journal is lost: far beyond any that can have been used.
const LOST_JOURNAL_GAP: u64 = 1 << 32;

impl Session {
    /// Does `work` on what is left of the job, and keeps it from lapsing over that.
    pub(super) async fn prove_during<T>(
        &mut self,
        work: impl Future<Output = T>,
        meter: &Meter,
        ended_at: Option<i64>,
    ) -> anyhow::Result<T> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                () = tokio::time::sleep_until(self.proof_due()), if self.runs() => self.prove(meter, ended_at)?,
            }
        }
    }

    /// Waits until the latest receipt is on chain, but not for long. A final receipt that is dated before the one before it
    /// landed would count that second as one without service.
    pub(super) async fn landed(&mut self) -> anyhow::Result<()> {
        let Some(latest) = self.journal.last().map(|receipt| receipt.sequence) else {
            return Ok(());
        };
        let landing = async {
            while self.runs() && self.running_job().is_some_and(|job| job.sequence < latest) {
                self.changed().await?;
            }
            Ok(())
        };
        tokio::time::timeout(LANDING, landing).await.unwrap_or(Ok(()))
    }

    /// When the next receipt is to be signed.
    pub(super) fn proof_due(&self) -> Instant {
        let half = Duration::from_millis(u64::from(self.job.proof_timeout) * 500);
        self.proved_at + self.host.proof_interval.min(half).max(Duration::from_millis(500))
    }

    /// Signs what was served until now, or until `ended_at`.
    pub(super) fn prove(&mut self, meter: &Meter, ended_at: Option<i64>) -> anyhow::Result<()> {
        let observation = self.now();
        let served = meter.served(observation.clock, ended_at);
        self.sign(&observation, served, ReceiptStatus::Running, 0, [0; 32])
    }

    /// Writes a receipt down and hands it to the poster, which signs it.
    pub(super) fn sign(
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
        self.proved_at = Instant::now();
        self.host.place.proved(&self.address.to_string(), sequence, served);
        self.poster.post(receipt);
        Ok(())
    }

    pub(super) fn receipt(
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
}
