//! The container runner against a real [`Podman`] of this test's own.

mod podman;
mod processes;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use gantry_node::container::{Ceiling, Container, Order, Run, Runtime};
use gantry_node::usage;
use gantry_node::workspace::Workspace;
use gantry_sdk::spec::{ContainerRunner, ImageRef};
use podman::Podman;
use processes::processes_of;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(2);
const OWNER: &str = "this test";
/// Neither root nor any user that a host has, and one for each job: what it runs can be told from all else.
static NEXT_USER: AtomicU32 = AtomicU32::new(61_000);

impl Podman {
    async fn runtime(&self) -> Runtime {
        Runtime::connect(&self.socket(), OWNER.to_owned())
            .await
            .expect("answers")
    }

    /// A folder beside its own.
    fn folder(&self, name: &str) -> PathBuf {
        self.socket().with_file_name(name)
    }

    /// A job that runs `script`.
    fn job(&self, name: &str, script: &str, more: Value) -> Job {
        let mut runner = json!({ "image": self.image, "command": ["/bin/sh", "-c", script] });
        let fields = more.as_object().expect("an object").clone();
        runner.as_object_mut().expect("an object").extend(fields);
        let workspace = Workspace::create(&self.folder(name)).expect("created");
        let user = NEXT_USER.fetch_add(1, Ordering::Relaxed);
        workspace.give_to(user, user).expect("given");
        Job {
            user,
            run: Run {
                job: name.to_owned(),
                assignment: 1,
            },
            runner: serde_json::from_value(runner).expect("a runner"),
            ceiling: ceiling(),
            workspace,
        }
    }
}

struct Job {
    user: u32,
    run: Run,
    runner: ContainerRunner,
    ceiling: Ceiling,
    workspace: Workspace,
}

fn ceiling() -> Ceiling {
    Ceiling {
        memory_mib: 64,
        cpu_millis: 1_000,
        pids: 30,
        disk_mib: 10,
        file_bytes: 4 << 20,
        log_bytes: 20_000,
        network: false,
        pull: false,
        images: Vec::new(),
    }
}

impl Job {
    async fn try_start(&self, runtime: &Runtime) -> anyhow::Result<Container> {
        let log = self.workspace.log();
        let order = Order {
            run: self.run.clone(),
            runner: &self.runner,
            ceiling: &self.ceiling,
            gpus: &[],
            folder: self.workspace.work(),
            log: &log,
            user: (self.user, self.user),
        };
        Container::start(runtime, &order).await
    }

    async fn start(&self, runtime: &Runtime) -> Container {
        self.try_start(runtime).await.expect("started")
    }

    async fn attach(&self, runtime: &Runtime) -> Option<Container> {
        let log = self.workspace.log();
        Container::attach(runtime, &self.run, &log, self.ceiling.log_bytes)
            .await
            .expect("looked")
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&self.workspace.read_log().expect("read")).into_owned()
    }

    /// Waits until the job has made the file `name`.
    async fn made(&self, name: &str) {
        let started = Instant::now();
        while !self.workspace.work().join(name).exists() {
            assert!(
                started.elapsed() < PATIENCE,
                "the job never made {name}: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_has_its_files_and_nothing_else() {
    let Some(podman) = Podman::start().await else { return };
    let runtime = podman.runtime().await;
    assert!(runtime.describe().starts_with("Podman "), "{}", runtime.describe());
    let script = "cat input; echo \"$GREETING $HOME\" >&2; id -u; \
        touch /root-file /etc/file /bin/file; touch /tmp/scratch && echo scratch; \
        cat /proc/self/status; ls /sys/class/net; ls /dev; echo done > output; exit 7";
    let job = podman.job("plain", script, json!({ "env": { "GREETING": "hello" } }));
    job.workspace.place("input", b"from outside\n").expect("placed");
    job.workspace.give_to(job.user, job.user).expect("given");
    runtime
        .ensure_image(&podman.image, &job.ceiling)
        .await
        .expect("it is there");
    let mut container = job.start(&runtime).await;
    let ended = container.wait().await.expect("ended");
    let log = job.log();
    assert_eq!(ended.exit.code, 7, "{log}");
    let user = job.user.to_string();
    for line in ["from outside", "hello /work", &user, "scratch"] {
        assert!(log.contains(line), "no {line:?} in {log}");
    }
    assert_eq!(log.matches("Read-only file system").count(), 3, "{log}");
    let status = |name: &str| {
        let line = log.lines().find_map(|line| line.strip_prefix(name));
        line.expect(name).trim().to_owned()
    };
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(status(set), "0000000000000000", "{set}");
    }
    assert_eq!(status("NoNewPrivs:"), "1");
    assert_eq!(status("Seccomp:"), "2");
    let interfaces: Vec<&str> = log
        .lines()
        .filter(|line| *line == "lo" || line.starts_with("eth"))
        .collect();
    assert_eq!(interfaces, ["lo"], "{log}");
    assert!(!log.contains("nvidia"), "{log}");
    assert_eq!(job.workspace.collect("output", 100).expect("collected"), b"done\n");
    container.remove().await.expect("removed");
    assert!(job.attach(&runtime).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold() {
    let Some(podman) = Podman::start().await else { return };
    let runtime = podman.runtime().await;
    // One line without an end, which it has to keep whole.
    let memory = podman.job("memory", "exec tail /dev/zero", json!({}));
    let ended = memory.start(&runtime).await.wait().await.expect("ended");
    assert_eq!(ended.exit.code, 137, "{}", memory.log());

    let bomb = podman.job("bomb", "bomb() { bomb | bomb & wait; }; bomb", json!({ "pids": 20 }));
    let mut container = bomb.start(&runtime).await;
    let ended = tokio::time::timeout(PATIENCE, container.wait()).await;
    if ended.is_err() {
        container.stop(Duration::ZERO).await.expect("stopped");
    }
    assert!(bomb.log().contains("Cannot fork"), "{}", bomb.log());

    let file = podman.job("file", "head -c 9000000 /dev/zero > big; ls -ln big; exit 0", json!({}));
    file.start(&runtime).await.wait().await.expect("ended");
    let size = std::fs::metadata(file.workspace.work().join("big"))
        .expect("made")
        .len();
    assert_eq!(size, file.ceiling.file_bytes);

    let script = "i=0; while :; do head -c 1000000 /dev/zero > f$i; i=$((i+1)); done";
    let disk = podman.job("disk", script, json!({}));
    let mut container = disk.start(&runtime).await;
    let most = disk.ceiling.disk_mib << 20;
    let reason = usage::exceeded(disk.workspace.work().to_owned(), most, 0).await;
    assert!(reason.contains("more than the 10 MiB"), "{reason}");
    assert_ne!(processes_of(disk.user), 0, "it has ended by itself");
    container.stop(Duration::ZERO).await.expect("stopped");
    assert_eq!(processes_of(disk.user), 0, "something of it still writes");

    let line = "x".repeat(100);
    let talk = format!("i=0; while [ $i -lt 5000 ]; do echo {line}; i=$((i+1)); done");
    let talk = podman.job("talk", &talk, json!({}));
    talk.start(&runtime).await.wait().await.expect("ended");
    let log = talk.log();
    assert!(
        log.starts_with("xxx") && log.contains("cut off here") && log.len() < 21_000,
        "{} bytes",
        log.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_asks_first_and_kills_then() {
    let Some(podman) = Podman::start().await else { return };
    let runtime = podman.runtime().await;
    let polite = podman.job(
        "polite",
        "trap 'echo bye; exit 5' TERM; touch up; while :; do sleep 0.05; done",
        json!({}),
    );
    let mut container = polite.start(&runtime).await;
    polite.made("up").await;
    let ended = container.stop(PATIENCE).await.expect("stopped");
    assert_eq!(ended.exit.code, 5);
    assert!(polite.log().contains("bye"), "{}", polite.log());

    // What it starts in a session of its own is in the container, too.
    let deaf = podman.job(
        "deaf",
        "trap '' TERM; (trap '' TERM; while :; do touch here; sleep 0.05; done) & touch up; while :; do sleep 1; done",
        json!({}),
    );
    let mut container = deaf.start(&runtime).await;
    deaf.made("up").await;
    deaf.made("here").await;
    assert!(processes_of(deaf.user) >= 2, "the shell and what it started");
    let asked = Instant::now();
    let ended = container.stop(GRACE).await.expect("stopped");
    assert!(asked.elapsed() >= GRACE, "it was not given its grace");
    assert_eq!(ended.exit.code, 137);
    assert_eq!(processes_of(deaf.user), 0, "something of it lives on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_outlives_the_daemon_and_is_found_again() {
    let Some(podman) = Podman::start().await else { return };
    let script = "echo first; touch up; while [ ! -e go ]; do sleep 0.05; done; echo last; exit 9";
    let job = podman.job("lasting", script, json!({}));
    let runtime = podman.runtime().await;
    let container = job.start(&runtime).await;
    job.made("up").await;
    drop(container);
    drop(runtime);

    // Another life of the daemon.
    let runtime = podman.runtime().await;
    let second = job
        .try_start(&runtime)
        .await
        .expect_err("one assignment has one container");
    assert!(format!("{second:#}").contains("does not create"), "{second:#}");
    let mut found = job.attach(&runtime).await.expect("found");
    std::fs::write(job.workspace.work().join("go"), "").expect("written");
    let ended = found.wait().await.expect("ended");
    assert_eq!(ended.exit.code, 9);
    assert_eq!(job.log(), "first\nlast\n");
    // Once more, after its end.
    let mut again = job.attach(&runtime).await.expect("found");
    let ended = again.wait().await.expect("ended");
    assert_eq!((ended.exit.code, ended.at.is_some()), (9, true));
    assert_eq!(job.log(), "first\nlast\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn leftovers_are_removed_and_others_containers_are_not() {
    let Some(podman) = Podman::start().await else { return };
    let runtime = podman.runtime().await;
    let (kept, left) = (
        podman.job("kept", "sleep 600", json!({})),
        podman.job("left", "sleep 600", json!({})),
    );
    drop((kept.start(&runtime).await, left.start(&runtime).await));
    let stranger = podman.job("stranger", "sleep 600", json!({}));
    let other = runtime.of("somebody else".to_owned());
    drop(stranger.start(&other).await);
    assert_eq!(runtime.clean_up(|run| *run == kept.run).await.expect("cleaned up"), 1);
    assert!(kept.attach(&runtime).await.is_some() && left.attach(&runtime).await.is_none());
    assert!(stranger.attach(&other).await.is_some() && stranger.attach(&runtime).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_not_there_is_not_run() {
    let Some(podman) = Podman::start().await else { return };
    let runtime = podman.runtime().await;
    let other: ImageRef = format!("localhost/gantry-test@sha256:{}", "0".repeat(64))
        .parse()
        .expect("an image");
    let error = runtime
        .ensure_image(&other, &ceiling())
        .await
        .expect_err("another digest");
    assert!(error.to_string().contains("pulls none"), "{error:#}");
    let mut job = podman.job("absent", "exit 0", json!({}));
    job.runner.image = other;
    job.try_start(&runtime).await.expect_err("refused");
    let error = Runtime::connect(&podman.folder("no.sock"), OWNER.to_owned())
        .await
        .expect_err("no socket");
    assert!(error.to_string().contains("no container runtime answers"), "{error:#}");
}
