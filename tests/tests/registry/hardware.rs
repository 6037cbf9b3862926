//! What changes with a node's hardware, and what stays behind when a node leaves: devices and their history.

use gantry_sdk::{
    Instruction, Keypair, Pubkey, Signer,
    ix::{self, AttestArgs, HardwareArgs},
    pda,
    registry::accounts::{Device, Node, Provider},
};
use gantry_tests::{
    event,
    world::{Listing, START_TIME, World, swapped},
};
use solana_instruction::error::InstructionError;

const AVAILABLE: u8 = 0;
const LEASED: u8 = 1;
const DRAINING: u8 = 2;
const SUSPENDED: u8 = 3;
const HASH: [u8; 32] = [4; 32];

const HARDWARE: HardwareArgs = HardwareArgs {
    disk_gib: 2_000,
    mbps: 10_000,
    gpu_model: 9,
    vram_gib: 80,
    cpu_cores: 64,
    ram_gib: 512,
    country: *b"FR",
    gpu_count: 8,
};

fn attestation(device_hash: [u8; 32]) -> AttestArgs {
    AttestArgs {
        device_hash,
        expires_at: START_TIME + 1_000_000,
        flags: 0b11,
        tier: 2,
    }
}

fn node(world: &World, listing: &Listing) -> Node {
    world.account(&listing.node).expect("a node")
}

fn device(world: &World) -> Device {
    world.account(&pda::device(&HASH)).expect("a device")
}

fn update(world: &World, listing: &Listing, args: HardwareArgs) -> Instruction {
    ix::update_hardware(&listing.wallet.pubkey(), &node(world, listing), args)
}

fn close(world: &World, listing: &Listing) -> Instruction {
    ix::close_node(&listing.wallet.pubkey(), &node(world, listing))
}

/// A node that claims the device, with a history of 5 jobs completed and 2 failed.
fn attested(world: &mut World) -> (Listing, Keypair) {
    let (listing, attestor) = (world.list_node(), world.attestor());
    world
        .attest(&attestor, &listing.node, attestation(HASH))
        .expect("an attestation");
    world.amend::<Node>(&listing.node, |node| {
        node.jobs_completed = 5;
        node.jobs_failed = 2;
    });
    (listing, attestor)
}

/// Lists another node of the same provider.
fn list_again(world: &mut World, listing: &Listing) -> Listing {
    let (node_key, args) = (Keypair::new(), world.node_args());
    let list = ix::register_node(
        &listing.wallet.pubkey(),
        &world.payer.pubkey(),
        &node_key.pubkey(),
        args,
    );
    world.send(&[list], &[&listing.wallet, &node_key]).expect("a node");
    Listing {
        wallet: listing.wallet.insecure_clone(),
        node: pda::node(&listing.provider, &node_key.pubkey()),
        node_key,
        ..*listing
    }
}

#[test]
fn new_hardware_voids_the_attestation_and_frees_the_device() {
    let mut world = World::new();
    let (listing, _) = attested(&mut world);
    let update = update(&world, &listing, HARDWARE);
    let outcome = world.guarded(&update, &[&listing.wallet], &[]);
    let event = event!(outcome, HardwareUpdated);
    assert_eq!((event.node, event.device_hash), (listing.node, HASH));
    assert_eq!((event.gpu_model, event.gpu_count, event.country), (9, 8, *b"FR"));

    let node = node(&world, &listing);
    assert_eq!((node.disk_gib, node.mbps, node.country), (2_000, 10_000, *b"FR"));
    assert_eq!((node.gpu_model, node.vram_gib, node.gpu_count), (9, 80, 8));
    assert_eq!((node.cpu_cores, node.ram_gib), (64, 512));
    assert_eq!(
        (node.attestor, node.tier, node.flags, node.attestation_expires_at),
        (Pubkey::default(), 0, 0, 0)
    );
    assert_eq!(node.device_hash, [0; 32]);
    assert_eq!(device(&world).node, Pubkey::default());
    assert_eq!(
        (node.status, node.price_per_hour, node.price_mint),
        (AVAILABLE, 1_800_000, world.usdc.mint)
    );
}

#[test]
fn history_goes_with_the_device_and_comes_back_with_it_once() {
    let mut world = World::new();
    let (listing, attestor) = attested(&mut world);
    // As often as one likes: nothing is ever counted twice.
    for _ in 0..3 {
        let update = update(&world, &listing, HARDWARE);
        world.send(&[update], &[&listing.wallet]).expect("new hardware");
        let let_go = node(&world, &listing);
        assert_eq!((let_go.jobs_completed, let_go.jobs_failed), (0, 0));
        assert_eq!((device(&world).jobs_completed, device(&world).jobs_failed), (5, 2));
        world
            .attest(&attestor, &listing.node, attestation(HASH))
            .expect("an attestation");
        let claimed = node(&world, &listing);
        assert_eq!((claimed.jobs_completed, claimed.jobs_failed), (5, 2));
        assert_eq!((device(&world).jobs_completed, device(&world).jobs_failed), (0, 0));
    }
    assert_eq!((device(&world).node, device(&world).claims), (listing.node, 4));
}

#[test]
fn a_device_listed_under_a_new_key_keeps_its_history() {
    let mut world = World::new();
    let (listing, attestor) = attested(&mut world);
    let close = close(&world, &listing);
    world.send(&[close], &[&listing.wallet]).expect("a node closed");
    let again = list_again(&mut world, &listing);
    world.amend::<Node>(&again.node, |node| node.jobs_failed = 1);
    world
        .attest(&attestor, &again.node, attestation(HASH))
        .expect("an attestation");
    let node = node(&world, &again);
    assert_eq!(
        (node.jobs_completed, node.jobs_failed),
        (5, 3),
        "on top of what it did itself"
    );
    assert_eq!((device(&world).node, device(&world).claims), (again.node, 2));
}

#[test]
fn a_node_without_a_device_keeps_its_history_and_touches_no_device() {
    let mut world = World::new();
    let (_, attestor) = attested(&mut world);
    let listing = world.list_node();
    world.amend::<Node>(&listing.node, |node| node.jobs_failed = 3);
    let before = device(&world);
    let device_of_another = swapped(
        &update(&world, &listing, HARDWARE),
        &pda::device(&[0; 32]),
        &pda::device(&HASH),
    );
    let outcome = world
        .send(&[device_of_another], &[&listing.wallet])
        .expect("new hardware");
    assert_eq!(event!(outcome, HardwareUpdated).device_hash, [0; 32]);
    assert_eq!(node(&world, &listing).jobs_failed, 3);
    assert_eq!(
        (device(&world).node, device(&world).claims),
        (before.node, before.claims)
    );
    assert_eq!(node(&world, &listing).gpu_model, 9);

    let update = update(&world, &listing, HARDWARE);
    let ignored = [pda::device(&[0; 32])];
    world.guarded_but(&update, &[&listing.wallet], &[], &ignored);
    world
        .attest(&attestor, &listing.node, attestation([5; 32]))
        .expect("an attestation");
}

#[test]
fn only_the_device_that_the_node_claims_is_let_go() {
    let mut world = World::new();
    let (listing, attestor) = attested(&mut world);
    let other = world.list_node();
    world
        .attest(&attestor, &other.node, attestation([5; 32]))
        .expect("an attestation");
    for instruction in [update(&world, &listing, HARDWARE), close(&world, &listing)] {
        let wrong = swapped(&instruction, &pda::device(&HASH), &pda::device(&[5; 32]));
        world.refuses(&wrong, &[&listing.wallet], "registry", "WrongDevice");
        let missing = swapped(&instruction, &pda::device(&HASH), &pda::device(&[0; 32]));
        world.rejects(&missing, &[&listing.wallet], InstructionError::UninitializedAccount);
    }
}

#[test]
fn new_hardware_is_as_real_as_the_first() {
    let mut world = World::new();
    let listing = world.list_node();
    let gpu = |gpu_count, gpu_model, vram_gib| HardwareArgs {
        gpu_count,
        gpu_model,
        vram_gib,
        ..HARDWARE
    };
    let country = |country| HardwareArgs { country, ..HARDWARE };
    for (args, name) in [
        (
            HardwareArgs {
                cpu_cores: 0,
                ..HARDWARE
            },
            "InvalidHardware",
        ),
        (HardwareArgs { ram_gib: 0, ..HARDWARE }, "InvalidHardware"),
        (gpu(1, 0, 0), "InvalidHardware"),
        (gpu(0, 7, 24), "InvalidHardware"),
        (gpu(1, 7, 0), "InvalidHardware"),
        (country(*b"de"), "InvalidCountry"),
        (country([0; 2]), "InvalidCountry"),
    ] {
        let update = update(&world, &listing, args);
        world.refuses(&update, &[&listing.wallet], "registry", name);
    }
    let cpu_only = update(&world, &listing, gpu(0, 0, 0));
    world
        .send(&[cpu_only], &[&listing.wallet])
        .expect("a node without a GPU");
}

#[test]
fn hardware_does_not_change_under_a_job_and_suspended_stays_suspended() {
    let mut world = World::new();
    let (_, _, running, _) = world.running();
    let change = update(&world, &running, HARDWARE);
    world.refuses(&change, &[&running.wallet], "registry", "NodeLeased");
    for status in [DRAINING, SUSPENDED] {
        let listing = world.list_node();
        world.amend::<Node>(&listing.node, |node| node.status = status);
        let change = update(&world, &listing, HARDWARE);
        world.send(&[change], &[&listing.wallet]).expect("new hardware");
        assert_eq!(node(&world, &listing).status, status);
    }
}

#[test]
fn a_node_leaves_its_device_behind_and_its_rent_goes_back() {
    let mut world = World::new();
    let (listing, attestor) = attested(&mut world);
    let (sponsor, node_key) = (Keypair::new(), Keypair::new());
    world.svm.airdrop(&sponsor.pubkey(), 1_000_000_000).expect("an airdrop");
    let (owner, args) = (listing.wallet.pubkey(), world.node_args());
    let list = ix::register_node(&owner, &sponsor.pubkey(), &node_key.pubkey(), args);
    world
        .send(&[list], &[&listing.wallet, &sponsor, &node_key])
        .expect("a node");
    let address = pda::node(&listing.provider, &node_key.pubkey());
    world
        .attest(&attestor, &address, attestation([5; 32]))
        .expect("an attestation");
    world.amend::<Node>(&address, |node| node.jobs_completed = 7);

    let close = ix::close_node(&owner, &world.account(&address).expect("a node"));
    let elsewhere = swapped(&close, &sponsor.pubkey(), &Keypair::new().pubkey());
    world.refuses(&elsewhere, &[&listing.wallet], "registry", "WrongRentPayer");
    let outcome = world.guarded(&close, &[&listing.wallet], &[]);
    let event = event!(outcome, NodeClosed);
    assert_eq!(
        (event.node, event.provider, event.device_hash),
        (address, listing.provider, [5; 32])
    );
    assert!(world.account::<Node>(&address).is_none());
    assert_eq!(world.svm.get_balance(&sponsor.pubkey()), Some(1_000_000_000));
    let provider: Provider = world.account(&listing.provider).expect("the provider");
    assert_eq!(provider.node_count, 1);
    let device: Device = world.account(&pda::device(&[5; 32])).expect("a device");
    assert_eq!((device.node, device.jobs_completed), (Pubkey::default(), 7));
    world.rejects(&close, &[&listing.wallet], InstructionError::UninitializedAccount);
}

#[test]
fn only_a_node_that_is_free_leaves() {
    let mut world = World::new();
    for (status, error) in [
        (LEASED, Some("NodeLeased")),
        (SUSPENDED, Some("NodeSuspended")),
        (DRAINING, None),
        (AVAILABLE, None),
    ] {
        let listing = world.list_node();
        world.amend::<Node>(&listing.node, |node| node.status = status);
        let close = close(&world, &listing);
        match error {
            Some(error) => world.refuses(&close, &[&listing.wallet], "registry", error),
            None => drop(world.send(&[close], &[&listing.wallet]).expect("a node closed")),
        }
    }
}

#[test]
fn a_node_closed_and_listed_again_at_once_begins_anew() {
    let mut world = World::new();
    let (listing, _) = attested(&mut world);
    let again = [
        close(&world, &listing),
        ix::register_node(
            &listing.wallet.pubkey(),
            &world.payer.pubkey(),
            &listing.node_key.pubkey(),
            world.node_args(),
        ),
    ];
    world
        .send(&again, &[&listing.wallet, &listing.node_key])
        .expect("a node");
    let node = node(&world, &listing);
    assert_eq!((node.jobs_completed, node.jobs_failed), (0, 0));
    assert_eq!((node.attestor, node.device_hash), (Pubkey::default(), [0; 32]));
    assert_eq!(
        (device(&world).node, device(&world).jobs_completed),
        (Pubkey::default(), 5)
    );
    let provider: Provider = world.account(&listing.provider).expect("the provider");
    assert_eq!(provider.node_count, 1);
}

#[test]
fn a_count_of_nodes_that_is_wrong_is_an_error() {
    let mut world = World::new();
    let listing = world.list_node();
    world.amend::<Provider>(&listing.provider, |provider| provider.node_count = 0);
    let close = close(&world, &listing);
    world.refuses(&close, &[&listing.wallet], "registry", "Overflow");
}

#[test]
fn nobody_else_changes_or_closes_a_node() {
    let mut world = World::new();
    let (listing, _) = attested(&mut world);
    let (other, authority) = (world.list_node(), world.authority.insecure_clone());
    for instruction in [update(&world, &listing, HARDWARE), close(&world, &listing)] {
        for thief in [&other.wallet, &listing.node_key, &authority] {
            let theft = swapped(&instruction, &listing.wallet.pubkey(), &thief.pubkey());
            world.refuses(&theft, &[thief], "registry", "NotProviderAuthority");
        }
        let crossed = swapped(
            &swapped(&instruction, &listing.wallet.pubkey(), &other.wallet.pubkey()),
            &listing.provider,
            &other.provider,
        );
        world.rejects(&crossed, &[&other.wallet], InstructionError::InvalidSeeds);
    }
}
