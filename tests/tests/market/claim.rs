//! How a running job pays: what was proven a dispute window ago, or what its customer released, once and to the right
//! ones.

use gantry_sdk::{
    Keypair, Pubkey, Signer,
    ix::{self, TermsArgs},
    pda,
};
use gantry_tests::{
    event,
    world::{DISPUTE_WINDOW, Listing, TOKEN, World, swapped, terms, unsigned},
};
use solana_instruction::error::InstructionError;

/// A job that runs for 100 seconds, of which 80 are proven and 50 released.
fn released(world: &mut World) -> (Pubkey, Keypair, Listing, Keypair) {
    let (job, customer, listing, matcher) = world.running_with_delegators();
    world.advance(80);
    world.prove(&job, &listing, 1, 80).expect("a proof");
    world.advance(20);
    world.acknowledge(&customer, &job, 50).expect("a release");
    (job, customer, listing, matcher)
}

#[test]
fn the_customer_releases_seconds_that_were_proven() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.running();
    world.market_refuses("BeyondProven", |world| world.acknowledge(&customer, &job, 1));
    world.advance(50);
    world.prove(&job, &listing, 1, 40).expect("a proof");
    for beyond in [41, u32::MAX] {
        world.market_refuses("BeyondProven", |world| world.acknowledge(&customer, &job, beyond));
    }
    let outcome = world.acknowledge(&customer, &job, 30).expect("a release");
    let event = event!(outcome, SecondsReleased);
    assert_eq!((event.job, event.released_seconds), (job, 30));
    assert_eq!(world.job(&job).released_seconds, 30);
    world.acknowledge(&customer, &job, 40).expect("all of it");
    assert_eq!(world.job(&job).released_seconds, 40);
    // What was released stays released.
    let outcome = world.acknowledge(&customer, &job, 10).expect("less than before");
    assert_eq!(event!(outcome, SecondsReleased).released_seconds, 40);
    assert_eq!(world.job(&job).released_seconds, 40);
}

#[test]
fn only_the_customer_releases_and_only_while_the_job_runs() {
    let mut world = World::new();
    let (job, customer, listing, matcher) = world.assigned();
    world.market_refuses("NotRunning", |world| world.acknowledge(&customer, &job, 0));
    world.start(&job, &listing).expect("a start");
    world.advance(10);
    world.prove(&job, &listing, 1, 10).expect("a proof");
    let acknowledge = ix::acknowledge(&world.job(&job), 10);
    for stranger in [&listing.wallet, &matcher, &listing.node_key] {
        let theirs = swapped(&acknowledge, &customer.pubkey(), &stranger.pubkey());
        world.refuses(&theirs, &[stranger], "market", "NotCustomer");
    }
    let silent = unsigned(&acknowledge, &customer.pubkey());
    world.rejects(&silent, &[], InstructionError::MissingRequiredSignature);
    world.guarded(&acknowledge, &[&customer], &[]);
    world.stop(&customer, &job).expect("a stop");
    world.market_refuses("NotRunning", |world| world.acknowledge(&customer, &job, 10));
}

#[test]
fn a_claim_pays_what_the_customer_released() {
    let mut world = World::new();
    let (job, customer, listing, matcher) = released(&mut world);
    let outcome = world.claim_job(&job).expect("a claim");
    // 50 seconds at 500 base units, less 2 % and 0.5 %; of that 80 % to the stakers.
    let claimed = event!(outcome, JobClaimed);
    assert_eq!((claimed.job, claimed.provider), (job, listing.provider));
    assert_eq!((claimed.released_seconds, claimed.paid_out), (50, 24_375));
    assert_eq!((claimed.to_provider, claimed.to_delegators), (4_875, 19_500));
    assert_eq!(event!(outcome, RewardsDeposited).amount, 19_500);
    println!("{} compute units", outcome.compute_units);
    assert_eq!(world.balance_of(&listing.wallet.pubkey(), world.usdc), 4_875);
    assert_eq!(world.balance(&pda::reward_vault(&listing.pool)), 19_500);
    assert_eq!(world.balance(&pda::vault(&job)), TOKEN - 24_375);
    let account = world.job(&job);
    assert_eq!((account.paid_out, account.status), (24_375, 2));
    // Everybody else is paid when the job is settled.
    assert_eq!(world.balance_of(&matcher.pubkey(), world.usdc), 0);
    assert_eq!(world.balance_of(&world.authority.pubkey(), world.usdc), 0);
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 99 * TOKEN);
    // The stake behind the job is bonded on.
    assert_eq!(world.pool(&listing.pool).bonded, TOKEN / 4);
}

#[test]
fn a_claim_pays_each_second_once() {
    let mut world = World::new();
    let (job, customer, listing, _) = released(&mut world);
    world.claim_job(&job).expect("a claim");
    world.market_refuses("NothingDue", |world| world.claim_job(&job));
    let claim = world.claim_job_instruction(&job);
    world.acknowledge(&customer, &job, 80).expect("a release");
    let both = world.unchanged(|world| world.send(&[claim.clone(), claim.clone()], &[]));
    assert!(both.is_err(), "paid twice in one transaction");
    let outcome = world.send(&[claim], &[]).expect("the rest");
    let claimed = event!(outcome, JobClaimed);
    assert_eq!((claimed.released_seconds, claimed.paid_out), (80, 39_000));
    assert_eq!(claimed.to_provider + claimed.to_delegators, 39_000 - 24_375);
    assert_eq!(world.balance_of(&listing.wallet.pubkey(), world.usdc), 7_800);
    assert_eq!(world.balance(&pda::reward_vault(&listing.pool)), 31_200);
}

#[test]
fn seconds_are_due_a_dispute_window_after_they_were_proven() {
    let mut world = World::new();
    let (job, _, listing, _) = world.running();
    world.advance(40);
    world.prove(&job, &listing, 1, 40).expect("a proof");
    world.claim_job_instruction(&job);
    world.market_refuses("NothingDue", |world| world.claim_job(&job));
    // The checkpoint of the start is a window old, and covers nothing; that of the proof is not.
    world.advance(DISPUTE_WINDOW - 1);
    world.market_refuses("NothingDue", |world| world.claim_job(&job));
    world.advance(1);
    let outcome = world.claim_job(&job).expect("a claim without a new proof");
    let claimed = event!(outcome, JobClaimed);
    assert_eq!((claimed.released_seconds, claimed.paid_out), (40, 19_500));
    // No stakers' part with a commission of 100 %.
    assert_eq!((claimed.to_provider, claimed.to_delegators), (19_500, 0));
    assert_eq!(world.job(&job).released_seconds, 40);
}

#[test]
fn a_claim_counts_a_checkpoint_that_is_old_enough_and_sets_the_next() {
    let mut world = World::new();
    let (job, _, listing, _) = world.running();
    world.advance(60);
    world.prove(&job, &listing, 1, 60).expect("a proof");
    world.advance(59);
    world.prove(&job, &listing, 2, 110).expect("a proof");
    world.advance(1);
    let claimed = event!(world.claim_job(&job).expect("a claim"), JobClaimed);
    assert_eq!((claimed.released_seconds, claimed.paid_out), (60, 29_250));
    let account = world.job(&job);
    assert_eq!((account.checkpoint_seconds, account.checkpoint_at), (110, 119));
    world.advance(58);
    world.market_refuses("NothingDue", |world| world.claim_job(&job));
    world.advance(1);
    let claimed = event!(world.claim_job(&job).expect("the rest"), JobClaimed);
    assert_eq!(claimed.released_seconds, 110);
}

#[test]
fn the_commission_in_force_counts() {
    let mut world = World::new();
    let (job, customer, listing, _) = released(&mut world);
    world.claim_job(&job).expect("a claim");
    let lower = ix::set_commission(&listing.wallet.pubkey(), 0);
    world.send(&[lower], &[&listing.wallet]).expect("a lower commission");
    world.acknowledge(&customer, &job, 60).expect("a release");
    let claimed = event!(world.claim_job(&job).expect("a claim"), JobClaimed);
    assert_eq!((claimed.to_provider, claimed.to_delegators), (0, 4_875));
}

#[test]
fn small_claims_take_nothing_from_the_stakers() {
    let mut world = World::new();
    let customer = world.customer();
    let matcher = world.wallet();
    // One base unit a second, less the fees: each claim is of one unit, which no share divides.
    let args = ix::NodeArgs {
        price_per_hour: 3_600,
        ..world.node_args()
    };
    let listing = world.list_node_with(args, 5_000);
    let job = world.open_default(&customer);
    world.assign(&matcher, &job, &listing.node).expect("an assignment");
    world.start(&job, &listing).expect("a start");
    world.advance(60);
    world.prove(&job, &listing, 1, 60).expect("a proof");
    let mut claims = 0;
    for seconds in 1..=60 {
        world.acknowledge(&customer, &job, seconds).expect("a release");
        match world.claim_job(&job) {
            Ok(_) => claims += 1,
            Err(refusal) => gantry_tests::world::assert_refused(Err(refusal), "market", "NothingDue"),
        }
    }
    let paid = world.job(&job).paid_out;
    assert_eq!((paid, claims), (58, 58), "97.5 % of 60, rounded down");
    assert_eq!(world.balance(&pda::reward_vault(&listing.pool)), paid / 2);
    assert_eq!(world.balance_of(&listing.wallet.pubkey(), world.usdc), paid / 2);
}

#[test]
fn a_pool_whose_stake_is_gone_leaves_the_provider_everything() {
    let mut world = World::new();
    let (job, _, listing, _) = released(&mut world);
    world.amend(&listing.pool, |pool: &mut gantry_sdk::staking::accounts::Pool| {
        pool.active_shares = 0;
    });
    let claimed = event!(world.claim_job(&job).expect("a claim"), JobClaimed);
    assert_eq!((claimed.to_provider, claimed.to_delegators), (24_375, 0));
}

#[test]
fn a_rise_of_the_fees_takes_nothing_back() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.running();
    world.advance(80);
    world.prove(&job, &listing, 1, 80).expect("a proof");
    world.acknowledge(&customer, &job, 50).expect("a release");
    world.claim_job(&job).expect("a claim");
    world.amend(
        &pda::market_params(),
        |params: &mut gantry_sdk::market::accounts::MarketParams| {
            params.terms.fee_bps = 5_000;
        },
    );
    world.acknowledge(&customer, &job, 60).expect("a release");
    world.market_refuses("NothingDue", |world| world.claim_job(&job));
    assert_eq!(world.balance_of(&listing.wallet.pubkey(), world.usdc), 24_375);
}

#[test]
fn only_a_running_job_is_claimed_from() {
    let mut world = World::new();
    let (assigned, _, listing, _) = world.assigned();
    world.claim_job_instruction(&assigned);
    world.market_refuses("NotRunning", |world| world.claim_job(&assigned));
    world.start(&assigned, &listing).expect("a start");
    world.market_refuses("NothingDue", |world| world.claim_job(&assigned));
    let (stopped, customer, ..) = released(&mut world);
    world.claim_job_instruction(&stopped);
    world.stop(&customer, &stopped).expect("a stop");
    world.market_refuses("NotRunning", |world| world.claim_job(&stopped));
}

#[test]
fn a_pause_does_not_keep_a_job_from_paying() {
    let mut world = World::new();
    let (job, ..) = released(&mut world);
    world.pause(3);
    world.claim_job(&job).expect("a claim");
}

#[test]
fn nobody_leads_a_claim_elsewhere() {
    let mut world = World::new();
    let (job, customer, listing, matcher) = released(&mut world);
    let (other_job, _, other, _) = released(&mut world);
    let claim = world.claim_job_instruction(&job);
    let account = |owner: &Keypair, world: &mut World| world.token_account(&owner.pubkey(), world.usdc);
    let right = account(&listing.wallet, &mut world);
    for thief in [&customer, &matcher, &other.wallet, &listing.node_key] {
        let wrong = account(thief, &mut world);
        world.refuses(&swapped(&claim, &right, &wrong), &[], "market", "WrongDestination");
    }
    let in_stake = world.token_account(&listing.wallet.pubkey(), world.stake);
    world.refuses(&swapped(&claim, &right, &in_stake), &[], "market", "WrongDestination");
    let stake_mint = world.stake.mint;
    for (right, wrong) in [
        (listing.provider, other.provider),
        (listing.pool, other.pool),
        (world.usdc.mint, stake_mint),
        (pda::market_authority(), matcher.pubkey()),
    ] {
        world.refuses(&swapped(&claim, &right, &wrong), &[], "market", "WrongAccount");
    }
    for (right, wrong) in [
        (pda::vault(&job), pda::vault(&other_job)),
        (pda::reward_vault(&listing.pool), pda::reward_vault(&other.pool)),
        (pda::reward_vault(&listing.pool), account(&matcher, &mut world)),
    ] {
        world.rejects(&swapped(&claim, &right, &wrong), &[], InstructionError::InvalidSeeds);
    }
    world.send(&[claim], &[]).expect("the instruction as it should be");
}

#[test]
fn claiming_withstands_forged_accounts() {
    let mut world = World::new();
    let (job, _, listing, _) = released(&mut world);
    let claim = world.claim_job_instruction(&job);
    // Any account of the payout owner's will do.
    let destination = world.token_account(&listing.wallet.pubkey(), world.usdc);
    world.guarded(&claim, &[], &[destination]);
}

#[test]
fn shares_that_leave_the_provider_nothing_pay_nothing() {
    let mut world = World::new();
    let (job, ..) = released(&mut world);
    let all = TermsArgs {
        fee_bps: 9_950,
        ..terms()
    };
    world.propose_terms(all).expect("an announcement");
    world.amend(
        &pda::market_params(),
        |params: &mut gantry_sdk::market::accounts::MarketParams| params.terms_change_at = 1,
    );
    world.apply_terms().expect("new terms");
    world.claim_job_instruction(&job);
    world.market_refuses("NothingDue", |world| world.claim_job(&job));
}
