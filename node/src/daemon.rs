//! The daemon: watches its node and has a session for each job that it is given.

use std::collections::{HashMap, HashSet};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use gantry_sdk::state::{JobExt, JobStatus};
use gantry_sdk::{Gantry, Keypair, Pubkey, Signer as _, pda};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::chain::Chain;
use crate::container::Run;
use crate::host::Host;
use crate::tasks::{Backoff, LOOK, look};
use crate::{live, orphans, session};

/// Pause before a session that failed is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// How often journals of closed jobs are cleared away.
const TIDY: Duration = Duration::from_secs(60);

/// Takes the state folder for this process alone, and ends what an earlier one left running.
///
/// # Errors
/// If the folder cannot be used, another daemon uses it, or left processes cannot be ended.
pub fn take_state(state: &Path) -> anyhow::Result<std::fs::File> {
    make(state, 0o700)?;
    let path = state.join("lock");
    let lock = std::fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    if let Err(error) = lock.try_lock() {
        anyhow::bail!(
            "another gantry-node uses {}: stop it, or pass another --state-dir ({error})",
            state.display()
        );
    }
    let state = state.canonicalize().context("cannot find the state folder")?;
    let left = orphans::kill_below(&state).context("cannot end what an earlier daemon left")?;
    if left > 0 {
        tracing::warn!(left, "ended processes that an earlier daemon had left");
    }
    Ok(lock)
}

/// Makes the folder of one node's jobs in `own`, which is `state` or below it. With `others`, jobs run as another user,
/// who has to get through to its own folder, and sees nothing on the way.
///
/// # Errors
/// If it cannot be made.
pub fn prepare_state(state: &Path, own: &Path, others: bool) -> anyhow::Result<()> {
    let mode = if others { 0o711 } else { 0o700 };
    let jobs = own.join("jobs");
    make(&jobs, mode)?;
    for folder in jobs.ancestors().take_while(|folder| folder.starts_with(state)) {
        let set = std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode));
        set.with_context(|| format!("cannot set the mode of {}", folder.display()))?;
    }
    Ok(())
}

fn make(folder: &Path, mode: u32) -> anyhow::Result<()> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(mode).create(folder);
    made.with_context(|| format!("cannot make the folder {}", folder.display()))
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

/// What becomes of jobs when the daemon is told to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Drain {
    /// They are left as they are for the daemon's next life: containers go on, processes are run again
    #[default]
    Leave,
    /// They are brought to their end, and new ones handed back; then the daemon ends
    Finish,
    /// Those that run are ended with the market's notice, and new ones handed back; then the daemon ends
    HandBack,
}

/// How many nodes of this daemon have a job, or may have one.
#[derive(Clone, Debug, Default)]
pub struct Busy(Arc<AtomicUsize>);

/// One node's part in that.
struct Part<'a> {
    all: &'a Busy,
    busy: bool,
}

impl Busy {
    fn part(&self) -> Part<'_> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Part { all: self, busy: true }
    }
}

impl Part<'_> {
    fn set(&mut self, busy: bool) {
        if busy && !self.busy {
            self.all.0.fetch_add(1, Ordering::SeqCst);
        } else if self.busy && !busy {
            self.all.0.fetch_sub(1, Ordering::SeqCst);
        }
        self.busy = busy;
    }

    fn nobody_is(&self) -> bool {
        self.all.0.load(Ordering::SeqCst) == 0
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        self.set(false);
    }
}

/// Serves until it is dropped, or until `drain` says otherwise and no node of this daemon has a job left: one that has
/// none goes on handing back what it is assigned for as long as another is at work.
pub async fn serve(chain: Arc<Chain>, host: Arc<Host>, drain: watch::Receiver<Drain>, busy: Busy) {
    let mut part = busy.part();
    let mut words: HashMap<Pubkey, Word> = HashMap::new();
    let mut sessions: HashMap<Pubkey, Running> = HashMap::new();
    // Jobs that an earlier daemon did not bring to their end, leased still or stopped since.
    for address in recorded(&host) {
        sessions.insert(address, Running::start(&chain, &host, address));
    }
    let mut tidied = None;
    loop {
        let drain = *drain.borrow();
        let observation = look(&chain, None).await;
        let current = observation
            .node
            .map(|node| node.current_job)
            .filter(|job| *job != Pubkey::default());
        reap(&mut sessions, current.as_ref()).await;
        if drain != Drain::Leave {
            let open: HashSet<Pubkey> = sessions.keys().copied().chain(current).collect();
            for address in open
                .into_iter()
                .filter(|address| !words.contains_key(address))
                .collect::<Vec<_>>()
            {
                if let Some(word) = hand_back(&chain, address, drain).await {
                    words.insert(address, word);
                }
            }
        }
        part.set(current.is_some() || sessions.values().any(|session| !session.task.is_finished()));
        if drain != Drain::Leave && part.nobody_is() {
            return;
        }
        let wanted = |address: &Pubkey| drain == Drain::Leave || words.get(address) == Some(&Word::Kept);
        if let Some(address) = current.filter(wanted) {
            sessions.entry(address).or_insert_with(|| {
                tracing::info!(job = %address, "assigned");
                Running::start(&chain, &host, address)
            });
        }
        if tidied.is_none_or(|at: Instant| at.elapsed() >= TIDY) {
            tidied = Some(Instant::now());
            tidy(&chain, &host, &sessions).await;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What a draining node has said about a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// It goes back to the market.
    Declined,
    /// It is brought to its end.
    Kept,
}

/// Tells the market that a job is not wanted any more; `None` where that has to be tried again.
async fn hand_back(chain: &Chain, address: Pubkey, drain: Drain) -> Option<Word> {
    let observation = look(chain, Some(&address)).await;
    let job = observation.job.filter(|job| job.node == chain.node);
    let status = job.as_ref().and_then(JobExt::status);
    let (payer, key) = (&chain.operator, &chain.node_key);
    let (word, told) = match status {
        Some(JobStatus::Assigned) => {
            let told = chain.gantry.decline_assignment(payer, key, &address).await;
            (Word::Declined, told)
        }
        Some(JobStatus::Running) if drain == Drain::HandBack => {
            (Word::Kept, chain.gantry.end_job(payer, key, &address).await)
        }
        _ => return Some(Word::Kept),
    };
    match told {
        Ok(signature) => {
            tracing::info!(job = %address, ?word, %signature, "told the market that this node ends");
            Some(word)
        }
        // It may just have changed; the next look will tell.
        Err(error) => {
            tracing::warn!(job = %address, ?word, %error, "cannot tell the market yet that this node ends");
            None
        }
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
    folders(host).into_iter().map(|(job, ..)| job).collect()
}

fn folders(host: &Host) -> Vec<(Pubkey, u32, std::path::PathBuf)> {
    let entries = std::fs::read_dir(host.jobs()).into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| {
        let name = entry.file_name();
        let (job, assignment) = name.to_str()?.rsplit_once('-')?;
        Some((job.parse().ok()?, assignment.parse().ok()?, entry.path()))
    });
    named.collect()
}

/// Deletes the journals of jobs that are closed: a job's address is never used again.
async fn tidy(chain: &Chain, host: &Host, sessions: &HashMap<Pubkey, Running>) {
    for (job, assignment, folder) in folders(host) {
        if sessions.contains_key(&job) || !matches!(chain.gantry.job(&job).await, Ok(None)) {
            continue;
        }
        if let Err(error) = live::remove(&host.blobs, &chain.log_place(job, assignment), &folder).await {
            tracing::warn!(error = format!("{error:#}"), folder = %folder.display(), "cannot remove the parts of a log");
        }
        if let Err(error) = std::fs::remove_dir_all(&folder) {
            tracing::warn!(%error, folder = %folder.display(), "cannot delete the journal of a closed job");
        }
    }
    if let Some(runtime) = &host.containers {
        let used = |run: &Run| run.job.parse().is_ok_and(|job: Pubkey| sessions.contains_key(&job));
        match runtime.clean_up(used).await {
            Ok(0) => {}
            Ok(removed) => tracing::warn!(removed, "removed containers that no job needs any more"),
            Err(error) => tracing::warn!(error = format!("{error:#}"), "cannot clear containers away"),
        }
    }
}
