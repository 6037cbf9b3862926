//! The registry's instructions.

use crate::{
    case::Case,
    cases::{Scenes, pair},
    crowd::with_impostor,
};
use gantry_sdk::{
    Keypair, Pubkey, Signer,
    ix::{self, AttestArgs},
};
use gantry_tests::world::{World, market_side};

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

pub(crate) fn add_attestor(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let (authority, payer) = (crowd.world.authority.pubkey(), crowd.world.payer.pubkey());
    let acts = [0; 2].map(|_| ix::add_attestor(&authority, &payer, &Keypair::new().pubkey(), 3, 1));
    pair("registry::add_attestor", crowd, acts)
}

pub(crate) fn register_provider(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let payer = crowd.world.payer.pubkey();
    let sides = crowd.sides.each_ref();
    let acts = sides.map(|side| ix::register_provider(&side.customer.pubkey(), &payer, &side.staker.pubkey(), [1; 32]));
    pair("registry::register_provider", crowd, acts)
}

pub(crate) fn register_node(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let (payer, args) = (crowd.world.payer.pubkey(), crowd.world.node_args());
    let sides = crowd.sides.each_ref();
    let acts =
        sides.map(|side| ix::register_node(&side.listing.wallet.pubkey(), &payer, &side.customer.pubkey(), args));
    pair("registry::register_node", crowd, acts)
}

pub(crate) fn update_price(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let sides = crowd.sides.each_ref();
    let acts = sides.map(|side| ix::update_price(&side.listing.wallet.pubkey(), &side.listing.node, 5));
    pair("registry::update_price", crowd, acts)
}

pub(crate) fn attest(scenes: &Scenes) -> Case {
    let mut crowd = scenes.governed.fork();
    let (payer, expires_at) = (crowd.world.payer.pubkey(), crowd.world.now() + 1_000);
    let sides = crowd.sides.clone();
    let mut device = 10;
    let acts = sides.each_ref().map(|side| {
        device += 1;
        let args = AttestArgs {
            device_hash: [device; 32],
            expires_at,
            flags: 0,
            tier: 2,
        };
        let node_key = Keypair::new();
        let wallet = side.listing.wallet.pubkey();
        let register = ix::register_node(&wallet, &payer, &node_key.pubkey(), crowd.world.node_args());
        crowd
            .world
            .send(&[register], &[&side.listing.wallet, &node_key])
            .expect("a second node");
        let node = gantry_sdk::pda::node(&side.listing.provider, &node_key.pubkey());
        ix::attest(&side.attestor.pubkey(), &payer, &node, args)
    });
    pair("registry::attest", crowd, acts)
}

/// Jobs as far as the registry knows.
const JOBS: [Pubkey; 2] = [Pubkey::new_from_array([21; 32]), Pubkey::new_from_array([22; 32])];

pub(crate) fn lease_node(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let market = crowd.market.as_ref().expect("the market's key").pubkey();
    let acts = [0, 1].map(|side| {
        let listing = &crowd.sides[side].listing;
        market_side::lease_node(&market, &listing.provider, &listing.node, &JOBS[side])
    });
    pair("registry::lease_node", crowd, acts)
}

pub(crate) fn release_node(scenes: &Scenes) -> Case {
    let mut crowd = scenes.governed.fork();
    let market = crowd.market.clone().expect("the market's key");
    let acts = [0, 1].map(|side| {
        let listing = &crowd.sides[side].listing;
        let lease = market_side::lease_node(&market.pubkey(), &listing.provider, &listing.node, &JOBS[side]);
        crowd.world.send(&[lease], &[&market]).expect("a lease");
        market_side::release_node(&market.pubkey(), &listing.provider, &listing.node, 0, 10, 20)
    });
    pair("registry::release_node", crowd, acts)
}

pub(crate) fn convict_node(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let market = crowd.market.clone().expect("the market's key");
    let sides = crowd.sides.each_ref();
    let acts = sides.map(|side| {
        let mut act = market_side::release_node(&market.pubkey(), &side.listing.provider, &side.listing.node, 0, 0, 0);
        act.data = crate::case::IDL["registry::convict_node"].discriminator.clone();
        act.data.push(1);
        act
    });
    pair("registry::convict_node", crowd, acts)
}
