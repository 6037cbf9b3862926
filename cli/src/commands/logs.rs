//! What a job writes, while it runs and afterwards.

use super::result::Fetched;
use crate::{Format, context::Context, output::line};
use anyhow::Result;
use futures::StreamExt as _;
use gantry_sdk::{
    Pubkey,
    blob::BlobStore,
    client::{ClientError, JobUpdate},
    live_log::{LogError, LogPiece, LogReader},
    market::accounts::Job,
    state::{JobExt as _, JobOutcome, JobStatus},
};
use serde_json::json;
use std::{
    borrow::Cow,
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

/// How often the store is asked for more: nodes store a part each second at most.
pub(super) const LOOK: Duration = Duration::from_millis(500);

const AGAIN: &str = "[the job was started again: its output begins anew]";
const DIFFERS: &str = "[the result's log begins otherwise than what was shown so far: here is all of it]";

/// What to show next.
pub(super) enum Piece {
    /// More of the log.
    Bytes(Vec<u8>),
    /// About what comes after it.
    Note(&'static str),
}

/// A job's log, as far as it was shown.
pub(super) struct Log {
    blobs: BlobStore,
    reader: Option<LogReader>,
}

impl Log {
    pub(super) fn open(context: &Context) -> Result<Self> {
        let blobs = context.blobs()?;
        Ok(Self { blobs, reader: None })
    }

    /// What has come since the last time. Of a job that went to another node, that begins anew.
    pub(super) async fn more(&mut self, context: &Context, address: &Pubkey, job: &Job) -> Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        if job.assignment == 0 || job.status() == Some(JobStatus::Open) {
            return Ok(pieces);
        }
        let reader = match &mut self.reader {
            Some(reader) if reader.assignment() == job.assignment => reader,
            other => {
                if other.is_some() {
                    pieces.push(Piece::Note(AGAIN));
                }
                other.insert(context.gantry.log_reader(address, job).await?)
            }
        };
        let mut key = None;
        loop {
            match reader.next(&self.blobs, key.as_deref()).await {
                Ok(Some(LogPiece::Bytes(bytes))) => pieces.push(Piece::Bytes(bytes)),
                Ok(Some(LogPiece::Again)) => pieces.push(Piece::Note(AGAIN)),
                Ok(None) => return Ok(pieces),
                Err(LogError::Sealed) => key = Some(context.key()?),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What is left once the job has its result: that covers the whole log by its hash.
    pub(super) async fn rest(&mut self, context: &Context, address: &Pubkey) -> Result<Vec<Piece>> {
        let fetched = Fetched::of(context, address, &self.blobs).await?;
        let log = fetched.manifest.log(&self.blobs, fetched.opener().as_ref()).await?;
        let log = log.unwrap_or_default();
        Ok(match &self.reader {
            None => vec![Piece::Bytes(log.to_vec())],
            Some(reader) => match reader.rest_of(&log) {
                Some(rest) => vec![Piece::Bytes(rest.to_vec())],
                // Run again since, and we came too late for the parts of that; or not what was shown before.
                None => vec![Piece::Note(DIFFERS), Piece::Bytes(log.to_vec())],
            },
        })
    }
}

/// Whether the job's result is there, or comes no more.
pub(super) fn has_result(job: &Job) -> bool {
    job.output_digest != [0; 32]
}

/// Whether its node is still expected to say more.
fn goes_on(job: &Job) -> bool {
    let stopped = job.status() == Some(JobStatus::Finished) && job.outcome() == Some(JobOutcome::Stopped);
    stopped || job.status() < Some(JobStatus::Finished)
}

/// Whole lines of what comes in pieces.
#[derive(Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    pub(super) fn add(&mut self, bytes: &[u8]) -> Vec<String> {
        self.0.extend_from_slice(bytes);
        let Some(end) = self.0.iter().rposition(|byte| *byte == b'\n') else {
            return Vec::new();
        };
        let rest = self.0.split_off(end + 1);
        let whole = std::mem::replace(&mut self.0, rest);
        String::from_utf8_lossy(&whole).lines().map(str::to_owned).collect()
    }

    /// What has no end of line.
    pub(super) fn rest(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.0);
        (!rest.is_empty()).then(|| String::from_utf8_lossy(&rest).into_owned())
    }
}

/// Text for a terminal: what could steer it is shown instead. A node is nobody to trust with that.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    let steers = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    if !text.contains(steers) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if steers(letter) {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown.into()
}

/// Where the log is written.
struct Writer<'a> {
    context: &'a Context,
    address: Pubkey,
    lines: Lines,
    /// A terminal shows whole lines, without what could steer it; all else gets the bytes as they are.
    terminal: bool,
    anything: bool,
}

impl Writer<'_> {
    fn write(&mut self, pieces: Vec<Piece>) -> Result<()> {
        for piece in pieces {
            match piece {
                Piece::Bytes(bytes) => self.bytes(&bytes)?,
                Piece::Note(note) => {
                    self.end()?;
                    eprintln!("{note}");
                }
            }
        }
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.anything |= !bytes.is_empty();
        if self.context.for_scripts() || self.terminal {
            self.lines.add(bytes).iter().try_for_each(|text| self.text(text))
        } else {
            let mut out = io::stdout().lock();
            out.write_all(bytes)?;
            Ok(out.flush()?)
        }
    }

    fn text(&self, text: &str) -> Result<()> {
        match self.context.format() {
            _ if self.context.field().is_some() => line(text),
            Format::Json => line(json!({ "job": self.address.to_string(), "text": text }).to_string()),
            Format::Yaml => line(format!(
                "---\n{}",
                serde_yaml_ng::to_string(&json!({ "text": text }))?.trim_end()
            )),
            Format::Table => line(harmless(text)),
        }
    }

    fn end(&mut self) -> Result<()> {
        match self.lines.rest() {
            Some(text) => self.text(&text),
            None => Ok(()),
        }
    }
}

/// Shows the log as far as it is there, or with `follow` until the job has ended.
pub(super) async fn show(context: &Context, address: Pubkey, follow: bool) -> Result<()> {
    let mut log = Log::open(context)?;
    let mut writer = Writer {
        context,
        address,
        lines: Lines::default(),
        terminal: io::stdout().is_terminal(),
        anything: false,
    };
    let mut updates = Box::pin(context.gantry.watch(address));
    let mut looks = tokio::time::interval(LOOK);
    let mut seen: Option<Box<Job>> = None;
    loop {
        tokio::select! {
            update = updates.next() => match update {
                Some(Ok(JobUpdate::Live { job, .. })) => seen = Some(job),
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(JobUpdate::Closed(_))) | None => break,
            },
            _ = looks.tick() => {}
        }
        let Some(job) = &seen else { continue };
        if has_result(job) {
            break;
        }
        writer.write(log.more(context, &address, job).await?)?;
        if !goes_on(job) {
            writer.end()?;
            eprintln!("[the job has ended without a result: its node sent no final receipt]");
            return Ok(());
        }
        if !follow {
            writer.end()?;
            if !writer.anything {
                eprintln!("[no output yet]");
            }
            return Ok(());
        }
    }
    match log.rest(context, &address).await {
        Ok(pieces) => writer.write(pieces)?,
        // It was closed without one: what came is all.
        Err(error) if writer.anything && is_missing(&error) => {
            eprintln!("[the job was closed without a result: this is all of its output]");
        }
        Err(error) => return Err(error),
    }
    writer.end()
}

fn is_missing(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(ClientError::NotFound { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_wherever_pieces_end() {
        let mut lines = Lines::default();
        assert!(lines.add("grü".as_bytes()).is_empty());
        let (first, second) = "ße\nein Rest".as_bytes().split_at(1);
        assert!(lines.add(first).is_empty());
        assert_eq!(lines.add(second), ["grüße"]);
        assert_eq!(lines.add(b"\n\nthree\n"), ["ein Rest", "", "three"]);
        assert_eq!(lines.rest(), None);
        lines.add(b"end");
        assert_eq!(lines.rest().as_deref(), Some("end"));
    }

    #[test]
    fn nothing_steers_a_terminal() {
        assert_eq!(harmless("plain\ttext, grün"), "plain\ttext, grün");
        let steering = "a\u{1b}]0;title\u{7}b\u{9b}2Jc\r";
        assert_eq!(harmless(steering), "a\\u{1b}]0;title\\u{7}b\\u{9b}2Jc\\r");
    }
}
