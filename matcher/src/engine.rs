//! The service: takes in news, decides, sends, and learns what became of it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use gantry_sdk::market::accounts::{Dispute, Job, PaymentMint};
use gantry_sdk::registry::accounts::Node;
use gantry_sdk::state::{JobExt as _, JobStatus};
use gantry_sdk::{ClientError, Gantry, Keypair, Pubkey, Signature, Signer as _, ix, pda};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::events::{Event, Events, MAX_SURVEY, Reason};
use crate::keeper::{Push, due};
use crate::source::Update;
use crate::state::State;

/// Transactions on their way at once.
const IN_FLIGHT: usize = 16;
/// Longest wait for a transaction.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pause before the second try; it doubles up to [`MAX_BACKOFF`].
const BACKOFF: Duration = Duration::from_millis(500);
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// How long a confirmed transaction may take to show in the state.
const SETTLE_IN: Duration = Duration::from_secs(10);
/// How often time alone is looked at: deadlines pass without news.
const TICK: Duration = Duration::from_millis(250);

/// Something to be sent about a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Work {
    Assign,
    Push(Push),
}

/// What became of work.
struct Done {
    job: Pubkey,
    work: Work,
    result: Result<Signature, ClientError>,
}

/// When work may be tried again.
#[derive(Clone, Copy, Debug)]
struct Retry {
    failures: u32,
    at: Instant,
    /// Its time has come and was acted on.
    woken: bool,
}

/// The matcher and keeper.
#[derive(Debug)]
pub struct Engine {
    gantry: Gantry,
    key: Arc<Keypair>,
    state: State,
    events: Events,
    clock: Option<i64>,
    /// Everything has been read once: before that a better node may just not be known yet.
    complete: bool,
    busy: HashSet<(Pubkey, Work)>,
    retries: HashMap<(Pubkey, Work), Retry>,
    reasons: HashMap<Pubkey, Reason>,
    /// Assigned jobs whose new state has not been seen yet, and until when that is waited for.
    unseen: HashMap<Pubkey, Instant>,
    /// What was last said of jobs that are not matched.
    said: HashMap<Pubkey, BTreeMap<String, usize>>,
    sends: JoinSet<Done>,
    permits: Arc<Semaphore>,
}

impl Engine {
    /// An engine that signs and pays with `key`.
    pub fn new(gantry: Gantry, key: Keypair, events: Events) -> Self {
        Self {
            gantry,
            state: State::new(key.pubkey()),
            key: Arc::new(key),
            events,
            clock: None,
            complete: false,
            busy: HashSet::new(),
            retries: HashMap::new(),
            reasons: HashMap::new(),
            unseen: HashMap::new(),
            said: HashMap::new(),
            sends: JoinSet::new(),
            permits: Arc::new(Semaphore::new(IN_FLIGHT)),
        }
    }

    /// Works until the source ends. `ready` is told once everything has been read; `hurry` asks the source for a fresh
    /// snapshot.
    pub async fn run(mut self, mut updates: mpsc::Receiver<Update>, ready: impl FnOnce(), hurry: &Notify) {
        let mut ready = Some(ready);
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut time_to_match = false;
        loop {
            tokio::select! {
                update = updates.recv() => match update {
                    None => return,
                    Some(update) => {
                        self.take_in(update);
                        // All that is there, before anything is decided.
                        while let Ok(update) = updates.try_recv() {
                            self.take_in(update);
                        }
                    }
                },
                Some(done) = self.sends.join_next() => match done {
                    Ok(done) => {
                        if self.learn(done) {
                            hurry.notify_one();
                        }
                        time_to_match = true;
                    }
                    Err(error) => tracing::error!(%error, "a sender failed"),
                },
                _ = ticks.tick() => time_to_match |= self.wake(),
            }
            let (true, Some(now)) = (self.complete, self.clock) else {
                continue;
            };
            if let Some(ready) = ready.take() {
                ready();
            }
            if self.state.take_dirty() || time_to_match {
                time_to_match = false;
                self.assign(now);
                self.explain_waiting(now);
            }
            self.push(now);
        }
    }

    fn take_in(&mut self, update: Update) {
        match update {
            Update::Clock(now) => self.clock = Some(now),
            Update::Account(reading) => self.state.apply(reading),
            Update::Snapshot(slot, readings) => {
                self.state.replace(slot, readings);
                self.complete = true;
            }
        }
    }

    /// What time alone brings: retries that are due, and assignments that were confirmed but never seen.
    fn wake(&mut self) -> bool {
        let now = Instant::now();
        let lost: Vec<Pubkey> = self
            .unseen
            .iter()
            .filter(|(_, until)| **until <= now)
            .map(|(job, _)| *job)
            .collect();
        for job in lost {
            self.unseen.remove(&job);
            self.state.failed(&job);
        }
        let mut due = false;
        for ((_, work), retry) in &mut self.retries {
            if *work == Work::Assign && retry.at <= now && !retry.woken {
                retry.woken = true;
                due = true;
            }
        }
        due
    }

    fn assign(&mut self, now: i64) {
        let at = Instant::now();
        let resting = self
            .retries
            .iter()
            .filter(|((_, work), retry)| *work == Work::Assign && retry.at > at);
        let skip = resting.map(|((job, _), _)| job.to_bytes()).collect();
        let mut reasons = Vec::new();
        let pairs = self.state.pair(&skip, now, |job, choice, fleet| {
            reasons.push(Reason::new(job, choice, fleet, now));
        });
        for (pair, reason) in pairs.into_iter().zip(reasons) {
            let (job, node) = (Pubkey::from(pair.job), Pubkey::from(pair.choice.node.key));
            let (Some(account), Some(listing)) = (self.state.job(&job).cloned(), self.state.node(&node).cloned())
            else {
                self.state.failed(&job);
                continue;
            };
            self.said.remove(&job);
            self.reasons.insert(job, reason);
            self.send(job, Work::Assign, Order::Assign(account, node, Box::new(listing)));
        }
    }

    fn explain_waiting(&mut self, now: i64) {
        if self.state.fleet().len() > MAX_SURVEY {
            return;
        }
        let mut events = Vec::new();
        let mut waiting = HashSet::new();
        for job in self.state.waiting() {
            let key = Pubkey::from(job.key);
            waiting.insert(key);
            let survey = self.state.fleet().survey(job, now);
            if !survey.fitting.is_empty() {
                continue;
            }
            let unfit: BTreeMap<String, usize> = survey
                .unfit
                .iter()
                .map(|(why, count)| (why.to_string(), *count))
                .collect();
            if self.said.get(&key) != Some(&unfit) {
                let busy = self.state.node_count() - self.state.fleet().len();
                events.push(Event::Unmatched {
                    job: key.to_string(),
                    busy,
                    unfit: unfit.clone(),
                });
                self.said.insert(key, unfit);
            }
        }
        self.said.retain(|job, _| waiting.contains(job));
        events.iter().for_each(|event| self.events.tell(event));
    }

    fn push(&mut self, now: i64) {
        let Some(market) = self.state.market() else { return };
        let at = Instant::now();
        let overdue: Vec<(Pubkey, Push)> = self
            .state
            .jobs()
            .filter_map(|(key, job)| Some((*key, due(job, self.state.case(key), market, now)?)))
            .filter(|(key, push)| {
                let work = (*key, Work::Push(*push));
                !self.busy.contains(&work)
                    && !self.busy.contains(&(*key, Work::Assign))
                    && self.retries.get(&work).is_none_or(|retry| retry.at <= at)
            })
            .collect();
        for (key, push) in overdue {
            let Some(job) = self.state.job(&key).cloned() else {
                continue;
            };
            let order = match push {
                Push::Cancel => match self.state.mint(&job.mint).cloned() {
                    Some(mint) => Order::Cancel(job, Box::new(mint)),
                    None => continue,
                },
                Push::Expire => match self.state.staking() {
                    Some(staking) => Order::Expire(job, staking.into()),
                    None => continue,
                },
                Push::Lapse => Order::Lapse(job),
                Push::Settle => Order::Settle(job),
                Push::Resolve => match self.state.case(&key) {
                    Some((dispute, _)) => Order::Resolve(job, Box::new(*dispute)),
                    None => continue,
                },
            };
            self.send(key, Work::Push(push), order);
        }
    }

    fn send(&mut self, job: Pubkey, work: Work, order: Order) {
        self.busy.insert((job, work));
        let (gantry, key, permits) = (self.gantry.clone(), self.key.clone(), self.permits.clone());
        self.sends.spawn(async move {
            // Never closed.
            let _permit = permits.acquire().await;
            let sent = tokio::time::timeout(PATIENCE, order.send(&gantry, &key)).await;
            let late = || ClientError::Unreachable {
                url: gantry.url(),
                reason: "no confirmation in time".to_owned(),
            };
            Done {
                job,
                work,
                result: sent.unwrap_or_else(|_| Err(late())),
            }
        });
    }

    /// Learns what became of work; whether a fresh look at the chain is needed.
    fn learn(&mut self, done: Done) -> bool {
        let Done { job, work, result } = done;
        self.busy.remove(&(job, work));
        // What failed was decided on stale state; what a push closed, a stream of accounts does not show.
        let look_again = result.is_err() || work != Work::Assign;
        match result {
            Ok(signature) => {
                self.retries.remove(&(job, work));
                let signature = signature.to_string();
                match work {
                    Work::Assign => {
                        self.unseen.insert(job, Instant::now() + SETTLE_IN);
                        self.state.landed(&job);
                        if let Some(reason) = self.reasons.remove(&job) {
                            self.events.tell(&Event::Matched { reason, signature });
                        }
                    }
                    Work::Push(push) => {
                        // It shows in the state soon; until then it is not sent again.
                        let at = Instant::now() + SETTLE_IN;
                        self.retries.insert(
                            (job, work),
                            Retry {
                                failures: 0,
                                at,
                                woken: false,
                            },
                        );
                        let instruction = push.name();
                        self.events.tell(&Event::Pushed {
                            job: job.to_string(),
                            instruction,
                            signature,
                        });
                    }
                }
            }
            Err(error) => {
                if work == Work::Assign {
                    self.reasons.remove(&job);
                    self.state.failed(&job);
                }
                let failures = self.retries.get(&(job, work)).map_or(0, |retry| retry.failures) + 1;
                let pause = BACKOFF.saturating_mul(1 << failures.min(10)).min(MAX_BACKOFF);
                self.retries.insert(
                    (job, work),
                    Retry {
                        failures,
                        at: Instant::now() + pause,
                        woken: false,
                    },
                );
                tracing::warn!(%job, ?work, failures, %error, "not done; tried again with fresh state");
            }
        }
        self.retries.retain(|(job, _), _| self.state.job(job).is_some());
        self.unseen.retain(|job, _| {
            self.state
                .job(job)
                .is_some_and(|job| job.status() == Some(JobStatus::Open))
        });
        look_again
    }
}

/// A transaction to be made.
enum Order {
    Assign(Job, Pubkey, Box<Node>),
    Cancel(Job, Box<PaymentMint>),
    Expire(Job, ix::StakeTokens),
    Lapse(Job),
    Settle(Job),
    Resolve(Job, Box<Dispute>),
}

impl Order {
    async fn send(self, gantry: &Gantry, key: &Keypair) -> Result<Signature, ClientError> {
        let payer = key.pubkey();
        let instructions = match self {
            Self::Assign(job, node, listing) => vec![ix::assign_job(&payer, &job, &node, &listing)],
            Self::Cancel(job, mint) => {
                let token = ix::MintRef {
                    mint: mint.mint,
                    token_program: mint.token_program,
                };
                let mut instructions = gantry.missing_accounts(&payer, &[job.customer], token).await?;
                let destination = pda::associated_token(&job.customer, &mint.mint, &mint.token_program);
                instructions.push(ix::cancel_job(&payer, &job, &mint, &destination));
                instructions
            }
            Self::Expire(job, stake) => {
                let mut instructions = gantry
                    .missing_accounts(&payer, &[job.customer, payer], stake.mint)
                    .await?;
                instructions.push(ix::expire_assignment(&payer, &job, stake));
                instructions
            }
            Self::Lapse(job) => vec![ix::report_lapse(&job)],
            Self::Settle(job) => return gantry.settle(key, &job).await,
            Self::Resolve(job, dispute) => return gantry.resolve(key, &job, &dispute).await,
        };
        gantry.send(&instructions, key, &[]).await
    }
}
