//! What a running job pays, and what makes it longer.

use super::{Op, Operation, job, job_account, jobs::payment_mint, put, signed_by, signer, wallet};
use crate::suite::{
    cast::{COINS, Coin, JobRef, Purse, Subject, Who, address},
    dice::Dice,
    model::{Job, Model, RUNTIME, Reasons, Status, Verdict, job::deposit, there},
};
use gantry_sdk::{Instruction, ix};
use std::rc::Rc;

fn runs(job: &Job) -> bool {
    job.status == Status::Running
}

#[derive(Debug)]
pub(crate) struct TopUp {
    job: JobRef,
    coin: Coin,
    signer: Who,
    /// Whose token account pays.
    source: Who,
    seconds: u32,
}

impl TopUp {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let at = job(model, dice, runs)?;
        let job = model.jobs.get(&at);
        let (coin, length) = job.map_or((Coin::Usdc, 1), |job| (job.coin, job.spec.max_duration));
        let room = model.rules.terms.max_duration.saturating_sub(length);
        let seconds = match dice.below(15) {
            0 => dice.edge(room.into(), u32::MAX.into()) as u32,
            1 => 0,
            _ => 1 + dice.size(2_000) as u32,
        };
        Some(Rc::new(Self {
            job: at,
            coin: if dice.chance(3) { dice.one_of(&COINS) } else { coin },
            signer: signer(dice, at.0),
            source: signer(dice, at.0),
            seconds,
        }))
    }
}

impl Operation for TopUp {
    fn name(&self) -> &'static str {
        "top_up_job"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let mut job = job_account(self.job, None);
        job.mint = self.coin.mint().mint;
        let source = Purse::Own(self.source, self.coin).at();
        let top_up = ix::top_up_job(&job, &payment_mint(self.coin), &source, self.seconds);
        signed_by(top_up, 0, self.signer)
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let job = there(model.jobs.get(&self.job))?;
        let spec = &job.spec;
        let longer = spec.max_duration.checked_add(self.seconds);
        let length = longer.unwrap_or(u32::MAX);
        // All of it costs what it would have cost at once.
        let cost = deposit(spec.max_price, length);
        let so_far = deposit(spec.max_price, spec.max_duration).expect("a job that could be opened");
        let added = cost.map(|cost| cost - so_far);
        let deposited = added.and_then(|added| added.checked_add(job.deposited));
        let (source, amount) = (Purse::Own(self.source, self.coin), added.unwrap_or(0));
        let mut reasons = Reasons::default();
        if self.coin != job.coin {
            reasons.unless(false, "WrongAccount").unless(false, RUNTIME);
        }
        reasons
            .unless(self.signer == self.job.0, "NotCustomer")
            .unless(self.signer == self.source, RUNTIME)
            .unless(job.status == Status::Running, "NotRunning")
            .unless(!job.noticed, "NodeGaveNotice")
            .unless(job.elapsed(job.since(model.now)) < spec.max_duration, "NoTimeLeft")
            .unless(longer.is_some(), "Overflow")
            .unless(
                self.seconds > 0 && length <= model.rules.terms.max_duration,
                "InvalidDuration",
            )
            .unless(deposited.is_some(), "DepositTooLarge")
            .unless(amount <= model.holds(source), RUNTIME)
            .verdict()?;
        model.pay(source, Purse::Vault(self.job), amount);
        let job = model.jobs.get_mut(&self.job).expect("seen above");
        job.deposited += amount;
        job.spec.max_duration = length;
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct Acknowledge {
    job: JobRef,
    signer: Who,
    seconds: u32,
}

impl Acknowledge {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let at = job(model, dice, |job| runs(job) && job.served > 0)?;
        let served = model.jobs.get(&at).map_or(0, |job| job.served);
        let seconds = match dice.below(10) {
            0 => dice.edge(served.into(), u32::MAX.into()) as u32,
            1..5 => dice.between(0, served.into()) as u32,
            _ => served,
        };
        Some(Rc::new(Self {
            job: at,
            signer: signer(dice, at.0),
            seconds,
        }))
    }
}

impl Operation for Acknowledge {
    fn name(&self) -> &'static str {
        "acknowledge"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let acknowledge = ix::acknowledge(&job_account(self.job, None), self.seconds);
        signed_by(acknowledge, 0, self.signer)
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let job = there(model.jobs.get_mut(&self.job))?;
        Reasons::default()
            .unless(self.signer == self.job.0, "NotCustomer")
            .unless(job.status == Status::Running, "NotRunning")
            .unless(self.seconds <= job.served, "BeyondProven")
            .verdict()?;
        job.released = job.released.max(self.seconds);
        Ok(())
    }

    fn acknowledges(&self) -> Option<(JobRef, u32)> {
        Some((self.job, self.seconds))
    }
}

#[derive(Debug)]
pub(crate) struct Claim {
    job: JobRef,
    coin: Coin,
    /// Whose provider account is passed, and whose pool; whose token account is paid.
    provider: Who,
    pool: Who,
    payout: Who,
}

impl Claim {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let window = model.rules.terms.dispute_window;
        let patient = dice.chance(85);
        let at = job(model, dice, |job| {
            let mut aged = job.clone();
            aged.let_age(job.since(model.now), window);
            runs(job) && (!patient || aged.claim(&model.rules.terms, None).0 > 0)
        })?;
        let job = model.jobs.get(&at);
        let provider = job.and_then(|job| job.provider).unwrap_or_else(|| wallet(dice));
        let payout = model.providers.get(&provider).map_or(provider, |known| known.payout);
        let mut claim = Self {
            job: at,
            coin: job.map_or(Coin::Usdc, |job| job.coin),
            provider,
            pool: provider,
            payout,
        };
        match dice.below(30) {
            0 => claim.provider = wallet(dice),
            1 => claim.pool = wallet(dice),
            2 => claim.payout = wallet(dice),
            3 => claim.coin = dice.one_of(&COINS),
            _ => {}
        }
        Some(Rc::new(claim))
    }
}

impl Operation for Claim {
    fn name(&self) -> &'static str {
        "claim"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let mut job = job_account(self.job, None);
        job.mint = self.coin.mint().mint;
        job.provider = Subject::Provider(self.provider).at();
        let mut claim = ix::claim(&job, &payment_mint(self.coin), &address(self.payout));
        for (right, passed) in [
            (Subject::Pool(self.provider).at(), Subject::Pool(self.pool).at()),
            (Purse::Rewards(self.provider).at(), Purse::Rewards(self.pool).at()),
        ] {
            put(&mut claim, right, passed);
        }
        vec![claim]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let mut job = there(model.jobs.get(&self.job))?.clone();
        let provider = model.providers.get(&self.provider);
        let mut reasons = Reasons::default();
        if self.coin != job.coin {
            reasons.unless(false, "WrongAccount").unless(false, RUNTIME);
        }
        reasons
            .unless(provider.is_some() && model.pools.contains_key(&self.pool), RUNTIME)
            .unless(
                job.provider == Some(self.provider) && job.provider == Some(self.pool),
                "WrongAccount",
            )
            .unless(job.status == Status::Running, "NotRunning")
            .unless(
                provider.is_none_or(|known| known.payout == self.payout),
                "WrongDestination",
            );
        job.let_age(job.since(model.now), model.rules.terms.dispute_window);
        let (due, delegators) = job.claim(&model.rules.terms, model.commission(self.pool));
        reasons.unless(due > 0, "NothingDue").verdict()?;
        job.claimed += due;
        let vault = Purse::Vault(self.job);
        model.pay(vault, Purse::Own(self.payout, self.coin), due - delegators);
        if delegators > 0 {
            model.pay(vault, Purse::Rewards(self.pool), delegators);
            model.pool(self.pool).reward(delegators);
        }
        model.jobs.insert(self.job, job);
        Ok(())
    }
}
