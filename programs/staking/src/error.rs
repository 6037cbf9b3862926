//! Why staking refuses an instruction.

use anchor_lang::prelude::*;

/// Refusals of staking, from 7000.
#[error_code(offset = 7000)]
#[derive(Debug, PartialEq, Eq)]
pub enum StakingError {
    /// The signer is not the network's authority.
    #[msg("only the network's authority may do this: sign with it")]
    NotNetworkAuthority,
    /// The signer is not the provider's authority.
    #[msg("only the provider's authority may do this: sign with the wallet that registered it")]
    NotProviderAuthority,
    /// The signer is not the market.
    #[msg("only the market program may bond, release, slash and share revenue")]
    NotMarket,
    /// A mint that is not the one this account is kept in.
    #[msg("wrong mint: stake goes in the stake mint of the params, rewards in the reward mint of the pool")]
    WrongMint,
    /// A token program that is not the mint's.
    #[msg("wrong token program: pass the one that owns the mint")]
    WrongTokenProgram,
    /// A treasury that is not the params'.
    #[msg("wrong treasury: pass the token account that the params name")]
    WrongTreasury,
    /// A stake mint with an extension that could block or change a payment.
    #[msg("the stake mint has an extension that is not supported: only metadata, groups and display extensions are")]
    UnsupportedMint,
    /// Durations of zero or beyond the limit.
    #[msg("the unbonding time goes from 1 second to 365 days, the commission notice up to 365 days")]
    InvalidDuration,
    /// A minimum of zero.
    #[msg("the minimum stake of a pool and of a position must be above zero")]
    InvalidMinimum,
    /// Shares of a slash above the whole.
    #[msg("the customer's and the reporter's share of a slash are at most 10000 basis points together")]
    InvalidSlashSplit,
    /// A commission above the whole.
    #[msg("a commission is at most 10000 basis points")]
    InvalidCommission,
    /// An amount of zero.
    #[msg("the amount must be above zero")]
    ZeroAmount,
    /// A position that would hold too little.
    #[msg("a position holds at least the minimum position stake: stake more, or unstake everything")]
    PositionTooSmall,
    /// A pool that holds too little to take jobs.
    #[msg("the pool's active stake is below the minimum: stake more before taking jobs")]
    PoolTooSmall,
    /// Not enough stake that no job holds.
    #[msg("the pool has too little stake that is not bonded: stake more or wait until jobs end")]
    InsufficientStake,
    /// More than is bonded.
    #[msg("more than the pool's bonded stake")]
    AboveBonded,
    /// A slash above the job's bond.
    #[msg("a slash is at most the bond of the job")]
    AboveBond,
    /// The vault does not hold the rewards that were announced.
    #[msg("the reward vault has not received this amount: transfer it before")]
    RewardsNotReceived,
    /// More shares than the position has.
    #[msg("the position has fewer shares than that")]
    InsufficientShares,
    /// Unstaking would uncover jobs.
    #[msg("that stake answers for running jobs: unstake less or wait until they end")]
    StakeBonded,
    /// Every place for requests is taken.
    #[msg("a position has at most 8 requests to unstake under way: withdraw the ones that are due")]
    TooManyRequests,
    /// No such request.
    #[msg("the position has no request to unstake at that place")]
    UnknownRequest,
    /// Nothing is due.
    #[msg("no request to unstake is due yet: wait for its unlock time")]
    NothingToWithdraw,
    /// Nothing to claim.
    #[msg("this position has no rewards to claim")]
    NothingToClaim,
    /// The pool lost its whole active stake too often.
    #[msg("this pool lost its whole stake four times and takes no more: stake behind another provider")]
    PoolRetired,
    /// Slashes have made shares so cheap that they cannot be counted any more.
    #[msg("slashes have made this pool's shares too cheap to count: stake behind another provider")]
    PriceExhausted,
    /// Beyond the range of numbers.
    #[msg("a number would overflow")]
    Overflow,
    /// A position that holds stake.
    #[msg("the position holds stake or requests to unstake: unstake and withdraw everything first")]
    PositionInUse,
    /// A position with rewards to claim.
    #[msg("the position has rewards to claim: claim them first")]
    RewardsOwed,
    /// A pool that others have something in, or jobs.
    #[msg("the pool has stakers, bonds or stake on its way out: it can be closed when all of them are gone")]
    PoolInUse,
    /// A destination that is not the payout owner's.
    #[msg("rewards that nobody has earned go to a token account of the provider's payout owner")]
    WrongDestination,
    /// Not who paid the rent.
    #[msg("the rent goes back to who paid it: pass that account")]
    WrongRentPayer,
}

impl common::Refusal for StakingError {
    const OFFSET: u32 = 7000;
}
