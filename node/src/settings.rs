//! What `gantry-node run` is told, and what follows from it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use gantry_sdk::Pubkey;

use crate::container::{Ceiling, Runtime};
use crate::daemon::Drain;
use crate::gpu::{Gpu, GpuError, choose};
use crate::sandbox::{self, Mode};

/// A node key, and the GPUs that are that node's: `FILE` or `FILE=UUID,UUID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEntry {
    /// Its key file.
    pub key: PathBuf,
    /// UUIDs of its GPUs; `None` where none are named.
    pub gpus: Option<Vec<String>>,
}

impl FromStr for NodeEntry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, gpus) = match text.rsplit_once('=') {
            None => (text, None),
            Some((key, gpus)) => (key, Some(gpus)),
        };
        if key.is_empty() {
            return Err("write FILE or FILE=UUID,UUID".to_owned());
        }
        let gpus = gpus.map(|gpus| gpus.split(',').map(str::to_owned).collect::<Vec<_>>());
        let odd = gpus.iter().flatten().find(|uuid| !is_uuid(uuid));
        if let Some(odd) = odd {
            return Err(format!("{odd:?} is no GPU's UUID: `gantry-node detect` names them"));
        }
        Ok(Self { key: key.into(), gpus })
    }
}

/// As drivers write them: `GPU-…`, or `MIG-…` for a part of one.
fn is_uuid(text: &str) -> bool {
    let rest = text.strip_prefix("GPU-").or_else(|| text.strip_prefix("MIG-"));
    rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_hexdigit() || c == '-'))
}

/// A node's key file and its GPUs; `None` on a host that has none at all.
pub type OwnGpus = (PathBuf, Option<Vec<Gpu>>);

/// A runner that a node offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Offer {
    /// Programs of the host
    Process,
    /// Containers
    Container,
}

/// The options of `gantry-node run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Key file of the node: signs receipts and nothing else. All GPUs of the host are this node's
    #[arg(long, env = "GANTRY_NODE_KEY", value_name = "FILE", conflicts_with = "node")]
    pub node_key: Option<PathBuf>,
    /// Key file of one of several nodes, with the GPUs that are its own; may be given again
    #[arg(
        long,
        env = "GANTRY_NODES",
        value_name = "FILE[=UUID,…]",
        value_delimiter = ' ',
        required_unless_present = "node_key"
    )]
    pub node: Vec<NodeEntry>,
    /// Key file of the wallet that pays for transactions
    #[arg(long, env = "GANTRY_OPERATOR_KEY", value_name = "FILE")]
    pub operator_key: PathBuf,
    /// The provider's account or wallet
    #[arg(long, env = "GANTRY_PROVIDER", value_name = "ADDRESS")]
    pub provider: Pubkey,
    /// The cluster's JSON-RPC server
    #[arg(long, env = "GANTRY_RPC_URL", default_value = "http://127.0.0.1:8899")]
    pub rpc_url: String,
    /// Folder of the blob store
    #[arg(long, env = "GANTRY_BLOB_DIR", value_name = "DIR")]
    pub blob_dir: PathBuf,
    /// Folder for journals and for the jobs' own folders
    #[arg(long, env = "GANTRY_STATE_DIR", value_name = "DIR")]
    pub state_dir: PathBuf,
    /// Runners that are offered [default: process with --search-path, container with --container-socket]
    #[arg(long, env = "GANTRY_RUNNERS", value_delimiter = ',')]
    pub runner: Vec<Offer>,
    /// Folder whose commands jobs of the process runner may run; may be given again
    #[arg(long, env = "GANTRY_SEARCH_PATH", value_name = "DIR", value_delimiter = ':')]
    pub search_path: Vec<PathBuf>,
    /// Whether jobs of the process runner are confined by Landlock
    #[arg(long, env = "GANTRY_SANDBOX", value_enum, default_value_t)]
    pub sandbox: Mode,
    /// File or folder that jobs of the process runner may read; may be given again
    #[arg(long, env = "GANTRY_READABLE", value_name = "PATH", value_delimiter = ':')]
    pub readable: Vec<PathBuf>,
    /// User and group id that jobs run as; needs root. Further nodes take the numbers after it
    #[arg(long, env = "GANTRY_JOB_UID", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=4_294_900_000))]
    pub job_uid: Option<u32>,
    /// Socket of Docker or Podman [default: the first of the usual ones that answers]
    #[arg(long, env = "GANTRY_CONTAINER_SOCKET", value_name = "PATH")]
    pub container_socket: Option<PathBuf>,
    /// Whether containers may reach the network if their job asks for it
    #[arg(long, env = "GANTRY_CONTAINER_NETWORK")]
    pub container_network: bool,
    /// Whether images that are not on this host are pulled
    #[arg(long, env = "GANTRY_PULL")]
    pub pull: bool,
    /// What names of images have to begin with, such as docker.io/team; may be given again
    #[arg(long, env = "GANTRY_IMAGES", value_name = "PREFIX", value_delimiter = ',')]
    pub allow_image: Vec<String>,
    /// Seconds that a container has between SIGTERM and SIGKILL
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=300))]
    pub stop_grace: u64,
    /// Most seconds between two receipts; half the job's proof timeout where that is less
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub proof_interval: u64,
    /// Least seconds between two parts of a job's log in the blob store while it runs; 0 shows it with the result only
    #[arg(long, env = "GANTRY_LOG_INTERVAL", default_value_t = 1, value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub log_interval: u64,
    /// Memory of a job, GiB: of each of its processes, or of its container as a whole
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    pub max_memory_gib: u64,
    /// CPU cores of a container [default: all]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub max_cpus: Option<u32>,
    /// Processes and threads of a job
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_processes: u32,
    /// Size of each file that a job writes, MiB
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u64).range(1..=1_024))]
    pub max_file_mib: u64,
    /// Size of all that a job writes, MiB
    #[arg(long, default_value_t = 10_240, value_parser = clap::value_parser!(u64).range(1..=16_777_216))]
    pub max_disk_mib: u64,
    /// Room that jobs must leave on the disk, MiB
    #[arg(long, default_value_t = 1_024)]
    pub reserve_disk_mib: u64,
    /// Size of a job's log, KiB
    #[arg(long, default_value_t = 1_024, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    pub max_log_kib: u64,
    /// What becomes of jobs on SIGTERM; a second signal ends the daemon at once
    #[arg(long, env = "GANTRY_ON_SIGTERM", value_enum, default_value_t)]
    pub on_sigterm: Drain,
    /// Loopback address of the status page and the metrics
    #[arg(long, env = "GANTRY_STATUS_LISTEN", value_name = "ADDRESS:PORT")]
    pub status_listen: Option<SocketAddr>,
    /// Written once the node serves
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// End when standard input ends: no orphan is left when the parent is killed
    #[arg(long)]
    pub exit_with_parent: bool,
}

impl Run {
    /// The nodes, each with its GPUs of the host's; `None` where the host has none at all and nothing is named.
    ///
    /// # Errors
    /// If a GPU is not there or given away twice.
    pub fn nodes(&self, gpus: &[Gpu]) -> Result<Vec<OwnGpus>, GpuError> {
        let all = || (!gpus.is_empty()).then(|| gpus.to_vec());
        if let Some(key) = &self.node_key {
            return Ok(vec![(key.clone(), all())]);
        }
        let mut given = BTreeSet::new();
        let alone = self.node.len() == 1;
        let node = |entry: &NodeEntry| {
            let own = match &entry.gpus {
                Some(uuids) => Some(choose(gpus, uuids)?),
                None if alone => all(),
                None => Some(Vec::new()),
            };
            let twice = own.iter().flatten().find(|gpu| !given.insert(gpu.uuid.clone()));
            match twice {
                Some(gpu) => Err(GpuError::Twice(gpu.uuid.clone())),
                None => Ok((entry.key.clone(), own)),
            }
        };
        self.node.iter().map(node).collect()
    }

    /// What a job may have at most.
    pub fn ceiling(&self) -> Ceiling {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let cores = self.max_cpus.unwrap_or(u32::try_from(cores).unwrap_or(u32::MAX));
        Ceiling {
            memory_mib: self.max_memory_gib << 10,
            cpu_millis: cores.saturating_mul(1_000),
            pids: self.max_processes,
            disk_mib: self.max_disk_mib,
            file_bytes: self.max_file_mib << 20,
            log_bytes: self.max_log_kib << 10,
            network: self.container_network,
            pull: self.pull,
            images: self.allow_image.clone(),
        }
    }

    /// How long a container has to end.
    pub fn grace(&self) -> Duration {
        Duration::from_secs(self.stop_grace)
    }

    fn offers(&self, offer: Offer) -> bool {
        match offer {
            _ if !self.runner.is_empty() => self.runner.contains(&offer),
            Offer::Process => !self.search_path.is_empty(),
            Offer::Container => self.container_socket.is_some(),
        }
    }

    /// Whether the process runner is offered.
    ///
    /// # Errors
    /// If something that it needs is missing, or what confines its jobs.
    pub fn process_runner(&self) -> anyhow::Result<bool> {
        if !self.offers(Offer::Process) {
            return Ok(false);
        }
        anyhow::ensure!(
            !self.search_path.is_empty(),
            "the process runner needs --search-path, a folder with the commands that jobs may run"
        );
        for folder in &self.search_path {
            anyhow::ensure!(
                folder.is_dir(),
                "--search-path {}: there is no such folder",
                folder.display()
            );
        }
        let support = sandbox::support();
        match (self.sandbox, support) {
            (Mode::Required, None) => anyhow::bail!("--sandbox required: this kernel has no Landlock"),
            (Mode::Auto, None) => tracing::warn!("this kernel has no Landlock: jobs may do what their user may do"),
            (Mode::Off, _) => tracing::warn!("jobs are not confined: they may do what their user may do"),
            (_, Some(what)) => tracing::info!("jobs are confined by Landlock: {what}"),
        }
        if self.job_uid.is_none() && rustix::process::getuid().is_root() {
            tracing::warn!("jobs run as root, whom no limit on processes holds: give --job-uid");
        }
        Ok(true)
    }

    /// The container runtime, if it is offered; `owner` is whose containers they are.
    ///
    /// # Errors
    /// If it is offered and does not answer, or a job of the process runner could use it, too.
    pub async fn container_runner(&self, owner: &Path) -> anyhow::Result<Option<Runtime>> {
        if !self.offers(Offer::Container) {
            return Ok(None);
        }
        anyhow::ensure!(
            !self.offers(Offer::Process) || self.job_uid.is_some(),
            "with both runners offered, a job of the process runner could use the container runtime's socket: give \
             --job-uid, or offer one runner"
        );
        let owner = owner
            .to_str()
            .context("the state folder must have a name in UTF-8")?
            .to_owned();
        let runtime = match &self.container_socket {
            Some(socket) => Runtime::connect(socket, owner).await?,
            None => {
                let (found, reasons) = Runtime::find(&owner).await;
                for reason in &reasons {
                    tracing::warn!(reason, "a container runtime cannot be used");
                }
                found.context(
                    "no Docker or Podman answers on any of the usual sockets: start one (`systemctl start \
                     podman.socket`), or give --container-socket",
                )?
            }
        };
        tracing::info!("containers run in {}", runtime.describe());
        Ok(Some(runtime))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::{Inventory as _, Recorded};
    use clap::Parser;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        run: Run,
    }

    fn run(arguments: &[&str]) -> Result<Run, clap::Error> {
        let common = [
            "x",
            "--operator-key",
            "o",
            "--provider",
            "11111111111111111111111111111111",
        ];
        let common = common
            .iter()
            .chain(&["--blob-dir", "b", "--state-dir", "s"])
            .chain(arguments);
        Program::try_parse_from(common).map(|program| program.run)
    }

    fn gpus() -> Vec<Gpu> {
        let recorded: Recorded =
            serde_json::from_str(include_str!("../tests/inventories/two-h100-and-an-l4.json")).expect("an inventory");
        recorded.gpus().expect("recorded")
    }

    #[test]
    fn one_node_has_all_gpus_and_several_have_their_own() {
        let gpus = gpus();
        let one = run(&["--node-key", "k"]).expect("parses").nodes(&gpus).expect("there");
        assert_eq!(one, [("k".into(), Some(gpus.clone()))]);
        let none = run(&["--node-key", "k"]).expect("parses").nodes(&[]).expect("there");
        assert_eq!(none, [("k".into(), None)]);
        let (first, second) = (
            format!("a={},{}", gpus[0].uuid, gpus[1].uuid),
            format!("b={}", gpus[2].uuid),
        );
        let several = run(&["--node", &first, "--node", &second, "--node", "c"]).expect("parses");
        assert_eq!(
            several.nodes(&gpus).expect("there"),
            [
                ("a".into(), Some(gpus[..2].to_vec())),
                ("b".into(), Some(gpus[2..].to_vec())),
                ("c".into(), Some(Vec::new())),
            ]
        );
        let twice = run(&["--node", &first, "--node", &format!("b={}", gpus[1].uuid)]).expect("parses");
        assert!(matches!(twice.nodes(&gpus), Err(GpuError::Twice(_))));
        assert!(matches!(several.nodes(&gpus[..2]), Err(GpuError::Missing { .. })));
    }

    #[test]
    fn a_node_needs_a_key_and_gpus_that_could_be() {
        assert!(run(&[]).is_err());
        assert!(run(&["--node-key", "k", "--node", "b"]).is_err());
        for odd in ["k=", "k=0", "k=GPU-x y", "=GPU-1", "k=GPU-1,,GPU-2"] {
            assert!(run(&["--node", odd]).is_err(), "{odd}");
        }
    }

    #[tokio::test]
    async fn both_runners_at_once_need_a_user_for_jobs() {
        let both = run(&[
            "--node-key",
            "k",
            "--runner",
            "process,container",
            "--search-path",
            "/usr/bin",
        ]);
        let error = both
            .expect("parses")
            .container_runner(Path::new("s"))
            .await
            .expect_err("refused");
        assert!(error.to_string().contains("--job-uid"), "{error:#}");
    }

    #[test]
    fn runners_are_offered_by_what_they_need() {
        let containers = run(&["--node-key", "k", "--container-socket", "/run/x"]).expect("parses");
        assert!(containers.offers(Offer::Container) && !containers.offers(Offer::Process));
        let programs = run(&["--node-key", "k", "--search-path", "/usr/bin"]).expect("parses");
        assert!(programs.process_runner().expect("there") && !programs.offers(Offer::Container));
        let missing = run(&["--node-key", "k", "--search-path", "/no/such"]).expect("parses");
        assert!(
            missing
                .process_runner()
                .expect_err("missing")
                .to_string()
                .contains("/no/such")
        );
    }
}
