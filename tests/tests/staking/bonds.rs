//! Bonds: stake that the market, and nobody else, sets aside for jobs.

use gantry_sdk::{Keypair, Pubkey, Signer, ix, pda};
use gantry_tests::{
    event,
    world::{
        TOKEN, World, assert_refused,
        market_side::{bond, release, slash},
        unsigned,
    },
};
use solana_instruction::error::InstructionError;

const SHARE: u128 = TOKEN as u128;

/// The market's key, and a pool with 1,000 tokens of its provider.
fn scene() -> (World, Keypair, Keypair, Pubkey) {
    let (mut world, market) = World::with_market_key();
    let (provider, pool) = world.empty_pool(0);
    world.stake_in(&pool, &provider, 1_000 * TOKEN).expect("a stake");
    (world, market, provider, pool)
}

#[test]
fn a_bond_is_set_aside_and_given_back() {
    let (mut world, market, _, pool) = scene();
    let key = market.pubkey();
    let set_aside = bond(&key, &pool, 300 * TOKEN);
    let outcome = world.guarded(&set_aside, &[&market], &[]);
    let event = event!(outcome, Bonded);
    assert_eq!(
        (event.pool, event.amount, event.bonded),
        (pool, 300 * TOKEN, 300 * TOKEN)
    );
    world
        .send(&[bond(&key, &pool, 700 * TOKEN)], &[&market])
        .expect("a bond");
    assert_eq!(world.pool(&pool).bonded, 1_000 * TOKEN, "all of the active stake");
    world.refuses(&bond(&key, &pool, 1), &[&market], "staking", "InsufficientStake");
    world.refuses(&bond(&key, &pool, u64::MAX), &[&market], "staking", "InsufficientStake");

    let give_back = release(&key, &pool, 400 * TOKEN);
    let outcome = world.guarded(&give_back, &[&market], &[]);
    let event = event!(outcome, Released);
    assert_eq!(
        (event.pool, event.amount, event.bonded),
        (pool, 400 * TOKEN, 600 * TOKEN)
    );
    world.refuses(
        &release(&key, &pool, 600 * TOKEN + 1),
        &[&market],
        "staking",
        "AboveBonded",
    );
    assert_eq!(world.balance(&pda::stake_vault(&pool)), 1_000 * TOKEN, "no token moved");
}

#[test]
fn nobody_but_the_market_bonds_releases_or_slashes() {
    let mut world = World::new();
    let (_, customer, listing, matcher) = world.running();
    let (authority, guardian) = (world.authority.insecure_clone(), world.guardian.insecure_clone());
    let destination = world.token_account(&customer.pubkey(), world.stake);
    let tokens = world.stake_tokens();
    let instructions = |key: &Pubkey| {
        [
            bond(key, &listing.pool, TOKEN),
            release(key, &listing.pool, TOKEN / 4),
            slash(
                key,
                &listing.pool,
                tokens,
                &destination,
                &destination,
                (TOKEN / 4, TOKEN / 4),
            ),
        ]
    };
    for key in [
        &authority,
        &guardian,
        &listing.wallet,
        &listing.node_key,
        &customer,
        &matcher,
        &Keypair::new(),
    ] {
        for instruction in instructions(&key.pubkey()) {
            world.refuses(&instruction, &[key], "staking", "NotMarket");
        }
    }
    let market = pda::market_authority();
    for instruction in instructions(&market) {
        world.rejects(
            &unsigned(&instruction, &market),
            &[],
            InstructionError::MissingRequiredSignature,
        );
    }
}

#[test]
fn a_pool_below_the_minimum_takes_no_job() {
    let (mut world, market, provider, pool) = scene();
    let key = market.pubkey();
    world.unstake(&pool, &provider, 900 * SHARE).expect("a request");
    world.send(&[bond(&key, &pool, 1)], &[&market]).expect("a bond");
    world.unstake(&pool, &provider, 1).expect("a request");
    world.refuses(&bond(&key, &pool, 1), &[&market], "staking", "PoolTooSmall");

    // Through the market: the job stays open, the node free.
    let mut world = World::new();
    let (customer, listing, matcher) = (world.customer(), world.list_node(), world.wallet());
    let job = world.open_default(&customer);
    world
        .unstake(&listing.pool, &listing.wallet, 900 * SHARE + 1)
        .expect("a request");
    let before = world.state();
    assert_refused(world.assign(&matcher, &job, &listing.node), "staking", "PoolTooSmall");
    assert!(before == world.state());
    world.staker(&listing.pool, TOKEN);
    world
        .assign(&matcher, &job, &listing.node)
        .expect("a delegator filled it up");
}

#[test]
fn stake_behind_a_running_job_cannot_be_unstaked() {
    let mut world = World::new();
    let (_, _, listing, _) = world.running();
    // A bond of 0.25 tokens, which the position's minimum of 1 covers.
    let all = ix::request_unstake(&listing.wallet.pubkey(), &listing.pool, 1_000 * SHARE);
    world.refuses(&all, &[&listing.wallet], "staking", "StakeBonded");
    world
        .unstake(&listing.pool, &listing.wallet, 999 * SHARE)
        .expect("what is free");
    let rest = ix::request_unstake(&listing.wallet.pubkey(), &listing.pool, SHARE);
    world.refuses(&rest, &[&listing.wallet], "staking", "StakeBonded");
}
