//! The registry's instructions.

use anyhow::{Context, Result};
use gantry_sdk::{
    Keypair, Pubkey, Signer,
    ix::{self, AttestArgs, HardwareArgs},
    pda,
    registry::accounts::{Attestor, Node, Provider},
};
use gantry_tests::world::{World, market_side};

use super::{Meter, measure, ok};

/// Accounts that a history makes for their addresses' sake.
const PROVIDERS: usize = 180;
const ATTESTORS: usize = 60;
const NODES: usize = 34;

/// Authority, guardian, council and attestors. Leaves the network as it was.
pub(super) fn governance(meter: &mut Meter, world: &mut World) -> Result<()> {
    let (old, new) = (world.authority.insecure_clone(), Keypair::new());
    let (authority, guardian) = (old.pubkey(), world.guardian.insecure_clone());
    let propose = ix::propose_authority(&authority, &new.pubkey());
    measure(meter, world, "propose_authority", propose.clone(), &[&old])?;
    measure(
        meter,
        world,
        "cancel_authority",
        ix::cancel_authority(&authority),
        &[&old],
    )?;
    ok(world.send(&[propose], &[&old]))?;
    let accept = ix::accept_authority(&new.pubkey());
    measure(meter, world, "accept_authority", accept, &[&new])?;
    let back = [
        ix::propose_authority(&new.pubkey(), &authority),
        ix::accept_authority(&authority),
    ];
    ok(world.send(&back, &[&old, &new]))?;

    let set = ix::set_guardian(&authority, &guardian.pubkey());
    measure(meter, world, "set_guardian", set, &[&old])?;
    let pause = ix::pause(&guardian.pubkey(), 3);
    measure(meter, world, "pause", pause, &[&guardian])?;
    measure(meter, world, "unpause", ix::unpause(&authority, 3), &[&old])?;

    let arbiters = world.network_args().arbiters;
    let council = ix::propose_council(&authority, arbiters, 3, 2);
    measure(meter, world, "propose_council", council.clone(), &[&old])?;
    measure(meter, world, "cancel_council", ix::cancel_council(&authority), &[&old])?;
    ok(world.send(&[council], &[&old]))?;
    world.advance(i64::from(world.network_args().timelock_seconds));
    measure(meter, world, "apply_council", ix::apply_council(), &[])?;

    let (key, payer) = (Keypair::new().pubkey(), world.payer.pubkey());
    let add = ix::add_attestor(&authority, &payer, &key, 3, 1);
    measure(meter, world, "add_attestor", add, &[&old])?;
    let update = ix::update_attestor(&authority, &key, 2, 3, true);
    measure(meter, world, "update_attestor", update, &[&old])?;
    let account: Attestor = world.account(&pda::attestor(&key)).context("no attestor")?;
    let remove = ix::remove_attestor(&authority, &account);
    measure(meter, world, "remove_attestor", remove, &[&old])
}

/// An attestation of a device that nobody claims yet. A device is a hash: any 32 bytes, here those of a fresh key.
fn attestation(world: &World) -> AttestArgs {
    AttestArgs {
        device_hash: Keypair::new().pubkey().to_bytes(),
        expires_at: world.now() + 1_000_000,
        flags: 1,
        tier: 2,
    }
}

/// Providers, attestors, nodes and devices, whose addresses have to be found.
pub(super) fn addresses(meter: &mut Meter, world: &mut World) -> Result<()> {
    let (authority, payer) = (world.authority.insecure_clone(), world.payer.pubkey());
    for _ in 0..PROVIDERS {
        let wallet = Keypair::new();
        let owner = wallet.pubkey();
        let register = ix::register_provider(&owner, &payer, &owner, [1; 32]);
        measure(meter, world, "register_provider", register, &[&wallet])?;
        let account: Provider = world.account(&pda::provider(&owner)).context("no provider")?;
        measure(meter, world, "close_provider", ix::close_provider(&account), &[&wallet])?;
    }
    for _ in 0..ATTESTORS {
        let key = Keypair::new().pubkey();
        let add = ix::add_attestor(&authority.pubkey(), &payer, &key, 3, 1);
        measure(meter, world, "add_attestor", add, &[&authority])?;
    }
    let (attestor, listing) = (world.attestor(), world.list_node());
    for _ in 0..NODES {
        let node_key = Keypair::new();
        let list = ix::register_node(&listing.wallet.pubkey(), &payer, &node_key.pubkey(), world.node_args());
        measure(meter, world, "register_node", list, &[&listing.wallet, &node_key])?;
        let node = pda::node(&listing.provider, &node_key.pubkey());
        let attest = ix::attest(&attestor.pubkey(), &payer, &node, attestation(world));
        measure(meter, world, "attest", attest, &[&attestor])?;
    }
    Ok(())
}

/// A provider from its registration to its leaving, with a node that is attested and leased meanwhile.
pub(super) fn providers(meter: &mut Meter, world: &mut World, market: &Keypair) -> Result<()> {
    let attestor = world.attestor();
    provider(meter, world, market, &attestor)?;
    let other = world.list_node();
    let convict = market_side::convict_node(&market.pubkey(), &other.provider, &other.node, 1);
    measure(meter, world, "convict_node", convict, &[market])
}

fn provider(meter: &mut Meter, world: &mut World, market: &Keypair, attestor: &Keypair) -> Result<()> {
    let (wallet, node_key) = (Keypair::new(), Keypair::new());
    let (owner, payer) = (wallet.pubkey(), world.payer.pubkey());
    let provider = pda::provider(&owner);
    let node = pda::node(&provider, &node_key.pubkey());
    let account = |world: &World| world.account::<Node>(&node).context("no node");

    let register = ix::register_provider(&owner, &payer, &owner, [1; 32]);
    measure(meter, world, "register_provider", register, &[&wallet])?;
    let update = ix::update_provider(&owner, &Keypair::new().pubkey(), [2; 32]);
    measure(meter, world, "update_provider", update, &[&wallet])?;
    let list = ix::register_node(&owner, &payer, &node_key.pubkey(), world.node_args());
    measure(meter, world, "register_node", list, &[&wallet, &node_key])?;
    let price = ix::update_price(&owner, &node, 2_000_000);
    measure(meter, world, "update_price", price, &[&wallet])?;
    measure(meter, world, "drain_node", ix::drain_node(&owner, &node), &[&wallet])?;
    measure(meter, world, "resume_node", ix::resume_node(&owner, &node), &[&wallet])?;

    let attest = ix::attest(&attestor.pubkey(), &payer, &node, attestation(world));
    measure(meter, world, "attest", attest.clone(), &[attestor])?;
    let revoke = ix::revoke_attestation(&attestor.pubkey(), &node);
    measure(meter, world, "revoke_attestation", revoke, &[attestor])?;
    let hardware = HardwareArgs {
        disk_gib: 2_000,
        mbps: 10_000,
        gpu_model: 9,
        vram_gib: 80,
        cpu_cores: 64,
        ram_gib: 512,
        country: *b"FR",
        gpu_count: 8,
    };
    let update = ix::update_hardware(&owner, &account(world)?, hardware);
    measure(meter, world, "update_hardware", update, &[&wallet])?;
    ok(world.send(&[attest], &[attestor]))?;

    let (key, job) = (market.pubkey(), Pubkey::new_from_array([9; 32]));
    let lease = market_side::lease_node(&key, &provider, &node, &job);
    measure(meter, world, "lease_node", lease, &[market])?;
    let release = market_side::release_node(&key, &provider, &node, 0, 100, 100);
    measure(meter, world, "release_node", release, &[market])?;

    let close = ix::close_node(&owner, &account(world)?);
    measure(meter, world, "close_node", close, &[&wallet])?;
    let account: Provider = world.account(&provider).context("no provider")?;
    measure(meter, world, "close_provider", ix::close_provider(&account), &[&wallet])
}
