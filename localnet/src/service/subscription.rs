//! One client's subscription: reads the ledger at its own pace and sends what its filters match.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, interval_at};
use tonic::{Status, Streaming};
use yellowstone_grpc_proto::prelude::subscribe_update::UpdateOneof;
use yellowstone_grpc_proto::prelude::{
    CommitmentLevel, SubscribeRequest, SubscribeUpdate, SubscribeUpdatePing, SubscribeUpdatePong,
};

use super::ServiceOptions;
use super::delivery::Delivery;
use crate::faults::{Faults, Stall};
use crate::filters::{Filters, level_of};
use crate::ledger::{Event, Lagged, Ledger, OutOfRange, StatusChange};

/// Events taken from the ledger at once: few enough that a change of filters is soon seen.
const BATCH: usize = 64;
/// How often a client that takes nothing is checked for having fallen behind for good.
const LAG_CHECK: Duration = Duration::from_millis(500);

pub(super) struct Subscription {
    ledger: Arc<Ledger>,
    closing: watch::Receiver<bool>,
    updates: mpsc::Sender<Result<SubscribeUpdate, Status>>,
    peer: Option<SocketAddr>,
    filters: Filters,
    /// Position in the ledger of the next event to look at.
    position: u64,
    /// Content of slots below it is not wanted: the client asked to start here.
    from_slot: u64,
    /// Whether the first request has been served.
    subscribed: bool,
    pings: Interval,
    lag_checks: Interval,
    faults: Faults,
    delivery: Delivery,
}

/// What to do next.
enum Step {
    Request(Box<SubscribeRequest>),
    Ping,
    Advance,
    Wait,
    End(End),
}

/// Why a subscription is over.
enum End {
    /// The client has gone.
    Gone,
    /// The client is told.
    Error(Status),
}

impl From<Status> for End {
    fn from(status: Status) -> Self {
        Self::Error(status)
    }
}

impl From<Lagged> for End {
    fn from(lagged: Lagged) -> Self {
        Self::Error(Status::data_loss(lagged.to_string()))
    }
}

impl Subscription {
    pub(super) fn new(
        ledger: Arc<Ledger>,
        options: &ServiceOptions,
        closing: watch::Receiver<bool>,
        updates: mpsc::Sender<Result<SubscribeUpdate, Status>>,
        peer: Option<SocketAddr>,
    ) -> Self {
        let mut pings = interval_at(Instant::now() + options.ping_interval, options.ping_interval);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut lag_checks = interval(LAG_CHECK);
        lag_checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let position = ledger.tail();
        Self {
            ledger,
            closing,
            updates,
            peer,
            filters: Filters::default(),
            position,
            from_slot: 0,
            subscribed: false,
            pings,
            lag_checks,
            faults: options.faults.clone(),
            delivery: Delivery::new(options.faults.clone()),
        }
    }

    pub(super) async fn run(mut self, requests: Streaming<SubscribeRequest>) {
        tracing::debug!(peer = ?self.peer, "subscribed");
        match self.serve(requests).await {
            End::Gone => tracing::debug!(peer = ?self.peer, "unsubscribed"),
            End::Error(status) => {
                tracing::info!(peer = ?self.peer, code = ?status.code(), message = status.message(), "subscription ended");
                // Waits for room: a client that was too slow reads what is queued first. One that never does is
                // dropped by the transport's keep-alive.
                let _ = self.updates.send(Err(status)).await;
            }
        }
    }

    async fn serve(&mut self, mut requests: Streaming<SubscribeRequest>) -> End {
        let mut head = self.ledger.watch();
        let mut fault_changes = self.faults.changes();
        // A client may close its side after its request and keep listening.
        let mut requests_open = true;
        loop {
            let stall = self.faults.wire().and_then(|wire| wire.stall);
            let behind = *head.borrow_and_update() > self.position && stall.is_none();
            let step = tokio::select! {
                biased;
                () = until_closing(&mut self.closing) => Step::End(shutting_down().into()),
                request = requests.message(), if requests_open => match request {
                    Ok(Some(request)) => Step::Request(Box::new(request)),
                    Ok(None) => {
                        requests_open = false;
                        Step::Wait
                    }
                    Err(_) => Step::End(End::Gone),
                },
                () = self.updates.closed() => Step::End(End::Gone),
                _ = fault_changes.changed() => Step::Wait,
                _ = self.pings.tick(), if stall != Some(Stall::Everything) => Step::Ping,
                () = std::future::ready(()), if behind => Step::Advance,
                // The ledger lives as long as this subscription, so the sender is there.
                _ = head.changed(), if !behind => Step::Wait,
            };
            let done = match step {
                Step::Request(request) => self.on_request(&request).await,
                Step::Ping => self.send(bare(UpdateOneof::Ping(SubscribeUpdatePing {}))).await,
                Step::Advance => self.advance().await,
                Step::Wait => Ok(()),
                Step::End(end) => Err(end),
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    async fn on_request(&mut self, request: &SubscribeRequest) -> Result<(), End> {
        if !is_bare_ping(request) {
            self.change_filters(request)?;
        }
        match &request.ping {
            Some(ping) => {
                self.send(bare(UpdateOneof::Pong(SubscribeUpdatePong { id: ping.id })))
                    .await
            }
            None => Ok(()),
        }
    }

    fn change_filters(&mut self, request: &SubscribeRequest) -> Result<(), Status> {
        self.filters = Filters::compile(request)?;
        if let Some((slot, wire)) = request.from_slot.zip(self.faults.wire()) {
            if let Some(first_available) = wire.forget_below.filter(|first| slot < *first) {
                self.faults.count("replays out of range");
                return Err(OutOfRange {
                    asked: slot,
                    first_available,
                }
                .into());
            }
            if wire.fail_replays {
                self.faults.count("failed replays");
                return Err(Status::internal("the replay failed"));
            }
        }
        // As on any Yellowstone server, only the first request can replay: a later one changes filters on a stream
        // that has its place already.
        if let Some(slot) = request.from_slot.filter(|_| !self.subscribed) {
            self.position = self.ledger.seek(slot)?;
            self.from_slot = slot;
        }
        self.subscribed = true;
        Ok(())
    }

    async fn advance(&mut self) -> Result<(), End> {
        let events = self.ledger.read(self.position, BATCH)?;
        let read = events.len() as u64;
        self.position += read;
        for event in events {
            match event {
                Event::Item(item) => {
                    if self.filters.commitment() == CommitmentLevel::Processed && item.slot >= self.from_slot {
                        for update in self.filters.content(&item) {
                            self.send(update).await?;
                        }
                    }
                }
                Event::Status(change) => self.status(&change).await?,
            }
        }
        Ok(())
    }

    /// A status; above processed it is what makes the bank's content due.
    async fn status(&mut self, change: &StatusChange) -> Result<(), End> {
        let commitment = self.filters.commitment();
        if level_of(change.status) == Some(commitment) && change.slot < self.from_slot {
            return Ok(());
        }
        if commitment != CommitmentLevel::Processed && level_of(change.status) == Some(commitment) {
            for item in change.bank.iter().flat_map(|bank| &bank.items) {
                for update in self.filters.content(item) {
                    self.send(update).await?;
                }
            }
        }
        match self.filters.status(change) {
            Some(update) => self.send(update).await,
            None => Ok(()),
        }
    }

    /// Sends an update, or what the faults asked for make of it.
    async fn send(&mut self, update: SubscribeUpdate) -> Result<(), End> {
        let Some(wire) = self.faults.wire() else {
            return self.send_now(update).await;
        };
        for update in self.delivery.pass(update, &wire) {
            let Some(update) = update else {
                // One way of losing a connection says why, the other does not.
                return Err(match self.faults.below(2) {
                    0 => End::Gone,
                    _ => Status::unavailable("the connection was cut").into(),
                });
            };
            self.send_now(update).await?;
        }
        Ok(())
    }

    /// Waits for room, unless the client is so slow that what it still has to see is being thrown away.
    async fn send_now(&mut self, update: SubscribeUpdate) -> Result<(), End> {
        loop {
            tokio::select! {
                biased;
                permit = self.updates.reserve() => {
                    permit.map_err(|_| End::Gone)?.send(Ok(update));
                    return Ok(());
                }
                () = until_closing(&mut self.closing) => return Err(shutting_down().into()),
                _ = self.lag_checks.tick() => {
                    if self.ledger.has_lost(self.position) {
                        return Err(Lagged.into());
                    }
                }
            }
        }
    }
}

async fn until_closing(closing: &mut watch::Receiver<bool>) {
    // An error means that the sender has gone, which is the end as well.
    let _ = closing.wait_for(|closing| *closing).await;
}

fn shutting_down() -> Status {
    Status::unavailable("the network is shutting down")
}

fn bare(update: UpdateOneof) -> SubscribeUpdate {
    SubscribeUpdate {
        filters: Vec::new(),
        update_oneof: Some(update),
        created_at: Some(std::time::SystemTime::now().into()),
    }
}

/// Whether a request is a ping and nothing else, and therefore no change of filters.
fn is_bare_ping(request: &SubscribeRequest) -> bool {
    if request.ping.is_none() {
        return false;
    }
    let without_ping = SubscribeRequest {
        ping: None,
        ..request.clone()
    };
    without_ping == SubscribeRequest::default()
}
