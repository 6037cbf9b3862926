//! How a node ends a job early: with notice, serving until then, at the price of its reputation.

use gantry_sdk::{
    Keypair, Pubkey, Signer, core::receipt::ReceiptStatus, ix, registry::accounts::Node, state::ENDED_BY_NODE,
};
use gantry_tests::{
    event,
    world::{DISPUTE_WINDOW, Listing, World, swapped, unsigned},
};
use solana_instruction::error::InstructionError;

/// Seconds of notice.
const NOTICE: u32 = 900;

/// A job whose node gave notice after 20 seconds: it ends after 920 of its 1,000.
fn noticed(world: &mut World) -> (Pubkey, Keypair, Listing, Keypair) {
    let (job, customer, listing, matcher) = world.running();
    world.advance(20);
    world.end_job(&listing, &job).expect("a notice");
    (job, customer, listing, matcher)
}

fn counters(world: &World, listing: &Listing) -> (u64, u64) {
    let node: Node = world.account(&listing.node).expect("the node");
    (node.jobs_completed, node.jobs_failed)
}

#[test]
fn a_notice_shortens_the_job_and_nothing_else() {
    let mut world = World::new();
    let (job, _, listing, _) = world.running();
    world.advance(20);
    let before = world.job(&job);
    let outcome = world.end_job(&listing, &job).expect("a notice");
    println!("{} compute units", outcome.compute_units);
    let announced = event!(outcome, JobEndAnnounced);
    assert_eq!((announced.job, announced.node), (job, listing.node));
    assert_eq!((announced.elapsed_seconds, announced.max_duration), (20, 20 + NOTICE));
    let after = world.job(&job);
    assert_eq!((after.max_duration, after.options), (20 + NOTICE, ENDED_BY_NODE));
    assert_eq!(
        (after.status, after.deposited, after.bond, after.active_at),
        (before.status, before.deposited, before.bond, before.active_at)
    );
    // The node has the job until it ends.
    let node: Node = world.account(&listing.node).expect("the node");
    assert_eq!((node.status, node.current_job, node.jobs_failed), (1, job, 0));
}

#[test]
fn a_notice_that_ends_nothing_sooner_is_refused() {
    let mut world = World::new();
    let (job, _, listing, _) = world.running();
    world.advance(99);
    world.fork().end_job(&listing, &job).expect("a second sooner");
    world.advance(1);
    world.market_refuses("EndsSooner", |world| world.end_job(&listing, &job));
    let (given, _, listing, _) = noticed(&mut world);
    world.market_refuses("EndsSooner", |world| world.end_job(&listing, &given));
    world.advance(10);
    world.market_refuses("EndsSooner", |world| world.end_job(&listing, &given));
}

#[test]
fn a_job_served_to_the_end_of_the_notice_is_paid_and_counts_as_failed() {
    let mut world = World::new();
    let (job, customer, listing, _) = noticed(&mut world);
    world.advance(900);
    world.prove(&job, &listing, 1, 920).expect("all of it");
    world.advance(60);
    world.market_refuses("ProofTimeoutNotPassed", |world| world.report_lapse(&job));
    world.advance(1);
    let outcome = world.report_lapse(&job).expect("an end");
    assert_eq!(event!(outcome, JobEnded).outcome, 5);
    assert_eq!(event!(outcome, NodeReleased).outcome, 1);
    assert_eq!(counters(&world, &listing), (0, 1));
    let node: Node = world.account(&listing.node).expect("the node");
    // Promised are the seconds that the job was shortened to.
    assert_eq!((node.served_seconds, node.promised_seconds), (920, 920));
    world.advance(DISPUTE_WINDOW);
    let settled = event!(world.settle(&job).expect("a settlement"), JobSettled);
    assert_eq!((settled.paid_seconds, settled.bill, settled.credit), (920, 460_000, 0));
    assert_eq!(
        world.balance_of(&customer.pubkey(), world.usdc),
        100_000_000 - settled.bill
    );
}

#[test]
fn nothing_is_proven_or_paid_beyond_the_notice() {
    let mut world = World::new();
    let (job, _, listing, _) = noticed(&mut world);
    world.advance(905);
    world.market_refuses("ServedBeyondMaximum", |world| world.prove(&job, &listing, 1, 921));
    world.prove(&job, &listing, 1, 920).expect("up to it");
}

#[test]
fn a_final_receipt_of_completion_counts_as_one() {
    let mut world = World::new();
    let (job, _, listing, _) = noticed(&mut world);
    world.advance(30);
    let outcome = world
        .finish(&job, &listing, 1, 50, ReceiptStatus::Completed)
        .expect("a final proof");
    assert_eq!(event!(outcome, NodeReleased).outcome, 0);
    assert_eq!(counters(&world, &listing), (1, 0));
}

#[test]
fn a_final_receipt_of_failure_counts_as_one() {
    let mut world = World::new();
    let (job, _, listing, _) = noticed(&mut world);
    world.advance(30);
    world
        .finish(&job, &listing, 1, 50, ReceiptStatus::Failed)
        .expect("a final proof");
    assert_eq!(counters(&world, &listing), (0, 1));
}

#[test]
fn a_node_that_leaves_at_once_lapses_all_the_same() {
    let mut world = World::new();
    let (job, _, listing, _) = noticed(&mut world);
    world.advance(41);
    let outcome = world.report_lapse(&job).expect("a lapse");
    assert_eq!(event!(outcome, JobEnded).outcome, 4);
    assert_eq!(counters(&world, &listing), (0, 1));
    world.advance(DISPUTE_WINDOW);
    let settled = event!(world.settle(&job).expect("a settlement"), JobSettled);
    assert_eq!(settled.to_provider, 0);
}

#[test]
fn a_job_without_a_notice_expires_to_the_nodes_credit() {
    let mut world = World::new();
    let (job, _, listing, _) = world.running();
    world.advance(1_000);
    world.prove(&job, &listing, 1, 1_000).expect("all of it");
    world.advance(61);
    world.report_lapse(&job).expect("an end");
    assert_eq!(counters(&world, &listing), (1, 0));
}

#[test]
fn an_acceptance_beside_a_notice_needs_a_final_receipt() {
    let mut world = World::new();
    let (job, customer, listing, _) = noticed(&mut world);
    world.advance(900);
    world.prove(&job, &listing, 1, 920).expect("all of it");
    world.advance(61);
    world.report_lapse(&job).expect("an end");
    world.market_refuses("NoResult", |world| world.accept(&customer, &job));
}

#[test]
fn only_a_running_job_is_ended() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.assigned();
    world.market_refuses("NotRunning", |world| world.end_job(&listing, &job));
    world.start(&job, &listing).expect("a start");
    world.stop(&customer, &job).expect("a stop");
    world.market_refuses("NotRunning", |world| world.end_job(&listing, &job));
}

#[test]
fn only_the_nodes_key_ends_a_job() {
    let mut world = World::new();
    let (job, customer, listing, matcher) = world.running();
    let (_, _, other, _) = world.running();
    let end = ix::end_job(&listing.node_key.pubkey(), &world.job(&job));
    for stranger in [&listing.wallet, &customer, &matcher, &other.node_key] {
        let theirs = swapped(&end, &listing.node_key.pubkey(), &stranger.pubkey());
        world.refuses(&theirs, &[stranger], "market", "NotNodeKey");
    }
    let silent = unsigned(&end, &listing.node_key.pubkey());
    world.rejects(&silent, &[], InstructionError::MissingRequiredSignature);
    let mut foreign = swapped(&end, &listing.node_key.pubkey(), &other.node_key.pubkey());
    foreign = swapped(&foreign, &listing.node, &other.node);
    world.refuses(&foreign, &[&other.node_key], "market", "WrongAccount");
}

#[test]
fn ending_withstands_forged_accounts() {
    let mut world = World::new();
    let (job, _, listing, _) = world.running();
    let end = ix::end_job(&listing.node_key.pubkey(), &world.job(&job));
    world.guarded(&end, &[&listing.node_key], &[]);
}
