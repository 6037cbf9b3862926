//! Staking's instructions, but for those that only the market can sign.

use super::{SYSTEM_PROGRAM, instruction};
use crate::staking::accounts::{Pool, StakingParams};
use crate::{Instruction, Pubkey, pda};

/// The rules that staking starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StakingRules {
    /// Seconds between a request to unstake and the withdrawal.
    pub unbonding_seconds: u32,
    /// Seconds of notice before a commission rises.
    pub commission_notice_seconds: u32,
    /// Least active stake of a pool that takes jobs, base units.
    pub minimum_pool_stake: u64,
    /// Least deposit of one staker, base units.
    pub minimum_position_stake: u64,
    /// The harmed customer's share of a slash, basis points.
    pub slash_customer_bps: u16,
    /// The reporter's share of a slash, basis points.
    pub slash_reporter_bps: u16,
}

/// Sets staking up. Once. `authority` is the network's; `treasury` is a token account in the stake mint.
pub fn initialize_staking(
    authority: &Pubkey,
    payer: &Pubkey,
    stake_mint: &Pubkey,
    treasury: &Pubkey,
    token_program: &Pubkey,
    rules: StakingRules,
) -> Instruction {
    instruction!(
        staking,
        Initialize {
            authority: *authority,
            payer: *payer,
            network: pda::network(),
            params: pda::staking_params(),
            stake_mint: *stake_mint,
            treasury: *treasury,
            token_program: *token_program,
            system_program: SYSTEM_PROGRAM,
        },
        {
            unbonding_seconds: rules.unbonding_seconds,
            commission_notice_seconds: rules.commission_notice_seconds,
            minimum_pool_stake: rules.minimum_pool_stake,
            minimum_position_stake: rules.minimum_position_stake,
            slash_customer_bps: rules.slash_customer_bps,
            slash_reporter_bps: rules.slash_reporter_bps,
        }
    )
}

/// A mint and the token program that owns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MintRef {
    /// The mint.
    pub mint: Pubkey,
    /// SPL Token or Token-2022.
    pub token_program: Pubkey,
}

/// Creates the pool of the provider `authority`, which shares revenue in `reward`.
pub fn create_pool(
    authority: &Pubkey,
    payer: &Pubkey,
    stake: MintRef,
    reward: MintRef,
    commission_bps: u16,
) -> Instruction {
    let provider = pda::provider(authority);
    let pool = pda::pool(&provider);
    instruction!(
        staking,
        CreatePool {
            authority: *authority,
            payer: *payer,
            provider,
            params: pda::staking_params(),
            pool,
            stake_mint: stake.mint,
            reward_mint: reward.mint,
            stake_vault: pda::stake_vault(&pool),
            reward_vault: pda::reward_vault(&pool),
            token_program: stake.token_program,
            reward_token_program: reward.token_program,
            system_program: SYSTEM_PROGRAM,
        },
        { commission_bps }
    )
}

/// Lowers the commission of the provider `authority` at once, or announces a raise.
pub fn set_commission(authority: &Pubkey, commission_bps: u16) -> Instruction {
    let provider = pda::provider(authority);
    instruction!(
        staking,
        SetCommission {
            authority: *authority,
            provider,
            params: pda::staking_params(),
            pool: pda::pool(&provider),
        },
        { commission_bps }
    )
}

/// Stakes `amount` base units of `owner`'s token account `source` in `pool`.
pub fn stake(
    owner: &Pubkey,
    payer: &Pubkey,
    pool: &Pubkey,
    stake: MintRef,
    source: &Pubkey,
    amount: u64,
) -> Instruction {
    instruction!(
        staking,
        Stake {
            owner: *owner,
            payer: *payer,
            params: pda::staking_params(),
            pool: *pool,
            position: pda::position(pool, owner),
            stake_mint: stake.mint,
            stake_vault: pda::stake_vault(pool),
            source: *source,
            token_program: stake.token_program,
            system_program: SYSTEM_PROGRAM,
        },
        { amount }
    )
}

/// Asks for the stake behind `shares` of the position back.
pub fn request_unstake(owner: &Pubkey, pool: &Pubkey, shares: u128) -> Instruction {
    instruction!(
        staking,
        RequestUnstake {
            owner: *owner,
            params: pda::staking_params(),
            pool: *pool,
            position: pda::position(pool, owner),
        },
        { shares }
    )
}

/// Takes the request to unstake at `place` (0 is the oldest) back.
pub fn cancel_unstake(owner: &Pubkey, pool: &Pubkey, place: u8) -> Instruction {
    instruction!(
        staking,
        CancelUnstake {
            owner: *owner,
            pool: *pool,
            position: pda::position(pool, owner)
        },
        { place }
    )
}

/// Pays every request to unstake that is due to the token account `destination`.
pub fn withdraw(owner: &Pubkey, pool: &Pubkey, stake: MintRef, destination: &Pubkey) -> Instruction {
    instruction!(
        staking,
        Withdraw {
            owner: *owner,
            params: pda::staking_params(),
            pool: *pool,
            position: pda::position(pool, owner),
            stake_mint: stake.mint,
            stake_vault: pda::stake_vault(pool),
            destination: *destination,
            token_program: stake.token_program,
        },
        {}
    )
}

/// Pays the rewards of a position to the token account `destination`.
pub fn claim_rewards(owner: &Pubkey, pool: &Pubkey, reward: MintRef, destination: &Pubkey) -> Instruction {
    instruction!(
        staking,
        ClaimRewards {
            owner: *owner,
            pool: *pool,
            position: pda::position(pool, owner),
            reward_mint: reward.mint,
            reward_vault: pda::reward_vault(pool),
            destination: *destination,
            reward_token_program: reward.token_program,
        },
        {}
    )
}

/// Closes a position of `owner` that holds nothing. `rent_payer` is who paid for it, as the position says.
pub fn close_position(owner: &Pubkey, pool: &Pubkey, rent_payer: &Pubkey) -> Instruction {
    instruction!(
        staking,
        ClosePosition {
            owner: *owner,
            pool: *pool,
            position: pda::position(pool, owner),
            rent_payer: *rent_payer,
        },
        {}
    )
}

/// Closes the pool of the provider `authority`, in which nobody has anything left. What lies in its reward vault goes to
/// `reward_destination`, a token account of the provider's payout owner.
pub fn close_pool(authority: &Pubkey, pool: &Pool, params: &StakingParams, reward_destination: &Pubkey) -> Instruction {
    let address = pda::pool(&pool.provider);
    instruction!(
        staking,
        ClosePool {
            authority: *authority,
            provider: pool.provider,
            params: pda::staking_params(),
            pool: address,
            stake_mint: params.stake_mint,
            reward_mint: pool.reward_mint,
            stake_vault: pda::stake_vault(&address),
            reward_vault: pda::reward_vault(&address),
            treasury: params.treasury,
            reward_destination: *reward_destination,
            rent_payer: pool.rent_payer,
            token_program: params.token_program,
            reward_token_program: pool.reward_token_program,
        },
        {}
    )
}
