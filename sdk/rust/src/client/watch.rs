//! Following a job as it happens.

use super::{ClientError, Gantry, POLL};
use crate::{
    Pubkey,
    market::{
        accounts::Job,
        events::{JobCancelled, JobSettled},
    },
};
use anchor_lang::AnchorSerialize;
use futures::stream::{self, Stream};
use std::time::Duration;

/// How long the server gets to show the transaction that closed a job.
const CLOSING_PATIENCE: Duration = Duration::from_secs(30);

/// A change of a job.
#[derive(Debug, Clone)]
pub enum JobUpdate {
    /// Its account, and the chain's time when it was read (Unix seconds).
    Live {
        /// The account.
        job: Box<Job>,
        /// The chain's time.
        now: i64,
    },
    /// It is closed. The last item.
    Closed(Closing),
}

/// How a job was closed.
#[derive(Debug, Clone)]
pub enum Closing {
    /// Everybody was paid.
    Settled(JobSettled),
    /// It was cancelled and refunded.
    Cancelled(JobCancelled),
    /// The server has forgotten the transaction.
    Unknown,
}

enum Step {
    Follow(Option<Vec<u8>>),
    Done,
}

impl Gantry {
    /// Follows the job at `address` until it is closed: its present state first, then every change. Changes closer
    /// together than a fraction of a slot may come as one. Ends after [`JobUpdate::Closed`] or an error; a server that
    /// is away for a moment is asked again.
    ///
    /// ```no_run
    /// # use gantry_sdk::{Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// use gantry_sdk::client::JobUpdate;
    /// use futures::StreamExt;
    ///
    /// let mut updates = Box::pin(gantry.watch(job));
    /// while let Some(update) = updates.next().await {
    ///     match update? {
    ///         JobUpdate::Live { job, .. } => println!("{} s proven", job.served_seconds),
    ///         JobUpdate::Closed(how) => println!("{how:?}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch(&self, address: Pubkey) -> impl Stream<Item = Result<JobUpdate, ClientError>> + Send + use<> {
        let gantry = self.clone();
        stream::unfold(Step::Follow(None), move |step| {
            let gantry = gantry.clone();
            async move {
                let Step::Follow(seen) = step else { return None };
                match gantry.next_update(&address, seen).await {
                    Ok((JobUpdate::Live { job, now }, seen)) => {
                        Some((Ok(JobUpdate::Live { job, now }), Step::Follow(Some(seen))))
                    }
                    Ok((closed, _)) => Some((Ok(closed), Step::Done)),
                    Err(error) => Some((Err(error), Step::Done)),
                }
            }
        })
    }

    async fn next_update(&self, address: &Pubkey, seen: Option<Vec<u8>>) -> Result<(JobUpdate, Vec<u8>), ClientError> {
        let mut failures = 0;
        loop {
            let job = match self.job(address).await {
                Ok(job) => job,
                Err(error) if error.is_transient() && failures < 20 => {
                    failures += 1;
                    tokio::time::sleep(POLL * 4).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            failures = 0;
            let Some(job) = job else {
                return Ok((self.closing(address, seen.is_some()).await?, Vec::new()));
            };
            let mut bytes = Vec::new();
            job.serialize(&mut bytes)
                .map_err(|error| ClientError::Build(error.to_string()))?;
            if seen.as_ref() != Some(&bytes) {
                let now = self.clock().await?;
                return Ok((
                    JobUpdate::Live {
                        job: Box::new(job),
                        now,
                    },
                    bytes,
                ));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// How the job was closed. `was_there` says that it has been seen alive.
    async fn closing(&self, address: &Pubkey, was_there: bool) -> Result<JobUpdate, ClientError> {
        let deadline = tokio::time::Instant::now() + CLOSING_PATIENCE;
        loop {
            let history = self.job_history(address).await?;
            if let Some(settled) = history.settled() {
                return Ok(JobUpdate::Closed(Closing::Settled(*settled)));
            }
            if let Some(cancelled) = history.cancelled() {
                return Ok(JobUpdate::Closed(Closing::Cancelled(*cancelled)));
            }
            if !was_there && history.transactions.is_empty() {
                return Err(ClientError::NotFound {
                    what: "job",
                    address: address.to_string(),
                });
            }
            if tokio::time::Instant::now() >= deadline {
                return Ok(JobUpdate::Closed(Closing::Unknown));
            }
            tokio::time::sleep(POLL).await;
        }
    }
}
