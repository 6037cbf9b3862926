//! How jobs end: accepted, expired, settled.

use super::{
    Op, Operation, job, job_account,
    jobs::{close, payment_mint},
    node_of, put, signed_by, signer, wallet,
};
use crate::suite::{
    cast::{Coin, JobRef, NodeRef, Purse, Subject, Who, address},
    dice::Dice,
    model::{Lease, Model, Outcome, RUNTIME, Reasons, Status, Verdict, there, wide::share},
};
use gantry_sdk::{
    Instruction,
    ix::{self, StakeTokens},
};
use std::rc::Rc;

#[derive(Debug)]
pub(crate) struct AcceptResult {
    job: JobRef,
    signer: Who,
}

impl AcceptResult {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let job = job(model, dice, |job| job.status == Status::Finished)?;
        Some(Rc::new(Self {
            job,
            signer: signer(dice, job.0),
        }))
    }
}

impl Operation for AcceptResult {
    fn name(&self) -> &'static str {
        "accept_result"
    }

    fn instructions(&self) -> Vec<Instruction> {
        signed_by(ix::accept_result(&job_account(self.job, None)), 0, self.signer)
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let job = there(model.jobs.get_mut(&self.job))?;
        let final_receipt = matches!(job.outcome, Outcome::Completed | Outcome::Failed);
        Reasons::default()
            .unless(self.signer == self.job.0, "NotCustomer")
            .unless(job.status == Status::Finished, "NotEnded")
            .unless(final_receipt || job.digest != 0, "NoResult")
            .verdict()?;
        job.accepted = true;
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct ExpireAssignment {
    pub(crate) job: JobRef,
    pub(crate) node: NodeRef,
    pub(crate) reporter: Who,
    /// Whose accounts are passed as the customer's, the reporter's and the pool's.
    pub(crate) customer: Who,
    pub(crate) paid: Who,
    pub(crate) pool: Who,
}

impl ExpireAssignment {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let at = job(model, dice, |job| job.status == Status::Assigned)?;
        let node = node_of(model, dice, at);
        let reporter = wallet(dice);
        Some(Rc::new(Self {
            job: at,
            node,
            reporter,
            customer: signer(dice, at.0),
            paid: signer(dice, reporter),
            pool: signer(dice, node.0),
        }))
    }
}

impl Operation for ExpireAssignment {
    fn name(&self) -> &'static str {
        "expire_assignment"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let stake = StakeTokens {
            mint: Coin::Stake.mint(),
            treasury: Model::treasury(Coin::Stake).at(),
        };
        let job = job_account(self.job, Some(self.node));
        let mut expire = ix::expire_assignment(&address(self.reporter), &job, stake);
        let own = |who: Who| Purse::Own(who, Coin::Stake).at();
        let place = |key| expire.accounts.iter().position(|meta| meta.pubkey == key);
        // The two may be one account: the customer's comes first.
        let customer = place(own(self.job.0)).expect("the customer's account");
        expire.accounts[customer].pubkey = own(self.customer);
        expire.accounts[customer + 1].pubkey = own(self.paid);
        let (right, passed) = (Subject::Pool(self.node.0).at(), Subject::Pool(self.pool).at());
        put(&mut expire, right, passed);
        put(
            &mut expire,
            Purse::Stake(self.node.0).at(),
            Purse::Stake(self.pool).at(),
        );
        vec![expire]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let now = model.now;
        there(model.nodes.get(&self.node))?;
        there(model.pools.get(&self.pool))?;
        let job = there(model.jobs.get(&self.job))?;
        let waited = job.since(now).saturating_sub(job.active_at);
        let named = job.node == Some(self.node) && job.provider == Some(self.node.0);
        Reasons::default()
            .unless(named && job.provider == Some(self.pool), "WrongAccount")
            .unless(job.status == Status::Assigned, "NotAssigned")
            .unless(waited > job.spec.start_deadline, "StartDeadlineNotPassed")
            .unless(
                self.customer == self.job.0 && self.paid == self.reporter,
                "WrongDestination",
            )
            .verdict()?;
        let bond = job.bond;
        let rules = &model.rules.staking;
        let to_customer = share(bond, rules.slash_customer_bps.into());
        let to_reporter = share(bond, rules.slash_reporter_bps.into());
        let vault = Purse::Stake(self.pool);
        model.pool(self.pool).slash(bond);
        model.pay(vault, Purse::Own(self.customer, Coin::Stake), to_customer);
        model.pay(vault, Purse::Own(self.paid, Coin::Stake), to_reporter);
        model.pay(vault, Model::treasury(Coin::Stake), bond - to_customer - to_reporter);
        model.release(self.node, Lease::Failed, 0, 0);
        let job = model.jobs.get_mut(&self.job).expect("seen above");
        job.barred.rotate_right(1);
        job.barred[0] = Some(self.node);
        job.status = Status::Open;
        job.bond = 0;
        job.price = 0;
        job.active_at = 0;
        job.provider = None;
        job.node = job.spec.node;
        job.matcher = job.spec.matcher;
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct SettleJob {
    pub(crate) job: JobRef,
    pub(crate) coin: Coin,
    /// Whose provider account is passed, and whose pool.
    pub(crate) provider: Who,
    pub(crate) pool: Who,
    /// Whose token accounts are paid.
    pub(crate) payout: Who,
    pub(crate) matcher: Who,
    pub(crate) customer: Who,
}

impl SettleJob {
    /// With every account as it should be; `None` where nobody has the job.
    pub(crate) fn right(model: &Model, at: JobRef) -> Option<Self> {
        let job = model.jobs.get(&at)?;
        let provider = job.provider?;
        Some(Self {
            job: at,
            coin: job.coin,
            provider,
            pool: provider,
            payout: model.providers.get(&provider)?.payout,
            matcher: job.matcher?,
            customer: at.0,
        })
    }

    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let window = model.rules.terms.dispute_window;
        let patient = dice.chance(90);
        let at = job(model, dice, |job| {
            let over = job.accepted || job.since(model.now).saturating_sub(job.ended_at) >= window;
            job.ended() && (over || !patient)
        })?;
        let right = Self::right(model, at)?;
        Some(Rc::new(Self {
            provider: signer(dice, right.provider),
            pool: signer(dice, right.pool),
            payout: signer(dice, right.payout),
            matcher: signer(dice, right.matcher),
            customer: signer(dice, right.customer),
            ..right
        }))
    }
}

impl Operation for SettleJob {
    fn name(&self) -> &'static str {
        "settle_job"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let mut job = job_account(self.job, None);
        job.mint = self.coin.mint().mint;
        job.provider = Subject::Provider(self.provider).at();
        job.matcher = address(self.matcher);
        let mut settle = ix::settle_job(&job, &payment_mint(self.coin), &address(self.payout));
        let own = |who: Who| Purse::Own(who, self.coin).at();
        // Provider, matcher, treasury, customer: in this order, and the customer's may be one of the others.
        let treasury = Model::treasury(self.coin).at();
        let treasury = settle.accounts.iter().position(|meta| meta.pubkey == treasury);
        let customer = treasury.expect("the treasury's account") + 1;
        settle.accounts[customer].pubkey = own(self.customer);
        for (right, passed) in [
            (Subject::Pool(self.provider).at(), Subject::Pool(self.pool).at()),
            (Purse::Rewards(self.provider).at(), Purse::Rewards(self.pool).at()),
        ] {
            put(&mut settle, right, passed);
        }
        vec![settle]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let (now, rules) = (model.now, model.rules);
        let job = there(model.jobs.get(&self.job))?;
        // Neither account is loaded before it is known to be the job's.
        let (Some(provider), Some(pool)) = (model.providers.get(&self.provider), model.pools.get(&self.pool)) else {
            return Err(vec![
                RUNTIME,
                "WrongAccount",
                "NotEnded",
                "DisputeWindowOpen",
                "WrongDestination",
            ]);
        };
        let waited = job.since(now).saturating_sub(job.ended_at);
        let right_payees =
            self.payout == provider.payout && job.matcher == Some(self.matcher) && self.customer == self.job.0;
        Reasons::default()
            .unless(
                job.provider == Some(self.provider) && job.provider == Some(self.pool),
                "WrongAccount",
            )
            .unless(job.ended(), "NotEnded")
            .unless(
                job.accepted || waited >= rules.terms.dispute_window,
                "DisputeWindowOpen",
            )
            .unless(right_payees, "WrongDestination")
            .verdict()?;
        let shared = pool.active.shares > 0;
        let parts = job.parts(&rules, shared.then(|| pool.commission_at(now)));
        let (bond, coin, vault) = (job.bond, job.coin, Purse::Vault(self.job));
        let own = |who: Who| Purse::Own(who, coin);
        model.pay(vault, own(self.payout), parts.provider);
        model.pay(vault, Purse::Rewards(self.pool), parts.delegators);
        model.pay(vault, own(self.matcher), parts.matcher);
        model.pay(vault, Model::treasury(coin), parts.treasury);
        model.pay(vault, own(self.customer), parts.customer);
        let pool = model.pool(self.pool);
        pool.bonded -= bond;
        if parts.delegators > 0 {
            pool.reward(parts.delegators);
        }
        close(model, self.job);
        Ok(())
    }
}
