//! One round of matching: which open job gets which free node.

use std::collections::{BTreeMap, HashSet};

use crate::fleet::{Choice, Fleet};
use crate::model::{Key, OpenJob};

/// Open jobs in the order in which they are served: by time of opening, then by key.
///
/// The job account records the time and not the slot; all matchers read the same order from it.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    jobs: BTreeMap<(i64, Key), OpenJob>,
    places: std::collections::HashMap<Key, i64>,
}

impl Queue {
    /// Adds a job or replaces what was known of it.
    pub fn insert(&mut self, job: OpenJob) {
        self.remove(&job.key);
        self.places.insert(job.key, job.created_at);
        self.jobs.insert((job.created_at, job.key), job);
    }

    /// Removes a job that is open no more.
    pub fn remove(&mut self, key: &Key) -> Option<OpenJob> {
        let created_at = self.places.remove(key)?;
        self.jobs.remove(&(created_at, *key))
    }

    /// What is known of an open job.
    pub fn get(&self, key: &Key) -> Option<&OpenJob> {
        self.jobs.get(&(*self.places.get(key)?, *key))
    }

    /// The jobs in order.
    pub fn iter(&self) -> impl Iterator<Item = &OpenJob> {
        self.jobs.values()
    }

    /// Open jobs.
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether no job is open.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }
}

/// A pair to be sent to the market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The job.
    pub job: Key,
    /// Its node.
    pub choice: Choice,
}

/// Pairs every open job that a free node fits at `now`, in order; takes the nodes, and the stake that answers for them,
/// out of `fleet`. Jobs in `skip` are left alone. `explain` sees each choice while its node is still in the fleet.
pub fn plan(
    queue: &Queue,
    fleet: &mut Fleet,
    skip: &HashSet<Key>,
    now: i64,
    mut explain: impl FnMut(&OpenJob, &Choice, &Fleet),
) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for job in queue.iter() {
        if fleet.is_empty() {
            break;
        }
        if skip.contains(&job.key) {
            continue;
        }
        if let Some(choice) = fleet.choose(job, now) {
            explain(job, &choice, fleet);
            fleet.remove(&choice.node.key);
            fleet.reserve(&choice.node.provider, choice.bond);
            pairs.push(Pair { job: job.key, choice });
        }
    }
    pairs
}
