//! One event per change of state. Amounts are base units of the job's mint unless said otherwise.

use anchor_lang::prelude::*;
use common::Log;

/// The market was created.
#[event]
#[derive(Log)]
pub struct MarketInitialized {
    /// Genesis hash that receipts must name.
    pub genesis_hash: [u8; 32],
}

/// A mint was admitted.
#[event]
#[derive(Log)]
pub struct MintEnabled {
    /// The mint.
    pub mint: Address,
    /// Least price of a job, per hour.
    pub minimum_price: u64,
    /// Stake units per payment unit, Q32.32.
    pub stake_rate: u64,
}

/// A job was opened and funded.
#[event]
#[derive(Log)]
pub struct JobOpened {
    /// The job account.
    pub job: Address,
    /// Its customer.
    pub customer: Address,
    /// Its number with that customer.
    pub id: u64,
    /// The mint it pays in.
    pub mint: Address,
    /// What the vault received.
    pub deposited: u64,
    /// Highest price per hour.
    pub max_price_per_hour: u64,
    /// Most seconds to serve.
    pub max_duration: u32,
    /// SHA-256 of the spec.
    pub spec_hash: [u8; 32],
}

/// An open job was closed and refunded.
#[event]
#[derive(Log)]
pub struct JobCancelled {
    /// The job account.
    pub job: Address,
    /// Its customer.
    pub customer: Address,
    /// What went back.
    pub refunded: u64,
}

/// A job was paired with a node.
#[event]
#[derive(Log)]
pub struct JobAssigned {
    /// The job account.
    pub job: Address,
    /// The node account.
    pub node: Address,
    /// Its provider account.
    pub provider: Address,
    /// Who paired them.
    pub matcher: Address,
    /// Number of the assignment, from 1.
    pub assignment: u32,
    /// The node's price per hour.
    pub price_per_hour: u64,
    /// Stake that answers for the job, base units of the stake mint.
    pub bond: u64,
}

/// A node started a job.
#[event]
#[derive(Log)]
pub struct JobStarted {
    /// The job account.
    pub job: Address,
    /// The node account.
    pub node: Address,
    /// Number of the assignment.
    pub assignment: u32,
    /// Chain time of the start, Unix seconds.
    pub started_at: i64,
}

/// A receipt was recorded.
#[event]
#[derive(Log)]
pub struct ProofSubmitted {
    /// The job account.
    pub job: Address,
    /// Sequence number of the receipt.
    pub sequence: u64,
    /// Seconds proven so far.
    pub served_seconds: u32,
    /// Seconds since the start.
    pub elapsed_seconds: u32,
}

/// A job ended.
#[event]
#[derive(Log)]
pub struct JobEnded {
    /// The job account.
    pub job: Address,
    /// The node account.
    pub node: Address,
    /// 1 completed, 2 failed, 3 stopped, 4 lapsed, 5 expired.
    pub outcome: u8,
    /// Seconds proven.
    pub served_seconds: u32,
    /// Seconds since the start.
    pub elapsed_seconds: u32,
    /// Exit code of the process.
    pub exit_code: i32,
    /// SHA-256 of the result's manifest; zeros without one.
    pub output_digest: [u8; 32],
}

/// The customer accepted the result.
#[event]
#[derive(Log)]
pub struct ResultAccepted {
    /// The job account.
    pub job: Address,
}

/// A node did not start a job in time; the job is open again.
#[event]
#[derive(Log)]
pub struct AssignmentExpired {
    /// The job account.
    pub job: Address,
    /// The node account.
    pub node: Address,
    /// Number of the assignment.
    pub assignment: u32,
    /// Stake slashed, base units of the stake mint.
    pub slashed: u64,
    /// Who reported it.
    pub reporter: Address,
}

/// Everybody was paid and the job closed. The parts and what was claimed before sum to the deposit.
#[event]
#[derive(Log)]
pub struct JobSettled {
    /// The job account.
    pub job: Address,
    /// Its customer.
    pub customer: Address,
    /// The provider account.
    pub provider: Address,
    /// Who paired it.
    pub matcher: Address,
    /// What the vault had received.
    pub deposited: u64,
    /// Seconds paid for.
    pub paid_seconds: u32,
    /// Price times those seconds.
    pub bill: u64,
    /// SLA credit, part of the customer's.
    pub credit: u64,
    /// To the provider's payout account.
    pub to_provider: u64,
    /// To the pool's stakers.
    pub to_delegators: u64,
    /// To the matcher.
    pub to_matcher: u64,
    /// To the treasury.
    pub to_treasury: u64,
    /// Back to the customer.
    pub to_customer: u64,
    /// To the provider and its stakers while it ran.
    pub claimed: u64,
}

/// A customer took a job to the council.
#[event]
#[derive(Log)]
pub struct DisputeOpened {
    /// The job account.
    pub job: Address,
    /// The customer.
    pub customer: Address,
    /// SHA-256 of the reason.
    pub reason_hash: [u8; 32],
    /// What the customer put at stake.
    pub bond: u64,
    /// When it ends without a verdict, Unix seconds.
    pub deadline: i64,
}

/// An arbiter voted.
#[event]
#[derive(Log)]
pub struct VoteCast {
    /// The job account.
    pub job: Address,
    /// Who voted.
    pub arbiter: Address,
    /// Share of what the job earned that the provider keeps, basis points.
    pub provider_share_bps: u16,
    /// Share of the job's bond to slash, basis points.
    pub slash_bps: u16,
}

/// A dispute ended, and its job was settled.
#[event]
#[derive(Log)]
pub struct DisputeResolved {
    /// The job account.
    pub job: Address,
    /// The provider account.
    pub provider: Address,
    /// 0 no verdict in time, 1 for the customer, 2 for the provider.
    pub verdict: u8,
    /// Share of what the job earned that the provider keeps, basis points.
    pub provider_share_bps: u16,
    /// Share of the job's bond that the council slashed, basis points.
    pub slash_bps: u16,
    /// Stake slashed, base units of the stake mint.
    pub slashed: u64,
    /// The customer's bond: the provider's with verdict 2, otherwise back to the customer.
    pub bond: u64,
}

/// A job was settled, and its bond paid for a credit on what its node had claimed.
#[event]
#[derive(Log)]
pub struct CreditSlashed {
    /// The job account.
    pub job: Address,
    /// Stake slashed, base units of the stake mint.
    pub slashed: u64,
}

/// A node signed two receipts that contradict each other; the whole bond was slashed.
#[event]
#[derive(Log)]
pub struct EquivocationSlashed {
    /// The job account.
    pub job: Address,
    /// The node account.
    pub node: Address,
    /// Sequence number of both receipts.
    pub sequence: u64,
    /// Stake slashed, base units of the stake mint.
    pub slashed: u64,
}

/// New terms were announced.
#[event]
#[derive(Log)]
pub struct TermsProposed {
    /// When they may be applied, Unix seconds.
    pub change_at: i64,
}

/// The announced terms are in force.
#[event]
#[derive(Log)]
pub struct TermsApplied {
    /// When they could be applied first, Unix seconds.
    pub change_at: i64,
}

/// The announced terms were taken back.
#[event]
#[derive(Log)]
pub struct TermsCancelled {
    /// When they could have been applied, Unix seconds.
    pub change_at: i64,
}

/// The rules of a mint changed.
#[event]
#[derive(Log)]
pub struct MintUpdated {
    /// The mint.
    pub mint: Address,
    /// Least price of a job, per hour.
    pub minimum_price: u64,
    /// Stake units per payment unit, Q32.32.
    pub stake_rate: u64,
    /// 1 while new jobs may use it.
    pub enabled: u8,
}

/// A running job was extended.
#[event]
#[derive(Log)]
pub struct JobToppedUp {
    /// The job account.
    pub job: Address,
    /// What the vault received for it.
    pub added: u64,
    /// What the vault has received in all.
    pub deposited: u64,
    /// Most seconds to serve from now on.
    pub max_duration: u32,
}

/// The customer released proven seconds.
#[event]
#[derive(Log)]
pub struct SecondsReleased {
    /// The job account.
    pub job: Address,
    /// Seconds beyond dispute.
    pub released_seconds: u32,
}

/// A running job paid its provider.
#[event]
#[derive(Log)]
pub struct JobClaimed {
    /// The job account.
    pub job: Address,
    /// The provider account.
    pub provider: Address,
    /// Seconds beyond dispute.
    pub released_seconds: u32,
    /// To the provider's payout account, now.
    pub to_provider: u64,
    /// To the pool's stakers, now.
    pub to_delegators: u64,
    /// To both of them since the job started.
    pub paid_out: u64,
}

/// A node gave an assignment back; the job is open again.
#[event]
#[derive(Log)]
pub struct AssignmentDeclined {
    /// The job account.
    pub job: Address,
    /// The node account.
    pub node: Address,
    /// Number of the assignment.
    pub assignment: u32,
}

/// A node gave notice that it will end a job.
#[event]
#[derive(Log)]
pub struct JobEndAnnounced {
    /// The job account.
    pub job: Address,
    /// The node account.
    pub node: Address,
    /// Seconds since the start.
    pub elapsed_seconds: u32,
    /// Most seconds to serve from now on.
    pub max_duration: u32,
}
