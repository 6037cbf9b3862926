//! What every long-running process does: says when it is ready, and ends when it is told to or its parent is gone.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

/// A process that cannot be supervised.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The system does not deliver a signal.
    #[error("cannot listen for {name}: {error}")]
    Signal {
        /// Which.
        name: &'static str,
        /// Why.
        error: io::Error,
    },
    /// No thread for standard input.
    #[error("cannot watch standard input: {0}")]
    ParentWatch(io::Error),
    /// The ready file.
    #[error("cannot write the ready file {}: {error}", path.display())]
    ReadyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Resolves with the reason when the process is to end: SIGINT, SIGTERM, or, with `with_parent`, the end of standard
/// input, which a parent holds open for as long as it lives. Signals count from the call on, not from the first poll.
///
/// # Errors
/// If signals cannot be listened for or the watching thread not be started.
pub fn ending(with_parent: bool) -> Result<impl Future<Output = &'static str>, ServiceError> {
    let listen = |name, kind| signal(kind).map_err(|error| ServiceError::Signal { name, error });
    let mut interrupt = listen("SIGINT", SignalKind::interrupt())?;
    let mut terminate = listen("SIGTERM", SignalKind::terminate())?;
    let parent = with_parent.then(|| watch(io::stdin())).transpose()?;
    Ok(async move {
        let orphaned = async {
            match parent {
                // Either way of ending says that standard input has ended.
                Some(parent) => drop(parent.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
            () = orphaned => "the parent has gone",
        }
    })
}

/// Reads `input` to its end, on a thread of its own: the read cannot be interrupted, and a runtime that had started it
/// would wait for it before it ends.
fn watch(mut input: impl Read + Send + 'static) -> Result<oneshot::Receiver<()>, ServiceError> {
    let (orphaned, parent) = oneshot::channel();
    let read = move || {
        let mut buffer = [0; 256];
        loop {
            match input.read(&mut buffer) {
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
            }
        }
        // The other end is gone only when the process is ending anyway.
        let _ = orphaned.send(());
    };
    std::thread::Builder::new()
        .name("parent-watch".to_owned())
        .spawn(read)
        .map_err(ServiceError::ParentWatch)?;
    Ok(parent)
}

/// Writes the ready file, at once and whole.
///
/// # Errors
/// If it cannot be written.
pub fn announce(file: &Path, ready: &serde_json::Value) -> Result<(), ServiceError> {
    let partial = file.with_extension("partial");
    let write = std::fs::write(&partial, format!("{ready}\n")).and_then(|()| std::fs::rename(&partial, file));
    write.map_err(|error| ServiceError::ReadyFile {
        path: file.to_owned(),
        error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_ready_file_is_whole_and_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("node.ready.json");
        announce(&file, &serde_json::json!({ "pid": 1 })).expect("written");
        announce(&file, &serde_json::json!({ "pid": 2 })).expect("replaced");
        assert_eq!(std::fs::read_to_string(&file).expect("there"), "{\"pid\":2}\n");
        assert_eq!(folder.path().read_dir().expect("listed").count(), 1);
    }

    #[test]
    fn a_ready_file_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("missing/ready.json");
        let message = announce(&file, &serde_json::json!({}))
            .expect_err("no folder")
            .to_string();
        assert!(message.contains(&file.display().to_string()), "{message}");
    }

    #[tokio::test]
    async fn the_parent_is_gone_at_the_end_of_input_and_not_before() {
        let (input, parent) = std::io::pipe().expect("a pipe");
        let mut gone = watch(input).expect("a thread");
        std::io::Write::write_all(&mut &parent, b"still here").expect("written");
        assert!(
            tokio::time::timeout(Duration::from_millis(50), &mut gone)
                .await
                .is_err()
        );
        drop(parent);
        let end = tokio::time::timeout(Duration::from_secs(10), gone).await;
        end.expect("noticed").expect("told");
    }

    #[tokio::test]
    async fn nothing_ends_without_a_reason() {
        let ending = ending(false).expect("signals");
        assert!(tokio::time::timeout(Duration::from_millis(50), ending).await.is_err());
    }
}
