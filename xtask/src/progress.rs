//! Steps with a spinner on a terminal and plain lines elsewhere, always on stderr.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

/// A row of steps, numbered as they run.
pub(crate) struct Steps {
    what: &'static str,
    total: usize,
    done: usize,
    started: Instant,
}

impl Steps {
    /// Announces the steps of `what`.
    pub(crate) fn new(what: &'static str, total: usize) -> Self {
        Self {
            what,
            total,
            done: 0,
            started: Instant::now(),
        }
    }

    /// Runs one step and says how long it took.
    pub(crate) fn step<T>(&mut self, title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.done += 1;
        let label = format!("{} [{}/{}] {title}", self.what, self.done, self.total);
        let begun = Instant::now();
        let spinner = spinner(&label);
        let outcome = work();
        if let Some(spinner) = spinner {
            spinner.finish_and_clear();
        }
        if outcome.is_ok() {
            eprintln!("{label}: done in {}", seconds(begun.elapsed()));
        }
        outcome.with_context(|| format!("{title}: failed after {}", seconds(begun.elapsed())))
    }

    /// Says how long all of it took.
    pub(crate) fn finish(self) {
        eprintln!("{}: ready in {}", self.what, HumanDuration(self.started.elapsed()));
    }
}

fn spinner(label: &str) -> Option<ProgressBar> {
    if !std::io::stderr().is_terminal() {
        eprintln!("{label} ...");
        return None;
    }
    let spinner = ProgressBar::new_spinner().with_message(label.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(120));
    Some(spinner)
}

/// A duration in seconds with one decimal.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
