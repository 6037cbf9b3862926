//! How much memory all processes use together.

use std::fs;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::processes::{name, with_descendants};

/// What the processes used when they used most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peak {
    /// Bytes of all processes together.
    pub bytes: u64,
    /// Bytes by program name at that moment, most first.
    pub by_program: Vec<(String, u64)>,
    /// How often was measured.
    pub samples: u64,
}

/// Measures in the background until it is stopped or dropped.
#[derive(Debug)]
pub struct MemorySampler {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<Peak>>,
}

impl MemorySampler {
    /// Measures `roots` and all that they started, every `interval`.
    pub fn start(roots: Vec<u32>, interval: Duration) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut peak = Peak::default();
            loop {
                peak.take(measure(&roots));
                match stopped.recv_timeout(interval) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return peak,
                }
            }
        });
        Self {
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Stops and says what was seen.
    pub fn stop(mut self) -> Peak {
        self.stop = None;
        self.thread
            .take()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default()
    }
}

impl Peak {
    fn take(&mut self, now: Vec<(String, u64)>) {
        self.samples += 1;
        let bytes = now.iter().map(|(_, bytes)| bytes).sum();
        if bytes > self.bytes {
            self.bytes = bytes;
            self.by_program = now;
        }
    }
}

/// Bytes by program name of `roots` and all that they started, most first.
pub fn measure(roots: &[u32]) -> Vec<(String, u64)> {
    let mut programs: Vec<(String, u64)> = Vec::new();
    for process in with_descendants(roots) {
        // Those that end meanwhile use nothing.
        let (Some(name), Some(bytes)) = (name(process.pid), resident(process.pid)) else {
            continue;
        };
        match programs.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += bytes,
            None => programs.push((name, bytes)),
        }
    }
    programs.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    programs
}

/// Resident bytes of a process. What it shares with others counts by its share (PSS), so that the sum over processes is
/// what they really use: each Postgres backend maps the same shared buffers. Where that may not be read, all of it (RSS).
fn resident(pid: u32) -> Option<u64> {
    field(&format!("/proc/{pid}/smaps_rollup"), "Pss:").or_else(|| field(&format!("/proc/{pid}/status"), "VmRSS:"))
}

fn field(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_stays_after_the_memory_is_given_back() {
        let before = measure(&[std::process::id()])
            .iter()
            .map(|(_, bytes)| bytes)
            .sum::<u64>();
        assert!(before > 1 << 20, "{before}");
        let sampler = MemorySampler::start(vec![std::process::id()], Duration::from_millis(5));
        let block = vec![1u8; 64 << 20];
        // Until the sampler has seen it: it measures on its own.
        while measure(&[std::process::id()])
            .iter()
            .map(|(_, bytes)| bytes)
            .sum::<u64>()
            < before + (60 << 20)
        {}
        std::thread::sleep(Duration::from_millis(100));
        drop(std::hint::black_box(block));
        let peak = sampler.stop();
        assert!(peak.bytes >= before + (60 << 20), "{peak:?}, {before} before");
        assert!(peak.samples > 1 && !peak.by_program.is_empty());
    }
}
