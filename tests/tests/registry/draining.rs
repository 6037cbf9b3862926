//! Draining a node, resuming it, and how a suspension ends.

use gantry_sdk::{Instruction, Keypair, Signer, ix, registry::accounts::Node};
use gantry_tests::{
    event,
    world::{
        Listing, World, assert_refused,
        market_side::{lease_node, release_node},
        swapped,
    },
};
use solana_instruction::error::InstructionError;

const AVAILABLE: u8 = 0;
const LEASED: u8 = 1;
const DRAINING: u8 = 2;
const SUSPENDED: u8 = 3;
const DAY: i64 = 24 * 3_600;

fn drain(listing: &Listing) -> Instruction {
    ix::drain_node(&listing.wallet.pubkey(), &listing.node)
}

fn resume(listing: &Listing) -> Instruction {
    ix::resume_node(&listing.wallet.pubkey(), &listing.node)
}

/// Status of the node and whether it drains when its job or suspension ends.
fn state(world: &World, listing: &Listing) -> (u8, u8) {
    let node: Node = world.account(&listing.node).expect("a node");
    (node.status, node.drain_after_job)
}

fn lease(world: &mut World, market: &Keypair, listing: &Listing) {
    let lease = lease_node(
        &market.pubkey(),
        &listing.provider,
        &listing.node,
        &Keypair::new().pubkey(),
    );
    world.send(&[lease], &[market]).expect("a lease");
}

fn release(world: &mut World, market: &Keypair, listing: &Listing, outcome: u8) {
    let release = release_node(&market.pubkey(), &listing.provider, &listing.node, outcome, 0, 0);
    world.send(&[release], &[market]).expect("a release");
}

#[test]
fn a_free_node_drains_at_once_and_resumes() {
    let mut world = World::new();
    let (listing, customer, matcher) = (world.list_node(), world.customer(), world.wallet());
    let outcome = world.guarded(&drain(&listing), &[&listing.wallet], &[]);
    let event = event!(outcome, NodeStatusChanged);
    assert_eq!(
        (event.node, event.status, event.drain_after_job),
        (listing.node, DRAINING, 0)
    );
    assert_eq!(state(&world, &listing), (DRAINING, 0));
    world.refuses(&drain(&listing), &[&listing.wallet], "registry", "AlreadyDraining");

    let job = world.open_default(&customer);
    let refused = world.unchanged(|world| world.assign(&matcher, &job, &listing.node));
    assert_refused(refused, "registry", "NodeNotAvailable");

    let outcome = world.guarded(&resume(&listing), &[&listing.wallet], &[]);
    assert_eq!(event!(outcome, NodeStatusChanged).status, AVAILABLE);
    assert_eq!(state(&world, &listing), (AVAILABLE, 0));
    world.refuses(&resume(&listing), &[&listing.wallet], "registry", "NotDraining");
    world.assign(&matcher, &job, &listing.node).expect("an assignment");
}

#[test]
fn a_node_that_runs_a_job_drains_when_it_ends() {
    let (mut world, market) = World::with_market_key();
    let listing = world.list_node();
    lease(&mut world, &market, &listing);
    let outcome = world.send(&[drain(&listing)], &[&listing.wallet]).expect("a wish");
    let event = event!(outcome, NodeStatusChanged);
    assert_eq!((event.status, event.drain_after_job), (LEASED, 1));
    assert_eq!(state(&world, &listing), (LEASED, 1));
    world.refuses(&drain(&listing), &[&listing.wallet], "registry", "AlreadyDraining");
    release(&mut world, &market, &listing, 0);
    assert_eq!(state(&world, &listing), (DRAINING, 0));
}

#[test]
fn a_wish_to_drain_is_taken_back_while_the_job_runs() {
    let (mut world, market) = World::with_market_key();
    let listing = world.list_node();
    lease(&mut world, &market, &listing);
    world.refuses(&resume(&listing), &[&listing.wallet], "registry", "NotDraining");
    for instruction in [drain(&listing), resume(&listing)] {
        world.send(&[instruction], &[&listing.wallet]).expect("a wish");
    }
    assert_eq!(state(&world, &listing), (LEASED, 0));
    release(&mut world, &market, &listing, 0);
    assert_eq!(state(&world, &listing), (AVAILABLE, 0));
}

#[test]
fn a_suspended_node_resumes_after_a_day_with_a_clean_row() {
    for drains in [false, true] {
        let (mut world, market) = World::with_market_key();
        let listing = world.list_node();
        for _ in 0..3 {
            lease(&mut world, &market, &listing);
            release(&mut world, &market, &listing, 1);
        }
        assert_eq!(state(&world, &listing), (SUSPENDED, 0));
        if drains {
            world.send(&[drain(&listing)], &[&listing.wallet]).expect("a wish");
            assert_eq!(state(&world, &listing), (SUSPENDED, 1));
            world.refuses(&drain(&listing), &[&listing.wallet], "registry", "AlreadyDraining");
        }
        world.refuses(&resume(&listing), &[&listing.wallet], "registry", "NodeSuspended");
        world.advance(DAY - 1);
        world.refuses(&resume(&listing), &[&listing.wallet], "registry", "NodeSuspended");
        world.advance(1);
        let outcome = world
            .send(&[resume(&listing)], &[&listing.wallet])
            .expect("a resumption");
        assert_eq!(event!(outcome, NodeStatusChanged).status, AVAILABLE);
        let node: Node = world.account(&listing.node).expect("a node");
        assert_eq!(state(&world, &listing), (AVAILABLE, 0));
        assert_eq!(
            (node.consecutive_failures, node.suspended_at, node.jobs_failed),
            (0, 0, 3),
            "history stays"
        );
        lease(&mut world, &market, &listing);
        release(&mut world, &market, &listing, 1);
        assert_eq!(
            state(&world, &listing),
            (AVAILABLE, 0),
            "one failure is the first again"
        );
    }
}

#[test]
fn nobody_else_drains_or_resumes_a_node() {
    let mut world = World::new();
    let (listing, other, authority) = (world.list_node(), world.list_node(), world.authority.insecure_clone());
    for instruction in [drain(&listing), resume(&listing)] {
        for thief in [&other.wallet, &listing.node_key, &authority] {
            let theft = swapped(&instruction, &listing.wallet.pubkey(), &thief.pubkey());
            world.refuses(&theft, &[thief], "registry", "NotProviderAuthority");
        }
    }
    for theft in [
        ix::drain_node(&other.wallet.pubkey(), &listing.node),
        ix::resume_node(&other.wallet.pubkey(), &listing.node),
    ] {
        world.rejects(&theft, &[&other.wallet], InstructionError::InvalidSeeds);
    }
}
