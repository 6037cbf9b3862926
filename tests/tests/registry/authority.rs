//! Who governs: proposing, accepting and withdrawing an authority, and changing the guardian.

use gantry_sdk::{Keypair, Pubkey, Signer, ix, pda, registry::accounts::Network};
use gantry_tests::{
    event,
    world::{World, unsigned},
};
use solana_instruction::error::InstructionError;

fn network(world: &World) -> Network {
    world.account(&pda::network()).expect("the network")
}

#[test]
fn an_authority_is_handed_over_in_two_steps() {
    let mut world = World::new();
    let (old, new) = (world.authority.insecure_clone(), Keypair::new());
    let propose = ix::propose_authority(&old.pubkey(), &new.pubkey());
    let outcome = world.guarded(&propose, &[&old], &[]);
    assert_eq!(event!(outcome, AuthorityProposed).authority, new.pubkey());
    let proposed = network(&world);
    assert_eq!(
        (proposed.authority, proposed.pending_authority),
        (old.pubkey(), new.pubkey())
    );

    let accept = ix::accept_authority(&new.pubkey());
    let outcome = world.guarded(&accept, &[&new], &[]);
    assert_eq!(event!(outcome, AuthorityChanged).authority, new.pubkey());
    let accepted = network(&world);
    assert_eq!(
        (accepted.authority, accepted.pending_authority),
        (new.pubkey(), Pubkey::default())
    );

    let guardian = Keypair::new().pubkey();
    let old_word = ix::set_guardian(&old.pubkey(), &guardian);
    world.refuses(&old_word, &[&old], "registry", "NotNetworkAuthority");
    let new_word = ix::set_guardian(&new.pubkey(), &guardian);
    world.send(&[new_word], &[&new]).expect("the new authority governs");
    world.refuses(&accept, &[&new], "registry", "NotPendingAuthority");
}

#[test]
fn only_who_was_proposed_last_accepts() {
    let mut world = World::new();
    let (old, first, last) = (world.authority.insecure_clone(), Keypair::new(), Keypair::new());
    for proposed in [&first, &last] {
        let propose = ix::propose_authority(&old.pubkey(), &proposed.pubkey());
        world.send(&[propose], &[&old]).expect("a proposal");
    }
    for key in [&first, &old, &world.guardian.insecure_clone(), &Keypair::new()] {
        let accept = ix::accept_authority(&key.pubkey());
        world.refuses(&accept, &[key], "registry", "NotPendingAuthority");
    }
    let accept = ix::accept_authority(&last.pubkey());
    world.send(&[accept], &[&last]).expect("an acceptance");
}

#[test]
fn with_nothing_proposed_nobody_accepts() {
    let mut world = World::new();
    let zero = Pubkey::default();
    let accept = unsigned(&ix::accept_authority(&zero), &zero);
    world.rejects(&accept, &[], InstructionError::MissingRequiredSignature);
}

#[test]
fn a_withdrawn_proposal_cannot_be_accepted() {
    let mut world = World::new();
    let (old, new) = (world.authority.insecure_clone(), Keypair::new());
    let propose = ix::propose_authority(&old.pubkey(), &new.pubkey());
    world.send(&[propose], &[&old]).expect("a proposal");
    let cancel = ix::cancel_authority(&old.pubkey());
    let outcome = world.guarded(&cancel, &[&old], &[]);
    assert_eq!(event!(outcome, AuthorityProposalCancelled).authority, new.pubkey());
    assert_eq!(network(&world).pending_authority, Pubkey::default());
    let accept = ix::accept_authority(&new.pubkey());
    world.refuses(&accept, &[&new], "registry", "NotPendingAuthority");
    world.refuses(&cancel, &[&old], "registry", "NothingProposed");
}

#[test]
fn the_authority_names_another_guardian() {
    let mut world = World::new();
    let (authority, old, new) = (
        world.authority.insecure_clone(),
        world.guardian.insecure_clone(),
        Keypair::new(),
    );
    let set = ix::set_guardian(&authority.pubkey(), &new.pubkey());
    let outcome = world.guarded(&set, &[&authority], &[]);
    assert_eq!(event!(outcome, GuardianChanged).guardian, new.pubkey());
    assert_eq!(network(&world).guardian, new.pubkey());
    let pause = ix::pause(&old.pubkey(), 1);
    world.refuses(&pause, &[&old], "registry", "NotGuardian");
    world
        .send(&[ix::pause(&new.pubkey(), 1)], &[&new])
        .expect("the new guardian pauses");
}

#[test]
fn authority_and_guardian_are_real_keys() {
    let mut world = World::new();
    let (authority, zero) = (world.authority.insecure_clone(), Pubkey::default());
    for instruction in [
        ix::propose_authority(&authority.pubkey(), &zero),
        ix::set_guardian(&authority.pubkey(), &zero),
    ] {
        world.refuses(&instruction, &[&authority], "registry", "ZeroAddress");
    }
}

#[test]
fn nobody_but_the_authority_proposes_withdraws_or_names_a_guardian() {
    let mut world = World::new();
    let (authority, new) = (world.authority.insecure_clone(), Keypair::new());
    let propose = ix::propose_authority(&authority.pubkey(), &new.pubkey());
    world.send(&[propose], &[&authority]).expect("a proposal");
    let (guardian, arbiter) = (world.guardian.insecure_clone(), world.arbiters[0].insecure_clone());
    for key in [&guardian, &arbiter, &new, &Keypair::new()] {
        for instruction in [
            ix::propose_authority(&key.pubkey(), &key.pubkey()),
            ix::cancel_authority(&key.pubkey()),
            ix::set_guardian(&key.pubkey(), &key.pubkey()),
        ] {
            world.refuses(&instruction, &[key], "registry", "NotNetworkAuthority");
        }
    }
}
