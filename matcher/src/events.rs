//! What the matcher did and why: in the log for people, and as lines of JSON in a file for programs.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use gantry_sdk::Pubkey;
use serde::Serialize;

use crate::fleet::{Choice, Fleet};
use crate::model::{FreeNode, OpenJob};

/// Free nodes beyond which the reasons are not counted: that looks at each of them.
pub const MAX_SURVEY: usize = 10_000;

/// A node as reasons name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// The node account.
    pub node: String,
    /// Base units per hour.
    pub price_per_hour: u64,
    /// Basis points.
    pub reputation_bps: u16,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

impl From<&FreeNode> for Named {
    fn from(node: &FreeNode) -> Self {
        Self {
            node: Pubkey::from(node.key).to_string(),
            price_per_hour: node.offer.price_per_hour,
            reputation_bps: node.offer.reputation_bps,
            country: String::from_utf8_lossy(&node.offer.country)
                .trim_matches('\0')
                .to_owned(),
        }
    }
}

/// Why a node was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The job account.
    pub job: String,
    /// The choice.
    pub chosen: Named,
    /// Stake that answers for the job, base units.
    pub bond: u64,
    /// Free nodes that fitted; `None` in a fleet too large to count.
    pub fitting: Option<usize>,
    /// The next best.
    pub runner_up: Option<Named>,
    /// Why the other free nodes did not fit, and how many for each reason.
    pub unfit: BTreeMap<String, usize>,
}

impl Reason {
    /// The reason for `choice`, while its node is still in `fleet`.
    pub fn new(job: &OpenJob, choice: &Choice, fleet: &Fleet, now: i64) -> Self {
        let survey = (fleet.len() <= MAX_SURVEY).then(|| fleet.survey(job, now));
        let (fitting, unfit) = match &survey {
            Some(survey) => (Some(survey.fitting.len()), survey.unfit.clone()),
            None => (None, BTreeMap::new()),
        };
        Self {
            job: Pubkey::from(job.key).to_string(),
            chosen: Named::from(&choice.node),
            bond: choice.bond,
            fitting,
            runner_up: survey.and_then(|survey| survey.fitting.get(1).map(Named::from)),
            unfit: unfit.into_iter().map(|(why, count)| (why.to_string(), count)).collect(),
        }
    }

    /// For people.
    pub fn sentence(&self) -> String {
        let chosen = &self.chosen;
        let mut text = format!("matched job {} to node {}: cheapest", self.job, chosen.node);
        match self.fitting {
            Some(1) => text.push_str(", and the only one that fits"),
            Some(count) => text.push_str(&format!(" of {count} that fit")),
            None => {}
        }
        text.push_str(&format!(
            " (country {}, {} base units per hour)",
            chosen.country, chosen.price_per_hour
        ));
        if let Some(other) = &self.runner_up {
            let why = if other.price_per_hour > chosen.price_per_hour {
                "dearer"
            } else if other.reputation_bps < chosen.reputation_bps {
                "same price, lower reputation"
            } else {
                "same price and reputation, drawn by hash"
            };
            text.push_str(&format!(
                "; runner-up {} at {} ({why})",
                other.node, other.price_per_hour
            ));
        }
        for (why, count) in &self.unfit {
            text.push_str(&format!("; {count} {why}"));
        }
        text
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A job was assigned.
    Matched {
        /// Why.
        #[serde(flatten)]
        reason: Reason,
        /// The transaction.
        signature: String,
    },
    /// An open job finds no node. Once per change of the reasons.
    Unmatched {
        /// The job account.
        job: String,
        /// Nodes that are not free.
        busy: usize,
        /// Free nodes that do not fit, by reason.
        unfit: BTreeMap<String, usize>,
    },
    /// An overdue job was pushed forward.
    Pushed {
        /// The job account.
        job: String,
        /// The instruction.
        instruction: &'static str,
        /// The transaction.
        signature: String,
    },
}

/// Where events go.
#[derive(Debug, Default)]
pub struct Events {
    file: Option<std::fs::File>,
}

impl Events {
    /// Events in the log, and at the end of `file` where there is one.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        let open = |path: &Path| {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            file.with_context(|| format!("cannot write the events file {}", path.display()))
        };
        Ok(Self {
            file: file.map(open).transpose()?,
        })
    }

    /// Tells people and programs.
    pub fn tell(&mut self, event: &Event) {
        match event {
            Event::Matched { reason, signature } => tracing::info!(%signature, "{}", reason.sentence()),
            Event::Unmatched { job, busy, unfit } => {
                let reasons: Vec<String> = unfit.iter().map(|(why, count)| format!("{count} {why}")).collect();
                let reasons = if reasons.is_empty() {
                    "no node is free".to_owned()
                } else {
                    reasons.join(", ")
                };
                tracing::info!(busy, "job {job} is not matched: {reasons}");
            }
            Event::Pushed {
                job,
                instruction,
                signature,
            } => tracing::info!(%signature, "{instruction} for job {job}"),
        }
        let Some(file) = &mut self.file else { return };
        let at = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_secs());
        let mut line = serde_json::to_value(event).expect("plain data is always valid JSON");
        line["at"] = at.into();
        // One write per line, so that a reader never sees half of one but at the very end.
        if let Err(error) = file.write_all(format!("{line}\n").as_bytes()) {
            tracing::warn!(%error, "cannot write to the events file");
        }
    }
}
