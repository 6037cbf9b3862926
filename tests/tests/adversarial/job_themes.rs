//! What somebody may try with jobs: dust, another's rent, a second slash, a copied proof, a clock that is off.

use crate::{
    case::{change, wealth},
    cases::Scenes,
    cases_market::{Stage, at, job},
};
use gantry_sdk::{
    Keypair, Pubkey, Signer,
    core::receipt::ReceiptStatus,
    ix::{self, token},
    pda,
};
use gantry_tests::{
    event,
    world::{DISPUTE_WINDOW, Outcome, TOKEN, World, job_args},
};
use solana_clock::Clock;
use std::collections::BTreeSet;

/// Sends one base unit to the vault of `job`.
fn dust(world: &mut World, customer: &Keypair, job: &Pubkey) {
    let mint = world.usdc;
    let source = pda::associated_token(&customer.pubkey(), &mint.mint, &mint.token_program);
    let vault = pda::vault(job);
    let dust = token::transfer_checked(
        &source,
        &mint.mint,
        &vault,
        &customer.pubkey(),
        1,
        6,
        &mint.token_program,
    );
    world.send(&[dust], &[customer]).expect("dust");
}

#[test]
fn one_token_of_dust_changes_no_claim_no_verdict_and_no_close() {
    let scenes = Scenes::new();
    let mut crowd = at(&scenes, Stage::Proven);
    let side = &crowd.sides.clone()[0];
    let job = job(side);
    let play = |world: &mut World| -> [Outcome; 2] {
        world.acknowledge(&side.customer, &job, 40).expect("a release");
        let claimed = world.claim_job(&job).expect("a claim");
        world.dispute(&side.customer, &job).expect("a dispute");
        world.decide(&job, 5_000, 5_000);
        [claimed, world.resolve(&job).expect("a verdict")]
    };
    let mut clean = crowd.world.fork();
    let fair = play(&mut clean);
    let world = &mut crowd.world;
    dust(world, &side.customer, &job);
    let dusty = play(world);
    for (fair, dusty) in fair.iter().zip(&dusty) {
        assert_eq!(format!("{:?}", fair.events), format!("{:?}", dusty.events));
    }
    assert!(
        world.svm.get_balance(&pda::vault(&job)).unwrap_or(0) == 0,
        "the vault is open"
    );
    let treasury = |world: &World| world.balance_of(&world.authority.pubkey(), world.usdc);
    assert_eq!(treasury(world), treasury(&clean) + 1);
}

#[test]
fn each_rent_goes_back_to_its_own_payer_whoever_closes() {
    let mut world = World::new();
    let (customer, listing, matcher) = (world.customer(), world.list_node(), world.wallet());
    world.open(&customer, job_args(0)).expect("an earlier job");
    let sponsors = [Keypair::new(), Keypair::new()];
    for sponsor in &sponsors {
        world.svm.airdrop(&sponsor.pubkey(), TOKEN * 1_000).expect("lamports");
    }
    let source = pda::associated_token(&customer.pubkey(), &world.usdc.mint, &world.usdc.token_program);
    let open = ix::open_job(
        &customer.pubkey(),
        &sponsors[0].pubkey(),
        world.usdc,
        &source,
        job_args(1),
    );
    world.send(&[open], &[&customer, &sponsors[0]]).expect("a job");
    let job = pda::job(&customer.pubkey(), 1);
    world.assign(&matcher, &job, &listing.node).expect("an assignment");
    world.start(&job, &listing).expect("a start");
    let account = world.job(&job);
    let dispute = ix::dispute_job(
        &sponsors[1].pubkey(),
        &account,
        &world.usdc.token_program,
        &source,
        [3; 32],
    );
    world.send(&[dispute], &[&customer, &sponsors[1]]).expect("a dispute");
    for sponsor in &sponsors {
        assert!(world.svm.get_balance(&sponsor.pubkey()).expect("lamports") < TOKEN * 1_000);
    }
    world.decide(&job, 0, 0);
    world.resolve(&job).expect("a verdict");
    for sponsor in &sponsors {
        assert_eq!(world.svm.get_balance(&sponsor.pubkey()), Some(TOKEN * 1_000));
    }
}

#[test]
fn a_node_that_was_slashed_for_an_assignment_is_not_slashed_for_it_again() {
    let mut world = World::new();
    let (job, _, listing, reporter) = world.assigned();
    let receipts = [world.receipt(&job, 0, 0), world.receipt(&job, 0, 0)];
    let [one, mut other] = receipts;
    other.issued_at -= 1;
    world.advance(31);
    let convict = world.conviction(&job, [&one, &other], &listing.node_key);
    let expired = event!(world.expire(&reporter, &job).expect("an expiry"), AssignmentExpired);
    assert_eq!(expired.slashed, TOKEN / 4);
    // Open again, and then with another node: its bond does not answer for the first one's receipts.
    let expire_again = world.unchanged(|world| world.send(&convict, &[]));
    assert!(expire_again.is_err(), "convicted of what it was slashed for");
    let next = world.list_node();
    world.assign(&reporter, &job, &next.node).expect("another node");
    world.start(&job, &next).expect("a start");
    let pool = world.pool(&next.pool);
    let convict = world.conviction(&job, [&one, &other], &listing.node_key);
    world.market_refuses("WrongSigner", |world| world.send(&convict, &[]));
    let convict = world.conviction(&job, [&one, &other], &next.node_key);
    world.market_refuses("WrongAssignment", |world| world.send(&convict, &[]));
    assert_eq!(world.pool(&next.pool).bonded, pool.bonded);
}

#[test]
fn a_copied_proof_gains_its_carrier_nothing() {
    let scenes = Scenes::new();
    let mut crowd = at(&scenes, Stage::Running);
    let side = &crowd.sides.clone()[0];
    let job = job(side);
    let world = &mut crowd.world;
    world.advance(100);
    let mut copied = world.fork();
    // The copier pays the fee and takes the node's receipt along.
    copied.payer = Keypair::new();
    copied
        .svm
        .airdrop(&copied.payer.pubkey(), 10_000_000_000)
        .expect("lamports");
    for world in [&mut *world, &mut copied] {
        let before = wealth(world);
        world
            .finish(&job, &side.listing, 1, 100, ReceiptStatus::Completed)
            .expect("a proof");
        let holders: BTreeSet<_> = change(&before, &wealth(world)).into_keys().collect();
        assert_eq!(
            holders,
            BTreeSet::from([(world.payer.pubkey(), Pubkey::default())]),
            "only the fee is paid"
        );
    }
    assert_eq!(format!("{:?}", world.job(&job)), format!("{:?}", copied.job(&job)));
}

#[test]
fn settling_one_job_leaves_the_vault_of_another_alone() {
    let scenes = Scenes::new();
    let mut crowd = at(&scenes, Stage::Finished);
    let sides = crowd.sides.clone();
    let (paid, other) = (job(&sides[0]), pda::vault(&job(&sides[1])));
    let world = &mut crowd.world;
    world.advance(DISPUTE_WINDOW);
    let before = world.svm.get_account(&other).expect("the other's vault");
    assert_eq!(world.balance(&other), TOKEN);
    // A second settlement in the same transaction finds nothing either.
    let settle = world.settle_instruction(&paid);
    let twice = world.unchanged(|world| world.send(&[settle.clone(), settle.clone()], &[]));
    assert!(twice.is_err(), "paid twice");
    world.send(&[settle], &[]).expect("a settlement");
    assert_eq!(world.svm.get_account(&other), Some(before));
    world.settle(&job(&sides[1])).expect("the other, in full");
}

/// Moves the clock back.
fn set_back(world: &mut World, seconds: i64) {
    let mut clock = world.svm.get_sysvar::<Clock>();
    clock.unix_timestamp -= seconds;
    world.svm.set_sysvar(&clock);
}

#[test]
fn a_clock_that_goes_back_a_little_ends_nothing_early_and_traps_nothing() {
    let mut world = World::new();
    world.advance(100);
    let (job, customer, listing, matcher) = world.running();
    let claim = world.claim_job_instruction(&job);
    // Before it was opened, even: nothing is proven, nothing lapses, and nothing breaks for good.
    set_back(&mut world, 20);
    let refused = [
        world.unchanged(|world| world.prove(&job, &listing, 1, 1)),
        world.unchanged(|world| world.report_lapse(&job)),
        world.unchanged(|world| world.send(&[claim], &[])),
    ];
    for refusal in refused {
        let refusal = refusal.expect_err("a second that has not passed");
        assert!(refusal.code.is_some(), "an error of the program: {refusal:#?}");
    }
    world.advance(20 + 50);
    world.prove(&job, &listing, 1, 50).expect("a proof");
    set_back(&mut world, 10);
    world.market_refuses("ProofTimeoutNotPassed", |world| world.report_lapse(&job));
    world.market_refuses("ServedBeyondElapsed", |world| world.prove(&job, &listing, 2, 60));
    world.advance(20);
    world
        .finish(&job, &listing, 2, 60, ReceiptStatus::Completed)
        .expect("a final proof");
    set_back(&mut world, 10);
    world.market_refuses("DisputeWindowOpen", |world| world.settle(&job));
    world.advance(10 + DISPUTE_WINDOW);
    world.settle(&job).expect("a settlement");
    let paid = world.balance_of(&listing.wallet.pubkey(), world.usdc);
    let fees = world.balance_of(&world.authority.pubkey(), world.usdc);
    let matched = world.balance_of(&matcher.pubkey(), world.usdc);
    assert_eq!(paid + fees + matched, 60 * 500, "sixty seconds, whatever the clock did");
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 100 * TOKEN - 60 * 500);
}

/// Gives an account of Token-2022 an extension, as its program lays it out.
fn extend(world: &mut World, address: &Pubkey, kind: u8, extension: u16, value: &[u8]) {
    let mut account = world.svm.get_account(address).expect("an account");
    account.data.resize(165, 0);
    account.data.push(kind);
    account.data.extend(extension.to_le_bytes());
    account.data.extend((value.len() as u16).to_le_bytes());
    account.data.extend(value);
    account.lamports += 10_000_000;
    world.svm.set_account(*address, account).expect("an account");
}

#[test]
fn what_does_not_arrive_is_not_credited() {
    // No mint that takes a fee is admitted. Should one come to take it later, a deposit counts by what arrives.
    const FEE_CONFIG: u16 = 1;
    const FEE_AMOUNT: u16 = 2;
    let mut world = World::new();
    world.usdc.mint = {
        let plain = world.usdc.mint;
        world.forge(&plain, Some(token::TOKEN_2022_PROGRAM))
    };
    world.usdc.token_program = token::TOKEN_2022_PROGRAM;
    world.enable_mint(world.usdc).expect("a mint");
    let (job, customer, ..) = world.running();
    let source = pda::associated_token(&customer.pubkey(), &world.usdc.mint, &world.usdc.token_program);
    world.fork().top_up(&customer, &job, 100).expect("a longer job");

    let fee = [&0u64.to_le_bytes()[..], &u64::MAX.to_le_bytes(), &100u16.to_le_bytes()].concat();
    let config = [&[0; 72][..], &fee, &fee].concat();
    let mint = world.usdc.mint;
    extend(&mut world, &mint, 1, FEE_CONFIG, &config);
    for account in [source, pda::vault(&job)] {
        // An associated account has an extension of its own already, before which this one goes.
        let mut plain = world.svm.get_account(&account).expect("an account");
        plain.data.truncate(165);
        world.svm.set_account(account, plain).expect("an account");
        extend(&mut world, &account, 2, FEE_AMOUNT, &[0; 8]);
    }
    world.market_refuses("DepositNotReceived", |world| world.top_up(&customer, &job, 100));
    world.market_refuses("DepositNotReceived", |world| world.dispute(&customer, &job));
}
