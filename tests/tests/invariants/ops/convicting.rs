//! Nodes that sign two receipts that contradict each other.

use super::{
    Op, Operation, job, job_account, node_of,
    paper::{Flaw, Paper},
    put,
    settling::{Slashing, stake_tokens},
    signer,
};
use crate::suite::{
    cast::{Coin, JobRef, NODE_KEYS, NodeRef, Purse, Subject, Who},
    dice::Dice,
    model::{Job, Lease, Model, Outcome, RUNTIME, Reasons, Status, Verdict, there},
};
use gantry_sdk::{Instruction, core::receipt::ReceiptStatus, ix};
use std::rc::Rc;

#[derive(Debug)]
pub(crate) struct SlashEquivocation {
    job: JobRef,
    node: NodeRef,
    /// Whose pool is passed, with its stake.
    pool: Who,
    slashing: Slashing,
    /// In the order of the precompile's instructions.
    papers: [Paper; 2],
}

fn convictable(job: &Job) -> bool {
    !matches!(job.status, Status::Open | Status::Assigned)
}

impl SlashEquivocation {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let running = dice.chance(30);
        let at = job(model, dice, |job| {
            convictable(job) && job.bond > 0 && (running || job.status != Status::Running)
        })?;
        let node = node_of(model, dice, at);
        let mut first = Paper::draw(model, dice, at, node);
        first.sequence = dice.size(5);
        first.issued_at = dice.one_of(&[i64::MIN, i64::MAX, model.now, model.now - 5]);
        let mut second = first.clone();
        match dice.below(16) {
            // The same twice, two that follow each other, two of two keys, and one of another job or assignment.
            0 => {}
            1 => second.sequence += 1,
            2 => second.key = (second.key + 1) % NODE_KEYS,
            3 => second.assignment = second.assignment.wrapping_sub(1),
            4 => second.job = JobRef(at.0, at.1 + 1),
            5 => second.flaw = dice.one_of(&[Flaw::Missing, Flaw::Garbled, Flaw::OtherMarket]),
            6 => second.issued_at = model.now + 1_000,
            7 => second.status = ReceiptStatus::Failed,
            8 => second.digest = 1,
            9 => second.exit_code = 1,
            _ => second.served += 1,
        }
        let papers = if dice.chance(50) {
            [first, second]
        } else {
            [second, first]
        };
        Some(Rc::new(Self {
            job: at,
            node,
            pool: signer(dice, node.0),
            slashing: Slashing::draw(model, dice, at),
            papers,
        }))
    }
}

impl Operation for SlashEquivocation {
    fn name(&self) -> &'static str {
        "slash_equivocation"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let account = job_account(self.job, Some(self.node));
        let mut slash = ix::slash_equivocation(&account, stake_tokens(), &self.slashing.reporter.at());
        let vault = Purse::Stake(self.node.0).at();
        let place = slash.accounts.iter().position(|meta| meta.pubkey == vault);
        let place = place.expect("the pool's stake");
        slash.accounts[place].pubkey = Purse::Stake(self.pool).at();
        slash.accounts[place + 1].pubkey = Purse::Own(self.slashing.customer, Coin::Stake).at();
        put(
            &mut slash,
            Subject::Pool(self.node.0).at(),
            Subject::Pool(self.pool).at(),
        );
        let verified = self.papers.iter().filter_map(Paper::verified);
        verified.chain([slash]).collect()
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let [first, second] = &self.papers;
        let job = there(model.jobs.get(&self.job))?;
        let mut reasons = Reasons::default();
        // The later one's signer is who is accused: of the two that there are, or of the only one.
        let accused = if second.flaw == Flaw::Missing { first } else { second };
        let its_own = job
            .provider
            .is_some_and(|who| job.node == Some(NodeRef(who, accused.key)));
        reasons
            .unless(
                job.node == Some(self.node) && job.provider == Some(self.node.0) && job.provider == Some(self.pool),
                "WrongAccount",
            )
            .unless(convictable(job), "NotConvictable")
            .unless(job.bond > 0, "NoBond")
            .unless(model.pools.contains_key(&self.pool), RUNTIME)
            .unless(its_own, "WrongSigner");
        self.slashing.reasons(self.pool, self.job.0, &mut reasons);
        for paper in [first, second] {
            paper.unfit(&mut reasons, self.job, job, accused.key);
        }
        let contradict = first.sequence == second.sequence && !first.says_what(second);
        reasons.unless(contradict, "NoContradiction").verdict()?;
        let (bond, running) = (job.bond, job.status == Status::Running);
        if running {
            let at = job.since(model.now);
            let job = model.jobs.get_mut(&self.job).expect("seen above");
            job.status = Status::Finished;
            job.outcome = Outcome::Failed;
            job.ended_at = at;
            let promised = job.promised();
            let served = job.served.min(promised);
            model.release(self.node, Lease::Failed, served, promised);
        }
        model.slash(self.pool, (bond, bond), self.slashing.customer, self.slashing.reporter);
        model.jobs.get_mut(&self.job).expect("seen above").bond = 0;
        model.convict(self.node, true);
        Ok(())
    }

    fn contradiction(&self) -> Option<(JobRef, [&Paper; 2])> {
        Some((self.job, [&self.papers[0], &self.papers[1]]))
    }
}
