//! The folder that one stack keeps everything in.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunDirError {
    /// It cannot be made or opened.
    #[error("cannot use the run folder {folder}: {error}")]
    Io {
        /// The folder.
        folder: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another stack runs in it.
    #[error("another stack runs in {folder}: stop it, or give this one a folder of its own")]
    Taken {
        /// The folder.
        folder: PathBuf,
    },
}

/// A folder, locked for as long as this lives; also a killed process lets go of it.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    _lock: File,
}

impl RunDir {
    /// Makes the folder if need be and locks it.
    ///
    /// # Errors
    ///
    /// [`RunDirError`] if it cannot be made or another process has locked it.
    pub fn lock(path: &Path) -> Result<Self, RunDirError> {
        let io = |error| RunDirError::Io {
            folder: path.to_owned(),
            error,
        };
        fs::create_dir_all(path.join("logs")).map_err(io)?;
        let path = path.canonicalize().map_err(io)?;
        let lock = File::create(path.join("stack.lock")).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(RunDirError::Taken { folder: path }),
            Err(TryLockError::Error(error)) => Err(RunDirError::Io { folder: path, error }),
        }
    }

    /// The folder, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the log of this process is.
    pub fn log(&self, name: &str) -> PathBuf {
        self.path.join("logs").join(format!("{name}.log"))
    }

    /// Where this process says that it is ready.
    pub fn ready_file(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.ready.json"))
    }
}
