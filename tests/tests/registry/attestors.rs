//! Attestors, and what they vouch for.

use gantry_sdk::{
    Instruction, Keypair, Pubkey, Signer,
    ix::{self, AttestArgs},
    pda,
    registry::accounts::{Attestor, Device, Node},
};
use gantry_tests::{
    event,
    world::{START_TIME, World, swapped, unsigned},
};
use solana_instruction::error::InstructionError;

const DAY: i64 = 24 * 3_600;

fn args() -> AttestArgs {
    AttestArgs {
        device_hash: [4; 32],
        expires_at: START_TIME + 30 * DAY,
        flags: 0b10_0001,
        tier: 2,
    }
}

/// Admits a new attestor who may grant up to `max_tier` and `flags`.
fn admit(world: &mut World, max_tier: u8, flags: u16) -> Keypair {
    let attestor = Keypair::new();
    let add = add(world, &attestor.pubkey(), max_tier, flags);
    let authority = world.authority.insecure_clone();
    world.send(&[add], &[&authority]).expect("an attestor");
    attestor
}

fn add(world: &World, key: &Pubkey, max_tier: u8, flags: u16) -> Instruction {
    ix::add_attestor(&world.authority.pubkey(), &world.payer.pubkey(), key, max_tier, flags)
}

fn attest(world: &World, attestor: &Keypair, node: &Pubkey, args: AttestArgs) -> Instruction {
    ix::attest(&attestor.pubkey(), &world.payer.pubkey(), node, args)
}

fn node(world: &World, node: &Pubkey) -> Node {
    world.account(node).expect("a node")
}

#[test]
fn the_authority_admits_an_attestor_with_a_scope() {
    let mut world = World::new();
    let (key, authority) = (Keypair::new().pubkey(), world.authority.insecure_clone());
    let add = add(&world, &key, 2, 0b11);
    let outcome = world.guarded(&add, &[&authority], &[]);
    let event = event!(outcome, AttestorAdded);
    assert_eq!((event.key, event.max_tier, event.flags), (key, 2, 0b11));
    let attestor: Attestor = world.account(&pda::attestor(&key)).expect("an attestor");
    assert_eq!((attestor.key, attestor.max_tier, attestor.flags), (key, 2, 0b11));
    assert_eq!(
        (attestor.active, attestor.granted, attestor.rent_payer),
        (1, 0, world.payer.pubkey())
    );
    world.rejects(&add, &[&authority], InstructionError::Custom(0));
}

#[test]
fn nobody_else_admits_attestors() {
    let mut world = World::new();
    let key = Keypair::new();
    let add = add(&world, &key.pubkey(), 3, 1);
    let authority = world.authority.pubkey();
    for signer in [&world.guardian.insecure_clone(), &key] {
        let theft = swapped(&add, &authority, &signer.pubkey());
        world.refuses(&theft, &[signer], "registry", "NotNetworkAuthority");
    }
    world.rejects(
        &unsigned(&add, &authority),
        &[],
        InstructionError::MissingRequiredSignature,
    );
}

#[test]
fn a_scope_names_a_real_key_and_tiers_and_flags_that_exist() {
    let mut world = World::new();
    let authority = world.authority.insecure_clone();
    let zero = add(&world, &Pubkey::default(), 3, 1);
    world.refuses(&zero, &[&authority], "registry", "ZeroAddress");
    for (tier, flags) in [(4, 0), (255, 0), (0, 1 << 6), (3, u16::MAX)] {
        let add = add(&world, &Keypair::new().pubkey(), tier, flags);
        world.refuses(&add, &[&authority], "registry", "InvalidScope");
    }
    admit(&mut world, 0, 0);
    admit(&mut world, 3, 0b11_1111);
}

#[test]
fn an_attestation_is_written_to_node_device_and_attestor() {
    let mut world = World::new();
    let (attestor, listing) = (admit(&mut world, 2, 0b10_0001), world.list_node());
    let attest = attest(&world, &attestor, &listing.node, args());
    // Any node may be vouched for, but a copy of one is none.
    let outcome = world.guarded(&attest, &[&attestor], &[]);
    let event = event!(outcome, NodeAttested);
    assert_eq!((event.node, event.attestor), (listing.node, attestor.pubkey()));
    assert_eq!((event.tier, event.flags), (2, 0b10_0001));
    assert_eq!((event.expires_at, event.device_hash), (args().expires_at, [4; 32]));

    let node = node(&world, &listing.node);
    assert_eq!((node.attestor, node.device_hash), (attestor.pubkey(), [4; 32]));
    assert_eq!(
        (node.tier, node.flags, node.attestation_expires_at),
        (2, 0b10_0001, args().expires_at)
    );
    let device: Device = world.account(&pda::device(&[4; 32])).expect("a device");
    assert_eq!((device.device_hash, device.node), ([4; 32], listing.node));
    assert_eq!(
        (device.claims, device.claimed_at, device.rent_payer),
        (1, START_TIME, world.payer.pubkey())
    );
    let account: Attestor = world.account(&pda::attestor(&attestor.pubkey())).expect("an attestor");
    assert_eq!(account.granted, 1);
}

#[test]
fn a_later_attestation_replaces_the_first_and_keeps_the_devices_history() {
    let mut world = World::new();
    let (first, second, listing) = (world.attestor(), world.attestor(), world.list_node());
    world.attest(&first, &listing.node, args()).expect("an attestation");
    world.advance(DAY);
    let later = AttestArgs {
        flags: 0,
        tier: 1,
        expires_at: START_TIME + 2 * DAY,
        ..args()
    };
    let overruling = attest(&world, &second, &listing.node, later);
    world.refuses(&overruling, &[&second], "registry", "AttestedByAnother");
    let revoke = ix::revoke_attestation(&first.pubkey(), &listing.node);
    world.send(&[revoke], &[&first]).expect("a revocation");
    world.attest(&second, &listing.node, later).expect("an attestation");
    let node = node(&world, &listing.node);
    assert_eq!(
        (node.attestor, node.tier, node.flags, node.attestation_expires_at),
        (second.pubkey(), 1, 0, START_TIME + 2 * DAY)
    );
    let device: Device = world.account(&pda::device(&[4; 32])).expect("a device");
    assert_eq!((device.claims, device.claimed_at), (1, START_TIME));
}

#[test]
fn a_device_belongs_to_one_node_and_a_node_stands_for_one_device() {
    let mut world = World::new();
    let (attestor, first, second) = (world.attestor(), world.list_node(), world.list_node());
    world.attest(&attestor, &first.node, args()).expect("an attestation");
    let claimed = attest(&world, &attestor, &second.node, args());
    world.refuses(&claimed, &[&attestor], "registry", "DeviceClaimed");
    let another = AttestArgs {
        device_hash: [5; 32],
        ..args()
    };
    let moved = attest(&world, &attestor, &first.node, another);
    world.refuses(&moved, &[&attestor], "registry", "InvalidDeviceHash");
    world
        .attest(&attestor, &second.node, another)
        .expect("a device of its own");
}

#[test]
fn a_device_is_named_by_its_own_hash() {
    let mut world = World::new();
    let (attestor, listing) = (world.attestor(), world.list_node());
    let zeros = AttestArgs {
        device_hash: [0; 32],
        ..args()
    };
    let zeros = attest(&world, &attestor, &listing.node, zeros);
    world.refuses(&zeros, &[&attestor], "registry", "InvalidDeviceHash");
    let device = pda::device(&[4; 32]);
    let elsewhere = swapped(
        &attest(&world, &attestor, &listing.node, args()),
        &device,
        &pda::device(&[5; 32]),
    );
    world.rejects(&elsewhere, &[&attestor], InstructionError::InvalidSeeds);
}

#[test]
fn an_attestor_grants_nothing_beyond_its_scope() {
    let mut world = World::new();
    let (attestor, listing) = (admit(&mut world, 1, 0b01), world.list_node());
    let scope = |tier, flags| AttestArgs { tier, flags, ..args() };
    for (tier, flags) in [(2, 0b01), (3, 0), (1, 0b10), (0, 0b11), (1, 0b10_0000)] {
        let attest = attest(&world, &attestor, &listing.node, scope(tier, flags));
        world.refuses(&attest, &[&attestor], "registry", "OutsideAttestorScope");
    }
    for (tier, flags) in [(4, 0), (255, 0), (0, 1 << 6), (0, 1 << 15)] {
        let attest = attest(&world, &attestor, &listing.node, scope(tier, flags));
        world.refuses(&attest, &[&attestor], "registry", "InvalidScope");
    }
    world
        .attest(&attestor, &listing.node, scope(1, 0b01))
        .expect("all of its scope");
}

#[test]
fn an_attestation_ends_in_the_future_and_within_400_days() {
    let mut world = World::new();
    let (attestor, listing) = (world.attestor(), world.list_node());
    let until = |expires_at| AttestArgs { expires_at, ..args() };
    for expires_at in [
        START_TIME,
        START_TIME - 1,
        0,
        i64::MIN,
        START_TIME + 400 * DAY + 1,
        i64::MAX,
    ] {
        let attest = attest(&world, &attestor, &listing.node, until(expires_at));
        world.refuses(&attest, &[&attestor], "registry", "InvalidExpiry");
    }
    for expires_at in [START_TIME + 1, START_TIME + 400 * DAY] {
        world
            .attest(&attestor, &listing.node, until(expires_at))
            .expect("an attestation");
    }
}

#[test]
fn only_an_active_attestors_own_key_attests() {
    let mut world = World::new();
    let (attestor, other, listing) = (world.attestor(), world.attestor(), world.list_node());
    let attest_once = attest(&world, &attestor, &listing.node, args());
    let authority = world.authority.insecure_clone();
    for key in [&other, &listing.wallet, &authority] {
        let theft = swapped(&attest_once, &attestor.pubkey(), &key.pubkey());
        world.refuses(&theft, &[key], "registry", "NotAttestor");
    }
    let stranger = attest(&world, &listing.wallet, &listing.node, args());
    world.rejects(&stranger, &[&listing.wallet], InstructionError::UninitializedAccount);

    world.amend::<Attestor>(&pda::attestor(&attestor.pubkey()), |attestor| attestor.active = 0);
    world.refuses(&attest_once, &[&attestor], "registry", "AttestorInactive");
}

#[test]
fn an_attestation_frees_no_node_but_a_suspended_one() {
    for (status, expected) in [(0, 0), (1, 1), (2, 2), (3, 0)] {
        let mut world = World::new();
        let (attestor, listing) = (world.attestor(), world.list_node());
        let suspended_at = if status == 3 { START_TIME - 1 } else { 0 };
        world.amend::<Node>(&listing.node, |node| {
            node.status = status;
            node.consecutive_failures = if status == 3 { 3 } else { 2 };
            node.suspended_at = suspended_at;
        });
        world.attest(&attestor, &listing.node, args()).expect("an attestation");
        let node = node(&world, &listing.node);
        let failures = if status == 3 { 0 } else { 2 };
        assert_eq!(
            (node.status, node.consecutive_failures, node.suspended_at),
            (expected, failures, 0),
            "{status}"
        );
    }
}

#[test]
fn lamports_sent_ahead_of_time_block_neither_attestor_nor_device() {
    let mut world = World::new();
    let (attestor, listing) = (Keypair::new(), world.list_node());
    world.send_lamports(&[pda::attestor(&attestor.pubkey()), pda::device(&[4; 32])]);
    let (add, authority) = (
        add(&world, &attestor.pubkey(), 3, 0b11_1111),
        world.authority.insecure_clone(),
    );
    world.send(&[add], &[&authority]).expect("an attestor");
    world.attest(&attestor, &listing.node, args()).expect("an attestation");
    let device: Device = world.account(&pda::device(&[4; 32])).expect("a device");
    assert_eq!((device.node, device.claims), (listing.node, 1));
}

#[test]
fn a_counter_that_is_full_is_an_error() {
    let mut world = World::new();
    let (attestor, listing) = (world.attestor(), world.list_node());
    world.amend::<Attestor>(&pda::attestor(&attestor.pubkey()), |a| a.granted = u64::MAX);
    let attest = attest(&world, &attestor, &listing.node, args());
    world.refuses(&attest, &[&attestor], "registry", "Overflow");
}
