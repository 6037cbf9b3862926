//! Results that are accepted, and assignments that are not taken up.

use super::{Op, Operation, job, job_account, node_of, put, signed_by, signer, wallet};
use crate::suite::{
    cast::{Coin, JobRef, NodeRef, Purse, Subject, Who, address},
    dice::Dice,
    model::{Lease, Model, Outcome, Reasons, Status, Verdict, there},
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
        model.slash(
            self.pool,
            (bond, bond),
            self.customer,
            Purse::Own(self.paid, Coin::Stake),
        );
        model.release(self.node, Lease::Failed, 0, 0);
        let job = model.jobs.get_mut(&self.job).expect("seen above");
        job.reopen(self.node);
        Ok(())
    }
}
