//! What changes, as it is written: read from the outbox once for everyone who listens, and again from where a listener is
//! when it has fallen behind. Ids have no holes, so a listener knows when it missed something.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use sqlx::postgres::{PgListener, PgRow};
use sqlx::{FromRow, Row};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::event_id::{EventId, Standing};
use super::events::{Event, name_param, program_param};
use super::list::key_param;
use super::{Problem, row};
use crate::Key;
use crate::progress::Progress;
use crate::store::Store;

/// Where the writer tells the newest id.
const CHANNEL: &str = "gantry_outbox";
/// Messages in one reading.
const PAGE: i64 = 1_000;
/// Readings that a listener may be behind before it reads for itself.
const BACKLOG: usize = 64;
/// How often the outbox is looked at where Postgres tells nothing: a replica cannot listen.
const LOOK: Duration = Duration::from_millis(50);
/// And where it does, in case what it told was lost.
const LOOK_ANYWAY: Duration = Duration::from_secs(1);

/// Something to tell.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) id: EventId,
    pub(super) kind: String,
    /// JSON.
    pub(super) data: String,
    name: String,
    program: Option<String>,
    job: Option<Key>,
    accounts: Vec<Vec<u8>>,
}

impl Message {
    /// Where a stream begins.
    pub(super) fn start(id: EventId) -> Arc<Self> {
        Arc::new(Self {
            id,
            kind: "start".to_owned(),
            data: serde_json::json!({ "after": id.to_string() }).to_string(),
            name: String::new(),
            program: None,
            job: None,
            accounts: Vec::new(),
        })
    }
}

impl FromRow<'_, PgRow> for Message {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let kind: String = row.try_get("kind")?;
        let name: String = row.try_get("name")?;
        let slot: i64 = row.try_get("slot")?;
        let data = match &*kind {
            "event" => {
                serde_json::to_string(&Event::from_row(row)?).map_err(|error| sqlx::Error::Encode(error.into()))?
            }
            "undone" => serde_json::json!({
                "slot": slot,
                "signature": row::text(row, "signature")?,
                "index": row.try_get::<i32, _>("index")?,
                "name": name,
            })
            .to_string(),
            _ => serde_json::json!({ "slot": slot }).to_string(),
        };
        let job: Option<&[u8]> = row.try_get("job")?;
        Ok(Self {
            id: EventId {
                epoch: row.try_get("epoch")?,
                number: row.try_get("id")?,
            },
            kind,
            data,
            name,
            program: row.try_get("program")?,
            job: job.and_then(|job| job.try_into().ok()),
            accounts: row.try_get::<Option<_>, _>("accounts")?.unwrap_or_default(),
        })
    }
}

/// What of it a listener wants: events that fit, and always what says how far the chain is.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    name: Option<String>,
    program: Option<String>,
    account: Option<Key>,
    job: Option<Key>,
}

impl Filter {
    pub(super) fn of(
        name: Option<&String>,
        program: Option<&String>,
        account: Option<&String>,
        job: Option<&String>,
    ) -> Result<Self, Problem> {
        let name = name.map(|name| name_param(name)).transpose()?;
        let program = program.map(|program| program_param(program)).transpose()?;
        Ok(Self {
            name: name.map(str::to_owned),
            program: program.map(str::to_owned),
            account: account.map(|account| key_param("account", account)).transpose()?,
            job: job.map(|job| key_param("job", job)).transpose()?,
        })
    }

    fn wants(&self, message: &Message) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        match &*message.kind {
            "event" => {
                is(&self.name, &message.name)
                    && is(&self.program, message.program.as_deref().unwrap_or_default())
                    && self.job.is_none_or(|job| message.job == Some(job))
                    && self
                        .account
                        .is_none_or(|account| message.accounts.iter().any(|named| *named == account))
            }
            // Of an event that was taken back, the outbox keeps only the name.
            "undone" => is(&self.name, &message.name),
            _ => true,
        }
    }
}

/// A piece of the outbox.
#[derive(Debug)]
struct Batch {
    /// The newest epoch.
    epoch: i64,
    /// It begins after this number,
    from: i64,
    /// and ends with this one.
    to: i64,
    /// The newest number there is.
    head: i64,
    messages: Vec<Arc<Message>>,
}

impl Batch {
    const fn last(&self) -> EventId {
        EventId {
            epoch: self.epoch,
            number: self.to,
        }
    }
}

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// What comes next is no longer kept, or is not what came next before the tables were restored; the oldest id to
    /// resume after.
    Gone(EventId),
    /// The database does not answer.
    Database,
}

/// The outbox as everyone reads it.
pub(super) struct Feed {
    store: Store,
    progress: Arc<Progress>,
    batches: broadcast::Sender<Arc<Batch>>,
    runs: AtomicBool,
}

impl Feed {
    pub(super) fn new(store: Store, progress: Arc<Progress>) -> Self {
        Self {
            store,
            progress,
            batches: broadcast::Sender::new(BACKLOG),
            runs: AtomicBool::new(false),
        }
    }

    /// The newest id.
    pub(super) async fn head(&self) -> sqlx::Result<EventId> {
        Ok(Standing::read(self.store.pool(), 0).await?.newest())
    }

    /// The place after an id, or after a number of the newest epoch, once it is reached; none where it is not in time.
    pub(super) async fn reached(
        &self,
        epoch: Option<i64>,
        number: i64,
        patience: Duration,
    ) -> sqlx::Result<Option<Result<EventId, End>>> {
        let reached = async {
            loop {
                let standing = Standing::read(self.store.pool(), epoch.unwrap_or(0)).await?;
                let id = EventId {
                    epoch: epoch.unwrap_or(standing.epoch),
                    number,
                };
                match epoch.map_or(Some(true), |_| standing.gave(id)) {
                    Some(false) => return Ok(Err(End::Gone(standing.parting()))),
                    Some(true) if standing.head >= number => return Ok(Ok(id)),
                    // A replica may be behind the server that gave it.
                    _ => tokio::time::sleep(LOOK).await,
                }
            }
        };
        tokio::time::timeout(patience, reached).await.ok().transpose()
    }

    /// Listens to what comes after the id.
    pub(super) fn listen(self: &Arc<Self>, after: EventId, filter: Filter) -> Subscription {
        let batches = self.batches.subscribe();
        if !self.runs.swap(true, Ordering::AcqRel) {
            let writes = self.progress.writes();
            tokio::spawn(run(Arc::downgrade(self), self.store.clone(), writes));
        }
        Subscription {
            feed: self.clone(),
            batches,
            last: after,
            filter,
            waiting: VecDeque::new(),
            live: false,
        }
    }

    /// What comes after the id, [`PAGE`] messages at most.
    async fn read(&self, after: EventId) -> Result<Batch, End> {
        let failed = |error: sqlx::Error| {
            tracing::warn!(%error, "the outbox cannot be read");
            End::Database
        };
        let standing = Standing::read(self.store.pool(), after.epoch).await.map_err(failed)?;
        if standing.gave(after) == Some(false) {
            return Err(End::Gone(standing.parting()));
        }
        let (head, after) = (standing.head, after.number);
        let mut batch = Batch {
            epoch: standing.epoch,
            from: after,
            to: after,
            head,
            messages: Vec::new(),
        };
        if head <= after {
            return Ok(batch);
        }
        let messages: Vec<Message> = sqlx::query_as(
            "select coalesce((select max(f.epoch) from feed_epoch f where f.after < o.id), \
             (select min(epoch) from feed_epoch)) as epoch, o.id, o.kind, o.name, o.slot, o.signature, o.index, \
             e.transaction_index, e.block_time, e.program, e.job, e.accounts, e.data::text as data \
             from outbox o left join event e \
             on o.kind = 'event' and e.slot = o.slot and e.signature = o.signature and e.index = o.index \
             where o.id > $1 and o.id <= $2 and (o.kind in ('finalized', 'rollback', 'snapshot') \
             or o.kind = 'event' and e.slot is not null or o.kind = 'undone' and o.signature is not null) \
             order by o.id limit $3",
        )
        .bind(after)
        .bind(head)
        .bind(PAGE)
        .fetch_all(self.store.pool())
        .await
        .map_err(failed)?;
        // Looked at last: what is there now was there when the rows were read.
        let oldest: Option<i64> = sqlx::query_scalar("select id - count + 1 from outbox order by id limit 1")
            .fetch_optional(self.store.pool())
            .await
            .map_err(failed)?;
        let oldest = oldest.map_or(head, |oldest| oldest - 1);
        if oldest > after {
            return Err(End::Gone(EventId {
                epoch: standing.epoch,
                number: oldest,
            }));
        }
        // Ids between are of what nobody is told here, such as rows.
        let is_all = (messages.len() as i64) < PAGE;
        batch.to = messages.last().filter(|_| !is_all).map_or(head, |last| last.id.number);
        batch.messages = messages.into_iter().map(Arc::new).collect();
        Ok(batch)
    }
}

/// Reads what is written and passes it on, as long as the feed is there.
async fn run(feed: Weak<Feed>, store: Store, mut writes: tokio::sync::watch::Receiver<u64>) {
    let listen = async {
        let mut listener = PgListener::connect_with(store.pool()).await?;
        listener.listen(CHANNEL).await.map(|()| listener)
    };
    let mut listener: Option<PgListener> = listen
        .await
        .inspect_err(|error| tracing::info!(%error, "Postgres tells nothing here: the outbox is looked at instead"))
        .ok();
    let mut last: Option<EventId> = None;
    loop {
        if let Some(feed) = feed.upgrade() {
            last = pass_on(&feed, last).await;
        } else {
            return;
        }
        let wait = if listener.is_some() { LOOK_ANYWAY } else { LOOK };
        let told = async {
            match &mut listener {
                Some(listener) => listener.recv().await.map(|_| ()),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            told = told => if told.is_err() {
                // It connects again by itself; until it does, there is the clock.
                tokio::time::sleep(LOOK).await;
            },
            written = writes.changed() => if written.is_err() {
                tokio::time::sleep(LOOK).await;
            },
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Sends what came after `last`; gives the last id that was sent.
async fn pass_on(feed: &Feed, last: Option<EventId>) -> Option<EventId> {
    if feed.batches.receiver_count() == 0 {
        return None;
    }
    let Some(mut last) = last else {
        // Whoever is not there yet sees that it is not, and reads for itself.
        let head = feed.head().await.ok()?;
        let _ = feed.batches.send(Arc::new(Batch {
            epoch: head.epoch,
            from: head.number,
            to: head.number,
            head: head.number,
            messages: Vec::new(),
        }));
        return Some(head);
    };
    loop {
        match feed.read(last).await {
            // The tables were dropped: all begins again.
            Ok(batch) if batch.head < last.number => return None,
            Ok(batch) if batch.last() == last => return Some(last),
            Ok(batch) => {
                last = batch.last();
                let _ = feed.batches.send(Arc::new(batch));
            }
            Err(End::Gone(_)) => return None,
            Err(End::Database) => return Some(last),
        }
    }
}

/// A listener, and where it is.
pub(super) struct Subscription {
    feed: Arc<Feed>,
    batches: broadcast::Receiver<Arc<Batch>>,
    last: EventId,
    filter: Filter,
    waiting: VecDeque<Arc<Message>>,
    /// Whether it goes with the others; else it reads for itself.
    live: bool,
}

impl Subscription {
    /// What comes next. Nothing is lost where this is dropped before it answers.
    pub(super) async fn next(&mut self) -> Result<Arc<Message>, End> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return Ok(message);
            }
            if !self.live {
                let batch = self.feed.read(self.last).await?;
                self.live = batch.to >= batch.head;
                self.take(&batch);
                continue;
            }
            match self.batches.recv().await {
                // It missed something, or has to ask whether it did.
                Ok(batch) if batch.from > self.last.number || batch.epoch != self.last.epoch => self.live = false,
                Ok(batch) => self.take(&batch),
                Err(RecvError::Lagged(_)) => {
                    metrics::counter!("gantry_indexer_api_stream_lags_total").increment(1);
                    self.live = false;
                }
                Err(RecvError::Closed) => return Err(End::Database),
            }
        }
    }

    /// Reads on from the outbox before anything is answered, so that a place that is gone can be told as a problem.
    pub(super) async fn begin(&mut self) -> Result<(), End> {
        let batch = self.feed.read(self.last).await?;
        self.take(&batch);
        Ok(())
    }

    fn take(&mut self, batch: &Batch) {
        let last = self.last.number;
        let new = batch.messages.iter().filter(|message| message.id.number > last);
        self.waiting
            .extend(new.filter(|message| self.filter.wants(message)).cloned());
        self.last = EventId {
            epoch: batch.epoch,
            number: last.max(batch.to),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key;

    #[test]
    fn a_filter_takes_its_events_and_all_that_says_how_far_the_chain_is() {
        let message = |kind: &str, name: &str| Message {
            id: EventId { epoch: 1, number: 1 },
            kind: kind.to_owned(),
            data: String::new(),
            name: name.to_owned(),
            program: Some("market".to_owned()),
            job: Some([1; 32]),
            accounts: vec![vec![1; 32], vec![2; 32]],
        };
        let (settled, account) = ("JobSettled".to_owned(), key::text(&[2; 32]));
        let filter = Filter::of(Some(&settled), None, Some(&account), Some(&key::text(&[1; 32]))).expect("a filter");
        assert!(filter.wants(&message("event", "JobSettled")));
        assert!(!filter.wants(&message("event", "JobOpened")));
        assert!(filter.wants(&message("undone", "JobSettled")));
        assert!(!filter.wants(&message("undone", "JobOpened")));
        assert!(filter.wants(&message("finalized", "")));
        let other = Filter::of(None, None, Some(&key::text(&[3; 32])), None).expect("a filter");
        assert!(!other.wants(&message("event", "JobSettled")));
        let staking = Filter::of(None, Some(&"staking".to_owned()), None, None).expect("a filter");
        assert!(!staking.wants(&message("event", "JobSettled")));
    }
}
