//! The two tasks beside a job's session: one watches the chain, one posts the latest receipt.

use std::sync::Arc;
use std::time::Duration;

use gantry_sdk::market::accounts::Job;
use gantry_sdk::receipt::Receipt;
use gantry_sdk::{ClientError, Pubkey};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::chain::{Chain, Observation};

/// Pause between two looks at the chain: half a slot.
pub const LOOK: Duration = Duration::from_millis(200);
/// Longest wait for an answer of the RPC server.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest wait for a receipt to be confirmed before it is posted anew.
const POST_PATIENCE: Duration = Duration::from_secs(30);
/// Longest pause between two tries.
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// A task that ends with its owner.
#[derive(Debug)]
pub struct Owned(JoinHandle<()>);

impl Owned {
    /// Starts one.
    pub fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(task))
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Pauses that double from 200 ms up to five seconds.
#[derive(Debug)]
pub struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(LOOK)
    }
}

impl Backoff {
    /// The next pause.
    pub fn pause(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(MAX_BACKOFF);
        pause
    }

    /// Starts over: it worked.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

/// One look at the chain, for as long as it takes: errors are logged once and retried.
pub async fn look(chain: &Chain, job: Option<&Pubkey>) -> Observation {
    let mut backoff = Backoff::default();
    let mut complained = false;
    loop {
        let error = match tokio::time::timeout(PATIENCE, chain.observe(job)).await {
            Ok(Ok(observation)) => return observation,
            Ok(Err(error)) => error,
            Err(_) => anyhow::anyhow!("no answer within {} s", PATIENCE.as_secs()),
        };
        if complained {
            tracing::debug!(error = format!("{error:#}"), "the RPC server still does not answer");
        } else {
            tracing::warn!(
                error = format!("{error:#}"),
                "the RPC server does not answer; trying on"
            );
            complained = true;
        }
        tokio::time::sleep(backoff.pause()).await;
    }
}

/// Watches a job; the receiver starts with `first`.
pub fn watch_job(chain: Arc<Chain>, job: Pubkey, first: Observation) -> (watch::Receiver<Observation>, Owned) {
    let (sender, receiver) = watch::channel(first);
    let task = tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOK).await;
            if sender.send(look(&chain, Some(&job)).await).is_err() {
                return;
            }
        }
    });
    (receiver, Owned(task))
}

/// Posts the latest receipt that it is given, again and again until it is on chain or a later one takes its place.
#[derive(Debug)]
pub struct Poster {
    latest: watch::Sender<Option<Receipt>>,
    _task: Owned,
}

impl Poster {
    /// A poster for `job`, as the account was once it was assigned.
    pub fn start(chain: Arc<Chain>, address: Pubkey, job: Job) -> Self {
        let (latest, mut receipts) = watch::channel(None);
        let task = tokio::spawn(async move {
            let mut backoff = Backoff::default();
            loop {
                let receipt: Option<Receipt> = receipts.borrow_and_update().clone();
                let done = match receipt {
                    None => true,
                    Some(receipt) => try_post(&chain, &address, &job, &receipt).await,
                };
                if done {
                    backoff.reset();
                    if receipts.changed().await.is_err() {
                        return;
                    }
                } else {
                    tokio::select! {
                        () = tokio::time::sleep(backoff.pause()) => {}
                        changed = receipts.changed() => if changed.is_err() { return },
                    }
                }
            }
        });
        Self {
            latest,
            _task: Owned(task),
        }
    }

    /// Posts `receipt` instead of any that is not posted yet.
    pub fn post(&self, receipt: Receipt) {
        self.latest.send_replace(Some(receipt));
    }
}

/// Whether there is nothing left to do about `receipt`.
async fn try_post(chain: &Chain, address: &Pubkey, job: &Job, receipt: &Receipt) -> bool {
    let (sequence, served) = (receipt.sequence, receipt.served_seconds);
    let status = receipt.status as u8;
    match tokio::time::timeout(POST_PATIENCE, chain.post(job, receipt)).await {
        Ok(Ok(signature)) => {
            tracing::info!(job = %address, sequence, served, status, %signature, "receipt posted");
            true
        }
        // It is there already, from an attempt whose answer was lost.
        Ok(Err(error)) if error.is_refusal("StaleSequence") => true,
        Ok(Err(error @ ClientError::Program { .. })) => {
            // The chain's clock may be a moment behind; and where the job has ended, the session ends this.
            tracing::warn!(job = %address, sequence, served, %error, "receipt refused");
            false
        }
        Ok(Err(error)) => {
            tracing::warn!(job = %address, sequence, served, %error, "receipt not posted; trying on");
            false
        }
        Err(_) => {
            tracing::warn!(job = %address, sequence, served, "receipt not confirmed in time; trying on");
            false
        }
    }
}
