//! A job's log: kept up to its limit; what comes after is forgotten, so that no job ever waits for it.

use std::fs::File;
use std::io::Write as _;

/// Said at the end of a log that was longer than it may be.
const CUT: &str = "\n[the log is cut off here: it is longer than this node keeps]\n";

/// The file of a log.
#[derive(Debug)]
pub struct Log {
    file: File,
    left: u64,
    cut: bool,
    failure: Option<std::io::Error>,
}

impl Log {
    /// A log in `file` of at most `most` bytes.
    pub fn new(file: File, most: u64) -> Self {
        Self {
            file,
            left: most,
            cut: false,
            failure: None,
        }
    }

    /// Adds `bytes`, as far as there is room. A failure is kept for [`finish`](Self::finish): a full disk must not stop
    /// the job's output from being drained.
    pub fn write(&mut self, bytes: &[u8]) {
        let keep = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        self.left -= keep as u64;
        let mut result = self.file.write_all(&bytes[..keep]);
        if keep < bytes.len() && !self.cut {
            self.cut = true;
            result = result.and_then(|()| self.file.write_all(CUT.as_bytes()));
        }
        if let Err(error) = result {
            self.left = 0;
            self.cut = true;
            self.failure.get_or_insert(error);
        }
    }

    /// Whether everything that was to be kept was written.
    ///
    /// # Errors
    /// The first failure.
    pub fn finish(self) -> std::io::Result<()> {
        self.failure.map_or(Ok(()), Err)
    }
}
