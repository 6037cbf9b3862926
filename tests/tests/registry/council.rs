//! The council of arbiters: announced, and in force after the timelock.

use gantry_sdk::{Keypair, Pubkey, Signer, ix, pda, registry::accounts::Network};
use gantry_tests::{
    event,
    world::{START_TIME, World},
};

/// Seconds of the timelock in a [`World`].
const TIMELOCK: i64 = 3_600;

fn network(world: &World) -> Network {
    world.account(&pda::network()).expect("the network")
}

/// `count` fresh members and zeros.
fn members(count: usize) -> [Pubkey; 9] {
    std::array::from_fn(|place| {
        if place < count {
            Keypair::new().pubkey()
        } else {
            Pubkey::default()
        }
    })
}

fn propose(world: &mut World, arbiters: [Pubkey; 9], count: u8, threshold: u8) {
    let authority = world.authority.insecure_clone();
    let propose = ix::propose_council(&authority.pubkey(), arbiters, count, threshold);
    world.send(&[propose], &[&authority]).expect("a proposal");
}

#[test]
fn a_council_is_announced_and_then_put_in_force_by_anyone() {
    let mut world = World::new();
    let (authority, before, next) = (world.authority.insecure_clone(), network(&world), members(5));
    let propose = ix::propose_council(&authority.pubkey(), next, 5, 3);
    let outcome = world.guarded(&propose, &[&authority], &[]);
    let event = event!(outcome, CouncilProposed);
    assert_eq!(
        (event.due_at, event.arbiter_count, event.arbiter_threshold),
        (START_TIME + TIMELOCK, 5, 3)
    );
    let announced = network(&world);
    assert_eq!(
        (announced.arbiters, announced.arbiter_count, announced.arbiter_threshold),
        (before.arbiters, before.arbiter_count, before.arbiter_threshold)
    );
    assert_eq!(
        (
            announced.pending_arbiters,
            announced.pending_arbiter_count,
            announced.pending_arbiter_threshold,
            announced.council_change_at
        ),
        (next, 5, 3, START_TIME + TIMELOCK)
    );

    let apply = ix::apply_council();
    world.refuses(&apply, &[], "registry", "NotDue");
    world.advance(TIMELOCK - 1);
    world.refuses(&apply, &[], "registry", "NotDue");
    world.advance(1);
    let outcome = world.guarded(&apply, &[], &[]);
    let event = event!(outcome, CouncilChanged);
    assert_eq!((event.arbiter_count, event.arbiter_threshold), (5, 3));
    let applied = network(&world);
    assert_eq!(
        (applied.arbiters, applied.arbiter_count, applied.arbiter_threshold),
        (next, 5, 3)
    );
    assert_eq!(
        (
            applied.pending_arbiters,
            applied.pending_arbiter_count,
            applied.pending_arbiter_threshold,
            applied.council_change_at
        ),
        ([Pubkey::default(); 9], 0, 0, 0)
    );
    world.refuses(&apply, &[], "registry", "NothingProposed");
}

#[test]
fn a_later_proposal_replaces_the_first_and_waits_anew() {
    let mut world = World::new();
    let (first, second) = (members(3), members(1));
    propose(&mut world, first, 3, 2);
    world.advance(TIMELOCK);
    propose(&mut world, second, 1, 1);
    let apply = ix::apply_council();
    world.refuses(&apply, &[], "registry", "NotDue");
    world.advance(TIMELOCK);
    world.send(&[apply], &[]).expect("a council");
    let network = network(&world);
    assert_eq!((network.arbiters, network.arbiter_count), (second, 1));
}

#[test]
fn a_withdrawn_council_never_comes_into_force() {
    let mut world = World::new();
    let (authority, before) = (world.authority.insecure_clone(), network(&world));
    propose(&mut world, members(3), 3, 2);
    world.advance(TIMELOCK);
    let cancel = ix::cancel_council(&authority.pubkey());
    let outcome = world.guarded(&cancel, &[&authority], &[]);
    assert_eq!(event!(outcome, CouncilProposalCancelled).due_at, START_TIME + TIMELOCK);
    world.refuses(&ix::apply_council(), &[], "registry", "NothingProposed");
    world.refuses(&cancel, &[&authority], "registry", "NothingProposed");
    let after = network(&world);
    assert_eq!(
        (after.arbiters, after.arbiter_count, after.arbiter_threshold),
        (before.arbiters, before.arbiter_count, before.arbiter_threshold)
    );
    assert_eq!(
        (after.pending_arbiters, after.council_change_at),
        ([Pubkey::default(); 9], 0)
    );
}

#[test]
fn a_proposed_council_is_as_valid_as_the_first() {
    let mut world = World::new();
    let authority = world.authority.insecure_clone();
    let full = members(9);
    let with = |change: &dyn Fn(&mut [Pubkey; 9])| {
        let mut council = members(3);
        change(&mut council);
        council
    };
    let refused = [
        (members(0), 0, 0),
        (full, 10, 6),
        (full, 255, 255),
        (members(3), 3, 1),
        (members(4), 4, 2),
        (members(3), 3, 4),
        (members(2), 3, 2),
        (members(4), 3, 2),
        (with(&|council| council[1] = Pubkey::default()), 3, 2),
        (with(&|council| council[2] = council[0]), 3, 2),
        (with(&|council| council[8] = council[0]), 3, 2),
    ];
    for (arbiters, count, threshold) in refused {
        let propose = ix::propose_council(&authority.pubkey(), arbiters, count, threshold);
        world.refuses(&propose, &[&authority], "registry", "InvalidCouncil");
    }
    for (count, threshold) in [(1, 1), (2, 2), (4, 3), (9, 5), (9, 9)] {
        propose(&mut world, members(usize::from(count)), count, threshold);
    }
}

#[test]
fn nobody_but_the_authority_proposes_or_withdraws_a_council() {
    let mut world = World::new();
    propose(&mut world, members(3), 3, 2);
    let (guardian, arbiter) = (world.guardian.insecure_clone(), world.arbiters[0].insecure_clone());
    for key in [&guardian, &arbiter, &Keypair::new()] {
        for instruction in [
            ix::propose_council(&key.pubkey(), members(1), 1, 1),
            ix::cancel_council(&key.pubkey()),
        ] {
            world.refuses(&instruction, &[key], "registry", "NotNetworkAuthority");
        }
    }
}
