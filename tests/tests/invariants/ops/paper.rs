//! Receipts: those that are as they should be, those that are not, and those that were good once.

use super::{
    Op, Operation, job, node_of,
    running::{StartJob, SubmitProof},
};
use crate::suite::{
    cast::{JobRef, NODE_KEYS, NodeRef, node_key_address, node_keypair},
    dice::Dice,
    model::{Job, Model, RUNTIME, Reasons, Verdict},
};
use gantry_sdk::{
    Instruction, Signer,
    core::receipt::{Receipt, ReceiptStatus},
    market,
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
    pub(super) fn carried(&self, carrier: Instruction) -> Vec<Instruction> {
        self.verified().into_iter().chain([carrier]).collect()
    }

    /// The precompile's instruction, but for a receipt that goes without.
    pub(super) fn verified(&self) -> Option<Instruction> {
        if self.flaw == Flaw::Missing {
            return None;
        }
        let receipt = self.receipt();
        let forger = if self.flaw == Flaw::Forged { 1 } else { 0 };
        let signature = sign(&receipt, node_keypair((self.key + forger) % NODE_KEYS));
        let mut check = precompile_instruction_signed(&receipt, &node_key_address(self.key), &signature);
        if self.flaw == Flaw::Garbled {
            check = self.garbled(check);
        }
        Some(check)
    }

    /// The same with a status that does not exist, signed all the same.
    fn garbled(&self, mut check: Instruction) -> Instruction {
        const MESSAGE: usize = 112;
        check.data[MESSAGE + 148] = 3;
        let signature = node_keypair(self.key).sign_message(&check.data[MESSAGE..]);
        check.data[48..MESSAGE].copy_from_slice(signature.as_ref());
        check
    }

    /// Whether it says, byte for byte, what `other` says, whoever signed the two.
    pub(crate) fn says_what(&self, other: &Self) -> bool {
        self.receipt().encode() == other.receipt().encode()
    }

    /// Why the market does not take it for `job` of the node key `key` at `now`.
    pub(super) fn reasons(&self, reasons: &mut Reasons, at: JobRef, job: &Job, key: u8, now: i64) {
        self.unfit(reasons, at, job, key);
        reasons.unless(self.issued_at <= now + 300, "IssuedInFuture");
    }

    /// The same, whenever it was issued.
    pub(super) fn unfit(&self, reasons: &mut Reasons, at: JobRef, job: &Job, key: u8) {
        reasons
            .unless(self.flaw != Flaw::Missing, "MissingSignature")
            .unless(self.flaw != Flaw::Forged, RUNTIME)
            .unless(self.flaw != Flaw::Garbled, "MalformedReceipt")
            .unless(self.flaw != Flaw::OtherCluster, "WrongCluster")
            .unless(self.flaw != Flaw::OtherMarket, "WrongMarket")
            .unless(self.key == key, "WrongSigner")
            .unless(self.job == at, "WrongJob")
            .unless(self.assignment == job.assignment, "WrongAssignment");
    }

    /// A receipt as the node of `at` would sign it now, or with something wrong about it.
    pub(super) fn draw(model: &Model, dice: &mut Dice, at: JobRef, node: NodeRef) -> Self {
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

/// A receipt that the market has taken before, carried to the same or another job, by anybody.
#[derive(Debug)]
pub(crate) struct Replay {
    carrier: Op,
}

impl Replay {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let place = dice.below(model.papers.len() as u64) as usize;
        let paper = model.papers.get(place)?.clone();
        // Where it might be taken: at its own job, as long as there is that, or at another that waits for receipts.
        let own = dice.chance(60) && model.jobs.contains_key(&paper.job);
        let at = if own {
            paper.job
        } else {
            job(model, dice, Job::expects_receipt)?
        };
        let node = node_of(model, dice, at);
        let carrier: Op = if dice.chance(30) {
            Rc::new(StartJob { job: at, node, paper })
        } else {
            Rc::new(SubmitProof { job: at, node, paper })
        };
        Some(Rc::new(Self { carrier }))
    }
}

impl Operation for Replay {
    fn name(&self) -> &'static str {
        "(replayed receipt)"
    }

    fn instructions(&self) -> Vec<Instruction> {
        self.carrier.instructions()
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        self.carrier.apply(model)
    }

    fn receipt(&self) -> Option<(JobRef, &Paper)> {
        self.carrier.receipt()
    }
}
