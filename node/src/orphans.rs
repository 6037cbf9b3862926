//! Finds and ends what an earlier life of the daemon left running.
//!
//! A guard kills its job when the daemon dies. Should both be killed at once, the job's first process goes with its
//! guard, but what that had started may live on. All of them carry the job's folder in their environment or run in it.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};

use crate::guard::numbered_processes;

/// The variable that marks every process of a job with its folder.
pub const MARK: &str = "GANTRY_JOB_DIR";

/// How long killed processes may take to go.
const PATIENCE: Duration = Duration::from_secs(5);

/// Kills every process that belongs to a job whose folder is `folder` or below it, and waits until they have gone.
/// Says how many there were.
///
/// # Errors
/// If some are still there after five seconds.
pub fn kill_below(folder: &Path) -> std::io::Result<usize> {
    let started = Instant::now();
    let mut killed = std::collections::BTreeSet::new();
    loop {
        let mut found = false;
        for pid in numbered_processes().filter(|pid| *pid != getpid() && belongs(*pid, folder)) {
            found = true;
            // The handle pins the process; looking again after that makes sure that it pins the right one.
            let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
                continue;
            };
            if belongs(pid, folder) && pidfd_send_signal(&handle, Signal::KILL).is_ok() {
                killed.insert(pid.as_raw_nonzero());
            }
        }
        if !found {
            return Ok(killed.len());
        }
        if started.elapsed() > PATIENCE {
            let text = format!("processes of an earlier job in {} do not die", folder.display());
            return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, text));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether the process is marked with the folder or works in it. A zombie has neither.
fn belongs(pid: Pid, folder: &Path) -> bool {
    let process = Path::new("/proc").join(pid.as_raw_nonzero().to_string());
    if std::fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder)) {
        return true;
    }
    let Ok(environment) = std::fs::read(process.join("environ")) else {
        return false;
    };
    environment.split(|byte| *byte == 0).any(|variable| {
        let value = variable
            .strip_prefix(MARK.as_bytes())
            .and_then(|rest| rest.strip_prefix(b"="));
        value.is_some_and(|value| Path::new(std::ffi::OsStr::from_bytes(value)).starts_with(folder))
    })
}
