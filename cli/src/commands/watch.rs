//! Following a job live.

use super::{job::show_closed, view};
use crate::context::{Context, Token};
use anyhow::Result;
use futures::StreamExt;
use gantry_sdk::{
    Pubkey,
    client::{Closing, JobUpdate},
    core::billing,
    market::accounts::Job,
    state::{JobExt, JobStatus},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{io::IsTerminal, time::Duration};

/// The line is drawn anew this often: the chain moves every 400 ms.
const TICK: Duration = Duration::from_millis(250);

/// What the line shows, and when it was true.
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

/// Follows the job until it is closed. People see one live line per state, scripts the final JSON alone.
pub(crate) async fn follow(context: &Context, address: Pubkey) -> Result<()> {
    let live = !context.for_scripts() && std::io::stderr().is_terminal();
    let bar = ProgressBar::with_draw_target(
        None,
        if live {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        },
    );
    let style = ProgressStyle::with_template("{spinner} {wide_bar} {pos}/{len} s  {msg}")?;
    bar.set_style(style);
    let mut updates = Box::pin(context.gantry.watch(address));
    let mut ticks = tokio::time::interval(TICK);
    let mut seen: Option<Seen> = None;
    let mut tokens: Option<Tokens> = None;
    let closing = loop {
        tokio::select! {
            update = updates.next() => match update {
                Some(Ok(JobUpdate::Live { job, now })) => {
                    if tokens.is_none() {
                        let stake = context.gantry.stake_tokens().await?.mint.mint;
                        tokens = Some(Tokens { payment: context.token(&job.mint).await?, stake: context.token(&stake).await? });
                    }
                    if let Some(tokens) = &tokens {
                        report(context, &bar, live, seen.as_ref(), &job, now, tokens);
                    }
                    seen = Some(Seen { job, now, at: tokio::time::Instant::now() });
                }
                Some(Ok(JobUpdate::Closed(closing))) => break Some(closing),
                Some(Err(error)) => {
                    bar.finish_and_clear();
                    return Err(error.into());
                }
                None => break None,
            },
            _ = ticks.tick() => if let (Some(seen), Some(tokens)) = (&seen, &tokens) {
                draw(&bar, seen, &tokens.payment);
            },
        }
    };
    bar.finish_and_clear();
    if matches!(closing, Some(Closing::Unknown) | None) && !context.for_scripts() {
        eprintln!("The job is closed; the server no longer knows how.");
    }
    let history = context.gantry.job_history(&address).await?;
    show_closed(context, &address, &history).await
}

/// A line that stays, for every change of status and, without a terminal, for every receipt.
fn report(
    context: &Context,
    bar: &ProgressBar,
    live: bool,
    before: Option<&Seen>,
    job: &Job,
    now: i64,
    tokens: &Tokens,
) {
    let token = &tokens.payment;
    if context.for_scripts() {
        return;
    }
    let changed = before.is_none_or(|seen| seen.job.status != job.status || seen.job.assignment != job.assignment);
    let proven = before.is_some_and(|seen| seen.job.sequence != job.sequence);
    let line = if changed {
        match JobExt::status(job) {
            Some(JobStatus::Assigned) => format!(
                "assigned to node {} at {} per hour; {} answer for it",
                job.node,
                token.show(job.price_per_hour),
                tokens.stake.show(job.bond)
            ),
            _ => view::status_line(job, now),
        }
    } else if proven && !live {
        format!(
            "receipt {}: {} s served, {} billed",
            job.sequence,
            job.served_seconds,
            token.show(job.billed())
        )
    } else {
        return;
    };
    // Where the bar is hidden it prints nothing either.
    if live { bar.println(line) } else { eprintln!("{line}") }
}

fn draw(bar: &ProgressBar, seen: &Seen, token: &Token) {
    let job = &seen.job;
    bar.set_length(job.max_duration.into());
    bar.set_position(job.served_seconds.into());
    let rate = billing::bill(job.price_per_hour, 1).unwrap_or(0);
    let spend = match JobExt::status(job.as_ref()) {
        Some(JobStatus::Running) => format!("  {}/s", token.show(rate)),
        _ => String::new(),
    };
    bar.set_message(format!(
        "{}  {} spent{spend}  {} left in escrow",
        view::status_line(job, seen.now()),
        token.show(job.billed()),
        token.show(job.escrow_left())
    ));
    bar.tick();
}
