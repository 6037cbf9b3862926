//! The registry's instructions about the network itself: its authority, its council and its attestors.

use crate::{
    case::Case,
    cases::{Scenes, pair},
    crowd::{Crowd, with_impostor},
};
use gantry_sdk::{Instruction, Keypair, Pubkey, Signer, ix, pda, registry::accounts::Attestor};
use gantry_tests::world::World;

pub(crate) fn initialize_network(_: &Scenes) -> Case {
    let world = with_impostor(World::bare());
    let initialize = ix::initialize_network(&world.payer.pubkey(), world.network_args());
    Case::in_world("registry::initialize_network", world, Vec::new(), initialize)
}

pub(crate) fn pause(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let pause = ix::pause(&crowd.world.guardian.pubkey(), 1);
    Case::new("registry::pause", crowd, pause)
}

pub(crate) fn unpause(scenes: &Scenes) -> Case {
    let mut crowd = scenes.governed.fork();
    crowd.world.pause(3);
    let unpause = ix::unpause(&crowd.world.authority.pubkey(), 1);
    Case::new("registry::unpause", crowd, unpause)
}

/// Sends `instruction` as the network's authority.
fn decree(crowd: &mut Crowd, instruction: Instruction) {
    let authority = crowd.world.authority.insecure_clone();
    crowd
        .world
        .send(&[instruction], &[&authority])
        .expect("the authority's word");
}

/// Somebody has been proposed as the network's authority.
fn succession(scenes: &Scenes) -> (Crowd, Pubkey, Pubkey) {
    let mut crowd = scenes.governed.fork();
    let (authority, heir) = (crowd.world.authority.pubkey(), crowd.sides[0].customer.pubkey());
    decree(&mut crowd, ix::propose_authority(&authority, &heir));
    (crowd, authority, heir)
}

pub(crate) fn propose_authority(scenes: &Scenes) -> Case {
    // A proposal that replaces another: who was proposed before has no say in it.
    let (crowd, authority, _) = succession(scenes);
    let propose = ix::propose_authority(&authority, &crowd.sides[1].customer.pubkey());
    Case::new("registry::propose_authority", crowd, propose)
}

pub(crate) fn accept_authority(scenes: &Scenes) -> Case {
    let (crowd, _, heir) = succession(scenes);
    Case::new("registry::accept_authority", crowd, ix::accept_authority(&heir))
}

pub(crate) fn cancel_authority(scenes: &Scenes) -> Case {
    let (crowd, authority, _) = succession(scenes);
    Case::new("registry::cancel_authority", crowd, ix::cancel_authority(&authority))
}

pub(crate) fn set_guardian(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let set = ix::set_guardian(&crowd.world.authority.pubkey(), &crowd.sides[0].customer.pubkey());
    Case::new("registry::set_guardian", crowd, set)
}

/// The proposal of a council of three whose keys are all in the suite's hands.
fn council(crowd: &Crowd) -> Instruction {
    let [one, other] = crowd.sides.each_ref();
    let mut arbiters = [Pubkey::default(); 9];
    for (place, arbiter) in arbiters.iter_mut().zip([&one.staker, &other.staker, &one.matcher]) {
        *place = arbiter.pubkey();
    }
    ix::propose_council(&crowd.world.authority.pubkey(), arbiters, 3, 2)
}

/// A council has been proposed, and its timelock has passed.
fn council_due(scenes: &Scenes) -> Crowd {
    let mut crowd = scenes.governed.fork();
    let propose = council(&crowd);
    decree(&mut crowd, propose);
    let timelock = crowd.world.network_args().timelock_seconds;
    crowd.world.advance(i64::from(timelock));
    crowd
}

pub(crate) fn propose_council(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let propose = council(&crowd);
    Case::new("registry::propose_council", crowd, propose)
}

pub(crate) fn apply_council(scenes: &Scenes) -> Case {
    Case::new("registry::apply_council", council_due(scenes), ix::apply_council())
}

pub(crate) fn cancel_council(scenes: &Scenes) -> Case {
    let crowd = council_due(scenes);
    let cancel = ix::cancel_council(&crowd.world.authority.pubkey());
    Case::new("registry::cancel_council", crowd, cancel)
}

pub(crate) fn add_attestor(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let (authority, payer) = (crowd.world.authority.pubkey(), crowd.world.payer.pubkey());
    let acts = [0; 2].map(|_| ix::add_attestor(&authority, &payer, &Keypair::new().pubkey(), 3, 1));
    pair("registry::add_attestor", crowd, acts)
}

pub(crate) fn update_attestor(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let authority = crowd.world.authority.pubkey();
    let sides = crowd.sides.each_ref();
    let acts = sides.map(|side| ix::update_attestor(&authority, &side.attestor.pubkey(), 1, 1, false));
    pair("registry::update_attestor", crowd, acts)
}

pub(crate) fn remove_attestor(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let authority = crowd.world.authority.pubkey();
    let sides = crowd.sides.each_ref();
    let acts = sides.map(|side| {
        let attestor = pda::attestor(&side.attestor.pubkey());
        let account: Attestor = crowd.world.account(&attestor).expect("an attestor");
        ix::remove_attestor(&authority, &account)
    });
    pair("registry::remove_attestor", crowd, acts)
}
