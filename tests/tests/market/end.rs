//! How a job ends other than by its final receipt: stopped, accepted, lapsed, expired, or never started.

use gantry_sdk::{
    Keypair, Pubkey, Signer,
    core::receipt::ReceiptStatus,
    ix, pda,
    registry::accounts::{Node, Provider},
    staking::accounts::Pool,
};
use gantry_tests::{
    event,
    world::{DISPUTE_WINDOW, TOKEN, World, swapped, unsigned},
};
use solana_instruction::error::InstructionError;

#[test]
fn a_stop_ends_the_job_and_frees_the_node_with_no_mark_against_it() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.running();
    world.advance(50);
    world.prove(&job, &listing, 1, 40).expect("a proof");
    world.advance(5);
    let outcome = world.stop(&customer, &job).expect("a stop");
    let ended = event!(outcome, JobEnded);
    assert_eq!((ended.job, ended.node, ended.outcome), (job, listing.node, 3));
    assert_eq!((ended.served_seconds, ended.elapsed_seconds), (40, 55));
    assert_eq!((ended.exit_code, ended.output_digest), (0, [0; 32]));
    assert_eq!(event!(outcome, NodeReleased).outcome, 2);
    let account = world.job(&job);
    assert_eq!((account.status, account.outcome, account.ended_at), (3, 3, 55));
    let node: Node = world.account(&listing.node).expect("the node");
    assert_eq!((node.status, node.current_job), (0, Pubkey::default()));
    assert_eq!((node.jobs_completed, node.jobs_failed), (0, 0));
    assert_eq!((node.served_seconds, node.promised_seconds), (40, 40));
    assert_eq!(
        world
            .account::<Provider>(&listing.provider)
            .expect("the provider")
            .active_leases,
        0
    );
    // The bond answers until the job is settled.
    assert_eq!(
        world.account::<Pool>(&listing.pool).expect("the pool").bonded,
        TOKEN / 4
    );
}

#[test]
fn only_the_customer_stops_a_job_and_only_while_it_runs() {
    let mut world = World::new();
    let (job, customer, listing, matcher) = world.assigned();
    world.market_refuses("NotRunning", |world| world.stop(&customer, &job));
    world.start(&job, &listing).expect("a start");
    let stop = ix::stop_job(&world.job(&job));
    for stranger in [&listing.wallet, &matcher, &listing.node_key] {
        let theirs = swapped(&stop, &customer.pubkey(), &stranger.pubkey());
        world.market_refuses("NotCustomer", |world| world.send(&[theirs], &[stranger]));
    }
    let silent = unsigned(&stop, &customer.pubkey());
    world.runtime_refuses(InstructionError::MissingRequiredSignature, |world| {
        world.send(&[silent], &[])
    });
    world.stop(&customer, &job).expect("a stop");
    world.market_refuses("NotRunning", |world| world.stop(&customer, &job));
}

#[test]
fn acceptance_waives_the_dispute_window() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.completed();
    let outcome = world.accept(&customer, &job).expect("an acceptance");
    assert_eq!(event!(outcome, ResultAccepted).job, job);
    assert_eq!(world.job(&job).options, 4);
    world.accept(&customer, &job).expect("once more changes nothing");
    world.settle(&job).expect("a settlement at once");
    assert_eq!(world.balance_of(&listing.wallet.pubkey(), world.usdc), 48_750);
}

#[test]
fn only_the_customer_accepts_and_only_a_finished_job() {
    let mut world = World::new();
    let (job, customer, listing, matcher) = world.assigned();
    world.market_refuses("NotEnded", |world| world.accept(&customer, &job));
    world.start(&job, &listing).expect("a start");
    world.market_refuses("NotEnded", |world| world.accept(&customer, &job));
    world
        .finish(&job, &listing, 1, 0, ReceiptStatus::Failed)
        .expect("a final proof");
    let accept = ix::accept_result(&world.job(&job));
    for stranger in [&listing.wallet, &matcher] {
        let theirs = swapped(&accept, &customer.pubkey(), &stranger.pubkey());
        world.market_refuses("NotCustomer", |world| world.send(&[theirs], &[stranger]));
    }
    world.accept(&customer, &job).expect("an acceptance");

    let (lapsed, customer, ..) = world.running();
    world.advance(61);
    world.report_lapse(&lapsed).expect("a lapse");
    world.market_refuses("NotEnded", |world| world.accept(&customer, &lapsed));
}

#[test]
fn a_stopped_job_is_accepted_only_after_the_nodes_last_word() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.running();
    world.advance(50);
    world.stop(&customer, &job).expect("a stop");
    world.market_refuses("NoResult", |world| world.accept(&customer, &job));
    world.prove(&job, &listing, 1, 45).expect("a late receipt");
    world.market_refuses("NoResult", |world| world.accept(&customer, &job));
    world
        .finish(&job, &listing, 2, 50, ReceiptStatus::Completed)
        .expect("the last receipt");
    world.accept(&customer, &job).expect("an acceptance");
    world.settle(&job).expect("a settlement at once");
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 100 * TOKEN - 25_000);
}

#[test]
fn a_silent_node_lapses_a_second_after_its_timeout() {
    let mut world = World::new();
    let (job, _, listing, _) = world.running();
    world.advance(60);
    world.market_refuses("ProofTimeoutNotPassed", |world| world.report_lapse(&job));
    world.prove(&job, &listing, 1, 55).expect("a proof in the last second");
    world.advance(60);
    world.market_refuses("ProofTimeoutNotPassed", |world| world.report_lapse(&job));
    world.advance(1);
    let outcome = world.report_lapse(&job).expect("a lapse");
    let ended = event!(outcome, JobEnded);
    assert_eq!((ended.job, ended.node, ended.outcome), (job, listing.node, 4));
    assert_eq!((ended.served_seconds, ended.elapsed_seconds), (55, 121));
    let account = world.job(&job);
    assert_eq!((account.status, account.outcome, account.ended_at), (4, 4, 121));
    let node: Node = world.account(&listing.node).expect("the node");
    assert_eq!(
        (
            node.status,
            node.jobs_failed,
            node.served_seconds,
            node.promised_seconds
        ),
        (0, 1, 55, 121)
    );
    world.market_refuses("NotRunning", |world| world.report_lapse(&job));
}

#[test]
fn three_lapses_in_a_row_suspend_the_node() {
    let mut world = World::new();
    let (customer, listing, matcher) = (world.customer(), world.list_node(), world.wallet());
    for _ in 0..3 {
        let job = world.open_default(&customer);
        world.assign(&matcher, &job, &listing.node).expect("an assignment");
        world.start(&job, &listing).expect("a start");
        world.advance(61);
        world.report_lapse(&job).expect("a lapse");
    }
    assert_eq!(world.account::<Node>(&listing.node).expect("the node").status, 3);
    let job = world.open_default(&customer);
    let result = world.unchanged(|world| world.assign(&matcher, &job, &listing.node));
    gantry_tests::world::assert_refused(result, "registry", "NodeNotAvailable");
}

#[test]
fn only_a_running_job_lapses() {
    let mut world = World::new();
    let (job, ..) = world.assigned();
    world.advance(1_000);
    world.market_refuses("NotRunning", |world| world.report_lapse(&job));
    let (job, ..) = world.completed();
    world.advance(1_000);
    world.market_refuses("NotRunning", |world| world.report_lapse(&job));
}

#[test]
fn a_job_that_ran_for_all_it_paid_expires_to_the_nodes_credit() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.running();
    world.advance(1_010);
    world.prove(&job, &listing, 1, 1_000).expect("all of it");
    world.advance(50);
    world.market_refuses("ProofTimeoutNotPassed", |world| world.report_lapse(&job));
    world.advance(1);
    let outcome = world.report_lapse(&job).expect("an end");
    assert_eq!(event!(outcome, JobEnded).outcome, 5);
    assert_eq!(world.job(&job).status, 3);
    let node: Node = world.account(&listing.node).expect("the node");
    assert_eq!((node.jobs_completed, node.jobs_failed), (1, 0));
    world.market_refuses("NoResult", |world| world.accept(&customer, &job));
    world.market_refuses("NotRunning", |world| {
        world.finish(&job, &listing, 2, 1_000, ReceiptStatus::Completed)
    });
    world.advance(DISPUTE_WINDOW);
    let settled = event!(world.settle(&job).expect("a settlement"), JobSettled);
    assert_eq!(
        (settled.bill, settled.credit, settled.paid_seconds),
        (500_000, 0, 1_000)
    );
}

#[test]
fn a_node_that_proves_on_and_on_without_serving_lapses_in_the_end() {
    let mut world = World::new();
    let (job, _, listing, _) = world.running();
    for sequence in 1..=18 {
        world.advance(59);
        world
            .prove(&job, &listing, sequence, 10)
            .expect("a proof of nothing new");
    }
    // 1,062 seconds, of which the last receipt is one of: past the 1,000 it bought and the timeout of 60.
    let outcome = world.report_lapse(&job).expect("a lapse");
    assert_eq!(event!(outcome, JobEnded).outcome, 4);
}

#[test]
fn a_node_that_did_not_start_loses_the_bond_and_the_job() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.assigned();
    let reporter = world.wallet();
    world.advance(30);
    world.expire_instruction(&reporter.pubkey(), &job);
    world.market_refuses("StartDeadlineNotPassed", |world| world.expire(&reporter, &job));
    world.advance(1);
    let outcome = world.expire(&reporter, &job).expect("an expiry");
    let expired = event!(outcome, AssignmentExpired);
    assert_eq!((expired.job, expired.node, expired.assignment), (job, listing.node, 1));
    assert_eq!((expired.slashed, expired.reporter), (TOKEN / 4, reporter.pubkey()));
    let slashed = event!(outcome, Slashed);
    assert_eq!(
        (slashed.to_customer, slashed.to_reporter, slashed.to_treasury),
        (125_000, 25_000, 100_000)
    );
    assert_eq!(event!(outcome, NodeReleased).outcome, 1);
    assert_eq!(world.balance_of(&customer.pubkey(), world.stake), 125_000);
    assert_eq!(world.balance_of(&reporter.pubkey(), world.stake), 25_000);
    let account = world.job(&job);
    assert_eq!(
        (account.status, account.outcome, account.active_at, account.assignment),
        (0, 0, 0, 1)
    );
    let none = Pubkey::default();
    assert_eq!((account.node, account.provider, account.matcher), (none, none, none));
    // The escrow stays where it is.
    assert_eq!(world.balance(&pda::vault(&job)), TOKEN);
    let node: Node = world.account(&listing.node).expect("the node");
    assert_eq!(
        (
            node.status,
            node.jobs_failed,
            node.served_seconds,
            node.promised_seconds
        ),
        (0, 1, 0, 0)
    );
    world
        .cancel(&customer, &job)
        .expect("the customer may take it all back");
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 100 * TOKEN);
}

#[test]
fn only_an_assigned_job_expires() {
    let mut world = World::new();
    let (job, _, _, matcher) = world.running();
    world.expire_instruction(&matcher.pubkey(), &job);
    world.advance(31);
    world.market_refuses("NotAssigned", |world| world.expire(&matcher, &job));
    let (assigned, ..) = world.assigned();
    world.advance(31);
    let expire = world.expire_instruction(&matcher.pubkey(), &assigned);
    world
        .send(std::slice::from_ref(&expire), &[&matcher])
        .expect("an expiry");
    let again = world.unchanged(|world| world.send(&[expire], &[&matcher]));
    assert!(again.is_err(), "a bond slashed twice");
}

#[test]
fn a_slash_cannot_be_led_elsewhere() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.assigned();
    let (_, _, other, _) = world.assigned();
    let (reporter, thief) = (world.wallet(), world.wallet());
    world.advance(31);
    let expire = world.expire_instruction(&reporter.pubkey(), &job);
    let account = |owner: &Keypair, world: &World| {
        pda::associated_token(&owner.pubkey(), &world.stake.mint, &world.stake.token_program)
    };
    let (stolen, in_usdc) = (
        account(&thief, &world),
        world.token_account(&customer.pubkey(), world.usdc),
    );
    let (for_customer, for_reporter) = (account(&customer, &world), account(&reporter, &world));
    let treasury = account(&world.authority.insecure_clone(), &world);
    for (name, right, wrong) in [
        ("WrongDestination", for_customer, stolen),
        ("WrongDestination", for_customer, in_usdc),
        ("WrongDestination", for_reporter, stolen),
        ("WrongAccount", treasury, stolen),
        ("WrongAccount", listing.pool, other.pool),
        ("WrongAccount", listing.node, other.node),
        ("WrongAccount", listing.provider, other.provider),
        ("WrongAccount", world.stake.mint, world.usdc.mint),
        ("WrongAccount", pda::market_authority(), thief.pubkey()),
    ] {
        let wrong = swapped(&expire, &right, &wrong);
        world.market_refuses(name, |world| world.send(&[wrong], &[&reporter]));
    }
    let wrong = swapped(
        &expire,
        &pda::stake_vault(&listing.pool),
        &pda::stake_vault(&other.pool),
    );
    world.runtime_refuses(InstructionError::InvalidSeeds, |world| {
        world.send(&[wrong], &[&reporter])
    });
    let silent = unsigned(&expire, &reporter.pubkey());
    world.runtime_refuses(InstructionError::MissingRequiredSignature, |world| {
        world.send(&[silent], &[])
    });
    world
        .send(&[expire], &[&reporter])
        .expect("the instruction as it should be");
}

#[test]
fn the_customer_may_be_the_reporter() {
    let mut world = World::new();
    let (job, customer, ..) = world.assigned();
    world.advance(31);
    world.expire(&customer, &job).expect("an expiry");
    assert_eq!(world.balance_of(&customer.pubkey(), world.stake), 150_000);
}

#[test]
fn a_pause_blocks_opening_and_assigning_and_nothing_else() {
    let mut world = World::new();
    let open = world.customer();
    let open_job = world.open_default(&open);
    let (late, _, _, reporter) = world.assigned();
    world.advance(31);
    let (starting, _, starting_node, _) = world.assigned();
    let (stopping, stopping_customer, ..) = world.running();
    let (lapsing, ..) = world.running();
    world.pause(3);
    world.market_refuses("Paused", |world| world.open(&open, gantry_tests::world::job_args(1)));
    let listing = world.list_node();
    world.market_refuses("Paused", |world| world.assign(&reporter, &open_job, &listing.node));

    world.cancel(&open, &open_job).expect("a cancellation");
    world.expire(&reporter, &late).expect("an expiry");
    world.start(&starting, &starting_node).expect("a start");
    world.stop(&stopping_customer, &stopping).expect("a stop");
    world.advance(61);
    world.report_lapse(&lapsing).expect("a lapse");
    world.prove(&starting, &starting_node, 1, 61).expect("a proof");
    world
        .finish(&starting, &starting_node, 2, 61, ReceiptStatus::Completed)
        .expect("a final proof");
    world.advance(DISPUTE_WINDOW);
    for job in [starting, stopping, lapsing] {
        world.settle(&job).expect("a settlement");
    }
}

#[test]
fn ending_withstands_forged_accounts() {
    let mut world = World::new();
    let (stopping, customer, ..) = world.running();
    let stop = ix::stop_job(&world.job(&stopping));
    world.guarded(&stop, &[&customer], &[]);
    let (lapsing, ..) = world.running();
    world.advance(61);
    let report = ix::report_lapse(&world.job(&lapsing));
    world.guarded(&report, &[], &[]);
    let (done, customer, ..) = world.completed();
    let accept = ix::accept_result(&world.job(&done));
    world.guarded(&accept, &[&customer], &[]);

    let (expiring, customer, _, reporter) = world.assigned();
    world.advance(31);
    let expire = world.expire_instruction(&reporter.pubkey(), &expiring);
    // Any token account of theirs is as good.
    let free = [&customer, &reporter]
        .map(|owner| pda::associated_token(&owner.pubkey(), &world.stake.mint, &world.stake.token_program));
    world.guarded(&expire, &[&reporter], &free);
    world.market_refuses("NotRunning", |world| world.send(&[report], &[]));
}
