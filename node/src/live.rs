//! A job's log in the blob store while the job writes it, in the parts that [`gantry_sdk::live_log`] describes.
//!
//! What a part holds is written down before it is stored, so that a daemon that goes on after a crash stores the same
//! part again, and never another one under its number: readers may have seen it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use gantry_sdk::blob::BlobStore;
use gantry_sdk::live_log::{LogPlace, MAX_PART};
use gantry_sdk::seal::Sealer;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio::time::Instant;

use crate::chain::Chain;
use crate::tasks::Owned;

/// Name of the record in a job's folder.
const RECORD: &str = "live-log.json";
/// Longest pause between two looks at the log, unless the operator's is longer.
const LONGEST: Duration = Duration::from_secs(30);
/// A look for every thousandth of the time that the job has run bounds how many parts a long job leaves.
const SHARE: u32 = 1_000;

/// How far a log is in the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    /// The next part's number.
    part: u64,
    /// Where in the log it begins.
    offset: u64,
    /// Where it ends, once that is settled.
    end: Option<u64>,
}

impl Record {
    /// The record of a log that begins anew.
    fn again(self) -> Self {
        Self {
            part: self.part,
            offset: 0,
            // A part that may be there already stays one, without a byte, so that none is missing.
            end: self.end.map(|_| 0),
        }
    }

    fn read(path: &Path) -> anyhow::Result<Option<Self>> {
        match std::fs::read(path) {
            Ok(text) => {
                Ok(Some(serde_json::from_slice(&text).with_context(|| {
                    format!("{} is no record of a log", path.display())
                })?))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn write(self, path: &Path) -> anyhow::Result<()> {
        let part = path.with_extension("part");
        let write = || {
            let mut file = std::fs::File::create(&part)?;
            std::io::Write::write_all(&mut file, &serde_json::to_vec(&self)?)?;
            file.sync_all()?;
            std::fs::rename(&part, path)
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}

/// A log on its way to the store.
#[derive(Debug)]
pub struct LiveLog {
    /// Has the key that signs.
    pub chain: Arc<Chain>,
    /// Where parts go.
    pub blobs: BlobStore,
    /// Which log it is.
    pub place: LogPlace,
    /// Seals the parts of a sealed job.
    pub sealer: Option<Sealer>,
    /// The file that the job's output goes to.
    pub log: PathBuf,
    /// Least pause between two looks.
    pub interval: Duration,
}

impl LiveLog {
    /// Follows the log until the result is dropped. `folder` is the job's, `again` says that it was just started, so
    /// that a log of an earlier run is no beginning of this one.
    ///
    /// # Errors
    /// If the record of an earlier life cannot be read.
    pub fn follow(self, folder: &Path, again: bool) -> anyhow::Result<Owned> {
        let path = folder.join(RECORD);
        let mut record = Record::read(&path)?.unwrap_or_default();
        if again {
            record = record.again();
        }
        Ok(Owned::spawn(self.run(path, record)))
    }

    async fn run(self, path: PathBuf, mut record: Record) {
        let began = Instant::now();
        let mut complained = false;
        loop {
            let pause = (began.elapsed() / SHARE).min(LONGEST).max(self.interval);
            tokio::time::sleep(pause).await;
            match self.ship(&path, &mut record).await {
                Ok(()) => complained = false,
                Err(error) if complained => tracing::debug!(error = format!("{error:#}"), "the log is still behind"),
                Err(error) => {
                    complained = true;
                    tracing::warn!(job = %self.place.context.job, error = format!("{error:#}"),
                        "cannot show the job's log yet; its result will have it");
                }
            }
        }
    }

    /// Stores what the log has by now.
    async fn ship(&self, path: &Path, record: &mut Record) -> anyhow::Result<()> {
        loop {
            let length = match tokio::fs::metadata(&self.log).await {
                Ok(data) => data.len(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
                Err(error) => return Err(error).context("cannot look at the log"),
            };
            // Shorter than it was: it is being copied anew from the container runtime, which has all of it.
            let end = match record.end {
                Some(end) if length < end => return Ok(()),
                Some(end) => end,
                None if length <= record.offset => return Ok(()),
                None => length.min(record.offset.saturating_add(MAX_PART as u64)),
            };
            if record.end.is_none() {
                record.end = Some(end);
                record.write(path)?;
            }
            let bytes = read(&self.log, record.offset, end).await?;
            let key = &self.chain.node_key;
            let part = (record.offset, bytes.as_slice());
            let stored = self
                .place
                .store(&self.blobs, key, self.sealer.as_ref(), record.part, part);
            stored.await?;
            *record = Record {
                part: record.part + 1,
                offset: end,
                end: None,
            };
            record.write(path)?;
        }
    }
}

async fn read(log: &Path, from: u64, to: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if to > from {
        let mut file = tokio::fs::File::open(log).await.context("cannot open the log")?;
        file.seek(std::io::SeekFrom::Start(from)).await?;
        file.take(to - from).read_to_end(&mut bytes).await?;
    }
    anyhow::ensure!(bytes.len() as u64 == to - from, "the log has become shorter");
    Ok(bytes)
}

/// Removes the parts of the log of the job in `folder`: its result has all of it, or it has ended without one.
///
/// # Errors
/// If the store refuses; calling again goes on.
pub async fn remove(blobs: &BlobStore, place: &LogPlace, folder: &Path) -> anyhow::Result<()> {
    let path = folder.join(RECORD);
    let Some(record) = Record::read(&path)? else {
        return Ok(());
    };
    for number in 0..=record.part {
        place.remove(blobs, number).await?;
    }
    std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_settled_is_found_again_and_a_new_run_leaves_no_number_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(RECORD);
        assert_eq!(Record::read(&path).expect("none yet"), None);
        let settled = Record {
            part: 3,
            offset: 70,
            end: Some(90),
        };
        settled.write(&path).expect("written");
        assert_eq!(Record::read(&path).expect("reads"), Some(settled));
        // Part 3 may be there, and part 2 is not to be the last that anybody finds.
        let again = settled.again();
        assert_eq!((again.part, again.offset, again.end), (3, 0, Some(0)));
        let stored = Record { end: None, ..settled };
        let again = stored.again();
        assert_eq!((again.part, again.offset, again.end), (3, 0, None));
        std::fs::write(&path, "{").expect("written");
        let error = Record::read(&path).expect_err("torn").to_string();
        assert!(error.contains("live-log.json"), "{error}");
    }
}
