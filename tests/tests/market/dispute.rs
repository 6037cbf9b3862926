//! Taking a job to the council: what it costs, what it stops, and until when.

use gantry_sdk::{
    Pubkey, Signer,
    core::receipt::ReceiptStatus,
    market::accounts::Dispute,
    pda,
    registry::accounts::{Node, Provider},
};
use gantry_tests::{
    event,
    world::{DISPUTE_WINDOW, TOKEN, World, swapped, unsigned},
};
use solana_instruction::error::InstructionError;

/// Seconds that the council has.
const ARBITRATION: i64 = 600;

#[test]
fn a_dispute_takes_a_bond_and_waits_for_the_council() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.completed();
    let node = world.svm.get_account(&listing.node);
    let outcome = world.dispute(&customer, &job).expect("a dispute");
    let opened = event!(outcome, DisputeOpened);
    assert_eq!((opened.job, opened.customer), (job, customer.pubkey()));
    assert_eq!(
        (opened.reason_hash, opened.bond, opened.deadline),
        ([3; 32], TOKEN, world.now() + ARBITRATION)
    );
    let dispute: Dispute = world.account(&pda::dispute(&job)).expect("the dispute");
    assert_eq!((dispute.job, dispute.opener), (job, customer.pubkey()));
    assert_eq!(
        (dispute.rent_payer, dispute.reason_hash),
        (world.payer.pubkey(), [3; 32])
    );
    assert_eq!(
        (dispute.bond, dispute.opened_at, dispute.deadline),
        (TOKEN, world.now(), world.now() + ARBITRATION)
    );
    assert!(dispute.votes.iter().all(|vote| vote.cast == 0));
    assert_eq!(world.balance(&pda::vault(&job)), 2 * TOKEN);
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 98 * TOKEN);
    let account = world.job(&job);
    assert_eq!((account.status, account.outcome, account.deposited), (5, 1, TOKEN));
    assert_eq!(
        world.svm.get_account(&listing.node),
        node,
        "the node has another job by now"
    );
    world.advance(DISPUTE_WINDOW);
    world.settle_instruction(&job);
    world.market_refuses("NotEnded", |world| world.settle(&job));
}

#[test]
fn a_running_job_ends_with_its_dispute() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.running();
    world.advance(50);
    world.prove(&job, &listing, 1, 40).expect("a proof");
    world.advance(5);
    let outcome = world.dispute(&customer, &job).expect("a dispute");
    let ended = event!(outcome, JobEnded);
    assert_eq!((ended.job, ended.node, ended.outcome), (job, listing.node, 3));
    assert_eq!((ended.served_seconds, ended.elapsed_seconds), (40, 55));
    assert_eq!(event!(outcome, NodeReleased).outcome, 2);
    let account = world.job(&job);
    assert_eq!((account.status, account.outcome, account.ended_at), (5, 3, 55));
    let node: Node = world.account(&listing.node).expect("the node");
    assert_eq!((node.status, node.current_job), (0, Pubkey::default()));
    assert_eq!((node.jobs_completed, node.jobs_failed), (0, 0));
    let provider: Provider = world.account(&listing.provider).expect("the provider");
    assert_eq!(provider.active_leases, 0);
}

#[test]
fn a_dispute_cuts_off_no_second_that_was_served() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.running();
    world.advance(50);
    world.dispute(&customer, &job).expect("a dispute");
    world.advance(10);
    world.market_refuses("ServedBeyondElapsed", |world| world.prove(&job, &listing, 1, 51));
    world
        .finish(&job, &listing, 1, 50, ReceiptStatus::Completed)
        .expect("the last receipt");
    let account = world.job(&job);
    assert_eq!((account.status, account.served_seconds, account.outcome), (5, 50, 3));
    // One that ended by its own receipt has had its last word.
    let (job, customer, listing, _) = world.completed();
    world.dispute(&customer, &job).expect("a dispute");
    world.market_refuses("NotRunning", |world| world.prove(&job, &listing, 2, 100));
}

#[test]
fn a_lapsed_job_can_be_disputed() {
    let mut world = World::new();
    let (job, customer, ..) = world.running();
    world.advance(61);
    world.report_lapse(&job).expect("a lapse");
    world.dispute(&customer, &job).expect("a dispute");
    let account = world.job(&job);
    assert_eq!((account.status, account.outcome), (5, 4));
}

#[test]
fn the_window_is_open_for_its_seconds_and_no_longer() {
    let mut world = World::new();
    let (job, customer, ..) = world.completed();
    world.advance(DISPUTE_WINDOW - 1);
    world.fork().dispute(&customer, &job).expect("in the last second");
    world.advance(1);
    world.market_refuses("DisputeWindowClosed", |world| world.dispute(&customer, &job));
    world.settle(&job).expect("a settlement instead");
}

#[test]
fn who_accepted_a_result_disputes_it_no_more() {
    let mut world = World::new();
    let (job, customer, ..) = world.completed();
    world.accept(&customer, &job).expect("an acceptance");
    world.market_refuses("ResultAccepted", |world| world.dispute(&customer, &job));
}

#[test]
fn a_job_that_never_ran_or_is_disputed_is_not_disputed() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.assigned();
    world.market_refuses("NotDisputable", |world| world.dispute(&customer, &job));
    world.start(&job, &listing).expect("a start");
    world.dispute(&customer, &job).expect("a dispute");
    let again = world.unchanged(|world| world.dispute(&customer, &job));
    assert!(again.is_err(), "disputed twice");
}

#[test]
fn only_the_customer_disputes() {
    let mut world = World::new();
    let (job, customer, listing, matcher) = world.running();
    let dispute = world.dispute_instruction(&job);
    for stranger in [&listing.wallet, &matcher, &listing.node_key] {
        let theirs = swapped(&dispute, &customer.pubkey(), &stranger.pubkey());
        world.market_refuses("NotCustomer", |world| world.send(&[theirs], &[stranger]));
    }
    let silent = unsigned(&dispute, &customer.pubkey());
    world.runtime_refuses(InstructionError::MissingRequiredSignature, |world| {
        world.send(&[silent], &[])
    });
}

#[test]
fn a_dispute_needs_its_bond() {
    let mut world = World::new();
    let (job, customer, ..) = world.running();
    let source = pda::associated_token(&customer.pubkey(), &world.usdc.mint, &world.usdc.token_program);
    let (spare, treasury) = (
        world.token_account(&customer.pubkey(), world.stake),
        world.token_account(&world.authority.pubkey(), world.usdc),
    );
    let dispute = world.dispute_instruction(&job);
    for wrong in [spare, treasury] {
        let wrong = swapped(&dispute, &source, &wrong);
        let refused = world.unchanged(|world| world.send(&[wrong], &[&customer]));
        assert!(refused.is_err(), "a bond out of nothing");
    }
    let poor = world.second_account(&customer.pubkey());
    let wrong = swapped(&dispute, &source, &poor);
    world.runtime_refuses(InstructionError::Custom(1), |world| world.send(&[wrong], &[&customer]));
}

#[test]
fn a_dispute_withstands_forged_accounts() {
    let mut world = World::new();
    let (job, customer, ..) = world.running();
    let (other, ..) = world.running();
    let dispute = world.dispute_instruction(&job);
    let (account, others) = (world.job(&job), world.job(&other));
    for (right, wrong) in [
        (account.node, others.node),
        (account.provider, others.provider),
        (world.usdc.mint, world.stake.mint),
        (pda::market_authority(), world.authority.pubkey()),
    ] {
        let wrong = swapped(&dispute, &right, &wrong);
        world.market_refuses("WrongAccount", |world| world.send(&[wrong], &[&customer]));
    }
    let wrong = swapped(&dispute, &pda::vault(&job), &pda::vault(&other));
    world.runtime_refuses(InstructionError::InvalidSeeds, |world| {
        world.send(&[wrong], &[&customer])
    });
    let source = pda::associated_token(&customer.pubkey(), &world.usdc.mint, &world.usdc.token_program);
    let outcome = world.guarded(&dispute, &[&customer], &[source]);
    println!("compute units: dispute of a running job {}", outcome.compute_units);
}
