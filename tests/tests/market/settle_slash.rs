//! Settling a job whose node has claimed while it ran: what is left to pay, and what the bond has to pay.

use gantry_sdk::{
    Keypair, Pubkey, Signer, core::receipt::ReceiptStatus, market::accounts::Job, pda, staking::accounts::Pool,
};
use gantry_tests::{
    event,
    world::{DISPUTE_WINDOW, Listing, TOKEN, World, swapped},
};

/// A due job that was served 80 of 100 seconds, so that half of its bill of 40,000 is credited and 19,500 are the
/// provider's, of which it has claimed `claimed`.
fn due(claimed: u64) -> (World, Pubkey, Keypair, Listing, Keypair) {
    let mut world = World::new();
    let (job, customer, listing, matcher) = world.running();
    world.advance(100);
    world
        .finish(&job, &listing, 1, 80, ReceiptStatus::Completed)
        .expect("a final proof");
    world.claimed(&job, claimed);
    world.advance(DISPUTE_WINDOW);
    (world, job, customer, listing, matcher)
}

#[test]
fn a_settlement_pays_what_was_not_claimed() {
    for claimed in [0, 1, 19_499, 19_500] {
        let (mut world, job, customer, listing, matcher) = due(claimed);
        let event = event!(world.settle(&job).expect("a settlement"), JobSettled);
        assert_eq!((event.bill, event.credit, event.claimed), (40_000, 20_000, claimed));
        assert_eq!((event.to_provider, event.to_delegators), (19_500 - claimed, 0));
        assert_eq!(
            (event.to_matcher, event.to_treasury, event.to_customer),
            (100, 400, 980_000)
        );
        let balance = |wallet: &Keypair| world.balance_of(&wallet.pubkey(), world.usdc);
        assert_eq!(balance(&listing.wallet), 19_500 - claimed);
        assert_eq!((balance(&matcher), balance(&world.authority)), (100, 400));
        assert_eq!(balance(&customer), 100 * TOKEN - 20_000);
        assert_eq!(world.pool(&listing.pool).bonded, 0);
    }
}

#[test]
fn the_bond_pays_for_a_credit_on_what_was_claimed() {
    let (mut world, job, customer, listing, matcher) = due(30_000);
    world.settle_instruction(&job);
    world.market_refuses("SlashDue", |world| world.settle(&job));
    let reporter = world.reporter();
    let settle = world.settle_with_slash_instruction(&job, &reporter);
    let outcome = world.send(&[settle], &[]).expect("a settlement");
    println!("compute units: settle with slash {}", outcome.compute_units);
    let event = event!(outcome, JobSettled);
    assert_eq!((event.claimed, event.to_provider), (30_000, 0));
    assert_eq!(
        (event.to_matcher, event.to_treasury, event.to_customer),
        (100, 400, 969_500)
    );
    let slashed = event!(outcome, CreditSlashed);
    assert_eq!((slashed.job, slashed.slashed), (job, 10_500));
    assert_eq!(event!(outcome, Slashed).bond, TOKEN / 4);
    assert_eq!(world.balance_of(&customer.pubkey(), world.stake), 5_250);
    assert_eq!(world.balance(&reporter), 1_050);
    assert_eq!(world.balance(&world.stake_tokens().treasury), 4_200);
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 100 * TOKEN - 30_500);
    assert_eq!(world.balance_of(&matcher.pubkey(), world.usdc), 100);
    let pool = world.pool(&listing.pool);
    assert_eq!((pool.bonded, pool.active), (0, 1_000 * TOKEN - 10_500));
    assert!(world.account::<Job>(&job).is_none(), "the job is closed");
}

#[test]
fn the_shortfall_is_rounded_up_and_ends_at_the_bond() {
    // One base unit more than the provider's part, at half a stake unit for each.
    let (mut world, job, _, _, _) = due(19_501);
    let mint = pda::payment_mint(&world.usdc.mint);
    world.amend::<gantry_sdk::market::accounts::PaymentMint>(&mint, |mint| mint.stake_rate = 1 << 31);
    let reporter = world.reporter();
    let settle = world.settle_with_slash_instruction(&job, &reporter);
    let outcome = world.send(&[settle], &[]).expect("a settlement");
    assert_eq!(event!(outcome, CreditSlashed).slashed, 1);

    let (mut world, job, _, listing, _) = due(30_000);
    world.amend::<Job>(&job, |job| job.bond = 1_000);
    world.amend::<Pool>(&listing.pool, |pool| pool.bonded = 1_000);
    let reporter = world.reporter();
    let settle = world.settle_with_slash_instruction(&job, &reporter);
    let outcome = world.send(&[settle], &[]).expect("a settlement");
    assert_eq!(event!(outcome, CreditSlashed).slashed, 1_000);
    assert_eq!(world.pool(&listing.pool).bonded, 0);
}

#[test]
fn where_nothing_is_left_of_the_bond_a_settlement_pays_what_there_is() {
    let (mut world, job, _, listing, _) = due(30_000);
    world.amend::<Job>(&job, |job| job.bond = 0);
    world.amend::<Pool>(&listing.pool, |pool| pool.bonded = 0);
    let event = event!(world.settle(&job).expect("a settlement"), JobSettled);
    assert_eq!((event.to_provider, event.to_customer), (0, 969_500));
}

#[test]
fn nothing_is_slashed_without_need() {
    for claimed in [0, 19_500] {
        let (mut world, job, ..) = due(claimed);
        let reporter = world.reporter();
        let settle = world.settle_with_slash_instruction(&job, &reporter);
        world.market_refuses("NoSlashDue", |world| world.send(&[settle], &[]));
    }
}

#[test]
fn a_slash_waits_for_the_dispute_window() {
    let (mut world, job, ..) = due(30_000);
    world.amend::<Job>(&job, |job| job.ended_at += 1);
    let reporter = world.reporter();
    let settle = world.settle_with_slash_instruction(&job, &reporter);
    world.market_refuses("DisputeWindowOpen", |world| {
        world.send(std::slice::from_ref(&settle), &[])
    });
    world.amend::<Job>(&job, |job| job.status = 2);
    world.market_refuses("NotEnded", |world| world.send(&[settle], &[]));
}

#[test]
fn settling_with_a_slash_withstands_forged_accounts() {
    let (mut world, job, customer, listing, matcher) = due(30_000);
    let reporter = world.reporter();
    let settle = world.settle_with_slash_instruction(&job, &reporter);
    let thief = world.wallet();
    let account =
        |owner: &Pubkey, mint: gantry_sdk::ix::MintRef| pda::associated_token(owner, &mint.mint, &mint.token_program);
    let (usdc, stake) = (world.usdc, world.stake);
    for mint in [usdc, stake] {
        let (right, stolen) = (account(&customer.pubkey(), mint), account(&thief.pubkey(), mint));
        let wrong = swapped(&settle, &right, &stolen);
        world.market_refuses("WrongDestination", |world| world.send(&[wrong], &[]));
    }
    let mut free: Vec<_> = [&customer, &listing.wallet, &matcher]
        .iter()
        .map(|owner| account(&owner.pubkey(), usdc))
        .collect();
    free.push(account(&customer.pubkey(), stake));
    let unchecked = [reporter, pda::reward_vault(&listing.pool)];
    world.guarded_but(&settle, &[], &free, &unchecked);
}
