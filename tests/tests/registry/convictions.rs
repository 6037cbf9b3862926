//! What the market's verdicts do to a provider and its node.

use anchor_lang::{InstructionData, ToAccountMetas};
use gantry_sdk::{
    Instruction, Keypair, Pubkey, Signer,
    ix::{self, AttestArgs},
    pda,
    registry::{
        self,
        accounts::{Node, Provider},
        client,
    },
};
use gantry_tests::{
    event,
    world::{
        Listing, START_TIME, World,
        market_side::{lease_node, release_node},
        unsigned,
    },
};
use solana_instruction::error::InstructionError;

const AVAILABLE: u8 = 0;
const LEASED: u8 = 1;
const DRAINING: u8 = 2;
const SUSPENDED: u8 = 3;

fn convict(signer: &Pubkey, provider: &Pubkey, node: &Pubkey, equivocated: u8) -> Instruction {
    let accounts = client::accounts::ConvictNode {
        market_authority: *signer,
        network: pda::network(),
        provider: *provider,
        node: *node,
    };
    Instruction {
        program_id: registry::ID,
        accounts: accounts.to_account_metas(None),
        data: client::args::ConvictNode { equivocated }.data(),
    }
}

fn node(world: &World, listing: &Listing) -> Node {
    world.account(&listing.node).expect("a node")
}

fn lost(world: &World, listing: &Listing) -> u64 {
    let provider: Provider = world.account(&listing.provider).expect("a provider");
    provider.disputes_lost
}

#[test]
fn a_lost_dispute_counts_and_leaves_the_node_in_service() {
    let (mut world, market) = World::with_market_key();
    let listing = world.list_node();
    let convict = convict(&market.pubkey(), &listing.provider, &listing.node, 0);
    // A node that is not the registry's is passed over, so any other account in its place goes through.
    let outcome = world.guarded_but(&convict, &[&market], &[], &[listing.node]);
    let event = event!(outcome, ProviderConvicted);
    assert_eq!((event.provider, event.node), (listing.provider, listing.node));
    assert_eq!((event.disputes_lost, event.equivocated), (1, 0));
    assert_eq!(lost(&world, &listing), 1);
    let node = node(&world, &listing);
    assert_eq!((node.status, node.consecutive_failures), (AVAILABLE, 0));
}

#[test]
fn contradicting_receipts_suspend_the_node_at_once() {
    for (from, drains_after) in [(AVAILABLE, 0), (DRAINING, 1), (SUSPENDED, 0)] {
        let (mut world, market) = World::with_market_key();
        let listing = world.list_node();
        world.amend::<Node>(&listing.node, |node| {
            node.status = from;
            node.suspended_at = if from == SUSPENDED { START_TIME - 1_000 } else { 0 };
        });
        let convict = convict(&market.pubkey(), &listing.provider, &listing.node, 1);
        let outcome = world.send(&[convict], &[&market]).expect("a conviction");
        assert_eq!(event!(outcome, ProviderConvicted).equivocated, 1);
        let node = node(&world, &listing);
        assert_eq!(
            (node.status, node.suspended_at, node.consecutive_failures),
            (SUSPENDED, START_TIME, 3)
        );
        assert_eq!(node.drain_after_job, drains_after, "a wish to drain stays one");
        assert_eq!(lost(&world, &listing), 1);
    }
}

#[test]
fn a_convicted_node_that_runs_a_job_is_suspended_however_that_ends() {
    for outcome in 0..3 {
        let (mut world, market) = World::with_market_key();
        let (listing, key) = (world.list_node(), market.pubkey());
        let lease = lease_node(&key, &listing.provider, &listing.node, &Keypair::new().pubkey());
        let convict = convict(&key, &listing.provider, &listing.node, 1);
        world.send(&[lease, convict], &[&market]).expect("a conviction");
        let running = node(&world, &listing);
        assert_eq!((running.status, running.suspended_at), (LEASED, 0));
        world.advance(50);
        let release = release_node(&key, &listing.provider, &listing.node, outcome, 10, 10);
        world.send(&[release], &[&market]).expect("a release");
        let node = node(&world, &listing);
        assert_eq!(
            (node.status, node.suspended_at),
            (SUSPENDED, START_TIME + 50),
            "outcome {outcome}"
        );
    }
}

#[test]
fn a_conviction_ends_like_any_suspension() {
    let (mut world, market) = World::with_market_key();
    let (listing, attestor) = (world.list_node(), world.attestor());
    let convict = convict(&market.pubkey(), &listing.provider, &listing.node, 1);
    let resume = ix::resume_node(&listing.wallet.pubkey(), &listing.node);
    world
        .send(std::slice::from_ref(&convict), &[&market])
        .expect("a conviction");
    world.refuses(&resume, &[&listing.wallet], "registry", "NodeSuspended");
    world.advance(24 * 3_600);
    world.send(&[resume], &[&listing.wallet]).expect("a resumption");
    world.send(&[convict], &[&market]).expect("a conviction");
    let args = AttestArgs {
        device_hash: [4; 32],
        expires_at: world.now() + 1_000,
        flags: 0,
        tier: 1,
    };
    world.attest(&attestor, &listing.node, args).expect("an attestation");
    let node = node(&world, &listing);
    assert_eq!((node.status, node.consecutive_failures), (AVAILABLE, 0));
    assert_eq!(lost(&world, &listing), 2);
}

#[test]
fn a_node_that_is_closed_by_then_does_not_save_its_provider() {
    let (mut world, market) = World::with_market_key();
    let listing = world.list_node();
    let close = ix::close_node(&listing.wallet.pubkey(), &node(&world, &listing));
    world.send(&[close], &[&listing.wallet]).expect("a node closed");
    for equivocated in [0, 1] {
        let convict = convict(&market.pubkey(), &listing.provider, &listing.node, equivocated);
        world.send(&[convict], &[&market]).expect("a conviction");
    }
    assert_eq!(lost(&world, &listing), 2);
    assert!(world.account::<Node>(&listing.node).is_none());
}

#[test]
fn a_node_is_convicted_with_its_own_provider_alone() {
    let (mut world, market) = World::with_market_key();
    let (listing, other) = (world.list_node(), world.list_node());
    for equivocated in [0, 1] {
        let crossed = convict(&market.pubkey(), &other.provider, &listing.node, equivocated);
        world.rejects(&crossed, &[&market], InstructionError::InvalidSeeds);
    }
    // Another account of the registry, shorter than a node, is none.
    let no_node = convict(&market.pubkey(), &listing.provider, &other.provider, 1);
    world.rejects(&no_node, &[&market], InstructionError::AccountDataTooSmall);
}

#[test]
fn nobody_but_the_market_convicts() {
    let mut world = World::new();
    let (job, customer, listing, matcher) = world.running();
    assert_eq!(world.job(&job).node, listing.node);
    let (authority, guardian) = (world.authority.insecure_clone(), world.guardian.insecure_clone());
    let arbiter = world.arbiters[0].insecure_clone();
    for key in [&authority, &guardian, &arbiter, &customer, &matcher, &listing.wallet] {
        for equivocated in [0, 1] {
            let convict = convict(&key.pubkey(), &listing.provider, &listing.node, equivocated);
            world.refuses(&convict, &[key], "registry", "NotMarket");
        }
    }
    let market = pda::market_authority();
    let forged = unsigned(&convict(&market, &listing.provider, &listing.node, 1), &market);
    world.rejects(&forged, &[], InstructionError::MissingRequiredSignature);
}

#[test]
fn a_conviction_is_for_contradicting_receipts_or_not() {
    let (mut world, market) = World::with_market_key();
    let listing = world.list_node();
    for equivocated in [2, 255] {
        let convict = convict(&market.pubkey(), &listing.provider, &listing.node, equivocated);
        world.rejects(&convict, &[&market], InstructionError::InvalidInstructionData);
    }
}

#[test]
fn a_count_of_lost_disputes_that_is_full_is_an_error() {
    let (mut world, market) = World::with_market_key();
    let listing = world.list_node();
    world.amend::<Provider>(&listing.provider, |provider| provider.disputes_lost = u64::MAX);
    let convict = convict(&market.pubkey(), &listing.provider, &listing.node, 1);
    world.refuses(&convict, &[&market], "registry", "Overflow");
}
