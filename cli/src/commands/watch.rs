//! Following a job live.

use super::{
    job::show_closed,
    logs::{self, Lines, Log, Piece},
    meter::Meter,
    view,
};
use crate::{
    Format,
    context::{Context, Token},
    output::line,
};
use anyhow::Result;
use clap::ValueEnum;
use futures::StreamExt;
use gantry_sdk::{
    Pubkey,
    client::{Closing, JobUpdate},
    market::accounts::Job,
    state::{JobExt, JobStatus},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use std::{io::IsTerminal, time::Duration};

/// The view is drawn anew this often: the chain moves every 400 ms.
const TICK: Duration = Duration::from_millis(250);

/// How far a job is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Until {
    /// A node has it
    Assigned,
    /// It runs
    Running,
    /// It has ended, and may be settled or disputed
    Finished,
    /// Everybody is paid
    Closed,
}

impl Until {
    fn is_reached(self, job: &Job) -> bool {
        let status = JobExt::status(job);
        status
            >= Some(match self {
                Self::Assigned => JobStatus::Assigned,
                Self::Running => JobStatus::Running,
                Self::Finished => JobStatus::Finished,
                Self::Closed => return false,
            })
    }
}

/// What the view shows, and when it was true.
struct Seen {
    job: Box<Job>,
    now: i64,
    at: tokio::time::Instant,
}

impl Seen {
    /// The chain's time, carried on by our own clock between two answers.
    fn now(&self) -> i64 {
        self.now + i64::try_from(self.at.elapsed().as_secs()).unwrap_or(0)
    }
}

/// The tokens that a job's amounts are in.
struct Tokens {
    payment: Token,
    stake: Token,
}

/// Where what happens is written.
struct View<'a> {
    context: &'a Context,
    address: Pubkey,
    bar: ProgressBar,
    /// Whether somebody looks at a terminal.
    live: bool,
    seen: Option<Seen>,
    tokens: Option<Tokens>,
    warned: bool,
    /// What the job writes, where that is shown and not shown to its end.
    log: Option<(Log, Lines)>,
}

/// Follows the job `until` it got there, or is closed. People see a live view, or plain lines where no terminal is;
/// scripts get one JSON object per line, the bill last.
pub(crate) async fn follow(context: &Context, address: Pubkey, until: Until, logs: bool) -> Result<()> {
    let live = !context.for_scripts() && std::io::stderr().is_terminal();
    let mut view = View::new(context, address, live, logs)?;
    let mut updates = Box::pin(context.gantry.watch(address));
    let mut ticks = tokio::time::interval(TICK);
    let mut looks = tokio::time::interval(logs::LOOK);
    let closing = loop {
        tokio::select! {
            update = updates.next() => match update {
                Some(Ok(JobUpdate::Live { job, now })) => {
                    let reached = until.is_reached(&job);
                    view.update(job, now).await?;
                    if reached {
                        view.log(false).await;
                        view.bar.finish_and_clear();
                        return Ok(());
                    }
                }
                Some(Ok(JobUpdate::Closed(closing))) => break Some(closing),
                Some(Err(error)) => {
                    view.bar.finish_and_clear();
                    return Err(error.into());
                }
                None => break None,
            },
            _ = ticks.tick() => view.draw(),
            _ = looks.tick() => view.log(false).await,
        }
    };
    view.log(true).await;
    view.bar.finish_and_clear();
    if matches!(closing, Some(Closing::Unknown) | None) && !context.for_scripts() {
        eprintln!("The job is closed; the server no longer knows how.");
    }
    context.event.set(Some("closed"));
    let history = context.gantry.job_history(&address).await?;
    show_closed(context, &address, &history).await
}

impl<'a> View<'a> {
    fn new(context: &'a Context, address: Pubkey, live: bool, logs: bool) -> Result<Self> {
        // Unasked, no store is made for it.
        let is_there = context.has_blobs();
        let log = (logs || (live && is_there)).then(|| Log::open(context)).transpose()?;
        let target = if live {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(ProgressStyle::with_template(
            "{spinner} {prefix}\n  {wide_bar} {pos} of {len} s proven\n  {msg}",
        )?);
        Ok(Self {
            context,
            address,
            bar,
            live,
            seen: None,
            tokens: None,
            warned: false,
            log: log.map(|log| (log, Lines::default())),
        })
    }

    async fn update(&mut self, job: Box<Job>, now: i64) -> Result<()> {
        if self.tokens.is_none() {
            let stake = self.context.gantry.stake_tokens().await?.mint.mint;
            self.tokens = Some(Tokens {
                payment: self.context.token(&job.mint).await?,
                stake: self.context.token(&stake).await?,
            });
        }
        let Some(tokens) = &self.tokens else { return Ok(()) };
        let before = self.seen.as_ref();
        let changed = before.is_none_or(|seen| seen.job.status != job.status || seen.job.assignment != job.assignment);
        let proven = before.is_some_and(|seen| seen.job.sequence != job.sequence);
        let event = match (changed, proven) {
            (true, _) => "state",
            (false, true) => "receipt",
            (false, false) => "change",
        };
        let meter = Meter::of(&job, now);
        match self.context.format() {
            _ if self.context.field().is_some() => {}
            Format::Json => line(self.json(event, &job, now, &meter, &tokens.payment).to_string())?,
            // A document of its own for each.
            Format::Yaml => {
                let value = self.json(event, &job, now, &meter, &tokens.payment);
                line(format!("---\n{}", serde_yaml_ng::to_string(&value)?.trim_end()))?;
            }
            Format::Table if changed => self.say(match JobExt::status(job.as_ref()) {
                Some(JobStatus::Assigned) => format!(
                    "assigned to node {} at {} per hour; {} answer for it",
                    job.node,
                    tokens.payment.show(job.price_per_hour),
                    tokens.stake.show(job.bond)
                ),
                _ => view::status_line(&job, now),
            }),
            Format::Table if proven && !self.live => {
                self.say(format!("receipt {}: {}", job.sequence, meter.text(&tokens.payment)));
            }
            Format::Table => {}
        }
        self.seen = Some(Seen {
            job,
            now,
            at: tokio::time::Instant::now(),
        });
        self.warn();
        Ok(())
    }

    /// One line's object for scripts.
    fn json(&self, event: &str, job: &Job, now: i64, meter: &Meter, token: &Token) -> Value {
        let mut value = view::job_json(&self.address, job, token);
        if let Value::Object(fields) = &mut value {
            fields.insert("event".into(), event.into());
            fields.insert("time".into(), now.into());
            fields.insert("meter".into(), meter.json());
        }
        value
    }

    /// Shows what the job has written since. What goes wrong with that is told once, and ends no watching.
    async fn log(&mut self, closed: bool) {
        let Some((log, lines)) = &mut self.log else { return };
        let job = self.seen.as_ref().map(|seen| &seen.job);
        let ended = closed || job.is_some_and(|job| logs::has_result(job));
        let pieces = match job {
            _ if ended => log.rest(self.context, &self.address).await,
            Some(job) => log.more(self.context, &self.address, job).await,
            None => return,
        };
        let mut texts = Vec::new();
        let mut over = ended;
        match pieces {
            Ok(pieces) => {
                for piece in pieces {
                    match piece {
                        Piece::Bytes(bytes) => texts.extend(lines.add(&bytes)),
                        Piece::Note(note) => {
                            texts.extend(lines.rest());
                            texts.push(note.to_owned());
                        }
                    }
                }
            }
            Err(error) => {
                over = true;
                if !closed {
                    self.say(format!("warning: the job's output cannot be shown: {error:#}"));
                }
            }
        }
        if over && let Some((_, mut lines)) = self.log.take() {
            texts.extend(lines.rest());
        }
        for text in texts {
            self.say_line(&text);
        }
    }

    /// One line of what the job writes.
    fn say_line(&self, text: &str) {
        if self.context.field().is_some() {
            return;
        }
        let value = || json!({ "event": "log", "job": self.address.to_string(), "text": text });
        let written = match self.context.format() {
            Format::Table => {
                self.say(format!("| {}", logs::harmless(text)));
                Ok(())
            }
            Format::Json => line(value().to_string()),
            Format::Yaml => match serde_yaml_ng::to_string(&value()) {
                Ok(text) => line(format!("---\n{}", text.trim_end())),
                Err(error) => Err(error.into()),
            },
        };
        // A reader that has gone is noticed by what matters more.
        drop(written);
    }

    /// Once, before what was deposited is used up.
    fn warn(&mut self) {
        let Some(seen) = &self.seen else { return };
        let meter = Meter::of(&seen.job, seen.now());
        let Some(left) = meter.runs_dry_soon() else {
            // It was topped up.
            self.warned = false;
            return;
        };
        if self.warned || self.context.for_scripts() {
            return;
        }
        self.warned = true;
        self.say(format!(
            "warning: the escrow runs dry in {left} s and the job ends then: gantry job top-up {} 30m",
            self.address
        ));
    }

    /// A line that stays.
    fn say(&self, text: impl AsRef<str>) {
        // Where the bar is hidden it prints nothing either.
        if self.live {
            self.bar.println(text);
        } else {
            eprintln!("{}", text.as_ref());
        }
    }

    fn draw(&mut self) {
        self.warn();
        let (Some(seen), Some(tokens)) = (&self.seen, &self.tokens) else {
            return;
        };
        let (job, now) = (&seen.job, seen.now());
        self.bar.set_length(job.max_duration.into());
        self.bar.set_position(job.served_seconds.into());
        self.bar
            .set_prefix(format!("job {}: {}", job.id, view::status_line(job, now)));
        self.bar.set_message(Meter::of(job, now).text(&tokens.payment));
        self.bar.tick();
    }
}

/// The first line of `--output json` where a job was opened by the same command.
pub(super) fn opened(value: &Value) -> Result<()> {
    line(json!({ "event": "opened", "job": value }).to_string())
}
