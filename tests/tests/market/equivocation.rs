//! Two receipts that contradict each other: what they cost a node, and what is none.

use gantry_sdk::{
    Keypair, Pubkey, Signer,
    core::receipt::{Receipt, ReceiptStatus},
    market::accounts::Job,
    pda,
    receipt::precompile_instruction,
    registry::accounts::{Node, Provider},
};
use gantry_tests::{
    event,
    world::{DISPUTE_WINDOW, Listing, TOKEN, World, swapped},
};
use solana_instruction::error::InstructionError;

/// A job that has run for 50 seconds, and two receipts about it that contradict each other.
fn scene() -> (World, Pubkey, Keypair, Listing, [Receipt; 2]) {
    let mut world = World::new();
    let (job, customer, listing, _) = world.running();
    world.advance(50);
    let receipts = [world.receipt(&job, 1, 40), world.receipt(&job, 1, 41)];
    (world, job, customer, listing, receipts)
}

#[test]
fn a_contradiction_costs_the_bond_and_suspends_the_node() {
    let (mut world, job, customer, listing, [one, other]) = scene();
    world.prove_with(&job, &one, &listing.node_key).expect("a proof");
    let outcome = world
        .convict(&job, [&one, &other], &listing.node_key)
        .expect("a conviction");
    println!("compute units: convict a running node {}", outcome.compute_units);
    let slashed = event!(outcome, EquivocationSlashed);
    assert_eq!((slashed.job, slashed.node), (job, listing.node));
    assert_eq!((slashed.sequence, slashed.slashed), (1, TOKEN / 4));
    let ended = event!(outcome, JobEnded);
    assert_eq!(
        (ended.outcome, ended.served_seconds, ended.elapsed_seconds),
        (2, 40, 50)
    );
    assert_eq!(event!(outcome, NodeReleased).outcome, 1);
    assert_eq!(event!(outcome, ProviderConvicted).equivocated, 1);
    let account = world.job(&job);
    assert_eq!(
        (account.status, account.outcome, account.ended_at, account.bond),
        (3, 2, 50, 0)
    );
    let node: Node = world.account(&listing.node).expect("the node");
    assert_eq!((node.status, node.suspended_at, node.jobs_failed), (3, world.now(), 1));
    let provider: Provider = world.account(&listing.provider).expect("the provider");
    assert_eq!((provider.disputes_lost, provider.active_leases), (1, 0));
    assert_eq!(world.balance_of(&customer.pubkey(), world.stake), TOKEN / 8);
    let pool = world.pool(&listing.pool);
    assert_eq!((pool.bonded, pool.slashed_total), (0, TOKEN / 4));

    // What was proven is still paid.
    world.advance(DISPUTE_WINDOW);
    let settled = event!(world.settle(&job).expect("a settlement"), JobSettled);
    assert_eq!(
        (settled.bill, settled.to_customer),
        (20_000, TOKEN - 20_000 + settled.credit)
    );
}

#[test]
fn a_contradiction_costs_as_much_after_the_job() {
    type End = fn(&mut World, &Pubkey, &Listing, &Keypair);
    let ends: [(End, u8); 3] = [
        (
            |world, job, listing, _| {
                world
                    .finish(job, listing, 1, 50, ReceiptStatus::Completed)
                    .expect("a final proof");
            },
            3,
        ),
        (
            |world, job, _, _| {
                world.advance(61);
                world.report_lapse(job).expect("a lapse");
            },
            4,
        ),
        (
            |world, job, _, customer| {
                world.dispute(customer, job).expect("a dispute");
            },
            5,
        ),
    ];
    for (end, status) in ends {
        let (mut world, job, customer, listing, [one, other]) = scene();
        end(&mut world, &job, &listing, &customer);
        let before = world.job(&job);
        let outcome = world
            .convict(&job, [&other, &one], &listing.node_key)
            .expect("a conviction");
        assert_eq!(event!(outcome, EquivocationSlashed).slashed, TOKEN / 4);
        let after = world.job(&job);
        assert_eq!((after.status, after.outcome, after.bond), (status, before.outcome, 0));
        assert_eq!(world.account::<Node>(&listing.node).expect("the node").status, 3);
        if status == 5 {
            world.decide(&job, 0, 10_000);
            let resolved = event!(world.resolve(&job).expect("a resolution"), DisputeResolved);
            assert_eq!(resolved.slashed, 0, "nothing is left to slash");
        } else {
            world.advance(DISPUTE_WINDOW);
            world.settle(&job).expect("a settlement");
        }
    }
}

#[test]
fn a_fault_is_slashed_once() {
    let (mut world, job, _, listing, [one, other]) = scene();
    world
        .convict(&job, [&one, &other], &listing.node_key)
        .expect("a conviction");
    let again = world.conviction(&job, [&one, &other], &listing.node_key);
    world.market_refuses("NoBond", |world| world.send(&again, &[]));
}

#[test]
fn receipts_that_agree_or_follow_each_other_convict_nobody() {
    let (mut world, job, _, listing, [one, other]) = scene();
    let later = Receipt {
        sequence: 2,
        ..other.clone()
    };
    for receipts in [[&one, &one], [&one, &later], [&later, &other]] {
        let conviction = world.conviction(&job, receipts, &listing.node_key);
        world.market_refuses("NoContradiction", |world| world.send(&conviction, &[]));
    }
    // Every field counts, and so does a receipt from the future.
    for other in [
        Receipt {
            issued_at: one.issued_at + 10_000,
            ..one.clone()
        },
        Receipt {
            status: ReceiptStatus::Failed,
            ..one.clone()
        },
        Receipt {
            exit_code: 1,
            ..one.clone()
        },
        Receipt {
            output_digest: [1; 32],
            ..one.clone()
        },
    ] {
        world
            .fork()
            .convict(&job, [&one, &other], &listing.node_key)
            .expect("a conviction");
    }
}

#[test]
fn only_the_nodes_own_receipts_about_this_job_convict_it() {
    let (mut world, job, _, listing, [one, other]) = scene();
    let (thief, (foreign, ..)) = (Keypair::new(), world.running());
    let conviction = world.conviction(&job, [&one, &other], &thief);
    world.market_refuses("WrongSigner", |world| world.send(&conviction, &[]));
    for place in 0..2 {
        let mut mixed = world.conviction(&job, [&one, &other], &listing.node_key);
        mixed[place] = precompile_instruction([&one, &other][place], &thief);
        world.market_refuses("WrongSigner", |world| world.send(&mixed, &[]));
    }
    for (name, wrong) in [
        (
            "WrongJob",
            Receipt {
                job: foreign.to_bytes(),
                ..other.clone()
            },
        ),
        (
            "WrongAssignment",
            Receipt {
                assignment: 2,
                ..other.clone()
            },
        ),
        (
            "WrongCluster",
            Receipt {
                genesis_hash: [8; 32],
                ..other.clone()
            },
        ),
        (
            "WrongMarket",
            Receipt {
                market: [8; 32],
                ..other.clone()
            },
        ),
    ] {
        for receipts in [[&one, &wrong], [&wrong, &one]] {
            let conviction = world.conviction(&job, receipts, &listing.node_key);
            world.market_refuses(name, |world| world.send(&conviction, &[]));
        }
    }
    let conviction = world.conviction(&job, [&one, &other], &listing.node_key);
    world.market_refuses("MissingSignature", |world| world.send(&conviction[1..], &[]));
    world.market_refuses("MissingSignature", |world| world.send(&conviction[2..], &[]));
    let mut cut = conviction.clone();
    cut[0].data[1] = 1;
    world.market_refuses("MalformedSignature", |world| world.send(&cut, &[]));
    world.send(&conviction, &[]).expect("the transaction as it should be");
}

#[test]
fn a_node_that_has_not_started_is_not_convicted() {
    let mut world = World::new();
    let (job, _, listing, _) = world.assigned();
    let (one, other) = (world.receipt(&job, 0, 0), world.receipt(&job, 0, 1));
    let conviction = world.conviction(&job, [&one, &other], &listing.node_key);
    world.market_refuses("NotConvictable", |world| world.send(&conviction, &[]));
}

#[test]
fn a_node_does_not_escape_by_being_delisted() {
    let (mut world, job, _, listing, [one, other]) = scene();
    world
        .finish(&job, &listing, 1, 50, ReceiptStatus::Completed)
        .expect("a final proof");
    world.vanish(&listing.node);
    let outcome = world
        .convict(&job, [&one, &other], &listing.node_key)
        .expect("a conviction");
    assert_eq!(event!(outcome, EquivocationSlashed).slashed, TOKEN / 4);
    assert_eq!(event!(outcome, ProviderConvicted).disputes_lost, 1);
}

#[test]
fn a_convicted_provider_that_leaves_takes_no_money_of_others_along() {
    let (mut world, job, customer, listing, [one, other]) = scene();
    world
        .finish(&job, &listing, 1, 50, ReceiptStatus::Completed)
        .expect("a final proof");
    let early = world.settle_instruction(&job);
    let mut gone = world.fork();
    gone.vanish(&listing.pool);
    gone.advance(DISPUTE_WINDOW);
    gone.market_refuses("WrongAccount", |world| world.send(std::slice::from_ref(&early), &[]));

    world
        .convict(&job, [&one, &other], &listing.node_key)
        .expect("a conviction");
    world.advance(DISPUTE_WINDOW);
    for account in [
        listing.pool,
        pda::stake_vault(&listing.pool),
        pda::reward_vault(&listing.pool),
        listing.provider,
    ] {
        world.vanish(&account);
    }
    for (right, wrong) in [(listing.pool, listing.node), (listing.provider, customer.pubkey())] {
        let wrong = swapped(&early, &right, &wrong);
        world.market_refuses("WrongAccount", |world| world.send(&[wrong], &[]));
    }
    let settled = event!(world.send(&[early], &[]).expect("a settlement"), JobSettled);
    assert_eq!(
        (settled.bill, settled.to_provider, settled.to_matcher),
        (25_000, 0, 125)
    );
    assert_eq!(
        (settled.to_treasury, settled.to_customer),
        (25_000 - 125, TOKEN - 25_000)
    );
    assert!(world.account::<Job>(&job).is_none(), "the job is closed");
}

#[test]
fn a_conviction_leads_nothing_elsewhere() {
    let (mut world, job, customer, listing, [one, other]) = scene();
    let (thief, (foreign, ..)) = (world.wallet(), world.running());
    let others = world.job(&foreign);
    let conviction = world.conviction(&job, [&one, &other], &listing.node_key);
    let with = |slash| vec![conviction[0].clone(), conviction[1].clone(), slash];
    let stake = world.stake;
    let account = |owner: &Pubkey| pda::associated_token(owner, &stake.mint, &stake.token_program);
    for (right, wrong, name) in [
        (
            account(&customer.pubkey()),
            account(&thief.pubkey()),
            "WrongDestination",
        ),
        (listing.pool, pda::pool(&others.provider), "WrongAccount"),
        (listing.node, others.node, "WrongAccount"),
        (listing.provider, others.provider, "WrongAccount"),
        (pda::market_authority(), thief.pubkey(), "WrongAccount"),
    ] {
        let wrong = with(swapped(&conviction[2], &right, &wrong));
        world.market_refuses(name, |world| world.send(&wrong, &[]));
    }
    let wrong = with(swapped(
        &conviction[2],
        &pda::stake_vault(&listing.pool),
        &pda::stake_vault(&pda::pool(&others.provider)),
    ));
    world.runtime_refuses(InstructionError::InvalidSeeds, |world| world.send(&wrong, &[]));
    let treasury = world.stake_tokens().treasury;
    let wrong = with(swapped(&conviction[2], &treasury, &account(&thief.pubkey())));
    let refused = world.unchanged(|world| world.send(&wrong, &[]));
    gantry_tests::world::assert_refused(refused, "staking", "WrongTreasury");
}

#[test]
fn a_convicted_provider_cannot_block_a_settlement_with_a_new_pool_in_another_mint() {
    use gantry_sdk::{
        ix::{self, MintRef, token::TOKEN_PROGRAM},
        staking::accounts::StakingParams,
    };
    let (mut world, job, _, listing, [one, other]) = scene();
    world.prove_with(&job, &one, &listing.node_key).expect("a proof");
    world
        .convict(&job, [&one, &other], &listing.node_key)
        .expect("a conviction");
    // Nothing answers for the job any more: the provider's stake leaves, its pool closes, and it makes one in another mint.
    let (owner, pool) = (listing.wallet.pubkey(), listing.pool);
    let shares = world.position(&pool, &listing.wallet).shares;
    world.unstake(&pool, &listing.wallet, shares).expect("a request");
    world.advance(world.unbonding_seconds());
    let payer = world.payer.pubkey();
    let params: StakingParams = world.account(&pda::staking_params()).expect("the rules");
    let destination = world.token_account(&owner, world.usdc);
    let leave = [
        world.withdraw_instruction(&pool, &listing.wallet),
        ix::close_position(&owner, &pool, &payer),
        ix::close_pool(&owner, &world.pool(&pool), &params, &destination),
    ];
    world.send(&leave, &[&listing.wallet]).expect("a pool that is closed");
    let another = MintRef {
        mint: world.create_mint(6),
        token_program: TOKEN_PROGRAM,
    };
    let create = ix::create_pool(&owner, &payer, world.stake, another, 0);
    world
        .send(&[create], &[&listing.wallet])
        .expect("a pool in another mint");
    world.stake_in(&pool, &listing.wallet, TOKEN).expect("a stake");
    world.settle(&job).expect("a settlement");
}
