//! Staking, asking for stake back, and taking it out.

use gantry_sdk::{
    Keypair, Pubkey, Signer,
    ix::{self, token::TOKEN_2022_PROGRAM},
    pda,
    staking::accounts::{Pool, Position},
};
use gantry_tests::{
    event,
    world::{START_TIME, TOKEN, World, assert_refused, market_side, swapped, unsigned},
};
use solana_instruction::error::InstructionError;

const SHARE: u128 = TOKEN as u128;

/// A pool that a provider has staked 1,000 tokens in.
fn pool() -> (World, Keypair, Keypair, Pubkey) {
    let (mut world, market) = World::with_market_key();
    let (provider, pool) = world.empty_pool(0);
    world.stake_in(&pool, &provider, 1_000 * TOKEN).expect("a stake");
    (world, market, provider, pool)
}

#[test]
fn stake_moves_to_the_vault_and_credits_shares() {
    let (mut world, _, _, pool) = pool();
    let staker = world.holder(100 * TOKEN);
    let stake = world.stake_instruction(&pool, &staker, 60 * TOKEN);
    let source = pda::associated_token(&staker.pubkey(), &world.stake.mint, &world.stake.token_program);
    // Any account of the staker's may pay.
    let outcome = world.guarded(&stake, &[&staker], &[source]);
    let event = event!(outcome, Staked);
    assert_eq!((event.pool, event.owner), (pool, staker.pubkey()));
    assert_eq!(
        (event.amount, event.shares, event.position_shares),
        (60 * TOKEN, 60 * SHARE, 60 * SHARE)
    );
    assert_eq!(event.active, 1_060 * TOKEN);

    let position = world.position(&pool, &staker);
    assert_eq!((position.pool, position.owner), (pool, staker.pubkey()));
    assert_eq!((position.shares, position.unbonding_count), (60 * SHARE, 0));
    assert_eq!(position.rent_payer, world.payer.pubkey());
    let account = world.pool(&pool);
    assert_eq!(
        (account.active, account.active_shares, account.positions),
        (1_060 * TOKEN, 1_060 * SHARE, 2)
    );
    assert_eq!(world.balance(&pda::stake_vault(&pool)), 1_060 * TOKEN);
    assert_eq!(world.balance(&source), 40 * TOKEN);

    let more = world.stake_in(&pool, &staker, 40 * TOKEN).expect("more stake");
    assert_eq!(event!(more, Staked).position_shares, 100 * SHARE);
    assert_eq!(world.pool(&pool).positions, 2, "the same position");
}

#[test]
fn a_position_holds_at_least_the_minimum() {
    let (mut world, _, _, pool) = pool();
    let staker = world.holder(100 * TOKEN);
    let zero = world.stake_instruction(&pool, &staker, 0);
    world.refuses(&zero, &[&staker], "staking", "ZeroAmount");
    let little = world.stake_instruction(&pool, &staker, TOKEN - 1);
    world.refuses(&little, &[&staker], "staking", "PositionTooSmall");
    world.stake_in(&pool, &staker, TOKEN).expect("the minimum");
    world.stake_in(&pool, &staker, 1).expect("one more unit");
    assert_eq!(world.position(&pool, &staker).shares, SHARE + 1);

    // Two shares would leave less than the minimum; all of them leave nothing.
    let most = ix::request_unstake(&staker.pubkey(), &pool, 2);
    world.refuses(&most, &[&staker], "staking", "PositionTooSmall");
    world.unstake(&pool, &staker, 1).expect("down to the minimum");
    world.unstake(&pool, &staker, SHARE).expect("all of it");
    assert_eq!(world.position(&pool, &staker).shares, 0);
}

#[test]
fn nobody_stakes_what_is_not_theirs_or_not_stake() {
    let (mut world, _, _, pool) = pool();
    let (staker, thief) = (world.holder(100 * TOKEN), world.holder(0));
    let source =
        |wallet: &Keypair, mint: Pubkey| pda::associated_token(&wallet.pubkey(), &mint, &world.stake.token_program);
    let (own, victims) = (source(&thief, world.stake.mint), source(&staker, world.stake.mint));
    let usdc = source(&thief, world.usdc.mint);
    let stake = world.stake_instruction(&pool, &thief, 10 * TOKEN);
    // Token's own errors: too little there (1), another owner (4).
    world.rejects(&stake, &[&thief], InstructionError::Custom(1));
    world.rejects(&swapped(&stake, &own, &victims), &[&thief], InstructionError::Custom(4));
    world.fund(&thief.pubkey(), world.usdc, 100 * TOKEN);
    world.refuses(&swapped(&stake, &own, &usdc), &[&thief], "staking", "WrongMint");
    let in_usdc = ix::stake(
        &thief.pubkey(),
        &world.payer.pubkey(),
        &pool,
        world.usdc,
        &usdc,
        10 * TOKEN,
    );
    world.refuses(&in_usdc, &[&thief], "staking", "WrongMint");
    let program = swapped(&stake, &world.stake.token_program, &TOKEN_2022_PROGRAM);
    world.refuses(&program, &[&thief], "staking", "WrongTokenProgram");
    let theft = unsigned(&world.stake_instruction(&pool, &staker, TOKEN), &staker.pubkey());
    world.rejects(&theft, &[], InstructionError::MissingRequiredSignature);
}

#[test]
fn stake_goes_to_the_pools_own_vault_and_the_stakers_own_position() {
    let (mut world, _, _, pool) = pool();
    let (_, other) = world.empty_pool(0);
    let staker = world.staker(&pool, 10 * TOKEN);
    let rival = world.staker(&pool, 10 * TOKEN);
    world.fund(&rival.pubkey(), world.stake, 10 * TOKEN);
    let stake = world.stake_instruction(&pool, &rival, 10 * TOKEN);
    let (vault, others_vault) = (pda::stake_vault(&pool), pda::stake_vault(&other));
    let (own, victims) = (
        pda::position(&pool, &rival.pubkey()),
        pda::position(&pool, &staker.pubkey()),
    );
    for wrong in [
        swapped(&stake, &vault, &others_vault),
        swapped(&stake, &vault, &pda::reward_vault(&pool)),
        swapped(&stake, &own, &victims),
        swapped(&stake, &pool, &other),
    ] {
        world.rejects(&wrong, &[&rival], InstructionError::InvalidSeeds);
    }
}

#[test]
fn stake_on_its_way_out_waits_for_the_unbonding_time() {
    let (mut world, _, provider, pool) = pool();
    let staker = world.staker(&pool, 100 * TOKEN);
    let request = ix::request_unstake(&staker.pubkey(), &pool, 40 * SHARE);
    let outcome = world.guarded(&request, &[&staker], &[]);
    let event = event!(outcome, UnstakeRequested);
    let unlocks_at = START_TIME + world.unbonding_seconds();
    assert_eq!(
        (event.pool, event.owner, event.unlocks_at),
        (pool, staker.pubkey(), unlocks_at)
    );
    assert_eq!(
        (event.amount, event.shares, event.unbonding_shares),
        (40 * TOKEN, 40 * SHARE, 40 * SHARE)
    );
    assert_eq!((event.active, event.unbonding), (1_060 * TOKEN, 40 * TOKEN));
    let account = world.pool(&pool);
    assert_eq!((account.active, account.unbonding), (1_060 * TOKEN, 40 * TOKEN));
    assert_eq!(
        (account.active_shares, account.unbonding_shares),
        (1_060 * SHARE, 40 * SHARE)
    );
    let position = world.position(&pool, &staker);
    assert_eq!((position.shares, position.unbonding_count), (60 * SHARE, 1));
    assert_eq!(
        (position.unbonding[0].shares, position.unbonding[0].unlocks_at),
        (40 * SHARE, unlocks_at)
    );
    assert_eq!(
        world.balance(&pda::stake_vault(&pool)),
        1_100 * TOKEN,
        "nothing has left yet"
    );

    let withdraw = world.withdraw_instruction(&pool, &staker);
    world.refuses(&withdraw, &[&staker], "staking", "NothingToWithdraw");
    world.advance(world.unbonding_seconds() - 1);
    world.refuses(&withdraw, &[&staker], "staking", "NothingToWithdraw");
    world.advance(1);
    let destination = pda::associated_token(&staker.pubkey(), &world.stake.mint, &world.stake.token_program);
    let outcome = world.guarded(&withdraw, &[&staker], &[destination]);
    let event = event!(outcome, Withdrawn);
    assert_eq!((event.pool, event.owner), (pool, staker.pubkey()));
    assert_eq!((event.amount, event.unbonding), (40 * TOKEN, 0));
    assert_eq!(world.balance(&destination), 40 * TOKEN);
    assert_eq!(world.balance(&pda::stake_vault(&pool)), 1_060 * TOKEN);
    let position = world.position(&pool, &staker);
    assert_eq!((position.unbonding_count, position.unbonding[0].shares), (0, 0));
    world.refuses(&withdraw, &[&staker], "staking", "NothingToWithdraw");
    let never_asked = world.withdraw_instruction(&pool, &provider);
    world.refuses(&never_asked, &[&provider], "staking", "NothingToWithdraw");
}

#[test]
fn only_what_is_due_leaves() {
    let (mut world, _, _, pool) = pool();
    let staker = world.staker(&pool, 100 * TOKEN);
    for tokens in [10, 20, 30] {
        world.unstake(&pool, &staker, tokens * SHARE).expect("a request");
        world.advance(500);
    }
    world.advance(world.unbonding_seconds() - 1_000);
    let withdraw = world.withdraw_instruction(&pool, &staker);
    let outcome = world
        .send(std::slice::from_ref(&withdraw), &[&staker])
        .expect("a withdrawal");
    assert_eq!(event!(outcome, Withdrawn).amount, 30 * TOKEN, "the first two");
    let position = world.position(&pool, &staker);
    assert_eq!(
        (position.unbonding_count, position.unbonding[0].shares),
        (1, 30 * SHARE)
    );
    world.refuses(&withdraw, &[&staker], "staking", "NothingToWithdraw");
    world.advance(500);
    world.send(&[withdraw], &[&staker]).expect("a withdrawal");
    assert_eq!(world.balance_of(&staker.pubkey(), world.stake), 60 * TOKEN);
}

#[test]
fn a_withdrawal_goes_where_the_staker_says_and_only_from_the_stakers_position() {
    let (mut world, _, _, pool) = pool();
    let (staker, thief) = (world.staker(&pool, 10 * TOKEN), world.staker(&pool, 10 * TOKEN));
    let (_, other) = world.empty_pool(0);
    world.unstake(&pool, &staker, 10 * SHARE).expect("a request");
    world.advance(world.unbonding_seconds());
    let withdraw = world.withdraw_instruction(&pool, &staker);
    let thiefs = world.withdraw_instruction(&pool, &thief);
    let (position, vault) = (pda::position(&pool, &staker.pubkey()), pda::stake_vault(&pool));
    let theft = swapped(&thiefs, &pda::position(&pool, &thief.pubkey()), &position);
    world.rejects(&theft, &[&thief], InstructionError::InvalidSeeds);
    let crossed = swapped(&withdraw, &vault, &pda::stake_vault(&other));
    world.rejects(&crossed, &[&staker], InstructionError::InvalidSeeds);
    world.rejects(
        &unsigned(&withdraw, &staker.pubkey()),
        &[],
        InstructionError::MissingRequiredSignature,
    );
    let mint = swapped(&withdraw, &world.stake.mint, &world.usdc.mint);
    world.refuses(&mint, &[&staker], "staking", "WrongMint");
    let program = swapped(&withdraw, &world.stake.token_program, &TOKEN_2022_PROGRAM);
    world.refuses(&program, &[&staker], "staking", "WrongTokenProgram");

    let friend = Keypair::new().pubkey();
    let destination = world.token_account(&friend, world.stake);
    let gift = ix::withdraw(&staker.pubkey(), &pool, world.stake, &destination);
    world.send(&[gift], &[&staker]).expect("a withdrawal");
    assert_eq!(world.balance(&destination), 10 * TOKEN);
}

#[test]
fn a_request_is_for_shares_that_the_position_has() {
    let (mut world, _, _, pool) = pool();
    let (staker, other) = (world.staker(&pool, 10 * TOKEN), world.staker(&pool, 10 * TOKEN));
    for shares in [10 * SHARE + 1, 1_000 * SHARE, u128::MAX] {
        let request = ix::request_unstake(&staker.pubkey(), &pool, shares);
        world.refuses(&request, &[&staker], "staking", "InsufficientShares");
    }
    let zero = ix::request_unstake(&staker.pubkey(), &pool, 0);
    world.refuses(&zero, &[&staker], "staking", "ZeroAmount");
    let request = ix::request_unstake(&staker.pubkey(), &pool, SHARE);
    let theft = swapped(&request, &staker.pubkey(), &other.pubkey());
    world.rejects(&theft, &[&other], InstructionError::InvalidSeeds);
    let theft = unsigned(&request, &staker.pubkey());
    world.rejects(&theft, &[], InstructionError::MissingRequiredSignature);
    let stranger = world.holder(0);
    let request = ix::request_unstake(&stranger.pubkey(), &pool, SHARE);
    world.rejects(&request, &[&stranger], InstructionError::UninitializedAccount);
}

#[test]
fn a_position_has_at_most_eight_requests_under_way() {
    let (mut world, _, _, pool) = pool();
    let staker = world.staker(&pool, 100 * TOKEN);
    for _ in 0..8 {
        world.unstake(&pool, &staker, SHARE).expect("a request");
        world.advance(1);
    }
    let ninth = ix::request_unstake(&staker.pubkey(), &pool, SHARE);
    world.refuses(&ninth, &[&staker], "staking", "TooManyRequests");
    world
        .send(&[ix::cancel_unstake(&staker.pubkey(), &pool, 7)], &[&staker])
        .expect("a cancellation");
    world.send(&[ninth], &[&staker]).expect("a place is free again");
}

#[test]
fn a_request_taken_back_is_active_stake_again() {
    let (mut world, _, _, pool) = pool();
    let staker = world.staker(&pool, 100 * TOKEN);
    for tokens in [10, 20, 30] {
        world.unstake(&pool, &staker, tokens * SHARE).expect("a request");
        world.advance(1);
    }
    let cancel = ix::cancel_unstake(&staker.pubkey(), &pool, 1);
    let outcome = world.guarded(&cancel, &[&staker], &[]);
    let event = event!(outcome, UnstakeCancelled);
    assert_eq!((event.pool, event.owner), (pool, staker.pubkey()));
    assert_eq!((event.amount, event.shares), (20 * TOKEN, 20 * SHARE));
    assert_eq!((event.active, event.unbonding), (1_060 * TOKEN, 40 * TOKEN));
    let position = world.position(&pool, &staker);
    assert_eq!((position.shares, position.unbonding_count), (60 * SHARE, 2));
    let left: Vec<_> = position.unbonding.iter().map(|u| u.shares).take(3).collect();
    assert_eq!(left, [10 * SHARE, 30 * SHARE, 0], "the others keep their order");
    for place in [2, 7, 8, 255] {
        let cancel = ix::cancel_unstake(&staker.pubkey(), &pool, place);
        world.refuses(&cancel, &[&staker], "staking", "UnknownRequest");
    }
    let thief = world.staker(&pool, TOKEN);
    let theft = swapped(&cancel, &staker.pubkey(), &thief.pubkey());
    world.rejects(&theft, &[&thief], InstructionError::InvalidSeeds);
}

#[test]
fn stake_that_answers_for_jobs_does_not_leave() {
    let (mut world, market, provider, pool) = pool();
    let key = market.pubkey();
    world
        .send(&[market_side::bond(&key, &pool, 700 * TOKEN)], &[&market])
        .expect("a bond");
    let request = ix::request_unstake(&provider.pubkey(), &pool, 300 * SHARE + 1);
    world.refuses(&request, &[&provider], "staking", "StakeBonded");
    world.unstake(&pool, &provider, 300 * SHARE).expect("what is free");
    let one = ix::request_unstake(&provider.pubkey(), &pool, 1);
    world.refuses(&one, &[&provider], "staking", "StakeBonded");
    world
        .send(&[market_side::release(&key, &pool, 700 * TOKEN)], &[&market])
        .expect("a release");
    world.unstake(&pool, &provider, 700 * SHARE).expect("all of it");
}

#[test]
fn lamports_sent_ahead_of_time_do_not_block_a_position() {
    let (mut world, _, _, pool) = pool();
    let staker = world.holder(10 * TOKEN);
    world.send_lamports(&[pda::position(&pool, &staker.pubkey())]);
    world.stake_in(&pool, &staker, 10 * TOKEN).expect("a stake");
    assert_eq!(world.position(&pool, &staker).shares, 10 * SHARE);
    assert_eq!(world.pool(&pool).positions, 2);
}

#[test]
fn tokens_sent_to_the_vault_change_no_price() {
    let (mut world, _, _, pool) = pool();
    let authority = world.authority.insecure_clone();
    let vault = pda::stake_vault(&pool);
    let gift = ix::token::mint_to(
        &world.stake.mint,
        &authority.pubkey(),
        &vault,
        5_000 * TOKEN,
        &world.stake.token_program,
    );
    world.send(&[gift], &[&authority]).expect("a gift");
    let staker = world.staker(&pool, 10 * TOKEN);
    assert_eq!(world.position(&pool, &staker).shares, 10 * SHARE);
    assert_eq!(world.pool(&pool).active, 1_010 * TOKEN);
}

#[test]
fn numbers_beyond_their_range_are_an_error() {
    let (mut world, _, _, pool) = pool();
    let staker = world.staker(&pool, 10 * TOKEN);
    world.fund(&staker.pubkey(), world.stake, 10 * TOKEN);
    world.amend::<Pool>(&pool, |pool| pool.active_shares = 1 << 126);
    assert_refused(world.stake_in(&pool, &staker, TOKEN), "staking", "PriceExhausted");
    world.amend::<Pool>(&pool, |pool| {
        pool.active_shares = u128::from(u64::MAX) - 1;
        pool.active = u64::MAX - 1;
    });
    let stake = world.stake_instruction(&pool, &staker, TOKEN);
    world.refuses(&stake, &[&staker], "staking", "Overflow");
    world.amend::<Pool>(&pool, |pool| {
        pool.active_shares = 1_010 * SHARE;
        pool.active = 1_010 * TOKEN;
        pool.positions = u32::MAX;
    });
    let newcomer = world.holder(TOKEN);
    let stake = world.stake_instruction(&pool, &newcomer, TOKEN);
    world.refuses(&stake, &[&newcomer], "staking", "Overflow");
    let address = pda::position(&pool, &staker.pubkey());
    world.amend::<Position>(&address, |position| position.shares = u128::MAX);
    assert_refused(world.stake_in(&pool, &staker, TOKEN), "staking", "Overflow");
}
