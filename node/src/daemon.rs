//! The daemon: watches its node and has a session for each job that it is given.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use gantry_sdk::{Gantry, Keypair, Pubkey, Signer as _, pda};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::chain::Chain;
use crate::host::Host;
use crate::tasks::{Backoff, LOOK, look};
use crate::{orphans, session};

/// Pause before a session that failed is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// How often journals of closed jobs are cleared away.
const TIDY: Duration = Duration::from_secs(60);

/// Takes the state folder for this process alone, and ends what an earlier one left running.
///
/// # Errors
/// If the folder cannot be used, another daemon uses it, or left processes cannot be ended.
pub fn take_state(state: &Path) -> anyhow::Result<std::fs::File> {
    use std::os::unix::fs::DirBuilderExt as _;
    let jobs = state.join("jobs");
    let make = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&jobs);
    make.with_context(|| format!("cannot make the folder {}", jobs.display()))?;
    let path = state.join("lock");
    let lock = std::fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    if let Err(error) = lock.try_lock() {
        anyhow::bail!(
            "another gantry-node uses {}: stop it, or pass another --state-dir ({error})",
            state.display()
        );
    }
    let jobs = jobs.canonicalize().context("cannot find the state folder")?;
    let left = orphans::kill_below(&jobs).context("cannot end what an earlier daemon left")?;
    if left > 0 {
        tracing::warn!(left, "ended processes that an earlier daemon had left");
    }
    Ok(lock)
}

/// Connects: waits until the market is there and this node is listed. `provider` is the provider's account or wallet.
///
/// # Errors
/// Never for what waiting may mend; that is logged.
pub async fn connect(gantry: Gantry, provider: Pubkey, node_key: Keypair, operator: Keypair) -> anyhow::Result<Chain> {
    let mut backoff = Backoff::default();
    let mut complained = String::new();
    let mut complain = move |text: String| {
        if complained != text {
            tracing::warn!("{text}");
            complained = text;
        }
    };
    let key = node_key.pubkey();
    let candidates = [pda::node(&provider, &key), pda::node(&pda::provider(&provider), &key)];
    let found = 'wait: loop {
        match gantry.market_params().await {
            Ok(Some(params)) => {
                for node in candidates {
                    match gantry.node(&node).await {
                        Ok(Some(_)) => break 'wait (node, params.genesis_hash),
                        Ok(None) => {}
                        Err(error) => complain(error.to_string()),
                    }
                }
                complain(format!(
                    "provider {provider} has no node with the key {key}; waiting until it is listed"
                ));
            }
            Ok(None) => complain("the market is not set up on this network; waiting".to_owned()),
            Err(error) => complain(error.to_string()),
        }
        tokio::time::sleep(backoff.pause()).await;
    };
    Ok(Chain {
        gantry,
        node: found.0,
        node_key,
        operator,
        genesis_hash: found.1,
    })
}

/// Serves until it is dropped.
pub async fn serve(chain: Arc<Chain>, host: Arc<Host>) -> std::convert::Infallible {
    let mut sessions: HashMap<Pubkey, Running> = HashMap::new();
    // Jobs that an earlier daemon did not bring to their end, leased still or stopped since.
    for address in recorded(&host) {
        sessions.insert(address, Running::start(&chain, &host, address));
    }
    let mut tidied = Instant::now();
    loop {
        let observation = look(&chain, None).await;
        let current = observation
            .node
            .map(|node| node.current_job)
            .filter(|job| *job != Pubkey::default());
        reap(&mut sessions, current.as_ref()).await;
        if let Some(address) = current {
            sessions.entry(address).or_insert_with(|| {
                tracing::info!(job = %address, "assigned");
                Running::start(&chain, &host, address)
            });
        }
        if tidied.elapsed() >= TIDY {
            tidied = Instant::now();
            tidy(&chain, &host, &sessions).await;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A session and when it was started. Dropping it ends the job's processes.
struct Running {
    task: JoinHandle<anyhow::Result<()>>,
    ended: Option<Instant>,
}

impl Running {
    fn start(chain: &Arc<Chain>, host: &Arc<Host>, address: Pubkey) -> Self {
        Self {
            task: tokio::spawn(session::run(chain.clone(), host.clone(), address)),
            ended: None,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Forgets sessions that have ended: at once where the node has moved on, after a pause where the job is still its own.
async fn reap(sessions: &mut HashMap<Pubkey, Running>, current: Option<&Pubkey>) {
    let ended: Vec<Pubkey> = sessions
        .iter()
        .filter(|(_, session)| session.task.is_finished())
        .map(|(job, _)| *job)
        .collect();
    for job in ended {
        let Some(session) = sessions.get_mut(&job) else {
            continue;
        };
        let since = match session.ended {
            Some(since) => since,
            None => {
                match (&mut session.task).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::error!(%job, error = format!("{error:#}"), "the job's session failed"),
                    Err(error) => tracing::error!(%job, %error, "the job's session failed"),
                }
                *session.ended.insert(Instant::now())
            }
        };
        if current != Some(&job) || since.elapsed() >= RETRY {
            sessions.remove(&job);
        }
    }
}

/// Jobs that there are journals of.
fn recorded(host: &Host) -> Vec<Pubkey> {
    folders(host).into_iter().map(|(job, _)| job).collect()
}

fn folders(host: &Host) -> Vec<(Pubkey, std::path::PathBuf)> {
    let entries = std::fs::read_dir(host.jobs()).into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| {
        let job = entry.file_name().to_str()?.rsplit_once('-')?.0.parse().ok()?;
        Some((job, entry.path()))
    });
    named.collect()
}

/// Deletes the journals of jobs that are closed: a job's address is never used again.
async fn tidy(chain: &Chain, host: &Host, sessions: &HashMap<Pubkey, Running>) {
    for (job, folder) in folders(host) {
        if sessions.contains_key(&job) || !matches!(chain.gantry.job(&job).await, Ok(None)) {
            continue;
        }
        if let Err(error) = std::fs::remove_dir_all(&folder) {
            tracing::warn!(%error, folder = %folder.display(), "cannot delete the journal of a closed job");
        }
    }
}
