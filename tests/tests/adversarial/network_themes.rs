//! What the programs believe about each other: who governs, who judges, who may call whom.

use crate::case::{IDL, repository};
use gantry_sdk::{
    Keypair, Pubkey, Signer, ix, pda,
    registry::accounts::{Attestor, Network},
};
use gantry_tests::world::{World, assert_refused, staking_rules, terms};
use std::{fs, path::Path};

#[test]
fn a_new_authority_is_known_to_every_program_at_once() {
    let mut world = World::bare();
    world.initialize_network().expect("the network");
    let (old, new) = (world.authority.insecure_clone(), Keypair::new());
    let propose = ix::propose_authority(&old.pubkey(), &new.pubkey());
    world.send(&[propose], &[&old]).expect("a proposal");
    let accept = ix::accept_authority(&new.pubkey());
    world.send(&[accept], &[&new]).expect("an acceptance");

    // The same calls, by the one and by the other.
    let refused = |world: &mut World, program: &str| {
        world.authority = old.insecure_clone();
        let result = match program {
            "staking" => world.initialize_staking(),
            _ => world.initialize_market(terms()),
        };
        assert_refused(result, program, "NotNetworkAuthority");
        world.authority = new.insecure_clone();
    };
    refused(&mut world, "staking");
    let treasury = world.token_account(&old.pubkey(), world.stake);
    let (key, payer, stake) = (new.pubkey(), world.payer.pubkey(), world.stake);
    let initialize = ix::initialize_staking(
        &key,
        &payer,
        &stake.mint,
        &treasury,
        &stake.token_program,
        staking_rules(),
    );
    world.send(&[initialize], &[&new]).expect("staking");
    refused(&mut world, "market");
    world.initialize_market(terms()).expect("the market");
    world.authority = old.insecure_clone();
    assert_refused(world.enable_mint(world.usdc), "market", "NotNetworkAuthority");
    assert_refused(world.propose_terms(terms()), "market", "NotNetworkAuthority");
    world.authority = new.insecure_clone();
    world.enable_mint(world.usdc).expect("a mint");
    world.propose_terms(terms()).expect("an announcement");
}

#[test]
fn a_new_council_judges_at_once_and_the_old_one_no_more() {
    let mut world = World::new();
    let authority = world.authority.insecure_clone();
    let new = [Keypair::new(), Keypair::new(), Keypair::new()];
    let mut arbiters = [Pubkey::default(); 9];
    for (place, arbiter) in arbiters.iter_mut().zip(&new) {
        *place = arbiter.pubkey();
    }
    let propose = ix::propose_council(&authority.pubkey(), arbiters, 3, 2);
    world.send(&[propose], &[&authority]).expect("a proposal");
    world.advance(3_600);
    let (job, customer, ..) = world.completed();
    world.dispute(&customer, &job).expect("a dispute");
    world
        .fork()
        .vote(0, &job, 0, 10_000)
        .expect("the council in office votes");
    world.send(&[ix::apply_council()], &[]).expect("a new council");
    world.market_refuses("NotArbiter", |world| world.vote(0, &job, 0, 10_000));
    world.arbiters = new;
    world.decide(&job, 0, 10_000);
    world.resolve(&job).expect("a verdict");
}

#[test]
fn an_attestor_removed_and_admitted_in_one_transaction_begins_anew() {
    let mut world = World::new();
    let (authority, payer) = (world.authority.insecure_clone(), world.payer.pubkey());
    let attestor = world.attestor();
    let (key, address) = (attestor.pubkey(), pda::attestor(&attestor.pubkey()));
    let narrow = ix::update_attestor(&authority.pubkey(), &key, 1, 1, false);
    world.send(&[narrow], &[&authority]).expect("a narrower scope");
    world.amend::<Attestor>(&address, |attestor| attestor.granted = 9);
    let account: Attestor = world.account(&address).expect("an attestor");
    let again = [
        ix::remove_attestor(&authority.pubkey(), &account),
        ix::add_attestor(&authority.pubkey(), &payer, &key, 2, 0b10),
    ];
    world.send(&again, &[&authority]).expect("admitted again");
    let account: Attestor = world.account(&address).expect("an attestor");
    assert_eq!((account.granted, account.active), (0, 1));
    assert_eq!((account.max_tier, account.flags), (2, 0b10));
}

/// What the market calls in the other two programs.
const CALLED_BY_THE_MARKET: [&str; 7] = [
    "registry::lease_node",
    "registry::release_node",
    "registry::convict_node",
    "staking::bond",
    "staking::release",
    "staking::slash",
    "staking::deposit_rewards",
];

#[test]
fn the_market_signs_its_calls_with_its_own_address_alone() {
    let own = |name: &str| name.starts_with("registry::") || name.starts_with("staking::");
    for (name, described) in IDL.iter() {
        let market_signs = described.signers.iter().any(|signer| signer == "market_authority");
        assert_eq!(
            market_signs,
            CALLED_BY_THE_MARKET.contains(&name.as_str()),
            "{name}: called by the market or not"
        );
        if market_signs {
            assert!(own(name) && described.signers == ["market_authority"], "{name}");
        }
    }
    let world = World::new();
    let network: Network = world.account(&pda::network()).expect("the network");
    assert_eq!(network.market_authority, pda::market_authority());
    assert!(!network.market_authority.is_on_curve(), "nobody has a key for it");
}

#[test]
fn no_program_reads_what_a_call_returns() {
    let mut read = 0;
    for program in ["common", "registry", "staking", "market"] {
        for (file, text) in sources(&repository().join("programs").join(program).join("src")) {
            read += 1;
            assert!(!text.contains("return_data"), "{file} reads or sets return data");
        }
    }
    assert!(read > 30, "only {read} files of the programs were read");
}

/// Every Rust file below `folder`, with its text.
pub(crate) fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("Rust code");
            all.push((path.display().to_string(), text));
        }
    }
    all
}
