//! Jobs that a node has: start, proofs, stop, lapse.

use super::{
    Op, Operation, job, job_account, node_of,
    paper::{Flaw, Paper},
    signed_by, signer,
};
use crate::suite::{
    cast::{JobRef, NodeRef, Who},
    dice::Dice,
    model::{Job, Lease, Model, Outcome, Reasons, Status, Verdict, there},
};
use gantry_sdk::{Instruction, core::receipt::ReceiptStatus, ix};
use std::rc::Rc;

#[derive(Debug)]
pub(crate) struct StartJob {
    pub(super) job: JobRef,
    pub(super) node: NodeRef,
    pub(super) paper: Paper,
}

impl StartJob {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let patient = dice.chance(10);
        let at = job(model, dice, |job| {
            let waited = job.since(model.now).saturating_sub(job.active_at);
            job.status == Status::Assigned && (patient || waited <= job.spec.start_deadline)
        })?;
        let node = node_of(model, dice, at);
        let mut paper = Paper::draw(model, dice, at, node);
        match dice.below(60) {
            0 => paper.sequence = 1,
            1 => paper.served = 1,
            2 => paper.status = ReceiptStatus::Completed,
            _ => {}
        }
        Some(Rc::new(Self { job: at, node, paper }))
    }
}

impl Operation for StartJob {
    fn name(&self) -> &'static str {
        "start_job"
    }

    fn instructions(&self) -> Vec<Instruction> {
        self.paper
            .carried(ix::start_job(&job_account(self.job, Some(self.node))))
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let now = model.now;
        let forged = self.paper.flaw == Flaw::Forged;
        there((!forged).then_some(()))?;
        there(model.nodes.get(&self.node))?;
        let job = there(model.jobs.get_mut(&self.job))?;
        let at = job.since(now);
        let paper = &self.paper;
        let begins = paper.sequence == 0 && paper.served == 0 && paper.status == ReceiptStatus::Running;
        let mut reasons = Reasons::default();
        reasons
            .unless(job.node == Some(self.node), "WrongAccount")
            .unless(job.status == Status::Assigned, "NotAssigned")
            .unless(
                at.saturating_sub(job.active_at) <= job.spec.start_deadline,
                "StartDeadlinePassed",
            )
            .unless(begins, "NotStartReceipt");
        paper.reasons(&mut reasons, self.job, job, self.node.1, now);
        reasons.verdict()?;
        job.status = Status::Running;
        job.started_at = at;
        job.active_at = at;
        job.checkpoint.1 = at;
        job.sequence = 0;
        model.remember(paper);
        Ok(())
    }

    fn receipt(&self) -> Option<(JobRef, &Paper)> {
        Some((self.job, &self.paper))
    }
}

#[derive(Debug)]
pub(crate) struct SubmitProof {
    pub(super) job: JobRef,
    pub(super) node: NodeRef,
    pub(super) paper: Paper,
}

impl Job {
    /// Whether proofs still count: while it runs, and after the customer's stop or a dispute that was one.
    pub(super) fn expects_proof(&self) -> bool {
        let stopped = matches!(self.status, Status::Finished | Status::Disputed) && self.outcome == Outcome::Stopped;
        self.status == Status::Running || stopped
    }

    /// Whether a late proof may count: before the job lapsed its node may have issued what nobody carried in time.
    pub(super) fn expects_late_proof(&self) -> bool {
        self.status == Status::Lapsed
    }

    /// Whether a receipt of any kind counts.
    pub(super) fn expects_receipt(&self) -> bool {
        self.status == Status::Assigned || self.expects_proof() || self.expects_late_proof()
    }
}

impl SubmitProof {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let at = job(model, dice, |job| job.expects_proof() || job.expects_late_proof())?;
        let node = node_of(model, dice, at);
        let mut paper = Paper::draw(model, dice, at, node);
        if let Some(job) = model.jobs.get(&at).filter(|job| job.expects_late_proof()) {
            let lapse = job.created + i64::from(job.ended_at);
            paper.issued_at = dice.one_of(&[lapse, lapse - 3, lapse, lapse + 1]);
        }
        let (mut least, mut most, mut sequence) = (0, 0, 0);
        if let Some(job) = model.jobs.get(&at) {
            least = u64::from(job.served);
            most = u64::from(job.elapsed(job.since(model.now)).min(job.spec.max_duration));
            sequence = job.sequence;
        }
        paper.sequence = match dice.below(30) {
            0 => dice.edge(sequence, u64::MAX),
            1 => sequence,
            2 => sequence.saturating_add(1 + dice.size(1_000)),
            _ => sequence.saturating_add(1),
        };
        paper.served = match dice.below(20) {
            0 => dice.edge(most, u64::MAX),
            1 => dice.edge(least, u64::MAX),
            2 => least + (1 << 32),
            3..8 => dice.between(least, most.max(least)),
            _ => most,
        };
        if dice.chance(12) {
            paper.status = dice.one_of(&[
                ReceiptStatus::Completed,
                ReceiptStatus::Completed,
                ReceiptStatus::Failed,
            ]);
            paper.exit_code = dice.one_of(&[0, 1, -1, i32::MIN]);
            paper.digest = dice.one_of(&[0, 5, 6]);
        }
        Some(Rc::new(Self { job: at, node, paper }))
    }
}

impl Operation for SubmitProof {
    fn name(&self) -> &'static str {
        "submit_proof"
    }

    fn instructions(&self) -> Vec<Instruction> {
        self.paper
            .carried(ix::submit_proof(&job_account(self.job, Some(self.node))))
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let (now, window) = (model.now, model.rules.terms.dispute_window);
        let paper = &self.paper;
        there((paper.flaw != Flaw::Forged).then_some(()))?;
        there(model.nodes.get(&self.node))?;
        let job = there(model.jobs.get_mut(&self.job))?;
        let at = job.since(now);
        let mut reasons = Reasons::default();
        reasons
            .unless(
                job.node == Some(self.node) && job.provider == Some(self.node.0),
                "WrongAccount",
            )
            .unless(job.expects_proof() || job.expects_late_proof(), "NotRunning")
            .unless(paper.sequence > job.sequence, "StaleSequence")
            .unless(paper.served <= u64::from(job.spec.max_duration), "ServedBeyondMaximum")
            .unless(paper.served >= u64::from(job.served), "ServedDecreased")
            .unless(paper.served <= u64::from(job.elapsed(at)), "ServedBeyondElapsed");
        if job.expects_late_proof() {
            let issued = i128::from(paper.issued_at) - i128::from(job.created);
            reasons
                .unless((0..=i128::from(job.ended_at)).contains(&issued), "IssuedAfterLapse")
                .unless(at - job.ended_at <= window / 2, "ProofTooLate");
        }
        paper.reasons(&mut reasons, self.job, job, self.node.1, now);
        reasons.verdict()?;

        let was_running = job.status == Status::Running;
        let before = job.active_at;
        let until = if was_running { at } else { job.ended_at }.max(before);
        job.sequence = paper.sequence;
        job.prove(paper.served as u32, until, window);
        if paper.status == ReceiptStatus::Running {
            model.remember(paper);
            return Ok(());
        }
        let issued = u32::try_from(i128::from(paper.issued_at) - i128::from(job.created));
        job.active_at = issued.unwrap_or(until).clamp(before, until);
        job.exit_code = paper.exit_code;
        job.digest = paper.digest;
        let (outcome, lease) = if paper.status == ReceiptStatus::Completed {
            (Outcome::Completed, Lease::Completed)
        } else {
            (Outcome::Failed, Lease::Failed)
        };
        if !was_running {
            if job.status == Status::Lapsed {
                (job.status, job.outcome) = (Status::Finished, outcome);
            }
            model.remember(paper);
            return Ok(());
        }
        job.status = Status::Finished;
        job.outcome = outcome;
        job.ended_at = at;
        let promised = job.promised();
        let served = job.served.min(promised);
        model.release(self.node, lease, served, promised);
        model.remember(paper);
        Ok(())
    }

    fn receipt(&self) -> Option<(JobRef, &Paper)> {
        Some((self.job, &self.paper))
    }
}

#[derive(Debug)]
pub(crate) struct StopJob {
    job: JobRef,
    node: NodeRef,
    signer: Who,
}

impl StopJob {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let at = job(model, dice, |job| job.status == Status::Running)?;
        Some(Rc::new(Self {
            job: at,
            node: node_of(model, dice, at),
            signer: signer(dice, at.0),
        }))
    }
}

impl Operation for StopJob {
    fn name(&self) -> &'static str {
        "stop_job"
    }

    fn instructions(&self) -> Vec<Instruction> {
        signed_by(ix::stop_job(&job_account(self.job, Some(self.node))), 0, self.signer)
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let now = model.now;
        let job = there(model.jobs.get_mut(&self.job))?;
        Reasons::default()
            .unless(self.signer == self.job.0, "NotCustomer")
            .unless(
                job.node == Some(self.node) && job.provider == Some(self.node.0),
                "WrongAccount",
            )
            .unless(job.status == Status::Running, "NotRunning")
            .verdict()?;
        job.status = Status::Finished;
        job.outcome = Outcome::Stopped;
        job.ended_at = job.since(now);
        let served = job.served;
        model.release(self.node, Lease::Neutral, served, served);
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct ReportLapse {
    pub(crate) job: JobRef,
    pub(crate) node: NodeRef,
}

impl ReportLapse {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let at = job(model, dice, |job| job.status == Status::Running)?;
        Some(Rc::new(Self {
            job: at,
            node: node_of(model, dice, at),
        }))
    }
}

impl Operation for ReportLapse {
    fn name(&self) -> &'static str {
        "report_lapse"
    }

    fn instructions(&self) -> Vec<Instruction> {
        vec![ix::report_lapse(&job_account(self.job, Some(self.node)))]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let now = model.now;
        let job = there(model.jobs.get_mut(&self.job))?;
        let (at, timeout) = (job.since(now), job.spec.proof_timeout);
        let overdue = job.elapsed(at) > job.spec.max_duration.saturating_add(timeout);
        let silent = at.saturating_sub(job.active_at) > timeout;
        Reasons::default()
            .unless(
                job.node == Some(self.node) && job.provider == Some(self.node.0),
                "WrongAccount",
            )
            .unless(job.status == Status::Running, "NotRunning")
            .unless(silent || overdue, "ProofTimeoutNotPassed")
            .verdict()?;
        let all_served = overdue && job.served == job.spec.max_duration;
        let (status, outcome, lease) = if all_served {
            // One that has given notice did not serve what it agreed to.
            let lease = if job.noticed { Lease::Failed } else { Lease::Completed };
            (Status::Finished, Outcome::Expired, lease)
        } else {
            (Status::Lapsed, Outcome::Lapsed, Lease::Failed)
        };
        job.status = status;
        job.outcome = outcome;
        job.ended_at = at;
        let promised = job.promised();
        let served = job.served.min(promised);
        model.release(self.node, lease, served, promised);
        Ok(())
    }
}
