//! Providers and the nodes that they list.

use gantry_sdk::{
    Instruction, Keypair, Pubkey, Signer,
    ix::{self, NodeArgs},
    pda,
    registry::accounts::{Node, Provider},
};
use gantry_tests::{
    event,
    world::{START_TIME, World, swapped, unsigned},
};
use solana_instruction::error::InstructionError;

fn register(world: &World, wallet: &Keypair, node_key: &Keypair, args: NodeArgs) -> Instruction {
    ix::register_node(&wallet.pubkey(), &world.payer.pubkey(), &node_key.pubkey(), args)
}

fn provider(world: &mut World) -> (Keypair, Pubkey) {
    let wallet = Keypair::new();
    let owner = wallet.pubkey();
    let register = ix::register_provider(&owner, &world.payer.pubkey(), &owner, [0; 32]);
    world.send(&[register], &[&wallet]).expect("a provider");
    (wallet, pda::provider(&owner))
}

#[test]
fn a_wallet_registers_as_a_provider() {
    let mut world = World::new();
    let (wallet, payout) = (Keypair::new(), Keypair::new().pubkey());
    let register = ix::register_provider(&wallet.pubkey(), &world.payer.pubkey(), &payout, [3; 32]);
    let outcome = world.send(&[register], &[&wallet]).expect("a provider");
    let address = pda::provider(&wallet.pubkey());
    let event = event!(outcome, ProviderRegistered);
    assert_eq!(
        (event.provider, event.authority, event.payout_owner),
        (address, wallet.pubkey(), payout)
    );
    let provider: Provider = world.account(&address).expect("a provider");
    assert_eq!((provider.authority, provider.payout_owner), (wallet.pubkey(), payout));
    assert_eq!(
        (provider.rent_payer, provider.metadata_hash, provider.registered_at),
        (world.payer.pubkey(), [3; 32], START_TIME)
    );
    assert_eq!((provider.node_count, provider.active_leases), (0, 0));
    assert_eq!((provider.jobs_completed, provider.jobs_failed), (0, 0));
}

#[test]
fn a_wallet_is_one_provider_and_cannot_be_made_one_by_others() {
    let mut world = World::new();
    let (wallet, _) = provider(&mut world);
    let thief = Keypair::new().pubkey();
    let payer = world.payer.pubkey();
    let again = ix::register_provider(&wallet.pubkey(), &payer, &thief, [0; 32]);
    world.rejects(&again, &[&wallet], InstructionError::Custom(0));

    let victim = Keypair::new().pubkey();
    let register = ix::register_provider(&victim, &payer, &thief, [0; 32]);
    world.rejects(
        &unsigned(&register, &victim),
        &[],
        InstructionError::MissingRequiredSignature,
    );
}

#[test]
fn payouts_go_to_a_real_key() {
    let mut world = World::new();
    let wallet = Keypair::new();
    let register = ix::register_provider(&wallet.pubkey(), &world.payer.pubkey(), &Pubkey::default(), [0; 32]);
    world.refuses(&register, &[&wallet], "registry", "ZeroAddress");
}

#[test]
fn a_provider_lists_a_node() {
    let mut world = World::new();
    let (wallet, provider) = provider(&mut world);
    let (node_key, args) = (Keypair::new(), world.node_args());
    let list = register(&world, &wallet, &node_key, args);
    let outcome = world.send(&[list], &[&wallet, &node_key]).expect("a node");
    let address = pda::node(&provider, &node_key.pubkey());
    let event = event!(outcome, NodeRegistered);
    assert_eq!(
        (event.node, event.provider, event.node_key),
        (address, provider, node_key.pubkey())
    );
    assert_eq!(
        (event.price_mint, event.price_per_hour, event.country),
        (world.usdc.mint, 1_800_000, *b"DE")
    );

    let node: Node = world.account(&address).expect("a node");
    assert_eq!((node.provider, node.node_key), (provider, node_key.pubkey()));
    assert_eq!(
        (node.rent_payer, node.registered_at),
        (world.payer.pubkey(), START_TIME)
    );
    assert_eq!(
        (node.price_mint, node.price_per_hour),
        (args.price_mint, args.price_per_hour)
    );
    assert_eq!(
        (
            node.gpu_model,
            node.gpu_count,
            node.vram_gib,
            node.cpu_cores,
            node.ram_gib
        ),
        (7, 1, 24, 16, 64)
    );
    assert_eq!((node.disk_gib, node.mbps, node.country), (500, 1_000, *b"DE"));
    assert_eq!((node.status, node.current_job), (0, Pubkey::default()));
    assert_eq!(
        (node.attestor, node.device_hash, node.tier, node.flags),
        (Pubkey::default(), [0; 32], 0, 0),
        "nobody lists a node as attested"
    );
    assert_eq!(
        world.account::<Provider>(&provider).expect("the provider").node_count,
        1
    );

    let second = Keypair::new();
    let cpu_only = NodeArgs {
        gpu_model: 0,
        gpu_count: 0,
        vram_gib: 0,
        ..args
    };
    let list = register(&world, &wallet, &second, cpu_only);
    world.send(&[list], &[&wallet, &second]).expect("a node without a GPU");
    assert_eq!(
        world.account::<Provider>(&provider).expect("the provider").node_count,
        2
    );
}

#[test]
fn a_node_is_listed_once_with_both_signatures() {
    let mut world = World::new();
    let (wallet, _) = provider(&mut world);
    let (node_key, args) = (Keypair::new(), world.node_args());
    let list = register(&world, &wallet, &node_key, args);
    for key in [&wallet, &node_key] {
        let other = if key.pubkey() == wallet.pubkey() {
            &node_key
        } else {
            &wallet
        };
        let missing = unsigned(&list, &key.pubkey());
        world.rejects(&missing, &[other], InstructionError::MissingRequiredSignature);
    }
    world
        .send(std::slice::from_ref(&list), &[&wallet, &node_key])
        .expect("a node");
    world.rejects(&list, &[&wallet, &node_key], InstructionError::Custom(0));
}

#[test]
fn nobody_lists_a_node_under_another_provider() {
    let mut world = World::new();
    let ((wallet, _), (thief, _)) = (provider(&mut world), provider(&mut world));
    let node_key = Keypair::new();
    let list = register(&world, &wallet, &node_key, world.node_args());
    let theft = swapped(&list, &wallet.pubkey(), &thief.pubkey());
    world.refuses(&theft, &[&thief, &node_key], "registry", "NotProviderAuthority");
    let unregistered = Keypair::new();
    let list = register(&world, &unregistered, &node_key, world.node_args());
    world.rejects(
        &list,
        &[&unregistered, &node_key],
        InstructionError::UninitializedAccount,
    );
}

#[test]
fn a_node_is_listed_with_a_price_real_hardware_and_a_country() {
    let mut world = World::new();
    let (wallet, _) = provider(&mut world);
    let node_key = Keypair::new();
    let good = world.node_args();
    let gpu = |gpu_count, gpu_model, vram_gib| NodeArgs {
        gpu_count,
        gpu_model,
        vram_gib,
        ..good
    };
    let country = |country: [u8; 2]| NodeArgs { country, ..good };
    let refused = [
        (
            NodeArgs {
                price_mint: Pubkey::default(),
                ..good
            },
            "ZeroAddress",
        ),
        (
            NodeArgs {
                price_per_hour: 0,
                ..good
            },
            "InvalidPrice",
        ),
        (NodeArgs { cpu_cores: 0, ..good }, "InvalidHardware"),
        (NodeArgs { ram_gib: 0, ..good }, "InvalidHardware"),
        (gpu(1, 0, 0), "InvalidHardware"),
        (gpu(0, 7, 0), "InvalidHardware"),
        (gpu(0, 0, 24), "InvalidHardware"),
        (gpu(1, 7, 0), "InvalidHardware"),
        (gpu(1, 0, 24), "InvalidHardware"),
        (gpu(0, 7, 24), "InvalidHardware"),
        (country(*b"de"), "InvalidCountry"),
        (country(*b"D1"), "InvalidCountry"),
        (country([0, 0]), "InvalidCountry"),
        (country([b'D', 0xC3]), "InvalidCountry"),
    ];
    for (args, name) in refused {
        let list = register(&world, &wallet, &node_key, args);
        world.refuses(&list, &[&wallet, &node_key], "registry", name);
    }
    let list = register(&world, &wallet, &node_key, good);
    world.send(&[list], &[&wallet, &node_key]).expect("a node");
}

#[test]
fn a_provider_changes_a_price() {
    let mut world = World::new();
    let listing = world.list_node();
    let update = ix::update_price(&listing.wallet.pubkey(), &listing.node, 5);
    let outcome = world.send(&[update], &[&listing.wallet]).expect("a price");
    let event = event!(outcome, PriceUpdated);
    assert_eq!((event.node, event.price_per_hour), (listing.node, 5));
    assert_eq!(world.account::<Node>(&listing.node).expect("a node").price_per_hour, 5);

    let free = ix::update_price(&listing.wallet.pubkey(), &listing.node, 0);
    world.refuses(&free, &[&listing.wallet], "registry", "InvalidPrice");
}

#[test]
fn only_a_nodes_own_provider_changes_its_price() {
    let mut world = World::new();
    let (listing, other) = (world.list_node(), world.list_node());
    let update = ix::update_price(&listing.wallet.pubkey(), &listing.node, 5);
    for key in [&other.wallet, &listing.node_key, &world.authority.insecure_clone()] {
        let theft = swapped(&update, &listing.wallet.pubkey(), &key.pubkey());
        world.refuses(&theft, &[key], "registry", "NotProviderAuthority");
    }
    let theft = ix::update_price(&other.wallet.pubkey(), &listing.node, 5);
    world.rejects(&theft, &[&other.wallet], InstructionError::InvalidSeeds);
    world.rejects(
        &unsigned(&update, &listing.wallet.pubkey()),
        &[],
        InstructionError::MissingRequiredSignature,
    );
}

#[test]
fn a_running_job_keeps_the_price_it_was_assigned_at() {
    let mut world = World::new();
    let (job, _, listing, _) = world.running();
    let update = ix::update_price(&listing.wallet.pubkey(), &listing.node, 3_600_000);
    world.send(&[update], &[&listing.wallet]).expect("a price");
    assert_eq!(world.job(&job).price_per_hour, 1_800_000);
}

#[test]
fn lamports_sent_ahead_of_time_block_neither_provider_nor_node() {
    let mut world = World::new();
    let (wallet, node_key) = (Keypair::new(), Keypair::new());
    let owner = wallet.pubkey();
    let provider = pda::provider(&owner);
    world.send_lamports(&[provider, pda::node(&provider, &node_key.pubkey())]);
    let register_provider = ix::register_provider(&owner, &world.payer.pubkey(), &owner, [0; 32]);
    let list = register(&world, &wallet, &node_key, world.node_args());
    world
        .send(&[register_provider, list], &[&wallet, &node_key])
        .expect("a provider and its node");
}

#[test]
fn every_account_of_listing_is_checked() {
    let mut world = World::new();
    let (wallet, node_key) = (Keypair::new(), Keypair::new());
    let owner = wallet.pubkey();
    let register_provider = ix::register_provider(&owner, &world.payer.pubkey(), &owner, [0; 32]);
    world.guarded(&register_provider, &[&wallet], &[]);
    let list = register(&world, &wallet, &node_key, world.node_args());
    world.guarded(&list, &[&wallet, &node_key], &[]);
    let node = pda::node(&pda::provider(&owner), &node_key.pubkey());
    world.guarded(&ix::update_price(&owner, &node, 5), &[&wallet], &[]);
}
