//! A supervised process: its output in a log file, waited for until it is ready, never restarted unasked, never left behind.

mod guard;
mod log;
mod run;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

pub use guard::User;
pub use log::tail;
pub use run::Child;
pub use rustix::process::Signal;

/// What to run, and how to know that it runs.
#[derive(Debug, Clone)]
pub struct ChildSpec {
    /// What it is called in messages; its log is named after it.
    pub name: String,
    /// The program's file.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Added to the environment of this process. Secrets belong here: arguments can be read by every user.
    pub env: Vec<(OsString, OsString)>,
    /// Where output and errors go. Emptied at the first start, kept at a restart.
    pub log: PathBuf,
    /// How to know that it is ready.
    pub ready: Readiness,
    /// How long it may take until then.
    pub ready_within: Duration,
    /// How it is asked to stop.
    pub stop_signal: Signal,
    /// How long that may take; after that it is killed.
    pub stop_within: Duration,
    /// How it learns that this process has gone.
    pub orphan: Orphan,
}

/// How to know that a process is ready.
#[derive(Debug, Clone)]
pub enum Readiness {
    /// As soon as it runs.
    Started,
    /// It writes this file, whole, with one JSON value.
    File(PathBuf),
    /// It logs a line that contains this.
    LogLine(String),
    /// It answers this URL with a success.
    Http(String),
}

/// How a process learns that the one that started it has gone, even by SIGKILL: its standard input ends.
#[derive(Debug, Clone, Default)]
pub enum Orphan {
    /// It watches by itself (`--exit-with-parent`).
    #[default]
    Watches,
    /// A guard process watches in its stead and sends it the stop signal; it may run as another user.
    Guarded(Option<User>),
}

impl ChildSpec {
    /// `program`, ready once started, told to stop with SIGTERM.
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>, log: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            log: log.into(),
            ready: Readiness::Started,
            ready_within: Duration::from_secs(60),
            stop_signal: Signal::TERM,
            stop_within: Duration::from_secs(10),
            orphan: Orphan::default(),
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds a variable to the environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// How to know that it is ready.
    #[must_use]
    pub fn ready(mut self, ready: Readiness) -> Self {
        self.ready = ready;
        self
    }

    /// How it learns that this process has gone.
    #[must_use]
    pub fn orphan(mut self, orphan: Orphan) -> Self {
        self.orphan = orphan;
        self
    }

    /// What Gantry's daemons agree on: `--exit-with-parent`, and `--ready-file FILE` with `file`.
    #[must_use]
    pub fn daemon(self, file: impl Into<PathBuf>) -> Self {
        let file = file.into();
        self.arg("--exit-with-parent")
            .arg("--ready-file")
            .arg(&file)
            .ready(Readiness::File(file))
    }
}

/// A process did not start, or did not stay.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// It could not be started at all.
    #[error("cannot start {name} ({}): {error}", program.display())]
    Start {
        /// What it is called.
        name: String,
        /// Its file.
        program: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It ended by itself.
    #[error("{name} ended by itself ({status}); its log is {}{}", log.display(), quoted(tail))]
    Died {
        /// What it is called.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// Where its log is.
        log: PathBuf,
        /// The end of its log.
        tail: String,
    },
    /// It took too long.
    #[error("{name} was not ready after {within:?}; its log is {}{}", log.display(), quoted(tail))]
    NotReady {
        /// What it is called.
        name: String,
        /// How long was waited.
        within: Duration,
        /// Where its log is.
        log: PathBuf,
        /// The end of its log.
        tail: String,
    },
    /// It wrote a ready file that is no JSON.
    #[error("{name} wrote {}, which is not JSON: {error}", file.display())]
    ReadyFile {
        /// What it is called.
        name: String,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// It is not running, so that nothing can be asked of it.
    #[error("{name} is not running")]
    NotRunning {
        /// What it is called.
        name: String,
    },
}

fn quoted(tail: &str) -> String {
    if tail.is_empty() {
        String::new()
    } else {
        format!(", which ends with\n{tail}")
    }
}
