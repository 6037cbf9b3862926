//! Leases: how the market, and nobody else, takes nodes and gives them back, and what three failures do.

use anchor_lang::Discriminator;
use gantry_sdk::{
    Keypair, Pubkey, Signer,
    core::receipt::ReceiptStatus,
    ix::{self, AttestArgs},
    pda,
    registry::accounts::{Network, Node, Provider},
};
use gantry_tests::{
    event,
    world::{
        Listing, START_TIME, World, assert_refused,
        market_side::{lease_node, release_node},
        swapped, unsigned,
    },
};
use solana_instruction::error::InstructionError;

const AVAILABLE: u8 = 0;
const LEASED: u8 = 1;
const DRAINING: u8 = 2;
const SUSPENDED: u8 = 3;

const COMPLETED: u8 = 0;
const FAILED: u8 = 1;
const NEUTRAL: u8 = 2;

fn node(world: &World, listing: &Listing) -> Node {
    world.account(&listing.node).expect("a node")
}

fn provider(world: &World, listing: &Listing) -> Provider {
    world.account(&listing.provider).expect("a provider")
}

/// Leases the node and gives it back.
fn serve(world: &mut World, market: &Keypair, listing: &Listing, outcome: u8, served: u64, promised: u64) {
    let key = market.pubkey();
    let lease = lease_node(&key, &listing.provider, &listing.node, &Keypair::new().pubkey());
    let release = release_node(&key, &listing.provider, &listing.node, outcome, served, promised);
    world.send(&[lease, release], &[market]).expect("a lease");
}

#[test]
fn the_market_takes_a_node_and_gives_it_back() {
    let (mut world, market) = World::with_market_key();
    let (listing, job) = (world.list_node(), Keypair::new().pubkey());
    let lease = lease_node(&market.pubkey(), &listing.provider, &listing.node, &job);
    let outcome = world.guarded(&lease, &[&market], &[]);
    let event = event!(outcome, NodeLeased);
    assert_eq!((event.node, event.job), (listing.node, job));
    let leased = node(&world, &listing);
    assert_eq!((leased.status, leased.current_job), (LEASED, job));
    assert_eq!(provider(&world, &listing).active_leases, 1);

    let release = release_node(&market.pubkey(), &listing.provider, &listing.node, COMPLETED, 90, 100);
    let outcome = world.guarded(&release, &[&market], &[]);
    let event = event!(outcome, NodeReleased);
    assert_eq!((event.node, event.job, event.outcome), (listing.node, job, COMPLETED));
    assert_eq!(
        (event.status, event.served_seconds, event.promised_seconds),
        (AVAILABLE, 90, 100)
    );
    let free = node(&world, &listing);
    assert_eq!((free.status, free.current_job), (AVAILABLE, Pubkey::default()));
    assert_eq!(
        (
            free.jobs_completed,
            free.jobs_failed,
            free.served_seconds,
            free.promised_seconds
        ),
        (1, 0, 90, 100)
    );
    let provider = provider(&world, &listing);
    assert_eq!((provider.active_leases, provider.jobs_completed), (0, 1));
    assert_eq!((provider.served_seconds, provider.promised_seconds), (90, 100));
}

#[test]
fn nobody_but_the_market_takes_or_gives_back_a_node() {
    let mut world = World::new();
    let (job, customer, listing, matcher) = world.running();
    let free = world.list_node();
    let (authority, guardian) = (world.authority.insecure_clone(), world.guardian.insecure_clone());
    let strangers = [
        &authority,
        &guardian,
        &listing.wallet,
        &listing.node_key,
        &customer,
        &matcher,
        &Keypair::new(),
    ];
    for key in strangers {
        let lease = lease_node(&key.pubkey(), &free.provider, &free.node, &job);
        world.refuses(&lease, &[key], "registry", "NotMarket");
        let release = release_node(&key.pubkey(), &listing.provider, &listing.node, COMPLETED, 1_000, 1_000);
        world.refuses(&release, &[key], "registry", "NotMarket");
    }
    let market = pda::market_authority();
    for instruction in [
        lease_node(&market, &free.provider, &free.node, &job),
        release_node(&market, &listing.provider, &listing.node, COMPLETED, 1_000, 1_000),
    ] {
        let unsigned = unsigned(&instruction, &market);
        world.rejects(&unsigned, &[], InstructionError::MissingRequiredSignature);
    }
}

#[test]
fn only_an_available_node_is_taken() {
    let (mut world, market) = World::with_market_key();
    let listing = world.list_node();
    let lease = lease_node(
        &market.pubkey(),
        &listing.provider,
        &listing.node,
        &Keypair::new().pubkey(),
    );
    for status in [LEASED, DRAINING, SUSPENDED, 4, 255] {
        world.amend::<Node>(&listing.node, |node| node.status = status);
        world.refuses(&lease, &[&market], "registry", "NodeNotAvailable");
    }
    world.amend::<Node>(&listing.node, |node| node.status = AVAILABLE);
    world.send(std::slice::from_ref(&lease), &[&market]).expect("a lease");
    world.refuses(&lease, &[&market], "registry", "NodeNotAvailable");
}

#[test]
fn only_a_leased_node_is_given_back_and_only_with_an_outcome_that_exists() {
    let (mut world, market) = World::with_market_key();
    let listing = world.list_node();
    let key = market.pubkey();
    let release = |outcome| release_node(&key, &listing.provider, &listing.node, outcome, 1, 1);
    for status in [AVAILABLE, DRAINING, SUSPENDED, 4] {
        world.amend::<Node>(&listing.node, |node| node.status = status);
        world.refuses(&release(COMPLETED), &[&market], "registry", "NodeNotLeased");
    }
    world.amend::<Node>(&listing.node, |node| node.status = AVAILABLE);
    let lease = lease_node(&key, &listing.provider, &listing.node, &Keypair::new().pubkey());
    world.send(&[lease], &[&market]).expect("a lease");
    for outcome in [3, 4, 255] {
        world.refuses(&release(outcome), &[&market], "registry", "InvalidOutcome");
    }
    world.send(&[release(NEUTRAL)], &[&market]).expect("a release");
    world.refuses(&release(NEUTRAL), &[&market], "registry", "NodeNotLeased");
}

#[test]
fn a_node_is_taken_with_its_own_provider_alone() {
    let (mut world, market) = World::with_market_key();
    let (listing, other) = (world.list_node(), world.list_node());
    let key = market.pubkey();
    let lease = lease_node(&key, &listing.provider, &listing.node, &Keypair::new().pubkey());
    let crossed = swapped(&lease, &listing.provider, &other.provider);
    world.rejects(&crossed, &[&market], InstructionError::InvalidSeeds);
    world.send(&[lease], &[&market]).expect("a lease");
    let release = release_node(&key, &other.provider, &listing.node, FAILED, 0, 0);
    world.rejects(&release, &[&market], InstructionError::InvalidSeeds);
}

#[test]
fn a_made_up_network_gives_nobody_the_markets_word() {
    let mut world = World::new();
    let (listing, thief) = (world.list_node(), Keypair::new());
    let lease = lease_node(&thief.pubkey(), &listing.provider, &listing.node, &Pubkey::default());
    // A network that names the thief: of the thief's own program, or of the registry but elsewhere.
    for (owner, error) in [
        (Some(thief.pubkey()), InstructionError::IllegalOwner),
        (None, InstructionError::InvalidSeeds),
    ] {
        let forged = world.forge(&pda::network(), owner);
        world.amend::<Network>(&forged, |network| network.market_authority = thief.pubkey());
        world.rejects(&swapped(&lease, &pda::network(), &forged), &[&thief], error);
    }
    // The registry's own account of another type, as long as a network, with the thief's key in its place.
    let forged = world.forge(&pda::network(), None);
    world.amend::<Network>(&forged, |network| network.market_authority = thief.pubkey());
    let mut account = world.svm.get_account(&forged).expect("an account");
    account.data[..8].copy_from_slice(Provider::DISCRIMINATOR);
    world.svm.set_account(forged, account).expect("an account");
    world.rejects(
        &swapped(&lease, &pda::network(), &forged),
        &[&thief],
        InstructionError::InvalidAccountData,
    );
}

#[test]
fn outcomes_count_for_node_and_provider() {
    let (mut world, market) = World::with_market_key();
    let listing = world.list_node();
    serve(&mut world, &market, &listing, FAILED, 10, 100);
    serve(&mut world, &market, &listing, NEUTRAL, 20, 20);
    let count = |world: &World| {
        let (node, provider) = (node(world, &listing), provider(world, &listing));
        assert_eq!(
            (node.jobs_completed, node.jobs_failed),
            (provider.jobs_completed, provider.jobs_failed)
        );
        assert_eq!(
            (node.served_seconds, node.promised_seconds),
            (provider.served_seconds, provider.promised_seconds)
        );
        (node.jobs_completed, node.jobs_failed, node.consecutive_failures)
    };
    assert_eq!(count(&world), (0, 1, 1), "a neutral end neither counts nor forgives");
    serve(&mut world, &market, &listing, FAILED, 0, 0);
    assert_eq!(count(&world), (0, 2, 2));
    serve(&mut world, &market, &listing, COMPLETED, 100, 100);
    assert_eq!(count(&world), (1, 2, 0), "a completed job ends the row");
    assert_eq!(node(&world, &listing).status, AVAILABLE);
    assert_eq!(node(&world, &listing).served_seconds, 130);
}

#[test]
fn a_node_that_should_drain_does_so_when_its_job_ends() {
    let (mut world, market) = World::with_market_key();
    let listing = world.list_node();
    let key = market.pubkey();
    let lease = lease_node(&key, &listing.provider, &listing.node, &Keypair::new().pubkey());
    world.send(&[lease], &[&market]).expect("a lease");
    world.amend::<Node>(&listing.node, |node| node.drain_after_job = 1);
    let release = release_node(&key, &listing.provider, &listing.node, COMPLETED, 1, 1);
    let outcome = world.send(&[release], &[&market]).expect("a release");
    assert_eq!(event!(outcome, NodeReleased).status, DRAINING);
    let node = node(&world, &listing);
    assert_eq!((node.status, node.drain_after_job), (DRAINING, 0));
}

#[test]
fn counters_that_are_full_are_an_error() {
    for full in 0..6 {
        let (mut world, market) = World::with_market_key();
        let listing = world.list_node();
        let key = market.pubkey();
        let lease = lease_node(&key, &listing.provider, &listing.node, &Keypair::new().pubkey());
        world.send(&[lease], &[&market]).expect("a lease");
        world.amend::<Node>(&listing.node, |node| match full {
            0 => node.jobs_completed = u64::MAX,
            1 => node.served_seconds = u64::MAX,
            2 => node.promised_seconds = u64::MAX,
            _ => {}
        });
        world.amend::<Provider>(&listing.provider, |provider| match full {
            3 => provider.jobs_completed = u64::MAX,
            4 => provider.served_seconds = u64::MAX,
            5 => provider.active_leases = 0,
            _ => {}
        });
        let release = release_node(&key, &listing.provider, &listing.node, COMPLETED, 1, 1);
        world.refuses(&release, &[&market], "registry", "Overflow");
    }
}

#[test]
fn three_failures_in_a_row_suspend_a_node_at_that_time() {
    let (mut world, market) = World::with_market_key();
    let listing = world.list_node();
    serve(&mut world, &market, &listing, FAILED, 0, 0);
    serve(&mut world, &market, &listing, FAILED, 0, 0);
    assert_eq!(
        (node(&world, &listing).status, node(&world, &listing).suspended_at),
        (AVAILABLE, 0)
    );
    world.advance(100);
    serve(&mut world, &market, &listing, FAILED, 0, 0);
    let node = node(&world, &listing);
    assert_eq!(
        (node.status, node.suspended_at, node.consecutive_failures),
        (SUSPENDED, START_TIME + 100, 3)
    );
}

#[test]
fn three_lapses_suspend_a_node_and_a_new_attestation_lifts_that() {
    let mut world = World::new();
    let (customer, listing, matcher) = (world.customer(), world.list_node(), world.wallet());
    for lapse in 1..=3 {
        let job = world.open_default(&customer);
        world.assign(&matcher, &job, &listing.node).expect("an assignment");
        world.start(&job, &listing).expect("a start");
        world.advance(61);
        let report = ix::report_lapse(&world.job(&job));
        let outcome = world.send(&[report], &[]).expect("a lapse");
        let status = if lapse == 3 { SUSPENDED } else { AVAILABLE };
        let event = event!(outcome, NodeReleased);
        assert_eq!((event.outcome, event.status), (FAILED, status));
        assert_eq!(node(&world, &listing).consecutive_failures, lapse);
    }
    let job = world.open_default(&customer);
    let before = world.state();
    assert_refused(
        world.assign(&matcher, &job, &listing.node),
        "registry",
        "NodeNotAvailable",
    );
    assert!(before == world.state());

    let attestor = world.attestor();
    let args = AttestArgs {
        device_hash: [4; 32],
        expires_at: world.now() + 1_000,
        flags: 0,
        tier: 1,
    };
    world.attest(&attestor, &listing.node, args).expect("an attestation");
    let lifted = node(&world, &listing);
    assert_eq!(
        (lifted.status, lifted.consecutive_failures, lifted.suspended_at),
        (AVAILABLE, 0, 0)
    );
    assert_eq!(lifted.jobs_failed, 3, "history stays");
    world
        .assign(&matcher, &job, &listing.node)
        .expect("the node takes jobs again");
    world.start(&job, &listing).expect("a start");
    world.advance(10);
    world
        .finish(&job, &listing, 1, 10, ReceiptStatus::Completed)
        .expect("a final proof");
    assert_eq!(node(&world, &listing).jobs_completed, 1);
}

#[test]
fn an_assignment_that_expires_counts_as_a_failure() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.assigned();
    let reporter = world.wallet();
    world.token_account(&customer.pubkey(), world.stake);
    world.advance(31);
    let expire = ix::expire_assignment(&reporter.pubkey(), &world.job(&job), world.stake_tokens());
    world.send(&[expire], &[&reporter]).expect("an expiry");
    let node = node(&world, &listing);
    assert_eq!(
        (node.status, node.jobs_failed, node.consecutive_failures),
        (AVAILABLE, 1, 1)
    );
    assert_eq!(provider(&world, &listing).active_leases, 0);
}
