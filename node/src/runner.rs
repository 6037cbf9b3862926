//! What runs for a job, whichever runner it asked for.

use std::time::Duration;

use crate::container::{self, Container};
use crate::guard::Exit;
use crate::process::Process;

/// A job's process or container.
#[derive(Debug)]
pub enum Running {
    /// A process below a guard; it ends when it is dropped.
    Process(Process),
    /// A container; it goes on when it is dropped, and is found again.
    Container(Container),
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its exit code.
    pub exit: Exit,
    /// What the customer should know beside it.
    pub note: Option<String>,
    /// Seconds ago, where it ended while nobody looked.
    pub ago: u64,
}

impl Outcome {
    fn of_container(ended: container::Ended) -> Self {
        let ago = ended.at.map(|at| (chrono::Utc::now() - at).num_seconds());
        Self {
            exit: ended.exit,
            note: ended.note.map(ToOwned::to_owned),
            ago: ago.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(0),
        }
    }

    fn now(exit: Exit) -> Self {
        Self {
            exit,
            note: None,
            ago: 0,
        }
    }
}

impl Running {
    /// Waits until it has ended. May be cancelled and called again.
    ///
    /// # Errors
    /// If what watches over it failed.
    pub async fn wait(&mut self) -> anyhow::Result<Outcome> {
        match self {
            Self::Process(process) => process.wait().await.map(Outcome::now),
            Self::Container(container) => container.wait().await.map(Outcome::of_container),
        }
    }

    /// Ends it: a container is asked first and has `grace` to go, a process is killed.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn stop(&mut self, grace: Duration) -> anyhow::Result<Outcome> {
        match self {
            Self::Process(process) => process.stop().await.map(Outcome::now),
            Self::Container(container) => container.stop(grace).await.map(Outcome::of_container),
        }
    }

    /// Removes what is left of it once its result is stored.
    ///
    /// # Errors
    /// If the container runtime refuses.
    pub async fn remove(&self) -> anyhow::Result<()> {
        match self {
            Self::Process(_) => Ok(()),
            Self::Container(container) => container.remove().await,
        }
    }
}
