//! A Yellowstone server that plays a script, and the little of JSON-RPC that an indexer asks beside it.
//!
//! Clients are held back by HTTP/2's own flow control: what a client does not read is not sent. One that falls further
//! behind than a real server would hold for it is cut off with an error, and comes back with `from_slot`.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::State;
use axum::routing::{get, post};
use futures::Stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};
use yellowstone_grpc_proto::prelude::geyser_server::{Geyser, GeyserServer};
use yellowstone_grpc_proto::prelude::subscribe_update::UpdateOneof;
use yellowstone_grpc_proto::prelude::{
    GetBlockHeightRequest, GetBlockHeightResponse, GetLatestBlockhashRequest, GetLatestBlockhashResponse,
    GetSlotRequest, GetSlotResponse, GetVersionRequest, GetVersionResponse, IsBlockhashValidRequest,
    IsBlockhashValidResponse, PingRequest, PongResponse, SubscribeDeshredRequest, SubscribeGossipRequest,
    SubscribeReplayInfoRequest, SubscribeReplayInfoResponse, SubscribeRequest, SubscribeUpdate, SubscribeUpdateDeshred,
    SubscribeUpdateGossip, SubscribeUpdatePing, SubscribeUpdatePong,
};

use crate::script::{BASE_SLOT, GENESIS, Item, Script};

/// Messages that wait for one client beside what the connection itself holds.
const CLIENT_BUFFER: usize = 256;
/// Messages that a client may be behind before it is cut off: the usual setting of a Yellowstone server.
const LAGGARD: u64 = 100_000;
/// Slots that can be replayed.
const REPLAY_SLOTS: u64 = 1_000;
/// How often it is looked at whether more is due, and whether a client that reads nothing has fallen too far behind.
const TICK: Duration = Duration::from_millis(1);
const LAG_CHECK: Duration = Duration::from_millis(500);
const PING_EVERY: Duration = Duration::from_secs(10);

/// When what was sent first, in microseconds of the clock of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The first account update.
    pub first: Option<u64>,
    /// The last message of all.
    pub last: Option<u64>,
    /// Account updates, each time they were sent.
    pub updates: u64,
    /// By slot: the marker's update.
    pub marker: BTreeMap<u64, u64>,
    /// By slot: the confirmation.
    pub confirmed: BTreeMap<u64, u64>,
    /// Subscriptions that were opened.
    pub subscriptions: u64,
    /// Clients that were cut off because they were too far behind.
    pub cut: u64,
}

/// Microseconds of the clock of this machine.
#[must_use]
pub fn now_us() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_micros() as u64
}

#[derive(Debug)]
struct Shared {
    script: Script,
    begun: OnceLock<Instant>,
    sent: Mutex<Sent>,
}

impl Shared {
    fn note(&self, note: impl FnOnce(&mut Sent)) {
        note(&mut self.sent.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn due(&self) -> u64 {
        self.begun.get().map_or(0, |begun| self.script.due(begun.elapsed()))
    }

    /// The newest slot of which something is out.
    fn tip(&self) -> u64 {
        let due = self.due();
        if due == 0 {
            BASE_SLOT
        } else {
            BASE_SLOT + 1 + self.script.item(due - 1).0 as u64
        }
    }
}

/// A server that runs.
#[derive(Clone, Debug)]
pub struct Server {
    shared: Arc<Shared>,
    /// URL of the stream.
    pub grpc_url: String,
    /// URL of the JSON-RPC; `/begin` and `/sent` are there too.
    pub rpc_url: String,
}

impl Server {
    /// Serves `script` on free ports of 127.0.0.1, for as long as the process lives.
    ///
    /// # Errors
    /// Where no port is free.
    pub async fn start(script: Script) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            script,
            begun: OnceLock::new(),
            sent: Mutex::default(),
        });
        let (grpc, rpc) = (
            TcpListener::bind("127.0.0.1:0").await?,
            TcpListener::bind("127.0.0.1:0").await?,
        );
        let server = Self {
            shared: shared.clone(),
            grpc_url: format!("http://{}", grpc.local_addr()?),
            rpc_url: format!("http://{}", rpc.local_addr()?),
        };
        let router = axum::Router::new()
            .route("/", post(answer))
            .route("/begin", post(begin))
            .route("/sent", get(sent))
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(rpc, router).await });
        let service = tonic::transport::Server::builder()
            .add_service(GeyserServer::new(Service(shared)))
            .serve_with_incoming(TcpIncoming::from(grpc).with_nodelay(Some(true)));
        tokio::spawn(service);
        Ok(server)
    }

    /// Begins to send.
    pub fn begin(&self) {
        let _ = self.shared.begun.set(Instant::now());
    }

    /// What was sent so far.
    #[must_use]
    pub fn sent(&self) -> Sent {
        self.shared.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn begin(State(shared): State<Arc<Shared>>) {
    let _ = shared.begun.set(Instant::now());
}

async fn sent(State(shared): State<Arc<Shared>>) -> Json<Sent> {
    Json(shared.sent.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

async fn answer(State(shared): State<Arc<Shared>>, Json(request): Json<Value>) -> Json<Value> {
    let result = match request["method"].as_str() {
        Some("getGenesisHash") => json!(GENESIS),
        Some("getSlot") => json!(shared.tip()),
        _ => {
            let error = json!({ "code": -32601, "message": "this chain is a script: it has no such method" });
            return Json(json!({ "jsonrpc": "2.0", "id": request["id"], "error": error }));
        }
    };
    Json(json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }))
}

struct Service(Arc<Shared>);

/// Why a subscription is over.
enum End {
    Gone,
    Error(Status),
}

struct Client {
    shared: Arc<Shared>,
    updates: mpsc::Sender<Result<SubscribeUpdate, Status>>,
    position: u64,
}

impl Client {
    async fn run(mut self, mut requests: Streaming<SubscribeRequest>) {
        if let Err(End::Error(status)) = self.serve(&mut requests).await {
            // It waits for room: a client that was too slow reads what is queued first.
            let _ = self.updates.send(Err(status)).await;
        }
    }

    async fn serve(&mut self, requests: &mut Streaming<SubscribeRequest>) -> Result<(), End> {
        let first = requests.message().await.map_err(|_| End::Gone)?.ok_or(End::Gone)?;
        self.position = match first.from_slot {
            Some(slot) if slot + REPLAY_SLOTS < self.shared.tip() => {
                return Err(End::Error(Status::out_of_range("that slot is no longer kept")));
            }
            Some(slot) => self.shared.script.position(slot),
            None => self.shared.due(),
        };
        self.shared.note(|sent| sent.subscriptions += 1);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut ping = tokio::time::interval(PING_EVERY);
        let mut open = true;
        loop {
            tokio::select! {
                biased;
                request = requests.message(), if open => match request {
                    Ok(Some(request)) => if let Some(ping) = request.ping {
                        self.send(bare(UpdateOneof::Pong(SubscribeUpdatePong { id: ping.id }))).await?;
                    },
                    Ok(None) => open = false,
                    Err(_) => return Err(End::Gone),
                },
                _ = ping.tick() => self.send(bare(UpdateOneof::Ping(SubscribeUpdatePing {}))).await?,
                _ = tick.tick() => self.advance().await?,
            }
        }
    }

    async fn advance(&mut self) -> Result<(), End> {
        let due = self.shared.due();
        while self.position < due {
            if let Some(message) = self.shared.script.message(self.position) {
                // Before it is sent, so that no wait in here is left out of what is measured.
                self.note();
                self.send(message).await?;
            }
            self.position += 1;
        }
        Ok(())
    }

    fn note(&self) {
        let position = self.position;
        let slot = |nth: usize| BASE_SLOT + 1 + nth as u64;
        let confirms = self.shared.script.confirms(position);
        match self.shared.script.item(position) {
            (_, Item::Account(_)) => self.shared.note(|sent| {
                sent.updates += 1;
                sent.first.get_or_insert_with(now_us);
            }),
            (nth, Item::Marker) => self.shared.note(|sent| {
                sent.updates += 1;
                sent.marker.entry(slot(nth)).or_insert_with(now_us);
            }),
            (_, Item::Confirmed) => self.shared.note(|sent| {
                if let Some(slot) = confirms {
                    sent.confirmed.entry(slot).or_insert_with(now_us);
                }
            }),
            _ => {}
        }
        if position + 1 == self.shared.script.len() {
            self.shared.note(|sent| sent.last = Some(now_us()));
        }
    }

    /// Waits for room, unless the client is too far behind.
    async fn send(&self, update: SubscribeUpdate) -> Result<(), End> {
        let mut update = Some(Ok(update));
        loop {
            tokio::select! {
                biased;
                room = self.updates.reserve() => {
                    if let Some(update) = update.take() {
                        room.map_err(|_| End::Gone)?.send(update);
                    }
                    return Ok(());
                }
                () = tokio::time::sleep(LAG_CHECK) => {
                    // A script that is not paced has no clock to be behind.
                    let paced = self.shared.script.plan().slot_ms > 0;
                    if paced && self.shared.due() > self.position + LAGGARD {
                        self.shared.note(|sent| sent.cut += 1);
                        return Err(End::Error(Status::data_loss("the client is too far behind")));
                    }
                }
            }
        }
    }
}

fn bare(update: UpdateOneof) -> SubscribeUpdate {
    SubscribeUpdate {
        filters: Vec::new(),
        update_oneof: Some(update),
        created_at: None,
    }
}

fn no<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("this server plays a script and has nothing else"))
}

type Nothing<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Geyser for Service {
    type SubscribeStream = ReceiverStream<Result<SubscribeUpdate, Status>>;
    type SubscribeDeshredStream = Nothing<SubscribeUpdateDeshred>;
    type SubscribeGossipStream = Nothing<SubscribeUpdateGossip>;

    async fn subscribe(
        &self,
        request: Request<Streaming<SubscribeRequest>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let (updates, receiver) = mpsc::channel(CLIENT_BUFFER);
        let client = Client {
            shared: self.0.clone(),
            updates,
            position: 0,
        };
        tokio::spawn(client.run(request.into_inner()));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn subscribe_replay_info(
        &self,
        _: Request<SubscribeReplayInfoRequest>,
    ) -> Result<Response<SubscribeReplayInfoResponse>, Status> {
        let oldest = self.0.tip().saturating_sub(REPLAY_SLOTS).max(BASE_SLOT + 1);
        Ok(Response::new(SubscribeReplayInfoResponse {
            first_available: Some(oldest),
        }))
    }

    async fn get_slot(&self, _: Request<GetSlotRequest>) -> Result<Response<GetSlotResponse>, Status> {
        Ok(Response::new(GetSlotResponse { slot: self.0.tip() }))
    }

    async fn ping(&self, request: Request<PingRequest>) -> Result<Response<PongResponse>, Status> {
        let count = request.get_ref().count;
        Ok(Response::new(PongResponse { count }))
    }

    async fn get_version(&self, _: Request<GetVersionRequest>) -> Result<Response<GetVersionResponse>, Status> {
        let version = json!({ "package": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") });
        Ok(Response::new(GetVersionResponse {
            version: version.to_string(),
        }))
    }

    async fn subscribe_deshred(
        &self,
        _: Request<Streaming<SubscribeDeshredRequest>>,
    ) -> Result<Response<Self::SubscribeDeshredStream>, Status> {
        no()
    }

    async fn subscribe_gossip(
        &self,
        _: Request<SubscribeGossipRequest>,
    ) -> Result<Response<Self::SubscribeGossipStream>, Status> {
        no()
    }

    async fn get_latest_blockhash(
        &self,
        _: Request<GetLatestBlockhashRequest>,
    ) -> Result<Response<GetLatestBlockhashResponse>, Status> {
        no()
    }

    async fn get_block_height(
        &self,
        _: Request<GetBlockHeightRequest>,
    ) -> Result<Response<GetBlockHeightResponse>, Status> {
        no()
    }

    async fn is_blockhash_valid(
        &self,
        _: Request<IsBlockhashValidRequest>,
    ) -> Result<Response<IsBlockhashValidResponse>, Status> {
        no()
    }
}
