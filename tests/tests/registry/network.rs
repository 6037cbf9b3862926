//! The network: how it begins, and who may pause it.

use gantry_sdk::{
    Instruction, Keypair, Pubkey, Signer,
    ix::{self, NetworkArgs},
    pda,
    registry::accounts::Network,
};
use gantry_tests::{
    event,
    world::{START_TIME, World, assert_refused, job_args, unsigned},
};
use solana_instruction::error::InstructionError;

fn initialize(world: &World, args: NetworkArgs) -> Instruction {
    ix::initialize_network(&world.payer.pubkey(), args)
}

fn paused(world: &World) -> u8 {
    world.account::<Network>(&pda::network()).expect("the network").paused
}

#[test]
fn the_network_begins_as_its_arguments_say() {
    let mut world = World::bare();
    let args = world.network_args();
    let outcome = world.initialize_network().expect("the network");
    let event = event!(outcome, NetworkInitialized);
    assert_eq!(
        (event.authority, event.market_authority),
        (world.authority.pubkey(), pda::market_authority())
    );
    let network: Network = world.account(&pda::network()).expect("the network");
    assert_eq!(
        (network.authority, network.guardian, network.market_authority),
        (args.authority, args.guardian, args.market_authority)
    );
    assert_eq!((network.arbiters, network.arbiter_count), (args.arbiters, 3));
    assert_eq!((network.arbiter_threshold, network.timelock_seconds), (2, 3_600));
    assert_eq!(network.rent_payer, world.payer.pubkey());
    assert_eq!((network.paused, network.pending_authority), (0, Pubkey::default()));
    assert_eq!((network.council_change_at, network.pending_arbiter_count), (0, 0));
    assert_eq!(world.now(), START_TIME);
}

#[test]
fn nobody_begins_the_network_twice() {
    let mut world = World::new();
    let thief = Keypair::new();
    let args = NetworkArgs {
        authority: thief.pubkey(),
        market_authority: thief.pubkey(),
        ..world.network_args()
    };
    let again = initialize(&world, args);
    world.rejects(&again, &[], InstructionError::Custom(0));
}

#[test]
fn lamports_sent_to_an_address_ahead_of_time_do_not_block_it() {
    let mut world = World::bare();
    world.send_lamports(&[pda::network()]);
    world.initialize_network().expect("the network");
    assert_eq!(
        world
            .account::<Network>(&pda::network())
            .expect("the network")
            .authority,
        world.authority.pubkey()
    );
}

#[test]
fn a_network_names_real_keys() {
    let mut world = World::bare();
    let args = world.network_args();
    let zero = Pubkey::default();
    for args in [
        NetworkArgs {
            authority: zero,
            ..args
        },
        NetworkArgs { guardian: zero, ..args },
        NetworkArgs {
            market_authority: zero,
            ..args
        },
    ] {
        let initialize = initialize(&world, args);
        world.refuses(&initialize, &[], "registry", "ZeroAddress");
    }
}

#[test]
fn a_council_has_one_to_nine_distinct_members_and_a_threshold_above_half() {
    let mut world = World::bare();
    let members: Vec<Pubkey> = (0..9).map(|_| Keypair::new().pubkey()).collect();
    let council = |world: &World, members: &[Pubkey], count: u8, threshold: u8| {
        let mut arbiters = [Pubkey::default(); 9];
        arbiters[..members.len()].copy_from_slice(members);
        let args = NetworkArgs {
            arbiters,
            arbiter_count: count,
            arbiter_threshold: threshold,
            ..world.network_args()
        };
        initialize(world, args)
    };
    let zero = Pubkey::default();
    let twice = [members[0], members[1], members[0]];
    let refused: [(&[Pubkey], u8, u8); 12] = [
        (&[], 0, 0),
        (&[], 0, 1),
        (&members, 10, 6),
        (&members, 255, 255),
        (&members[..3], 3, 0),
        (&members[..3], 3, 1),
        (&members[..4], 4, 2),
        (&members[..3], 3, 4),
        (&members[..2], 3, 2),
        (&[members[0], zero, members[1]], 3, 2),
        (&twice, 3, 2),
        (&members[..4], 3, 2),
    ];
    for (members, count, threshold) in refused {
        let initialize = council(&world, members, count, threshold);
        world.refuses(&initialize, &[], "registry", "InvalidCouncil");
    }
    for (count, threshold) in [(1, 1), (2, 2), (3, 2), (4, 3), (9, 5), (9, 9)] {
        let mut world = World::bare();
        let initialize = council(&world, &members[..usize::from(count)], count, threshold);
        world.send(&[initialize], &[]).expect("a council");
    }
}

#[test]
fn authority_and_guardian_pause_and_pauses_add_up() {
    let mut world = World::new();
    let (authority, guardian) = (world.authority.insecure_clone(), world.guardian.insecure_clone());
    for (key, flags, expected) in [(&guardian, 1, 1), (&authority, 2, 3), (&guardian, 1, 3)] {
        let outcome = world.send(&[ix::pause(&key.pubkey(), flags)], &[key]).expect("a pause");
        let event = event!(outcome, PauseChanged);
        assert_eq!((event.paused, event.by), (expected, key.pubkey()));
        assert_eq!(paused(&world), expected);
    }
}

#[test]
fn unpausing_lifts_what_it_names_and_is_the_authoritys_alone() {
    let mut world = World::new();
    let (authority, guardian) = (world.authority.insecure_clone(), world.guardian.insecure_clone());
    world
        .send(&[ix::pause(&guardian.pubkey(), 3)], &[&guardian])
        .expect("a pause");
    for (flags, expected) in [(1, 2), (1, 2), (2, 0)] {
        for key in [&guardian, &Keypair::new()] {
            let unpause = ix::unpause(&key.pubkey(), flags);
            world.refuses(&unpause, &[key], "registry", "NotNetworkAuthority");
        }
        let outcome = world
            .send(&[ix::unpause(&authority.pubkey(), flags)], &[&authority])
            .expect("an unpause");
        let event = event!(outcome, PauseChanged);
        assert_eq!((event.paused, event.by), (expected, authority.pubkey()));
        assert_eq!(paused(&world), expected);
    }
}

#[test]
fn strangers_and_arbiters_do_not_pause() {
    let mut world = World::new();
    let (arbiter, provider) = (world.arbiters[0].insecure_clone(), world.list_node().wallet);
    for key in [&arbiter, &provider, &Keypair::new()] {
        let pause = ix::pause(&key.pubkey(), 1);
        world.refuses(&pause, &[key], "registry", "NotGuardian");
    }
    let authority = world.authority.pubkey();
    for instruction in [ix::pause(&authority, 1), ix::unpause(&authority, 1)] {
        let unsigned = unsigned(&instruction, &authority);
        world.rejects(&unsigned, &[], InstructionError::MissingRequiredSignature);
    }
}

#[test]
fn only_the_two_defined_pauses_exist() {
    let mut world = World::new();
    let authority = world.authority.insecure_clone();
    world
        .send(&[ix::pause(&authority.pubkey(), 3)], &[&authority])
        .expect("a pause");
    for flags in [0, 4, 5, 7, 128, 255] {
        for instruction in [
            ix::pause(&authority.pubkey(), flags),
            ix::unpause(&authority.pubkey(), flags),
        ] {
            world.refuses(&instruction, &[&authority], "registry", "InvalidPauseFlags");
        }
    }
}

#[test]
fn a_pause_stops_what_it_names_and_no_job_under_way() {
    let mut world = World::new();
    let authority = world.authority.insecure_clone();
    let (customer, matcher) = (world.customer(), world.wallet());
    let (first, second) = (world.list_node(), world.list_node());
    let (running, waiting) = (world.open_default(&customer), world.open_default(&customer));
    world.assign(&matcher, &running, &first.node).expect("an assignment");

    world
        .send(&[ix::pause(&authority.pubkey(), 1)], &[&authority])
        .expect("a pause of new jobs");
    let before = world.state();
    assert_refused(world.open(&customer, job_args(2)), "market", "Paused");
    assert!(before == world.state());
    world.start(&running, &first).expect("a job under way starts");

    world
        .send(
            &[ix::pause(&authority.pubkey(), 2), ix::unpause(&authority.pubkey(), 1)],
            &[&authority],
        )
        .expect("a pause of assignments");
    world.open(&customer, job_args(2)).expect("new jobs are open again");
    let before = world.state();
    assert_refused(world.assign(&matcher, &waiting, &second.node), "market", "Paused");
    assert!(before == world.state());
    world.advance(10);
    world.prove(&running, &first, 1, 10).expect("a job under way goes on");

    world
        .send(&[ix::unpause(&authority.pubkey(), 2)], &[&authority])
        .expect("an unpause");
    world
        .assign(&matcher, &waiting, &second.node)
        .expect("assignments go on");
}
