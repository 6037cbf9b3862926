//! Positions and pools that hold nothing any more.

use gantry_sdk::{
    Instruction, Keypair, Pubkey, Signer, ix, pda,
    staking::accounts::{Pool, Position, StakingParams},
};
use gantry_tests::{
    event,
    world::{TOKEN, World, swapped, unsigned},
};
use solana_instruction::error::InstructionError;

/// A pool in which its provider has staked 10 tokens and taken them out again.
fn left() -> (World, Keypair, Pubkey) {
    let (mut world, _) = World::with_market_key();
    let (provider, pool) = world.empty_pool(0);
    world.stake_in(&pool, &provider, 10 * TOKEN).expect("a stake");
    leave(&mut world, &pool, &provider);
    (world, provider, pool)
}

fn leave(world: &mut World, pool: &Pubkey, owner: &Keypair) {
    let shares = world.position(pool, owner).shares;
    world.unstake(pool, owner, shares).expect("a request");
    world.advance(world.unbonding_seconds());
    let withdraw = world.withdraw_instruction(pool, owner);
    world.send(&[withdraw], &[owner]).expect("a withdrawal");
}

fn close_position(world: &World, pool: &Pubkey, owner: &Keypair) -> Instruction {
    ix::close_position(&owner.pubkey(), pool, &world.payer.pubkey())
}

fn close_pool(world: &World, provider: &Keypair, pool: &Pubkey) -> Instruction {
    let params: StakingParams = world.account(&pda::staking_params()).expect("the rules");
    let destination = pda::associated_token(&provider.pubkey(), &world.usdc.mint, &world.usdc.token_program);
    ix::close_pool(&provider.pubkey(), &world.pool(pool), &params, &destination)
}

/// A pool that nobody is in any more.
fn abandoned() -> (World, Keypair, Pubkey) {
    let (mut world, provider, pool) = left();
    let close = close_position(&world, &pool, &provider);
    world.send(&[close], &[&provider]).expect("a closed position");
    (world, provider, pool)
}

#[test]
fn an_empty_position_is_closed_and_its_rent_goes_back() {
    let (mut world, provider, pool) = left();
    let (position, payer) = (pda::position(&pool, &provider.pubkey()), world.payer.pubkey());
    let rent = world.svm.get_balance(&position).expect("the position");
    let before = world.svm.get_balance(&payer).expect("the payer");
    let close = close_position(&world, &pool, &provider);
    let outcome = world.send(&[close], &[&provider]).expect("a closed position");
    let closed = event!(outcome, PositionClosed);
    assert_eq!((closed.pool, closed.owner), (pool, provider.pubkey()));
    assert_eq!(world.svm.get_balance(&payer), Some(before + rent - 10_000));
    assert!(world.account::<Position>(&position).is_none());
    assert_eq!(world.pool(&pool).positions, 0);
    world
        .stake_in(&pool, &provider, TOKEN)
        .expect("a stake in a new position");
    assert_eq!(world.pool(&pool).positions, 1);
}

#[test]
fn a_position_that_holds_anything_stays() {
    let (mut world, _) = World::with_market_key();
    let (provider, pool) = world.empty_pool(0);
    world.stake_in(&pool, &provider, 10 * TOKEN).expect("a stake");
    let close = close_position(&world, &pool, &provider);
    world.refuses(&close, &[&provider], "staking", "PositionInUse");
    let shares = world.position(&pool, &provider).shares;
    world.unstake(&pool, &provider, shares).expect("a request");
    world.refuses(&close, &[&provider], "staking", "PositionInUse");
}

#[test]
fn rewards_are_claimed_before() {
    let (mut world, market) = World::with_market_key();
    let (provider, pool) = world.empty_pool(0);
    world.stake_in(&pool, &provider, 10 * TOKEN).expect("a stake");
    world.pay_revenue(&pool, 7);
    let deposit = gantry_tests::world::market_side::deposit_rewards(&market.pubkey(), &pool, 7);
    world.send(&[deposit], &[&market]).expect("revenue");
    leave(&mut world, &pool, &provider);
    let close = close_position(&world, &pool, &provider);
    world.refuses(&close, &[&provider], "staking", "RewardsOwed");
    let claim = world.claim_instruction(&pool, &provider);
    world.send(&[claim, close], &[&provider]).expect("a closed position");
}

#[test]
fn only_the_staker_closes_a_position() {
    let (mut world, provider, pool) = left();
    let close = close_position(&world, &pool, &provider);
    let thief = world.holder(0);
    let theirs = swapped(&close, &provider.pubkey(), &thief.pubkey());
    world.rejects(&theirs, &[&thief], InstructionError::InvalidSeeds);
    world.rejects(
        &unsigned(&close, &provider.pubkey()),
        &[],
        InstructionError::MissingRequiredSignature,
    );
    let wrong = swapped(&close, &world.payer.pubkey(), &thief.pubkey());
    world.refuses(&wrong, &[&provider], "staking", "WrongRentPayer");
    world.guarded(&close, &[&provider], &[]);
}

#[test]
fn an_abandoned_pool_is_closed_with_its_vaults() {
    let (mut world, provider, pool) = abandoned();
    // What nobody is owed: revenue that came while nobody staked, and dust in the stake vault.
    world.pay_revenue(&pool, 7);
    let dust = world.holder(5);
    let (stake, vault) = (world.stake, pda::stake_vault(&pool));
    let source = pda::associated_token(&dust.pubkey(), &stake.mint, &stake.token_program);
    let send = ix::token::transfer_checked(&source, &stake.mint, &vault, &dust.pubkey(), 5, 6, &stake.token_program);
    world.send(&[send], &[&dust]).expect("dust");
    let accounts = [pool, vault, pda::reward_vault(&pool)];
    let rent: u64 = accounts
        .iter()
        .map(|account| world.svm.get_balance(account).expect("an account"))
        .sum();
    let payer = world.payer.pubkey();
    let before = world.svm.get_balance(&payer).expect("the payer");
    let close = close_pool(&world, &provider, &pool);
    let outcome = world.send(&[close], &[&provider]).expect("a closed pool");
    println!("compute units: close pool {}", outcome.compute_units);
    let closed = event!(outcome, PoolClosed);
    assert_eq!(
        (closed.pool, closed.provider),
        (pool, pda::provider(&provider.pubkey()))
    );
    assert_eq!((closed.stake_dust, closed.rewards), (5, 7));
    assert_eq!(world.svm.get_balance(&payer), Some(before + rent - 10_000));
    for account in accounts {
        assert!(
            world.svm.get_balance(&account).unwrap_or(0) == 0,
            "{account} is still there"
        );
    }
    assert_eq!(world.balance_of(&provider.pubkey(), world.usdc), 7);
    assert_eq!(world.balance(&world.stake_tokens().treasury), 5);

    let again = ix::create_pool(&provider.pubkey(), &payer, world.stake, world.usdc, 500);
    world.send(&[again], &[&provider]).expect("a new pool");
    world.stake_in(&pool, &provider, TOKEN).expect("a stake in it");
}

#[test]
fn a_pool_that_somebody_is_in_stays() {
    let (mut world, provider, pool) = left();
    let close = close_pool(&world, &provider, &pool);
    world.refuses(&close, &[&provider], "staking", "PoolInUse");
    let (mut world, provider, pool) = abandoned();
    let close = close_pool(&world, &provider, &pool);
    let changes: [fn(&mut Pool); 3] = [|p| p.positions = 1, |p| p.bonded = 1, |p| p.unbonding = 1];
    for change in changes {
        let mut fork = world.fork();
        fork.amend::<Pool>(&pool, change);
        fork.refuses(&close, &[&provider], "staking", "PoolInUse");
    }
    world.send(&[close], &[&provider]).expect("a closed pool");
}

#[test]
fn only_the_provider_closes_its_pool_and_nobody_else_gains() {
    let (mut world, provider, pool) = abandoned();
    world.pay_revenue(&pool, 7);
    let close = close_pool(&world, &provider, &pool);
    let thief = world.holder(0);
    let theirs = swapped(&close, &provider.pubkey(), &thief.pubkey());
    world.refuses(&theirs, &[&thief], "staking", "NotProviderAuthority");
    let account = |owner: &Pubkey, mint: ix::MintRef| pda::associated_token(owner, &mint.mint, &mint.token_program);
    let (usdc, stake) = (world.usdc, world.stake);
    for (right, wrong, name) in [
        (
            account(&provider.pubkey(), usdc),
            account(&thief.pubkey(), usdc),
            "WrongDestination",
        ),
        (
            world.stake_tokens().treasury,
            account(&thief.pubkey(), stake),
            "WrongTreasury",
        ),
        (world.payer.pubkey(), thief.pubkey(), "WrongRentPayer"),
        (stake.mint, usdc.mint, "WrongMint"),
        (usdc.mint, stake.mint, "WrongMint"),
    ] {
        let wrong = swapped(&close, &right, &wrong);
        world.refuses(&wrong, &[&provider], "staking", name);
    }
    let (_, other) = world.empty_pool(0);
    for (right, wrong) in [
        (pda::stake_vault(&pool), pda::stake_vault(&other)),
        (pda::reward_vault(&pool), pda::reward_vault(&other)),
        (pool, other),
    ] {
        let wrong = swapped(&close, &right, &wrong);
        world.rejects(&wrong, &[&provider], InstructionError::InvalidSeeds);
    }
    world.guarded(&close, &[&provider], &[account(&provider.pubkey(), usdc)]);
}
