//! Storing what a job leaves, however long its store takes or refuses.

use std::sync::Arc;
use std::time::Duration;

use gantry_sdk::seal::Sealer;
use tokio::time::Instant;

use super::Session;
use crate::ended::Ended;
use crate::host::JobResult;
use crate::meter::Meter;
use crate::tasks::Backoff;
use crate::workspace::Workspace;

/// How long a store that refuses is tried. After that a process has to compute its result again.
const PATIENCE: Duration = Duration::from_secs(600);

impl Session {
    /// Stores the result; gives its digest. Storing it is work that is paid for, until the store fails for the first time:
    /// `ended` is then.
    ///
    /// # Errors
    /// If the store refuses ten minutes after it did for the first time, or once nobody waits for the result any more.
    pub(super) async fn store(
        &mut self,
        ended: &mut Ended,
        outputs: &[String],
        workspace: &Workspace,
        sealer: Option<&Sealer>,
        meter: &Meter,
    ) -> anyhow::Result<[u8; 32]> {
        let host = Arc::clone(&self.host);
        let mut refused = None;
        let mut backoff = Backoff::default();
        loop {
            let result = JobResult {
                job: self.address.to_string(),
                spec_hash: self.job.spec_hash,
                outputs,
                exit_code: ended.exit_code,
                note: ended.note.as_deref(),
            };
            let storing = host.store_result(result, Some(workspace), sealer);
            let error = match self.prove_during(storing, meter, ended.at).await? {
                Ok(digest) => return Ok(digest),
                Err(error) => error,
            };
            let since = *refused.get_or_insert_with(Instant::now);
            if since.elapsed() > PATIENCE || !self.expects_receipts() {
                return Err(error.context("cannot store the result"));
            }
            tracing::warn!(job = %self.address, error = format!("{error:#}"), "the result is not stored; trying on");
            ended.at.get_or_insert(self.now().clock);
            self.prove_during(tokio::time::sleep(backoff.pause()), meter, ended.at)
                .await?;
        }
    }
}
