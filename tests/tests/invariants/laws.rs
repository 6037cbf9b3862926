//! What must always hold (`docs`: the design's invariants), checked on the chain's own accounts, without the model's
//! arithmetic: a mistake that model and program share does not pass here.

mod money;
mod stakes;

use super::{
    cast::{JobRef, Subject, Who},
    model::Model,
    ops::{
        Operation,
        paper::{Flaw, Paper},
    },
};
use gantry_sdk::{
    Pubkey,
    core::receipt::ReceiptStatus,
    market::accounts::{Job, MarketParams},
    staking::accounts::{Pool, Position},
    state::decode_account,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What the laws know of a job, from what went through.
#[derive(Default)]
struct Life {
    deposited: u64,
    /// Put up by who disputed it.
    disputed: u64,
    claimed: u64,
    gifts: u64,
    started: Option<i64>,
    ended: Option<i64>,
    assignment: u32,
    sequence: Option<u64>,
    /// Most seconds that the node's key has signed for.
    signed: u64,
    /// Each proof that counted: when, and of how many seconds.
    proofs: Vec<(i64, u64)>,
    /// Seconds beyond dispute: acknowledged, or proven a dispute window ago.
    beyond: u64,
    price: u64,
    longest: u32,
    bond: u64,
}

/// Watches one history.
#[derive(Default)]
pub(crate) struct Laws {
    tokens: HashMap<Pubkey, (Pubkey, u64)>,
    pools: BTreeMap<Who, Pool>,
    positions: BTreeMap<(Who, Who), Position>,
    /// Parts of a base unit that closed positions had earned, by pool, in 1/2⁶⁴.
    forgone: BTreeMap<Who, u128>,
    lives: BTreeMap<JobRef, Life>,
    /// Jobs that were closed, and so can never come back.
    closed: BTreeSet<JobRef>,
}

/// An account that a step could write: its subject, its address and its data now.
pub(crate) type Touched<'a> = (Subject, Pubkey, Option<&'a [u8]>);

type Law = Result<(), String>;

fn ensure(holds: bool, law: impl FnOnce() -> String) -> Law {
    if holds { Ok(()) } else { Err(law()) }
}

fn read<T: anchor_lang::AnchorDeserialize + anchor_lang::Discriminator>(data: &[u8]) -> Result<T, String> {
    decode_account(data).map_err(|error| error.to_string())
}

impl Laws {
    /// Checks a step that went through. `model` is the model after it.
    pub(crate) fn observe(&mut self, op: &dyn Operation, touched: &[Touched], logs: &[String], model: &Model) -> Law {
        let moved = self.conservation(touched)?;
        self.receipts(op, model.now)?;
        self.contradictions(op)?;
        self.released(op, touched, model)?;
        self.jobs(op, touched, logs, &moved, model)?;
        self.stakes(op, touched, &moved, model)?;
        terms(touched, model)
    }

    /// A receipt is good for one network, one job, one assignment, one sequence number, from one key; and once.
    fn receipts(&mut self, op: &dyn Operation, now: i64) -> Law {
        let Some((at, paper)) = op.receipt() else { return Ok(()) };
        ensure(op.name() != "(replayed receipt)", || {
            format!("law 7: {paper:?} went through for {at:?}, once more")
        })?;
        let life = self.lives.entry(at).or_default();
        let odd = || format!("law 7: {paper:?} went through for {at:?}");
        ensure(paper.flaw == Flaw::None && paper.job == at, odd)?;
        ensure(paper.assignment == life.assignment, odd)?;
        ensure(life.sequence.is_none_or(|last| paper.sequence > last), odd)?;
        life.sequence = Some(paper.sequence);
        life.signed = life.signed.max(paper.served);
        let started = *life.started.get_or_insert(now);
        let passed = life.ended.unwrap_or(now) - started;
        ensure(i128::from(paper.served) <= i128::from(passed), || {
            format!("law 2: {} seconds proven of {passed} that passed", paper.served)
        })?;
        life.proofs.push((now, paper.served));
        if paper.status != ReceiptStatus::Running {
            life.ended.get_or_insert(now);
        }
        Ok(())
    }

    /// Only two receipts of one key for one job, assignment and sequence number convict, and only if they differ.
    fn contradictions(&self, op: &dyn Operation) -> Law {
        let Some((at, [one, other])) = op.contradiction() else {
            return Ok(());
        };
        let life = self
            .lives
            .get(&at)
            .ok_or("law 7: a conviction for a job that never was")?;
        let good = |paper: &Paper| paper.flaw == Flaw::None && paper.job == at && paper.assignment == life.assignment;
        let apart = one.served != other.served
            || one.issued_at != other.issued_at
            || one.status as u8 != other.status as u8
            || one.exit_code != other.exit_code
            || one.digest != other.digest;
        let same = one.key == other.key && one.sequence == other.sequence;
        ensure(good(one) && good(other) && same && apart, || {
            format!("law 7: {one:?} and {other:?} convicted the node of {at:?}")
        })
    }

    /// Keeps count of the seconds that cannot be disputed any more.
    fn released(&mut self, op: &dyn Operation, touched: &[Touched], model: &Model) -> Law {
        if let Some((at, seconds)) = op.acknowledges() {
            let life = self.lives.entry(at).or_default();
            ensure(u64::from(seconds) <= life.signed, || {
                format!("law 2: {seconds} seconds of {at:?} acknowledged, of {}", life.signed)
            })?;
            life.beyond = life.beyond.max(seconds.into());
        }
        let window = i64::from(model.rules.terms.dispute_window);
        for (subject, ..) in touched {
            let Subject::Job(at) = subject else { continue };
            let Some(life) = self.lives.get_mut(at) else { continue };
            let aged = life.proofs.iter().filter(|(proven, _)| model.now - proven >= window);
            let aged = aged.map(|(_, seconds)| *seconds).max();
            life.beyond = life.beyond.max(aged.unwrap_or(0));
        }
        Ok(())
    }

    fn jobs(
        &mut self,
        op: &dyn Operation,
        touched: &[Touched],
        logs: &[String],
        moved: &HashMap<Pubkey, i128>,
        model: &Model,
    ) -> Law {
        if ["settle_job", "settle_with_slash", "resolve_dispute"].contains(&op.name()) {
            self.settled(logs)?;
        }
        self.vaults(op, touched, moved)?;
        for (subject, _, data) in touched {
            match (subject, data) {
                (Subject::Job(at), Some(data)) => {
                    ensure(!self.closed.contains(at), || format!("law 7: {at:?} came back"))?;
                    self.lives.entry(*at).or_default().note(*at, &read(data)?, model.now)?;
                }
                (Subject::Job(at), None) if self.lives.remove(at).is_some() => {
                    self.closed.insert(*at);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Life {
    /// Follows the job `at` as the chain has it.
    fn note(&mut self, at: JobRef, job: &Job, now: i64) -> Law {
        const NOTICE: u8 = 8;
        if job.assignment != self.assignment {
            // A new assignment: nothing signed before counts for it.
            self.assignment = job.assignment;
            (self.sequence, self.signed, self.started, self.beyond) = (None, 0, None, 0);
            self.proofs.clear();
        }
        (self.price, self.longest, self.bond) = (job.price_per_hour, job.max_duration, job.bond);
        if (3..=5).contains(&job.status) {
            self.ended.get_or_insert(now);
        }
        ensure(job.deposited == self.deposited && job.paid_out == self.claimed, || {
            format!(
                "law 1: {at:?} counts {} and {}, and moved {} and {}",
                job.deposited, job.paid_out, self.deposited, self.claimed
            )
        })?;
        // However it came to its length, its customer has paid for that and no more.
        let cost = (u128::from(job.max_price_per_hour) * u128::from(job.max_duration)).div_ceil(3_600);
        let paid = u128::from(job.deposited);
        let fits = if job.options & NOTICE == 0 {
            paid == cost
        } else {
            paid >= cost
        };
        ensure(fits, || format!("law 1: {at:?} costs {cost} and has {paid}"))
    }
}

/// Stake waits for longer than a judgement can take, under the terms that the chain has.
fn terms(touched: &[Touched], model: &Model) -> Law {
    let rules = touched.iter().find(|(subject, ..)| *subject == Subject::Rules);
    let Some((.., Some(data))) = rules else { return Ok(()) };
    let terms = read::<MarketParams>(data)?.terms;
    let judgement = [terms.dispute_window, terms.max_proof_timeout, terms.arbitration_timeout];
    let judgement: u64 = judgement.iter().copied().map(u64::from).sum();
    let unbonding = u64::from(model.rules.staking.unbonding_seconds);
    ensure(judgement <= unbonding, || {
        format!("law 3: a judgement takes {judgement} seconds, and stake leaves after {unbonding}")
    })
}
