//! Verdicts, and disputes that get none: who is paid what, who is slashed, and that it all comes to an end.

use gantry_sdk::{
    Instruction, Keypair, Pubkey, Signer,
    market::accounts::{Customer, Job},
    pda,
    registry::accounts::Provider,
};
use gantry_tests::{
    event,
    world::{Listing, Outcome, TOKEN, World, swapped},
};
use solana_instruction::error::InstructionError;

/// Base units that 100 seconds cost.
const BILL: u64 = 50_000;

/// A disputed job that its node had completed in 100 seconds; `commission_bps` is its provider's.
struct Scene {
    world: World,
    job: Pubkey,
    customer: Keypair,
    listing: Listing,
    matcher: Keypair,
    reporter: Pubkey,
}

fn scene_with(commission_bps: u16) -> Scene {
    let mut world = World::new();
    let (customer, matcher) = (world.customer(), world.wallet());
    let listing = world.list_node_with(world.node_args(), commission_bps);
    let job = world.open_default(&customer);
    world.assign(&matcher, &job, &listing.node).expect("an assignment");
    world.start(&job, &listing).expect("a start");
    world.advance(100);
    let completed = gantry_sdk::core::receipt::ReceiptStatus::Completed;
    world.finish(&job, &listing, 1, 100, completed).expect("a final proof");
    world.dispute(&customer, &job).expect("a dispute");
    let reporter = world.reporter();
    Scene {
        world,
        job,
        customer,
        listing,
        matcher,
        reporter,
    }
}

fn scene() -> Scene {
    scene_with(10_000)
}

impl Scene {
    fn resolve_instruction(&mut self) -> Instruction {
        self.world.resolve_instruction(&self.job, &self.reporter)
    }

    fn resolve(&mut self) -> Outcome {
        let resolve = self.resolve_instruction();
        self.world.send(&[resolve], &[]).expect("a resolution")
    }

    /// What customer, provider and matcher have in the job's mint, and the treasury.
    fn balances(&self) -> [u64; 4] {
        [
            &self.customer,
            &self.listing.wallet,
            &self.matcher,
            &self.world.authority,
        ]
        .map(|wallet| self.world.balance_of(&wallet.pubkey(), self.world.usdc))
    }

    /// What customer, reporter and treasury have in the stake mint.
    fn slashed(&self) -> [u64; 3] {
        let world = &self.world;
        [
            world.balance_of(&self.customer.pubkey(), world.stake),
            world.balance(&self.reporter),
            world.balance(&world.stake_tokens().treasury),
        ]
    }

    fn disputes_lost(&self) -> u64 {
        let provider: Provider = self.world.account(&self.listing.provider).expect("the provider");
        provider.disputes_lost
    }
}

#[test]
fn a_verdict_for_the_customer_gives_everything_back_and_slashes() {
    let mut scene = scene();
    scene.world.decide(&scene.job, 0, 10_000);
    let accounts = [scene.job, pda::vault(&scene.job), pda::dispute(&scene.job)];
    let rent: u64 = accounts
        .iter()
        .map(|account| scene.world.svm.get_balance(account).expect("an account"))
        .sum();
    let resolve = scene.resolve_instruction();
    let payer = scene.world.payer.pubkey();
    let before = scene.world.svm.get_balance(&payer).expect("the payer");
    let outcome = scene.world.send(&[resolve], &[]).expect("a resolution");
    println!(
        "compute units: resolve with a slash and a conviction {}",
        outcome.compute_units
    );
    let resolved = event!(outcome, DisputeResolved);
    assert_eq!((resolved.job, resolved.provider), (scene.job, scene.listing.provider));
    assert_eq!(
        (resolved.verdict, resolved.provider_share_bps, resolved.slash_bps),
        (1, 0, 10_000)
    );
    assert_eq!((resolved.slashed, resolved.bond), (TOKEN / 4, TOKEN));
    let settled = event!(outcome, JobSettled);
    assert_eq!(
        (settled.bill, settled.to_provider, settled.to_customer),
        (BILL, 0, TOKEN)
    );
    assert_eq!(scene.balances(), [100 * TOKEN, 0, 0, 0]);
    // Half of the slash to the customer, a tenth to the reporter, the rest to the treasury.
    assert_eq!(scene.slashed(), [125_000, 25_000, 100_000]);
    assert_eq!(
        (scene.disputes_lost(), event!(outcome, ProviderConvicted).equivocated),
        (1, 0)
    );
    assert_eq!(scene.world.pool(&scene.listing.pool).bonded, 0);
    for account in accounts {
        assert!(
            scene.world.svm.get_balance(&account).unwrap_or(0) == 0,
            "{account} is open"
        );
    }
    let after = scene.world.svm.get_balance(&payer).expect("the payer");
    assert_eq!(after, before + rent - 5_000);
    let counter: Customer = scene
        .world
        .account(&pda::customer(&scene.customer.pubkey()))
        .expect("the customer");
    assert_eq!(counter.open_jobs, 0);
}

#[test]
fn a_verdict_for_the_provider_gives_it_the_customers_bond() {
    let mut scene = scene();
    scene.world.decide(&scene.job, 10_000, 0);
    let outcome = scene.resolve();
    println!("compute units: resolve for the provider {}", outcome.compute_units);
    let resolved = event!(outcome, DisputeResolved);
    assert_eq!((resolved.verdict, resolved.slashed, resolved.bond), (2, 0, TOKEN));
    assert_eq!(event!(outcome, JobSettled).to_provider, 48_750);
    assert_eq!(scene.balances(), [99 * TOKEN - BILL, TOKEN + 48_750, 250, 1_000]);
    assert_eq!(scene.slashed(), [0; 3]);
    assert_eq!(
        (scene.disputes_lost(), scene.world.pool(&scene.listing.pool).bonded),
        (0, 0)
    );
}

#[test]
fn a_verdict_between_divides() {
    let mut scene = scene_with(2_000);
    scene.world.decide(&scene.job, 5_000, 2_000);
    let outcome = scene.resolve();
    let settled = event!(outcome, JobSettled);
    // Of 25,000: 500 to the treasury, 125 to the matcher, and of the rest 80 % to the stakers, who are slashed besides.
    assert_eq!((settled.to_provider, settled.to_delegators), (4_875, 19_500));
    assert_eq!(scene.balances(), [100 * TOKEN - 25_000, 4_875, 125, 500]);
    assert_eq!(scene.world.balance(&pda::reward_vault(&scene.listing.pool)), 19_500);
    assert_eq!(event!(outcome, RewardsDeposited).amount, 19_500);
    assert_eq!(scene.slashed(), [25_000, 5_000, 20_000]);
    assert_eq!(
        (scene.disputes_lost(), scene.world.pool(&scene.listing.pool).bonded),
        (1, 0)
    );
}

#[test]
fn a_whole_share_with_a_slash_is_no_win_for_the_provider() {
    let mut scene = scene();
    scene.world.decide(&scene.job, 10_000, 1);
    let resolved = event!(scene.resolve(), DisputeResolved);
    assert_eq!((resolved.verdict, resolved.slashed), (1, 25));
    assert_eq!(scene.balances(), [100 * TOKEN - BILL, 48_750, 250, 1_000]);
    assert_eq!(scene.disputes_lost(), 1);
}

#[test]
fn odd_shares_lose_no_base_unit() {
    for (share, slash) in [(3_333, 1), (1, 9_999), (9_999, 3_333)] {
        let mut scene = scene_with(3_333);
        scene.world.decide(&scene.job, share, slash);
        let outcome = scene.resolve();
        let settled = event!(outcome, JobSettled);
        let earned = BILL * u64::from(share) / 10_000;
        assert_eq!(settled.to_customer, TOKEN - earned);
        let parts = settled.to_provider + settled.to_delegators + settled.to_matcher + settled.to_treasury;
        assert_eq!(parts, earned);
        let slashed = event!(outcome, DisputeResolved).slashed;
        assert_eq!(slashed, TOKEN / 4 * u64::from(slash) / 10_000);
        assert_eq!(scene.slashed().iter().sum::<u64>(), slashed);
    }
}

#[test]
fn without_a_verdict_the_proven_seconds_are_paid_at_the_deadline() {
    let mut scene = scene();
    let world = &mut scene.world;
    // Three votes, no two alike.
    for (place, (share, slash)) in [(0, 10_000), (0, 9_999), (10_000, 0)].into_iter().enumerate() {
        world.vote(place, &scene.job, share, slash).expect("a vote");
    }
    let resolve = scene.resolve_instruction();
    let world = &mut scene.world;
    world.market_refuses("NoVerdict", |world| world.send(std::slice::from_ref(&resolve), &[]));
    world.advance(599);
    world.market_refuses("NoVerdict", |world| world.send(std::slice::from_ref(&resolve), &[]));
    world.advance(1);
    let outcome = world.send(&[resolve], &[]).expect("a resolution");
    let resolved = event!(outcome, DisputeResolved);
    assert_eq!((resolved.verdict, resolved.slashed, resolved.bond), (0, 0, TOKEN));
    assert_eq!(scene.balances(), [100 * TOKEN - BILL, 48_750, 250, 1_000]);
    assert_eq!(
        (scene.disputes_lost(), scene.world.pool(&scene.listing.pool).bonded),
        (0, 0)
    );
}

#[test]
fn a_verdict_holds_after_the_deadline_too() {
    let mut scene = scene();
    scene.world.decide(&scene.job, 0, 0);
    scene.world.advance(10_000);
    scene.world.pause(3);
    assert_eq!(event!(scene.resolve(), DisputeResolved).verdict, 1);
    assert_eq!(scene.balances(), [100 * TOKEN, 0, 0, 0]);
}

#[test]
fn one_vote_is_no_verdict() {
    let mut scene = scene();
    scene.world.vote(0, &scene.job, 0, 10_000).expect("a vote");
    let resolve = scene.resolve_instruction();
    scene
        .world
        .market_refuses("NoVerdict", |world| world.send(&[resolve], &[]));
}

#[test]
fn what_was_claimed_comes_from_the_bond() {
    let mut scene = scene();
    scene.world.claimed(&scene.job, 40_000);
    scene.world.decide(&scene.job, 0, 0);
    let outcome = scene.resolve();
    let settled = event!(outcome, JobSettled);
    assert_eq!((settled.claimed, settled.to_customer), (40_000, TOKEN - 40_000));
    assert_eq!(event!(outcome, DisputeResolved).slashed, 40_000);
    assert_eq!(scene.slashed(), [20_000, 4_000, 16_000]);
}

#[test]
fn only_a_disputed_job_is_resolved_and_once() {
    let mut scene = scene();
    scene.world.decide(&scene.job, 0, 0);
    let resolve = scene.resolve_instruction();
    let mut other = scene.world.fork();
    other.amend::<Job>(&scene.job, |job| job.status = 3);
    other.market_refuses("NotDisputed", |world| world.send(std::slice::from_ref(&resolve), &[]));
    let world = &mut scene.world;
    let twice = world.unchanged(|world| world.send(&[resolve.clone(), resolve.clone()], &[]));
    assert!(twice.is_err(), "paid twice in one transaction");
    world.send(std::slice::from_ref(&resolve), &[]).expect("a resolution");
    let again = world.unchanged(|world| world.send(&[resolve], &[]));
    assert!(again.is_err(), "paid twice");
}

#[test]
fn nobody_leads_a_payment_elsewhere() {
    let mut scene = scene();
    scene.world.decide(&scene.job, 5_000, 5_000);
    let resolve = scene.resolve_instruction();
    let (other, customer, ..) = scene.world.completed();
    scene.world.dispute(&customer, &other).expect("a dispute");
    let thief = scene.world.wallet();
    let world = &mut scene.world;
    let account =
        |owner: &Pubkey, mint: gantry_sdk::ix::MintRef| pda::associated_token(owner, &mint.mint, &mint.token_program);
    let (usdc, stake) = (world.usdc, world.stake);
    let stolen = account(&thief.pubkey(), usdc);
    for (right, wrong) in [
        (account(&scene.customer.pubkey(), usdc), stolen),
        (account(&scene.listing.wallet.pubkey(), usdc), stolen),
        (account(&scene.matcher.pubkey(), usdc), stolen),
        (
            account(&scene.customer.pubkey(), stake),
            account(&thief.pubkey(), stake),
        ),
    ] {
        let wrong = swapped(&resolve, &right, &wrong);
        world.market_refuses("WrongDestination", |world| world.send(&[wrong], &[]));
    }
    let others = world.job(&other);
    for (right, wrong) in [
        (pda::dispute(&scene.job), pda::dispute(&other)),
        (scene.listing.node, others.node),
        (scene.listing.provider, others.provider),
        (scene.listing.pool, pda::pool(&others.provider)),
        (account(&world.authority.pubkey(), usdc), stolen),
    ] {
        let wrong = swapped(&resolve, &right, &wrong);
        world.market_refuses("WrongAccount", |world| world.send(&[wrong], &[]));
    }
    let last = resolve.accounts.len() - 3;
    let mut wrong = resolve.clone();
    assert_eq!(wrong.accounts[last].pubkey, world.payer.pubkey());
    wrong.accounts[last].pubkey = thief.pubkey();
    world.market_refuses("WrongAccount", |world| world.send(&[wrong], &[]));
    for (right, wrong) in [
        (
            pda::stake_vault(&scene.listing.pool),
            pda::stake_vault(&pda::pool(&others.provider)),
        ),
        (pda::vault(&scene.job), pda::vault(&other)),
    ] {
        let wrong = swapped(&resolve, &right, &wrong);
        world.runtime_refuses(InstructionError::InvalidSeeds, |world| world.send(&[wrong], &[]));
    }
    world.send(&[resolve], &[]).expect("the instruction as it should be");
}

#[test]
fn a_node_that_is_delisted_does_not_stop_the_verdict() {
    let mut scene = scene();
    scene.world.decide(&scene.job, 0, 10_000);
    let node = scene.listing.node;
    scene.world.vanish(&node);
    scene.resolve();
    assert_eq!(scene.disputes_lost(), 1);
}

#[test]
fn a_resolution_fits_in_a_transaction_without_a_lookup_table() {
    let mut scene = scene();
    let resolve = scene.resolve_instruction();
    let payer = scene.world.payer.pubkey();
    let keys: std::collections::BTreeSet<_> = resolve
        .accounts
        .iter()
        .map(|meta| meta.pubkey)
        .chain([resolve.program_id, payer])
        .collect();
    // Signature and its count, header, count of keys, keys, blockhash, count of instructions, and the instruction.
    let size = 65 + 3 + 1 + 32 * keys.len() + 32 + 1 + 1 + 1 + resolve.accounts.len() + 1 + resolve.data.len();
    assert!(size <= 1_232, "{size} bytes with {} keys", keys.len());
}

#[test]
fn resolving_withstands_forged_accounts() {
    let mut scene = scene();
    scene.world.decide(&scene.job, 5_000, 5_000);
    let resolve = scene.resolve_instruction();
    let world = &scene.world;
    let account =
        |owner: &Pubkey, mint: gantry_sdk::ix::MintRef| pda::associated_token(owner, &mint.mint, &mint.token_program);
    // Any token account of theirs is as good; the reward vault is written to only when stakers are owed something.
    let free = [
        account(&scene.customer.pubkey(), world.usdc),
        account(&scene.listing.wallet.pubkey(), world.usdc),
        account(&scene.matcher.pubkey(), world.usdc),
        account(&scene.customer.pubkey(), world.stake),
    ];
    let unchecked = [scene.reporter, pda::reward_vault(&scene.listing.pool)];
    scene.world.guarded_but(&resolve, &[], &free, &unchecked);
}
