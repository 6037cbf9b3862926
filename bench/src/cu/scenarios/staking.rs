//! Staking's instructions, but for `initialize`.

use anyhow::{Context, Result};
use gantry_sdk::{Keypair, Pubkey, Signer, ix, pda, staking::accounts::StakingParams};
use gantry_tests::world::{TOKEN, World, market_side};

use super::{Meter, measure, ok};

/// Pools that a history makes for their addresses' sake, each with a position in it.
const POOLS: usize = 12;

pub(super) fn pools(meter: &mut Meter, world: &mut World, market: &Keypair) -> Result<()> {
    pool(meter, world, market)?;
    bonds(meter, world, market)
}

/// Pools with their vaults, and positions, whose addresses have to be found.
pub(super) fn addresses(meter: &mut Meter, world: &mut World) -> Result<()> {
    for _ in 0..POOLS {
        let wallet = world.holder(10 * TOKEN);
        let pool = create(meter, world, &wallet)?;
        let stake = world.stake_instruction(&pool, &wallet, 10 * TOKEN);
        measure(meter, world, "stake", stake, &[&wallet])?;
    }
    Ok(())
}

/// The pool of a provider that `wallet` becomes.
fn create(meter: &mut Meter, world: &mut World, wallet: &Keypair) -> Result<Pubkey> {
    let (owner, payer) = (wallet.pubkey(), world.payer.pubkey());
    let register = ix::register_provider(&owner, &payer, &owner, [0; 32]);
    ok(world.send(&[register], &[wallet]))?;
    let create = ix::create_pool(&owner, &payer, world.stake, world.usdc, 100);
    measure(meter, world, "create_pool", create, &[wallet])?;
    Ok(pda::pool(&pda::provider(&owner)))
}

/// A pool from its creation to its end, with a position in it.
fn pool(meter: &mut Meter, world: &mut World, market: &Keypair) -> Result<()> {
    let (wallet, staker) = (world.holder(0), world.holder(100 * TOKEN));
    let (owner, payer) = (wallet.pubkey(), world.payer.pubkey());
    let pool = create(meter, world, &wallet)?;
    let raise = ix::set_commission(&owner, 1_000);
    measure(meter, world, "set_commission", raise, &[&wallet])?;
    let stake = world.stake_instruction(&pool, &staker, 10 * TOKEN);
    measure(meter, world, "stake", stake, &[&staker])?;
    world.pay_revenue(&pool, TOKEN);
    let deposit = market_side::deposit_rewards(&market.pubkey(), &pool, TOKEN);
    measure(meter, world, "deposit_rewards", deposit, &[market])?;
    let claim = world.claim_instruction(&pool, &staker);
    measure(meter, world, "claim_rewards", claim, &[&staker])?;
    let request = ix::request_unstake(&staker.pubkey(), &pool, u128::from(10 * TOKEN));
    measure(meter, world, "request_unstake", request.clone(), &[&staker])?;
    let cancel = ix::cancel_unstake(&staker.pubkey(), &pool, 0);
    measure(meter, world, "cancel_unstake", cancel, &[&staker])?;
    ok(world.send(&[request], &[&staker]))?;
    world.advance(world.unbonding_seconds());
    let withdraw = world.withdraw_instruction(&pool, &staker);
    measure(meter, world, "withdraw", withdraw, &[&staker])?;
    let close = ix::close_position(&staker.pubkey(), &pool, &payer);
    measure(meter, world, "close_position", close, &[&staker])?;

    let params: StakingParams = world.account(&pda::staking_params()).context("no rules")?;
    let destination = pda::associated_token(&owner, &world.usdc.mint, &world.usdc.token_program);
    let close = ix::close_pool(&owner, &world.pool(&pool), &params, &destination);
    measure(meter, world, "close_pool", close, &[&wallet])
}

/// A bond that is given back in part and slashed in part.
fn bonds(meter: &mut Meter, world: &mut World, market: &Keypair) -> Result<()> {
    let (pool, key, stake) = (world.list_node().pool, market.pubkey(), world.stake_tokens());
    let [customer, reporter] = [0; 2].map(|_| world.token_account(&Keypair::new().pubkey(), world.stake));
    let bond = market_side::bond(&key, &pool, 10 * TOKEN);
    measure(meter, world, "bond", bond, &[market])?;
    let release = market_side::release(&key, &pool, 5 * TOKEN);
    measure(meter, world, "release", release, &[market])?;
    let slash = market_side::slash(&key, &pool, stake, &customer, &reporter, (5 * TOKEN, 2 * TOKEN));
    measure(meter, world, "slash", slash, &[market])
}
