//! What a job's container is made of, and what it may have at most.

use std::path::Path;

use bollard::models::{
    ContainerCreateBody, DeviceRequest, HostConfig, HostConfigLogConfig, Mount, MountType, ResourcesUlimits,
    RestartPolicy, RestartPolicyNameEnum,
};
use gantry_sdk::spec::{ContainerRunner, ImageRef, Network};

use super::{Engine, Run, Runtime};

/// Where a container finds its inputs and leaves its outputs.
pub const WORK: &str = "/work";
/// Open files of each process.
const OPEN_FILES: i64 = 4_096;
/// Processes of the job's user. Podman lowers its own limit to 32,768 and cannot pass on more.
const MOST_PROCESSES: i64 = 16_384;
/// `/tmp` and `/dev/shm`, which are memory and count as such.
const MEMORY_FOLDER_BYTES: i64 = 64 << 20;

/// What this node gives a container at most.
#[derive(Clone, Debug)]
pub struct Ceiling {
    /// Main memory, MiB.
    pub memory_mib: u64,
    /// CPU time, thousandths of a core.
    pub cpu_millis: u32,
    /// Processes and threads.
    pub pids: u32,
    /// Everything in the work folder, MiB.
    pub disk_mib: u64,
    /// Size of any one file, bytes.
    pub file_bytes: u64,
    /// Size of the log, bytes.
    pub log_bytes: u64,
    /// Whether a job may reach the outside.
    pub network: bool,
    /// Whether images that are not here are pulled.
    pub pull: bool,
    /// What the names of images have to begin with; nothing where empty.
    pub images: Vec<String>,
}

impl Ceiling {
    /// Refuses images that the operator does not permit.
    ///
    /// # Errors
    /// Says which are permitted.
    pub fn permits(&self, image: &ImageRef) -> anyhow::Result<()> {
        // Of whole path parts: `docker.io/team` is not the beginning of `docker.io/teamster/x`.
        let begins = |prefix: &String| {
            let rest = image.name().strip_prefix(prefix.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let permitted = self.images.is_empty() || self.images.iter().any(begins);
        anyhow::ensure!(
            permitted,
            "this node runs images below {} only, not {}",
            self.images.join(", "),
            image.name()
        );
        Ok(())
    }

    /// Refuses what this node does not give, and fills in what the job leaves open.
    ///
    /// # Errors
    /// Names the first thing that is too much.
    pub fn grant(&self, runner: &ContainerRunner, gpus: usize) -> anyhow::Result<Grant> {
        let within = |what: &str, asked: Option<u64>, most: u64| {
            let asked = asked.unwrap_or(most);
            anyhow::ensure!(
                asked <= most,
                "the job asks for {asked} {what}, this node gives at most {most}"
            );
            Ok(asked)
        };
        anyhow::ensure!(
            self.network || runner.network == Network::None,
            "the job asks for the network, which this node does not give"
        );
        within("GPUs", Some(runner.gpus.into()), gpus as u64)?;
        Ok(Grant {
            memory_mib: within("MiB of memory", runner.memory_mib, self.memory_mib)?,
            cpu_millis: within(
                "thousandths of a core",
                runner.cpu_millis.map(Into::into),
                self.cpu_millis.into(),
            )?,
            pids: within("processes", runner.pids.map(Into::into), self.pids.into())?,
            disk_mib: within("MiB of disk", runner.disk_mib, self.disk_mib)?,
        })
    }
}

/// What one job gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Main memory, MiB.
    pub memory_mib: u64,
    /// CPU time, thousandths of a core.
    pub cpu_millis: u64,
    /// Processes and threads.
    pub pids: u64,
    /// Everything in the work folder, MiB.
    pub disk_mib: u64,
}

/// What to run.
#[derive(Debug)]
pub struct Order<'a> {
    /// Whose run it is.
    pub run: Run,
    /// What the spec says.
    pub runner: &'a ContainerRunner,
    /// What the node gives it.
    pub ceiling: &'a Ceiling,
    /// UUIDs of this node's GPUs; the job gets the first ones.
    pub gpus: &'a [String],
    /// The folder that is its `/work`.
    pub folder: &'a Path,
    /// Where the log goes; outside that folder.
    pub log: &'a Path,
    /// Who it runs as, where the runtime is root's: user and group.
    pub user: (u32, u32),
}

impl Order<'_> {
    /// The container as the API takes it.
    ///
    /// # Errors
    /// If the job asks for more than the node gives.
    pub fn body(&self, runtime: &Runtime) -> anyhow::Result<ContainerCreateBody> {
        let grant = self.ceiling.grant(self.runner, self.gpus.len())?;
        let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let memory = signed(grant.memory_mib << 20);
        let limit = |name: &str, value: i64| ResourcesUlimits {
            name: Some(name.to_owned()),
            soft: Some(value),
            hard: Some(value),
        };
        let own = [("GANTRY_JOB_DIR", WORK), ("HOME", WORK), ("TMPDIR", "/tmp")];
        let own = own.iter().map(|(name, value)| format!("{name}={value}"));
        let given = self.runner.env.iter().map(|(name, value)| format!("{name}={value}"));
        // Without root outside, root inside is the daemon's own user; anybody else could not use the work folder.
        let user = if runtime.rootless { (0, 0) } else { self.user };
        let gpus = &self.gpus[..usize::from(self.runner.gpus)];
        let host = HostConfig {
            mounts: Some(vec![Mount {
                target: Some(WORK.to_owned()),
                source: Some(self.folder.display().to_string()),
                typ: Some(MountType::BIND),
                ..Mount::default()
            }]),
            tmpfs: Some(
                [(
                    "/tmp".to_owned(),
                    format!("rw,nosuid,nodev,mode=1777,size={MEMORY_FOLDER_BYTES}"),
                )]
                .into(),
            ),
            shm_size: Some(MEMORY_FOLDER_BYTES),
            readonly_rootfs: Some(true),
            privileged: Some(false),
            cap_drop: Some(vec!["ALL".to_owned()]),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            network_mode: Some(match self.runner.network {
                Network::None => "none".to_owned(),
                Network::Outbound => "default".to_owned(),
            }),
            ipc_mode: Some("private".to_owned()),
            memory: Some(memory),
            // The same number: no swap.
            memory_swap: Some(memory),
            nano_cpus: Some(signed(grant.cpu_millis.saturating_mul(1_000_000))),
            pids_limit: Some(signed(grant.pids)),
            ulimits: Some(vec![
                limit("core", 0),
                limit("nofile", OPEN_FILES),
                limit("fsize", signed(self.ceiling.file_bytes)),
                // The limit that counts is `pids_limit`. Left out, Podman would set one that hosts may refuse.
                limit("nproc", own_processes()),
            ]),
            device_requests: (!gpus.is_empty()).then(|| vec![device_request(runtime.engine, gpus)]),
            log_config: Some(HostConfigLogConfig {
                typ: Some("json-file".to_owned()),
                // Of the runtime's own file, which has more around each line than the job wrote.
                config: Some(
                    [(
                        "max-size".to_owned(),
                        format!("{}k", (self.ceiling.log_bytes >> 8).max(64)),
                    )]
                    .into(),
                ),
            }),
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::NO),
                maximum_retry_count: None,
            }),
            ..HostConfig::default()
        };
        let command = (!self.runner.command.is_empty()).then(|| self.runner.command.clone());
        Ok(ContainerCreateBody {
            image: Some(self.runner.image.to_string()),
            cmd: command,
            env: Some(own.chain(given).collect()),
            user: Some(format!("{}:{}", user.0, user.1)),
            working_dir: Some(WORK.to_owned()),
            labels: Some(self.run.labels(&runtime.owner)),
            network_disabled: Some(self.runner.network == Network::None),
            host_config: Some(host),
            ..ContainerCreateBody::default()
        })
    }
}

/// Processes that this daemon's user may have, which it may pass on.
fn own_processes() -> i64 {
    let most = rustix::process::getrlimit(rustix::process::Resource::Nproc).maximum;
    most.and_then(|most| i64::try_from(most).ok())
        .unwrap_or(MOST_PROCESSES)
        .min(MOST_PROCESSES)
}

/// Docker's own request, and Podman's through the Container Device Interface, which has names for devices.
fn device_request(engine: Engine, gpus: &[String]) -> DeviceRequest {
    match engine {
        Engine::Docker => DeviceRequest {
            driver: Some("nvidia".to_owned()),
            device_ids: Some(gpus.to_vec()),
            capabilities: Some(vec![vec!["gpu".to_owned()]]),
            ..DeviceRequest::default()
        },
        Engine::Podman => DeviceRequest {
            driver: Some("cdi".to_owned()),
            device_ids: Some(gpus.iter().map(|uuid| format!("nvidia.com/gpu={uuid}")).collect()),
            ..DeviceRequest::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::Docker;
    use serde_json::{Value, json};

    fn ceiling() -> Ceiling {
        Ceiling {
            memory_mib: 1_024,
            cpu_millis: 2_000,
            pids: 64,
            disk_mib: 100,
            file_bytes: 1 << 20,
            log_bytes: 1 << 20,
            network: false,
            pull: false,
            images: Vec::new(),
        }
    }

    fn runner(change: Value) -> ContainerRunner {
        let mut spec = json!({ "image": format!("docker.io/team/x@sha256:{}", "a".repeat(64)) });
        let fields = change.as_object().expect("an object").clone();
        spec.as_object_mut().expect("an object").extend(fields);
        serde_json::from_value(spec).expect("a runner")
    }

    /// The request as it goes over the socket; nothing is connected.
    fn request(engine: Engine, rootless: bool, runner: &ContainerRunner, ceiling: &Ceiling) -> anyhow::Result<Value> {
        let runtime = Runtime {
            api: Docker::connect_with_unix("/dev/null", 1, bollard::API_DEFAULT_VERSION)?,
            engine,
            version: String::new(),
            rootless,
            owner: "state".to_owned(),
        };
        let order = Order {
            run: Run {
                job: "job".to_owned(),
                assignment: 3,
            },
            runner,
            ceiling,
            gpus: &["GPU-a".to_owned(), "GPU-b".to_owned()],
            folder: Path::new("/state/work"),
            log: Path::new("/state/log"),
            user: (900, 901),
        };
        Ok(serde_json::to_value(order.body(&runtime)?)?)
    }

    #[test]
    fn nothing_is_open_that_the_job_did_not_ask_for() {
        let body = request(Engine::Docker, false, &runner(json!({})), &ceiling()).expect("granted");
        let host = &body["HostConfig"];
        assert_eq!(host["ReadonlyRootfs"], true);
        assert_eq!(host["Privileged"], false);
        assert_eq!(host["CapDrop"], json!(["ALL"]));
        assert_eq!(host["SecurityOpt"], json!(["no-new-privileges"]));
        assert_eq!(host["NetworkMode"], "none");
        assert_eq!(body["NetworkDisabled"], true);
        assert_eq!(
            (&host["Memory"], &host["MemorySwap"]),
            (&json!(1 << 30), &json!(1 << 30))
        );
        assert_eq!(
            (&host["NanoCpus"], &host["PidsLimit"]),
            (&json!(2_000_000_000u64), &json!(64))
        );
        assert_eq!(body["User"], "900:901");
        assert_eq!(host["Mounts"].as_array().expect("mounts").len(), 1);
        assert_eq!(host["Mounts"][0]["Source"], "/state/work");
        assert!(host["DeviceRequests"].is_null() && host["Devices"].is_null() && host["Binds"].is_null());
        assert_eq!(
            body["Labels"],
            json!({ "gantry.owner": "state", "gantry.job": "job", "gantry.assignment": "3" })
        );
        let rootless = request(Engine::Podman, true, &runner(json!({})), &ceiling()).expect("granted");
        assert_eq!(rootless["User"], "0:0");
    }

    #[test]
    fn gpus_are_named_one_by_one_as_each_engine_takes_them() {
        let one = runner(json!({ "gpus": 1 }));
        let docker = request(Engine::Docker, false, &one, &ceiling()).expect("granted");
        assert_eq!(
            docker["HostConfig"]["DeviceRequests"],
            json!([{ "Driver": "nvidia", "DeviceIDs": ["GPU-a"], "Capabilities": [["gpu"]] }])
        );
        let podman = request(Engine::Podman, false, &one, &ceiling()).expect("granted");
        assert_eq!(
            podman["HostConfig"]["DeviceRequests"],
            json!([{ "Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=GPU-a"] }])
        );
    }

    #[test]
    fn more_than_the_node_gives_is_refused_with_what_it_gives() {
        let refusal = |change: Value| {
            let error = request(Engine::Docker, false, &runner(change), &ceiling()).expect_err("refused");
            error.to_string()
        };
        assert!(refusal(json!({ "memory_mib": 1_025 })).contains("at most 1024"));
        assert!(refusal(json!({ "cpu_millis": 2_001 })).contains("at most 2000"));
        assert!(refusal(json!({ "pids": 65 })).contains("at most 64"));
        assert!(refusal(json!({ "disk_mib": 101 })).contains("at most 100"));
        assert!(refusal(json!({ "gpus": 3 })).contains("at most 2"));
        assert!(refusal(json!({ "network": "outbound" })).contains("network"));
        let open = Ceiling {
            network: true,
            ..ceiling()
        };
        let body = request(Engine::Docker, false, &runner(json!({ "network": "outbound" })), &open).expect("granted");
        assert_eq!(body["HostConfig"]["NetworkMode"], "default");
    }

    #[test]
    fn only_permitted_images_are_run() {
        let image = runner(json!({})).image;
        for (prefix, permitted) in [
            ("docker.io/team", true),
            ("docker.io/team/", true),
            ("docker.io/team/x", true),
            ("docker.io/te", false),
            ("quay.io", false),
        ] {
            let ceiling = Ceiling {
                images: vec![prefix.to_owned()],
                ..ceiling()
            };
            assert_eq!(ceiling.permits(&image).is_ok(), permitted, "{prefix}");
        }
        assert!(ceiling().permits(&image).is_ok());
    }
}
