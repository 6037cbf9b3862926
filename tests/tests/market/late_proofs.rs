//! Receipts that arrive after a job has lapsed: what its node had issued before that still counts, while it can be disputed.

use gantry_sdk::{
    Keypair, Pubkey,
    core::receipt::{Receipt, ReceiptStatus},
    registry::accounts::Node,
};
use gantry_tests::{
    event,
    world::{DISPUTE_WINDOW, Listing, World},
};

/// A job that was served for 100 seconds and lapsed at 116, 61 seconds after its only proof, of 55 seconds, while the
/// receipts for the 100 seconds were on their way: one of progress, one that ends the job.
fn lapsed() -> (World, Pubkey, Keypair, Listing, [Receipt; 2]) {
    let mut world = World::new();
    let (job, customer, listing, _) = world.running();
    world.advance(55);
    world.prove(&job, &listing, 1, 55).expect("a proof");
    world.advance(45);
    let progress = world.receipt(&job, 2, 100);
    let last = Receipt {
        sequence: 3,
        status: ReceiptStatus::Completed,
        exit_code: 0,
        output_digest: [7; 32],
        ..progress.clone()
    };
    world.advance(16);
    world.report_lapse(&job).expect("a lapse");
    (world, job, customer, listing, [progress, last])
}

#[test]
fn what_was_issued_before_the_lapse_is_paid() {
    let (mut world, job, _, listing, [progress, _]) = lapsed();
    world.advance(10);
    let outcome = world
        .prove_with(&job, &progress, &listing.node_key)
        .expect("a late proof");
    let proof = event!(outcome, ProofSubmitted);
    assert_eq!(
        (proof.sequence, proof.served_seconds, proof.elapsed_seconds),
        (2, 100, 116)
    );
    let account = world.job(&job);
    // It lapsed all the same: nobody heard of the node for longer than the job allows.
    assert_eq!((account.status, account.outcome, account.ended_at), (4, 4, 116));
    world.advance(DISPUTE_WINDOW - 10);
    let settled = event!(world.settle(&job).expect("a settlement"), JobSettled);
    assert_eq!(settled.paid_seconds, 100);
}

#[test]
fn a_final_receipt_says_how_the_job_ended_but_mends_no_reputation() {
    let (mut world, job, customer, listing, [_, last]) = lapsed();
    let outcome = world
        .prove_with(&job, &last, &listing.node_key)
        .expect("a late final receipt");
    let ended = event!(outcome, JobEnded);
    assert_eq!(
        (ended.outcome, ended.served_seconds, ended.elapsed_seconds),
        (1, 100, 116)
    );
    assert_eq!(ended.output_digest, [7; 32]);
    let account = world.job(&job);
    assert_eq!((account.status, account.outcome, account.ended_at), (3, 1, 116));
    let node: Node = world.account(&listing.node).expect("the node");
    assert_eq!((node.jobs_completed, node.jobs_failed), (0, 1));
    // The result can be accepted like any other, and nothing more is proven.
    let after = Receipt {
        sequence: 4,
        ..last.clone()
    };
    world.market_refuses("NotRunning", |world| world.prove_with(&job, &after, &listing.node_key));
    world.accept(&customer, &job).expect("a result");
    let settled = event!(world.settle(&job).expect("a settlement"), JobSettled);
    // The uptime counts to the last receipt, and not to the lapse: 100 of 100 seconds.
    assert_eq!((settled.paid_seconds, settled.credit), (100, 0));
}

#[test]
fn what_was_issued_after_the_lapse_counts_for_nothing() {
    let (mut world, job, _, listing, [progress, _]) = lapsed();
    world.advance(1);
    let after = Receipt {
        issued_at: progress.issued_at + 17,
        ..progress.clone()
    };
    let before_the_job = Receipt {
        issued_at: 0,
        ..progress.clone()
    };
    for wrong in [after, before_the_job] {
        world.market_refuses("IssuedAfterLapse", |world| {
            world.prove_with(&job, &wrong, &listing.node_key)
        });
    }
    let at_the_lapse = Receipt {
        issued_at: progress.issued_at + 16,
        ..progress
    };
    world
        .prove_with(&job, &at_the_lapse, &listing.node_key)
        .expect("just in time");
}

#[test]
fn nothing_is_proven_that_the_customer_has_no_time_to_dispute() {
    let (mut world, job, _, listing, [progress, last]) = lapsed();
    world.advance(DISPUTE_WINDOW / 2);
    world
        .prove_with(&job, &progress, &listing.node_key)
        .expect("half of the window is left");
    world.advance(1);
    world.market_refuses("ProofTooLate", |world| world.prove_with(&job, &last, &listing.node_key));
}

#[test]
fn no_second_after_the_lapse_is_proven() {
    let (mut world, job, _, listing, [progress, _]) = lapsed();
    world.advance(20);
    let more = Receipt {
        served_seconds: 117,
        ..progress.clone()
    };
    world.market_refuses("ServedBeyondElapsed", |world| {
        world.prove_with(&job, &more, &listing.node_key)
    });
    let stranger = world.wallet();
    world.market_refuses("WrongSigner", |world| world.prove_with(&job, &progress, &stranger));
}

#[test]
fn a_lapse_that_is_disputed_waits_for_the_council_only() {
    let (mut world, job, customer, listing, [progress, _]) = lapsed();
    world.dispute(&customer, &job).expect("a dispute");
    world.market_refuses("NotRunning", |world| {
        world.prove_with(&job, &progress, &listing.node_key)
    });
}
