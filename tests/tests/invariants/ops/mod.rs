//! What can happen in a history: one type per operation.
//!
//! To add an operation: write a type that implements [`Operation`], with a `draw` that makes one out of the model and
//! the dice, add one line to [`KINDS`] and its name to [`SUCCEEDING`]. Nothing else needs to know of it: replays, hostile
//! signers, comparison with the chain, shrinking and counting come with the trait. Where an operation changes fields that
//! the model does not have yet, add them to the model and one line each to `model/compare.rs`.

pub(crate) mod closing;
pub(crate) mod convicting;
pub(crate) mod disputes;
pub(crate) mod ending;
pub(crate) mod jobs;
pub(crate) mod leaving;
pub(crate) mod nodes;
pub(crate) mod noise;
pub(crate) mod paper;
pub(crate) mod paying;
pub(crate) mod providers;
pub(crate) mod registry;
pub(crate) mod running;
pub(crate) mod settling;
pub(crate) mod staking;
pub(crate) mod terms;
pub(crate) mod usurp;

use super::{
    cast::{JobRef, NODE_KEYS, NodeRef, Subject, WALLETS, Who, address, nowhere},
    dice::Dice,
    model::{Job, Model, Verdict},
};
use anchor_lang::AnchorDeserialize;
use gantry_sdk::{Instruction, Pubkey, market::accounts::Job as JobAccount};
use paper::Paper;
use std::{fmt::Debug, rc::Rc};

/// One thing that can happen, with everything that it names: it means the same whenever it is done again.
pub(crate) trait Operation: Debug {
    /// The instruction's name, for the count at the end.
    fn name(&self) -> &'static str;

    /// What is sent; nothing for an operation that is none of a transaction.
    fn instructions(&self) -> Vec<Instruction>;

    /// Does it in the model, or says by which errors it must be refused and leaves the model as it was.
    fn apply(&self, model: &mut Model) -> Verdict;

    /// Seconds that pass.
    fn seconds(&self) -> i64 {
        0
    }

    /// The job that it is about, and the receipt that it carries.
    fn receipt(&self) -> Option<(JobRef, &Paper)> {
        None
    }

    /// The job whose node it convicts, and the two receipts that are to contradict each other.
    fn contradiction(&self) -> Option<(JobRef, [&Paper; 2])> {
        None
    }

    /// The seconds of a job that its customer does not call into question.
    fn acknowledges(&self) -> Option<(JobRef, u32)> {
        None
    }
}

/// An operation, shared with the list of what was done.
pub(crate) type Op = Rc<dyn Operation>;

type Draw = fn(&Model, &mut Dice) -> Option<Op>;

/// Every kind of operation and how often it is drawn.
const KINDS: &[(u64, Draw)] = &[
    (16, |m, d| jobs::OpenJob::draw(m, d)),
    (1, |m, d| jobs::CancelJob::draw(m, d)),
    (24, |m, d| jobs::AssignJob::draw(m, d)),
    (24, |m, d| running::StartJob::draw(m, d)),
    (32, |m, d| running::SubmitProof::draw(m, d)),
    (4, |m, d| paper::Replay::draw(m, d)),
    (2, |m, d| running::StopJob::draw(m, d)),
    (5, |m, d| paying::TopUp::draw(m, d)),
    (6, |m, d| paying::Acknowledge::draw(m, d)),
    (14, |m, d| paying::Claim::draw(m, d)),
    (2, |m, d| leaving::Decline::draw(m, d)),
    (4, |m, d| leaving::EndJob::draw(m, d)),
    (4, |m, d| ending::AcceptResult::draw(m, d)),
    (3, |m, d| running::ReportLapse::draw(m, d)),
    (3, |m, d| ending::ExpireAssignment::draw(m, d)),
    (10, |m, d| settling::Settle::draw(m, d)),
    (5, |m, d| settling::Settle::draw_slash(m, d)),
    (5, |m, d| disputes::DisputeJob::draw(m, d)),
    (16, |m, d| disputes::Vote::draw(m, d)),
    (8, |m, d| settling::ResolveDispute::draw(m, d)),
    (3, |m, d| convicting::SlashEquivocation::draw(m, d)),
    (2, |m, d| terms::ProposeTerms::draw(m, d)),
    (2, |m, d| terms::ApplyTerms::draw(m, d)),
    (1, |m, d| terms::CancelTerms::draw(m, d)),
    (2, |m, d| terms::UpdateMint::draw(m, d)),
    (1, |m, d| terms::ProposeCouncil::draw(m, d)),
    (2, |m, d| terms::ApplyCouncil::draw(m, d)),
    (1, |m, d| terms::CancelCouncil::draw(m, d)),
    (2, |m, d| registry::RegisterProvider::draw(m, d)),
    (1, |m, d| providers::UpdateProvider::draw(m, d)),
    (2, |m, d| providers::CloseProvider::draw(m, d)),
    (4, |m, d| registry::RegisterNode::draw(m, d)),
    (2, |m, d| nodes::Manage::draw_price(m, d)),
    (2, |m, d| nodes::Manage::draw_hardware(m, d)),
    (2, |m, d| nodes::Manage::draw_drain(m, d)),
    (4, |m, d| nodes::Manage::draw_resume(m, d)),
    (2, |m, d| nodes::Manage::draw_close(m, d)),
    (5, |m, d| registry::Attest::draw(m, d)),
    (1, |m, d| nodes::Revoke::draw(m, d)),
    (1, |m, d| registry::Pause::draw(m, d)),
    (6, |m, d| registry::Unpause::draw(m, d)),
    (4, |m, d| staking::CreatePool::draw(m, d)),
    (2, |m, d| staking::SetCommission::draw(m, d)),
    (7, |m, d| staking::Stake::draw(m, d)),
    (3, |m, d| staking::RequestUnstake::draw(m, d)),
    (2, |m, d| staking::CancelUnstake::draw(m, d)),
    (4, |m, d| staking::Withdraw::draw(m, d)),
    (4, |m, d| staking::ClaimRewards::draw(m, d)),
    (2, |m, d| closing::ClosePosition::draw(m, d)),
    (3, |m, d| closing::ClosePool::draw(m, d)),
    (2, |m, d| usurp::Usurp::draw(m, d)),
    (2, |m, d| noise::Dust::draw(m, d)),
    (1, |m, d| noise::Gift::draw(m, d)),
    (16, |m, d| noise::Advance::draw(m, d)),
];

/// What must have gone through once for a run to have tested it.
pub(crate) const SUCCEEDING: &[&str] = &[
    "(dust)",
    "(gift)",
    "(time)",
    "accept_result",
    "acknowledge",
    "apply_council",
    "apply_terms",
    "assign_job",
    "attest",
    "cancel_council",
    "cancel_job",
    "cancel_terms",
    "cancel_unstake",
    "claim",
    "claim_rewards",
    "close_node",
    "close_pool",
    "close_position",
    "close_provider",
    "create_pool",
    "decline_assignment",
    "dispute_job",
    "drain_node",
    "end_job",
    "expire_assignment",
    "open_job",
    "pause",
    "propose_council",
    "propose_terms",
    "register_node",
    "register_provider",
    "report_lapse",
    "request_unstake",
    "resolve_dispute",
    "resume_node",
    "revoke_attestation",
    "set_commission",
    "settle_job",
    "settle_with_slash",
    "slash_equivocation",
    "stake",
    "start_job",
    "stop_job",
    "submit_proof",
    "top_up_job",
    "unpause",
    "update_hardware",
    "update_mint",
    "update_price",
    "update_provider",
    "vote",
    "withdraw",
];

/// Instructions that no history draws: what sets the network up or changes who runs it, and what only the market may call,
/// which `(usurp)` tries.
pub(crate) const NOT_DRAWN: &[&str] = &[
    "accept_authority",
    "add_attestor",
    "bond",
    "cancel_authority",
    "convict_node",
    "deposit_rewards",
    "enable_mint",
    "initialize",
    "initialize_network",
    "lease_node",
    "propose_authority",
    "release",
    "release_node",
    "remove_attestor",
    "set_guardian",
    "slash",
    "update_attestor",
];

/// The kinds that a history begins with, so that there is a market to play in.
const OPENING: &[Draw] = &[
    |m, d| registry::RegisterProvider::draw(m, d),
    |m, d| staking::CreatePool::draw(m, d),
    |m, d| registry::RegisterNode::draw(m, d),
    |m, d| staking::Stake::draw(m, d),
    |m, d| registry::RegisterNode::draw(m, d),
];

/// Steps of the opening: four rounds.
const OPENING_STEPS: usize = 20;

/// What happens as step number `step`.
pub(crate) fn draw(model: &Model, dice: &mut Dice, step: usize, done: &[Op]) -> Op {
    // What was sent before can always be sent again.
    if dice.chance(4)
        && let Some(again) = dice.pick(done)
    {
        return Rc::clone(again);
    }
    let all: u64 = KINDS.iter().map(|(weight, _)| weight).sum();
    loop {
        let drawn = if step < OPENING_STEPS {
            OPENING[step % OPENING.len()](model, dice)
        } else {
            let mut rest = dice.below(all);
            let kind = KINDS.iter().find(|(weight, _)| {
                let here = rest < *weight;
                rest = rest.saturating_sub(*weight);
                here
            });
            kind.and_then(|(_, draw)| draw(model, dice))
        };
        if let Some(op) = drawn {
            return op;
        }
    }
}

/// Any wallet.
pub(crate) fn wallet(dice: &mut Dice) -> Who {
    dice.below(u64::from(WALLETS)) as Who
}

/// `right` mostly, and anybody else now and then.
pub(crate) fn signer(dice: &mut Dice, right: Who) -> Who {
    if dice.chance(4) { wallet(dice) } else { right }
}

/// A node that exists, or now and then any at all.
pub(crate) fn node(model: &Model, dice: &mut Dice) -> Option<NodeRef> {
    if dice.chance(4) {
        return Some(NodeRef(wallet(dice), dice.below(u64::from(NODE_KEYS)) as u8));
    }
    let nodes: Vec<NodeRef> = model.nodes.keys().copied().collect();
    dice.pick(&nodes).copied()
}

/// A job for which `fits` holds; now and then any job, closed and future ones too. Mostly `None` where there is none.
pub(crate) fn job(model: &Model, dice: &mut Dice, fits: impl Fn(&Job) -> bool) -> Option<JobRef> {
    let fitting = model.jobs.iter().filter(|(_, job)| fits(job));
    let fitting: Vec<JobRef> = fitting.map(|(at, _)| *at).collect();
    if fitting.is_empty() && !dice.chance(8) {
        return None;
    }
    match dice.below(25) {
        0 => {
            let who = wallet(dice);
            let next = model.customers.get(&who).map_or(0, |customer| customer.next_id);
            Some(JobRef(who, dice.below(next + 1)))
        }
        1 => {
            let any: Vec<JobRef> = model.jobs.keys().copied().collect();
            dice.pick(&any).copied()
        }
        _ => dice.pick(&fitting).copied(),
    }
}

/// The node of a job, or another one now and then.
pub(crate) fn node_of(model: &Model, dice: &mut Dice, at: JobRef) -> NodeRef {
    let right = model.jobs.get(&at).and_then(|job| job.node);
    match right {
        Some(node) if !dice.chance(3) => node,
        _ => node(model, dice).unwrap_or(NodeRef(0, 0)),
    }
}

/// What the instruction builders read of a job's account, filled with what the operation names.
pub(crate) fn job_account(at: JobRef, node: Option<NodeRef>) -> JobAccount {
    let zeros = [0; 1_024];
    let mut job = JobAccount::deserialize(&mut &zeros[..]).expect("zeros are a job");
    job.customer = address(at.0);
    job.id = at.1;
    job.rent_payer = address(super::cast::PAYER);
    job.node = node.map_or_else(nowhere, NodeRef::at);
    job.provider = node.map_or_else(nowhere, |node| Subject::Provider(node.0).at());
    job
}

/// Puts `to` in the place of the account `from`, everywhere in `instruction`.
pub(crate) fn put(instruction: &mut Instruction, from: Pubkey, to: Pubkey) {
    for meta in &mut instruction.accounts {
        if meta.pubkey == from {
            meta.pubkey = to;
        }
    }
}

/// Has `signer` sign as the account at `place`.
pub(crate) fn signed_by(mut instruction: Instruction, place: usize, signer: Who) -> Vec<Instruction> {
    instruction.accounts[place].pubkey = address(signer);
    vec![instruction]
}
