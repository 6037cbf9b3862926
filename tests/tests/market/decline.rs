//! How a node gives an assignment back: in time, unslashed, at the price of its reputation.

use gantry_sdk::{
    Keypair, Pubkey, Signer, ix,
    ix::JobArgs,
    pda,
    registry::accounts::{Node, Provider},
};
use gantry_tests::{
    event,
    world::{TOKEN, World, assert_refused, job_args, swapped, unsigned},
};
use solana_instruction::error::InstructionError;

#[test]
fn a_declined_job_is_open_again_and_the_bond_is_free() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.assigned();
    world.advance(20);
    let outcome = world.decline(&listing, &job).expect("a refusal");
    println!("{} compute units", outcome.compute_units);
    let declined = event!(outcome, AssignmentDeclined);
    assert_eq!(
        (declined.job, declined.node, declined.assignment),
        (job, listing.node, 1)
    );
    let released = event!(outcome, Released);
    assert_eq!(
        (released.pool, released.amount, released.bonded),
        (listing.pool, TOKEN / 4, 0)
    );
    assert_eq!(event!(outcome, NodeReleased).outcome, 1);
    let account = world.job(&job);
    assert_eq!(
        (account.status, account.outcome, account.active_at, account.assignment),
        (0, 0, 0, 1)
    );
    assert_eq!((account.bond, account.price_per_hour), (0, 0));
    let none = Pubkey::default();
    assert_eq!((account.node, account.provider, account.matcher), (none, none, none));
    // Nobody lost anything: not the stake, not the escrow.
    let pool = world.pool(&listing.pool);
    assert_eq!((pool.active, pool.bonded, pool.slashed_total), (1_000 * TOKEN, 0, 0));
    assert_eq!(world.balance(&pda::vault(&job)), TOKEN);
    world.cancel(&customer, &job).expect("a cancellation");
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 100 * TOKEN);
}

#[test]
fn declining_costs_reputation_and_bars_the_node() {
    let mut world = World::new();
    let (job, _, listing, matcher) = world.assigned();
    world.decline(&listing, &job).expect("a refusal");
    let node: Node = world.account(&listing.node).expect("the node");
    assert_eq!(
        (
            node.status,
            node.jobs_completed,
            node.jobs_failed,
            node.consecutive_failures
        ),
        (0, 0, 1, 1)
    );
    assert_eq!((node.served_seconds, node.promised_seconds), (0, 0));
    let provider: Provider = world.account(&listing.provider).expect("the provider");
    assert_eq!((provider.jobs_failed, provider.active_leases), (1, 0));
    world.market_refuses("NodeBarred", |world| world.assign(&matcher, &job, &listing.node));
    let other = world.list_node();
    world.assign(&matcher, &job, &other.node).expect("another node");
    assert_eq!(world.job(&job).assignment, 2);
    world.start(&job, &other).expect("a start");
}

#[test]
fn a_node_that_declines_three_times_is_suspended() {
    let mut world = World::new();
    let (customer, listing, matcher) = (world.customer(), world.list_node(), world.wallet());
    for _ in 0..3 {
        let job = world.open_default(&customer);
        world.assign(&matcher, &job, &listing.node).expect("an assignment");
        world.decline(&listing, &job).expect("a refusal");
    }
    assert_eq!(world.account::<Node>(&listing.node).expect("the node").status, 3);
    let job = world.open_default(&customer);
    let result = world.unchanged(|world| world.assign(&matcher, &job, &listing.node));
    assert_refused(result, "registry", "NodeNotAvailable");
}

#[test]
fn a_node_declines_until_the_start_deadline_and_not_to_escape_the_slash() {
    let mut world = World::new();
    let (job, _, listing, reporter) = world.assigned();
    world.advance(30);
    world
        .fork()
        .decline(&listing, &job)
        .expect("a refusal in the last second");
    world.advance(1);
    world.market_refuses("StartDeadlinePassed", |world| world.decline(&listing, &job));
    let expired = event!(world.expire(&reporter, &job).expect("an expiry"), AssignmentExpired);
    assert_eq!(expired.slashed, TOKEN / 4);
}

#[test]
fn only_an_assigned_job_is_declined() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.assigned();
    let decline = ix::decline_assignment(&listing.node_key.pubkey(), &world.job(&job));
    world.start(&job, &listing).expect("a start");
    world.market_refuses("NotAssigned", |world| world.decline(&listing, &job));
    world.stop(&customer, &job).expect("a stop");
    world.market_refuses("NotAssigned", |world| world.decline(&listing, &job));

    let (open, _, again, _) = world.assigned();
    let twice = ix::decline_assignment(&again.node_key.pubkey(), &world.job(&open));
    world
        .send(std::slice::from_ref(&twice), &[&again.node_key])
        .expect("a refusal");
    let result = world.unchanged(|world| world.send(&[twice], &[&again.node_key]));
    assert!(result.is_err(), "a bond given back twice");
    let result = world.unchanged(|world| world.send(&[decline], &[&listing.node_key]));
    assert_refused(result, "market", "NotAssigned");
}

#[test]
fn a_job_that_asks_for_one_node_asks_for_it_still() {
    let mut world = World::new();
    let (customer, listing, matcher) = (world.customer(), world.list_node(), world.wallet());
    let args = JobArgs {
        node: listing.node,
        matcher: matcher.pubkey(),
        ..job_args(0)
    };
    world.open(&customer, args).expect("an open job");
    let job = pda::job(&customer.pubkey(), 0);
    world.assign(&matcher, &job, &listing.node).expect("an assignment");
    world.decline(&listing, &job).expect("a refusal");
    let account = world.job(&job);
    assert_eq!((account.node, account.matcher), (listing.node, matcher.pubkey()));
    let other = world.list_node();
    world.market_refuses("NotThisNode", |world| world.assign(&matcher, &job, &other.node));
    world.cancel(&customer, &job).expect("a cancellation");
}

#[test]
fn only_the_nodes_key_declines() {
    let mut world = World::new();
    let (job, customer, listing, matcher) = world.assigned();
    let (_, _, other, _) = world.assigned();
    let decline = ix::decline_assignment(&listing.node_key.pubkey(), &world.job(&job));
    let strangers: [&Keypair; 4] = [&listing.wallet, &customer, &matcher, &other.node_key];
    for stranger in strangers {
        let theirs = swapped(&decline, &listing.node_key.pubkey(), &stranger.pubkey());
        world.refuses(&theirs, &[stranger], "market", "NotNodeKey");
    }
    let silent = unsigned(&decline, &listing.node_key.pubkey());
    world.rejects(&silent, &[], InstructionError::MissingRequiredSignature);
    // Another job's node, with its own key.
    let mut foreign = swapped(&decline, &listing.node_key.pubkey(), &other.node_key.pubkey());
    foreign = swapped(&foreign, &listing.node, &other.node);
    world.refuses(&foreign, &[&other.node_key], "market", "WrongAccount");
}

#[test]
fn another_pools_bond_is_not_given_back() {
    let mut world = World::new();
    let (job, _, listing, matcher) = world.assigned();
    let (_, _, other, _) = world.assigned();
    let decline = ix::decline_assignment(&listing.node_key.pubkey(), &world.job(&job));
    for (right, wrong) in [
        (listing.pool, other.pool),
        (listing.provider, other.provider),
        (pda::market_authority(), matcher.pubkey()),
    ] {
        let wrong = swapped(&decline, &right, &wrong);
        world.refuses(&wrong, &[&listing.node_key], "market", "WrongAccount");
    }
    let wrong = swapped(
        &decline,
        &pda::reward_vault(&listing.pool),
        &pda::reward_vault(&other.pool),
    );
    world.rejects(&wrong, &[&listing.node_key], InstructionError::InvalidSeeds);
}

#[test]
fn a_pause_does_not_hold_a_node_to_a_job() {
    let mut world = World::new();
    let (job, _, listing, _) = world.assigned();
    world.pause(3);
    world.decline(&listing, &job).expect("a refusal");
}

#[test]
fn declining_withstands_forged_accounts() {
    let mut world = World::new();
    let (job, _, listing, _) = world.assigned();
    let decline = ix::decline_assignment(&listing.node_key.pubkey(), &world.job(&job));
    world.guarded(&decline, &[&listing.node_key], &[]);
}
