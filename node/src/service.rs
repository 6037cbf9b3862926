//! What every long-running process does: says when it is ready, and ends when it is told to or its parent is gone.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Resolves with the reason when the process is to end: SIGINT, SIGTERM, or, with `with_parent`, the end of standard
/// input, which a parent holds open for as long as it lives.
///
/// # Errors
/// If signals cannot be listened for or the watching thread not be started.
pub fn ending(with_parent: bool) -> anyhow::Result<impl Future<Output = &'static str>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let parent = with_parent.then(watch_parent).transpose()?;
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

/// Reads standard input to its end, on a thread of its own: the read cannot be interrupted.
fn watch_parent() -> anyhow::Result<oneshot::Receiver<()>> {
    let (orphaned, parent) = oneshot::channel();
    let read = move || {
        let mut stdin = std::io::stdin().lock();
        let mut buffer = [0; 256];
        loop {
            match stdin.read(&mut buffer) {
                Ok(1..) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
            }
        }
        // The other end is gone only when the process is ending anyway.
        let _ = orphaned.send(());
    };
    std::thread::Builder::new()
        .name("parent-watch".to_owned())
        .spawn(read)
        .context("cannot watch standard input")?;
    Ok(parent)
}

/// Writes the ready file, at once and whole.
///
/// # Errors
/// If it cannot be written.
pub fn announce(file: &Path, ready: &serde_json::Value) -> anyhow::Result<()> {
    let partial = file.with_extension("partial");
    let write = std::fs::write(&partial, format!("{ready}\n")).and_then(|()| std::fs::rename(&partial, file));
    write.with_context(|| format!("cannot write the ready file {}", file.display()))
}
