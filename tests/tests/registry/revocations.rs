//! What becomes of attestors and of what they have vouched for.

use gantry_sdk::{
    Keypair, Pubkey, Signer,
    ix::{self, AttestArgs},
    pda,
    registry::accounts::{Attestor, Device, Node},
};
use gantry_tests::{
    event,
    world::{START_TIME, World, assert_error, assert_refused, swapped},
};
use solana_instruction::error::InstructionError;

fn args() -> AttestArgs {
    AttestArgs {
        device_hash: [4; 32],
        expires_at: START_TIME + 1_000_000,
        flags: 0b11,
        tier: 2,
    }
}

fn attestor(world: &World, key: &Keypair) -> Attestor {
    world.account(&pda::attestor(&key.pubkey())).expect("an attestor")
}

fn attestation(world: &World, node: &Pubkey) -> (Pubkey, u8, u16, i64) {
    let node: Node = world.account(node).expect("a node");
    (node.attestor, node.tier, node.flags, node.attestation_expires_at)
}

#[test]
fn the_authority_changes_what_an_attestor_may_grant() {
    let mut world = World::new();
    let (authority, key, listing) = (world.authority.insecure_clone(), world.attestor(), world.list_node());
    let update = ix::update_attestor(&authority.pubkey(), &key.pubkey(), 1, 0b1, true);
    let outcome = world.guarded(&update, &[&authority], &[]);
    let event = event!(outcome, AttestorUpdated);
    assert_eq!(
        (event.key, event.max_tier, event.flags, event.active),
        (key.pubkey(), 1, 0b1, 1)
    );
    let account = attestor(&world, &key);
    assert_eq!((account.max_tier, account.flags, account.active), (1, 0b1, 1));
    let beyond = world.unchanged(|world| world.attest(&key, &listing.node, args()));
    assert_refused(beyond, "registry", "OutsideAttestorScope");
}

#[test]
fn an_attestor_is_deactivated_and_activated_again() {
    let mut world = World::new();
    let (authority, key, listing) = (world.authority.insecure_clone(), world.attestor(), world.list_node());
    for active in [false, true] {
        let update = ix::update_attestor(&authority.pubkey(), &key.pubkey(), 3, 0b11_1111, active);
        let outcome = world.send(&[update], &[&authority]).expect("an update");
        assert_eq!(event!(outcome, AttestorUpdated).active, u8::from(active));
        if active {
            world.attest(&key, &listing.node, args()).expect("an attestation");
        } else {
            let refused = world.unchanged(|world| world.attest(&key, &listing.node, args()));
            assert_refused(refused, "registry", "AttestorInactive");
        }
    }
    let mut neither = ix::update_attestor(&authority.pubkey(), &key.pubkey(), 3, 0, true);
    *neither.data.last_mut().expect("arguments") = 2;
    let refused = world.unchanged(|world| world.send(&[neither], &[&authority]));
    refused.expect_err("active or not, nothing else");
}

#[test]
fn an_updated_scope_has_tiers_and_flags_that_exist() {
    let mut world = World::new();
    let (authority, key) = (world.authority.insecure_clone(), world.attestor());
    for (tier, flags) in [(4, 0), (255, 0), (0, 1 << 6), (3, u16::MAX)] {
        let update = ix::update_attestor(&authority.pubkey(), &key.pubkey(), tier, flags, true);
        world.refuses(&update, &[&authority], "registry", "InvalidScope");
    }
}

#[test]
fn a_removed_attestor_attests_no_more_and_what_it_gave_stays() {
    let mut world = World::new();
    let (authority, key, listing, sponsor) = (
        world.authority.insecure_clone(),
        Keypair::new(),
        world.list_node(),
        Keypair::new(),
    );
    world.svm.airdrop(&sponsor.pubkey(), 1_000_000_000).expect("an airdrop");
    let add = ix::add_attestor(&authority.pubkey(), &sponsor.pubkey(), &key.pubkey(), 3, 0b11);
    world
        .send(std::slice::from_ref(&add), &[&authority, &sponsor])
        .expect("an attestor");
    world.attest(&key, &listing.node, args()).expect("an attestation");

    let remove = ix::remove_attestor(&authority.pubkey(), &attestor(&world, &key));
    let elsewhere = swapped(&remove, &sponsor.pubkey(), &key.pubkey());
    world.refuses(&elsewhere, &[&authority], "registry", "WrongRentPayer");
    let outcome = world.guarded(&remove, &[&authority], &[]);
    assert_eq!(event!(outcome, AttestorRemoved).key, key.pubkey());
    assert!(world.account::<Attestor>(&pda::attestor(&key.pubkey())).is_none());
    let lamports = world.svm.get_balance(&sponsor.pubkey());
    assert_eq!(lamports, Some(1_000_000_000), "all of the rent is back");
    assert_eq!(
        attestation(&world, &listing.node),
        (key.pubkey(), 2, 0b11, args().expires_at)
    );
    let again = world.unchanged(|world| world.attest(&key, &listing.node, args()));
    assert_error(again, InstructionError::UninitializedAccount);

    let revoke = ix::revoke_attestation(&key.pubkey(), &listing.node);
    world
        .send(&[revoke], &[&key])
        .expect("it may still take back what it gave");
    world
        .send(&[add], &[&authority, &sponsor])
        .expect("an attestor once more");
    assert_eq!(attestor(&world, &key).granted, 0);
}

#[test]
fn nobody_but_the_authority_changes_or_removes_attestors() {
    let mut world = World::new();
    let key = world.attestor();
    let account = attestor(&world, &key);
    for thief in [&key, &world.guardian.insecure_clone(), &Keypair::new()] {
        for instruction in [
            ix::update_attestor(&thief.pubkey(), &key.pubkey(), 3, 1, true),
            ix::remove_attestor(&thief.pubkey(), &account),
        ] {
            world.refuses(&instruction, &[thief], "registry", "NotNetworkAuthority");
        }
    }
}

#[test]
fn an_attestation_is_revoked_and_the_claim_on_the_device_stays() {
    for by_authority in [false, true] {
        let mut world = World::new();
        let (key, listing) = (world.attestor(), world.list_node());
        world.attest(&key, &listing.node, args()).expect("an attestation");
        let by = if by_authority {
            world.authority.insecure_clone()
        } else {
            key.insecure_clone()
        };
        let revoke = ix::revoke_attestation(&by.pubkey(), &listing.node);
        // Any attested node's attestation can be revoked by who gave it, but a copy of a node is none.
        let outcome = world.guarded(&revoke, &[&by], &[]);
        let event = event!(outcome, AttestationRevoked);
        assert_eq!(
            (event.node, event.attestor, event.by),
            (listing.node, key.pubkey(), by.pubkey())
        );
        assert_eq!(attestation(&world, &listing.node), (Pubkey::default(), 0, 0, 0));
        let node: Node = world.account(&listing.node).expect("a node");
        let device: Device = world.account(&pda::device(&[4; 32])).expect("a device");
        assert_eq!((node.device_hash, device.node), ([4; 32], listing.node));
        world.refuses(&revoke, &[&by], "registry", "NotAttested");
    }
}

#[test]
fn a_node_without_an_attestation_has_none_to_revoke() {
    let mut world = World::new();
    let (authority, listing) = (world.authority.insecure_clone(), world.list_node());
    let revoke = ix::revoke_attestation(&authority.pubkey(), &listing.node);
    world.refuses(&revoke, &[&authority], "registry", "NotAttested");
}

#[test]
fn nobody_else_revokes_an_attestation() {
    let mut world = World::new();
    let (key, other, listing) = (world.attestor(), world.attestor(), world.list_node());
    world.attest(&key, &listing.node, args()).expect("an attestation");
    let guardian = world.guardian.insecure_clone();
    for thief in [&other, &guardian, &listing.wallet, &listing.node_key] {
        let revoke = ix::revoke_attestation(&thief.pubkey(), &listing.node);
        world.refuses(&revoke, &[thief], "registry", "NotRevoker");
    }
}
