//! The container runner against a real Podman of this test's own: its storage, its socket and its image are in a
//! temporary folder. Needs root and the Debian packages `podman` and `runc`; where they are not there, every test says
//! so and is skipped, unless `GANTRY_REQUIRE_CONTAINERS` is set.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gantry_node::container::{Ceiling, Container, Order, Run, Runtime};
use gantry_node::usage;
use gantry_node::workspace::Workspace;
use gantry_sdk::spec::{ContainerRunner, ImageRef};
use serde_json::{Value, json};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(2);
const OWNER: &str = "this test";
/// What the image is made of: programs of this host, with their libraries.
const PROGRAMS: &[&str] = &["sh", "cat", "head", "id", "ls", "sleep", "tail", "touch", "env"];
/// Neither root nor any user that a host has.
const USER: (u32, u32) = (61_000, 61_000);

/// A Podman with one image.
struct Podman {
    folder: TempDir,
    service: Child,
    image: ImageRef,
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = self.podman().args(["rm", "--all", "--force", "--time", "0"]).output();
        let _ = self.service.kill();
        let _ = self.service.wait();
        // What was mounted for a container would keep the folder.
        let _ = self.podman().args(["system", "reset", "--force"]).output();
    }
}

fn podman(folder: &Path) -> Command {
    let mut command = Command::new("podman");
    command
        .env("CONTAINERS_CONF", folder.join("containers.conf"))
        .arg("--root")
        .arg(folder.join("storage"))
        .arg("--runroot")
        .arg(folder.join("run"))
        .arg("--tmpdir")
        .arg(folder.join("libpod"))
        .args(["--storage-driver", "vfs"]);
    command
}

fn output(command: &mut Command) -> String {
    let output = command.output().expect("it can be started");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

/// Why there is no Podman here, if there is none.
fn missing() -> Option<String> {
    let found = |program: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    };
    if !rustix::process::getuid().is_root() {
        return Some("this is not root".to_owned());
    }
    ["podman", "runc", "tar"]
        .iter()
        .find(|program| !found(program))
        .map(|program| format!("there is no {program}"))
}

impl Podman {
    async fn start() -> Option<Self> {
        if let Some(reason) = missing() {
            let text = format!("SKIPPED, nothing was tested: {reason}");
            assert!(std::env::var_os("GANTRY_REQUIRE_CONTAINERS").is_none(), "{text}");
            eprintln!("{text}");
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = folder.path();
        // runc, since it works on old control groups, too; limits that no host refuses; locks of its own, where the
        // usual ones are one for the whole host.
        let conf = "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=4096:4096\"]\n\
                    [engine]\nruntime = \"runc\"\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n\
                    lock_type = \"file\"\n";
        std::fs::write(at.join("containers.conf"), conf).expect("written");
        let tar = make_image(at);
        let imported = output(
            podman(at)
                .args(["import", "--quiet"])
                .arg(&tar)
                .arg("localhost/gantry-test:1"),
        );
        assert!(!imported.is_empty());
        let digest =
            output(podman(at).args(["image", "inspect", "--format", "{{.Digest}}", "localhost/gantry-test:1"]));
        let socket = at.join("podman.sock");
        let log = std::fs::File::create(at.join("service.log")).expect("made");
        let service = podman(at)
            .args(["system", "service", "--time", "0"])
            .arg(format!("unix://{}", socket.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("started");
        let podman = Self {
            folder,
            service,
            image: format!("localhost/gantry-test@{digest}").parse().expect("an image"),
        };
        let started = Instant::now();
        while let Err(error) = Runtime::connect(&podman.socket(), OWNER.to_owned()).await {
            assert!(started.elapsed() < PATIENCE, "{error:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(podman)
    }

    fn podman(&self) -> Command {
        podman(self.folder.path())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("podman.sock")
    }

    async fn runtime(&self) -> Runtime {
        Runtime::connect(&self.socket(), OWNER.to_owned())
            .await
            .expect("answers")
    }

    /// A job that runs `script`.
    fn job(&self, name: &str, script: &str, more: Value) -> Job {
        let mut runner = json!({ "image": self.image, "command": ["/bin/sh", "-c", script] });
        let fields = more.as_object().expect("an object").clone();
        runner.as_object_mut().expect("an object").extend(fields);
        let workspace = Workspace::create(&self.folder.path().join(name)).expect("created");
        workspace.give_to(USER.0, USER.1).expect("given");
        Job {
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

/// Programs of this host with the libraries that `ldd` names, as an archive.
fn make_image(at: &Path) -> PathBuf {
    let root = at.join("rootfs");
    let copy = |file: &Path| {
        let target = root.join(file.strip_prefix("/").expect("absolute"));
        std::fs::create_dir_all(target.parent().expect("a folder")).expect("made");
        std::fs::copy(file, target).expect("copied");
    };
    for program in PROGRAMS {
        let program = Path::new("/bin").join(program);
        copy(&program);
        let libraries = output(Command::new("ldd").arg(&program));
        let paths = libraries.split_whitespace().filter(|word| word.starts_with('/'));
        paths.for_each(|library| copy(Path::new(library)));
    }
    for folder in ["proc", "dev", "sys", "tmp", "work", "etc"] {
        std::fs::create_dir_all(root.join(folder)).expect("made");
    }
    let tar = at.join("rootfs.tar");
    output(Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&tar).arg("."));
    tar
}

struct Job {
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
            user: USER,
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
    job.workspace.give_to(USER.0, USER.1).expect("given");
    runtime
        .ensure_image(&podman.image, &job.ceiling)
        .await
        .expect("it is there");
    let mut container = job.start(&runtime).await;
    let ended = container.wait().await.expect("ended");
    let log = job.log();
    assert_eq!(ended.exit.code, 7, "{log}");
    for line in ["from outside", "hello /work", "61000", "scratch"] {
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
    container.stop(Duration::ZERO).await.expect("stopped");
    let left = usage::measure(disk.workspace.work());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(usage::measure(disk.workspace.work()), left, "it still writes");

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
    let asked = Instant::now();
    let ended = container.stop(GRACE).await.expect("stopped");
    assert!(asked.elapsed() >= GRACE, "it was not given its grace");
    assert_eq!(ended.exit.code, 137);
    deaf.made("here").await;
    std::fs::remove_file(deaf.workspace.work().join("here")).expect("removed");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!deaf.workspace.work().join("here").exists(), "something of it lives on");
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
    let error = Runtime::connect(&podman.folder.path().join("no.sock"), OWNER.to_owned())
        .await
        .expect_err("no socket");
    assert!(error.to_string().contains("no container runtime answers"), "{error:#}");
}
