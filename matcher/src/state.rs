//! What the matcher knows of the chain: the accounts of the three programs, and the queue and fleet made of them.

use std::collections::{HashMap, HashSet};

use gantry_sdk::market::accounts::{Dispute, Job, MarketParams, PaymentMint};
use gantry_sdk::registry::accounts::{Network, Node};
use gantry_sdk::staking::accounts::{Pool, StakingParams};
use gantry_sdk::state::{AnyAccount, JobExt, JobStatus, NodeExt, NodeStatus};
use gantry_sdk::{Pubkey, pda};

use crate::fleet::{Choice, Fleet};
use crate::keeper::Case;
use crate::model::{BondRules, FreeNode, Key, OpenJob, Stake};
use crate::plan::{Pair, Queue, plan};

/// [`Network`]`.paused` bit: no job is assigned.
const PAUSED_ASSIGNMENTS: u8 = 2;

/// Version of an account: its slot, and the write within it where that is known.
pub type Version = (u64, u64);

/// An account as it was read, or `None` once it is gone.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Its address.
    pub key: Pubkey,
    /// As of when.
    pub version: Version,
    /// Owner and data.
    pub account: Option<(Pubkey, Vec<u8>)>,
}

/// An assignment that was sent and is not seen on chain yet.
#[derive(Clone, Copy, Debug)]
struct Pending {
    node: Pubkey,
    provider: Pubkey,
    bond: u64,
}

/// The state of the market.
#[derive(Debug, Default)]
pub struct State {
    matcher: Pubkey,
    versions: HashMap<Pubkey, Version>,
    jobs: HashMap<Pubkey, Job>,
    nodes: HashMap<Pubkey, Node>,
    /// By provider account.
    pools: HashMap<Pubkey, Pool>,
    pool_owners: HashMap<Pubkey, Pubkey>,
    mints: HashMap<Pubkey, PaymentMint>,
    /// By job.
    disputes: HashMap<Pubkey, Dispute>,
    network: Option<Network>,
    market: Option<MarketParams>,
    staking: Option<StakingParams>,
    pending: HashMap<Pubkey, Pending>,
    queue: Queue,
    fleet: Fleet,
    dirty: bool,
}

impl State {
    /// Nothing known yet. `matcher` is who assigns: jobs that ask for another one are left to that.
    pub fn new(matcher: Pubkey) -> Self {
        Self {
            matcher,
            ..Self::default()
        }
    }

    /// Takes in an account; an older one than is known changes nothing.
    pub fn apply(&mut self, reading: Reading) {
        if self
            .versions
            .get(&reading.key)
            .is_some_and(|known| *known > reading.version)
        {
            return;
        }
        self.versions.insert(reading.key, reading.version);
        let Some((owner, data)) = reading.account else {
            self.forget(&reading.key);
            return;
        };
        match AnyAccount::decode(&owner, &data) {
            Ok(account) => self.learn(reading.key, account),
            Err(error) => tracing::debug!(account = %reading.key, %error, "left aside"),
        }
    }

    /// Takes in everything there is as of `slot`: what is known and not in there has gone.
    pub fn replace(&mut self, slot: u64, readings: Vec<Reading>) {
        let there: HashSet<Pubkey> = readings.iter().map(|reading| reading.key).collect();
        let gone: Vec<Pubkey> = self
            .versions
            .iter()
            .filter(|(key, version)| version.0 < slot && !there.contains(key))
            .map(|(key, _)| *key)
            .collect();
        for key in gone {
            self.forget(&key);
            self.versions.remove(&key);
        }
        readings.into_iter().for_each(|reading| self.apply(reading));
    }

    /// Whether anything has changed since this was asked last.
    pub fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.dirty)
    }

    /// Pairs what can be paired at `now` (Unix seconds), leaving out `skip`; each pair counts as taken until
    /// [`landed`](Self::landed) or [`failed`](Self::failed). `explain` sees each one before it is.
    pub fn pair(&mut self, skip: &HashSet<Key>, now: i64, explain: impl FnMut(&OpenJob, &Choice, &Fleet)) -> Vec<Pair> {
        if self
            .network
            .as_ref()
            .is_none_or(|network| network.paused & PAUSED_ASSIGNMENTS != 0)
        {
            return Vec::new();
        }
        let mut skip = skip.clone();
        skip.extend(self.pending.keys().map(Pubkey::to_bytes));
        let pairs = plan(&self.queue, &mut self.fleet, &skip, now, explain);
        for pair in &pairs {
            let node = Pubkey::from(pair.choice.node.key);
            let provider = Pubkey::from(pair.choice.node.provider);
            self.pending.insert(
                pair.job.into(),
                Pending {
                    node,
                    provider,
                    bond: pair.choice.bond,
                },
            );
        }
        pairs
    }

    /// An assignment is not on chain and will not be: the node is free again, as far as is known.
    pub fn failed(&mut self, job: &Pubkey) {
        if let Some(pending) = self.pending.remove(job) {
            self.refresh_node(&pending.node);
            self.refresh_stake(&pending.provider);
            self.dirty = true;
        }
    }

    /// An assignment is on chain; what it changed is learned from there.
    pub fn landed(&mut self, job: &Pubkey) {
        if self
            .jobs
            .get(job)
            .is_some_and(|job| JobExt::status(job) != Some(JobStatus::Open))
        {
            self.failed(job);
        }
    }

    /// The jobs that are known.
    pub fn jobs(&self) -> impl Iterator<Item = (&Pubkey, &Job)> {
        self.jobs.iter()
    }

    /// A job.
    pub fn job(&self, key: &Pubkey) -> Option<&Job> {
        self.jobs.get(key)
    }

    /// The dispute over a job, and the council that votes on it.
    pub fn case(&self, job: &Pubkey) -> Option<Case<'_>> {
        Some((self.disputes.get(job)?, self.network.as_ref()?))
    }

    /// A node.
    pub fn node(&self, key: &Pubkey) -> Option<&Node> {
        self.nodes.get(key)
    }

    /// Nodes that are known, free or not.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The market's account of a mint.
    pub fn mint(&self, mint: &Pubkey) -> Option<&PaymentMint> {
        self.mints.get(mint)
    }

    /// The market's rules.
    pub fn market(&self) -> Option<&MarketParams> {
        self.market.as_ref()
    }

    /// The rules of staking.
    pub fn staking(&self) -> Option<&StakingParams> {
        self.staking.as_ref()
    }

    /// Open jobs that this matcher may assign and has not.
    pub fn waiting(&self) -> impl Iterator<Item = &OpenJob> {
        self.queue
            .iter()
            .filter(|job| !self.pending.contains_key(&Pubkey::from(job.key)))
    }

    /// The free nodes.
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    fn learn(&mut self, key: Pubkey, account: AnyAccount) {
        match account {
            AnyAccount::Job(job) => {
                self.jobs.insert(key, job);
                self.refresh_job(&key);
            }
            AnyAccount::Node(node) => {
                self.nodes.insert(key, node);
                self.refresh_node(&key);
            }
            AnyAccount::Pool(pool) => {
                let provider = pool.provider;
                if key != pda::pool(&provider) {
                    return;
                }
                self.pool_owners.insert(key, provider);
                self.pools.insert(provider, pool);
                self.refresh_stake(&provider);
            }
            AnyAccount::PaymentMint(mint) => {
                self.fleet.set_rate(mint.mint.to_bytes(), Some(mint.stake_rate));
                self.mints.insert(mint.mint, mint);
            }
            AnyAccount::Dispute(dispute) => {
                if key != pda::dispute(&dispute.job) {
                    return;
                }
                self.disputes.insert(dispute.job, dispute);
            }
            AnyAccount::Network(network) => self.network = Some(network),
            AnyAccount::MarketParams(params) => {
                self.market = Some(params);
                self.refresh_rules();
            }
            AnyAccount::StakingParams(params) => {
                self.staking = Some(params);
                self.refresh_rules();
            }
            _ => return,
        }
        self.dirty = true;
    }

    fn forget(&mut self, key: &Pubkey) {
        if self.jobs.remove(key).is_some() {
            // A dispute closes with its job.
            self.disputes.remove(key);
            self.refresh_job(key);
        } else if self.nodes.remove(key).is_some() {
            self.refresh_node(key);
        } else if let Some(provider) = self.pool_owners.remove(key) {
            self.pools.remove(&provider);
            self.refresh_stake(&provider);
        } else {
            return;
        }
        self.dirty = true;
    }

    fn refresh_job(&mut self, key: &Pubkey) {
        let open = self
            .jobs
            .get(key)
            .filter(|job| JobExt::status(*job) == Some(JobStatus::Open));
        if open.is_none() {
            // What was sent has landed, or the job is gone.
            self.failed(key);
        }
        let open = self
            .jobs
            .get(key)
            .filter(|job| JobExt::status(*job) == Some(JobStatus::Open));
        match open.filter(|job| job.fixed_matcher().is_none_or(|matcher| matcher == self.matcher)) {
            None => drop(self.queue.remove(&key.to_bytes())),
            Some(job) => self.queue.insert(OpenJob {
                key: key.to_bytes(),
                created_at: job.created_at,
                requirements: job.requirements(),
                max_duration: job.max_duration,
                fixed_node: job.fixed_node().map(|node| node.to_bytes()),
                barred: job.barred.iter().copied().filter(|prefix| *prefix != [0; 4]).collect(),
            }),
        }
    }

    fn refresh_node(&mut self, key: &Pubkey) {
        let taken = self.pending.values().any(|pending| pending.node == *key);
        let free = self
            .nodes
            .get(key)
            .filter(|node| !taken && NodeExt::status(*node) == Some(NodeStatus::Available));
        match free {
            None => drop(self.fleet.remove(&key.to_bytes())),
            Some(node) => self.fleet.insert(FreeNode {
                key: key.to_bytes(),
                provider: node.provider.to_bytes(),
                offer: node.offer(),
            }),
        }
    }

    fn refresh_stake(&mut self, provider: &Pubkey) {
        let sent = self.pending.values().filter(|pending| pending.provider == *provider);
        let sent: u64 = sent.fold(0, |sum, pending| sum.saturating_add(pending.bond));
        let stake = self.pools.get(provider).map(|pool| Stake {
            active: pool.active,
            bonded: pool.bonded.saturating_add(sent),
            reward_mint: pool.reward_mint.to_bytes(),
        });
        self.fleet.set_stake(provider.to_bytes(), stake);
    }

    fn refresh_rules(&mut self) {
        if let (Some(market), Some(staking)) = (&self.market, &self.staking) {
            self.fleet.set_rules(BondRules {
                ratio_bps: market.terms.bond_ratio_bps,
                minimum_pool_stake: staking.minimum_pool_stake,
            });
        }
    }
}
