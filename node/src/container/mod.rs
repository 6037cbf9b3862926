//! The `container` runner: Docker or Podman through the API that both speak, over a local socket.
//!
//! What a container may do is decided in [`plan`], one that runs is a [`Container`], and what an earlier life of the
//! daemon left is found again by its labels.

mod plan;
mod run;

pub use plan::{Ceiling, Order, WORK};
pub use run::{Container, Ended};

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use bollard::Docker;
use bollard::errors::Error as ApiError;
use bollard::query_parameters::{
    CreateImageOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
};
use futures::TryStreamExt as _;
use gantry_sdk::spec::ImageRef;

/// Longest wait for an answer that is no stream.
const PATIENCE: Duration = Duration::from_secs(60);
/// On every container of this program: the daemon's state folder, which no two daemons share.
const OWNER: &str = "gantry.owner";
/// The job's account.
const JOB: &str = "gantry.job";
/// The job's assignment.
const ASSIGNMENT: &str = "gantry.assignment";

/// What answers on the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
}

/// A container runtime that answers.
#[derive(Clone, Debug)]
pub struct Runtime {
    api: Docker,
    engine: Engine,
    version: String,
    /// Whether it runs without root: its root is this host's user then.
    rootless: bool,
    /// Who owns the containers that this runtime is asked for.
    owner: String,
}

/// A container's job and assignment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// The job's account, base58.
    pub job: String,
    /// Its assignment.
    pub assignment: u32,
}

impl Run {
    fn name(&self) -> String {
        format!("gantry-{}-{}", self.job, self.assignment)
    }

    fn labels(&self, owner: &str) -> HashMap<String, String> {
        let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        HashMap::from([
            label(OWNER, owner),
            label(JOB, &self.job),
            label(ASSIGNMENT, &self.assignment.to_string()),
        ])
    }

    fn of(labels: &HashMap<String, String>) -> Option<Self> {
        Some(Self {
            job: labels.get(JOB)?.clone(),
            assignment: labels.get(ASSIGNMENT)?.parse().ok()?,
        })
    }
}

/// Sockets that are tried where none is given: a user's own runtime first, since it can do less to the host.
fn usual_sockets() -> Vec<PathBuf> {
    let own = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let own = own.filter(|folder| folder.is_absolute());
    let named = std::env::var("DOCKER_HOST").ok();
    let named = named.and_then(|host| host.strip_prefix("unix://").map(PathBuf::from));
    let own = |name: &str| own.as_ref().map(|folder| folder.join(name));
    [
        named,
        own("podman/podman.sock"),
        own("docker.sock"),
        Some("/run/podman/podman.sock".into()),
        Some("/run/docker.sock".into()),
        Some("/var/run/docker.sock".into()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Runtime {
    /// The runtime behind `socket`, a path with or without `unix://` in front; containers will belong to `owner`.
    ///
    /// # Errors
    /// If nothing answers there, or not as Docker's API does.
    pub async fn connect(socket: &Path, owner: String) -> anyhow::Result<Self> {
        let path = socket.to_str().context("the socket's path must be UTF-8")?;
        let what =
            || format!("no container runtime answers on {path}: is the service running, and may this user use it?");
        let api =
            Docker::connect_with_unix(path, PATIENCE.as_secs(), bollard::API_DEFAULT_VERSION).with_context(what)?;
        let api = api.negotiate_version().await.with_context(what)?;
        let version = api.version().await.with_context(what)?;
        let info = api.info().await.with_context(what)?;
        let components = version.components.unwrap_or_default();
        let podman = components.iter().any(|component| component.name.contains("Podman"));
        let rootless = info.security_options.unwrap_or_default();
        Ok(Self {
            api,
            engine: if podman { Engine::Podman } else { Engine::Docker },
            version: version.version.unwrap_or_default(),
            rootless: rootless.iter().any(|option| option.contains("rootless")),
            owner,
        })
    }

    /// The first runtime that answers on one of the usual sockets, with the reasons of those before it.
    pub async fn find(owner: &str) -> (Option<Self>, Vec<String>) {
        let mut reasons = Vec::new();
        for socket in usual_sockets().into_iter().filter(|socket| socket.exists()) {
            match Self::connect(&socket, owner.to_owned()).await {
                Ok(runtime) => return (Some(runtime), reasons),
                Err(error) => reasons.push(format!("{error:#}")),
            }
        }
        (None, reasons)
    }

    /// The same runtime with containers of another owner's.
    pub fn of(&self, owner: String) -> Self {
        Self { owner, ..self.clone() }
    }

    /// What it is, for people.
    pub fn describe(&self) -> String {
        let engine = match self.engine {
            Engine::Docker => "Docker",
            Engine::Podman => "Podman",
        };
        let root = if self.rootless { "rootless" } else { "as root" };
        format!("{engine} {}, {root}", self.version)
    }

    /// Makes sure that the image is there, and pulls it where that is permitted.
    ///
    /// # Errors
    /// If it is not among the permitted images, is not there and may not be pulled, or the pull fails.
    pub async fn ensure_image(&self, image: &ImageRef, ceiling: &Ceiling) -> anyhow::Result<()> {
        ceiling.permits(image)?;
        let name = image.to_string();
        match self.api.inspect_image(&name).await {
            Ok(_) => return Ok(()),
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(error).with_context(|| format!("cannot look for the image {name}")),
        }
        anyhow::ensure!(
            ceiling.pull,
            "the image {name} is not on this node, which pulls none: its operator has to load it"
        );
        tracing::info!(image = name, "pulls");
        let options = CreateImageOptionsBuilder::default().from_image(&name).build();
        let pulled = self.api.create_image(Some(options), None, None);
        pulled
            .try_for_each(|_| std::future::ready(Ok(())))
            .await
            .with_context(|| format!("cannot pull the image {name}"))
    }

    /// The container of this run, whatever state it is in.
    async fn lookup(&self, run: &Run) -> anyhow::Result<Option<String>> {
        let found = self.containers().await?;
        Ok(found.into_iter().find(|(_, other)| other == run).map(|(id, _)| id))
    }

    /// Every container that this daemon ever started and that is still there.
    async fn containers(&self) -> anyhow::Result<Vec<(String, Run)>> {
        let filters = HashMap::from([("label".to_owned(), vec![format!("{OWNER}={}", self.owner)])]);
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters)
            .build();
        let found = self.api.list_containers(Some(options)).await;
        let found = found.context("cannot list this node's containers")?;
        let mine = found.into_iter().filter_map(|container| {
            let run = Run::of(container.labels.as_ref()?)?;
            Some((container.id?, run))
        });
        Ok(mine.collect())
    }

    /// Ends and removes the containers of this daemon for which `keep` does not hold; says how many there were.
    ///
    /// # Errors
    /// If the runtime does not answer or cannot remove one.
    pub async fn clean_up(&self, keep: impl Fn(&Run) -> bool) -> anyhow::Result<usize> {
        let mut removed = 0;
        for (id, run) in self.containers().await? {
            if !keep(&run) {
                self.remove(&id).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    async fn remove(&self, id: &str) -> anyhow::Result<()> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        match self.api.remove_container(id, Some(options)).await {
            Ok(()) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("cannot remove the container {id}")),
        }
    }
}

fn is_missing(error: &ApiError) -> bool {
    matches!(error, ApiError::DockerResponseServerError { status_code: 404, .. })
}
