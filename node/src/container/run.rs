//! A container that runs, or has run.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use bollard::errors::Error as ApiError;
use bollard::models::{ContainerState, ContainerStateStatusEnum as Status};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, LogsOptionsBuilder, StartContainerOptions,
    StopContainerOptionsBuilder, WaitContainerOptions,
};
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use tokio::task::JoinHandle;

use super::{Order, Run, Runtime, is_missing};
use crate::guard::Exit;
use crate::log::Log;

/// Pause before a runtime that did not answer is asked again.
const RETRY: Duration = Duration::from_millis(500);
/// Longest that the rest of a log is waited for once the container has ended.
const LOG_PATIENCE: Duration = Duration::from_secs(10);
/// Tries of an inspection, with [`RETRY`] between them: a runtime that is restarted is back within a minute.
const TRIES: u32 = 120;

/// A job's container. Dropping it leaves it running: a later life of the daemon finds it again.
#[derive(Debug)]
pub struct Container {
    runtime: Runtime,
    id: String,
    log: Option<Followed>,
}

/// A log that is being copied.
#[derive(Debug)]
struct Followed {
    task: JoinHandle<std::io::Result<()>>,
    file: PathBuf,
    most: u64,
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code.
    pub exit: Exit,
    /// What the customer should know beside it.
    pub note: Option<&'static str>,
    /// When, by this host's clock.
    pub at: Option<DateTime<Utc>>,
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Some(log) = self.log.take() {
            log.task.abort();
        }
    }
}

impl Container {
    /// Creates and starts the container that `order` describes; its image must be there.
    ///
    /// # Errors
    /// If the job asks for more than the node gives, or the runtime refuses.
    pub async fn start(runtime: &Runtime, order: &Order<'_>) -> anyhow::Result<Self> {
        let body = order.body(runtime)?;
        // The name makes sure that one assignment never has two containers.
        let options = CreateContainerOptionsBuilder::default().name(&order.run.name()).build();
        let created = runtime.api.create_container(Some(options), body).await;
        let id = created
            .context("the container runtime does not create the container")?
            .id;
        let mut container = Self {
            runtime: runtime.clone(),
            id,
            log: None,
        };
        if let Err(error) = container.begin().await {
            container.remove().await.context("cannot remove what did not start")?;
            return Err(error);
        }
        container.follow(order.log, order.ceiling.log_bytes)?;
        Ok(container)
    }

    /// Finds the container of `run` again, if there is one, and follows its log from the start. One that was created
    /// and not started is started.
    ///
    /// One that ended because the whole host went down counts as none: it is removed, so that the job can run again.
    ///
    /// # Errors
    /// If the runtime does not answer.
    pub async fn attach(runtime: &Runtime, run: &Run, log: &Path, log_bytes: u64) -> anyhow::Result<Option<Self>> {
        let Some(id) = runtime.lookup(run).await? else {
            return Ok(None);
        };
        let mut container = Self {
            runtime: runtime.clone(),
            id,
            log: None,
        };
        let Some(state) = container.state().await? else {
            return Ok(None);
        };
        if matches!(state.status, Some(Status::CREATED)) {
            container.begin().await?;
        } else if !is_running(&state) && began_before_boot(&state) {
            container.remove().await?;
            return Ok(None);
        }
        container.follow(log, log_bytes)?;
        Ok(Some(container))
    }

    async fn begin(&self) -> anyhow::Result<()> {
        let started = self
            .runtime
            .api
            .start_container(&self.id, None::<StartContainerOptions>);
        started
            .await
            .context("the container runtime does not start the container")
    }

    fn follow(&mut self, file: &Path, most: u64) -> anyhow::Result<()> {
        let log = open_log(file, most).with_context(|| format!("cannot write the log {}", file.display()))?;
        let follow = follow(self.runtime.clone(), self.id.clone(), file.to_owned(), most, log);
        self.log = Some(Followed {
            task: tokio::spawn(follow),
            file: file.to_owned(),
            most,
        });
        Ok(())
    }

    async fn state(&self) -> Result<Option<ContainerState>, ApiError> {
        let options = None::<InspectContainerOptions>;
        match self.runtime.api.inspect_container(&self.id, options).await {
            Ok(container) => Ok(Some(container.state.unwrap_or_default())),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Waits until it has ended and its log is whole. May be cancelled and called again. A runtime that is being
    /// restarted is waited for.
    ///
    /// # Errors
    /// If the runtime is gone for good, or the container is.
    pub async fn wait(&mut self) -> anyhow::Result<Ended> {
        let (mut failures, mut looks) = (0, 0);
        let state = loop {
            match self.state().await {
                Ok(Some(state)) if has_ended(&state) => break state,
                // Podman says that it does not run any more before it knows how it ended.
                Ok(Some(state)) if !is_running(&state) => {
                    looks += 1;
                    anyhow::ensure!(
                        looks < TRIES * 5,
                        "the container runtime does not say how the container ended"
                    );
                    tokio::time::sleep(RETRY / 5).await;
                    continue;
                }
                Ok(Some(_)) => failures = 0,
                Ok(None) => anyhow::bail!("somebody removed the job's container"),
                Err(error) => {
                    failures += 1;
                    if failures >= TRIES {
                        return Err(error).context("the container runtime does not answer any more");
                    }
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            }
            // Only says that it is time to look again: what has happened is what the inspection says.
            let mut end = Box::pin(self.runtime.api.wait_container(&self.id, None::<WaitContainerOptions>));
            if !matches!(
                end.next().await,
                Some(Ok(_) | Err(ApiError::DockerContainerWaitError { .. }))
            ) {
                tokio::time::sleep(RETRY).await;
            }
        };
        self.end_log().await;
        let code = state.exit_code.and_then(|code| i32::try_from(code).ok());
        Ok(Ended {
            exit: Exit {
                code: code.unwrap_or(Exit::KILLED.code),
            },
            note: (state.oom_killed == Some(true)).then_some("the job ran out of its memory and was killed"),
            at: state.finished_at.as_deref().and_then(instant),
        })
    }

    /// Makes sure that the log is whole: Podman ends the stream with the container, lines that it has not sent yet or not.
    async fn end_log(&mut self) {
        let Some(followed) = &mut self.log else { return };
        match tokio::time::timeout(LOG_PATIENCE, &mut followed.task).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "the job's log is incomplete"),
            Ok(Err(error)) => tracing::warn!(%error, "the job's log is incomplete"),
            Err(_) => tracing::debug!("the runtime does not end the job's log"),
        }
        followed.task.abort();
        let (file, most) = (followed.file.clone(), followed.most);
        self.log = None;
        let whole = file.with_extension("whole");
        let copied = tokio::time::timeout(LOG_PATIENCE, copy(&self.runtime, &self.id, &whole, most)).await;
        let size = |file: &Path| std::fs::metadata(file).map_or(0, |data| data.len());
        // What the runtime still has may be less: it forgets the beginning of a long log.
        let better = matches!(copied, Ok(Ok(()))) && size(&whole) > size(&file);
        let kept = if better {
            std::fs::rename(&whole, &file)
        } else {
            std::fs::remove_file(&whole)
        };
        if let Err(error) = kept {
            tracing::debug!(%error, "the second copy of the log is left");
        }
    }

    /// Asks it to end, kills it when `grace` has passed, and waits for it.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn stop(&mut self, grace: Duration) -> anyhow::Result<Ended> {
        let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        if let Err(error) = self.runtime.api.stop_container(&self.id, Some(options)).await {
            // Most often because it has just ended. Where it has not, force is the answer.
            tracing::debug!(%error, "the runtime did not stop the container");
            let state = self.state().await?.unwrap_or_default();
            if is_running(&state) {
                let killed = self.runtime.api.kill_container(&self.id, None);
                killed
                    .await
                    .context("the container runtime does not kill the container")?;
            }
        }
        self.wait().await
    }

    /// Removes it, running or not.
    ///
    /// # Errors
    /// If the runtime refuses.
    pub async fn remove(&self) -> anyhow::Result<()> {
        self.runtime.remove(&self.id).await
    }
}

fn is_running(state: &ContainerState) -> bool {
    state.running == Some(true)
}

fn has_ended(state: &ContainerState) -> bool {
    // When it began is of no use here: Podman notes that late, and a quick command has ended milliseconds before it.
    !is_running(state) && state.finished_at.as_deref().and_then(instant).is_some()
}

fn began_before_boot(state: &ContainerState) -> bool {
    let boot = i64::try_from(sysinfo::System::boot_time()).unwrap_or(0);
    let began = state.started_at.as_deref().and_then(instant);
    began.is_some_and(|began| began.timestamp() < boot)
}

/// A time as runtimes write it; year 1 stands for never.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc);
    (time.timestamp() > 0).then_some(time)
}

fn open_log(file: &Path, most: u64) -> std::io::Result<Log> {
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(file)?;
    Ok(Log::new(file, most))
}

/// Copies the container's log to its file. Starts over when the stream breaks, since the runtime keeps all of it.
async fn follow(runtime: Runtime, id: String, file: PathBuf, most: u64, mut log: Log) -> std::io::Result<()> {
    loop {
        let options = LogsOptionsBuilder::default()
            .follow(true)
            .stdout(true)
            .stderr(true)
            .build();
        let mut lines = Box::pin(runtime.api.logs(&id, Some(options)));
        let failure = loop {
            match lines.next().await {
                None => break None,
                Some(Ok(part)) => log.write(part.as_ref()),
                Some(Err(error)) => break Some(error),
            }
        };
        let Some(error) = failure else {
            return log.finish();
        };
        if is_missing(&error) {
            return log.finish();
        }
        tracing::debug!(%error, "the container's log broke off; starting over");
        tokio::time::sleep(RETRY).await;
        log = open_log(&file, most)?;
    }
}

/// Copies what the runtime has of a log.
async fn copy(runtime: &Runtime, id: &str, file: &Path, most: u64) -> anyhow::Result<()> {
    let mut log = open_log(file, most)?;
    let options = LogsOptionsBuilder::default().stdout(true).stderr(true).build();
    let mut lines = Box::pin(runtime.api.logs(id, Some(options)));
    while let Some(part) = lines.next().await {
        log.write(part?.as_ref());
    }
    Ok(log.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_each_runtime_writes_them() {
        let docker = instant("2026-01-02T03:04:05.123456789Z").expect("a time");
        let podman = instant("2026-01-02T04:04:05.123456789+01:00").expect("a time");
        assert_eq!(docker, podman);
        assert_eq!(instant("0001-01-01T00:00:00Z"), None);
        assert_eq!(instant("soon"), None);
    }

    #[test]
    fn a_command_may_end_before_podman_notes_its_start() {
        let never = "0001-01-01T00:00:00Z";
        let state = |running, finished: &str| ContainerState {
            running: Some(running),
            started_at: Some("2026-01-02T03:04:05.005Z".to_owned()),
            finished_at: Some(finished.to_owned()),
            ..ContainerState::default()
        };
        assert!(has_ended(&state(false, "2026-01-02T03:04:05.001Z")));
        assert!(!has_ended(&state(true, never)));
        // It does not run, and how it ended is not known yet.
        assert!(!has_ended(&state(false, never)));
    }
}
