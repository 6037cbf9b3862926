//! The council's votes.

use gantry_sdk::{Keypair, Pubkey, Signer, ix, market::accounts::Dispute, pda};
use gantry_tests::{
    event,
    world::{World, swapped, unsigned},
};
use solana_instruction::error::InstructionError;

fn disputed() -> (World, Pubkey, Keypair) {
    let mut world = World::new();
    let (job, customer, ..) = world.completed();
    world.dispute(&customer, &job).expect("a dispute");
    (world, job, customer)
}

#[test]
fn a_vote_is_recorded_at_the_arbiters_place() {
    let (mut world, job, _) = disputed();
    let outcome = world.vote(1, &job, 7_500, 10_000).expect("a vote");
    let cast = event!(outcome, VoteCast);
    assert_eq!((cast.job, cast.arbiter), (job, world.arbiters[1].pubkey()));
    assert_eq!((cast.provider_share_bps, cast.slash_bps), (7_500, 10_000));
    let dispute: Dispute = world.account(&pda::dispute(&job)).expect("the dispute");
    let votes = dispute
        .votes
        .map(|vote| (vote.cast, vote.provider_share_bps, vote.slash_bps));
    assert_eq!(votes[1], (1, 7_500, 10_000));
    assert!(
        votes
            .iter()
            .enumerate()
            .all(|(place, vote)| place == 1 || *vote == (0, 0, 0))
    );
}

#[test]
fn an_arbiter_votes_once() {
    let (mut world, job, _) = disputed();
    world.vote(0, &job, 0, 0).expect("a vote");
    for (share, slash) in [(0, 0), (10_000, 0)] {
        world.market_refuses("AlreadyVoted", |world| world.vote(0, &job, share, slash));
    }
    world.vote(2, &job, 10_000, 0).expect("another's vote");
}

#[test]
fn only_arbiters_vote() {
    let (mut world, job, customer) = disputed();
    for stranger in [
        customer,
        world.authority.insecure_clone(),
        world.guardian.insecure_clone(),
    ] {
        let vote = ix::vote(&stranger.pubkey(), &job, 0, 10_000);
        world.market_refuses("NotArbiter", |world| world.send(&[vote], &[&stranger]));
    }
    let arbiter = world.arbiters[0].insecure_clone();
    let vote = ix::vote(&arbiter.pubkey(), &job, 0, 10_000);
    let silent = unsigned(&vote, &arbiter.pubkey());
    world.runtime_refuses(InstructionError::MissingRequiredSignature, |world| {
        world.send(&[silent], &[])
    });
    // The places after the last member are empty.
    let nobody = swapped(&vote, &arbiter.pubkey(), &Pubkey::default());
    world.runtime_refuses(InstructionError::MissingRequiredSignature, |world| {
        world.send(&[unsigned(&nobody, &Pubkey::default())], &[])
    });
}

#[test]
fn a_vote_is_within_the_whole() {
    let (mut world, job, _) = disputed();
    for (share, slash) in [(10_001, 0), (0, 10_001), (u16::MAX, u16::MAX)] {
        world.market_refuses("InvalidVote", |world| world.vote(0, &job, share, slash));
    }
    world.vote(0, &job, 10_000, 10_000).expect("the bounds themselves");
}

#[test]
fn votes_are_taken_until_the_deadline() {
    let (mut world, job, _) = disputed();
    world.advance(599);
    world.vote(0, &job, 0, 0).expect("a vote in the last second");
    world.advance(1);
    world.market_refuses("VotingClosed", |world| world.vote(1, &job, 0, 0));
}

#[test]
fn a_vote_withstands_forged_accounts() {
    let (mut world, job, _) = disputed();
    let arbiter = world.arbiters[0].insecure_clone();
    let vote = ix::vote(&arbiter.pubkey(), &job, 5_000, 0);
    let outcome = world.guarded(&vote, &[&arbiter], &[]);
    println!("compute units: vote {}", outcome.compute_units);
}
