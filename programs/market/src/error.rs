//! Why the market refuses an instruction.

use anchor_lang::prelude::*;
use gantry_core::requirements::Mismatch;

/// Refusals of the market, from 8000.
#[error_code(offset = 8000)]
pub enum MarketError {
    /// The signer is not the network's authority.
    #[msg("only the network's authority may do this: sign with it")]
    NotNetworkAuthority,
    /// The signer is not the customer.
    #[msg("only the customer that opened this job may do this: sign with that wallet")]
    NotCustomer,
    /// The job asks for another matcher.
    #[msg("this job names another matcher")]
    NotMatcher,
    /// Terms outside their bounds.
    #[msg("terms are out of range: shares at most 10000 bps, each minimum at most its maximum, no zero timeouts")]
    InvalidTerms,
    /// Stake could leave before a job is judged.
    #[msg("staking's unbonding time must cover dispute window, longest proof timeout and arbitration timeout")]
    UnbondingTooShort,
    /// The mint has an extension that could trap or take money.
    #[msg("this mint has an extension that jobs cannot be paid in: transfer fee, hook, delegate or the like")]
    UnsupportedMintExtension,
    /// The stake rate is zero.
    #[msg("the stake rate must be above zero")]
    InvalidStakeRate,
    /// The mint is not enabled.
    #[msg("jobs cannot be paid in this mint now: choose an enabled one")]
    MintDisabled,
    /// New jobs or assignments are paused.
    #[msg("the network has paused this: try again later")]
    Paused,
    /// The job id is not the customer's next.
    #[msg("the job id must be the customer's next one: read it from the customer account")]
    WrongJobId,
    /// The highest price is below the mint's minimum.
    #[msg("the highest price per hour is below this mint's minimum")]
    PriceBelowMinimum,
    /// The duration is zero or above the maximum.
    #[msg("the duration must be between 1 second and the market's maximum")]
    InvalidDuration,
    /// The start deadline is out of bounds.
    #[msg("the start deadline is outside the market's bounds")]
    InvalidStartDeadline,
    /// The proof timeout is out of bounds.
    #[msg("the proof timeout is outside the market's bounds")]
    InvalidProofTimeout,
    /// Requirements that make no sense.
    #[msg("requirements are out of range: tiers 0 to 3, defined flags only, shares at most 10000 bps, letters A to Z")]
    InvalidRequirements,
    /// The spec hash is zero.
    #[msg("the spec hash must be the SHA-256 of the job spec, not zeros")]
    InvalidSpecHash,
    /// The deposit would exceed what a u64 holds.
    #[msg("price times duration is too large")]
    DepositTooLarge,
    /// The vault did not receive the whole deposit.
    #[msg("the vault did not receive the whole deposit")]
    DepositNotReceived,
    /// The job is not open.
    #[msg("this job is not open")]
    NotOpen,
    /// The job is not assigned.
    #[msg("this job is not assigned")]
    NotAssigned,
    /// The job is not running.
    #[msg("this job is not running")]
    NotRunning,
    /// The job has not ended.
    #[msg("this job has not ended yet")]
    NotEnded,
    /// The job has no final receipt.
    #[msg("there is no final receipt to accept yet: wait for the node's, or for the dispute window")]
    NoResult,
    /// The dispute window is open.
    #[msg("the dispute window is still open: wait for it, or let the customer accept the result")]
    DisputeWindowOpen,
    /// The node may still start.
    #[msg("the node still has time to start this job")]
    StartDeadlineNotPassed,
    /// The node may no longer start.
    #[msg("the start deadline has passed: the assignment can only expire now")]
    StartDeadlinePassed,
    /// The node may still prove.
    #[msg("the node still has time to prove this job")]
    ProofTimeoutNotPassed,
    /// The job asks for another node.
    #[msg("this job names another node")]
    NotThisNode,
    /// The node let this job down before.
    #[msg("this node did not start this job before and is barred from it")]
    NodeBarred,
    /// The account belongs to another job, node, provider or pool.
    #[msg("an account does not belong to this job: pass the one that the job names")]
    WrongAccount,
    /// The pool shares its revenue in another mint.
    #[msg("the provider's pool shares its revenue in another mint")]
    WrongRewardMint,
    /// A token account of somebody else.
    #[msg("a destination token account belongs to somebody else")]
    WrongDestination,
    /// Requirement: mint.
    #[msg("the node is listed in another mint")]
    UnmetMint,
    /// Requirement: price.
    #[msg("the node costs more than the job pays")]
    UnmetPrice,
    /// Requirement: GPU model.
    #[msg("the node has another GPU model")]
    UnmetGpuModel,
    /// Requirement: GPU count.
    #[msg("the node has too few GPUs")]
    UnmetGpuCount,
    /// Requirement: GPU memory.
    #[msg("the node has too little GPU memory")]
    UnmetVram,
    /// Requirement: memory.
    #[msg("the node has too little main memory")]
    UnmetRam,
    /// Requirement: disk.
    #[msg("the node has too little disk")]
    UnmetDisk,
    /// Requirement: bandwidth.
    #[msg("the node has too little bandwidth")]
    UnmetBandwidth,
    /// Requirement: country.
    #[msg("the node is in another country")]
    UnmetCountry,
    /// Requirement: tier.
    #[msg("the node is attested at a lower tier")]
    UnmetTier,
    /// Requirement: flags.
    #[msg("the node lacks a required compliance flag")]
    UnmetFlags,
    /// Requirement: attestation.
    #[msg("the node's attestation has expired")]
    UnmetAttestation,
    /// Requirement: reputation.
    #[msg("the node's reputation is too low")]
    UnmetReputation,
    /// No ed25519 instruction right before this one.
    #[msg("the instruction right before this one must be the ed25519 program's, verifying the receipt")]
    MissingSignature,
    /// The ed25519 instruction has another shape.
    #[msg("the ed25519 instruction must hold exactly one signature, and key and message within itself")]
    MalformedSignature,
    /// Signed by another key.
    #[msg("the receipt is not signed by this job's node")]
    WrongSigner,
    /// Not a receipt.
    #[msg("the signed message is not a version 1 usage receipt")]
    MalformedReceipt,
    /// A receipt of another cluster.
    #[msg("the receipt is of another cluster")]
    WrongCluster,
    /// A receipt for another market.
    #[msg("the receipt is for another market program")]
    WrongMarket,
    /// A receipt for another job.
    #[msg("the receipt is for another job")]
    WrongJob,
    /// A receipt of another assignment.
    #[msg("the receipt is of another assignment of this job")]
    WrongAssignment,
    /// Not the receipt that starts a job.
    #[msg("a job starts with receipt 0, which claims nothing served")]
    NotStartReceipt,
    /// The sequence number is not above the last.
    #[msg("the receipt's sequence number is not above the last one")]
    StaleSequence,
    /// Fewer seconds than proven before.
    #[msg("the receipt claims fewer seconds than were proven before")]
    ServedDecreased,
    /// More seconds than passed.
    #[msg("the receipt claims more seconds than have passed since the start")]
    ServedBeyondElapsed,
    /// More seconds than the job bought.
    #[msg("the receipt claims more seconds than the job may run")]
    ServedBeyondMaximum,
    /// Issued in the future.
    #[msg("the receipt was issued in the future: set the node's clock")]
    IssuedInFuture,
    /// Checked maths failed.
    #[msg("a number would overflow")]
    Overflow,
    /// The signer is not the job's node.
    #[msg("only the node that has this job may do this: sign with the node's key")]
    NotNodeKey,
    /// No terms are announced.
    #[msg("no new terms are announced")]
    NothingProposed,
    /// The announced terms are not due.
    #[msg("the announced terms are not due yet: wait for the timelock")]
    TimelockNotPassed,
    /// The node has given notice.
    #[msg("this job's node has given notice: open another job instead of extending this one")]
    NodeGaveNotice,
    /// The job has run its time.
    #[msg("this job has run for all that was paid: open another one")]
    NoTimeLeft,
    /// More seconds than were proven.
    #[msg("no more seconds than the node has proven can be released")]
    BeyondProven,
    /// Nothing to claim.
    #[msg("nothing is due yet: wait for the dispute window after a proof, or for the customer to acknowledge")]
    NothingDue,
    /// A notice would not end the job any sooner.
    #[msg("this job ends before a notice would have passed: serve it to its end")]
    EndsSooner,
    /// The claims exceed what the SLA leaves, and the bond has to make up for it.
    #[msg("the node has claimed more than the SLA leaves it: settle with a slash")]
    SlashDue,
    /// The claims leave nothing to slash for.
    #[msg("nothing is to be slashed: settle this job without it")]
    NoSlashDue,
    /// A frozen or memo-requiring account that is not the payee's associated one.
    #[msg("this account cannot receive: pass another of the payee's, or its associated token account")]
    DestinationCannotReceive,
    /// The job is in no state in which it can be disputed.
    #[msg("only a job that runs or has ended can be disputed, and only once")]
    NotDisputable,
    /// The dispute window has passed.
    #[msg("the dispute window has passed")]
    DisputeWindowClosed,
    /// The customer has accepted the result.
    #[msg("the customer has accepted this result: it cannot be disputed any more")]
    ResultAccepted,
    /// The job is not disputed.
    #[msg("this job is not disputed")]
    NotDisputed,
    /// The signer is not of the council.
    #[msg("only an arbiter of the network's council may vote: sign with an arbiter's key")]
    NotArbiter,
    /// The arbiter has voted.
    #[msg("this arbiter has voted on this dispute already")]
    AlreadyVoted,
    /// A share above the whole.
    #[msg("the provider's share and the slash are at most 10000 basis points each")]
    InvalidVote,
    /// The dispute's deadline has passed.
    #[msg("the deadline for votes has passed: the dispute can only be resolved now")]
    VotingClosed,
    /// No verdict yet.
    #[msg("there is no verdict yet: wait for the council's votes, or for the dispute's deadline")]
    NoVerdict,
    /// Two receipts that do not contradict each other.
    #[msg("the two receipts do not contradict each other: they must share their sequence number and differ")]
    NoContradiction,
    /// A job in no state in which its node can be convicted.
    #[msg("only the node of a job that runs, has ended or is disputed can be convicted")]
    NotConvictable,
    /// Nothing is left of the bond.
    #[msg("this job's bond has been slashed already")]
    NoBond,
    /// A dispute could outlast its council.
    #[msg(
        "the arbitration timeout is longer than the network's timelock: a dispute could outlast the council that judges it"
    )]
    TimelockTooShort,
    /// A receipt for a lapsed job, dated after the lapse.
    #[msg("this job has lapsed: only receipts that its node issued before that count")]
    IssuedAfterLapse,
    /// A receipt for a job that lapsed too long ago.
    #[msg(
        "this job has lapsed: late receipts count in the first half of the dispute window only, so that they can be disputed"
    )]
    ProofTooLate,
}

impl common::Refusal for MarketError {
    const OFFSET: u32 = 8000;
}

impl From<Mismatch> for MarketError {
    fn from(mismatch: Mismatch) -> Self {
        match mismatch {
            Mismatch::Mint => Self::UnmetMint,
            Mismatch::Price => Self::UnmetPrice,
            Mismatch::GpuModel => Self::UnmetGpuModel,
            Mismatch::GpuCount => Self::UnmetGpuCount,
            Mismatch::Vram => Self::UnmetVram,
            Mismatch::Ram => Self::UnmetRam,
            Mismatch::Disk => Self::UnmetDisk,
            Mismatch::Bandwidth => Self::UnmetBandwidth,
            Mismatch::Country => Self::UnmetCountry,
            Mismatch::Tier => Self::UnmetTier,
            Mismatch::Flags => Self::UnmetFlags,
            Mismatch::AttestationExpired => Self::UnmetAttestation,
            Mismatch::Reputation => Self::UnmetReputation,
        }
    }
}
