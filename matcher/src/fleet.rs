//! The free nodes, indexed so that a decision does not scan them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use gantry_core::requirements::Offer;
use gantry_core::{billing, bond};

use crate::model::{BondRules, FreeNode, Key, OpenJob, Stake, Unfit, ring_position};

/// Cheapest first; of one price the best reputation first; then by place on the ring.
type Rank = (u64, Reverse<u16>, u64, Key);

/// Nodes that can be exchanged for one another at a glance: one mint, one GPU model, one country.
type Shelf = (Key, u16, [u8; 2]);

/// A node that was chosen, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The node.
    pub node: FreeNode,
    /// Stake that will answer for the job, base units.
    pub bond: u64,
}

/// Who else fitted a job, and why the others did not: a scan of all free nodes, for people to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Nodes that fit, best first.
    pub fitting: Vec<FreeNode>,
    /// How many fail for which reason first.
    pub unfit: BTreeMap<Unfit, usize>,
}

/// The free nodes and the stake behind them.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    nodes: HashMap<Key, FreeNode>,
    shelves: BTreeMap<Shelf, BTreeSet<Rank>>,
    /// By provider account.
    stakes: HashMap<Key, Stake>,
    /// Stake units per payment unit in Q32.32, by mint.
    rates: HashMap<Key, u64>,
    rules: BondRules,
}

impl Fleet {
    /// Adds a node or replaces what was known of it.
    pub fn insert(&mut self, node: FreeNode) {
        self.remove(&node.key);
        self.shelves.entry(shelf(&node.offer)).or_default().insert(rank(&node));
        self.nodes.insert(node.key, node);
    }

    /// Removes a node: it took a job, or takes none. Gives it back.
    pub fn remove(&mut self, key: &Key) -> Option<FreeNode> {
        let node = self.nodes.remove(key)?;
        let place = shelf(&node.offer);
        if let Some(ranks) = self.shelves.get_mut(&place) {
            ranks.remove(&rank(&node));
            if ranks.is_empty() {
                self.shelves.remove(&place);
            }
        }
        Some(node)
    }

    /// What is known of a free node.
    pub fn get(&self, key: &Key) -> Option<&FreeNode> {
        self.nodes.get(key)
    }

    /// Free nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether no node is free.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Sets the stake behind a provider; `None` if it has no pool.
    pub fn set_stake(&mut self, provider: Key, stake: Option<Stake>) {
        match stake {
            Some(stake) => self.stakes.insert(provider, stake),
            None => self.stakes.remove(&provider),
        };
    }

    /// Sets the rate of a mint: stake units per payment unit in Q32.32; `None` if the market does not know the mint.
    pub fn set_rate(&mut self, mint: Key, rate: Option<u64>) {
        match rate {
            Some(rate) => self.rates.insert(mint, rate),
            None => self.rates.remove(&mint),
        };
    }

    /// Sets the rules that bonds are sized by.
    pub fn set_rules(&mut self, rules: BondRules) {
        self.rules = rules;
    }

    /// Sets stake aside for a job, as the market will when it is assigned.
    pub fn reserve(&mut self, provider: &Key, bond: u64) {
        if let Some(stake) = self.stakes.get_mut(provider) {
            stake.bonded = stake.bonded.saturating_add(bond);
        }
    }

    /// The best node for `job` at `now` (Unix seconds): the cheapest that fits, of equals the one of best reputation, of
    /// equals the nearest on the ring.
    ///
    /// Looks at nodes in order of merit and stops at the first that fits; nodes of a model or country that the job does
    /// not take are never looked at.
    pub fn choose(&self, job: &OpenJob, now: i64) -> Option<Choice> {
        if let Some(key) = &job.fixed_node {
            let node = self.nodes.get(key)?;
            let bond = self.fit(job, node, now).ok()?;
            return Some(Choice {
                node: node.clone(),
                bond,
            });
        }
        let home = ring_position(&job.key);
        let shelves = self.shelves_for(job);
        // The best standing still to be looked at, over all shelves.
        let mut standing = shelves
            .iter()
            .filter_map(|ranks| ranks.first())
            .map(|rank| (rank.0, rank.1))
            .min();
        while let Some((price, reputation)) = standing {
            if price > job.requirements.max_price_per_hour {
                return None;
            }
            let equals = shelves
                .iter()
                .filter_map(|ranks| self.nearest(ranks, (price, reputation), home, job, now));
            if let Some((_, choice)) = equals.min_by_key(|(distance, choice)| (*distance, choice.node.key)) {
                return Some(choice);
            }
            let last = (price, reputation, u64::MAX, [0xff; 32]);
            let after = (Bound::Excluded(last), Bound::Unbounded);
            standing = shelves
                .iter()
                .filter_map(|ranks| ranks.range(after).next())
                .map(|rank| (rank.0, rank.1))
                .min();
        }
        None
    }

    /// Looks at every free node.
    pub fn survey(&self, job: &OpenJob, now: i64) -> Survey {
        let mut survey = Survey::default();
        for node in self.nodes.values() {
            match self.fit(job, node, now) {
                Ok(_) => survey.fitting.push(node.clone()),
                Err(unfit) => *survey.unfit.entry(unfit).or_default() += 1,
            }
        }
        let home = ring_position(&job.key);
        survey.fitting.sort_by_key(|node| {
            let (price, reputation, position, key) = rank(node);
            (price, reputation, position.wrapping_sub(home), key)
        });
        survey
    }

    /// The bond that `node` would put up for `job`.
    ///
    /// # Errors
    /// Why the market would refuse the pair.
    pub fn fit(&self, job: &OpenJob, node: &FreeNode, now: i64) -> Result<u64, Unfit> {
        if job.fixed_node.is_some_and(|key| key != node.key) {
            return Err(Unfit::NotTheNodeAskedFor);
        }
        if job.bars(&node.key) {
            return Err(Unfit::Barred);
        }
        job.requirements.check(&node.offer, now).map_err(Unfit::Requirement)?;
        let stake = self.stakes.get(&node.provider).ok_or(Unfit::NoPool)?;
        if stake.reward_mint != job.requirements.mint {
            return Err(Unfit::RewardMint);
        }
        let rate = self.rates.get(&job.requirements.mint).ok_or(Unfit::Stake)?;
        let bill = billing::deposit(node.offer.price_per_hour, job.max_duration).ok_or(Unfit::Stake)?;
        let bond = bond::bond(bill, *rate, self.rules.ratio_bps).ok_or(Unfit::Stake)?;
        let free = stake.active.saturating_sub(stake.bonded);
        if stake.active < self.rules.minimum_pool_stake || bond > free {
            return Err(Unfit::Stake);
        }
        Ok(bond)
    }

    /// The shelves that hold nodes of a model and a country that the job takes.
    fn shelves_for(&self, job: &OpenJob) -> Vec<&BTreeSet<Rank>> {
        let requirements = &job.requirements;
        let any_model = requirements.gpu_models.iter().all(|model| *model == 0);
        let anywhere = requirements.countries.iter().all(|country| *country == [0, 0]);
        let mint = requirements.mint;
        let of_mint = self.shelves.range((mint, 0, [0; 2])..=(mint, u16::MAX, [0xff; 2]));
        let takes = |model: u16, country: [u8; 2]| {
            (any_model || (model != 0 && requirements.gpu_models.contains(&model)))
                && (anywhere || (country != [0, 0] && requirements.countries.contains(&country)))
        };
        of_mint
            .filter(|((_, model, country), _)| takes(*model, *country))
            .map(|(_, ranks)| ranks)
            .collect()
    }

    /// Of the nodes with one price and reputation on one shelf the first, from the job's place around the ring, that fits.
    fn nearest(
        &self,
        ranks: &BTreeSet<Rank>,
        (price, reputation): (u64, Reverse<u16>),
        home: u64,
        job: &OpenJob,
        now: i64,
    ) -> Option<(u64, Choice)> {
        let at = |position, key| (price, reputation, position, key);
        let ahead = ranks.range(at(home, [0; 32])..=at(u64::MAX, [0xff; 32]));
        let around = ranks.range(at(0, [0; 32])..at(home, [0; 32]));
        ahead.chain(around).find_map(|(_, _, position, key)| {
            let node = self.nodes.get(key)?;
            let bond = self.fit(job, node, now).ok()?;
            Some((
                position.wrapping_sub(home),
                Choice {
                    node: node.clone(),
                    bond,
                },
            ))
        })
    }
}

fn shelf(offer: &Offer) -> Shelf {
    (offer.mint, offer.gpu_model, offer.country)
}

fn rank(node: &FreeNode) -> Rank {
    (
        node.offer.price_per_hour,
        Reverse(node.offer.reputation_bps),
        ring_position(&node.key),
        node.key,
    )
}
