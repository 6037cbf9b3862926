//! Jobs that a node has: start, proofs, stop, lapse; and the receipts that go with them.

use super::{Op, Operation, job, job_account, node_of, signed_by, signer};
use crate::suite::{
    cast::{JobRef, NODE_KEYS, NodeRef, Who, node_key_address, node_keypair},
    dice::Dice,
    model::{Job, Lease, Model, Outcome, RUNTIME, Reasons, Status, Verdict, there},
};
use gantry_sdk::{
    Instruction,
    core::receipt::{Receipt, ReceiptStatus},
    ix, market,
    receipt::{precompile_instruction_signed, sign},
};
use gantry_tests::world::GENESIS_HASH;
use std::rc::Rc;

/// How a receipt is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// No precompile instruction goes before.
    Missing,
    /// Somebody else's signature under the node's name.
    Forged,
    /// The status byte is none.
    Garbled,
    OtherCluster,
    OtherMarket,
}

/// A receipt, and who signed it.
#[derive(Clone, Debug)]
pub(crate) struct Paper {
    pub(crate) key: u8,
    pub(crate) flaw: Flaw,
    pub(crate) job: JobRef,
    pub(crate) assignment: u32,
    pub(crate) sequence: u64,
    pub(crate) served: u64,
    pub(crate) issued_at: i64,
    pub(crate) status: ReceiptStatus,
    pub(crate) exit_code: i32,
    pub(crate) digest: u8,
}

impl Paper {
    fn receipt(&self) -> Receipt {
        let mut receipt = Receipt {
            genesis_hash: GENESIS_HASH,
            market: market::ID.to_bytes(),
            job: self.job.at().to_bytes(),
            assignment: self.assignment,
            sequence: self.sequence,
            served_seconds: self.served,
            issued_at: self.issued_at,
            status: self.status,
            exit_code: self.exit_code,
            output_digest: [self.digest; 32],
        };
        match self.flaw {
            Flaw::OtherCluster => receipt.genesis_hash[31] ^= 1,
            Flaw::OtherMarket => receipt.market[0] ^= 1,
            _ => {}
        }
        receipt
    }

    /// The precompile's instruction and `carrier`, in this order.
    fn carried(&self, carrier: Instruction) -> Vec<Instruction> {
        if self.flaw == Flaw::Missing {
            return vec![carrier];
        }
        let receipt = self.receipt();
        let forger = if self.flaw == Flaw::Forged { 1 } else { 0 };
        let signature = sign(&receipt, node_keypair((self.key + forger) % NODE_KEYS));
        let mut check = precompile_instruction_signed(&receipt, &node_key_address(self.key), &signature);
        if self.flaw == Flaw::Garbled {
            check = self.garbled(check);
        }
        vec![check, carrier]
    }

    /// The same with a status that does not exist, signed all the same.
    fn garbled(&self, mut check: Instruction) -> Instruction {
        use gantry_sdk::Signer;
        const MESSAGE: usize = 112;
        check.data[MESSAGE + 148] = 3;
        let signature = node_keypair(self.key).sign_message(&check.data[MESSAGE..]);
        check.data[48..MESSAGE].copy_from_slice(signature.as_ref());
        check
    }

    /// Why the market does not take it for `job` of the node key `key`.
    fn reasons(&self, reasons: &mut Reasons, at: JobRef, job: &Job, key: u8, now: i64) {
        reasons
            .unless(self.flaw != Flaw::Missing, "MissingSignature")
            .unless(self.flaw != Flaw::Forged, RUNTIME)
            .unless(self.flaw != Flaw::Garbled, "MalformedReceipt")
            .unless(self.flaw != Flaw::OtherCluster, "WrongCluster")
            .unless(self.flaw != Flaw::OtherMarket, "WrongMarket")
            .unless(self.key == key, "WrongSigner")
            .unless(self.job == at, "WrongJob")
            .unless(self.assignment == job.assignment, "WrongAssignment")
            .unless(self.issued_at <= now + 300, "IssuedInFuture");
    }

    /// A receipt as the node of `at` would sign it now, or with something wrong about it.
    fn draw(model: &Model, dice: &mut Dice, at: JobRef, node: NodeRef) -> Self {
        let job = model.jobs.get(&at);
        let now = model.now;
        let mut paper = Self {
            key: node.1,
            flaw: Flaw::None,
            job: at,
            assignment: job.map_or(1, |job| job.assignment),
            sequence: 0,
            served: 0,
            issued_at: now,
            status: ReceiptStatus::Running,
            exit_code: 0,
            digest: 0,
        };
        match dice.below(60) {
            0 => paper.flaw = Flaw::Missing,
            1 => paper.flaw = Flaw::Forged,
            2 => paper.flaw = Flaw::Garbled,
            3 => paper.flaw = Flaw::OtherCluster,
            4 => paper.flaw = Flaw::OtherMarket,
            5 => paper.key = dice.below(u64::from(NODE_KEYS)) as u8,
            6 => paper.assignment = dice.edge(u64::from(paper.assignment), u32::MAX.into()) as u32,
            7 => paper.issued_at = dice.one_of(&[i64::MIN, i64::MAX, 0, now + 300, now + 301, now - 10]),
            8 => {
                let jobs: Vec<JobRef> = model.jobs.keys().copied().collect();
                paper.job = dice.pick(&jobs).copied().unwrap_or(at);
            }
            9..20 => paper.issued_at = now - dice.size(100) as i64,
            _ => {}
        }
        paper
    }
}

#[derive(Debug)]
pub(crate) struct StartJob {
    job: JobRef,
    node: NodeRef,
    paper: Paper,
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
        Ok(())
    }

    fn receipt(&self) -> Option<(JobRef, &Paper)> {
        Some((self.job, &self.paper))
    }
}

#[derive(Debug)]
pub(crate) struct SubmitProof {
    job: JobRef,
    node: NodeRef,
    paper: Paper,
}

/// Whether receipts still count: while it runs, and after the customer's stop.
fn expects_proof(job: &Job) -> bool {
    job.status == Status::Running || (job.status == Status::Finished && job.outcome == Outcome::Stopped)
}

impl SubmitProof {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let at = job(model, dice, expects_proof)?;
        let node = node_of(model, dice, at);
        let mut paper = Paper::draw(model, dice, at, node);
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
        if dice.chance(35) {
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
            .unless(expects_proof(job), "NotRunning")
            .unless(paper.sequence > job.sequence, "StaleSequence")
            .unless(paper.served <= u64::from(job.spec.max_duration), "ServedBeyondMaximum")
            .unless(paper.served >= u64::from(job.served), "ServedDecreased")
            .unless(paper.served <= u64::from(job.elapsed(at)), "ServedBeyondElapsed");
        paper.reasons(&mut reasons, self.job, job, self.node.1, now);
        reasons.verdict()?;

        let was_running = job.status == Status::Running;
        let before = job.active_at;
        let until = if was_running { at } else { job.ended_at }.max(before);
        job.sequence = paper.sequence;
        job.prove(paper.served as u32, until, window);
        if paper.status == ReceiptStatus::Running {
            return Ok(());
        }
        let issued = u32::try_from(i128::from(paper.issued_at) - i128::from(job.created));
        job.active_at = issued.unwrap_or(until).clamp(before, until);
        job.exit_code = paper.exit_code;
        job.digest = paper.digest;
        if !was_running {
            return Ok(());
        }
        let (outcome, lease) = if paper.status == ReceiptStatus::Completed {
            (Outcome::Completed, Lease::Completed)
        } else {
            (Outcome::Failed, Lease::Failed)
        };
        job.status = Status::Finished;
        job.outcome = outcome;
        job.ended_at = at;
        let promised = job.promised();
        let served = job.served.min(promised);
        model.release(self.node, lease, served, promised);
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
        there(model.nodes.get(&self.node))?;
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
        there(model.nodes.get(&self.node))?;
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
            (Status::Finished, Outcome::Expired, Lease::Completed)
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
