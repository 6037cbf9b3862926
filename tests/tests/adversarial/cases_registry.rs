//! The registry's instructions about providers and nodes.

use crate::{
    case::Case,
    cases::{Scenes, pair},
    crowd::{Crowd, Side},
};
use gantry_sdk::{
    Instruction, Keypair, Pubkey, Signer,
    ix::{self, AttestArgs, HardwareArgs},
    pda,
    registry::accounts::{Node, Provider},
};
use gantry_tests::world::market_side;

pub(crate) use crate::cases_network::*;

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

pub(crate) fn update_provider(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let sides = crowd.sides.each_ref();
    let acts = sides.map(|side| ix::update_provider(&side.listing.wallet.pubkey(), &side.newcomer.pubkey(), [2; 32]));
    pair("registry::update_provider", crowd, acts)
}

pub(crate) fn close_provider(scenes: &Scenes) -> Case {
    let mut crowd = scenes.governed.fork();
    let payer = crowd.world.payer.pubkey();
    let sides = crowd.sides.clone();
    let acts = sides.each_ref().map(|side| {
        let owner = side.customer.pubkey();
        let register = ix::register_provider(&owner, &payer, &owner, [0; 32]);
        crowd.world.send(&[register], &[&side.customer]).expect("a provider");
        let account: Provider = crowd.world.account(&pda::provider(&owner)).expect("a provider");
        ix::close_provider(&account)
    });
    pair("registry::close_provider", crowd, acts)
}

pub(crate) fn update_price(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let sides = crowd.sides.each_ref();
    let acts = sides.map(|side| ix::update_price(&side.listing.wallet.pubkey(), &side.listing.node, 5));
    pair("registry::update_price", crowd, acts)
}

/// The nodes of both parties, each with a device, as their providers' instructions about them need them.
fn of_nodes(crowd: &Crowd, make: impl Fn(&Pubkey, &Node) -> Instruction) -> [Instruction; 2] {
    crowd.sides.each_ref().map(|side| {
        let node: Node = crowd.world.account(&side.listing.node).expect("a node");
        assert_ne!(node.device_hash, [0; 32], "the node has a device to let go");
        make(&side.listing.wallet.pubkey(), &node)
    })
}

pub(crate) fn update_hardware(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let args = HardwareArgs {
        disk_gib: 2_000,
        mbps: 10_000,
        gpu_model: 9,
        vram_gib: 80,
        cpu_cores: 64,
        ram_gib: 512,
        country: *b"FR",
        gpu_count: 8,
    };
    let acts = of_nodes(&crowd, |wallet, node| ix::update_hardware(wallet, node, args));
    pair("registry::update_hardware", crowd, acts)
}

fn drain(side: &Side) -> Instruction {
    ix::drain_node(&side.listing.wallet.pubkey(), &side.listing.node)
}

pub(crate) fn drain_node(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let acts = crowd.sides.each_ref().map(drain);
    pair("registry::drain_node", crowd, acts)
}

pub(crate) fn resume_node(scenes: &Scenes) -> Case {
    let mut crowd = scenes.governed.fork();
    let sides = crowd.sides.clone();
    let acts = sides.each_ref().map(|side| {
        let wallet = &side.listing.wallet;
        crowd.world.send(&[drain(side)], &[wallet]).expect("a node that drains");
        ix::resume_node(&wallet.pubkey(), &side.listing.node)
    });
    pair("registry::resume_node", crowd, acts)
}

pub(crate) fn close_node(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let acts = of_nodes(&crowd, ix::close_node);
    pair("registry::close_node", crowd, acts)
}

pub(crate) fn revoke_attestation(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let sides = crowd.sides.each_ref();
    let acts = sides.map(|side| ix::revoke_attestation(&side.attestor.pubkey(), &side.listing.node));
    pair("registry::revoke_attestation", crowd, acts)
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
        let node = pda::node(&side.listing.provider, &node_key.pubkey());
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
    let acts =
        sides.map(|side| market_side::convict_node(&market.pubkey(), &side.listing.provider, &side.listing.node, 1));
    pair("registry::convict_node", crowd, acts)
}
