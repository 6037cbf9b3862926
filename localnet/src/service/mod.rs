//! The Yellowstone gRPC service over the ledger.

mod delivery;
mod subscription;

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::CompressionEncoding;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};
use yellowstone_grpc_proto::prelude::geyser_server::{Geyser, GeyserServer};
use yellowstone_grpc_proto::prelude::{
    CommitmentLevel, GetBlockHeightRequest, GetBlockHeightResponse, GetLatestBlockhashRequest,
    GetLatestBlockhashResponse, GetSlotRequest, GetSlotResponse, GetVersionRequest, GetVersionResponse,
    IsBlockhashValidRequest, IsBlockhashValidResponse, PingRequest, PongResponse, SubscribeDeshredRequest,
    SubscribeGossipRequest, SubscribeReplayInfoRequest, SubscribeReplayInfoResponse, SubscribeRequest, SubscribeUpdate,
    SubscribeUpdateDeshred, SubscribeUpdateGossip,
};

use crate::faults::Faults;
use crate::filters::{BadFilter, commitment};
use crate::ledger::{BLOCKHASH_LIFETIME, BlockSummary, Ledger, OutOfRange};
use subscription::Subscription;

/// Largest request that is read, in bytes.
const MAX_REQUEST_BYTES: usize = 4 << 20;
/// Updates that wait for one client before reading for it stops.
const CLIENT_BUFFER: usize = 256;

/// How the service behaves.
#[derive(Debug, Clone)]
pub struct ServiceOptions {
    /// Time between two pings to a client.
    pub ping_interval: Duration,
    /// What clients must send as `x-token`; none where everyone may connect.
    pub token: Option<String>,
    /// What goes wrong on request.
    pub faults: Faults,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(10),
            token: None,
            faults: Faults::default(),
        }
    }
}

#[derive(Debug)]
struct Service {
    ledger: Arc<Ledger>,
    options: ServiceOptions,
    /// Turns true when the process is about to end.
    closing: watch::Receiver<bool>,
}

/// Serves `ledger` on `listener` until `closing` turns true.
///
/// # Errors
/// When the transport fails.
pub async fn serve(
    listener: TcpListener,
    ledger: Arc<Ledger>,
    options: ServiceOptions,
    mut closing: watch::Receiver<bool>,
) -> Result<(), tonic::transport::Error> {
    let token = options.token.clone();
    let service = Service {
        ledger,
        options,
        closing: closing.clone(),
    };
    let geyser = GeyserServer::new(service)
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .send_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(MAX_REQUEST_BYTES);
    let geyser = InterceptedService::new(geyser, move |request: Request<()>| match &token {
        Some(token) if request.metadata().get("x-token").map(|sent| sent.as_bytes()) != Some(token.as_bytes()) => {
            Err(Status::unauthenticated("send the token of this server as `x-token`"))
        }
        _ => Ok(request),
    });
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<GeyserServer<Service>>().await;
    tonic::transport::Server::builder()
        // A client that vanished without a word is noticed, and its subscription ends.
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .add_service(health_service)
        .add_service(geyser)
        // The builder's own setting is not for listeners that are given: small messages would wait for each other's
        // acknowledgement, up to 40 ms.
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), async move {
            // An error means that the sender has gone, which is the end as well.
            let _ = closing.wait_for(|closing| *closing).await;
        })
        .await
}

impl Service {
    /// The first slot that a fault leaves to be replayed.
    fn forgotten(&self) -> Option<u64> {
        self.options.faults.wire().and_then(|wire| wire.forget_below)
    }

    fn tip(&self, level: Option<i32>) -> Result<BlockSummary, Status> {
        let level = level.map_or(Ok(CommitmentLevel::Processed), commitment)?;
        self.ledger.tip(level).ok_or_else(|| {
            Status::unavailable(format!(
                "no block is {} yet: try again in a moment",
                level.as_str_name().to_lowercase()
            ))
        })
    }
}

fn unimplemented(what: &str) -> Status {
    Status::unimplemented(format!(
        "{what} is not supported: this network has no shreds and no gossip"
    ))
}

impl From<BadFilter> for Status {
    fn from(error: BadFilter) -> Self {
        Self::invalid_argument(error.to_string())
    }
}

impl From<OutOfRange> for Status {
    fn from(error: OutOfRange) -> Self {
        Self::out_of_range(error.to_string())
    }
}

type Updates<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Geyser for Service {
    type SubscribeStream = ReceiverStream<Result<SubscribeUpdate, Status>>;
    type SubscribeDeshredStream = Updates<SubscribeUpdateDeshred>;
    type SubscribeGossipStream = Updates<SubscribeUpdateGossip>;

    async fn subscribe(
        &self,
        request: Request<Streaming<SubscribeRequest>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let peer: Option<SocketAddr> = request.remote_addr();
        let (updates, receiver) = tokio::sync::mpsc::channel(CLIENT_BUFFER);
        let subscription = Subscription::new(
            Arc::clone(&self.ledger),
            &self.options,
            self.closing.clone(),
            updates,
            peer,
        );
        tokio::spawn(subscription.run(request.into_inner()));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn subscribe_deshred(
        &self,
        _: Request<Streaming<SubscribeDeshredRequest>>,
    ) -> Result<Response<Self::SubscribeDeshredStream>, Status> {
        Err(unimplemented("SubscribeDeshred"))
    }

    async fn subscribe_gossip(
        &self,
        _: Request<SubscribeGossipRequest>,
    ) -> Result<Response<Self::SubscribeGossipStream>, Status> {
        Err(unimplemented("SubscribeGossip"))
    }

    async fn subscribe_replay_info(
        &self,
        _: Request<SubscribeReplayInfoRequest>,
    ) -> Result<Response<SubscribeReplayInfoResponse>, Status> {
        Ok(Response::new(SubscribeReplayInfoResponse {
            first_available: self.ledger.first_available().max(self.forgotten()),
        }))
    }

    async fn ping(&self, request: Request<PingRequest>) -> Result<Response<PongResponse>, Status> {
        Ok(Response::new(PongResponse {
            count: request.get_ref().count,
        }))
    }

    async fn get_latest_blockhash(
        &self,
        request: Request<GetLatestBlockhashRequest>,
    ) -> Result<Response<GetLatestBlockhashResponse>, Status> {
        let tip = self.tip(request.get_ref().commitment)?;
        Ok(Response::new(GetLatestBlockhashResponse {
            slot: tip.slot,
            blockhash: tip.blockhash,
            last_valid_block_height: tip.height + BLOCKHASH_LIFETIME,
        }))
    }

    async fn get_block_height(
        &self,
        request: Request<GetBlockHeightRequest>,
    ) -> Result<Response<GetBlockHeightResponse>, Status> {
        let block_height = self.tip(request.get_ref().commitment)?.height;
        Ok(Response::new(GetBlockHeightResponse { block_height }))
    }

    async fn get_slot(&self, request: Request<GetSlotRequest>) -> Result<Response<GetSlotResponse>, Status> {
        Ok(Response::new(GetSlotResponse {
            slot: self.tip(request.get_ref().commitment)?.slot,
        }))
    }

    async fn is_blockhash_valid(
        &self,
        request: Request<IsBlockhashValidRequest>,
    ) -> Result<Response<IsBlockhashValidResponse>, Status> {
        let request = request.get_ref();
        self.tip(request.commitment)?;
        let level = request.commitment.map_or(Ok(CommitmentLevel::Processed), commitment)?;
        let (slot, valid) = self
            .ledger
            .is_blockhash_valid(&request.blockhash, level)
            .ok_or_else(|| Status::unavailable("no block yet: try again in a moment"))?;
        Ok(Response::new(IsBlockhashValidResponse { slot, valid }))
    }

    async fn get_version(&self, _: Request<GetVersionRequest>) -> Result<Response<GetVersionResponse>, Status> {
        let version = serde_json::json!({
            "package": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
            "proto": "14",
            "source": "surfpool-core 1.6.1",
        });
        Ok(Response::new(GetVersionResponse {
            version: version.to_string(),
        }))
    }
}
