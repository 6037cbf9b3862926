//! What a job's folder holds, and a watch that tells when it holds too much.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a folder is measured. Between two looks a job can write as much as the disk takes.
const LOOK: Duration = Duration::from_millis(500);
/// Most files and folders; each takes room that its size does not show.
pub const MOST_ENTRIES: u64 = 1_000_000;
/// Bytes of an allocated block, as `st_blocks` counts.
const BLOCK: u64 = 512;

/// What a folder holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes on disk, each file once.
    pub bytes: u64,
    /// Files and folders.
    pub entries: u64,
}

/// Measures what is below `folder`, following no link. What cannot be read counts as nothing: it changes while it is
/// measured.
pub fn measure(folder: &Path) -> Usage {
    let mut usage = Usage::default();
    let mut links = HashSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(data) = entry.metadata() else { continue };
            usage.entries += 1;
            if data.nlink() < 2 || data.is_dir() || links.insert((data.dev(), data.ino())) {
                usage.bytes = usage.bytes.saturating_add(data.blocks().saturating_mul(BLOCK));
            }
            if data.is_dir() {
                open.push(entry.path());
            }
        }
        if usage.entries > MOST_ENTRIES {
            break;
        }
    }
    usage
}

/// Resolves with the reason once `folder` holds more than `most` bytes or too many files, or once its disk has less
/// than `reserve` bytes left.
pub async fn exceeded(folder: PathBuf, most: u64, reserve: u64) -> String {
    loop {
        let place = folder.clone();
        let look = move || (measure(&place), rustix::fs::statvfs(&place));
        if let Ok((usage, disk)) = tokio::task::spawn_blocking(look).await {
            if usage.bytes > most {
                return format!("the job wrote more than the {} MiB that it may", most >> 20);
            }
            if usage.entries > MOST_ENTRIES {
                return format!("the job made more than the {MOST_ENTRIES} files that it may");
            }
            if disk.is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < reserve) {
                return "the node's disk is full".to_owned();
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_counted_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let deep = folder.path().join("a/b");
        std::fs::create_dir_all(&deep).expect("made");
        let file = deep.join("file");
        std::fs::write(&file, vec![1; 100_000]).expect("written");
        std::fs::hard_link(&file, folder.path().join("again")).expect("linked");
        std::os::unix::fs::symlink("/", folder.path().join("root")).expect("linked");
        let usage = measure(folder.path());
        assert_eq!(usage.entries, 5);
        assert!((100_000..200_000).contains(&usage.bytes), "{usage:?}");
    }

    #[tokio::test]
    async fn a_sparse_file_is_no_room_taken_and_a_written_one_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = std::fs::File::create(folder.path().join("file")).expect("made");
        file.set_len(1 << 30).expect("extended");
        assert!(measure(folder.path()).bytes < 1 << 20);
        std::fs::write(folder.path().join("file"), vec![1; 3 << 20]).expect("written");
        let reason = exceeded(folder.path().to_owned(), 2 << 20, 0).await;
        assert!(reason.contains("more than the 2 MiB"), "{reason}");
        let reason = exceeded(folder.path().to_owned(), u64::MAX, u64::MAX).await;
        assert!(reason.contains("disk is full"), "{reason}");
    }
}
