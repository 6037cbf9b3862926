//! Starting, awaiting and ending a process.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;

use super::{ChildError, ChildSpec, Orphan, Readiness, Signal, guard, tail};
use crate::processes::{Process, with_descendants};

/// How often files and URLs are looked at while waiting for readiness.
const POLL: Duration = Duration::from_millis(10);

/// A supervised process. Dropping it stops it, and waits for that.
#[derive(Debug)]
pub struct Child {
    spec: ChildSpec,
    running: Option<Running>,
    ready: Value,
    /// What a killed process had started: it is not ours to stop by asking.
    stragglers: Vec<Process>,
}

#[derive(Debug)]
struct Running {
    process: Process,
    /// Its end tells the process that we have gone.
    stdin: Option<ChildStdin>,
    exit: watch::Receiver<Option<ExitStatus>>,
}

impl Child {
    /// Starts the process and waits until it is ready.
    ///
    /// # Errors
    ///
    /// [`ChildError`] if it does not start, ends before it is ready, or takes too long; nothing is left running then.
    pub async fn start(spec: ChildSpec) -> Result<Self, ChildError> {
        let mut child = Self {
            spec,
            running: None,
            ready: Value::Null,
            stragglers: Vec::new(),
        };
        child.launch(true).await?;
        Ok(child)
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// How it was started.
    pub fn spec(&self) -> &ChildSpec {
        &self.spec
    }

    /// How it will be started the next time.
    pub fn spec_mut(&mut self) -> &mut ChildSpec {
        &mut self.spec
    }

    /// Its log file.
    pub fn log(&self) -> &Path {
        &self.spec.log
    }

    /// Its process id, of the guard if it has one; none when it is not running.
    pub fn pid(&self) -> Option<u32> {
        self.running
            .as_ref()
            .filter(|running| running.exit.borrow().is_none())
            .map(|running| running.process.pid)
    }

    /// What it wrote to its ready file; null without one.
    pub fn ready(&self) -> &Value {
        &self.ready
    }

    /// The text at `pointer` (as `/rpc_url`) of what it wrote to its ready file.
    pub fn ready_text(&self, pointer: &str) -> Option<&str> {
        self.ready.pointer(pointer)?.as_str()
    }

    /// An error if it has ended by itself.
    ///
    /// # Errors
    ///
    /// [`ChildError::Died`], with its log; [`ChildError::NotRunning`] if it was stopped.
    pub fn check(&self) -> Result<(), ChildError> {
        let running = self.running.as_ref().ok_or_else(|| self.not_running())?;
        let status = *running.exit.borrow();
        status.map_or(Ok(()), |status| Err(self.died(status)))
    }

    /// Waits until it ends by itself: the error says how. Never returns for one that was stopped on purpose.
    pub fn death(&self) -> impl Future<Output = ChildError> + Send + use<> {
        let exit = self.running.as_ref().map(|running| running.exit.clone());
        let (name, log) = (self.spec.name.clone(), self.spec.log.clone());
        async move {
            let Some(mut exit) = exit else {
                return std::future::pending().await;
            };
            match exit.wait_for(Option::is_some).await.map(|status| *status) {
                Ok(Some(status)) => ChildError::Died {
                    name,
                    status,
                    tail: tail(&log),
                    log,
                },
                Ok(None) | Err(_) => ChildError::NotRunning { name },
            }
        }
    }

    /// Kills it with SIGKILL, as a crash would end it, and waits until it is gone. What it had started keeps running.
    ///
    /// # Errors
    ///
    /// [`ChildError::NotRunning`] if there is nothing to kill.
    pub async fn kill9(&mut self) -> Result<(), ChildError> {
        let Some(mut running) = self.running.take() else {
            return Err(self.not_running());
        };
        self.stragglers.extend(with_descendants(&[running.process.pid]));
        running.process.signal(Signal::KILL);
        // The sender ends with the process, so this ends in either case.
        let _ = running.exit.wait_for(Option::is_some).await;
        Ok(())
    }

    /// Asks it to stop, waits, and kills it if it does not. Nothing that it ever started is left.
    pub async fn stop(&mut self) {
        self.halt().await;
        self.sweep();
    }

    /// Starts it again as it was, after it was killed or has ended (or else stops it first), and waits until it is ready.
    /// What a killed predecessor had started keeps running.
    ///
    /// # Errors
    ///
    /// As [`Child::start`].
    pub async fn restart(&mut self) -> Result<(), ChildError> {
        self.halt().await;
        self.launch(false).await
    }

    async fn halt(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        self.stragglers.extend(running.ask_to_stop(&self.spec));
        let stopped = tokio::time::timeout(self.spec.stop_within, running.exit.wait_for(Option::is_some));
        let in_time = stopped.await.is_ok();
        if !in_time {
            tracing::warn!(name = self.spec.name, "does not stop: killed");
            running.process.signal(Signal::KILL);
            let _ = running.exit.wait_for(Option::is_some).await;
        }
    }

    async fn launch(&mut self, first: bool) -> Result<(), ChildError> {
        if let Readiness::File(file) = &self.spec.ready
            && let Err(error) = fs::remove_file(file)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(self.cannot_start(error));
        }
        let logged = if first {
            0
        } else {
            fs::metadata(&self.spec.log).map_or(0, |log| log.len())
        };
        self.ready = Value::Null;
        self.running = Some(self.spawn(first).map_err(|error| self.cannot_start(error))?);
        let outcome = tokio::select! {
            ready = self.until_ready(logged) => ready,
            died = self.death() => Err(died),
            () = tokio::time::sleep(self.spec.ready_within) => Err(ChildError::NotReady {
                name: self.spec.name.clone(),
                within: self.spec.ready_within,
                log: self.spec.log.clone(),
                tail: tail(&self.spec.log),
            }),
        };
        match outcome {
            Ok(ready) => {
                self.ready = ready;
                Ok(())
            }
            Err(error) => {
                self.stop().await;
                Err(error)
            }
        }
    }

    fn spawn(&self, first: bool) -> io::Result<Running> {
        let spec = &self.spec;
        if let Some(folder) = spec.log.parent() {
            fs::create_dir_all(folder)?;
        }
        // Truncated and appended to: what runs from before a restart shares the file.
        if first {
            fs::write(&spec.log, "")?;
        }
        let log = OpenOptions::new().create(true).append(true).open(&spec.log)?;
        let mut command = match &spec.orphan {
            Orphan::Watches => {
                let mut command = Command::new(&spec.program);
                command.args(&spec.args);
                command
            }
            Orphan::Guarded(user) => guard::command(spec, user.as_ref()),
        };
        command.envs(spec.env.iter().map(|(name, value)| (name, value)));
        // A group of its own: Ctrl-C in a terminal reaches the supervisor alone, which stops things in order.
        command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log);
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        let process = Process::find(child.id()).ok_or_else(|| io::Error::other("/proc does not show it"))?;
        let (exited, exit) = watch::channel(None);
        let name = format!("wait {}", spec.name);
        let wait = move || {
            let status = child.wait();
            let _ = exited.send(status.ok());
        };
        std::thread::Builder::new().name(name).spawn(wait)?;
        tracing::debug!(name = spec.name, pid = process.pid, "started");
        Ok(Running { process, stdin, exit })
    }

    async fn until_ready(&self, logged: u64) -> Result<Value, ChildError> {
        match &self.spec.ready {
            Readiness::Started => Ok(Value::Null),
            Readiness::File(file) => loop {
                match fs::read(file) {
                    Ok(bytes) => {
                        return serde_json::from_slice(&bytes).map_err(|error| ChildError::ReadyFile {
                            name: self.spec.name.clone(),
                            file: file.clone(),
                            error,
                        });
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => tokio::time::sleep(POLL).await,
                    Err(error) => return Err(self.cannot_start(error)),
                }
            },
            Readiness::LogLine(text) => loop {
                let log = fs::read(&self.spec.log).map_err(|error| self.cannot_start(error))?;
                let new = log
                    .get(usize::try_from(logged).unwrap_or(usize::MAX)..)
                    .unwrap_or_default();
                if String::from_utf8_lossy(new).contains(text.as_str()) {
                    return Ok(Value::Null);
                }
                tokio::time::sleep(POLL).await;
            },
            Readiness::Http(url) => loop {
                if reqwest::get(url).await.is_ok_and(|answer| answer.status().is_success()) {
                    return Ok(Value::Null);
                }
                tokio::time::sleep(POLL).await;
            },
        }
    }

    /// Kills what is left of all that this child ever started.
    fn sweep(&mut self) {
        let left: Vec<u32> = self
            .stragglers
            .iter()
            .filter(|process| process.is_alive())
            .map(|process| process.pid)
            .collect();
        for process in with_descendants(&left) {
            process.signal(Signal::KILL);
        }
        self.stragglers.clear();
    }

    fn died(&self, status: ExitStatus) -> ChildError {
        let (name, log) = (self.spec.name.clone(), self.spec.log.clone());
        ChildError::Died {
            name,
            status,
            tail: tail(&log),
            log,
        }
    }

    fn not_running(&self) -> ChildError {
        ChildError::NotRunning {
            name: self.spec.name.clone(),
        }
    }

    fn cannot_start(&self, error: io::Error) -> ChildError {
        ChildError::Start {
            name: self.spec.name.clone(),
            program: self.spec.program.clone(),
            error,
        }
    }
}

impl Running {
    /// Says what may have to be killed if that does not help.
    fn ask_to_stop(&mut self, spec: &ChildSpec) -> Vec<Process> {
        // Looked up before: what it started is nobody's child once it has ended.
        let all = with_descendants(&[self.process.pid]);
        // The end of the input is the request; the signal is for what does not watch it.
        self.stdin = None;
        self.process.signal(match spec.orphan {
            Orphan::Watches => spec.stop_signal,
            Orphan::Guarded(_) => Signal::TERM,
        });
        all
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            self.stragglers.extend(running.ask_to_stop(&self.spec));
            let deadline = Instant::now() + self.spec.stop_within;
            while running.exit.borrow().is_none() && Instant::now() < deadline {
                std::thread::sleep(POLL);
            }
        }
        self.sweep();
    }
}
