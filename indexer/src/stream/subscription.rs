//! The subscription: what is asked of the server, and how its silence and its errors are told apart.

use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use tonic::codec::CompressionEncoding;
use tonic::{Code, Status};
use yellowstone_grpc_client::{
    Backoff, GeyserGrpcBuilder, GeyserGrpcBuilderError, GeyserGrpcClient, GeyserGrpcClientError, ReconnectConfig,
    ReconnectEvent, ReconnectPolicy, ReconnectStream, SubscribeRequestSink,
};
use yellowstone_grpc_proto::prelude::subscribe_update::UpdateOneof;
use yellowstone_grpc_proto::prelude::{
    CommitmentLevel, SubscribeRequest, SubscribeRequestFilterAccounts, SubscribeRequestFilterBlocksMeta,
    SubscribeRequestFilterSlots, SubscribeRequestFilterTransactions, SubscribeRequestPing,
};

use super::{Malformed, Update, convert};
use crate::key;
use crate::schema::Schema;
use crate::telemetry;
use crate::tls::with_authorities;

/// Name of the filters.
const FILTER: &str = "gantry";
/// Largest message taken: a few accounts of 10 MiB would fit.
const MAX_MESSAGE: usize = 64 << 20;
/// Bytes that the server may send ahead of what is read. What is usual, 64 KiB, is a hundred updates for each round trip to
/// the server, which may be far away.
const WINDOW: u32 = 4 << 20;

/// Where updates come from.
#[derive(Clone, Debug)]
pub struct SourceOptions {
    /// The Yellowstone endpoint, for example `http://127.0.0.1:10000`.
    pub url: String,
    /// Certificates (PEM) of authorities that may vouch for the server, besides the system's. Only of use with https.
    pub ca: Option<Vec<u8>>,
    /// Sent as `x-token`, where the server wants one.
    pub token: Option<String>,
    /// When no slot moves for this long, however many pings come, the stream counts as dead.
    pub silence: Duration,
    /// How messages are compressed, where the server can.
    pub compression: Option<Compression>,
}

/// A compression that Yellowstone servers know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

impl From<Compression> for CompressionEncoding {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::Gzip => Self::Gzip,
            Compression::Zstd => Self::Zstd,
        }
    }
}

/// Why a subscription ended.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The URL or token is malformed, or nobody answers there who is who they say.
    #[error("cannot use the gRPC endpoint: {}", explained(.0))]
    Endpoint(#[from] GeyserGrpcBuilderError),
    /// The server could not be reached.
    #[error("cannot reach the gRPC endpoint: {}", explained(.0))]
    Transport(#[from] tonic::transport::Error),
    /// The server no longer has the slot that was asked for.
    #[error("the server no longer has the slot: {}", .0.message())]
    OutOfRange(Status),
    /// The server ended it.
    #[error("the server ended the subscription: {:?}: {}", .0.code(), .0.message())]
    Status(Status),
    /// The server ended it and said nothing.
    #[error("the subscription ended")]
    Ended,
    /// Nothing moved for too long.
    #[error("the stream is silent: no new slot for {} ms", .0.as_millis())]
    Silent(Duration),
    /// The server sent nonsense.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl From<Status> for StreamError {
    fn from(status: Status) -> Self {
        if status.code() == Code::OutOfRange {
            Self::OutOfRange(status)
        } else {
            Self::Status(status)
        }
    }
}

impl From<GeyserGrpcClientError> for StreamError {
    fn from(error: GeyserGrpcClientError) -> Self {
        match error {
            GeyserGrpcClientError::TonicStatus(status) => status.into(),
            GeyserGrpcClientError::TransportError(error) => error.into(),
        }
    }
}

/// What the stream brings.
#[derive(Debug)]
pub enum Event {
    /// An update.
    Update(Update),
    /// The connection was lost; what follows comes from a new one.
    Disconnected {
        /// The slot that it replays from; none where it resumes at the tip.
        replay_from: Option<u64>,
    },
    /// Nothing to do.
    Alive,
}

/// An open subscription.
pub struct Subscription {
    requests: SubscribeRequestSink,
    updates: ReconnectStream,
    silence: Duration,
    /// Time spent waiting since the newest slot moved. Time in which nobody asked does not count: a slow database is no
    /// silence.
    waited: Duration,
    highest: u64,
    pings: i32,
}

/// The error with its causes, and what to do about it.
fn explained(error: &dyn std::error::Error) -> String {
    let mut text = telemetry::explained(error);
    // Bad signatures are those of an authority with the name of one that is known.
    if text.contains("UnknownIssuer") || text.contains("BadSignature") {
        text += ": no authority known here vouches for the server; name the file with its authority's certificate with \
                 --stream-ca";
    }
    text
}

fn builder(options: &SourceOptions) -> Result<GeyserGrpcBuilder, StreamError> {
    let plain = || GeyserGrpcClient::build_from_shared(options.url.clone());
    if !options.url.starts_with("https:") {
        return Ok(plain()?);
    }
    Ok(with_authorities(options.ca.as_deref(), |tls| plain()?.tls_config(tls))?)
}

async fn connect(options: &SourceOptions) -> Result<GeyserGrpcClient, StreamError> {
    // The client's own retries bridge a short cut without losing what is buffered. Whoever reads the subscription opens
    // a new one, from the checkpoint, when they are spent: well before it counts as silent, since only then is the reason
    // known.
    let backoff = Backoff::new(Duration::from_millis(50), 2.0, 4);
    let reconnect = ReconnectConfig::default()
        .with_backoff(backoff)
        .with_policy(ReconnectPolicy::Replay { slots_behind: 0 });
    let mut builder = builder(options)?;
    if let Some(compression) = options.compression {
        builder = builder
            .accept_compressed(compression.into())
            .send_compressed(compression.into());
    }
    let client = builder
        .x_token(options.token.clone())?
        .connect_timeout(Duration::from_secs(5))
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(10))
        .tcp_nodelay(true)
        .http2_adaptive_window(false)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_decoding_message_size(MAX_MESSAGE)
        .set_reconnect_config(reconnect)
        .connect()
        .await?;
    Ok(client)
}

/// The oldest slot that the server can replay from; none where it cannot replay, or does not say.
///
/// # Errors
/// Where the server cannot be reached.
pub async fn first_available(options: &SourceOptions) -> Result<Option<u64>, StreamError> {
    match connect(options).await?.subscribe_replay_info().await {
        Ok(info) => Ok(info.first_available),
        Err(GeyserGrpcClientError::TonicStatus(status)) if status.code() == Code::Unimplemented => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Subscription {
    /// Subscribes to all that the programs write and report, from `from_slot` on, or from now.
    ///
    /// # Errors
    /// Where the server cannot be reached or refuses.
    pub async fn open(options: &SourceOptions, schema: &Schema, from_slot: Option<u64>) -> Result<Self, StreamError> {
        let mut client = connect(options).await?;
        let (requests, updates) = client
            .subscribe_with_reconnect(Some(request(schema, from_slot)))
            .await?;
        Ok(Self {
            requests,
            updates,
            silence: options.silence,
            waited: Duration::ZERO,
            highest: 0,
            pings: 0,
        })
    }

    /// The next thing that the stream brings. Safe to cancel.
    ///
    /// # Errors
    /// When the subscription is over.
    pub async fn next(&mut self, schema: &Schema) -> Result<Event, StreamError> {
        let begun = Instant::now();
        let item = tokio::time::timeout(self.silence.saturating_sub(self.waited), self.updates.next());
        let item = item.await.map_err(|_| StreamError::Silent(self.silence))?;
        self.waited += begun.elapsed();
        let update = match item.ok_or(StreamError::Ended)?? {
            ReconnectEvent::Update(update) => update,
            ReconnectEvent::Disconnected(lost) => {
                // The next server may be behind this one.
                self.highest = 0;
                return Ok(Event::Disconnected {
                    replay_from: lost.replay_from_slot,
                });
            }
        };
        match update.update_oneof {
            Some(UpdateOneof::Ping(_)) => {
                self.pings = self.pings.wrapping_add(1);
                let ping = SubscribeRequest {
                    ping: Some(SubscribeRequestPing { id: self.pings }),
                    ..SubscribeRequest::default()
                };
                // A lost connection is seen where updates are read.
                let _ = self.requests.send(ping).await;
                Ok(Event::Alive)
            }
            Some(update) => {
                let update = convert::update(update, |key| schema.is_program(key)).inspect_err(|_| {
                    metrics::counter!("gantry_indexer_malformed_updates_total").increment(1);
                })?;
                let Some(update) = update else { return Ok(Event::Alive) };
                if update.slot() > self.highest {
                    self.highest = update.slot();
                    self.waited = Duration::ZERO;
                }
                Ok(Event::Update(update))
            }
            None => Ok(Event::Alive),
        }
    }
}

fn request(schema: &Schema, from_slot: Option<u64>) -> SubscribeRequest {
    let programs: Vec<String> = schema
        .programs
        .iter()
        .map(|program| key::text(&program.address))
        .collect();
    let accounts = SubscribeRequestFilterAccounts {
        owner: programs.clone(),
        ..Default::default()
    };
    let transactions = SubscribeRequestFilterTransactions {
        vote: Some(false),
        failed: Some(false),
        account_include: programs,
        ..Default::default()
    };
    let slots = SubscribeRequestFilterSlots {
        filter_by_commitment: Some(false),
        interslot_updates: Some(true),
    };
    SubscribeRequest {
        accounts: [(FILTER.to_owned(), accounts)].into(),
        transactions: [(FILTER.to_owned(), transactions)].into(),
        slots: [(FILTER.to_owned(), slots)].into(),
        blocks_meta: [(FILTER.to_owned(), SubscribeRequestFilterBlocksMeta {})].into(),
        commitment: Some(CommitmentLevel::Processed.into()),
        from_slot,
        ..Default::default()
    }
}
