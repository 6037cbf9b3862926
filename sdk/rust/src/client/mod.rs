//! A client over JSON-RPC: typed accounts, transactions that are confirmed or explained, and the whole life of a job.
//!
//! [`Gantry`] is a connection. Reading needs nothing else; whatever changes something takes an
//! [`AnySigner`](crate::AnySigner), which a key file's [`Keypair`](crate::Keypair) is.
//!
//! ```no_run
//! use futures::StreamExt;
//! use gantry_sdk::{Gantry, blob::BlobStore, client::{JobUpdate, OpenJob, Outbox}, keys, spec::JobSpec};
//! use std::path::Path;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let gantry = Gantry::connect("http://127.0.0.1:8899");
//! let wallet = keys::load("alice.json")?;
//! let blobs = BlobStore::open(".gantry/network/blobs")?;
//!
//! // What it runs; its inputs go into the blob store.
//! let spec = JobSpec::load(Path::new("examples/quick.json"))?;
//! let prepared = spec.prepare(Path::new("examples"), &blobs).await?;
//!
//! // Once, whatever happens to this program: run again with the same name, it gives the same job.
//! let outbox = Outbox::open("outbox")?;
//! let job = gantry.open_job_once(&wallet, OpenJob::new(&prepared), &outbox, "invoice-17").await?;
//!
//! let mut updates = Box::pin(gantry.watch(job.address));
//! while let Some(update) = updates.next().await {
//!     match update? {
//!         JobUpdate::Live { job, .. } => println!("{} s proven", job.served_seconds),
//!         JobUpdate::Closed(how) => println!("{how:?}"),
//!     }
//! }
//! let result = gantry.result(&job.address, &blobs).await?;
//! result.save(&blobs, Path::new("picture")).await?;
//! # Ok(())
//! # }
//! ```
//!
//! While it runs: [`top_up_job`](Gantry::top_up_job), [`acknowledge`](Gantry::acknowledge),
//! [`stop_job`](Gantry::stop_job); once it has ended: [`accept_result`](Gantry::accept_result),
//! [`dispute_job`](Gantry::dispute_job), [`settle_job`](Gantry::settle_job).
//!
//! # How transactions are sent
//!
//! Each is simulated first, which finds refusals before anything is paid and measures the compute units to ask for; it pays
//! a [`PriorityFee`] from those that others paid of late for the same accounts, is sent again every two seconds, and with
//! a fresh blockhash once the old one has expired for certain. A call returns when it is confirmed at the connection's
//! commitment, or with a [`ClientError`] that says what to do. [`Gantry::reviewed`] looks at each before it is sent.

mod accounts;
mod deployed;
mod draft;
mod error;
mod fees;
mod history;
mod jobs;
mod lookup;
mod outbox;
mod providers;
mod review;
mod running;
mod send;
#[cfg(test)]
mod send_tests;
mod settling;
mod staking;
mod upkeep;
mod watch;

pub use accounts::{MintInfo, TokenBalance};
pub use deployed::Deployed;
pub use error::ClientError;
pub use fees::PriorityFee;
pub use history::{JobHistory, PastTransaction};
pub use jobs::{OpenJob, OpenedJob};
pub use outbox::{Outbox, OutboxError};
pub use review::{Preview, Review, TokenChange};
pub use running::SignedReceipt;
pub use send::{SendOptions, Sent};
pub use watch::{Closing, JobUpdate};

use crate::{Pubkey, Signature};
use solana_commitment_config::CommitmentConfig;
use solana_rpc_client::{http_sender::HttpSender, nonblocking::rpc_client::RpcClient, rpc_client::RpcClientConfig};
use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How often the cluster is asked again while something is awaited. Less than a slot, so that none is missed by much.
pub(crate) const POLL: Duration = Duration::from_millis(150);

/// A connection to a cluster. Cheap to clone.
#[derive(Clone)]
pub struct Gantry {
    rpc: Arc<RpcClient>,
    review: Option<Arc<Review>>,
    fee: PriorityFee,
    /// Transactions that were simulated instead of sent; none where they are sent.
    rehearsed: Option<Arc<AtomicUsize>>,
}

impl std::fmt::Debug for Gantry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gantry({})", self.url())
    }
}

impl Gantry {
    /// A client of the RPC server at `rpc_url`, reading at commitment confirmed. Nothing is sent yet.
    ///
    /// ```
    /// use gantry_sdk::Gantry;
    ///
    /// let gantry = Gantry::connect("http://127.0.0.1:8899");
    /// assert_eq!(gantry.url(), "http://127.0.0.1:8899");
    /// ```
    pub fn connect(rpc_url: impl Into<String>) -> Self {
        Self::with_commitment(rpc_url, CommitmentConfig::confirmed())
    }

    /// A client that reads and confirms at `commitment`.
    ///
    /// ```
    /// use gantry_sdk::{Commitment, Gantry};
    ///
    /// // Waits for finality: slower, and never taken back.
    /// let gantry = Gantry::with_commitment("http://127.0.0.1:8899", Commitment::finalized());
    /// assert_eq!(gantry.rpc().commitment(), Commitment::finalized());
    /// ```
    pub fn with_commitment(rpc_url: impl Into<String>, commitment: CommitmentConfig) -> Self {
        let sender = HttpSender::new_with_timeout(rpc_url.into(), REQUEST_TIMEOUT);
        let rpc = RpcClient::new_sender(sender, RpcClientConfig::with_commitment(commitment));
        Self {
            rpc: Arc::new(rpc),
            review: None,
            fee: PriorityFee::default(),
            rehearsed: None,
        }
    }

    /// This connection, with `review` to decide over every transaction that it would send: it sees what the simulation
    /// came to, and an `Err` keeps the transaction from being sent.
    ///
    /// ```
    /// use gantry_sdk::{Gantry, client::Preview};
    /// use std::sync::Arc;
    ///
    /// let gantry = Gantry::connect("http://127.0.0.1:8899").reviewed(Arc::new(|preview: &Preview| {
    ///     // (mint, decimals, base units) that leave the signers.
    ///     let dear = preview.spent().iter().any(|(_, _, amount)| *amount > 50_000_000);
    ///     if dear { Err("more than 50.00 of a token".into()) } else { Ok(()) }
    /// }));
    /// ```
    #[must_use]
    pub fn reviewed(self, review: Arc<Review>) -> Self {
        Self {
            review: Some(review),
            ..self
        }
    }

    /// This connection, with `review` shown what each transaction would do, and none sent: calls go on as if it had
    /// been, with a signature of zeros, and what they return then means nothing. A transaction that cannot be simulated
    /// because it builds on an earlier one ends the call with [`ClientError::HeldBack`].
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(wallet: &AnySigner, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// use gantry_sdk::client::Preview;
    /// use std::sync::Arc;
    ///
    /// let gantry = Gantry::connect("http://127.0.0.1:8899").rehearsing(Arc::new(|preview: &Preview| {
    ///     println!("{} lamports, {:?}", preview.fee, preview.spent());
    ///     Ok(())
    /// }));
    /// // Simulated and shown, not sent.
    /// gantry.stop_job(wallet, &job).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn rehearsing(self, review: Arc<Review>) -> Self {
        Self {
            review: Some(review),
            rehearsed: Some(Arc::default()),
            ..self
        }
    }

    /// The RPC client underneath.
    ///
    /// ```no_run
    /// # use gantry_sdk::Gantry;
    /// # async fn example(gantry: Gantry) -> Result<(), Box<dyn std::error::Error>> {
    /// let slot = gantry.rpc().get_slot().await?;
    /// # let _: u64 = slot;
    /// # Ok(())
    /// # }
    /// ```
    pub fn rpc(&self) -> &RpcClient {
        &self.rpc
    }

    /// Where the RPC server is.
    pub fn url(&self) -> String {
        self.rpc.url()
    }

    pub(crate) fn rpc_error(&self, error: solana_rpc_client_api::client_error::Error) -> ClientError {
        ClientError::from_rpc(&self.url(), error)
    }

    /// Asks a local network's faucet for SOL, and waits until it is there.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.airdrop(&wallet.pubkey(), 1_000_000_000).await?; // one SOL
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the cluster has no faucet or it refuses.
    pub async fn airdrop(&self, wallet: &Pubkey, lamports: u64) -> Result<Signature, ClientError> {
        let before = self.balance(wallet).await?;
        let signature = self
            .rpc
            .request_airdrop(wallet, lamports)
            .await
            .map_err(|error| self.rpc_error(error))?;
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        // The balance, not the signature: some local networks fund without a transaction.
        while self.balance(wallet).await? < before.saturating_add(lamports) {
            if tokio::time::Instant::now() >= deadline {
                return Err(ClientError::Expired(signature));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(signature)
    }
}
