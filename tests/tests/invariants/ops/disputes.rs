//! Jobs that are taken to the council, and its votes.

use super::{Op, Operation, job, job_account, node_of, signed_by, signer, wallet};
use crate::suite::{
    cast::{ARBITERS, COINS, Coin, JobRef, NodeRef, PAYER, Purse, Subject, Who, address},
    dice::Dice,
    model::{Dispute, Job, Lease, Model, Outcome, RUNTIME, Reasons, Status, Verdict, there},
};
use gantry_sdk::{Instruction, ix};
use std::rc::Rc;

#[derive(Debug)]
pub(crate) struct DisputeJob {
    job: JobRef,
    coin: Coin,
    node: NodeRef,
    signer: Who,
    /// Whose token account pays the bond.
    source: Who,
}

impl DisputeJob {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let (now, window, any) = (model.now, model.rules.terms.dispute_window, dice.chance(10));
        let open = |job: &Job| job.settles() && (any || !job.due(now, window));
        let running = dice.chance(25);
        let at = job(model, dice, |job| {
            (running && job.status == Status::Running) || open(job)
        })?;
        let coin = model.jobs.get(&at).map_or(Coin::Usdc, |job| job.coin);
        Some(Rc::new(Self {
            job: at,
            coin: if dice.chance(3) { dice.one_of(&COINS) } else { coin },
            node: node_of(model, dice, at),
            signer: signer(dice, at.0),
            source: signer(dice, at.0),
        }))
    }
}

impl Operation for DisputeJob {
    fn name(&self) -> &'static str {
        "dispute_job"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let mut job = job_account(self.job, Some(self.node));
        job.mint = self.coin.mint().mint;
        Subject::Dispute(self.job).at();
        let source = Purse::Own(self.source, self.coin).at();
        let program = self.coin.mint().token_program;
        let dispute = ix::dispute_job(&address(PAYER), &job, &program, &source, [3; 32]);
        signed_by(dispute, 0, self.signer)
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let job = there(model.jobs.get(&self.job))?;
        let (terms, now) = (&model.rules.terms, model.now);
        let (bond, source) = (terms.dispute_bond, Purse::Own(self.source, self.coin));
        let running = job.status == Status::Running;
        let mut reasons = Reasons::default();
        if self.coin != job.coin {
            reasons.unless(false, "WrongAccount").unless(false, RUNTIME);
        }
        reasons
            .unless(self.signer == self.job.0, "NotCustomer")
            .unless(self.signer == self.source, RUNTIME)
            .unless(!model.disputes.contains_key(&self.job), RUNTIME)
            .unless(
                job.node == Some(self.node) && job.provider == Some(self.node.0),
                "WrongAccount",
            )
            .unless(running || job.settles(), "NotDisputable")
            .unless(!job.accepted, "ResultAccepted")
            .unless(
                running || job.since(now).saturating_sub(job.ended_at) < terms.dispute_window,
                "DisputeWindowClosed",
            )
            .unless(bond <= model.holds(source), RUNTIME)
            .verdict()?;
        let dispute = Dispute {
            bond,
            opened: now,
            deadline: now + i64::from(terms.arbitration_timeout),
            votes: [None; 9],
        };
        model.disputes.insert(self.job, dispute);
        model.pay(source, Purse::Vault(self.job), bond);
        let job = model.jobs.get_mut(&self.job).expect("seen above");
        job.status = Status::Disputed;
        if running {
            job.outcome = Outcome::Stopped;
            job.ended_at = job.since(now);
            let served = job.served;
            model.release(self.node, Lease::Neutral, served, served);
        }
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct Vote {
    job: JobRef,
    arbiter: Who,
    share_bps: u16,
    slash_bps: u16,
}

/// What arbiters tend to find.
const VERDICTS: [(u16, u16); 6] = [
    (10_000, 0),
    (0, 10_000),
    (5_000, 2_500),
    (0, 0),
    (10_000, 1),
    (3_333, 9_999),
];

impl Vote {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let open = model
            .disputes
            .iter()
            .filter(|(_, dispute)| model.now < dispute.deadline);
        let disputed: Vec<JobRef> = open.map(|(at, _)| *at).collect();
        let at = match dice.pick(&disputed) {
            Some(at) if !dice.chance(3) => *at,
            _ => job(model, dice, |job| job.status == Status::Disputed)?,
        };
        let members = &model.council.members;
        let votes = model.disputes.get(&at).map_or([None; 9], |dispute| dispute.votes);
        let silent = members.iter().zip(votes).filter(|(_, vote)| vote.is_none());
        let silent: Vec<Who> = silent.map(|(member, _)| *member).collect();
        let arbiter = match dice.below(20) {
            0 => wallet(dice),
            1 => dice.one_of(&ARBITERS),
            2 => *dice.pick(members)?,
            _ => *dice.pick(&silent)?,
        };
        // Mostly they are of one mind, which differs from job to job.
        let usual = VERDICTS[(at.1 as usize + usize::from(at.0)) % VERDICTS.len()];
        let (share_bps, slash_bps) = match dice.below(20) {
            0 => (dice.edge(10_000, 65_535) as u16, 0),
            1 => (0, dice.edge(10_000, 65_535) as u16),
            2 => (dice.below(10_001) as u16, dice.below(10_001) as u16),
            3..6 => dice.one_of(&VERDICTS),
            _ => usual,
        };
        Some(Rc::new(Self {
            job: at,
            arbiter,
            share_bps,
            slash_bps,
        }))
    }
}

impl Operation for Vote {
    fn name(&self) -> &'static str {
        "vote"
    }

    fn instructions(&self) -> Vec<Instruction> {
        Subject::Dispute(self.job).at();
        let arbiter = address(self.arbiter);
        vec![ix::vote(&arbiter, &self.job.at(), self.share_bps, self.slash_bps)]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let place = model.council.members.iter().position(|member| *member == self.arbiter);
        let dispute = there(model.disputes.get_mut(&self.job))?;
        let voted = place.is_some_and(|place| dispute.votes[place].is_some());
        Reasons::default()
            .unless(self.share_bps <= 10_000 && self.slash_bps <= 10_000, "InvalidVote")
            .unless(model.now < dispute.deadline, "VotingClosed")
            .unless(place.is_some(), "NotArbiter")
            .unless(!voted, "AlreadyVoted")
            .verdict()?;
        dispute.votes[place.expect("seen above")] = Some((self.share_bps, self.slash_bps));
        Ok(())
    }
}
