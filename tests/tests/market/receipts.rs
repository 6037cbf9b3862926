//! Proving what a job was served, receipt by receipt.

use gantry_sdk::{
    Keypair, Pubkey, Signer,
    core::receipt::{Receipt, ReceiptStatus},
    ix, market,
    receipt::precompile_instruction,
    registry::{self, accounts::Node},
};
use gantry_tests::{
    event,
    world::{DISPUTE_WINDOW, Listing, World, swapped},
};

/// A world with a job that has run for 50 seconds, of which 40 are proven with receipt 5.
fn proven() -> (World, Pubkey, Listing) {
    let mut world = World::new();
    let (job, _, listing, _) = world.running();
    world.advance(50);
    world.prove(&job, &listing, 5, 40).expect("a proof");
    (world, job, listing)
}

#[test]
fn a_receipt_is_recorded() {
    let mut world = World::new();
    let (job, _, listing, _) = world.running();
    world.advance(50);
    let outcome = world.prove(&job, &listing, 5, 40).expect("a proof");
    let proof = event!(outcome, ProofSubmitted);
    assert_eq!(
        (proof.job, proof.sequence, proof.served_seconds, proof.elapsed_seconds),
        (job, 5, 40, 50)
    );
    let account = world.job(&job);
    assert_eq!(
        (
            account.status,
            account.sequence,
            account.served_seconds,
            account.active_at
        ),
        (2, 5, 40, 50)
    );
    assert_eq!((account.output_digest, account.exit_code), ([0; 32], 0));
    assert_eq!(
        world.account::<Node>(&listing.node).expect("the node").status,
        1,
        "the node is still at it"
    );
}

#[test]
fn a_final_receipt_ends_the_job_and_frees_the_node() {
    for (status, outcome_byte, completed) in [(ReceiptStatus::Completed, 1, 1), (ReceiptStatus::Failed, 2, 0)] {
        let (mut world, job, listing) = proven();
        let receipt = Receipt {
            status,
            exit_code: -3,
            output_digest: [5; 32],
            ..world.receipt(&job, 6, 50)
        };
        let outcome = world
            .prove_with(&job, &receipt, &listing.node_key)
            .expect("a final proof");
        let ended = event!(outcome, JobEnded);
        assert_eq!(
            (ended.job, ended.node, ended.outcome),
            (job, listing.node, outcome_byte)
        );
        assert_eq!((ended.served_seconds, ended.elapsed_seconds), (50, 50));
        assert_eq!((ended.exit_code, ended.output_digest), (-3, [5; 32]));
        assert_eq!(event!(outcome, ProofSubmitted).sequence, 6);
        let account = world.job(&job);
        assert_eq!(
            (account.status, account.outcome, account.ended_at),
            (3, outcome_byte, 50)
        );
        assert_eq!((account.exit_code, account.output_digest), (-3, [5; 32]));
        let node: Node = world.account(&listing.node).expect("the node");
        assert_eq!((node.status, node.current_job), (0, Pubkey::default()));
        assert_eq!((node.jobs_completed, node.jobs_failed), (completed, 1 - completed));
        assert_eq!((node.served_seconds, node.promised_seconds), (50, 50));
    }
}

#[test]
fn receipts_that_do_not_go_on_from_the_last_are_refused() {
    let (mut world, job, listing) = proven();
    for (name, sequence, served) in [
        ("StaleSequence", 5, 40),
        ("StaleSequence", 5, 50),
        ("StaleSequence", 4, 50),
        ("StaleSequence", 0, 40),
        ("ServedDecreased", 6, 39),
        ("ServedDecreased", 6, 0),
        ("ServedBeyondElapsed", 6, 51),
        ("ServedBeyondElapsed", 6, 1_000),
        ("ServedBeyondMaximum", 6, 1_001),
        // In 32 bits this would be 45 seconds.
        ("ServedBeyondMaximum", 6, (1 << 32) + 45),
        ("ServedBeyondMaximum", 6, u64::MAX),
    ] {
        println!("{name}: receipt {sequence} of {served} seconds");
        world.market_refuses(name, |world| world.prove(&job, &listing, sequence, served));
        let last = |world: &mut World| world.finish(&job, &listing, sequence, served, ReceiptStatus::Completed);
        world.market_refuses(name, last);
    }
    for (sequence, served) in [(6, 40), (6, 50), (u64::MAX, 45)] {
        world
            .fork()
            .prove(&job, &listing, sequence, served)
            .expect("a receipt that goes on from the last");
    }
}

#[test]
fn a_receipt_is_good_for_once() {
    let (mut world, job, listing) = proven();
    let receipt = world.receipt(&job, 6, 50);
    world.prove_with(&job, &receipt, &listing.node_key).expect("a proof");
    world.market_refuses("StaleSequence", |world| {
        world.prove_with(&job, &receipt, &listing.node_key)
    });
}

#[test]
fn no_more_than_the_job_bought_is_proven_however_long_it_runs() {
    let mut world = World::new();
    let (job, _, listing, _) = world.running();
    world.advance(1_050);
    world.market_refuses("ServedBeyondMaximum", |world| world.prove(&job, &listing, 1, 1_001));
    world.prove(&job, &listing, 1, 1_000).expect("all of it");
    world.market_refuses("ServedBeyondMaximum", |world| world.prove(&job, &listing, 2, 1_001));
}

#[test]
fn a_receipt_of_anything_but_this_assignment_is_refused() {
    let (mut world, job, listing) = proven();
    let right = world.receipt(&job, 6, 50);
    let (stranger, now) = (Keypair::new(), world.now());
    let other_job = stranger.pubkey().to_bytes();
    let with = |change: &dyn Fn(&mut Receipt)| {
        let mut receipt = right.clone();
        change(&mut receipt);
        receipt
    };
    let cases = [
        ("WrongCluster", with(&|receipt| receipt.genesis_hash[31] ^= 1)),
        ("WrongMarket", with(&|receipt| receipt.market = registry::ID.to_bytes())),
        ("WrongJob", with(&|receipt| receipt.job = other_job)),
        ("WrongAssignment", with(&|receipt| receipt.assignment = 2)),
        ("IssuedInFuture", with(&|receipt| receipt.issued_at = now + 301)),
    ];
    for (name, receipt) in cases {
        world.market_refuses(name, |world| world.prove_with(&job, &receipt, &listing.node_key));
    }
    world.market_refuses("WrongSigner", |world| world.prove_with(&job, &right, &stranger));
    let submit = ix::submit_proof(&world.job(&job));
    world.market_refuses("MissingSignature", |world| world.send(&[submit], &[]));
}

#[test]
fn a_receipt_of_an_earlier_job_proves_nothing_of_the_next() {
    let mut world = World::new();
    let (job, customer, listing, matcher) = world.completed();
    let old = Receipt {
        sequence: 9,
        served_seconds: 0,
        ..world.receipt(&job, 0, 0)
    };
    let next = world.open_default(&customer);
    world.assign(&matcher, &next, &listing.node).expect("an assignment");
    world.market_refuses("WrongJob", |world| world.start_with(&next, &old, &listing.node_key));
    world.start(&next, &listing).expect("a start");
    world.market_refuses("WrongJob", |world| world.prove_with(&next, &old, &listing.node_key));
}

#[test]
fn a_receipt_of_an_earlier_assignment_proves_nothing_of_the_next() {
    let mut world = World::new();
    let (job, _, first, matcher) = world.assigned();
    let (other, old) = (world.list_node(), world.receipt(&job, 0, 0));
    world.advance(31);
    world.expire(&matcher, &job).expect("an expiry");
    world.assign(&matcher, &job, &other.node).expect("an assignment");
    world.market_refuses("WrongSigner", |world| world.start_with(&job, &old, &first.node_key));
    world.market_refuses("WrongAssignment", |world| world.start_with(&job, &old, &other.node_key));
    world.start(&job, &other).expect("a start");
}

#[test]
fn only_a_job_that_runs_takes_receipts() {
    let mut world = World::new();
    let (job, _, listing, _) = world.assigned();
    world.market_refuses("NotRunning", |world| world.prove(&job, &listing, 1, 0));
    world.start(&job, &listing).expect("a start");
    world.advance(100);
    world
        .finish(&job, &listing, 1, 100, ReceiptStatus::Completed)
        .expect("a final proof");
    world.market_refuses("NotRunning", |world| world.prove(&job, &listing, 2, 100));
    world.market_refuses("NotRunning", |world| {
        world.finish(&job, &listing, 2, 100, ReceiptStatus::Failed)
    });

    let (lapsed, _, listing, _) = world.running();
    world.advance(61);
    world.report_lapse(&lapsed).expect("a lapse");
    world.advance(1);
    world.market_refuses("IssuedAfterLapse", |world| world.prove(&lapsed, &listing, 1, 61));
}

#[test]
fn nothing_is_proven_of_a_settled_job() {
    let mut world = World::new();
    let (job, _, listing, _) = world.completed();
    world.advance(DISPUTE_WINDOW);
    let (submit, start) = (ix::submit_proof(&world.job(&job)), ix::start_job(&world.job(&job)));
    let receipt = world.receipt(&job, 2, 100);
    world.settle(&job).expect("a settlement");
    let carried = precompile_instruction(&receipt, &listing.node_key);
    for instruction in [submit, start] {
        let result = world.unchanged(|world| world.send(&[carried.clone(), instruction], &[]));
        assert!(result.is_err(), "a receipt of a job that is gone");
    }
}

#[test]
fn after_a_stop_only_what_was_served_until_then_is_proven() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.running();
    world.advance(50);
    world.stop(&customer, &job).expect("a stop");
    world.advance(30);
    world.market_refuses("ServedBeyondElapsed", |world| world.prove(&job, &listing, 1, 51));
    world.prove(&job, &listing, 1, 45).expect("a late receipt");
    world.market_refuses("ServedDecreased", |world| world.prove(&job, &listing, 2, 44));
    let outcome = world
        .finish(&job, &listing, 2, 50, ReceiptStatus::Failed)
        .expect("the last receipt");
    // Whatever the receipt says, it was the customer who ended it.
    assert_eq!(event!(outcome, JobEnded).outcome, 3);
    let account = world.job(&job);
    assert_eq!(
        (
            account.status,
            account.outcome,
            account.ended_at,
            account.served_seconds
        ),
        (3, 3, 50, 50)
    );
    let node: Node = world.account(&listing.node).expect("the node");
    assert_eq!((node.status, node.jobs_completed, node.jobs_failed), (0, 0, 0));
}

#[test]
fn a_node_on_its_next_job_still_proves_the_one_that_was_stopped() {
    let mut world = World::new();
    let (job, customer, listing, matcher) = world.running();
    world.advance(50);
    world.stop(&customer, &job).expect("a stop");
    let next = world.open_default(&customer);
    world
        .assign(&matcher, &next, &listing.node)
        .expect("the node is free again");
    world
        .finish(&job, &listing, 1, 50, ReceiptStatus::Completed)
        .expect("a late receipt");
    let node: Node = world.account(&listing.node).expect("the node");
    assert_eq!((node.status, node.current_job), (1, next));
}

#[test]
fn seconds_are_released_once_they_have_been_proven_for_a_dispute_window() {
    let mut world = World::new();
    let (job, _, listing, _) = world.running();
    let mut released = |seconds, sequence, served| {
        world.advance(seconds);
        world.prove(&job, &listing, sequence, served).expect("a proof");
        let account = world.job(&job);
        (
            account.released_seconds,
            account.checkpoint_seconds,
            account.checkpoint_at,
        )
    };
    assert_eq!(released(59, 1, 59), (0, 0, 0));
    assert_eq!(released(1, 2, 60), (0, 60, 60));
    assert_eq!(released(59, 3, 100), (0, 60, 60));
    assert_eq!(released(1, 4, 110), (60, 110, 120));
    assert_eq!(released(60, 5, 110), (110, 110, 180));
}

#[test]
fn accounts_of_another_job_are_refused() {
    let (mut world, job, listing) = proven();
    let (_, _, other, _) = world.running();
    let submit = ix::submit_proof(&world.job(&job));
    for (ours, theirs) in [(listing.node, other.node), (listing.provider, other.provider)] {
        for key in [&listing.node_key, &other.node_key] {
            let carried = precompile_instruction(&world.receipt(&job, 6, 50), key);
            let wrong = swapped(&submit, &ours, &theirs);
            world.market_refuses("WrongAccount", |world| world.send(&[carried, wrong], &[]));
        }
    }
}

#[test]
fn proving_withstands_forged_accounts() {
    let (mut world, job, listing) = proven();
    let receipt = Receipt {
        status: ReceiptStatus::Completed,
        ..world.receipt(&job, 6, 50)
    };
    let (carried, submit) = (
        precompile_instruction(&receipt, &listing.node_key),
        ix::submit_proof(&world.job(&job)),
    );
    for place in 0..submit.accounts.len() {
        let original = submit.accounts[place].pubkey;
        if original == ix::INSTRUCTIONS_SYSVAR {
            continue;
        }
        for owner in [None, Some(Keypair::new().pubkey())] {
            let forged = match world.svm.get_account(&original) {
                Some(program) if program.executable => market::ID,
                Some(_) => world.forge(&original, owner),
                None => Keypair::new().pubkey(),
            };
            let wrong = swapped(&submit, &original, &forged);
            let result = world.unchanged(|world| world.send(&[carried.clone(), wrong], &[]));
            assert!(result.is_err(), "a copy of account {place}");
        }
    }
    world
        .send(&[carried, submit], &[])
        .expect("the instruction as it should be");
}
