//! What the parties cost, as the kernel counts it: on a busy machine this says more than times do.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde::Serialize;

/// Ticks of `/proc/PID/stat` in a second, on every architecture that Linux runs on today.
const TICKS: f64 = 100.0;

/// The CPU seconds of each party up to a moment.
pub(crate) struct Used {
    at: Instant,
    api: f64,
    postgres: f64,
    generator: f64,
}

/// Fields after the name: the parent, then the times of the process itself and of its children that have ended.
fn stat(pid: u32) -> Option<(u32, f64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let times = fields.get(11..15)?.iter().filter_map(|ticks| ticks.parse::<f64>().ok());
    Some((fields.get(1)?.parse().ok()?, times.sum::<f64>() / TICKS))
}

impl Used {
    /// Reads them: of the API's process, of the server whose data lie in `folder`, with its children, and of this process.
    pub(crate) fn read(api: u32, folder: &Path) -> Result<Self> {
        let file = folder.join("postgres/data/postmaster.pid");
        let file = fs::read_to_string(file).context("postmaster.pid")?;
        let postmaster: u32 = file.lines().next().unwrap_or_default().parse()?;
        let own = |pid| stat(pid).map(|(_, used)| used).context("a process has gone");
        let children = fs::read_dir("/proc")?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(stat)
            .filter(|(parent, _)| *parent == postmaster);
        Ok(Self {
            at: Instant::now(),
            api: own(api)?,
            postgres: own(postmaster)? + children.map(|(_, used)| used).sum::<f64>(),
            generator: own(std::process::id())?,
        })
    }

    /// CPU seconds per second of each since `before`.
    pub(crate) fn since(&self, before: &Self) -> Cores {
        let seconds = self.at.duration_since(before.at).as_secs_f64();
        Cores {
            api_and_writer: (self.api - before.api) / seconds,
            postgres: (self.postgres - before.postgres) / seconds,
            generator: (self.generator - before.generator) / seconds,
            seconds,
        }
    }
}

/// Cores that each party kept busy.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Cores {
    pub(crate) api_and_writer: f64,
    pub(crate) postgres: f64,
    pub(crate) generator: f64,
    #[serde(skip)]
    pub(crate) seconds: f64,
}

/// CPU microseconds of one request, without what the writer takes on its own.
#[derive(Debug, Serialize)]
pub(crate) struct PerRequest {
    pub(crate) api: f64,
    pub(crate) postgres: f64,
    pub(crate) generator: f64,
}

impl Cores {
    pub(crate) fn per_request(&self, writer_alone: &Self, requests: f64) -> PerRequest {
        let each = |busy: f64, alone: f64| ((busy - alone) * self.seconds * 1e6 / requests).round();
        PerRequest {
            api: each(self.api_and_writer, writer_alone.api_and_writer),
            postgres: each(self.postgres, writer_alone.postgres),
            generator: each(self.generator, writer_alone.generator),
        }
    }

    pub(crate) fn rounded(self) -> Self {
        let two = |cores: f64| (cores * 100.0).round() / 100.0;
        Self {
            api_and_writer: two(self.api_and_writer),
            postgres: two(self.postgres),
            generator: two(self.generator),
            seconds: self.seconds,
        }
    }
}
