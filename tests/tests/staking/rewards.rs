//! Revenue: shared by the market alone, and paid out to the base unit.

use gantry_sdk::{
    Keypair, Pubkey, Signer,
    ix::{self, token::TOKEN_2022_PROGRAM},
    pda,
    staking::accounts::Pool,
};
use gantry_tests::{
    event,
    world::{TOKEN, World, market_side::deposit_rewards, swapped, unsigned},
};
use solana_instruction::error::InstructionError;

/// Pays and shares `amount`.
fn share(world: &mut World, market: &Keypair, pool: &Pubkey, amount: u64) {
    world.pay_revenue(pool, amount);
    let deposit = deposit_rewards(&market.pubkey(), pool, amount);
    world.send(&[deposit], &[market]).expect("revenue");
}

/// Claims; says how much that was, 0 where there is nothing to claim.
fn claim(world: &mut World, pool: &Pubkey, staker: &Keypair) -> u64 {
    let before = world.balance_of(&staker.pubkey(), world.usdc);
    let claim = world.claim_instruction(pool, staker);
    let result = world.send(std::slice::from_ref(&claim), &[staker]);
    let paid = world.balance_of(&staker.pubkey(), world.usdc) - before;
    match result {
        Ok(outcome) => assert_eq!(event!(outcome, RewardsClaimed).amount, paid),
        Err(_) => world.refuses(&claim, &[staker], "staking", "NothingToClaim"),
    }
    paid
}

#[test]
fn revenue_raises_the_index_of_every_share() {
    let (mut world, market) = World::with_market_key();
    let (provider, pool) = world.empty_pool(0);
    world.stake_in(&pool, &provider, 1_000 * TOKEN).expect("a stake");
    world.pay_revenue(&pool, 500 * TOKEN);
    let deposit = deposit_rewards(&market.pubkey(), &pool, 500 * TOKEN);
    let outcome = world.guarded(&deposit, &[&market], &[]);
    let event = event!(outcome, RewardsDeposited);
    // Half a unit for each share, in Q64.64.
    assert_eq!(
        (event.pool, event.amount, event.reward_index),
        (pool, 500 * TOKEN, 1 << 63)
    );
    let account = world.pool(&pool);
    assert_eq!((account.reward_index, account.reward_remainder), (1 << 63, 0));
    assert_eq!(
        (account.rewards_unclaimed, account.rewards_total),
        (500 * TOKEN, 500 * TOKEN)
    );
}

#[test]
fn nobody_but_the_market_shares_revenue() {
    let mut world = World::new();
    let listing = world.list_node();
    world.pay_revenue(&listing.pool, TOKEN);
    let authority = world.authority.insecure_clone();
    for key in [&authority, &listing.wallet, &listing.node_key, &Keypair::new()] {
        let deposit = deposit_rewards(&key.pubkey(), &listing.pool, TOKEN);
        world.refuses(&deposit, &[key], "staking", "NotMarket");
    }
    let market = pda::market_authority();
    let unsigned = unsigned(&deposit_rewards(&market, &listing.pool, TOKEN), &market);
    world.rejects(&unsigned, &[], InstructionError::MissingRequiredSignature);
}

#[test]
fn revenue_that_has_not_arrived_is_not_shared() {
    let (mut world, market) = World::with_market_key();
    let (provider, pool) = world.empty_pool(0);
    let (_, rich) = world.empty_pool(0);
    world.stake_in(&pool, &provider, 1_000 * TOKEN).expect("a stake");
    world.pay_revenue(&pool, TOKEN);
    let deposit = |amount| deposit_rewards(&market.pubkey(), &pool, amount);
    world.refuses(&deposit(TOKEN + 1), &[&market], "staking", "RewardsNotReceived");
    world.send(&[deposit(TOKEN)], &[&market]).expect("what arrived");
    // The same tokens are not shared twice, and those of another pool not at all.
    world.refuses(&deposit(1), &[&market], "staking", "RewardsNotReceived");
    world.pay_revenue(&rich, TOKEN);
    for vault in [pda::reward_vault(&rich), pda::stake_vault(&pool)] {
        let crossed = swapped(&deposit(1), &pda::reward_vault(&pool), &vault);
        world.rejects(&crossed, &[&market], InstructionError::InvalidSeeds);
    }
    claim(&mut world, &pool, &provider);
    world.refuses(&deposit(1), &[&market], "staking", "RewardsNotReceived");
}

#[test]
fn stakers_claim_their_parts_once() {
    let (mut world, market) = World::with_market_key();
    let (provider, pool) = world.empty_pool(0);
    world.stake_in(&pool, &provider, 600 * TOKEN).expect("a stake");
    let staker = world.staker(&pool, 400 * TOKEN);
    let nothing = world.claim_instruction(&pool, &staker);
    world.refuses(&nothing, &[&staker], "staking", "NothingToClaim");
    // A power of two for each share: no rounding.
    share(&mut world, &market, &pool, 250 * TOKEN);

    let late = world.staker(&pool, 1_000 * TOKEN);
    let claim_of_late = world.claim_instruction(&pool, &late);
    world.refuses(&claim_of_late, &[&late], "staking", "NothingToClaim");

    let claim = world.claim_instruction(&pool, &staker);
    let destination = pda::associated_token(&staker.pubkey(), &world.usdc.mint, &world.usdc.token_program);
    let outcome = world.guarded(&claim, &[&staker], &[destination]);
    let event = event!(outcome, RewardsClaimed);
    assert_eq!(
        (event.pool, event.owner, event.amount),
        (pool, staker.pubkey(), 100 * TOKEN)
    );
    assert_eq!(world.balance(&destination), 100 * TOKEN);
    assert_eq!(world.pool(&pool).rewards_unclaimed, 150 * TOKEN);
    world.refuses(&claim, &[&staker], "staking", "NothingToClaim");
    assert_eq!(world.balance(&pda::reward_vault(&pool)), 150 * TOKEN);
}

#[test]
fn rewards_earned_stay_when_the_stake_changes() {
    let (mut world, market) = World::with_market_key();
    let (provider, pool) = world.empty_pool(0);
    world.stake_in(&pool, &provider, 500 * TOKEN).expect("a stake");
    let staker = world.staker(&pool, 500 * TOKEN);
    share(&mut world, &market, &pool, 1_000 * TOKEN);
    // More stake earns nothing of what came before.
    world.fund(&staker.pubkey(), world.stake, 500 * TOKEN);
    world.stake_in(&pool, &staker, 500 * TOKEN).expect("more stake");
    assert_eq!(world.position(&pool, &staker).rewards_owed, 500 * TOKEN);
    // Unbonding stake earns nothing, and what was earned before stays.
    world
        .unstake(&pool, &staker, 1_000 * u128::from(TOKEN))
        .expect("a request");
    share(&mut world, &market, &pool, 1_000 * TOKEN);
    assert_eq!(claim(&mut world, &pool, &staker), 500 * TOKEN);
    assert_eq!(claim(&mut world, &pool, &provider), 1_500 * TOKEN);
    // Taken back, it earns again, and only from then on.
    world
        .send(&[ix::cancel_unstake(&staker.pubkey(), &pool, 0)], &[&staker])
        .expect("a cancellation");
    assert_eq!(claim(&mut world, &pool, &staker), 0);
    share(&mut world, &market, &pool, 1_500 * TOKEN);
    assert_eq!(claim(&mut world, &pool, &staker), 1_000 * TOKEN);
}

#[test]
fn revenue_that_comes_while_nobody_stakes_goes_to_the_next_staker() {
    let (mut world, market) = World::with_market_key();
    let (provider, pool) = world.empty_pool(0);
    share(&mut world, &market, &pool, 7 * TOKEN);
    assert_eq!(world.pool(&pool).reward_index, 0);
    world.stake_in(&pool, &provider, 1_000 * TOKEN).expect("a stake");
    assert_eq!(claim(&mut world, &pool, &provider), 0);
    share(&mut world, &market, &pool, TOKEN);
    let paid = claim(&mut world, &pool, &provider);
    assert!((8 * TOKEN - 1..=8 * TOKEN).contains(&paid), "{paid}");
}

#[test]
fn rewards_are_exact_over_a_long_history() {
    let (mut world, market) = World::with_market_key();
    let (_, pool) = world.empty_pool(0);
    let stakes = [1_000_003_u64, 7_000_000, 23_456_789];
    let stakers = stakes.map(|amount| world.staker(&pool, amount));
    let total: u128 = stakes.iter().map(|stake| u128::from(*stake)).sum();
    let (mut shared, mut claimed) = (0u64, [0u64; 3]);
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    for round in 0..60 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let amount = 1 + seed % [3, 1_000, 10_000_000][round % 3];
        share(&mut world, &market, &pool, amount);
        shared += amount;
        let who = (seed >> 40) as usize % 3;
        claimed[who] += claim(&mut world, &pool, &stakers[who]);
    }
    for (who, staker) in stakers.iter().enumerate() {
        claimed[who] += claim(&mut world, &pool, staker);
        let entitled = (u128::from(shared) * u128::from(stakes[who]) / total) as u64;
        assert!(
            (entitled - 1..=entitled).contains(&claimed[who]),
            "{who}: {} of {entitled}",
            claimed[who]
        );
    }
    let left = shared - claimed.iter().sum::<u64>();
    assert!(left <= 3, "{left} left over");
    assert_eq!(world.balance(&pda::reward_vault(&pool)), left);
    assert_eq!(world.pool(&pool).rewards_unclaimed, left);
}

#[test]
fn a_claim_pays_from_the_pools_own_vault_and_the_stakers_own_position() {
    let (mut world, market) = World::with_market_key();
    let (provider, pool) = world.empty_pool(0);
    let (_, other) = world.empty_pool(0);
    world.stake_in(&pool, &provider, 500 * TOKEN).expect("a stake");
    let thief = world.staker(&pool, 500 * TOKEN);
    share(&mut world, &market, &pool, 1_000 * TOKEN);
    world.pay_revenue(&other, 1_000 * TOKEN);
    let claim = world.claim_instruction(&pool, &thief);
    let (own, victims) = (
        pda::position(&pool, &thief.pubkey()),
        pda::position(&pool, &provider.pubkey()),
    );
    let vault = pda::reward_vault(&pool);
    for wrong in [
        swapped(&claim, &own, &victims),
        swapped(&claim, &vault, &pda::reward_vault(&other)),
        swapped(&claim, &vault, &pda::stake_vault(&pool)),
        swapped(&claim, &pool, &other),
    ] {
        world.rejects(&wrong, &[&thief], InstructionError::InvalidSeeds);
    }
    let mint = swapped(&claim, &world.usdc.mint, &world.stake.mint);
    world.refuses(&mint, &[&thief], "staking", "WrongMint");
    let program = swapped(&claim, &world.usdc.token_program, &TOKEN_2022_PROGRAM);
    world.refuses(&program, &[&thief], "staking", "WrongTokenProgram");
    let unsigned = unsigned(&claim, &thief.pubkey());
    world.rejects(&unsigned, &[], InstructionError::MissingRequiredSignature);
    let friend = Keypair::new().pubkey();
    let destination = world.token_account(&friend, world.usdc);
    let gift = ix::claim_rewards(&thief.pubkey(), &pool, world.usdc, &destination);
    world.send(&[gift], &[&thief]).expect("a claim");
    assert_eq!(world.balance(&destination), 500 * TOKEN);
}

#[test]
fn revenue_beyond_its_range_is_an_error() {
    let (mut world, market) = World::with_market_key();
    let (provider, pool) = world.empty_pool(0);
    world.stake_in(&pool, &provider, 1_000 * TOKEN).expect("a stake");
    world.amend::<Pool>(&pool, |pool| pool.rewards_total = u64::MAX);
    world.pay_revenue(&pool, 1);
    let deposit = deposit_rewards(&market.pubkey(), &pool, 1);
    world.refuses(&deposit, &[&market], "staking", "Overflow");
}
