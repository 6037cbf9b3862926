//! The runner against real processes: a job ends with everything that it started, whoever dies first.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gantry_node::guard::{Exit, Limits};
use gantry_node::orphans;
use gantry_node::process::{Order, Process};
use gantry_node::sandbox::Sandbox;
use gantry_node::workspace::Workspace;

const NODE: &str = env!("CARGO_BIN_EXE_gantry-node");

const LIMITS: Limits = Limits {
    cpu_seconds: 60,
    memory_bytes: 4 << 30,
    open_files: 256,
    processes: 100_000,
    file_bytes: 1 << 20,
};

struct Bench {
    _folder: tempfile::TempDir,
    tools: PathBuf,
    workspace: Workspace,
}

impl Bench {
    /// A workspace, and a command `tool` that is the shell script `body`.
    fn new(body: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let tools = folder.path().join("tools");
        std::fs::create_dir(&tools).expect("made");
        let tool = tools.join("tool");
        std::fs::write(&tool, format!("#!/bin/sh\n{body}\n")).expect("written");
        std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).expect("set");
        let workspace = Workspace::create(&folder.path().join("job")).expect("created");
        Self {
            _folder: folder,
            tools,
            workspace,
        }
    }

    async fn start(&self, limits: Limits, log_bytes: u64) -> Process {
        let log = self.workspace.log();
        let order = Order {
            command: &["tool".to_owned(), "an argument".to_owned()],
            environment: &BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]),
            folder: self.workspace.work(),
            log: &log,
            log_bytes,
            limits,
            user: None,
            sandbox: &Sandbox::default(),
        };
        Process::start(Path::new(NODE), std::slice::from_ref(&self.tools), order)
            .await
            .expect("started")
    }

    fn log(&self) -> String {
        String::from_utf8(self.workspace.read_log().expect("read")).expect("text")
    }

    /// Waits until the job has made the file `name`.
    async fn made(&self, name: &str) -> String {
        let path = self.workspace.work().join(name);
        let started = Instant::now();
        loop {
            match std::fs::read_to_string(&path) {
                Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
                _ => assert!(
                    started.elapsed() < Duration::from_secs(20),
                    "the job never made {name}: {}",
                    self.log()
                ),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit_once(')')
            .is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
    })
}

async fn gone(pid: &str) {
    let started = Instant::now();
    while alive(pid) {
        assert!(started.elapsed() < Duration::from_secs(20), "process {pid} lives on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Leaves a process of another session and group running, whose parent has ended.
const DAEMON: &str = "setsid sh -c 'sleep 600 & echo $! > daemon; wait' & while [ ! -s daemon ]; do sleep 0.01; done";

#[tokio::test]
async fn exit_code_and_log_come_back() {
    let bench = Bench::new("echo \"$1, $GREETING\"; echo oops >&2; exit 7");
    let mut process = bench.start(LIMITS, 1 << 20).await;
    assert_eq!(process.wait().await.expect("ended"), Exit { code: 7 });
    assert_eq!(bench.log(), "an argument, hello\noops\n");
}

#[tokio::test]
async fn nothing_of_the_daemons_environment_is_inherited() {
    assert!(std::env::var_os("PATH").is_some(), "there is something to inherit");
    let bench = Bench::new("/usr/bin/env");
    let mut process = bench.start(LIMITS, 1 << 20).await;
    assert_eq!(process.wait().await.expect("ended").code, 0);
    let log = bench.log();
    let mut names: Vec<&str> = log.lines().filter_map(|line| line.split('=').next()).collect();
    names.retain(|name| !["PWD", "_", "SHLVL", "OLDPWD"].contains(name));
    names.sort_unstable();
    assert_eq!(names, ["GANTRY_JOB_DIR", "GREETING", "HOME", "LANG", "TMPDIR"], "{log}");
}

#[tokio::test]
async fn a_process_that_a_signal_ends_says_so() {
    let bench = Bench::new("kill -TERM $$");
    let mut process = bench.start(LIMITS, 1 << 20).await;
    assert_eq!(process.wait().await.expect("ended").code, 128 + 15);
}

#[tokio::test]
async fn what_the_job_leaves_running_ends_with_it() {
    let bench = Bench::new(&format!("{DAEMON}; exit 3"));
    let mut process = bench.start(LIMITS, 1 << 20).await;
    let pid = bench.made("daemon").await;
    assert_eq!(process.wait().await.expect("ended").code, 3);
    assert!(!alive(&pid), "the job's daemon outlived it");
}

#[tokio::test]
async fn stopping_ends_everything() {
    let bench = Bench::new(&format!("{DAEMON}; trap '' TERM INT HUP; echo $$ > leader; sleep 600"));
    let mut process = bench.start(LIMITS, 1 << 20).await;
    let (daemon, leader) = (bench.made("daemon").await, bench.made("leader").await);
    assert!(alive(&daemon) && alive(&leader));
    assert_eq!(process.stop().await.expect("stopped"), Exit::KILLED);
    assert!(!alive(&daemon) && !alive(&leader));
}

#[tokio::test]
async fn a_killed_guard_takes_the_job_with_it() {
    let bench = Bench::new(&format!("{DAEMON}; echo $PPID > guard; echo $$ > leader; sleep 600"));
    let mut process = bench.start(LIMITS, 1 << 20).await;
    let (daemon, leader, guard) = (
        bench.made("daemon").await,
        bench.made("leader").await,
        bench.made("guard").await,
    );
    assert!(alive(&daemon) && alive(&leader));
    let guard = guard.trim().parse().ok().and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(guard.expect("a process id"), rustix::process::Signal::KILL).expect("killed");
    assert_eq!(process.wait().await.expect("noticed"), Exit::KILLED);
    assert!(!alive(&daemon) && !alive(&leader));
}

#[tokio::test]
async fn a_job_ends_when_the_daemon_is_gone() {
    let bench = Bench::new(&format!("{DAEMON}; echo $$ > leader; sleep 600"));
    let process = bench.start(LIMITS, 1 << 20).await;
    let (daemon, leader) = (bench.made("daemon").await, bench.made("leader").await);
    drop(process);
    gone(&leader).await;
    gone(&daemon).await;
}

#[tokio::test]
async fn what_is_left_when_guard_and_daemon_are_killed_is_found_by_its_folder() {
    let bench = Bench::new(&format!("{DAEMON}; sleep 600"));
    // Of a job's processes only one that has left its session and its parent can be left.
    let mut child = std::process::Command::new(bench.tools.join("tool"))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env(orphans::MARK, bench.workspace.work())
        .current_dir(bench.workspace.work())
        .spawn()
        .expect("started");
    let daemon = bench.made("daemon").await;
    child.kill().expect("killed");
    child.wait().expect("reaped");
    assert!(alive(&daemon));
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    assert_eq!(orphans::kill_below(elsewhere.path()).expect("looked"), 0);
    assert!(alive(&daemon));
    assert!(orphans::kill_below(bench.workspace.work()).expect("cleaned up") >= 1);
    gone(&daemon).await;
}

#[tokio::test]
async fn a_log_is_kept_up_to_its_limit_and_never_blocks_the_job() {
    let bench =
        Bench::new("i=0; while [ $i -lt 5000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done");
    let mut process = bench.start(LIMITS, 1_000).await;
    assert_eq!(process.wait().await.expect("ended").code, 0);
    let log = bench.log();
    assert!(log.starts_with("0123456789") && log.ends_with("more than this node keeps]\n") || log.contains("cut off"));
    assert!(log.len() < 1_200, "{} bytes", log.len());
}

#[tokio::test]
async fn a_file_cannot_pass_its_limit() {
    let bench = Bench::new("head -c 3000000 /dev/zero > big; echo $?");
    let mut process = bench.start(LIMITS, 1 << 20).await;
    process.wait().await.expect("ended");
    let size = std::fs::metadata(bench.workspace.work().join("big"))
        .expect("made")
        .len();
    assert_eq!(size, 1 << 20);
}

#[tokio::test]
async fn cpu_time_cannot_pass_its_limit() {
    let bench = Bench::new("while :; do :; done");
    let mut process = bench
        .start(
            Limits {
                cpu_seconds: 1,
                ..LIMITS
            },
            1 << 20,
        )
        .await;
    let exit = process.wait().await.expect("ended");
    assert!(exit == Exit::KILLED || exit.code == 128 + 24, "{exit:?}");
}

#[tokio::test]
async fn a_command_that_the_node_does_not_offer_is_refused() {
    let bench = Bench::new("exit 0");
    let log = bench.workspace.log();
    let order = Order {
        command: &["/bin/sh".to_owned()],
        environment: &BTreeMap::new(),
        folder: bench.workspace.work(),
        log: &log,
        log_bytes: 1,
        limits: LIMITS,
        user: None,
        sandbox: &Sandbox::default(),
    };
    let error = Process::start(Path::new(NODE), std::slice::from_ref(&bench.tools), order)
        .await
        .expect_err("refused");
    assert!(error.to_string().contains("is a path"), "{error:#}");
}
