//! Ways out of the process runner, each of which must be closed. As root the job runs as another user; as anybody else
//! it runs as the same one, and Landlock alone stands between it and the daemon's files.

mod processes;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use gantry_node::guard::Limits;
use gantry_node::process::{Order, Process};
use gantry_node::sandbox::{self, Mode, Sandbox};
use gantry_node::usage;
use gantry_node::workspace::Workspace;
use processes::processes_of;

const NODE: &str = env!("CARGO_BIN_EXE_gantry-node");
const PATIENCE: Duration = Duration::from_secs(60);
/// Nobody's on any host, and from here on one for each job: the system counts a user's processes together.
static NEXT_USER: AtomicU32 = AtomicU32::new(61_234);

const LIMITS: Limits = Limits {
    cpu_seconds: 60,
    memory_bytes: 2 << 30,
    open_files: 256,
    processes: 100_000,
    file_bytes: 4 << 20,
};

/// A daemon's folder with a key and another job's folder in it, and a job that runs the shell script `body`.
struct Bench {
    folder: tempfile::TempDir,
    tools: PathBuf,
    workspace: Workspace,
    user: Option<(u32, u32)>,
}

impl Bench {
    fn new(body: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mode = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("set");
        };
        let root = rustix::process::getuid().is_root();
        mode(folder.path(), if root { 0o711 } else { 0o700 });
        let tools = folder.path().join("tools");
        std::fs::create_dir(&tools).expect("made");
        let tool = tools.join("tool");
        std::fs::write(&tool, format!("#!/bin/sh\n{body}\n")).expect("written");
        mode(&tool, 0o755);
        std::fs::write(folder.path().join("node.json"), "the key\n").expect("written");
        mode(&folder.path().join("node.json"), 0o600);
        let workspace = Workspace::create(&folder.path().join("job")).expect("created");
        let next = NEXT_USER.fetch_add(1, Ordering::Relaxed);
        let user = root.then_some((next, next));
        if let Some((user, group)) = user {
            workspace.give_to(user, group).expect("given");
        }
        Self {
            folder,
            tools,
            workspace,
            user,
        }
    }

    async fn start(&self, limits: Limits, user: Option<(u32, u32)>, mode: Mode) -> Process {
        let log = self.workspace.log();
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let order = Order {
            command: &["tool".to_owned()],
            environment: &BTreeMap::from([
                ("KEY".to_owned(), path("node.json")),
                ("OUTSIDE".to_owned(), path("outside")),
                ("DAEMON".to_owned(), std::process::id().to_string()),
            ]),
            folder: self.workspace.work(),
            log: &log,
            log_bytes: 20_000,
            limits,
            user,
            sandbox: &Sandbox {
                mode,
                readable: Vec::new(),
            },
        };
        let tools = std::slice::from_ref(&self.tools);
        Process::start(Path::new(NODE), tools, order).await.expect("started")
    }

    /// Runs it as a node would; gives its exit code and its log.
    async fn run(&self) -> (i32, String) {
        let mut process = self.start(LIMITS, self.user, Mode::Auto).await;
        let exit = tokio::time::timeout(PATIENCE, process.wait())
            .await
            .expect("in time")
            .expect("ended");
        (exit.code, self.log())
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&self.workspace.read_log().expect("read")).into_owned()
    }
}

/// Says so where the kernel cannot do what a test is about.
fn without_landlock() -> bool {
    let missing = sandbox::support().is_none();
    if missing {
        eprintln!("SKIPPED the part with Landlock: this kernel has none");
    }
    missing
}

/// Processes that work in this folder.
fn processes_in(folder: &Path) -> usize {
    let entries = std::fs::read_dir("/proc").expect("listed").flatten();
    let works = |entry: &std::fs::DirEntry| std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder);
    entries.filter(works).count()
}

#[tokio::test]
async fn the_node_key_cannot_be_read() {
    let bench = Bench::new(
        "cat \"$KEY\"; cat < \"$KEY\"; cp \"$KEY\" copy; ln \"$KEY\" link; ln -s \"$KEY\" soft; cat soft; exit 3",
    );
    if bench.user.is_none() && without_landlock() {
        return;
    }
    let (code, log) = bench.run().await;
    assert_eq!(code, 3, "{log}");
    assert!(!log.contains("the key"), "{log}");
    assert!(log.contains("Permission denied"), "{log}");
    for name in ["copy", "link", "soft"] {
        assert!(bench.workspace.collect(name, 100).is_err(), "{name}");
    }
}

#[tokio::test]
async fn landlock_alone_keeps_the_key_from_the_same_user() {
    if without_landlock() {
        return;
    }
    let bench = Bench::new("cat \"$KEY\"; cat /proc/$DAEMON/environ; cat /proc/$DAEMON/root\"$KEY\"; exit 3");
    let mut process = bench.start(LIMITS, None, Mode::Required).await;
    // It runs as this user, root even, whom no permission holds back.
    if let Some((user, _)) = bench.user {
        drop(process);
        let own = Bench::new("cat \"$KEY\"; cat /proc/$DAEMON/environ; cat /proc/$DAEMON/root\"$KEY\"; exit 3");
        own.workspace.give_to(0, 0).expect("given back");
        assert_ne!(user, 0);
        process = own.start(LIMITS, None, Mode::Required).await;
        let exit = process.wait().await.expect("ended");
        assert_eq!((exit.code, own.log().contains("the key")), (3, false), "{}", own.log());
        // Not its environment: CAP_PERFMON, which root has, reads every process's, whatever Landlock says. As root the
        // node gives jobs another user, who has no such right.
        return;
    }
    let exit = process.wait().await.expect("ended");
    assert_eq!(
        (exit.code, bench.log().contains("the key")),
        (3, false),
        "{}",
        bench.log()
    );
    assert!(
        !bench.log().contains("CARGO"),
        "the daemon's environment: {}",
        bench.log()
    );
}

#[tokio::test]
async fn without_landlock_the_same_user_can_read_the_key() {
    // What the tests above would miss if the script could not read anything anyway.
    let bench = Bench::new("cat \"$KEY\"");
    let root = bench.user.map(|_| bench.workspace.give_to(0, 0));
    root.transpose().expect("given back");
    let mut process = bench.start(LIMITS, None, Mode::Off).await;
    process.wait().await.expect("ended");
    assert_eq!(bench.log(), "the key\n");
}

#[tokio::test]
async fn nothing_is_written_outside_the_folder() {
    let bench = Bench::new(
        "echo x > \"$OUTSIDE\"; mkdir \"$OUTSIDE.d\"; echo x > ../escaped; echo x > /tmp/gantry-escape-$$; \
         echo x > /var/tmp/gantry-escape-$$; echo x > /dev/shm/gantry-escape-$$; mv tool ../moved; \
         ls /tmp/gantry-escape-$$ /var/tmp/gantry-escape-$$ /dev/shm/gantry-escape-$$; echo inside > inside; exit 3",
    );
    if without_landlock() {
        return;
    }
    let (code, log) = bench.run().await;
    assert_eq!(code, 3, "{log}");
    for name in ["outside", "outside.d", "job/escaped", "job/moved"] {
        assert!(!bench.folder.path().join(name).exists(), "{name}: {log}");
    }
    assert!(
        !log.lines().any(|line| line
            .split('/')
            .next_back()
            .is_some_and(|name| name.starts_with("gantry-escape"))
            && !line.contains(' ')),
        "{log}"
    );
    assert_eq!(bench.workspace.collect("inside", 100).expect("collected"), b"inside\n");
}

#[tokio::test]
async fn the_daemon_cannot_be_killed_or_traced() {
    let bench =
        Bench::new("kill -9 $DAEMON && echo killed; kill -9 $PPID && echo killed; cat /proc/$DAEMON/mem; exit 3");
    if bench.user.is_none() && sandbox::support() != Some("files, devices and signals") {
        eprintln!("SKIPPED: this kernel's Landlock does not hold signals back");
        return;
    }
    let (code, log) = bench.run().await;
    assert_eq!(code, 3, "{log}");
    assert!(!log.contains("killed\n"), "{log}");
}

#[tokio::test]
async fn a_fork_bomb_stays_below_its_limit_and_goes_with_the_job() {
    let bench = Bench::new("bomb() { bomb | bomb & }; bomb; while :; do bomb; sleep 0.01; done");
    let Some((user, _)) = bench.user else {
        // The limit counts all that the user runs, this test's neighbours too: it is the guard that is tested then.
        eprintln!("SKIPPED: only as root does a job have a user of its own to count");
        return;
    };
    let limits = Limits {
        processes: 40,
        ..LIMITS
    };
    let mut process = bench.start(limits, bench.user, Mode::Auto).await;
    let started = Instant::now();
    let mut most = 0;
    while !bench.log().contains("Cannot fork") {
        assert!(
            started.elapsed() < PATIENCE,
            "it is never refused; {most} at once: {}",
            bench.log()
        );
        most = most.max(processes_of(user));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(most <= 40, "{most} processes at once");
    process.stop().await.expect("stopped");
    assert_eq!(processes_of(user), 0, "some of it lives on");
}

#[tokio::test]
async fn children_that_leave_every_session_end_with_the_job() {
    let body = "(setsid sh -c '(setsid sh -c \"touch beat; while :; do sleep 1; done\" &) &' &); \
                while [ ! -e go ]; do sleep 0.01; done; exit 4";
    let bench = Bench::new(body);
    let work = bench.workspace.work();
    let mut process = bench.start(LIMITS, bench.user, Mode::Auto).await;
    let started = Instant::now();
    while !work.join("beat").exists() {
        assert!(started.elapsed() < PATIENCE, "nothing beats: {}", bench.log());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(processes_in(work) >= 2, "the job and what left its session");
    std::fs::write(work.join("go"), "").expect("written");
    let exit = tokio::time::timeout(PATIENCE, process.wait()).await;
    let exit = exit.expect("in time").expect("ended");
    assert_eq!(exit.code, 4, "{}", bench.log());
    assert_eq!(processes_in(work), 0, "something of it lives on");
}

#[tokio::test]
async fn a_job_that_fills_the_disk_is_noticed() {
    let bench = Bench::new("i=0; while :; do head -c 1000000 /dev/zero > f$i; i=$((i+1)); done");
    let mut process = bench.start(LIMITS, bench.user, Mode::Auto).await;
    let watch = usage::exceeded(bench.workspace.work().to_owned(), 20 << 20, 0);
    let reason = tokio::time::timeout(PATIENCE, watch).await.expect("noticed");
    assert!(reason.contains("more than the 20 MiB"), "{reason}");
    process.stop().await.expect("stopped");
}

#[tokio::test]
async fn endless_output_is_cut_off_and_the_job_goes_on() {
    let bench = Bench::new("head -c 30000000 /dev/zero | tr '\\0' x; exit 6");
    let (code, log) = bench.run().await;
    assert_eq!(code, 6);
    assert!(
        log.contains("cut off here") && log.len() < 21_000,
        "{} bytes",
        log.len()
    );
}

#[tokio::test]
async fn nothing_of_the_daemon_is_inherited() {
    let bench = Bench::new("env; ls -l /proc/self/fd; id -G; exit 3");
    // As if a library had opened it and forgotten to say that it is for nobody else.
    let key = std::fs::File::open(bench.folder.path().join("node.json")).expect("opened");
    rustix::io::fcntl_setfd(&key, rustix::io::FdFlags::empty()).expect("set");
    let (code, log) = bench.run().await;
    assert_eq!(code, 3, "{log}");
    assert!(!log.contains("CARGO"), "{log}");
    assert!(log.contains(" -> "), "the descriptors were not listed: {log}");
    let leaked = log
        .lines()
        .any(|line| line.contains(" -> ") && line.contains("node.json"));
    assert!(!leaked, "the daemon's open file: {log}");
    if let Some((user, _)) = bench.user {
        assert!(
            log.lines().any(|line| line == user.to_string()),
            "no group but its own: {log}"
        );
    }
}
