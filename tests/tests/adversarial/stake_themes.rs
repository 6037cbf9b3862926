//! What somebody may try with stake: a shorter wait, dust, places that are full.

use crate::cases::Scenes;
use gantry_sdk::{Signer, ix, pda};
use gantry_tests::world::{TOKEN, World, assert_refused};

#[test]
fn a_request_that_is_made_again_waits_its_whole_time() {
    let mut world = World::new();
    let listing = world.list_node();
    let staker = world.staker(&listing.pool, 100 * TOKEN);
    let shares = u128::from(10 * TOKEN);
    world.unstake(&listing.pool, &staker, shares).expect("a request");
    world.advance(world.unbonding_seconds() - 1);
    // A second before it is due it is taken back, and asked for again together with more.
    let cancel = ix::cancel_unstake(&staker.pubkey(), &listing.pool, 0);
    let again = ix::request_unstake(&staker.pubkey(), &listing.pool, 2 * shares);
    world.send(&[cancel, again], &[&staker]).expect("another request");
    let withdraw = world.withdraw_instruction(&listing.pool, &staker);
    for wait in [1, world.unbonding_seconds() - 2] {
        world.advance(wait);
        world.refuses(&withdraw, &[&staker], "staking", "NothingToWithdraw");
    }
    world.advance(1);
    world.send(&[withdraw], &[&staker]).expect("a withdrawal");
    assert_eq!(world.balance_of(&staker.pubkey(), world.stake), 20 * TOKEN);
}

#[test]
fn an_earlier_request_does_not_let_a_later_one_pass() {
    let mut world = World::new();
    let listing = world.list_node();
    let staker = world.staker(&listing.pool, 100 * TOKEN);
    let (first, second) = (u128::from(10 * TOKEN), u128::from(50 * TOKEN));
    world.unstake(&listing.pool, &staker, first).expect("a request");
    world.advance(world.unbonding_seconds());
    world.unstake(&listing.pool, &staker, second).expect("another");
    // The place of the one that has left is used again: the other must not inherit its time.
    let withdraw = world.withdraw_instruction(&listing.pool, &staker);
    world
        .send(std::slice::from_ref(&withdraw), &[&staker])
        .expect("a withdrawal");
    assert_eq!(world.balance_of(&staker.pubkey(), world.stake), 10 * TOKEN);
    world.refuses(&withdraw, &[&staker], "staking", "NothingToWithdraw");
}

#[test]
fn dust_in_a_reward_vault_is_nobodys_revenue() {
    let scenes = Scenes::new();
    let mut crowd = scenes.governed.fork();
    let side = &crowd.sides.clone()[0];
    let (pool, usdc) = (side.listing.pool, crowd.world.usdc);
    let mut clean = crowd.fork();
    crowd.dust(&pda::reward_vault(&pool), usdc, 77);
    let claim = crowd.world.claim_instruction(&pool, &side.staker);
    let nothing = crowd
        .world
        .unchanged(|world| world.send(std::slice::from_ref(&claim), &[&side.staker]));
    assert_refused(nothing, "staking", "NothingToClaim");
    for crowd in [&mut crowd, &mut clean] {
        crowd.share(&pool, 1_000 * TOKEN);
        crowd
            .world
            .send(std::slice::from_ref(&claim), &[&side.staker])
            .expect("rewards");
    }
    let of = |world: &World| (world.balance_of(&side.staker.pubkey(), usdc), world.pool(&pool));
    let ((paid, dusty), (fairly, pool)) = (of(&crowd.world), of(&clean.world));
    assert!(paid > 0);
    assert_eq!(paid, fairly, "the dust has earned somebody something");
    assert_eq!(
        (dusty.reward_index, dusty.rewards_unclaimed, dusty.rewards_total),
        (pool.reward_index, pool.rewards_unclaimed, pool.rewards_total)
    );
}

#[test]
fn nobody_fills_the_places_of_another_pool_or_position() {
    let scenes = Scenes::new();
    let mut crowd = scenes.governed.fork();
    let [victim, attacker] = &*crowd.sides.clone();
    let world = &mut crowd.world;
    let pool = victim.listing.pool;
    // Each position has an account of its own, and its places are its owner's.
    let before = world.position(&pool, &victim.staker);
    world.stake_in(&pool, &attacker.newcomer, TOKEN).expect("a stake");
    for _ in 0..2 {
        let request = ix::request_unstake(&attacker.newcomer.pubkey(), &pool, u128::from(TOKEN / 4));
        let result = world.send(&[request], &[&attacker.newcomer]);
        assert!(result.is_err(), "what is left would be below the least position");
    }
    world
        .unstake(&pool, &attacker.newcomer, u128::from(TOKEN))
        .expect("all of it");
    let after = world.position(&pool, &victim.staker);
    assert_eq!(before.unbonding_count, after.unbonding_count);
    for _ in 0..8 {
        world
            .unstake(&pool, &victim.staker, u128::from(TOKEN))
            .expect("eight places of its own");
    }
}
