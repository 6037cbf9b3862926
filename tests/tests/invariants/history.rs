//! One history: steps on chain and model together, and the way out for everybody at its end.

use super::{
    cast::{COINS, GUARDIAN, KEEPER, NodeRef, PAYER, Purse, Subject, address, subject_at},
    chain::Chain,
    dice::Dice,
    laws::{Laws, Touched},
    model::{Job, Model, RUNTIME, Status},
    ops::{
        self, Op, Operation,
        ending::{ExpireAssignment, SettleJob},
        jobs::CancelJob,
        noise::Advance,
        registry::Pause,
        running::ReportLapse,
        staking::{ClaimRewards, RequestUnstake, Withdraw},
    },
    rules::{PROFILES, Rules},
};
use gantry_sdk::{Instruction, Pubkey};
use std::{collections::BTreeMap, rc::Rc};

/// How often each instruction succeeded and was refused.
pub(crate) type Counts = BTreeMap<&'static str, [u64; 2]>;

/// How often each instruction was refused by each error.
pub(crate) type Errors = BTreeMap<(&'static str, &'static str), u64>;

/// What a step does, and whether somebody dropped the signature that it needs.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) op: Op,
    pub(crate) unsigned: bool,
}

impl Step {
    fn instructions(&self) -> (Vec<Instruction>, bool) {
        let mut instructions = self.op.instructions();
        if !self.unsigned {
            return (instructions, false);
        }
        let last = instructions.last_mut().map(|i| &mut i.accounts);
        let signer = last.and_then(|metas| metas.iter_mut().find(|m| m.is_signer && m.pubkey != address(PAYER)));
        let unsigned = signer.map(|meta| meta.is_signer = false).is_some();
        (instructions, unsigned)
    }
}

/// A market on the chain, the model of it, and the laws that it must keep.
pub(crate) struct History {
    chain: Chain,
    pub(crate) model: Model,
    laws: Laws,
    pub(crate) counts: Counts,
    pub(crate) errors: Errors,
}

impl History {
    pub(crate) fn new(seed: u64) -> Self {
        let profile = seed % PROFILES;
        let (chain, mut laws) = (Chain::new(profile), Laws::default());
        let model = Model::new(Rules::of(profile), Chain::start());
        let purses = model.purses.keys().map(|purse| purse.at());
        laws.begin(purses.map(|at| (at, chain.data(&at).expect("a token account").to_vec())));
        Self {
            chain,
            model,
            laws,
            counts: Counts::new(),
            errors: Errors::new(),
        }
    }

    /// Does `step` on the chain and in the model, and checks everything that it could have changed.
    pub(crate) fn step(&mut self, step: &Step) -> Result<(), String> {
        let op = step.op.as_ref();
        let count = self.counts.entry(op.name()).or_default();
        let (instructions, unsigned) = step.instructions();
        if instructions.is_empty() {
            count[0] += 1;
            self.chain.advance(op.seconds());
            return op.apply(&mut self.model).map_err(|reasons| reasons.join(", "));
        }
        let expected = if unsigned {
            let mut reasons = vec![RUNTIME];
            reasons.extend(op.apply(&mut self.model.clone()).err().unwrap_or_default());
            Err(reasons)
        } else {
            op.apply(&mut self.model)
        };
        let (logs, reasons) = match (self.chain.send(&instructions), expected) {
            (Ok(logs), Ok(())) => (logs, None),
            (Err(refusal), Err(reasons)) => {
                count[1] += 1;
                *self.errors.entry((op.name(), refusal.name)).or_default() += 1;
                let expected = reasons.contains(&refusal.name);
                let why = || {
                    format!(
                        "refused as {} and not as one of {reasons:?}: {:#?}",
                        refusal.name, refusal.logs
                    )
                };
                return if expected { Ok(()) } else { Err(why()) };
            }
            (Ok(logs), Err(reasons)) => (
                logs,
                Some(format!("went through, for all that speaks against it: {reasons:?}")),
            ),
            (Err(refusal), Ok(())) => {
                let why = format!("refused as {} ({:?}), for no reason", refusal.name, refusal.error);
                (refusal.logs, Some(why))
            }
        };
        if let Some(wrong) = reasons {
            return Err(format!("{wrong}: {logs:#?}"));
        }
        count[0] += 1;
        self.check(op, &instructions, &logs)
    }

    fn check(&mut self, op: &dyn Operation, instructions: &[Instruction], logs: &[String]) -> Result<(), String> {
        let metas = instructions.iter().flat_map(|instruction| &instruction.accounts);
        let mut written: Vec<(Subject, Pubkey)> = Vec::new();
        for meta in metas.filter(|meta| meta.is_writable) {
            let Some(subject) = subject_at(&meta.pubkey) else {
                continue;
            };
            if !written.contains(&(subject, meta.pubkey)) {
                written.push((subject, meta.pubkey));
            }
        }
        let read = |(subject, at): &(Subject, Pubkey)| (*subject, *at, self.chain.data(at));
        let touched: Vec<Touched> = written.iter().map(read).collect();
        for (subject, _, data) in &touched {
            self.model.compare(*subject, *data)?;
        }
        self.laws.observe(op, &touched, logs, &self.model)
    }

    /// Compares everything, whether a step could have touched it or not.
    pub(crate) fn compare_all(&self) -> Result<(), String> {
        let model = &self.model;
        let subjects = (model.providers.keys().map(|who| Subject::Provider(*who)))
            .chain(model.nodes.keys().map(|node| Subject::Node(*node)))
            .chain(model.pools.keys().map(|who| Subject::Pool(*who)))
            .chain(model.positions.keys().map(|(pool, who)| Subject::Position(*pool, *who)))
            .chain(model.customers.keys().map(|who| Subject::Customer(*who)))
            .chain(model.jobs.keys().map(|job| Subject::Job(*job)))
            .chain(model.purses.keys().map(|purse| Subject::Purse(*purse)))
            .chain([Subject::Network]);
        for subject in subjects {
            model.compare(subject, self.chain.data(&subject.at()))?;
        }
        Ok(())
    }

    fn act(&mut self, op: impl Operation + 'static) -> Result<(), String> {
        let what = format!("{op:?}");
        let refused = |counts: &Counts| counts.values().map(|count| count[1]).sum::<u64>();
        let before = refused(&self.counts);
        let step = Step {
            op: Rc::new(op),
            unsigned: false,
        };
        self.step(&step).map_err(|error| format!("{what}: {error}"))?;
        if refused(&self.counts) > before {
            return Err(format!(
                "at the end everything must go through, but this did not: {what}"
            ));
        }
        Ok(())
    }

    /// The seconds in which a job must be closed with nobody but third parties acting.
    fn bound(&self) -> i64 {
        let terms = &self.model.rules.terms;
        let seconds = [
            terms.open_timeout,
            terms.max_start_deadline,
            terms.max_proof_timeout,
            terms.dispute_window,
            10,
        ];
        seconds.iter().map(|seconds| i64::from(*seconds)).sum()
    }

    /// A third party brings every job to its end in bounded time, although the network is paused; then everybody who
    /// staked leaves. What is left in any vault is nobody's.
    pub(crate) fn end(&mut self) -> Result<(), String> {
        self.act(Pause {
            signer: GUARDIAN,
            flags: 3,
        })?;
        let deadline = self.model.now + self.bound();
        while !self.model.jobs.is_empty() {
            let jobs: Vec<_> = self.model.jobs.keys().copied().collect();
            for at in jobs {
                self.push(at)?;
            }
            let wait = self.model.jobs.values().map(|job| self.due(job)).min();
            let Some(wait) = wait else { break };
            self.act(Advance(wait.max(1)))?;
            if self.model.now > deadline {
                return Err(format!("law 4: not closed in time: {:?}", self.model.jobs));
            }
        }
        self.leave()?;
        self.compare_all()
    }

    /// When a third party can do something about `job`, seconds from now.
    fn due(&self, job: &Job) -> i64 {
        let terms = &self.model.rules.terms;
        let at = match job.status {
            Status::Open => i64::from(terms.open_timeout),
            Status::Assigned => i64::from(job.active_at) + i64::from(job.spec.start_deadline) + 1,
            Status::Running => i64::from(job.active_at) + i64::from(job.spec.proof_timeout) + 1,
            Status::Finished | Status::Lapsed if job.accepted => 0,
            Status::Finished | Status::Lapsed => i64::from(job.ended_at) + i64::from(terms.dispute_window),
        };
        job.created + at - self.model.now
    }

    /// Does what a third party can do about the job `at` now.
    fn push(&mut self, at: super::cast::JobRef) -> Result<(), String> {
        let job = self.model.jobs[&at].clone();
        if self.due(&job) > 0 {
            return Ok(());
        }
        let node = job.node.unwrap_or(NodeRef(0, 0));
        match job.status {
            Status::Open => self.act(CancelJob {
                job: at,
                coin: job.coin,
                signer: KEEPER,
                to: at.0,
            }),
            Status::Assigned => self.act(ExpireAssignment {
                job: at,
                node,
                reporter: KEEPER,
                customer: at.0,
                paid: KEEPER,
                pool: node.0,
            }),
            Status::Running => self.act(ReportLapse { job: at, node }),
            Status::Finished | Status::Lapsed => {
                let settle = SettleJob::right(&self.model, at).ok_or("an ended job without its parties")?;
                self.act(settle)
            }
        }
    }

    /// Everybody takes their stake and their revenue, and the vaults are left with dust.
    fn leave(&mut self) -> Result<(), String> {
        let positions: Vec<_> = self.model.positions.keys().copied().collect();
        let unbonding = i64::from(self.model.rules.staking.unbonding_seconds);
        // Twice: a position whose places for requests are all taken must empty them first.
        for round in 0..2 {
            for (pool, owner) in &positions {
                let (pool, owner) = (*pool, *owner);
                let position = &self.model.positions[&(pool, owner)];
                let wiped = position.wipes < self.model.pools[&pool].wipes.len();
                let (shares, full) = (position.shares, position.requests.len() == 8);
                if shares > 0 && !wiped && !(full && round == 0) {
                    self.act(RequestUnstake {
                        pool,
                        owner,
                        signer: owner,
                        shares,
                    })?;
                }
            }
            self.act(Advance(unbonding))?;
            for (pool, owner) in &positions {
                let (pool, owner) = (*pool, *owner);
                if !self.model.positions[&(pool, owner)].requests.is_empty() {
                    self.act(Withdraw {
                        pool,
                        owner,
                        signer: owner,
                        to: Purse::Own(owner, super::cast::Coin::Stake),
                    })?;
                }
            }
        }
        for (pool, owner) in positions {
            let mut position = self.model.positions[&(pool, owner)].clone();
            position.settle(&self.model.pools[&pool]);
            if position.owed > 0 {
                let coin = self.model.pools[&pool].coin;
                let to = Purse::Own(owner, coin);
                self.act(ClaimRewards {
                    pool,
                    owner,
                    signer: owner,
                    coin,
                    to,
                })?;
            }
        }
        self.empty()
    }

    fn empty(&self) -> Result<(), String> {
        for (who, pool) in &self.model.pools {
            let nothing =
                pool.slashable() == 0 && pool.bonded == 0 && pool.active.shares == 0 && pool.unbonding.shares == 0;
            if !nothing {
                return Err(format!("everybody has left pool {who}, and yet: {pool:?}"));
            }
            // Fractions of a base unit: one per position at most, beside what waits for the next staker.
            let waiting = (pool.remainder >> 64) as u64;
            if pool.unclaimed > waiting + u64::from(pool.positions) {
                return Err(format!("law 1: pool {who} keeps revenue that is somebody's: {pool:?}"));
            }
        }
        let customers = self.model.customers.iter();
        if let Some((who, _)) = customers.clone().find(|(_, customer)| customer.open_jobs > 0) {
            return Err(format!("customer {who} has open jobs, and there is none"));
        }
        if self.model.purses.keys().any(|purse| matches!(purse, Purse::Vault(_))) {
            return Err("law 4: a vault outlived its job".to_owned());
        }
        // Every vault that there ever was is gone from the chain, too.
        for (who, customer) in customers {
            for id in 0..customer.next_id {
                let at = super::cast::JobRef(*who, id);
                if self.chain.data(&at.at()).is_some() || self.chain.data(&Purse::Vault(at).at()).is_some() {
                    return Err(format!("law 4: {at:?} or its vault is still there"));
                }
            }
        }
        // The treasury and the wallets have all that there is.
        for coin in COINS {
            let all: u128 = self
                .model
                .purses
                .iter()
                .map(|(purse, amount)| self.of(coin, *purse, *amount))
                .sum();
            let minted: u128 = super::model::PURSES.iter().copied().map(u128::from).sum();
            if all != minted {
                return Err(format!("law 1: {minted} base units of {coin:?} became {all}"));
            }
        }
        Ok(())
    }

    fn of(&self, coin: super::cast::Coin, purse: Purse, amount: u64) -> u128 {
        let held = match purse {
            Purse::Own(_, held) => held,
            Purse::Vault(at) => self.model.jobs[&at].coin,
            Purse::Stake(_) => super::cast::Coin::Stake,
            Purse::Rewards(pool) => self.model.pools[&pool].coin,
        };
        if held == coin { u128::from(amount) } else { 0 }
    }
}

/// Draws the next step of a history.
pub(crate) fn draw(history: &History, dice: &mut Dice, number: usize, done: &[Op]) -> Step {
    Step {
        op: ops::draw(&history.model, dice, number, done),
        unsigned: dice.chance(2),
    }
}
