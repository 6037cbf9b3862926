//! A job, and what it comes to.

use super::{Node, wide::share};
use crate::suite::{
    cast::{Coin, NodeRef, Who},
    rules::Rules,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Open = 0,
    Assigned = 1,
    Running = 2,
    Finished = 3,
    Lapsed = 4,
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
    /// Who serves it, or must.
    pub(crate) node: Option<NodeRef>,
    /// Whose node serves it.
    pub(crate) provider: Option<Who>,
    /// Who assigned it, or must.
    pub(crate) matcher: Option<Who>,
    pub(crate) price: u64,
    pub(crate) bond: u64,
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

/// Where a deposit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) provider: u64,
    pub(crate) delegators: u64,
    pub(crate) matcher: u64,
    pub(crate) treasury: u64,
    pub(crate) customer: u64,
}

impl Job {
    pub(crate) fn since(&self, now: i64) -> u32 {
        u32::try_from(now - self.created).expect("a history of less than 136 years")
    }

    /// Whether anything more may happen to it but its settlement.
    pub(crate) fn ended(&self) -> bool {
        matches!(self.status, Status::Finished | Status::Lapsed)
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

    /// What its settlement pays; `commission` is `None` where nobody stakes.
    pub(crate) fn parts(&self, rules: &Rules, commission: Option<u16>) -> Parts {
        let terms = &rules.terms;
        let bill = (u128::from(self.price) * u128::from(self.payable()) / 3_600) as u64;
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
        let credit = share(bill, u64::from(reached.map(|s| s.credit_bps).max().unwrap_or(0)));
        let earned = bill - credit;
        let fee = u128::from(earned) * u128::from(terms.fee_bps);
        let treasury = fee.div_ceil(10_000) as u64;
        let matcher = share(earned, u64::from(terms.matcher_fee_bps));
        let revenue = earned - treasury - matcher;
        let delegators = commission.map_or(0, |bps| share(revenue, 10_000 - u64::from(bps)));
        Parts {
            provider: revenue - delegators,
            delegators,
            matcher,
            treasury,
            customer: self.deposited - earned,
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
