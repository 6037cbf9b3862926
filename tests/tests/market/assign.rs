//! Pairing jobs with nodes.

use gantry_sdk::{
    Keypair, Pubkey, Signer,
    ix::{self, AttestArgs, JobArgs, NodeArgs},
    pda,
    registry::accounts::{Node, Provider},
    staking::accounts::Pool,
};
use gantry_tests::{
    event,
    world::{Listing, TOKEN, World, assert_refused, job_args, swapped},
};
use solana_instruction::{Instruction, error::InstructionError};

/// A world with a customer, a node and a matcher.
fn market() -> (World, Keypair, Listing, Keypair) {
    let mut world = World::new();
    let (customer, listing, matcher) = (world.customer(), world.list_node(), world.wallet());
    (world, customer, listing, matcher)
}

fn assign_instruction(world: &World, matcher: &Keypair, job: &Pubkey, node: &Pubkey) -> Instruction {
    let account: Node = world.account(node).expect("a node");
    ix::assign_job(&matcher.pubkey(), &world.job(job), node, &account)
}

#[test]
fn an_assignment_takes_the_node_and_bonds_its_stake() {
    let (mut world, customer, listing, matcher) = market();
    let job = world.open_default(&customer);
    world.advance(11);
    let outcome = world.assign(&matcher, &job, &listing.node).expect("an assignment");
    let assigned = event!(outcome, JobAssigned);
    assert_eq!(
        (assigned.job, assigned.node, assigned.provider),
        (job, listing.node, listing.provider)
    );
    assert_eq!((assigned.matcher, assigned.assignment), (matcher.pubkey(), 1));
    assert_eq!((assigned.price_per_hour, assigned.bond), (1_800_000, TOKEN / 4));
    assert_eq!(event!(outcome, NodeLeased).job, job);
    assert_eq!(event!(outcome, Bonded).amount, TOKEN / 4);

    let account = world.job(&job);
    assert_eq!(
        (account.node, account.provider, account.matcher),
        (listing.node, listing.provider, matcher.pubkey())
    );
    assert_eq!((account.status, account.assignment, account.active_at), (1, 1, 11));
    assert_eq!((account.price_per_hour, account.bond), (1_800_000, TOKEN / 4));
    let node: Node = world.account(&listing.node).expect("the node");
    assert_eq!((node.status, node.current_job), (1, job));
    assert_eq!(
        world
            .account::<Provider>(&listing.provider)
            .expect("the provider")
            .active_leases,
        1
    );
    assert_eq!(
        world.account::<Pool>(&listing.pool).expect("the pool").bonded,
        TOKEN / 4
    );
    // No money moves.
    assert_eq!(world.balance(&pda::vault(&job)), TOKEN);
}

#[test]
fn a_running_job_keeps_the_price_it_was_assigned_at() {
    let (mut world, customer, listing, matcher) = market();
    let job = world.open_default(&customer);
    world.assign(&matcher, &job, &listing.node).expect("an assignment");
    let raise = ix::update_price(&listing.wallet.pubkey(), &listing.node, 3_000_000);
    world.send(&[raise], &[&listing.wallet]).expect("another price");
    assert_eq!(world.job(&job).price_per_hour, 1_800_000);
}

/// Has `node` attested at `tier` with `flags` for 100 seconds.
fn attest(world: &mut World, listing: &Listing, tier: u8, flags: u16) {
    let attestor = world.attestor();
    let args = AttestArgs {
        device_hash: [4; 32],
        expires_at: world.now() + 100,
        flags,
        tier,
    };
    world.attest(&attestor, &listing.node, args).expect("an attestation");
}

#[test]
fn a_node_that_does_not_meet_a_requirement_is_refused_and_one_that_just_meets_it_is_not() {
    let (mut world, customer, listing, matcher) = market();
    attest(&mut world, &listing, 2, 0b10_0001);
    // What the node has just meets the second of each pair, and just not the first.
    type Change = fn(&mut JobArgs);
    let cases: [(&str, Change, Change); 11] = [
        (
            "UnmetPrice",
            |args| args.max_price_per_hour = 1_799_999,
            |args| args.max_price_per_hour = 1_800_000,
        ),
        (
            "UnmetGpuModel",
            |args| args.gpu_models = [6, 0, 8, 0],
            |args| args.gpu_models = [0, 6, 0, 7],
        ),
        ("UnmetGpuCount", |args| args.gpu_count = 2, |args| args.gpu_count = 1),
        ("UnmetVram", |args| args.vram_gib = 25, |args| args.vram_gib = 24),
        ("UnmetRam", |args| args.ram_gib = 65, |args| args.ram_gib = 64),
        ("UnmetDisk", |args| args.disk_gib = 501, |args| args.disk_gib = 500),
        ("UnmetBandwidth", |args| args.mbps = 1_001, |args| args.mbps = 1_000),
        (
            "UnmetCountry",
            |args| args.countries[..2].copy_from_slice(&[*b"FR", *b"ED"]),
            |args| args.countries[6..].copy_from_slice(&[*b"FR", *b"DE"]),
        ),
        ("UnmetTier", |args| args.tier = 3, |args| args.tier = 2),
        (
            "UnmetFlags",
            |args| args.flags = 0b10_0011,
            |args| args.flags = 0b10_0001,
        ),
        (
            "UnmetReputation",
            |args| args.reputation_bps = 5_001,
            |args| args.reputation_bps = 5_000,
        ),
    ];
    for (round, (name, unmet, met)) in cases.into_iter().enumerate() {
        println!("{name}");
        let id = 2 * round as u64;
        let (mut wrong, mut right) = (job_args(id), job_args(id + 1));
        unmet(&mut wrong);
        met(&mut right);
        world.open(&customer, wrong).expect("an open job");
        world.open(&customer, right).expect("an open job");
        let [wrong, right] = [id, id + 1].map(|id| pda::job(&customer.pubkey(), id));
        world.market_refuses(name, |world| world.assign(&matcher, &wrong, &listing.node));
        // Looked at, not taken: the node stays free for the next case.
        let assign = assign_instruction(&world, &matcher, &right, &listing.node);
        let mut fork = world.fork();
        fork.send(&[assign], &[&matcher]).expect("a node that just fits");
    }
}

#[test]
fn a_node_listed_in_another_mint_is_refused() {
    let (mut world, customer, _, matcher) = market();
    let args = NodeArgs {
        price_mint: world.stake.mint,
        ..world.node_args()
    };
    let other = world.list_node_with(args, 10_000);
    let job = world.open_default(&customer);
    world.market_refuses("UnmetMint", |world| world.assign(&matcher, &job, &other.node));
}

#[test]
fn a_pool_that_shares_another_mint_is_refused() {
    let (mut world, customer, _, matcher) = market();
    let args = world.node_args();
    let usdc = std::mem::replace(&mut world.usdc, world.stake);
    // Listed in the mint of the job, with a pool that shares its revenue in the stake mint.
    let other = world.list_node_with(args, 10_000);
    world.usdc = usdc;
    let job = world.open_default(&customer);
    world.market_refuses("WrongRewardMint", |world| world.assign(&matcher, &job, &other.node));
}

#[test]
fn an_attestation_counts_until_the_second_it_ends() {
    let (mut world, customer, listing, matcher) = market();
    attest(&mut world, &listing, 1, 1);
    let asking = |id, tier, flags| JobArgs {
        tier,
        flags,
        ..job_args(id)
    };
    for (id, (tier, flags)) in [(1, 0), (0, 1), (0, 0)].into_iter().enumerate() {
        world
            .open(&customer, asking(id as u64, tier, flags))
            .expect("an open job");
    }
    let job = |id| pda::job(&customer.pubkey(), id);
    world.advance(99);
    world
        .fork()
        .assign(&matcher, &job(0), &listing.node)
        .expect("a second before it ends");
    world.advance(1);
    world.market_refuses("UnmetAttestation", |world| {
        world.assign(&matcher, &job(0), &listing.node)
    });
    world.market_refuses("UnmetAttestation", |world| {
        world.assign(&matcher, &job(1), &listing.node)
    });
    world
        .assign(&matcher, &job(2), &listing.node)
        .expect("a job that asks for none");
}

#[test]
fn a_job_goes_only_to_the_node_it_names() {
    let (mut world, customer, listing, matcher) = market();
    let other = world.list_node();
    let args = JobArgs {
        node: other.node,
        ..job_args(0)
    };
    world.open(&customer, args).expect("an open job");
    let job = pda::job(&customer.pubkey(), 0);
    world.market_refuses("NotThisNode", |world| world.assign(&matcher, &job, &listing.node));
    world.assign(&matcher, &job, &other.node).expect("the node it names");
    // The wish outlives a node that lets it down.
    world.advance(31);
    world.expire(&matcher, &job).expect("an expiry");
    assert_eq!(
        (world.job(&job).node, world.job(&job).matcher),
        (other.node, Pubkey::default())
    );
    world.market_refuses("NotThisNode", |world| world.assign(&matcher, &job, &listing.node));
    world.market_refuses("NodeBarred", |world| world.assign(&matcher, &job, &other.node));
    world
        .cancel(&customer, &job)
        .expect("the customer takes the money back");
}

#[test]
fn a_job_is_assigned_only_by_the_matcher_it_names() {
    let (mut world, customer, listing, matcher) = market();
    let other = world.wallet();
    let args = JobArgs {
        matcher: matcher.pubkey(),
        ..job_args(0)
    };
    world.open(&customer, args).expect("an open job");
    let job = pda::job(&customer.pubkey(), 0);
    world.market_refuses("NotMatcher", |world| world.assign(&other, &job, &listing.node));
    let mut unsigned = assign_instruction(&world, &matcher, &job, &listing.node);
    unsigned.accounts[0].is_signer = false;
    world.runtime_refuses(InstructionError::MissingRequiredSignature, |world| {
        world.send(&[unsigned], &[])
    });
    world
        .assign(&matcher, &job, &listing.node)
        .expect("the matcher it names");
    world.advance(31);
    world.expire(&other, &job).expect("an expiry");
    let next = world.list_node();
    world.market_refuses("NotMatcher", |world| world.assign(&other, &job, &next.node));
    world
        .assign(&matcher, &job, &next.node)
        .expect("still the matcher it names");
}

#[test]
fn a_job_remembers_the_last_four_nodes_that_let_it_down() {
    let (mut world, customer, first, matcher) = market();
    let job = world.open_default(&customer);
    let mut nodes = vec![first];
    for _ in 0..4 {
        nodes.push(world.list_node());
    }
    for (round, listing) in nodes.iter().enumerate() {
        world.assign(&matcher, &job, &listing.node).expect("an assignment");
        assert_eq!(world.job(&job).assignment as usize, round + 1);
        world.advance(31);
        world.expire(&matcher, &job).expect("an expiry");
    }
    for listing in &nodes[1..] {
        world.market_refuses("NodeBarred", |world| world.assign(&matcher, &job, &listing.node));
    }
    world
        .assign(&matcher, &job, &nodes[0].node)
        .expect("the one longest ago is forgotten");
}

#[test]
fn a_pause_of_assignments_stops_them_only() {
    let (mut world, customer, listing, matcher) = market();
    world.pause(2);
    let job = world.open_default(&customer);
    world.market_refuses("Paused", |world| world.assign(&matcher, &job, &listing.node));
    let authority = world.authority.insecure_clone();
    let lift = ix::unpause(&authority.pubkey(), 2);
    world.send(&[lift], &[&authority]).expect("the end of the pause");
    world.assign(&matcher, &job, &listing.node).expect("an assignment");
}

#[test]
fn the_second_of_two_matchers_is_told_that_the_job_is_gone() {
    let (mut world, customer, listing, matcher) = market();
    let (other_node, other_matcher) = (world.list_node(), world.wallet());
    let job = world.open_default(&customer);
    let late = assign_instruction(&world, &other_matcher, &job, &other_node.node);
    world.assign(&matcher, &job, &listing.node).expect("an assignment");
    world.market_refuses("NotOpen", |world| world.send(&[late], &[&other_matcher]));
    world.market_refuses("NotOpen", |world| world.assign(&matcher, &job, &listing.node));
}

#[test]
fn a_node_has_one_job_at_a_time() {
    let (mut world, customer, listing, matcher) = market();
    let (first, second) = (world.open_default(&customer), world.open_default(&customer));
    world.assign(&matcher, &first, &listing.node).expect("an assignment");
    let result = world.unchanged(|world| world.assign(&matcher, &second, &listing.node));
    assert_refused(result, "registry", "NodeNotAvailable");
}

#[test]
fn a_bond_beyond_the_stake_is_refused_by_staking_and_leaves_the_node_free() {
    let (mut world, customer, _, matcher) = market();
    world.fund(&customer.pubkey(), world.usdc, 10_000 * TOKEN);
    // 1,000 seconds at 7,200 tokens an hour are 2,000: a bond of 1,000, the whole stake. One unit more has no bond.
    let price = 7_200 * TOKEN;
    let dear = |price_per_hour, world: &World| NodeArgs {
        price_per_hour,
        ..world.node_args()
    };
    let (just, beyond) = (dear(price, &world), dear(price + 8, &world));
    let (just, beyond) = (world.list_node_with(just, 10_000), world.list_node_with(beyond, 10_000));
    for id in 0..2 {
        let args = JobArgs {
            max_price_per_hour: price + 8,
            ..job_args(id)
        };
        world.open(&customer, args).expect("an open job");
    }
    let job = |id| pda::job(&customer.pubkey(), id);
    let result = world.unchanged(|world| world.assign(&matcher, &job(0), &beyond.node));
    assert_refused(result, "staking", "InsufficientStake");
    world
        .assign(&matcher, &job(0), &just.node)
        .expect("a bond of the whole stake");
    assert_eq!(world.job(&job(0)).bond, 1_000 * TOKEN);
}

#[test]
fn accounts_of_another_provider_are_refused() {
    let (mut world, customer, listing, matcher) = market();
    let other = world.list_node();
    let job = world.open_default(&customer);
    let assign = assign_instruction(&world, &matcher, &job, &listing.node);
    for (ours, theirs) in [
        (listing.pool, other.pool),
        (listing.provider, other.provider),
        (listing.node, other.node),
        (pda::market_authority(), matcher.pubkey()),
    ] {
        let wrong = swapped(&assign, &ours, &theirs);
        world.market_refuses("WrongAccount", |world| world.send(&[wrong], &[&matcher]));
    }
    let wrong = swapped(&assign, &pda::market_params(), &pda::staking_params());
    let result = world.unchanged(|world| world.send(&[wrong], &[&matcher]));
    assert!(result.is_err(), "the rules of another program");
    let wrong = swapped(&assign, &listing.node, &listing.provider);
    let result = world.unchanged(|world| world.send(&[wrong], &[&matcher]));
    assert!(result.is_err(), "a provider for a node");
}

#[test]
fn assigning_withstands_forged_accounts() {
    let (mut world, customer, listing, matcher) = market();
    // With a matcher of the customer's choice, who else could be anyone.
    let args = JobArgs {
        matcher: matcher.pubkey(),
        ..job_args(0)
    };
    world.open(&customer, args).expect("an open job");
    let job = pda::job(&customer.pubkey(), 0);
    let assign = assign_instruction(&world, &matcher, &job, &listing.node);
    world.guarded(&assign, &[&matcher], &[]);
}
