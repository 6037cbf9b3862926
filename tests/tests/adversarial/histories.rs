//! Attacks that are no substitution: what is done before, after, or beside an instruction.

use crate::{
    case::{Act, Case, existing},
    cases::{self, Scenes, pair},
    cases_market::{self, Stage, at, job},
    crowd::Crowd,
    forgeries::refunds,
};
use gantry_sdk::{
    Pubkey, Signer,
    ix::{self, SYSTEM_PROGRAM, token},
    pda,
    staking::accounts::{Pool, Position, StakingParams},
};
use gantry_tests::world::{DISPUTE_WINDOW, TOKEN, assert_refused, job_args, swapped};

#[test]
fn what_is_closed_stays_closed_whatever_lamports_follow() {
    let scenes = Scenes::new();
    let mut closers = 0;
    for build in cases::all() {
        let case = build(&scenes);
        let honest = case.prove();
        if honest.closed.is_empty() {
            continue;
        }
        closers += 1;
        let mut world = case.world.fork();
        let transaction = [case.act.transaction(), refunds(&case, &honest)].concat();
        let result = case.send(&mut world, &transaction).expect("all keys");
        result.unwrap_or_else(|refusal| panic!("{}: {refusal:#?}", case.name));
        for address in &honest.closed {
            let left = existing(&world, address).expect("the lamports sent there");
            assert!(
                left.owner == SYSTEM_PROGRAM && left.data.is_empty(),
                "{}: {address} is alive again",
                case.name
            );
        }
        let again = case.send(&mut world, &case.act.transaction()).expect("all keys");
        assert!(
            again.is_err(),
            "{}: went through on accounts that are closed",
            case.name
        );
    }
    // cancel_job, settle_job, settle_with_slash, resolve_dispute, close_position and close_pool at least.
    assert!(closers >= 6, "only {closers} instructions close anything");
}

#[test]
fn rent_goes_back_to_who_paid_it_whoever_closes() {
    let scenes = Scenes::new();
    for build in cases::all() {
        let case = build(&scenes);
        let honest = case.prove();
        if honest.closed.is_empty() {
            continue;
        }
        let rent = |address: &Pubkey| i128::from(existing(&case.world, address).expect("an account").lamports);
        let rents: i128 = honest.closed.iter().map(rent).sum();
        // Whoever paid for all that is there does not sign here; whoever signs and pays the fee gets nothing.
        let founder = founder(&case, &scenes);
        let gained = honest.change.get(&(founder, Pubkey::default())).copied();
        assert_eq!(gained, Some(rents), "{}", case.name);
    }
}

/// Who paid the rents of a case's world.
fn founder(case: &Case, scenes: &Scenes) -> Pubkey {
    let crowds = [&scenes.trading, &scenes.governed];
    let payers = crowds.map(|crowd| crowd.world.payer.pubkey());
    let known = |payer: &Pubkey| case.keys.iter().any(|key| key.pubkey() == *payer);
    payers.into_iter().find(known).expect("the key that paid")
}

#[test]
fn the_id_of_a_closed_job_is_not_used_again() {
    let scenes = Scenes::new();
    let mut crowd = at(&scenes, Stage::Finished);
    crowd.world.advance(DISPUTE_WINDOW);
    let sides = crowd.sides.clone();
    let customer = &sides[0].customer;
    let world = &mut crowd.world;
    let settle = world.settle_instruction(&job(&sides[0]));
    let reopen = world.open_instruction(customer, job_args(0));
    let both = [settle.clone(), reopen.clone()];
    assert_refused(
        world.unchanged(|world| world.send(&both, &[customer])),
        "market",
        "WrongJobId",
    );
    world.send(&[settle], &[]).expect("a settlement");
    world.market_refuses("WrongJobId", |world| world.send(&[reopen], &[customer]));
    world.open(customer, job_args(1)).expect("the next job");
}

#[test]
fn a_pool_closed_and_created_in_one_transaction_remembers_nothing() {
    let scenes = Scenes::new();
    let mut crowd = scenes.governed.fork();
    let sides = crowd.sides.clone();
    let (wallet, address) = &sides[0].idle;
    let (stake, usdc) = (crowd.world.stake, crowd.world.usdc);
    crowd.dust(&pda::stake_vault(address), stake, 7);
    crowd.dust(&pda::reward_vault(address), usdc, 9);
    crowd.world.amend::<Pool>(address, |pool| {
        (pool.slashed_total, pool.wipes, pool.rewards_total) = (5, 2, 9);
    });
    let world = &mut crowd.world;
    let params: StakingParams = world.account(&pda::staking_params()).expect("the rules");
    let destination = pda::associated_token(&wallet.pubkey(), &usdc.mint, &usdc.token_program);
    let close = ix::close_pool(&wallet.pubkey(), &world.pool(address), &params, &destination);
    let create = ix::create_pool(&wallet.pubkey(), &world.payer.pubkey(), stake, usdc, 100);
    world.send(&[close, create], &[wallet]).expect("another pool");
    let pool = world.pool(address);
    assert_eq!((pool.active, pool.active_shares, pool.positions), (0, 0, 0));
    assert_eq!((pool.slashed_total, pool.wipes, pool.rewards_total), (0, 0, 0));
    assert_eq!((pool.reward_index, pool.commission_bps), (0, 100));
    let vaults = [pda::stake_vault(address), pda::reward_vault(address)];
    assert_eq!(vaults.map(|vault| world.balance(&vault)), [0, 0]);
}

#[test]
fn a_position_closed_and_opened_in_one_transaction_earns_nothing_twice() {
    let scenes = Scenes::new();
    let mut crowd = scenes.governed.fork();
    let sides = crowd.sides.clone();
    let (pool, owner) = (sides[0].listing.pool, &sides[0].newcomer);
    crowd.world.stake_in(&pool, owner, TOKEN).expect("a stake");
    crowd.share(&pool, 1_000 * TOKEN);
    let world = &mut crowd.world;
    let claim = world.claim_instruction(&pool, owner);
    world.unstake(&pool, owner, u128::from(TOKEN)).expect("a request");
    world.send(std::slice::from_ref(&claim), &[owner]).expect("the rewards");
    world.advance(world.unbonding_seconds());
    let withdraw = world.withdraw_instruction(&pool, owner);
    world.send(&[withdraw], &[owner]).expect("a withdrawal");

    let close = ix::close_position(&owner.pubkey(), &pool, &world.payer.pubkey());
    let again = world.stake_instruction(&pool, owner, TOKEN);
    world.send(&[close, again], &[owner]).expect("another position");
    let position: Position = world.position(&pool, owner);
    assert_eq!(position.reward_index, world.pool(&pool).reward_index);
    assert_eq!((position.rewards_owed, position.unbonding_count), (0, 0));
    let result = world.unchanged(|world| world.send(&[claim], &[owner]));
    assert_refused(result, "staking", "NothingToClaim");
}

#[test]
fn a_first_depositor_gains_nothing_by_inflating_the_share_price() {
    let scenes = Scenes::new();
    let mut crowd = scenes.governed.fork();
    let sides = crowd.sides.clone();
    let pool = sides[0].idle.1;
    let world = &mut crowd.world;
    let (attacker, victim) = (&sides[1].newcomer, &sides[0].newcomer);
    world.stake_in(&pool, attacker, TOKEN).expect("the smallest stake");
    // The attacker gives nearly all else to the vault, in the hope that the victim's stake is worth less than a share.
    let source = pda::associated_token(&attacker.pubkey(), &world.stake.mint, &world.stake.token_program);
    let vault = pda::stake_vault(&pool);
    let gift = token::transfer_checked(
        &source,
        &world.stake.mint,
        &vault,
        &attacker.pubkey(),
        98 * TOKEN,
        6,
        &token::TOKEN_PROGRAM,
    );
    world.send(&[gift], &[attacker]).expect("a donation");
    world.stake_in(&pool, victim, 10 * TOKEN).expect("the victim's stake");

    for who in [victim, attacker] {
        let shares = world.position(&pool, who).shares;
        world.unstake(&pool, who, shares).expect("a request");
    }
    world.advance(world.unbonding_seconds());
    for who in [victim, attacker] {
        let withdraw = world.withdraw_instruction(&pool, who);
        world.send(&[withdraw], &[who]).expect("a withdrawal");
    }
    assert!(
        world.balance_of(&victim.pubkey(), world.stake) >= 100 * TOKEN - 1,
        "the victim lost"
    );
    assert!(
        world.balance_of(&attacker.pubkey(), world.stake) <= 2 * TOKEN,
        "the attacker gained"
    );
}

/// What may be done about money at each stage of a job, however late it is.
#[test]
fn every_payout_checks_how_far_the_job_is() {
    let scenes = Scenes::new();
    let due: &[(&str, cases::Build, &[Stage])] = &[
        ("cancel_job", cases_market::cancel_job, &[Stage::Open]),
        ("decline_assignment", cases_market::decline_assignment, &[]),
        ("expire_assignment", cases_market::expire_assignment, &[Stage::Assigned]),
        ("claim", cases_market::claim, &[Stage::Proven]),
        ("settle_job", cases_market::settle_job, &[Stage::Finished]),
        ("settle_with_slash", cases_market::settle_with_slash, &[]),
        (
            "dispute_job",
            cases_market::dispute_job,
            &[Stage::Running, Stage::Proven],
        ),
        ("resolve_dispute", cases_market::resolve_dispute, &[Stage::Disputed]),
        (
            "slash_equivocation",
            cases_market::slash_equivocation,
            &[Stage::Running, Stage::Proven, Stage::Finished, Stage::Disputed],
        ),
    ];
    let stages = [
        Stage::Open,
        Stage::Assigned,
        Stage::Running,
        Stage::Proven,
        Stage::Finished,
        Stage::Disputed,
    ];
    for stage in stages {
        let mut crowd = at(&scenes, stage);
        // Every deadline has passed.
        crowd.world.advance(100_000);
        for (name, build, allowed) in due {
            let case = build(&scenes);
            let mut world = crowd.world.fork();
            // The same parties at another stage: their accounts are the same.
            let result = case.send(&mut world, &case.act.transaction()).expect("all keys");
            assert_eq!(
                result.is_ok(),
                allowed.contains(&stage),
                "{name} at stage {stage:?}: {result:#?}"
            );
        }
    }
}

#[test]
fn an_expiry_pays_the_customer_where_it_can_be_paid() {
    let scenes = Scenes::new();
    let mut crowd = at(&scenes, Stage::Assigned);
    crowd.world.advance(31);
    let sides = crowd.sides.clone();
    let (customer, reporter) = (&sides[0].customer, &sides[0].matcher);
    let world = &mut crowd.world;
    let honest = world.expire_instruction(&reporter.pubkey(), &job(&sides[0]));
    // A second account of the customer's that the mint's issuer has frozen; the one that everybody knows is open.
    let known = pda::associated_token(&customer.pubkey(), &world.stake.mint, &world.stake.token_program);
    let frozen = world.forge(&known, None);
    world.freeze(&frozen);
    let astray = swapped(&honest, &known, &frozen);
    world.market_refuses("DestinationCannotReceive", |world| world.send(&[astray], &[reporter]));
}

#[test]
fn the_suite_notices_an_instruction_that_fails() {
    // A guard on the guards: a case whose instruction does not succeed must not pass for one whose attacks are refused.
    let scenes = Scenes::new();
    let crowd: Crowd = at(&scenes, Stage::Assigned);
    let sides = crowd.sides.clone();
    let acts: [Act; 2] = sides
        .each_ref()
        .map(|side| ix::stop_job(&crowd.world.job(&job(side))).into());
    let case = pair("market::stop_job", crowd, acts);
    let why = case
        .tried()
        .err()
        .expect("a job that has not started cannot be stopped");
    assert!(why.starts_with("it is refused"), "{why}");
}
