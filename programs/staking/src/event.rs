//! One event per change of state. Amounts are base units; pool totals are those after the change.

use anchor_lang::prelude::*;
use common::Log;

/// Staking was set up.
#[event]
#[derive(Log)]
pub struct StakingInitialized {
    /// Mint of the stake.
    pub stake_mint: Address,
    /// Token account of the treasury.
    pub treasury: Address,
    /// Seconds between a request to unstake and the withdrawal.
    pub unbonding_seconds: u32,
}

/// A pool was created.
#[event]
#[derive(Log)]
pub struct PoolCreated {
    /// The pool.
    pub pool: Address,
    /// The registry's provider account.
    pub provider: Address,
    /// Mint that revenue is shared in.
    pub reward_mint: Address,
    /// Share of the revenue that the provider keeps, basis points.
    pub commission_bps: u16,
}

/// A commission was lowered, or a raise announced.
#[event]
#[derive(Log)]
pub struct CommissionChanged {
    /// The pool.
    pub pool: Address,
    /// The commission now, basis points.
    pub commission_bps: u16,
    /// The announced commission, basis points; means nothing where `change_at` is 0.
    pub pending_commission_bps: u16,
    /// When the announced commission applies, Unix seconds; 0 when none is announced.
    pub change_at: i64,
}

/// Stake came in.
#[event]
#[derive(Log)]
pub struct Staked {
    /// The pool.
    pub pool: Address,
    /// Who staked.
    pub owner: Address,
    /// What the vault received.
    pub amount: u64,
    /// Shares that it was credited with.
    pub shares: u128,
    /// The position's shares.
    pub position_shares: u128,
    /// The pool's active stake.
    pub active: u64,
}

/// A staker asked for stake back.
#[event]
#[derive(Log)]
pub struct UnstakeRequested {
    /// The pool.
    pub pool: Address,
    /// Whose position.
    pub owner: Address,
    /// Stake that left the active stake.
    pub amount: u64,
    /// Active shares given up.
    pub shares: u128,
    /// Shares of the unbonding stake received.
    pub unbonding_shares: u128,
    /// When it may be withdrawn, Unix seconds.
    pub unlocks_at: i64,
    /// The pool's active stake.
    pub active: u64,
    /// The pool's unbonding stake.
    pub unbonding: u64,
}

/// A staker took a request to unstake back.
#[event]
#[derive(Log)]
pub struct UnstakeCancelled {
    /// The pool.
    pub pool: Address,
    /// Whose position.
    pub owner: Address,
    /// Stake that is active again.
    pub amount: u64,
    /// Active shares received.
    pub shares: u128,
    /// The pool's active stake.
    pub active: u64,
    /// The pool's unbonding stake.
    pub unbonding: u64,
}

/// Stake left.
#[event]
#[derive(Log)]
pub struct Withdrawn {
    /// The pool.
    pub pool: Address,
    /// Whose position.
    pub owner: Address,
    /// What was paid.
    pub amount: u64,
    /// The pool's unbonding stake.
    pub unbonding: u64,
}

/// Rewards were paid to a staker.
#[event]
#[derive(Log)]
pub struct RewardsClaimed {
    /// The pool.
    pub pool: Address,
    /// Whose position.
    pub owner: Address,
    /// What was paid, base units of the reward mint.
    pub amount: u64,
}

/// Stake was set aside for a job.
#[event]
#[derive(Log)]
pub struct Bonded {
    /// The pool.
    pub pool: Address,
    /// The bond.
    pub amount: u64,
    /// The pool's bonded stake.
    pub bonded: u64,
}

/// A bond came free.
#[event]
#[derive(Log)]
pub struct Released {
    /// The pool.
    pub pool: Address,
    /// The bond.
    pub amount: u64,
    /// The pool's bonded stake.
    pub bonded: u64,
}

/// A bond was slashed, and what was left of it came free.
#[event]
#[derive(Log)]
pub struct Slashed {
    /// The pool.
    pub pool: Address,
    /// The bond.
    pub bond: u64,
    /// What was taken of it.
    pub amount: u64,
    /// Part that the active stake bore.
    pub from_active: u64,
    /// Part that the unbonding stake bore.
    pub from_unbonding: u64,
    /// Paid to the harmed customer.
    pub to_customer: u64,
    /// Paid to who reported it.
    pub to_reporter: u64,
    /// Paid to the treasury.
    pub to_treasury: u64,
    /// The pool's active stake.
    pub active: u64,
    /// The pool's unbonding stake.
    pub unbonding: u64,
    /// The pool's bonded stake.
    pub bonded: u64,
}

/// Revenue was shared with the stakers.
#[event]
#[derive(Log)]
pub struct RewardsDeposited {
    /// The pool.
    pub pool: Address,
    /// What was shared, base units of the reward mint.
    pub amount: u64,
    /// Revenue per active share since the pool was created, Q64.64.
    pub reward_index: u128,
}

/// A position that held nothing was closed.
#[event]
#[derive(Log)]
pub struct PositionClosed {
    /// The pool.
    pub pool: Address,
    /// Whose position.
    pub owner: Address,
}

/// A pool in which nobody had anything left was closed.
#[event]
#[derive(Log)]
pub struct PoolClosed {
    /// The pool.
    pub pool: Address,
    /// The registry's provider account.
    pub provider: Address,
    /// What was left in the stake vault, to the treasury.
    pub stake_dust: u64,
    /// What was left in the reward vault, to the provider, base units of the reward mint.
    pub rewards: u64,
}
