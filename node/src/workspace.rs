//! A job's private folder: its inputs go in, its outputs come out, nothing else does.

use std::io::Read as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};

/// Why a file cannot be placed or collected.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The path leaves the job's folder or is odd.
    #[error("{0:?} is no plain relative path inside the job's folder")]
    Path(String),
    /// Larger than this node keeps.
    #[error("{path:?} has {bytes} bytes, more than the {most} that this node keeps")]
    TooLarge {
        /// The file.
        path: String,
        /// Its size.
        bytes: u64,
        /// The bound.
        most: u64,
    },
    /// No regular file.
    #[error("{0:?} is no regular file")]
    Kind(String),
    /// The file system refused.
    #[error("{path:?}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
}

/// The folders of one run of a job. Dropping it deletes them, unless they are [kept](Workspace::keep).
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
    work: PathBuf,
    keep: bool,
}

impl Workspace {
    /// Makes an empty workspace at `root`, accessible to the owner only; whatever an earlier run left there goes first.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn create(root: &Path) -> std::io::Result<Self> {
        match std::fs::remove_dir_all(root) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let make = |folder: &Path, mode| std::fs::DirBuilder::new().recursive(true).mode(mode).create(folder);
        // Whom the work folder is given to has to get through to it, and sees nothing on the way.
        make(root, 0o711)?;
        make(&root.join("work"), 0o700)?;
        // The mark on the job's processes must be the name that the system knows the folder by.
        Self::open(root)
    }

    /// The workspace at `root` as an earlier life of the daemon left it.
    ///
    /// # Errors
    /// If it is not there.
    pub fn open(root: &Path) -> std::io::Result<Self> {
        Ok(Self {
            root: root.canonicalize()?,
            work: root.join("work").canonicalize()?,
            keep: false,
        })
    }

    /// Whether dropping it leaves the folders: something that outlives the daemon works in them.
    pub fn keep(&mut self, keep: bool) {
        self.keep = keep;
    }

    /// Hands the work folder and what lies in it to another user.
    ///
    /// # Errors
    /// If this user may not do that.
    pub fn give_to(&self, user: u32, group: u32) -> std::io::Result<()> {
        let mut open = vec![self.work.clone()];
        while let Some(path) = open.pop() {
            std::os::unix::fs::lchown(&path, Some(user), Some(group))?;
            if path.symlink_metadata()?.is_dir() {
                for entry in std::fs::read_dir(&path)? {
                    open.push(entry?.path());
                }
            }
        }
        Ok(())
    }

    /// The folder that the job's command runs in.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// Where the job's log goes; the job cannot name it by a relative path that outputs may have.
    pub fn log(&self) -> PathBuf {
        self.root.join("log.txt")
    }

    /// Writes an input.
    ///
    /// # Errors
    /// If the path is not inside the folder, is taken, or cannot be written.
    pub fn place(&self, path: &str, bytes: &[u8]) -> Result<(), FileError> {
        let target = self.work.join(relative(path)?);
        let io = |source| FileError::Io {
            path: path.to_owned(),
            source,
        };
        if let Some(folder) = target.parent() {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(io)?;
        }
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&target)
            .map_err(io)?;
        std::io::Write::write_all(&mut file, bytes).map_err(io)
    }

    /// Reads an output of at most `most` bytes. Links are not followed: they could lead to files that are not the job's.
    ///
    /// # Errors
    /// If it is not there, is no regular file inside the folder, or is too large.
    pub fn collect(&self, path: &str, most: u64) -> Result<Vec<u8>, FileError> {
        let relative = relative(path)?;
        let io = |source| FileError::Io {
            path: path.to_owned(),
            source,
        };
        let file = open_beneath(&self.work, relative).map_err(io)?;
        let data = file.metadata().map_err(io)?;
        if !data.is_file() {
            return Err(FileError::Kind(path.to_owned()));
        }
        let too_large = |bytes| FileError::TooLarge {
            path: path.to_owned(),
            bytes,
            most,
        };
        if data.len() > most {
            return Err(too_large(data.len()));
        }
        let mut bytes = Vec::new();
        file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > most {
            Err(too_large(bytes.len() as u64))
        } else {
            Ok(bytes)
        }
    }

    /// Reads the log.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read_log(&self) -> std::io::Result<Vec<u8>> {
        std::fs::read(self.log())
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        if let Err(error) = std::fs::remove_dir_all(&self.root) {
            tracing::warn!(folder = %self.root.display(), %error, "cannot delete the job's folder");
        }
    }
}

/// Opens a file for reading, step by step from `folder`, following no link on the way.
fn open_beneath(folder: &Path, relative: &Path) -> std::io::Result<std::fs::File> {
    let step = OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut at = openat(
        CWD,
        folder,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    for part in relative.parent().into_iter().flat_map(Path::components) {
        at = openat(
            &at,
            part.as_os_str(),
            step | OFlags::PATH | OFlags::DIRECTORY,
            Mode::empty(),
        )?;
    }
    let name = relative.file_name().ok_or(std::io::ErrorKind::InvalidFilename)?;
    // A pipe that nobody writes to must not block the open.
    Ok(openat(&at, name, step | OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?.into())
}

fn relative(path: &str) -> Result<&Path, FileError> {
    let plain = Path::new(path);
    let inside = plain.components().all(|part| matches!(part, Component::Normal(_)));
    if path.is_empty() || path.contains('\0') || path.ends_with('/') || !inside {
        return Err(FileError::Path(path.to_owned()));
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> (tempfile::TempDir, Workspace) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let workspace = Workspace::create(&folder.path().join("job")).expect("created");
        (folder, workspace)
    }

    #[test]
    fn what_is_placed_can_be_collected() {
        let (_folder, workspace) = workspace();
        workspace.place("scenes/one.json", b"{}").expect("placed");
        assert_eq!(workspace.collect("scenes/one.json", 2).expect("collected"), b"{}");
        assert!(matches!(
            workspace.collect("scenes/one.json", 1),
            Err(FileError::TooLarge { bytes: 2, .. })
        ));
        assert!(matches!(workspace.collect("scenes", 9), Err(FileError::Kind(_))));
        assert!(matches!(workspace.collect("none", 9), Err(FileError::Io { .. })));
        assert!(matches!(
            workspace.place("scenes/one.json", b""),
            Err(FileError::Io { .. })
        ));
    }

    #[test]
    fn no_path_leaves_the_folder() {
        let (_folder, workspace) = workspace();
        for path in [
            "",
            "/etc/passwd",
            "../log.txt",
            "a/../../log.txt",
            "./a/..",
            "a/",
            "a\0b",
        ] {
            assert!(
                matches!(workspace.place(path, b""), Err(FileError::Path(_))),
                "{path:?}"
            );
            assert!(
                matches!(workspace.collect(path, 9), Err(FileError::Path(_))),
                "{path:?}"
            );
        }
    }

    #[test]
    fn a_link_to_a_file_of_somebody_else_is_no_output() {
        let (folder, workspace) = workspace();
        std::fs::write(folder.path().join("secret"), "key").expect("written");
        std::os::unix::fs::symlink("../../secret", workspace.work().join("result")).expect("linked");
        std::os::unix::fs::symlink("../..", workspace.work().join("up")).expect("linked");
        assert!(matches!(workspace.collect("result", 9), Err(FileError::Io { .. })));
        assert!(matches!(workspace.collect("up/secret", 9), Err(FileError::Io { .. })));
    }

    #[test]
    fn a_pipe_is_no_output_and_does_not_block() {
        let (_folder, workspace) = workspace();
        let pipe = workspace.work().join("pipe");
        rustix::fs::mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).expect("made");
        assert!(matches!(workspace.collect("pipe", 9), Err(FileError::Kind(_))));
    }

    #[test]
    fn nothing_is_left_behind() {
        let (folder, workspace) = workspace();
        workspace.place("a", b"x").expect("placed");
        drop(workspace);
        assert!(!folder.path().join("job").exists());
    }
}
