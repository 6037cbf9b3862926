//! Events as they happen: server-sent events and WebSocket, both resumed from an event id.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::watch;
use utoipa::{IntoParams, ToSchema};

use super::event_id::{EventId, id_param};
use super::feed::{End, Feed, Filter, Message, Subscription};
use super::limits::{Client, client_of};
use super::problem::{Lost, StreamRefusals};
use super::{Api, Params, Problem, cut};

/// How often a stream says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long an id that is not written yet is waited for: a replica may be behind the server that gave it.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Close codes of RFC 6455.
const GOING_AWAY: u16 = 1_001;
const POLICY: u16 = 1_008;
const SERVICE_RESTART: u16 = 1_012;
/// When the client of a stream that ends with the server is to connect again.
const RECONNECT: Duration = Duration::from_secs(1);

/// What one request or one client can take at most.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Streams that are open at once, of all clients,
    pub streams: usize,
    /// and of one.
    pub streams_of_client: usize,
    /// How long a client may take for what waits for it before its stream is ended. It resumes where it was.
    pub slowest_client: Duration,
    /// Longest time until an answer begins.
    pub longest_answer: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            streams: 1_000,
            streams_of_client: 16,
            slowest_client: Duration::from_secs(30),
            // That of `min_slot` and some more.
            longest_answer: Duration::from_secs(20),
        }
    }
}

/// Counts the open streams.
#[derive(Debug, Default)]
pub(super) struct Open(Mutex<HashMap<Client, usize>>);

impl Open {
    fn enter(self: &Arc<Self>, client: Client, bounds: &Bounds) -> Result<Place, Problem> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, own) = (open.values().sum::<usize>(), open.get(&client).copied().unwrap_or(0));
        if own >= bounds.streams_of_client {
            let detail = format!("this client has {own} streams open: close one first");
            return Err(Problem::too_many(detail, 5));
        }
        if all >= bounds.streams {
            return Err(Problem::busy(
                "as many streams are open as this server takes: try again, or use /v1/events",
            ));
        }
        open.insert(client, own + 1);
        metrics::gauge!("gantry_indexer_api_streams").set((all + 1) as f64);
        Ok(Place {
            open: self.clone(),
            client,
        })
    }
}

/// An open stream, until it is dropped.
struct Place {
    open: Arc<Open>,
    client: Client,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&self.client) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.client);
            }
        }
        metrics::gauge!("gantry_indexer_api_streams").set(open.values().sum::<usize>() as f64);
    }
}

/// Who asks, and after which id.
pub(super) struct Caller {
    client: Client,
    last_event_id: Option<String>,
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Infallible> {
        let id = parts.headers.get("last-event-id");
        Ok(Self {
            client: client_of(&parts.headers, &parts.extensions, api.limits.behind_proxy),
            last_event_id: id.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned()),
        })
    }
}

/// Which events, and after which.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamParams {
    /// Its name, such as `JobSettled`.
    #[param(pattern = "^[A-Za-z0-9]{1,64}$")]
    name: Option<String>,
    /// The program that reported it.
    #[param(pattern = "^(registry|staking|market)$")]
    program: Option<String>,
    /// An account, wallet or mint that it names.
    #[param(format = "base58")]
    account: Option<String>,
    /// The job that it is about.
    #[param(format = "base58")]
    job: Option<String>,
    /// The id after which the stream begins; at what comes next where it is not given. The header `last-event-id` goes
    /// before it.
    #[param(pattern = "^([0-9]{1,18}-)?[0-9]{1,18}$")]
    after: Option<String>,
}

/// A message of the WebSocket. Server-sent events carry the same as `id`, `event` and `data`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StreamMessage {
    /// Pass it as `after`, or as the header `last-event-id`, for what comes after this message. An epoch and a number.
    #[schema(pattern = "^[0-9]+-[0-9]+$")]
    pub id: String,
    /// `start`: where the stream begins. `event`: something happened. `undone`: the event of this `signature` and `index`
    /// was on a fork that was abandoned; it may be one that the filter left out. `rollback`: all after `slot` was taken back.
    /// `finalized`: everything up to `slot` is final. `snapshot`: events between the slot before and `slot` may be missing.
    #[serde(rename = "type")]
    #[schema(pattern = "^(start|event|undone|rollback|finalized|snapshot)$")]
    pub kind: String,
    /// The event as `/v1/events` gives it, or its `slot`, `signature`, `index` and `name`, or `slot` alone.
    #[schema(value_type = Object)]
    pub data: Box<RawValue>,
}

impl From<End> for Problem {
    fn from(end: End) -> Self {
        match end {
            End::Gone(oldest) => Self::gone(format!(
                "what followed this id is not kept, or the tables were restored since: read /v1/events and resume after {oldest} or \
                 later"
            )),
            End::Database => Self::behind("the database does not answer: try again"),
        }
    }
}

async fn open(api: &Api, caller: &Caller, params: &StreamParams) -> Result<(Subscription, EventId, Place), Problem> {
    let filter = Filter::of(
        params.name.as_ref(),
        params.program.as_ref(),
        params.account.as_ref(),
        params.job.as_ref(),
    )?;
    let after = caller.last_event_id.as_ref().or(params.after.as_ref());
    let after = after.map(|after| id_param(after)).transpose()?;
    let place = api.open.enter(caller.client, &api.bounds)?;
    let feed: &Arc<Feed> = &api.feed;
    let after = match after {
        None => feed.head().await?,
        Some((epoch, number)) => feed.reached(epoch, number, LONGEST_WAIT).await?.ok_or_else(|| {
            Problem::behind(format!("no event has the number {number} yet: is it of this network?"))
        })??,
    };
    let mut subscription = feed.listen(after, filter);
    subscription.begin().await?;
    Ok((subscription, after, place))
}

/// Events as they happen, as server-sent events. A stream that was cut is resumed with the header `last-event-id`, which
/// browsers send by themselves: nothing is left out and nothing comes twice.
#[utoipa::path(get, path = "/v1/events/stream", tag = "events",
    params(StreamParams, ("last-event-id" = Option<String>, Header, description = "Id of the last message that was received")),
    responses((status = 200, description = "Messages", body = StreamMessage, content_type = "text/event-stream"), StreamRefusals, Lost))]
pub(super) async fn sse(
    State(api): State<Api>,
    caller: Caller,
    Params(params): Params<StreamParams>,
) -> Result<Response, Problem> {
    let (subscription, after, place) = open(&api, &caller, &params).await?;
    let state = (
        Some(Message::start(after)),
        Some((subscription, place)),
        api.closing.subscribe(),
    );
    let messages = stream::unfold(state, async |(first, open, mut closing)| {
        let (mut subscription, place) = open?;
        let message = match first {
            Some(first) => Some(first),
            None => tokio::select! {
                // The client connects again after its last id and is told why it cannot go on.
                message = subscription.next() => Some(message.ok()?),
                () = closes(&mut closing) => None,
            },
        };
        let Some(message) = message else {
            let goodbye = SseEvent::default()
                .retry(RECONNECT)
                .comment("this server ends: connect again");
            return Some((Ok(goodbye), (None, None, closing)));
        };
        let event = SseEvent::default()
            .id(message.id.to_string())
            .event(&message.kind)
            .data(&message.data);
        Some((Ok::<_, Infallible>(event), (None, Some((subscription, place)), closing)))
    });
    let keep_alive = KeepAlive::new().interval(HEARTBEAT);
    let messages = cut::slow(messages, api.bounds.slowest_client);
    Ok(Sse::new(messages).keep_alive(keep_alive).into_response())
}

/// Returns when the server ends.
async fn closes(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

/// Events as they happen, over WebSocket: one JSON object in each text message. Resumed with `after`.
#[utoipa::path(get, path = "/v1/events/ws", tag = "events", params(StreamParams),
    responses((status = 101, description = "Messages", body = StreamMessage),
        (status = 426, description = "The connection cannot be upgraded", body = Problem, content_type = "application/problem+json"),
        StreamRefusals, Lost))]
pub(super) async fn ws(
    State(api): State<Api>,
    caller: Caller,
    Params(params): Params<StreamParams>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|error| Problem::bad_request(format!("this path speaks WebSocket: {error}")))?;
    let (subscription, after, place) = open(&api, &caller, &params).await?;
    // Clients have nothing to say here.
    let upgrade = upgrade.max_message_size(4_096).max_frame_size(4_096);
    let closing = api.closing.subscribe();
    Ok(upgrade.on_upgrade(async move |socket| {
        let slowest = api.bounds.slowest_client;
        talk(socket, subscription, Message::start(after), slowest, closing).await;
        drop(place);
    }))
}

async fn talk(
    mut socket: WebSocket,
    mut subscription: Subscription,
    start: Arc<Message>,
    slowest: Duration,
    mut closing: watch::Receiver<bool>,
) {
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    let mut next = Some(Ok(start));
    loop {
        let frame = match next.take() {
            Some(Ok(message)) => Frame::Text(text(&message).into()),
            Some(Err(end)) => {
                let (code, reason) = match end {
                    End::Gone(_) => (POLICY, "what comes next is no longer kept: resume, and be told why"),
                    End::Database => (GOING_AWAY, "the database does not answer: resume"),
                };
                let reason = reason.into();
                Frame::Close(Some(CloseFrame { code, reason }))
            }
            None => tokio::select! {
                message = subscription.next() => {
                    next = Some(message);
                    continue;
                }
                received = socket.recv() => match received {
                    // Pings are answered for us, and the rest means nothing.
                    Some(Ok(Frame::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => continue,
                },
                () = closes(&mut closing) => {
                    let (code, reason) = (SERVICE_RESTART, "this server ends: connect again and resume".into());
                    Frame::Close(Some(CloseFrame { code, reason }))
                }
                _ = heartbeat.tick() => Frame::Ping(Vec::new().into()),
            },
        };
        let closes = matches!(frame, Frame::Close(_));
        let sent = tokio::time::timeout(slowest, socket.send(frame)).await;
        if closes || !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}

fn text(message: &Message) -> String {
    let data = RawValue::from_string(message.data.clone());
    let message = data.map(|data| StreamMessage {
        id: message.id.to_string(),
        kind: message.kind.clone(),
        data,
    });
    // It is JSON: a row that could not be written as such was never read.
    message
        .and_then(|message| serde_json::to_string(&message))
        .unwrap_or_default()
}
