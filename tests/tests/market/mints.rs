//! How the rules of a payment mint change, and that the jobs that are open in it are paid all the same.

use gantry_sdk::{
    Keypair, Signer,
    core::receipt::ReceiptStatus,
    ix::{self, JobArgs},
    market::accounts::PaymentMint,
    pda,
};
use gantry_tests::{
    event,
    world::{DISPUTE_WINDOW, Outcome, Refusal, TOKEN, World, job_args, swapped, unsigned},
};
use solana_instruction::error::InstructionError;

fn update(world: &mut World, enabled: bool, minimum_price: u64, stake_rate: u64) -> Result<Outcome, Refusal> {
    let (authority, mint) = (world.authority.insecure_clone(), world.usdc.mint);
    let update = ix::update_mint(&authority.pubkey(), &mint, enabled, minimum_price, stake_rate);
    world.send(&[update], &[&authority])
}

#[test]
fn an_update_changes_its_three_numbers_and_nothing_else() {
    let mut world = World::new();
    let address = pda::payment_mint(&world.usdc.mint);
    let before: PaymentMint = world.account(&address).expect("the mint");
    let outcome = update(&mut world, false, 5, 7).expect("an update");
    let updated = event!(outcome, MintUpdated);
    assert_eq!(updated.mint, world.usdc.mint);
    assert_eq!((updated.enabled, updated.minimum_price, updated.stake_rate), (0, 5, 7));
    let after: PaymentMint = world.account(&address).expect("the mint");
    assert_eq!((after.enabled, after.minimum_price, after.stake_rate), (0, 5, 7));
    assert_eq!(
        (after.mint, after.token_program, after.treasury, after.rent_payer),
        (before.mint, before.token_program, before.treasury, before.rent_payer)
    );
    assert_eq!((after.decimals, after.bump), (before.decimals, before.bump));
    update(&mut world, true, 0, u64::MAX).expect("numbers at their bounds");
    let after: PaymentMint = world.account(&address).expect("the mint");
    assert_eq!((after.enabled, after.minimum_price, after.stake_rate), (1, 0, u64::MAX));
}

#[test]
fn a_disabled_mint_takes_no_new_job_until_it_is_enabled_again() {
    let mut world = World::new();
    let customer = world.customer();
    update(&mut world, false, 1_000, 1 << 32).expect("an update");
    world.market_refuses("MintDisabled", |world| world.open(&customer, job_args(0)));
    update(&mut world, true, 1_000, 1 << 32).expect("an update");
    world.open(&customer, job_args(0)).expect("an open job");
}

#[test]
fn open_jobs_of_a_disabled_mint_go_on_and_are_paid() {
    let mut world = World::new();
    let (waiting_customer, cancelling) = (world.customer(), world.customer());
    let waiting = world.open_default(&waiting_customer);
    let cancelled = world.open_default(&cancelling);
    let (running, customer, listing, matcher) = world.running();
    update(&mut world, false, 100 * TOKEN, 1 << 32).expect("an update");

    world.cancel(&cancelling, &cancelled).expect("a cancellation");
    assert_eq!(world.balance_of(&cancelling.pubkey(), world.usdc), 100 * TOKEN);
    let free = world.list_node();
    world.assign(&matcher, &waiting, &free.node).expect("an assignment");
    world.start(&waiting, &free).expect("a start");
    world.top_up(&customer, &running, 10).expect("a longer job");
    world.advance(100);
    world.prove(&running, &listing, 1, 100).expect("a proof");
    world.acknowledge(&customer, &running, 50).expect("a release");
    world.claim_job(&running).expect("a claim");
    for (job, node, sequence) in [(running, &listing, 2), (waiting, &free, 1)] {
        world
            .finish(&job, node, sequence, 100, ReceiptStatus::Completed)
            .expect("a final proof");
    }
    world.advance(DISPUTE_WINDOW);
    world.settle(&waiting).expect("a settlement");
    assert_eq!(
        world.balance_of(&waiting_customer.pubkey(), world.usdc),
        100 * TOKEN - 50_000
    );
}

#[test]
fn a_new_minimum_price_holds_for_new_jobs() {
    let mut world = World::new();
    let customer = world.customer();
    let with = |max_price_per_hour| JobArgs {
        max_price_per_hour,
        ..job_args(0)
    };
    update(&mut world, true, 3_600_001, 1 << 32).expect("an update");
    world.market_refuses("PriceBelowMinimum", |world| world.open(&customer, with(3_600_000)));
    world.open(&customer, with(3_600_001)).expect("an open job");
}

#[test]
fn a_new_stake_rate_sizes_the_next_bond() {
    let mut world = World::new();
    let (customer, matcher, listing) = (world.customer(), world.wallet(), world.list_node());
    let job = world.open_default(&customer);
    update(&mut world, true, 1_000, 2 << 32).expect("an update");
    world.assign(&matcher, &job, &listing.node).expect("an assignment");
    assert_eq!(world.job(&job).bond, TOKEN / 2, "twice that of parity");
}

#[test]
fn a_mint_needs_a_stake_rate() {
    let mut world = World::new();
    world.market_refuses("InvalidStakeRate", |world| update(world, true, 1_000, 0));
}

#[test]
fn only_the_networks_authority_updates_a_mint() {
    let mut world = World::new();
    let (authority, stranger) = (world.authority.insecure_clone(), Keypair::new());
    let guardian = world.guardian.insecure_clone();
    let update = ix::update_mint(&authority.pubkey(), &world.usdc.mint, false, 1, 1);
    for other in [&stranger, &guardian] {
        let theirs = swapped(&update, &authority.pubkey(), &other.pubkey());
        world.refuses(&theirs, &[other], "market", "NotNetworkAuthority");
    }
    let silent = unsigned(&update, &authority.pubkey());
    world.rejects(&silent, &[], InstructionError::MissingRequiredSignature);
}

#[test]
fn an_update_of_a_mint_that_was_never_admitted_is_refused() {
    let mut world = World::new();
    let authority = world.authority.insecure_clone();
    let update = ix::update_mint(&authority.pubkey(), &world.stake.mint, true, 1, 1);
    world.rejects(&update, &[&authority], InstructionError::UninitializedAccount);
}

#[test]
fn a_word_that_is_neither_yes_nor_no_is_refused() {
    let mut world = World::new();
    let authority = world.authority.insecure_clone();
    let mut update = ix::update_mint(&authority.pubkey(), &world.usdc.mint, true, 1, 1);
    update.data[8] = 2;
    let result = world.unchanged(|world| world.send(&[update], &[&authority]));
    assert!(result.is_err(), "a boolean of 2");
}

#[test]
fn updating_a_mint_withstands_forged_accounts() {
    let mut world = World::new();
    let authority = world.authority.insecure_clone();
    let update = ix::update_mint(&authority.pubkey(), &world.usdc.mint, false, 5, 7);
    world.guarded(&update, &[&authority], &[]);
}
