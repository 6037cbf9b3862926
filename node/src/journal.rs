//! The write-ahead journal of one assignment: what this node signed, written down before anybody sees it.
//!
//! One line per record: the first eight bytes of the SHA-256 of the JSON in hex, a space, the JSON. A record counts
//! once it is on disk. A line torn by a crash at the end of the file never left the process, so it is cut off; damage
//! anywhere before that is an error, because a receipt that was signed might be lost.
//!
//! Ed25519 signatures are deterministic: the journal keeps the receipt, and signing it again gives the same bytes.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use gantry_core::receipt::{Receipt, ReceiptStatus};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Hex digits of the checksum in front of each record.
const CHECKSUM_DIGITS: usize = 16;

/// Why a journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system refused.
    #[error("cannot {what} the journal {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The journal.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A record before the last is not what was written.
    #[error("the journal {path} is damaged at line {line}: restore it, or move it away to give the job up")]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
    },
    /// The receipt is for another job or assignment.
    #[error("the receipt is for another job or assignment than the journal {0}")]
    Foreign(PathBuf),
    /// The receipt would contradict one that is written down.
    #[error("a receipt with sequence number {sequence} cannot follow one with {last}: {why}")]
    Order {
        /// Of the refused receipt.
        sequence: u64,
        /// Of the latest one.
        last: u64,
        /// The rule.
        why: &'static str,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Record {
    /// The job's process is about to be started, for the n-th time.
    Launch { number: u32 },
    /// A receipt is about to be signed: its bytes in hex.
    Receipt(String),
}

/// The journal of one assignment of one job.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    /// Bytes of whole records; anything after them is the rest of a failed write.
    length: u64,
    job: [u8; 32],
    assignment: u32,
    launches: u32,
    last: Option<Receipt>,
}

impl Journal {
    /// Opens the journal at `path`, or starts an empty one, readable by the owner only.
    ///
    /// # Errors
    /// If the file cannot be read or written, is damaged, or belongs to another job or assignment.
    pub fn open(path: &Path, job: [u8; 32], assignment: u32) -> Result<Self, JournalError> {
        let io = |what| {
            move |source| JournalError::Io {
                what,
                path: path.to_owned(),
                source,
            }
        };
        let new = !path.exists();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(io("open"))?;
        if new {
            // Without this a crash may lose the file's name, and with it what was signed.
            let folder = path
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty())
                .unwrap_or(Path::new("."));
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(io("create"))?;
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io("read"))?;
        let mut journal = Self {
            file,
            path: path.to_owned(),
            length: 0,
            job,
            assignment,
            launches: 0,
            last: None,
        };
        journal.replay(&bytes)?;
        Ok(journal)
    }

    /// Times that the job's process was started.
    pub fn launches(&self) -> u32 {
        self.launches
    }

    /// The latest receipt written down.
    pub fn last(&self) -> Option<&Receipt> {
        self.last.as_ref()
    }

    /// Writes down that the job's process is about to be started.
    ///
    /// # Errors
    /// If it cannot be written; nothing counts then.
    pub fn launch(&mut self) -> Result<(), JournalError> {
        let number = self.launches.saturating_add(1);
        self.append(&Record::Launch { number })?;
        self.launches = number;
        Ok(())
    }

    /// Writes down a receipt; only after this may it be signed. The latest receipt once more is fine and writes nothing.
    ///
    /// # Errors
    /// If it cannot be written, is for another job, or does not follow from the latest: its sequence number must be
    /// higher, its served seconds not lower, and nothing follows a final receipt.
    pub fn receipt(&mut self, receipt: &Receipt) -> Result<(), JournalError> {
        if self.last.as_ref() == Some(receipt) {
            return Ok(());
        }
        self.check(receipt)?;
        self.append(&Record::Receipt(hex::encode(receipt.encode())))?;
        self.last = Some(receipt.clone());
        Ok(())
    }

    fn check(&self, receipt: &Receipt) -> Result<(), JournalError> {
        if receipt.job != self.job || receipt.assignment != self.assignment {
            return Err(JournalError::Foreign(self.path.clone()));
        }
        let Some(last) = &self.last else { return Ok(()) };
        let why = if last.status != ReceiptStatus::Running {
            "nothing follows a final receipt"
        } else if receipt.sequence <= last.sequence {
            "sequence numbers grow"
        } else if receipt.served_seconds < last.served_seconds {
            "served seconds never shrink"
        } else {
            return Ok(());
        };
        Err(JournalError::Order {
            sequence: receipt.sequence,
            last: last.sequence,
            why,
        })
    }

    fn replay(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').enumerate().peekable();
        while let Some((index, line)) = lines.next() {
            let Some(record) = parse(line) else {
                if lines.peek().is_none() && !line.ends_with(b"\n") {
                    tracing::warn!(journal = %self.path.display(), "cut off a record that a crash left unfinished");
                    break;
                }
                return Err(JournalError::Damaged {
                    path: self.path.clone(),
                    line: index + 1,
                });
            };
            match record {
                Record::Launch { number } => self.launches = number,
                Record::Receipt(text) => {
                    let damaged = || JournalError::Damaged {
                        path: self.path.clone(),
                        line: index + 1,
                    };
                    let bytes = hex::decode(text).map_err(|_| damaged())?;
                    let receipt = Receipt::decode(&bytes).map_err(|_| damaged())?;
                    self.check(&receipt)?;
                    self.last = Some(receipt);
                }
            }
            self.length += line.len() as u64;
        }
        Ok(())
    }

    fn append(&mut self, record: &Record) -> Result<(), JournalError> {
        let json = serde_json::to_string(record).expect("plain data is always valid JSON");
        let line = format!("{} {json}\n", checksum(json.as_bytes()));
        let write = |file: &mut File, at: u64| {
            // Whatever a failed write left behind goes first.
            file.set_len(at)?;
            file.seek(SeekFrom::Start(at))?;
            file.write_all(line.as_bytes())?;
            file.sync_data()
        };
        write(&mut self.file, self.length).map_err(|source| JournalError::Io {
            what: "write",
            path: self.path.clone(),
            source,
        })?;
        self.length += line.len() as u64;
        Ok(())
    }
}

fn checksum(json: &[u8]) -> String {
    let mut digits = hex::encode(Sha256::digest(json));
    digits.truncate(CHECKSUM_DIGITS);
    digits
}

fn parse(line: &[u8]) -> Option<Record> {
    let line = line.strip_suffix(b"\n")?;
    let (sum, rest) = line.split_at_checked(CHECKSUM_DIGITS)?;
    let json = rest.strip_prefix(b" ")?;
    if checksum(json).as_bytes() != sum {
        return None;
    }
    serde_json::from_slice(json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: [u8; 32] = [7; 32];

    fn receipt(sequence: u64, served_seconds: u64) -> Receipt {
        Receipt {
            genesis_hash: [1; 32],
            market: [2; 32],
            job: JOB,
            assignment: 3,
            sequence,
            served_seconds,
            issued_at: 1_000 + sequence as i64,
            status: ReceiptStatus::Running,
            exit_code: 0,
            output_digest: [0; 32],
        }
    }

    fn temporary() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("journal");
        (folder, path)
    }

    #[test]
    fn what_was_written_is_read_back() {
        let (_folder, path) = temporary();
        let mut journal = Journal::open(&path, JOB, 3).expect("new");
        journal.launch().expect("written");
        journal.receipt(&receipt(0, 0)).expect("written");
        journal.receipt(&receipt(1, 5)).expect("written");
        drop(journal);
        let journal = Journal::open(&path, JOB, 3).expect("read");
        assert_eq!(journal.launches(), 1);
        assert_eq!(journal.last(), Some(&receipt(1, 5)));
    }

    #[test]
    fn two_receipts_never_share_a_sequence_number() {
        let (_folder, path) = temporary();
        let mut journal = Journal::open(&path, JOB, 3).expect("new");
        journal.receipt(&receipt(1, 5)).expect("written");
        journal.receipt(&receipt(1, 5)).expect("the same one again");
        assert!(matches!(
            journal.receipt(&receipt(1, 6)),
            Err(JournalError::Order { .. })
        ));
        assert!(matches!(
            journal.receipt(&receipt(0, 5)),
            Err(JournalError::Order { .. })
        ));
        assert!(matches!(
            journal.receipt(&receipt(2, 4)),
            Err(JournalError::Order { .. })
        ));
        drop(journal);
        let mut journal = Journal::open(&path, JOB, 3).expect("read");
        assert!(matches!(
            journal.receipt(&receipt(1, 6)),
            Err(JournalError::Order { .. })
        ));
        let last = Receipt {
            status: ReceiptStatus::Completed,
            ..receipt(2, 6)
        };
        journal.receipt(&last).expect("the final one");
        assert!(matches!(
            journal.receipt(&receipt(3, 7)),
            Err(JournalError::Order { .. })
        ));
    }

    #[test]
    fn a_receipt_of_another_job_is_refused() {
        let (_folder, path) = temporary();
        let mut journal = Journal::open(&path, JOB, 3).expect("new");
        let other = Receipt {
            assignment: 4,
            ..receipt(0, 0)
        };
        assert!(matches!(journal.receipt(&other), Err(JournalError::Foreign(_))));
        journal.receipt(&receipt(0, 0)).expect("written");
        drop(journal);
        assert!(matches!(Journal::open(&path, JOB, 4), Err(JournalError::Foreign(_))));
    }

    #[test]
    fn a_torn_end_is_cut_off_wherever_it_tore() {
        let (_folder, path) = temporary();
        let mut journal = Journal::open(&path, JOB, 3).expect("new");
        journal.receipt(&receipt(0, 0)).expect("written");
        let whole = std::fs::read(&path).expect("read").len();
        journal.receipt(&receipt(1, 5)).expect("written");
        drop(journal);
        let bytes = std::fs::read(&path).expect("read");
        for length in whole..bytes.len() {
            std::fs::write(&path, &bytes[..length]).expect("written");
            let mut journal = Journal::open(&path, JOB, 3).expect("read");
            assert_eq!(journal.last(), Some(&receipt(0, 0)), "torn at {length}");
            journal.receipt(&receipt(2, 6)).expect("goes on after the whole part");
            drop(journal);
            assert_eq!(Journal::open(&path, JOB, 3).expect("read").last(), Some(&receipt(2, 6)));
        }
    }

    #[test]
    fn damage_in_the_middle_is_no_torn_end() {
        let (_folder, path) = temporary();
        let mut journal = Journal::open(&path, JOB, 3).expect("new");
        journal.receipt(&receipt(0, 0)).expect("written");
        journal.receipt(&receipt(1, 5)).expect("written");
        drop(journal);
        let mut bytes = std::fs::read(&path).expect("read");
        bytes[40] ^= 1;
        std::fs::write(&path, &bytes).expect("written");
        assert!(matches!(
            Journal::open(&path, JOB, 3),
            Err(JournalError::Damaged { line: 1, .. })
        ));
    }
}
