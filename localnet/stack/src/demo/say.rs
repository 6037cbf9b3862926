//! What the demo tells people, as it happens.

use gantry_sdk::amount;
use std::{io::Write, time::Instant};

/// Where lines go: standard output for people; standard error where standard output is for one JSON object.
#[derive(Debug, Clone, Copy)]
pub struct Say {
    started: Instant,
    to_stderr: bool,
}

impl Say {
    /// Lines from now on; `to_stderr` keeps standard output free.
    pub fn new(to_stderr: bool) -> Self {
        Self {
            started: Instant::now(),
            to_stderr,
        }
    }

    /// One thing that happened.
    pub fn step(&self, what: &str) {
        self.line(&format!("{:6.1}s  {what}", self.started.elapsed().as_secs_f64()));
    }

    /// What the following lines are about.
    pub fn heading(&self, what: &str) {
        self.line(&format!("\n{what}"));
    }

    fn line(&self, text: &str) {
        // A closed pipe is the reader's choice and no reason to stop what runs.
        let _ = if self.to_stderr {
            writeln!(std::io::stderr().lock(), "{text}")
        } else {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{text}").and_then(|()| out.flush())
        };
    }
}

/// Base units as people write them; both mints have six decimals.
pub(super) fn amount(base_units: u64) -> String {
    amount::format(base_units, gantry_sdk::bootstrap::DECIMALS)
}
