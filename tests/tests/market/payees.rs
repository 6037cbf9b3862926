//! Payees whose accounts cannot receive: they lose their own part, and stop nobody else's.

use gantry_sdk::{Instruction, Keypair, Pubkey, Signer, pda};
use gantry_tests::{
    event,
    world::{DISPUTE_WINDOW, Listing, TOKEN, World, job_args, swapped},
};
use solana_instruction::error::InstructionError;

/// Token's refusal to move tokens of or to a frozen account.
const FROZEN: InstructionError = InstructionError::Custom(17);

struct Scene {
    world: World,
    job: Pubkey,
    customer: Keypair,
    listing: Listing,
    matcher: Keypair,
    settle: Instruction,
}

/// A completed job of 50,000 base units whose dispute window has passed.
fn scene() -> Scene {
    let mut world = World::new();
    let (job, customer, listing, matcher) = world.completed();
    world.advance(DISPUTE_WINDOW);
    let settle = world.settle_instruction(&job);
    Scene {
        world,
        job,
        customer,
        listing,
        matcher,
        settle,
    }
}

impl Scene {
    fn account(&self, owner: &Keypair) -> Pubkey {
        let mint = self.world.usdc;
        pda::associated_token(&owner.pubkey(), &mint.mint, &mint.token_program)
    }

    /// What provider, matcher, treasury and customer are paid when the account of `payee` is frozen.
    fn paid_without(&mut self, payee: &Keypair) -> [u64; 4] {
        let frozen = self.account(payee);
        self.world.freeze(&frozen);
        let before = self.world.balance(&frozen);
        let outcome = self
            .world
            .send(std::slice::from_ref(&self.settle), &[])
            .expect("a settlement");
        let event = event!(outcome, JobSettled);
        assert_eq!(self.world.balance(&frozen), before);
        let treasury = self.world.balance_of(&self.world.authority.pubkey(), self.world.usdc);
        assert_eq!(treasury, event.to_treasury);
        assert!(self.world.svm.get_balance(&pda::vault(&self.job)).unwrap_or(0) == 0);
        [
            event.to_provider,
            event.to_matcher,
            event.to_treasury,
            event.to_customer,
        ]
    }
}

#[test]
fn a_frozen_payee_loses_its_part_to_the_treasury() {
    let mut one = scene();
    let wallet = one.listing.wallet.insecure_clone();
    assert_eq!(one.paid_without(&wallet), [0, 250, 1_000 + 48_750, 950_000]);
    let mut one = scene();
    let wallet = one.matcher.insecure_clone();
    assert_eq!(one.paid_without(&wallet), [48_750, 0, 1_000 + 250, 950_000]);
    let mut one = scene();
    let wallet = one.customer.insecure_clone();
    assert_eq!(one.paid_without(&wallet), [48_750, 250, 1_000 + 950_000, 0]);
}

#[test]
fn a_frozen_treasury_leaves_its_part_to_the_customer() {
    let mut one = scene();
    let authority = one.world.authority.insecure_clone();
    assert_eq!(one.paid_without(&authority), [48_750, 250, 0, 951_000]);
}

#[test]
fn all_payees_may_be_frozen() {
    let mut scene = scene();
    for wallet in [&scene.listing.wallet, &scene.matcher, &scene.customer] {
        let frozen = scene.account(wallet);
        scene.world.freeze(&frozen);
    }
    let outcome = scene.world.send(&[scene.settle], &[]).expect("a settlement");
    assert_eq!(event!(outcome, JobSettled).to_treasury, TOKEN);
}

#[test]
fn nobody_picks_an_account_that_cannot_receive() {
    let mut scene = scene();
    for wallet in [
        scene.listing.wallet.insecure_clone(),
        scene.matcher.insecure_clone(),
        scene.customer.insecure_clone(),
    ] {
        let second = scene.world.second_account(&wallet.pubkey());
        let other = swapped(&scene.settle, &scene.account(&wallet), &second);
        let mut fork = scene.world.fork();
        fork.send(std::slice::from_ref(&other), &[])
            .expect("another account that can receive");
        assert!(fork.balance(&second) > 0);
        scene.world.freeze(&second);
        scene
            .world
            .market_refuses("DestinationCannotReceive", |world| world.send(&[other], &[]));
    }
}

#[test]
fn an_account_that_is_missing_has_to_be_made_first() {
    let scene = scene();
    for wallet in [
        scene.listing.wallet.insecure_clone(),
        scene.matcher.insecure_clone(),
        scene.customer.insecure_clone(),
    ] {
        let missing = scene.account(&wallet);
        let mut fork = scene.world.fork();
        fork.vanish(&missing);
        let settle = scene.settle.clone();
        fork.runtime_refuses(InstructionError::IllegalOwner, |world| {
            world.send(std::slice::from_ref(&settle), &[])
        });
        fork.token_account(&wallet.pubkey(), fork.usdc);
        fork.send(&[settle], &[]).expect("a settlement");
    }
}

#[test]
fn a_frozen_customer_does_not_keep_an_open_job_from_closing() {
    let mut world = World::new();
    let (customer, anyone) = (world.customer(), world.wallet());
    world.token_account(&world.authority.pubkey(), world.usdc);
    world.open(&customer, job_args(0)).expect("an open job");
    let job = pda::job(&customer.pubkey(), 0);
    let account = pda::associated_token(&customer.pubkey(), &world.usdc.mint, &world.usdc.token_program);
    world.freeze(&account);
    // The customer learns of it and names another account.
    world.runtime_refuses(FROZEN, |world| world.cancel(&customer, &job));
    let second = world.second_account(&customer.pubkey());
    let cancel = world.cancel_instruction(&customer.pubkey(), &job);
    let mut fork = world.fork();
    fork.send(&[swapped(&cancel, &account, &second)], &[&customer])
        .expect("a cancellation");
    assert_eq!(fork.balance(&second), TOKEN);

    world.advance(24 * 3_600);
    let outcome = world.cancel(&anyone, &job).expect("a cancellation");
    assert_eq!(event!(outcome, JobCancelled).refunded, 0);
    assert_eq!(world.balance_of(&world.authority.pubkey(), world.usdc), TOKEN);
}

#[test]
fn a_frozen_customer_does_not_stop_a_verdict() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.completed();
    world.dispute(&customer, &job).expect("a dispute");
    world.decide(&job, 10_000, 1);
    let reporter = world.reporter();
    let resolve = world.resolve_instruction(&job, &reporter);
    for mint in [world.usdc, world.stake] {
        let account = pda::associated_token(&customer.pubkey(), &mint.mint, &mint.token_program);
        world.freeze(&account);
    }
    let outcome = world.send(&[resolve], &[]).expect("a resolution");
    assert_eq!(event!(outcome, DisputeResolved).slashed, 25);
    assert_eq!(event!(outcome, JobSettled).to_treasury, TOKEN - 48_750 - 250);
    // Its refund, its bond and its part of the slash.
    let treasury = world.authority.pubkey();
    assert_eq!(world.balance_of(&treasury, world.usdc), 2 * TOKEN - 48_750 - 250);
    assert_eq!(world.balance_of(&listing.wallet.pubkey(), world.usdc), 48_750);
    assert_eq!(
        (world.balance(&reporter), world.balance_of(&treasury, world.stake)),
        (2, 23)
    );
}
