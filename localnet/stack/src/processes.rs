//! What `/proc` says about processes.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// One process for good: an id alone may be given to another one later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// When it started, in ticks since the machine did.
    started: u64,
}

impl Process {
    /// The process that has this id now.
    pub fn find(pid: u32) -> Option<Self> {
        Some(Self {
            pid,
            started: stat(pid)?.started,
        })
    }

    /// Whether it still runs; one that has ended and waits to be reaped does not.
    pub fn is_alive(&self) -> bool {
        stat(self.pid).is_some_and(|stat| stat.started == self.started && stat.state != 'Z' && stat.state != 'X')
    }

    /// Sends a signal, if the process still runs.
    pub fn signal(&self, signal: Signal) {
        if self.is_alive()
            && let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw)
        {
            // It may end just now, which is as good.
            let _ = kill_process(pid, signal);
        }
    }

    /// Waits until it has ended. Says whether it did within `limit`.
    pub async fn ended(&self, limit: Duration) -> bool {
        let ended = async {
            // It is not a child of ours, so there is nothing to be woken by.
            while self.is_alive() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(limit, ended).await.is_ok()
    }
}

struct Stat {
    state: char,
    parent: u32,
    started: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything, brackets too: the last one ends it.
    let mut fields = text.get(text.rfind(')')? + 2..)?.split(' ');
    Some(Stat {
        state: fields.next()?.chars().next()?,
        parent: fields.next()?.parse().ok()?,
        started: fields.nth(17)?.parse().ok()?,
    })
}

/// These processes, those they started, those that these started, and so on.
pub fn with_descendants(roots: &[u32]) -> Vec<Process> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut found = HashMap::new();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    for pid in entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        if let Some(stat) = stat(pid) {
            children.entry(stat.parent).or_default().push(pid);
            found.insert(
                pid,
                Process {
                    pid,
                    started: stat.started,
                },
            );
        }
    }
    let mut seen = HashSet::new();
    let mut left: Vec<u32> = roots.to_vec();
    let mut all = Vec::new();
    while let Some(pid) = left.pop() {
        if seen.insert(pid) {
            all.extend(found.get(&pid));
            left.extend(children.get(&pid).into_iter().flatten());
        }
    }
    all
}

/// The name of a process's program, at most 15 bytes of it.
pub fn name(pid: u32) -> Option<String> {
    Some(
        fs::read_to_string(format!("/proc/{pid}/comm"))
            .ok()?
            .trim_end()
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[tokio::test]
    async fn a_grandchild_is_found_and_seen_to_end() {
        let mut shell = Command::new("sh")
            .args(["-c", "sleep 600 & wait"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let sleep = loop {
            let all = with_descendants(&[shell.id()]);
            if let Some(sleep) = all.iter().find(|process| name(process.pid).as_deref() == Some("sleep")) {
                break *sleep;
            }
            std::thread::yield_now();
        };
        assert!(sleep.is_alive());
        assert!(!sleep.ended(Duration::from_millis(30)).await);
        sleep.signal(Signal::KILL);
        assert!(sleep.ended(Duration::from_secs(5)).await);
        shell.wait().unwrap();
        assert!(!sleep.is_alive());
    }

    #[test]
    fn another_process_with_the_same_id_is_another_process() {
        let mut me = Process::find(std::process::id()).unwrap();
        assert!(me.is_alive());
        me.started += 1;
        assert!(!me.is_alive());
    }
}
