//! Nodes that give a job up: before they start it, and with notice.

use super::{Op, Operation, job, job_account, node_of, put};
use crate::suite::{
    cast::{JobRef, NODE_KEYS, NodeRef, Purse, Subject, Who, node_key_address},
    dice::Dice,
    model::{Lease, Model, RUNTIME, Reasons, Status, Verdict, there},
};
use gantry_sdk::{Instruction, ix};
use std::rc::Rc;

/// Seconds that a node serves on after its notice.
const NOTICE: u32 = 900;

/// The key of `node` mostly, and any other now and then.
fn key(dice: &mut Dice, node: NodeRef) -> u8 {
    if dice.chance(5) {
        dice.below(u64::from(NODE_KEYS)) as u8
    } else {
        node.1
    }
}

#[derive(Debug)]
pub(crate) struct Decline {
    job: JobRef,
    node: NodeRef,
    key: u8,
    /// Whose pool is passed.
    pool: Who,
}

impl Decline {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let late = dice.chance(10);
        let at = job(model, dice, |job| {
            let waited = job.since(model.now).saturating_sub(job.active_at);
            job.status == Status::Assigned && (late || waited <= job.spec.start_deadline)
        })?;
        let node = node_of(model, dice, at);
        Some(Rc::new(Self {
            job: at,
            node,
            key: key(dice, node),
            pool: super::signer(dice, node.0),
        }))
    }
}

impl Operation for Decline {
    fn name(&self) -> &'static str {
        "decline_assignment"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let job = job_account(self.job, Some(self.node));
        let mut decline = ix::decline_assignment(&node_key_address(self.key), &job);
        for (right, passed) in [
            (Subject::Pool(self.node.0).at(), Subject::Pool(self.pool).at()),
            (Purse::Rewards(self.node.0).at(), Purse::Rewards(self.pool).at()),
        ] {
            put(&mut decline, right, passed);
        }
        vec![decline]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let job = there(model.jobs.get(&self.job))?;
        let there = model.nodes.contains_key(&self.node) && model.pools.contains_key(&self.pool);
        let waited = job.since(model.now).saturating_sub(job.active_at);
        Reasons::default()
            .unless(there, RUNTIME)
            .unless(self.key == self.node.1, "NotNodeKey")
            .unless(
                job.node == Some(self.node) && job.provider == Some(self.node.0) && job.provider == Some(self.pool),
                "WrongAccount",
            )
            .unless(job.status == Status::Assigned, "NotAssigned")
            .unless(waited <= job.spec.start_deadline, "StartDeadlinePassed")
            .verdict()?;
        model.pool(self.pool).bonded -= model.jobs[&self.job].bond;
        model.release(self.node, Lease::Failed, 0, 0);
        let job = model.jobs.get_mut(&self.job).expect("seen above");
        job.reopen(self.node);
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct EndJob {
    job: JobRef,
    node: NodeRef,
    key: u8,
}

impl EndJob {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let eager = dice.chance(20);
        let at = job(model, dice, |job| {
            let ends = job.elapsed(job.since(model.now)).saturating_add(NOTICE);
            job.status == Status::Running && (eager || ends < job.spec.max_duration)
        })?;
        let node = node_of(model, dice, at);
        Some(Rc::new(Self {
            job: at,
            node,
            key: key(dice, node),
        }))
    }
}

impl Operation for EndJob {
    fn name(&self) -> &'static str {
        "end_job"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let job = job_account(self.job, Some(self.node));
        vec![ix::end_job(&node_key_address(self.key), &job)]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let there_is = model.nodes.contains_key(&self.node);
        let now = model.now;
        let job = there(model.jobs.get_mut(&self.job))?;
        let ends = job.elapsed(job.since(now)).saturating_add(NOTICE);
        Reasons::default()
            .unless(there_is, RUNTIME)
            .unless(self.key == self.node.1, "NotNodeKey")
            .unless(job.node == Some(self.node), "WrongAccount")
            .unless(job.status == Status::Running, "NotRunning")
            .unless(ends < job.spec.max_duration, "EndsSooner")
            .verdict()?;
        job.spec.max_duration = ends;
        job.noticed = true;
        Ok(())
    }
}
