//! One history: steps on chain and model together, and the way out for everybody at its end.

use super::{
    cast::{COINS, Coin, GUARDIAN, JobRef, KEEPER, NodeRef, PAYER, Purse, Subject, Who, address, subject_at},
    chain::Chain,
    dice::Dice,
    laws::{Laws, Touched},
    model::{Model, NodeStatus, RUNTIME, Status},
    ops::{
        self, Op, Operation,
        closing::{ClosePool, ClosePosition},
        ending::ExpireAssignment,
        jobs::CancelJob,
        nodes::{Change, Manage, SUSPENSION},
        noise::Advance,
        providers::CloseProvider,
        registry::Pause,
        running::ReportLapse,
        settling::{Payees, ResolveDispute, Settle, Slashing, slash_due},
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
    paused_at_the_end: bool,
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
            paused_at_the_end: (seed / PROFILES).is_multiple_of(2),
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
            .chain(model.disputes.keys().map(|job| Subject::Dispute(*job)))
            .chain(model.devices.keys().map(|device| Subject::Device(*device)))
            .chain(model.mints.keys().map(|coin| Subject::Mint(*coin)))
            .chain(model.purses.keys().map(|purse| Subject::Purse(*purse)))
            .chain([Subject::Network, Subject::Rules]);
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

    /// The seconds in which every job must be closed with nobody but third parties acting: the longest that any of them may
    /// wait in each state that is yet to come.
    fn bound(&self) -> i64 {
        let terms = &self.model.rules.terms;
        let specs = || self.model.jobs.values().map(|job| &job.spec);
        let deadlines = self.model.disputes.values().map(|dispute| dispute.deadline);
        let dispute = deadlines.max().map_or(0, |deadline| (deadline - self.model.now).max(0));
        let seconds = [
            terms.open_timeout,
            specs().map(|spec| spec.start_deadline).max().unwrap_or(0),
            specs().map(|spec| spec.proof_timeout).max().unwrap_or(0),
            terms.dispute_window,
            10,
        ];
        seconds.iter().map(|seconds| i64::from(*seconds)).sum::<i64>() + dispute
    }

    /// A third party brings every job to its end in bounded time, in half of the histories although the network is paused;
    /// then everybody who staked leaves, and whoever has an account closes it. What is left in any vault is nobody's.
    pub(crate) fn end(&mut self) -> Result<(), String> {
        if self.paused_at_the_end {
            self.act(Pause {
                signer: GUARDIAN,
                flags: 3,
            })?;
        }
        let deadline = self.model.now + self.bound();
        while self.waiting().next().is_some() {
            let jobs: Vec<_> = self.waiting().collect();
            for at in jobs {
                self.push(at)?;
            }
            let wait = self.waiting().map(|at| self.due(at)).min();
            let Some(wait) = wait else { break };
            self.act(Advance(wait.max(1)))?;
            if self.model.now > deadline {
                return Err(format!("law 4: not closed in time: {:?}", self.model.jobs));
            }
        }
        self.leave()?;
        if let Some(at) = self.model.jobs.keys().next() {
            return Err(format!("law 4: {at:?} is still open"));
        }
        self.close()?;
        self.empty()?;
        self.compare_all()
    }

    /// The jobs that somebody can bring further, now or later.
    fn waiting(&self) -> impl Iterator<Item = JobRef> {
        self.model.jobs.keys().copied()
    }

    /// When a third party can do something about the job `at`, seconds from now.
    fn due(&self, at: JobRef) -> i64 {
        let (job, terms) = (&self.model.jobs[&at], &self.model.rules.terms);
        let due = match job.status {
            Status::Open => i64::from(terms.open_timeout),
            Status::Assigned => i64::from(job.active_at) + i64::from(job.spec.start_deadline) + 1,
            Status::Running => i64::from(job.active_at) + i64::from(job.spec.proof_timeout) + 1,
            Status::Disputed if self.model.verdict(at).is_some() => 0,
            Status::Disputed => self.model.disputes[&at].deadline - job.created,
            Status::Finished | Status::Lapsed if job.accepted => 0,
            Status::Finished | Status::Lapsed => i64::from(job.ended_at) + i64::from(terms.dispute_window),
        };
        job.created + due - self.model.now
    }

    /// Does what a third party can do about the job `at` now.
    fn push(&mut self, at: JobRef) -> Result<(), String> {
        if self.due(at) > 0 {
            return Ok(());
        }
        let job = self.model.jobs[&at].clone();
        let node = job.node.unwrap_or(NodeRef(0, 0));
        let payees = Payees::right(&self.model, at);
        match (job.status, payees) {
            (Status::Open, _) => self.act(CancelJob {
                job: at,
                coin: job.coin,
                signer: KEEPER,
                to: at.0,
            }),
            (Status::Assigned, _) => self.act(ExpireAssignment {
                job: at,
                node,
                reporter: KEEPER,
                customer: at.0,
                paid: KEEPER,
                pool: node.0,
            }),
            (Status::Running, _) => self.act(ReportLapse { job: at, node }),
            (Status::Disputed, Some(payees)) => self.act(ResolveDispute {
                payees,
                slashing: Slashing::right(at),
                node,
            }),
            (Status::Finished | Status::Lapsed, Some(payees)) => {
                let slash = slash_due(&self.model, at) == Some(true);
                let slashing = slash.then(|| Slashing::right(at));
                self.act(Settle { payees, slashing })
            }
            (_, None) => Err(format!("{at:?} has ended without its parties")),
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
                        to: Purse::Own(owner, Coin::Stake),
                    })?;
                }
            }
        }
        for (who, pool) in &self.model.pools {
            let nothing =
                pool.slashable() == 0 && pool.bonded == 0 && pool.active.shares == 0 && pool.unbonding.shares == 0;
            if !nothing {
                return Err(format!("everybody has left pool {who}, and yet: {pool:?}"));
            }
        }
        Ok(())
    }

    /// Takes what was earned out of the position, and closes it.
    fn close_position(&mut self, pool: Who, owner: Who) -> Result<(), String> {
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
        self.act(ClosePosition {
            pool,
            owner,
            signer: owner,
        })
    }

    /// Everybody closes what they have: positions, pools, nodes, providers.
    fn close(&mut self) -> Result<(), String> {
        for (pool, owner) in self.model.positions.keys().copied().collect::<Vec<_>>() {
            self.close_position(pool, owner)?;
        }
        for (who, pool) in &self.model.pools {
            // Fractions of a base unit: less than one per position, beside what waits for the next staker.
            let waiting = (pool.remainder >> 64) as u64;
            if pool.unclaimed > waiting + u64::from(pool.left) {
                return Err(format!("law 1: pool {who} keeps revenue that is somebody's: {pool:?}"));
            }
        }
        for (who, coin) in self
            .model
            .pools
            .iter()
            .map(|(who, pool)| (*who, pool.coin))
            .collect::<Vec<_>>()
        {
            self.act(ClosePool {
                who,
                signer: who,
                coin,
                to: self.model.providers[&who].payout,
            })?;
        }
        self.act(Advance(SUSPENSION))?;
        for node in self.model.nodes.keys().copied().collect::<Vec<_>>() {
            let manage = |change| Manage {
                node,
                provider: node.0,
                signer: node.0,
                change,
            };
            if self.model.nodes[&node].status == NodeStatus::Suspended {
                self.act(manage(Change::Resume))?;
            }
            self.act(manage(Change::Close(self.model.nodes[&node].device)))?;
        }
        for who in self.model.providers.keys().copied().collect::<Vec<_>>() {
            self.act(CloseProvider { who, signer: who })?;
        }
        Ok(())
    }

    fn empty(&self) -> Result<(), String> {
        let customers = self.model.customers.iter();
        if let Some((who, _)) = customers.clone().find(|(_, customer)| customer.open_jobs > 0) {
            return Err(format!("customer {who} has open jobs, and there is none"));
        }
        if let Some(purse) = self.model.purses.keys().find(|purse| !matches!(purse, Purse::Own(..))) {
            return Err(format!("law 4: {purse:?} outlived what it was for"));
        }
        // Every vault that there ever was is gone from the chain, too.
        for (who, customer) in customers {
            for id in 0..customer.next_id {
                let at = JobRef(*who, id);
                let accounts = [at.at(), Purse::Vault(at).at(), Subject::Dispute(at).at()];
                if accounts.iter().any(|account| self.chain.data(account).is_some()) {
                    return Err(format!("law 4: {at:?}, its vault or its dispute is still there"));
                }
            }
        }
        // The treasury and the wallets have all that there is.
        for coin in COINS {
            let of = |(purse, amount): (&Purse, &u64)| match purse {
                Purse::Own(_, held) if *held == coin => u128::from(*amount),
                _ => 0,
            };
            let all: u128 = self.model.purses.iter().map(of).sum();
            let minted: u128 = super::model::PURSES.iter().copied().map(u128::from).sum();
            if all != minted {
                return Err(format!("law 1: {minted} base units of {coin:?} became {all}"));
            }
        }
        Ok(())
    }
}

/// Draws the next step of a history.
pub(crate) fn draw(history: &History, dice: &mut Dice, number: usize, done: &[Op]) -> Step {
    Step {
        op: ops::draw(&history.model, dice, number, done),
        unsigned: dice.chance(2),
    }
}
