//! How the market's terms change: announced by the authority, in force after the timelock, and never so that stake could
//! leave before a job is judged.

use gantry_sdk::{
    Keypair, Signer,
    ix::{self, TermsArgs},
    market::accounts::MarketParams,
    pda,
    staking::accounts::StakingParams,
};
use gantry_tests::{
    event,
    world::{World, staking_rules, swapped, terms, unsigned},
};
use solana_instruction::error::InstructionError;

/// The timelock of the tests' network, seconds.
const TIMELOCK: i64 = 3_600;

/// Terms that differ in every number from those in force.
fn others() -> TermsArgs {
    let mut other = terms();
    other.dispute_bond += 1;
    other.bond_ratio_bps += 1;
    other.dispute_window += 1;
    other.min_start_deadline += 1;
    other.max_start_deadline += 1;
    other.min_proof_timeout += 1;
    other.max_proof_timeout += 1;
    other.arbitration_timeout += 1;
    other.max_duration += 1;
    other.open_timeout += 1;
    other.fee_bps += 1;
    other.matcher_fee_bps += 1;
    for step in &mut other.sla {
        step.shortfall_bps += 1;
        step.credit_bps += 1;
    }
    other
}

/// The bytes of the terms in force and of those announced.
fn bytes(params: &MarketParams) -> (Vec<u8>, Vec<u8>) {
    use anchor_lang::AnchorSerialize;
    let bytes = |terms: &gantry_sdk::market::types::Terms| {
        let mut bytes = Vec::new();
        terms.serialize(&mut bytes).expect("memory is enough");
        bytes
    };
    (bytes(&params.terms), bytes(&params.pending_terms))
}

#[test]
fn announced_terms_apply_when_the_timelock_has_passed() {
    let mut world = World::new();
    let before = world.market_params();
    let outcome = world.propose_terms(others()).expect("an announcement");
    let change_at = world.now() + TIMELOCK;
    assert_eq!(event!(outcome, TermsProposed).change_at, change_at);
    let announced = world.market_params();
    assert_eq!(announced.terms_change_at, change_at);
    assert_eq!(bytes(&announced).0, bytes(&before).0, "in force too early");

    world.advance(TIMELOCK - 1);
    world.market_refuses("TimelockNotPassed", World::apply_terms);
    world.advance(1);
    let outcome = world.apply_terms().expect("new terms");
    assert_eq!(event!(outcome, TermsApplied).change_at, change_at);
    let after = world.market_params();
    assert_eq!(bytes(&after).0, bytes(&announced).1);
    assert_ne!(bytes(&after).0, bytes(&before).0);
    assert!(bytes(&after).1.iter().all(|byte| *byte == 0), "still announced");
    assert_eq!((after.terms_change_at, after.genesis_hash), (0, before.genesis_hash));
    let (set, wanted) = (&after.terms, others());
    assert_eq!(
        (set.dispute_bond, set.bond_ratio_bps, set.fee_bps, set.matcher_fee_bps),
        (
            wanted.dispute_bond,
            wanted.bond_ratio_bps,
            wanted.fee_bps,
            wanted.matcher_fee_bps
        )
    );
    world.market_refuses("NothingProposed", World::apply_terms);
}

#[test]
fn a_new_announcement_replaces_the_last_and_waits_anew() {
    let mut world = World::new();
    world.propose_terms(others()).expect("an announcement");
    world.advance(TIMELOCK);
    let second = TermsArgs {
        fee_bps: 777,
        ..terms()
    };
    world.propose_terms(second).expect("another announcement");
    world.market_refuses("TimelockNotPassed", World::apply_terms);
    world.advance(TIMELOCK);
    world.apply_terms().expect("new terms");
    let set = world.market_params().terms;
    assert_eq!((set.fee_bps, set.matcher_fee_bps), (777, terms().matcher_fee_bps));
}

#[test]
fn cancelled_terms_do_not_apply() {
    let mut world = World::new();
    let authority = world.authority.insecure_clone();
    let cancel = ix::cancel_terms(&authority.pubkey());
    world.refuses(&cancel, &[&authority], "market", "NothingProposed");
    world.propose_terms(others()).expect("an announcement");
    let change_at = world.market_params().terms_change_at;
    let outcome = world
        .send(std::slice::from_ref(&cancel), &[&authority])
        .expect("a cancellation");
    assert_eq!(event!(outcome, TermsCancelled).change_at, change_at);
    let params = world.market_params();
    assert_eq!(params.terms_change_at, 0);
    assert!(bytes(&params).1.iter().all(|byte| *byte == 0), "still announced");
    world.advance(TIMELOCK);
    world.market_refuses("NothingProposed", World::apply_terms);
    world.refuses(&cancel, &[&authority], "market", "NothingProposed");
}

#[test]
fn terms_out_of_bounds_are_not_announced() {
    let mut world = World::new();
    type Spoil = fn(&mut TermsArgs);
    let cases: [Spoil; 5] = [
        |terms| terms.min_start_deadline = 0,
        |terms| terms.max_proof_timeout = 1,
        |terms| terms.dispute_window = 0,
        |terms| (terms.fee_bps, terms.matcher_fee_bps) = (9_951, 50),
        |terms| terms.sla[1].credit_bps = 10_001,
    ];
    for spoil in cases {
        let mut wrong = terms();
        spoil(&mut wrong);
        world.market_refuses("InvalidTerms", |world| world.propose_terms(wrong));
    }
}

#[test]
fn announced_terms_never_let_stake_leave_before_a_job_is_judged() {
    let mut world = World::new();
    // Dispute window 60, longest proof timeout 600, and arbitration.
    let arbitration = staking_rules().unbonding_seconds - 660;
    let with = |arbitration_timeout| TermsArgs {
        arbitration_timeout,
        ..terms()
    };
    for longer in [arbitration + 1, u32::MAX] {
        world.market_refuses("UnbondingTooShort", |world| world.propose_terms(with(longer)));
    }
    world.propose_terms(with(arbitration)).expect("just long enough");
    world.advance(TIMELOCK);
    // Once more when they apply, because staking's side may have changed meanwhile.
    let mut staking = world.fork();
    staking.amend(&pda::staking_params(), |params: &mut StakingParams| {
        params.unbonding_seconds -= 1;
    });
    staking.market_refuses("UnbondingTooShort", World::apply_terms);
    world.apply_terms().expect("new terms");
}

#[test]
fn only_the_networks_authority_announces_and_cancels() {
    let mut world = World::new();
    let authority = world.authority.insecure_clone();
    let (propose, cancel) = (
        ix::propose_terms(&authority.pubkey(), others()),
        ix::cancel_terms(&authority.pubkey()),
    );
    world.propose_terms(terms()).expect("an announcement");
    let (stranger, guardian) = (Keypair::new(), world.guardian.insecure_clone());
    for instruction in [&propose, &cancel] {
        for other in [&stranger, &guardian] {
            let theirs = swapped(instruction, &authority.pubkey(), &other.pubkey());
            world.refuses(&theirs, &[other], "market", "NotNetworkAuthority");
        }
        let silent = unsigned(instruction, &authority.pubkey());
        world.rejects(&silent, &[], InstructionError::MissingRequiredSignature);
    }
}

#[test]
fn changing_terms_withstands_forged_accounts() {
    let mut world = World::new();
    let authority = world.authority.insecure_clone();
    world.guarded(&ix::propose_terms(&authority.pubkey(), others()), &[&authority], &[]);
    world.guarded(&ix::cancel_terms(&authority.pubkey()), &[&authority], &[]);
    world.propose_terms(others()).expect("an announcement");
    world.advance(TIMELOCK);
    world.guarded(&ix::apply_terms(), &[], &[]);
}
