//! How a customer extends a running job: by paying for the seconds at the job's highest price, never backwards in time.

use gantry_sdk::{
    Signer,
    core::receipt::ReceiptStatus,
    ix::{self, JobArgs, token},
    market::accounts::{Job, MarketParams},
    pda,
};
use gantry_tests::{
    event,
    world::{DISPUTE_WINDOW, TOKEN, World, assert_refused, job_args, swapped, unsigned},
};
use solana_instruction::error::InstructionError;

#[test]
fn a_top_up_extends_the_job_and_pays_for_it() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.running();
    world.advance(50);
    let outcome = world.top_up(&customer, &job, 500).expect("a longer job");
    let topped = event!(outcome, JobToppedUp);
    assert_eq!((topped.job, topped.max_duration), (job, 1_500));
    assert_eq!((topped.added, topped.deposited), (TOKEN / 2, TOKEN * 3 / 2));
    let account = world.job(&job);
    assert_eq!((account.max_duration, account.deposited), (1_500, TOKEN * 3 / 2));
    assert_eq!(world.balance(&pda::vault(&job)), TOKEN * 3 / 2);
    assert_eq!(
        world.balance_of(&customer.pubkey(), world.usdc),
        100 * TOKEN - TOKEN * 3 / 2
    );
    // The stake behind the job stays what it was.
    assert_eq!((account.bond, world.pool(&listing.pool).bonded), (TOKEN / 4, TOKEN / 4));
}

#[test]
fn the_added_seconds_are_served_and_paid() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.running();
    world.top_up(&customer, &job, 500).expect("a longer job");
    world.advance(1_200);
    world
        .finish(&job, &listing, 1, 1_200, ReceiptStatus::Completed)
        .expect("a final proof");
    world.advance(DISPUTE_WINDOW);
    let settled = event!(world.settle(&job).expect("a settlement"), JobSettled);
    assert_eq!((settled.deposited, settled.paid_seconds), (TOKEN * 3 / 2, 1_200));
    assert_eq!((settled.bill, settled.credit), (600_000, 0));
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 100 * TOKEN - 600_000);
}

#[test]
fn many_small_top_ups_cost_what_one_would() {
    let mut world = World::new();
    let (customer, matcher) = (world.customer(), world.wallet());
    let listing = world.list_node();
    // 1.8 tokens an hour and a bit: no whole base unit a second.
    let args = JobArgs {
        max_price_per_hour: 1_800_001,
        max_duration: 7,
        ..job_args(0)
    };
    world.open(&customer, args).expect("an open job");
    let job = pda::job(&customer.pubkey(), 0);
    world.assign(&matcher, &job, &listing.node).expect("an assignment");
    world.start(&job, &listing).expect("a start");
    for seconds in [1, 1, 2, 3, 5, 8, 1] {
        world.top_up(&customer, &job, seconds).expect("a longer job");
        let account = world.job(&job);
        let whole = 1_800_001 * u64::from(account.max_duration);
        assert_eq!(account.deposited, whole.div_ceil(3_600), "{seconds}");
        assert_eq!(world.balance(&pda::vault(&job)), account.deposited, "{seconds}");
    }
    assert_eq!(world.job(&job).max_duration, 28);
}

#[test]
fn a_job_is_extended_up_to_the_markets_longest_and_not_beyond() {
    let mut world = World::new();
    let (job, customer, ..) = world.running();
    world.amend(&pda::market_params(), |params: &mut MarketParams| {
        params.terms.max_duration = 1_100;
    });
    for seconds in [0, 101, u32::MAX - 1_000] {
        world.market_refuses("InvalidDuration", |world| world.top_up(&customer, &job, seconds));
    }
    for seconds in [u32::MAX - 999, u32::MAX] {
        world.market_refuses("Overflow", |world| world.top_up(&customer, &job, seconds));
    }
    world.top_up(&customer, &job, 100).expect("the longest job");
    world.market_refuses("InvalidDuration", |world| world.top_up(&customer, &job, 1));
}

#[test]
fn a_price_times_duration_beyond_a_u64_is_refused() {
    let mut world = World::new();
    let (job, customer, ..) = world.running();
    world.amend(&pda::market_params(), |params: &mut MarketParams| {
        params.terms.max_duration = u32::MAX;
    });
    world.amend(&job, |job: &mut Job| job.max_price_per_hour = u64::MAX / 2);
    world.market_refuses("DepositTooLarge", |world| world.top_up(&customer, &job, 1_000_000));
}

#[test]
fn only_a_running_job_is_extended() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.assigned();
    world.market_refuses("NotRunning", |world| world.top_up(&customer, &job, 10));
    world.start(&job, &listing).expect("a start");
    world.stop(&customer, &job).expect("a stop");
    world.market_refuses("NotRunning", |world| world.top_up(&customer, &job, 10));
    let open = world.open_default(&customer);
    world.market_refuses("NotRunning", |world| world.top_up(&customer, &open, 10));
}

#[test]
fn a_job_that_has_run_its_time_is_not_extended() {
    // A node that stopped when the time was over would otherwise owe seconds that have passed already.
    let mut world = World::new();
    let (job, customer, listing, _) = world.running();
    world.advance(999);
    world
        .fork()
        .top_up(&customer, &job, 10)
        .expect("a longer job in the last second");
    world.advance(1);
    world.market_refuses("NoTimeLeft", |world| world.top_up(&customer, &job, 10));
    world.prove(&job, &listing, 1, 1_000).expect("all of it");
    world.market_refuses("NoTimeLeft", |world| world.top_up(&customer, &job, 10));
}

#[test]
fn a_job_whose_node_gave_notice_is_not_extended() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.running();
    world.end_job(&listing, &job).expect("a notice");
    world.market_refuses("NodeGaveNotice", |world| world.top_up(&customer, &job, 10));
}

#[test]
fn a_customer_without_the_money_extends_nothing() {
    let mut world = World::new();
    let (job, customer, ..) = world.running();
    let result = world.unchanged(|world| world.top_up(&customer, &job, 100_000));
    assert!(
        result.is_err(),
        "100 tokens, of which 99 are left, pay for 99,000 seconds"
    );
    world.top_up(&customer, &job, 99_000).expect("the last token");
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 0);
}

#[test]
fn dust_in_the_vault_does_not_count_as_payment() {
    let mut world = World::new();
    let (job, customer, ..) = world.running();
    let source = pda::associated_token(&customer.pubkey(), &world.usdc.mint, &world.usdc.token_program);
    let (mint, vault) = (world.usdc.mint, pda::vault(&job));
    let dust = token::transfer_checked(&source, &mint, &vault, &customer.pubkey(), 7, 6, &token::TOKEN_PROGRAM);
    world.send(&[dust], &[&customer]).expect("dust");
    world.top_up(&customer, &job, 500).expect("a longer job");
    assert_eq!(world.balance(&vault), TOKEN * 3 / 2 + 7);
    assert_eq!(world.job(&job).deposited, TOKEN * 3 / 2);
}

#[test]
fn only_the_customer_extends_a_job() {
    let mut world = World::new();
    let (job, customer, listing, matcher) = world.running();
    let top_up = world.top_up_instruction(&job, 10);
    for stranger in [&listing.wallet, &matcher, &listing.node_key] {
        let theirs = swapped(&top_up, &customer.pubkey(), &stranger.pubkey());
        world.refuses(&theirs, &[stranger], "market", "NotCustomer");
    }
    let silent = unsigned(&top_up, &customer.pubkey());
    world.rejects(&silent, &[], InstructionError::MissingRequiredSignature);
}

#[test]
fn a_pause_does_not_keep_a_job_from_being_extended() {
    let mut world = World::new();
    let (job, customer, ..) = world.running();
    world.pause(3);
    world.top_up(&customer, &job, 10).expect("a longer job");
}

#[test]
fn the_vaults_own_money_extends_nothing() {
    let mut world = World::new();
    let (job, customer, ..) = world.running();
    let (other, ..) = world.running();
    let account = world.job(&job);
    let mint = world.payment_mint(&account);
    // Neither this job's escrow nor another's.
    for vault in [pda::vault(&job), pda::vault(&other)] {
        let theft = ix::top_up_job(&account, &mint, &vault, 10);
        let result = world.unchanged(|world| world.send(&[theft], &[&customer]));
        assert!(result.is_err(), "paid out of an escrow");
    }
    let elsewhere = swapped(
        &world.top_up_instruction(&job, 10),
        &pda::vault(&job),
        &pda::vault(&other),
    );
    world.rejects(&elsewhere, &[&customer], InstructionError::InvalidSeeds);
    let wrong_mint = swapped(
        &world.top_up_instruction(&job, 10),
        &world.usdc.mint.clone(),
        &world.stake.mint.clone(),
    );
    assert_refused(world.send(&[wrong_mint], &[&customer]), "market", "WrongAccount");
}

#[test]
fn topping_up_withstands_forged_accounts() {
    let mut world = World::new();
    let (job, customer, ..) = world.running();
    let top_up = world.top_up_instruction(&job, 10);
    // Any account of the customer's with enough in it will do.
    let source = pda::associated_token(&customer.pubkey(), &world.usdc.mint, &world.usdc.token_program);
    world.guarded(&top_up, &[&customer], &[source]);
}
