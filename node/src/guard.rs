//! The two small processes between the daemon and a job, both this same program started again.
//!
//! *guard* is the parent of everything that a job starts, whatever sessions or groups that makes for itself: it is a
//! child subreaper. It ends when the job's first process has ended or when its standard input ends, which is when the
//! daemon stops the job or dies, even by SIGKILL; before it ends it has killed and reaped everything below it.
//!
//! *exec* runs as the job's user, sets the limits on itself, asks to be killed when the guard dies, confines itself
//! (see [`crate::sandbox`]) and becomes the job's command.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead as _, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, WaitOptions, getpid, getppid, getrlimit, kill_process,
    kill_process_group, pidfd_open, pidfd_send_signal, set_child_subreaper, set_parent_process_death_signal, setrlimit,
    wait,
};
use serde::{Deserialize, Serialize};

use crate::sandbox::{self, Sandbox};

/// This program, whatever became of the file it was started from.
pub const SELF: &str = "/proc/self/exe";

/// Limits of each of a job's processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
pub struct Limits {
    /// CPU seconds
    #[arg(long)]
    pub cpu_seconds: u64,
    /// Address space, bytes
    #[arg(long)]
    pub memory_bytes: u64,
    /// Open files
    #[arg(long)]
    pub open_files: u64,
    /// Threads and processes of the user that runs the daemon, all together; the system lets root pass it
    #[arg(long)]
    pub processes: u64,
    /// Size of any one file, bytes
    #[arg(long)]
    pub file_bytes: u64,
}

/// What the guard is told on its standard input: one line of JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Launch {
    /// The command's file.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: BTreeMap<String, String>,
    /// The folder it runs in.
    pub folder: PathBuf,
    /// Its limits.
    pub limits: Limits,
    /// User and group that it runs as; `None` for the guard's own.
    pub user: Option<(u32, u32)>,
    /// What it may touch.
    pub sandbox: Sandbox,
}

/// What the guard says on its standard output when everything has ended: one line of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// As a shell has it: 128 + n for a process that signal n ended.
    pub code: i32,
}

impl Exit {
    /// What SIGKILL leaves.
    pub const KILLED: Self = Self { code: 137 };

    fn of(status: ExitStatus) -> Self {
        let code = status.code().or(status.signal().map(|signal| 128 + signal));
        Self {
            code: code.unwrap_or(Self::KILLED.code),
        }
    }
}

/// Runs the guard: standard input brings the [`Launch`] and is held open by the daemon, standard output takes the
/// [`Exit`], standard error is the job's log.
///
/// # Errors
/// If the order cannot be read or the job's first process not be started.
pub fn guard() -> anyhow::Result<()> {
    let mut stdin = std::io::stdin().lock();
    let mut line = String::new();
    stdin.read_line(&mut line).context("cannot read what to run")?;
    let launch: Launch = serde_json::from_str(&line).context("cannot read what to run")?;
    // The argument only says "on".
    set_child_subreaper(Some(getpid())).context("cannot become the parent of orphans")?;

    let log = std::io::stderr()
        .as_fd()
        .try_clone_to_owned()
        .context("cannot share the log")?;
    let limits = launch.limits;
    let sandbox = serde_json::to_string(&launch.sandbox).context("cannot describe the sandbox")?;
    let mut job = Command::new(SELF);
    if let Some((user, group)) = launch.user {
        // Without the other groups of this process, too. Before anything below: the tie to the guard ends with a
        // change of user.
        job.uid(user).gid(group);
    }
    let mut job = job
        .arg("exec")
        .arg(format!("--guard={}", getpid().as_raw_nonzero()))
        .arg(format!("--cpu-seconds={}", limits.cpu_seconds))
        .arg(format!("--memory-bytes={}", limits.memory_bytes))
        .arg(format!("--open-files={}", limits.open_files))
        .arg(format!("--processes={}", limits.processes))
        .arg(format!("--file-bytes={}", limits.file_bytes))
        .arg(format!("--sandbox={sandbox}"))
        .arg("--")
        .arg(&launch.program)
        .args(&launch.arguments)
        .env_clear()
        .envs(&launch.environment)
        .current_dir(&launch.folder)
        .stdin(Stdio::null())
        .stdout(log)
        .process_group(0)
        .spawn()
        .context("cannot start a process")?;

    let group = Pid::from_child(&job);
    let handle = pidfd_open(group, PidfdFlags::empty()).context("cannot watch the process")?;
    loop {
        let mut events = [PollFd::new(&handle, PollFlags::IN), PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut events, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error).context("cannot watch the process"),
        }
        if !events[0].revents().is_empty() {
            break;
        }
        if !events[1].revents().is_empty() && !matches!(stdin.read(&mut [0; 64]), Ok(1..)) {
            // The group is this child's, which is not reaped yet: the number is nobody else's.
            let _ = kill_process_group(group, Signal::KILL);
            let _ = pidfd_send_signal(&handle, Signal::KILL);
            break;
        }
    }
    let status = job.wait().context("cannot wait for the process")?;
    reap_descendants();
    let exit = serde_json::to_string(&Exit::of(status)).expect("plain data is always valid JSON");
    // When the daemon is gone nobody reads it.
    let _ = writeln!(std::io::stdout(), "{exit}");
    Ok(())
}

/// Kills and reaps every child until there is none: what a dying child leaves behind becomes a child of this process.
fn reap_descendants() {
    loop {
        for child in children_of(getpid()) {
            // A child's number stays its own until it is reaped below.
            let _ = kill_process(child, Signal::KILL);
        }
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

fn children_of(parent: Pid) -> Vec<Pid> {
    let parent = parent.as_raw_nonzero().get();
    numbered_processes()
        .filter(|pid| parent_of(*pid) == Some(parent))
        .collect()
}

/// Every process that `/proc` shows.
pub(crate) fn numbered_processes() -> impl Iterator<Item = Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
}

fn parent_of(pid: Pid) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The name in parentheses may hold anything; state and parent follow the last one.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// Sets the limits on this process and becomes `command`. Returns only if that fails.
///
/// # Errors
/// If the guard is gone already, a limit cannot be set or the command cannot be run.
pub fn exec(
    guard: i32,
    limits: Limits,
    sandbox: &str,
    command: &[OsString],
) -> anyhow::Result<std::convert::Infallible> {
    let (program, arguments) = command.split_first().context("no command")?;
    let sandbox: Sandbox = serde_json::from_str(sandbox).context("cannot read what the job may touch")?;
    set_parent_process_death_signal(Some(Signal::KILL)).context("cannot tie the process to its guard")?;
    // The guard may have died before the line above.
    anyhow::ensure!(
        getppid().is_some_and(|parent| parent.as_raw_nonzero().get() == guard),
        "the guard has gone"
    );
    let set = |resource, value: u64| {
        // The host may have set a tighter one, which cannot be raised.
        let value = getrlimit(resource).maximum.map_or(value, |most| value.min(most));
        let rlimit = Rlimit {
            current: Some(value),
            maximum: Some(value),
        };
        setrlimit(resource, rlimit).with_context(|| format!("cannot set the limit {resource:?} to {value}"))
    };
    set(Resource::Core, 0)?;
    set(Resource::Cpu, limits.cpu_seconds)?;
    set(Resource::Nofile, limits.open_files)?;
    set(Resource::Nproc, limits.processes)?;
    set(Resource::Fsize, limits.file_bytes)?;
    set(Resource::As, limits.memory_bytes)?;
    // Whatever the daemon was started with and did not open itself.
    close_fds::set_fds_cloexec(3, &[]);
    let folder = std::env::current_dir().context("cannot find the job's folder")?;
    sandbox::confine(&sandbox, &folder, Path::new(program))?;
    let error = Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}
