//! A job, and what it comes to.

use super::{Node, wide::share};
use crate::suite::cast::{Coin, NodeRef, Who};
use gantry_sdk::ix::TermsArgs;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Open = 0,
    Assigned = 1,
    Running = 2,
    Finished = 3,
    Lapsed = 4,
    Disputed = 5,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    None = 0,
    Completed = 1,
    Failed = 2,
    Stopped = 3,
    Lapsed = 4,
    Expired = 5,
}

/// What a customer asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JobSpec {
    pub(crate) max_price: u64,
    pub(crate) max_duration: u32,
    pub(crate) start_deadline: u32,
    pub(crate) proof_timeout: u32,
    pub(crate) node: Option<NodeRef>,
    pub(crate) matcher: Option<Who>,
    pub(crate) gpu_models: [u16; 4],
    pub(crate) countries: [[u8; 2]; 8],
    pub(crate) gpu_count: u8,
    pub(crate) vram_gib: u16,
    pub(crate) ram_gib: u16,
    pub(crate) disk_gib: u32,
    pub(crate) mbps: u32,
    pub(crate) flags: u16,
    pub(crate) tier: u8,
    pub(crate) reputation_bps: u16,
    pub(crate) sla_bps: u16,
    /// First byte of the spec's hash; 0 stands for none.
    pub(crate) hash: u8,
}

/// Times are seconds since it was opened.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) spec: JobSpec,
    pub(crate) coin: Coin,
    pub(crate) deposited: u64,
    pub(crate) created: i64,
    pub(crate) status: Status,
    pub(crate) outcome: Outcome,
    pub(crate) accepted: bool,
    /// Its node has said that it ends early.
    pub(crate) noticed: bool,
    /// Who serves it, or must.
    pub(crate) node: Option<NodeRef>,
    /// Whose node serves it.
    pub(crate) provider: Option<Who>,
    /// Who assigned it, or must.
    pub(crate) matcher: Option<Who>,
    pub(crate) price: u64,
    pub(crate) bond: u64,
    /// Paid to the provider's side while it ran.
    pub(crate) claimed: u64,
    pub(crate) assignment: u32,
    pub(crate) sequence: u64,
    pub(crate) served: u32,
    pub(crate) released: u32,
    /// Seconds proven, and when.
    pub(crate) checkpoint: (u32, u32),
    pub(crate) active_at: u32,
    pub(crate) started_at: u32,
    pub(crate) ended_at: u32,
    pub(crate) exit_code: i32,
    pub(crate) digest: u8,
    /// Nodes that did not start it, latest first.
    pub(crate) barred: [Option<NodeRef>; 4],
}

/// Where what a vault still holds of a deposit goes; the treasury gets the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) provider: u64,
    pub(crate) delegators: u64,
    pub(crate) matcher: u64,
    pub(crate) customer: u64,
    /// Stake that answers for what the node has claimed of the customer's part.
    pub(crate) slash: u64,
}

/// What a settlement is reckoned by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale<'a> {
    pub(crate) terms: &'a TermsArgs,
    /// Stake units per payment unit, Q32.32.
    pub(crate) rate: u64,
    /// What the provider keeps of its revenue; `None` where nobody stakes.
    pub(crate) commission: Option<u16>,
    /// What the council leaves of what was earned.
    pub(crate) share_bps: u16,
}

/// A job before the council.
#[derive(Clone, Debug)]
pub(crate) struct Dispute {
    pub(crate) bond: u64,
    pub(crate) opened: i64,
    pub(crate) deadline: i64,
    /// The provider's share and the slash, by the arbiters' places.
    pub(crate) votes: [Option<(u16, u16)>; 9],
}

impl Dispute {
    /// What `threshold` of the first `members` places want alike.
    pub(crate) fn verdict(&self, members: usize, threshold: u8) -> Option<(u16, u16)> {
        let cast: Vec<(u16, u16)> = self.votes[..members].iter().flatten().copied().collect();
        let alike = |vote: (u16, u16)| cast.iter().filter(|other| **other == vote).count();
        cast.iter().copied().find(|vote| alike(*vote) >= usize::from(threshold))
    }
}

impl Job {
    pub(crate) fn since(&self, now: i64) -> u32 {
        u32::try_from(now - self.created).expect("a history of less than 136 years")
    }

    /// Whether its seconds are over.
    pub(crate) fn ended(&self) -> bool {
        self.settles() || self.status == Status::Disputed
    }

    /// Whether it waits for nothing but its settlement.
    pub(crate) fn settles(&self) -> bool {
        matches!(self.status, Status::Finished | Status::Lapsed)
    }

    /// Whether its dispute window is over, or waived.
    pub(crate) fn due(&self, now: i64, window: u32) -> bool {
        self.settles() && (self.accepted || self.since(now).saturating_sub(self.ended_at) >= window)
    }

    /// Opens it to others than `node`.
    pub(crate) fn reopen(&mut self, node: NodeRef) {
        self.barred.rotate_right(1);
        self.barred[0] = Some(node);
        self.status = Status::Open;
        self.bond = 0;
        self.price = 0;
        self.active_at = 0;
        self.provider = None;
        self.node = self.spec.node;
        self.matcher = self.spec.matcher;
    }

    /// Seconds that the customer cannot call into question any more at `at`: proven a `window` ago, as it is noted.
    pub(crate) fn let_age(&mut self, at: u32, window: u32) {
        let mature = |since: u32| at.saturating_sub(since) >= window;
        if !mature(self.checkpoint.1) {
            return;
        }
        self.released = self.released.max(self.checkpoint.0);
        self.checkpoint = (self.served, self.active_at);
        if mature(self.active_at) {
            self.released = self.released.max(self.served);
        }
    }

    /// What a claim pays now and how much of it the stakers get: the provider's side of what is released, less what was
    /// paid before.
    pub(crate) fn claim(&self, terms: &TermsArgs, commission: Option<u16>) -> (u64, u64) {
        let bill = (u128::from(self.price) * u128::from(self.released) / 3_600) as u64;
        let kept = 10_000 - u64::from(terms.fee_bps) - u64::from(terms.matcher_fee_bps);
        let due = share(bill, kept).saturating_sub(self.claimed);
        let stakers = |paid: u64| commission.map_or(0, |bps| share(paid, 10_000 - u64::from(bps)));
        (due, stakers(self.claimed + due) - stakers(self.claimed))
    }

    pub(crate) fn elapsed(&self, at: u32) -> u32 {
        let until = if self.ended() { self.ended_at } else { at };
        until.saturating_sub(self.started_at)
    }

    /// Notes seconds proven by `at`; what was proven a dispute window before is released.
    pub(crate) fn prove(&mut self, served: u32, at: u32, window: u32) {
        let (seconds, since) = self.checkpoint;
        if at.saturating_sub(since) >= window {
            self.released = self.released.max(seconds);
            self.checkpoint = (served, at);
        }
        self.served = served;
        self.active_at = at;
    }

    /// Seconds that the node promised: to its last word, or to the end where it went silent.
    pub(crate) fn promised(&self) -> u32 {
        let until = if self.outcome == Outcome::Lapsed {
            self.ended_at
        } else {
            self.active_at
        };
        until.saturating_sub(self.started_at).min(self.spec.max_duration)
    }

    /// Why `node` does not fit it, at `now`.
    pub(crate) fn mismatches(&self, node: &Node, now: i64) -> Vec<&'static str> {
        let (ask, has) = (&self.spec, &node.hardware);
        let wants_model = ask.gpu_models.iter().any(|model| *model != 0);
        let wants_country = ask.countries.iter().any(|country| *country != [0; 2]);
        let attested = ask.tier > 0 || ask.flags != 0;
        let checks = [
            (node.coin == self.coin, "UnmetMint"),
            (node.price <= ask.max_price, "UnmetPrice"),
            (
                !wants_model || (has.gpu_model != 0 && ask.gpu_models.contains(&has.gpu_model)),
                "UnmetGpuModel",
            ),
            (has.gpu_count >= ask.gpu_count, "UnmetGpuCount"),
            (has.vram_gib >= ask.vram_gib, "UnmetVram"),
            (has.ram_gib >= ask.ram_gib, "UnmetRam"),
            (has.disk_gib >= ask.disk_gib, "UnmetDisk"),
            (has.mbps >= ask.mbps, "UnmetBandwidth"),
            (!wants_country || ask.countries.contains(&has.country), "UnmetCountry"),
            (node.tier >= ask.tier, "UnmetTier"),
            (ask.flags & !node.flags == 0, "UnmetFlags"),
            (!attested || node.attested_until > now, "UnmetAttestation"),
            (node.reputation() >= u64::from(ask.reputation_bps), "UnmetReputation"),
        ];
        checks.iter().filter(|(met, _)| !met).map(|(_, name)| *name).collect()
    }

    /// Seconds that are paid.
    pub(crate) fn payable(&self) -> u32 {
        self.served.min(self.elapsed(0)).min(self.spec.max_duration)
    }

    /// Basis points of the bill that the customer gets back for too little uptime.
    fn credit_bps(&self, terms: &TermsArgs) -> u64 {
        let promised = self.promised();
        let uptime = if promised == 0 || self.served >= promised {
            10_000
        } else {
            (u64::from(self.served) * 10_000 / u64::from(promised)) as u16
        };
        let shortfall = self.spec.sla_bps.saturating_sub(uptime);
        let reached = terms
            .sla
            .iter()
            .filter(|s| shortfall > 0 && shortfall >= s.shortfall_bps);
        u64::from(reached.map(|s| s.credit_bps).max().unwrap_or(0))
    }

    /// What its settlement pays.
    ///
    /// The provider's claims come off its own part. What they exceed it by is missing from the customer's part, as far as
    /// credit and verdict made that larger, and answered for by stake; the rest of it, which only fees that rose since
    /// can leave, the treasury forgoes first and the matcher then.
    pub(crate) fn parts(&self, scale: &Scale) -> Parts {
        let terms = scale.terms;
        let bill = (u128::from(self.price) * u128::from(self.payable()) / 3_600) as u64;
        let earned = share(bill - share(bill, self.credit_bps(terms)), scale.share_bps.into());
        let fee = (u128::from(earned) * u128::from(terms.fee_bps)).div_ceil(10_000) as u64;
        let matcher = share(earned, terms.matcher_fee_bps.into());
        let revenue = earned - fee - matcher;
        let refund = self.deposited - earned;
        let excess = self.claimed.saturating_sub(revenue);
        let missing = excess.min(bill - earned).min(refund);
        let from_fees = excess - missing;
        let from_matcher = from_fees.saturating_sub(fee).min(matcher);
        let from_refund = from_fees.saturating_sub(fee).saturating_sub(from_matcher);
        let revenue = revenue.saturating_sub(self.claimed);
        let delegators = scale
            .commission
            .map_or(0, |bps| share(revenue, 10_000 - u64::from(bps)));
        let stake = (u128::from(missing) * u128::from(scale.rate)).div_ceil(1 << 32);
        Parts {
            provider: revenue - delegators,
            delegators,
            matcher: matcher - from_matcher,
            customer: refund - missing - from_refund,
            slash: stake.min(self.bond.into()) as u64,
        }
    }
}

/// `ceil(price × seconds / 3600)`, if a `u64` holds it.
pub(crate) fn deposit(price: u64, seconds: u32) -> Option<u64> {
    u64::try_from((u128::from(price) * u128::from(seconds)).div_ceil(3_600)).ok()
}

/// The stake that answers for a job of `bill`, if a `u64` holds it.
pub(crate) fn bond(bill: u64, rate: u64, ratio_bps: u32) -> Option<u64> {
    let stake = (u128::from(bill) * u128::from(rate)).div_ceil(1 << 32);
    let stake = u64::try_from(stake).ok()?;
    u64::try_from((u128::from(stake) * u128::from(ratio_bps)).div_ceil(10_000)).ok()
}
