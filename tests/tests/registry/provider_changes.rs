//! How a provider changes where it is paid, and leaves.

use gantry_sdk::{Keypair, Pubkey, Signer, ix, pda, registry::accounts::Provider};
use gantry_tests::{
    event,
    world::{DISPUTE_WINDOW, World, swapped},
};
use solana_instruction::error::InstructionError;

fn provider(world: &World, wallet: &Keypair) -> Provider {
    world.account(&pda::provider(&wallet.pubkey())).expect("a provider")
}

/// A provider with neither nodes nor a pool, and who paid its rent.
fn registered(world: &mut World) -> (Keypair, Keypair) {
    let (wallet, sponsor) = (Keypair::new(), Keypair::new());
    world.svm.airdrop(&sponsor.pubkey(), 1_000_000_000).expect("an airdrop");
    let owner = wallet.pubkey();
    let register = ix::register_provider(&owner, &sponsor.pubkey(), &owner, [0; 32]);
    world.send(&[register], &[&wallet, &sponsor]).expect("a provider");
    (wallet, sponsor)
}

#[test]
fn a_provider_changes_its_payout_owner_and_metadata() {
    let mut world = World::new();
    let (wallet, _) = registered(&mut world);
    let payout = Keypair::new().pubkey();
    let update = ix::update_provider(&wallet.pubkey(), &payout, [8; 32]);
    let outcome = world.guarded(&update, &[&wallet], &[]);
    let event = event!(outcome, ProviderUpdated);
    assert_eq!(
        (event.provider, event.payout_owner),
        (pda::provider(&wallet.pubkey()), payout)
    );
    let account = provider(&world, &wallet);
    assert_eq!((account.payout_owner, account.metadata_hash), (payout, [8; 32]));
    assert_eq!(account.authority, wallet.pubkey());
}

#[test]
fn a_job_under_way_pays_the_new_payout_owner() {
    let mut world = World::new();
    let (job, _, listing, _) = world.completed();
    let payout = Keypair::new().pubkey();
    let update = ix::update_provider(&listing.wallet.pubkey(), &payout, [0; 32]);
    world.send(&[update], &[&listing.wallet]).expect("an update");
    world.advance(DISPUTE_WINDOW);
    world.settle(&job).expect("a settlement");
    assert!(world.balance_of(&payout, world.usdc) > 0);
    assert_eq!(world.balance_of(&listing.wallet.pubkey(), world.usdc), 0);
}

#[test]
fn payouts_stay_with_a_real_key() {
    let mut world = World::new();
    let (wallet, _) = registered(&mut world);
    let update = ix::update_provider(&wallet.pubkey(), &Pubkey::default(), [0; 32]);
    world.refuses(&update, &[&wallet], "registry", "ZeroAddress");
}

#[test]
fn a_provider_without_nodes_and_pool_leaves_and_its_rent_goes_back() {
    let mut world = World::new();
    let (wallet, sponsor) = registered(&mut world);
    let close = ix::close_provider(&provider(&world, &wallet));
    let elsewhere = swapped(&close, &sponsor.pubkey(), &Keypair::new().pubkey());
    world.refuses(&elsewhere, &[&wallet], "registry", "WrongRentPayer");
    let outcome = world.guarded(&close, &[&wallet], &[]);
    let address = pda::provider(&wallet.pubkey());
    assert_eq!(event!(outcome, ProviderClosed).provider, address);
    assert!(world.account::<Provider>(&address).is_none());
    assert_eq!(world.svm.get_balance(&sponsor.pubkey()), Some(1_000_000_000));
    world.rejects(&close, &[&wallet], InstructionError::UninitializedAccount);
}

#[test]
fn a_provider_that_registers_again_at_once_begins_anew() {
    let mut world = World::new();
    let (wallet, _) = registered(&mut world);
    let (owner, payer) = (wallet.pubkey(), world.payer.pubkey());
    world.amend::<Provider>(&pda::provider(&owner), |provider| provider.jobs_completed = 9);
    let again = [
        ix::close_provider(&provider(&world, &wallet)),
        ix::register_provider(&owner, &payer, &owner, [1; 32]),
    ];
    world.send(&again, &[&wallet]).expect("a provider");
    let account = provider(&world, &wallet);
    assert_eq!((account.jobs_completed, account.metadata_hash), (0, [1; 32]));
    assert_eq!(account.rent_payer, payer);
}

#[test]
fn a_provider_with_nodes_stays() {
    let mut world = World::new();
    let (wallet, _) = registered(&mut world);
    let (owner, node_key, args) = (wallet.pubkey(), Keypair::new(), world.node_args());
    let list = ix::register_node(&owner, &world.payer.pubkey(), &node_key.pubkey(), args);
    world.send(&[list], &[&wallet, &node_key]).expect("a node");
    let close = ix::close_provider(&provider(&world, &wallet));
    world.refuses(&close, &[&wallet], "registry", "HasNodes");

    let node = pda::node(&pda::provider(&owner), &node_key.pubkey());
    let delist = ix::close_node(&owner, &world.account(&node).expect("a node"));
    world.send(&[delist], &[&wallet]).expect("a node closed");
    world.amend::<Provider>(&pda::provider(&owner), |provider| provider.active_leases = 1);
    world.refuses(&close, &[&wallet], "registry", "HasNodes");
    world.amend::<Provider>(&pda::provider(&owner), |provider| provider.active_leases = 0);
    world.send(&[close], &[&wallet]).expect("a provider closed");
}

#[test]
fn a_provider_with_a_pool_stays() {
    let mut world = World::new();
    let (wallet, pool) = world.empty_pool(0);
    let close = ix::close_provider(&provider(&world, &wallet));
    world.refuses(&close, &[&wallet], "registry", "HasPool");
    // Another address in its place does not hide the pool.
    for address in [pda::pool(&pool), Keypair::new().pubkey(), pda::network()] {
        let hidden = swapped(&close, &pool, &address);
        world.rejects(&hidden, &[&wallet], InstructionError::InvalidSeeds);
    }
}

#[test]
fn lamports_at_the_address_of_a_pool_make_no_pool() {
    let mut world = World::new();
    let (wallet, _) = registered(&mut world);
    world.send_lamports(&[pda::pool(&pda::provider(&wallet.pubkey()))]);
    let close = ix::close_provider(&provider(&world, &wallet));
    world.send(&[close], &[&wallet]).expect("a provider closed");
}

#[test]
fn nobody_else_changes_or_closes_a_provider() {
    let mut world = World::new();
    let ((wallet, _), (other, _)) = (registered(&mut world), registered(&mut world));
    let authority = world.authority.insecure_clone();
    for instruction in [
        ix::update_provider(&wallet.pubkey(), &other.pubkey(), [0; 32]),
        ix::close_provider(&provider(&world, &wallet)),
    ] {
        for thief in [&other, &authority] {
            let theft = swapped(&instruction, &wallet.pubkey(), &thief.pubkey());
            world.refuses(&theft, &[thief], "registry", "NotProviderAuthority");
        }
    }
}
