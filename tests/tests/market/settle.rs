//! Who is paid what when a job is settled, and that it happens once and to nobody else.

use gantry_sdk::{
    Keypair, Pubkey, Signer,
    core::receipt::ReceiptStatus,
    ix::{self, JobArgs, NodeArgs, token},
    market::accounts::Customer,
    pda,
    staking::accounts::Pool,
};
use gantry_tests::{
    event,
    world::{DISPUTE_WINDOW, Listing, TOKEN, World, job_args, swapped},
};
use solana_instruction::{Instruction, error::InstructionError};

/// A completed job whose dispute window has passed, and the instruction that settles it.
fn due() -> (World, Pubkey, Keypair, Listing, Keypair, Instruction) {
    let mut world = World::new();
    let (job, customer, listing, matcher) = world.completed();
    world.advance(DISPUTE_WINDOW);
    let settle = world.settle_instruction(&job);
    (world, job, customer, listing, matcher, settle)
}

fn account(owner: &Pubkey, world: &World) -> Pubkey {
    pda::associated_token(owner, &world.usdc.mint, &world.usdc.token_program)
}

#[test]
fn a_job_is_settled_when_its_dispute_window_has_passed() {
    let mut world = World::new();
    let (job, ..) = world.completed();
    world.settle_instruction(&job);
    world.advance(DISPUTE_WINDOW - 1);
    world.market_refuses("DisputeWindowOpen", |world| world.settle(&job));
    world.advance(1);
    world.settle(&job).expect("a settlement");
}

#[test]
fn the_parts_of_a_settlement_sum_to_the_deposit() {
    let (mut world, job, customer, listing, matcher, settle) = due();
    let rent =
        world.svm.get_balance(&job).expect("the job") + world.svm.get_balance(&pda::vault(&job)).expect("the vault");
    let before = world.svm.get_balance(&world.payer.pubkey()).expect("the payer");
    let outcome = world.send(&[settle], &[]).expect("a settlement");
    let event = event!(outcome, JobSettled);
    assert_eq!(
        (event.job, event.customer, event.provider),
        (job, customer.pubkey(), listing.provider)
    );
    assert_eq!((event.matcher, event.deposited), (matcher.pubkey(), TOKEN));
    let parts = [
        event.to_provider,
        event.to_delegators,
        event.to_matcher,
        event.to_treasury,
        event.to_customer,
    ];
    assert_eq!(parts.iter().sum::<u64>(), event.deposited);
    assert_eq!(event!(outcome, Released).amount, TOKEN / 4);
    // The rent comes back to who paid it, less the fee of the transaction.
    let after = world.svm.get_balance(&world.payer.pubkey()).expect("the payer");
    assert_eq!(after, before + rent - 5_000);
    let counter: Customer = world.account(&pda::customer(&customer.pubkey())).expect("the customer");
    assert_eq!((counter.next_job_id, counter.open_jobs), (1, 0));
}

#[test]
fn only_an_ended_job_is_settled() {
    let mut world = World::new();
    let (job, _, listing, _) = world.assigned();
    world.settle_instruction(&job);
    world.advance(30);
    world.market_refuses("NotEnded", |world| world.settle(&job));
    world.start(&job, &listing).expect("a start");
    world.advance(10_000);
    world.market_refuses("NotEnded", |world| world.settle(&job));
}

#[test]
fn a_job_is_settled_once() {
    let (mut world, _, _, _, _, settle) = due();
    let both = world.unchanged(|world| world.send(&[settle.clone(), settle.clone()], &[]));
    assert!(both.is_err(), "paid twice in one transaction");
    world.send(std::slice::from_ref(&settle), &[]).expect("a settlement");
    let again = world.unchanged(|world| world.send(&[settle], &[]));
    assert!(again.is_err(), "paid twice");
}

#[test]
fn nobody_leads_a_payment_elsewhere() {
    let (mut world, job, customer, listing, matcher, settle) = due();
    let thief = world.wallet();
    let (stolen, treasury) = (
        account(&thief.pubkey(), &world),
        account(&world.authority.pubkey(), &world),
    );
    for owner in [customer.pubkey(), listing.wallet.pubkey(), matcher.pubkey()] {
        let (right, in_stake) = (account(&owner, &world), world.token_account(&owner, world.stake));
        for wrong in [stolen, in_stake, treasury] {
            let wrong = swapped(&settle, &right, &wrong);
            world.market_refuses("WrongDestination", |world| world.send(&[wrong], &[]));
        }
    }
    let (other_job, _, other, _) = world.completed();
    for (right, wrong) in [
        (treasury, stolen),
        (listing.provider, other.provider),
        (listing.pool, other.pool),
        (world.payer.pubkey(), thief.pubkey()),
        (world.usdc.mint, world.stake.mint),
        (pda::market_authority(), thief.pubkey()),
    ] {
        let wrong = swapped(&settle, &right, &wrong);
        world.market_refuses("WrongAccount", |world| world.send(&[wrong], &[]));
    }
    for (right, wrong) in [
        (pda::vault(&job), pda::vault(&other_job)),
        (pda::vault(&job), stolen),
        (
            pda::customer(&customer.pubkey()),
            pda::customer(&world.job(&other_job).customer),
        ),
    ] {
        let wrong = swapped(&settle, &right, &wrong);
        world.runtime_refuses(InstructionError::InvalidSeeds, |world| world.send(&[wrong], &[]));
    }
    world.send(&[settle], &[]).expect("the instruction as it should be");
}

#[test]
fn the_stakers_part_goes_to_their_own_pool() {
    let mut world = World::new();
    let (customer, matcher, thief) = (world.customer(), world.wallet(), world.wallet());
    let listing = world.list_node_with(world.node_args(), 2_000);
    let other = world.list_node_with(world.node_args(), 2_000);
    let job = world.open_default(&customer);
    world.assign(&matcher, &job, &listing.node).expect("an assignment");
    world.start(&job, &listing).expect("a start");
    world.advance(100);
    world
        .finish(&job, &listing, 1, 100, ReceiptStatus::Completed)
        .expect("a final proof");
    world.advance(DISPUTE_WINDOW);
    let settle = world.settle_instruction(&job);
    let right = pda::reward_vault(&listing.pool);
    for wrong in [account(&thief.pubkey(), &world), pda::reward_vault(&other.pool)] {
        let wrong = swapped(&settle, &right, &wrong);
        world.runtime_refuses(InstructionError::InvalidSeeds, |world| world.send(&[wrong], &[]));
    }
    let outcome = world.send(&[settle], &[]).expect("a settlement");
    assert_eq!(event!(outcome, JobSettled).to_delegators, 39_000);
    assert_eq!(event!(outcome, RewardsDeposited).amount, 39_000);
    assert_eq!(world.balance(&right), 39_000);
}

#[test]
fn one_wallet_may_be_customer_provider_and_matcher() {
    let mut world = World::new();
    let listing = world.list_node();
    let all = listing.wallet.insecure_clone();
    world.fund(&all.pubkey(), world.usdc, 100 * TOKEN);
    let job = world.open_default(&all);
    world.assign(&all, &job, &listing.node).expect("an assignment");
    world.start(&job, &listing).expect("a start");
    world.advance(100);
    world
        .finish(&job, &listing, 1, 100, ReceiptStatus::Completed)
        .expect("a final proof");
    world.advance(DISPUTE_WINDOW);
    world.settle(&job).expect("a settlement");
    assert_eq!(world.balance_of(&all.pubkey(), world.usdc), 100 * TOKEN - 1_000);
    assert_eq!(world.balance_of(&world.authority.pubkey(), world.usdc), 1_000);
}

#[test]
fn the_owner_of_the_treasury_may_be_the_customer() {
    let mut world = World::new();
    let customer = world.authority.insecure_clone();
    world.fund(&customer.pubkey(), world.usdc, 100 * TOKEN);
    let (listing, matcher) = (world.list_node(), world.wallet());
    let job = world.open_default(&customer);
    world.assign(&matcher, &job, &listing.node).expect("an assignment");
    world.start(&job, &listing).expect("a start");
    world.advance(100);
    world
        .finish(&job, &listing, 1, 100, ReceiptStatus::Completed)
        .expect("a final proof");
    world.advance(DISPUTE_WINDOW);
    world.settle(&job).expect("a settlement");
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 100 * TOKEN - 49_000);
}

#[test]
fn a_payout_goes_to_who_owns_the_payouts() {
    let mut world = World::new();
    let (customer, matcher) = (world.customer(), world.wallet());
    let (wallet, node_key, payouts) = (Keypair::new(), Keypair::new(), Keypair::new());
    let (owner, payer) = (wallet.pubkey(), world.payer.pubkey());
    let (provider, args) = (pda::provider(&owner), world.node_args());
    let source = world.fund(&owner, world.stake, 1_000 * TOKEN);
    let pool = pda::pool(&provider);
    let instructions = [
        ix::register_provider(&owner, &payer, &payouts.pubkey(), [0; 32]),
        ix::register_node(&owner, &payer, &node_key.pubkey(), args),
        ix::create_pool(&owner, &payer, world.stake, world.usdc, 10_000),
        ix::stake(&owner, &payer, &pool, world.stake, &source, 1_000 * TOKEN),
    ];
    world
        .send(&instructions[..2], &[&wallet, &node_key])
        .expect("a listed node");
    world.send(&instructions[2..], &[&wallet]).expect("a pool with stake");
    let node = pda::node(&provider, &node_key.pubkey());
    let listing = Listing {
        wallet,
        node_key,
        provider,
        node,
        pool,
    };
    let job = world.open_default(&customer);
    world.assign(&matcher, &job, &node).expect("an assignment");
    world.start(&job, &listing).expect("a start");
    world.advance(100);
    world
        .finish(&job, &listing, 1, 100, ReceiptStatus::Completed)
        .expect("a final proof");
    world.advance(DISPUTE_WINDOW);
    world.settle(&job).expect("a settlement");
    assert_eq!(world.balance_of(&payouts.pubkey(), world.usdc), 48_750);
    assert_eq!(world.balance_of(&owner, world.usdc), 0);
}

#[test]
fn dust_in_the_vault_goes_to_the_treasury_and_blocks_nothing() {
    let (mut world, job, customer, _, _, settle) = due();
    let source = account(&customer.pubkey(), &world);
    let (mint, vault) = (world.usdc.mint, pda::vault(&job));
    let dust = token::transfer_checked(&source, &mint, &vault, &customer.pubkey(), 7, 6, &token::TOKEN_PROGRAM);
    world.send(&[dust], &[&customer]).expect("dust");
    world.svm.airdrop(&job, 1_000_000).expect("lamports for the job");
    let event = event!(world.send(&[settle], &[]).expect("a settlement"), JobSettled);
    assert_eq!(
        (event.deposited, event.to_treasury, event.to_customer),
        (TOKEN, 1_000, 950_000)
    );
    assert_eq!(world.balance_of(&world.authority.pubkey(), world.usdc), 1_007);
    assert_eq!(
        world.balance_of(&customer.pubkey(), world.usdc),
        100 * TOKEN - 50_000 - 7
    );
}

#[test]
fn the_sla_credit_goes_by_the_share_of_the_time_that_was_served() {
    // Served of 100 seconds, at a target of 99 %: the steps are at 1, 5 and 10 points below it.
    for (served, credit_bps) in [
        (100, 0),
        (99, 0),
        (98, 1_000),
        (95, 1_000),
        (94, 2_500),
        (90, 2_500),
        (89, 5_000),
        (0, 5_000),
    ] {
        let mut world = World::new();
        let (job, _, listing, _) = world.running();
        world.advance(100);
        world
            .finish(&job, &listing, 1, served, ReceiptStatus::Completed)
            .expect("a final proof");
        world.advance(DISPUTE_WINDOW);
        let event = event!(world.settle(&job).expect("a settlement"), JobSettled);
        let bill = served * 500;
        assert_eq!(
            (event.bill, event.paid_seconds),
            (bill, served as u32),
            "{served} seconds"
        );
        assert_eq!(event.credit, bill * credit_bps / 10_000, "{served} seconds");
        assert_eq!(event.to_customer, TOKEN - bill + event.credit, "{served} seconds");
    }
}

#[test]
fn a_job_that_proved_nothing_costs_nothing() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.running();
    world.advance(61);
    world.report_lapse(&job).expect("a lapse");
    world.advance(DISPUTE_WINDOW);
    let event = event!(world.settle(&job).expect("a settlement"), JobSettled);
    assert_eq!(
        (event.bill, event.to_provider, event.to_matcher, event.to_treasury),
        (0, 0, 0, 0)
    );
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 100 * TOKEN);
    assert_eq!(world.balance_of(&listing.wallet.pubkey(), world.usdc), 0);
}

#[test]
fn odd_amounts_lose_and_make_no_base_unit() {
    let mut world = World::new();
    let (customer, matcher) = (world.customer(), world.wallet());
    for (id, (price, seconds, served)) in [(3_601, 7, 3), (1_001, 1_000, 999), (3_599_999, 3_601, 1), (1_000, 1, 1)]
        .into_iter()
        .enumerate()
    {
        let args = NodeArgs {
            price_per_hour: price,
            ..world.node_args()
        };
        let listing = world.list_node_with(args, 3_333);
        let job_args = JobArgs {
            max_price_per_hour: price + 1,
            max_duration: seconds,
            ..job_args(id as u64)
        };
        let before = world.balance_of(&customer.pubkey(), world.usdc);
        world.open(&customer, job_args).expect("an open job");
        let job = pda::job(&customer.pubkey(), id as u64);
        world.assign(&matcher, &job, &listing.node).expect("an assignment");
        world.start(&job, &listing).expect("a start");
        world.advance(served as i64);
        world
            .finish(&job, &listing, 1, served, ReceiptStatus::Completed)
            .expect("a final proof");
        world.advance(DISPUTE_WINDOW);
        let event = event!(world.settle(&job).expect("a settlement"), JobSettled);
        assert_eq!(event.bill, price * served / 3_600);
        let earned = event.to_provider + event.to_delegators + event.to_matcher + event.to_treasury;
        assert_eq!(earned, event.bill);
        assert_eq!(before - world.balance_of(&customer.pubkey(), world.usdc), event.bill);
        assert_eq!(world.balance(&pda::reward_vault(&listing.pool)), event.to_delegators);
        assert_eq!(world.account::<Pool>(&listing.pool).expect("the pool").bonded, 0);
    }
}

#[test]
fn settling_withstands_forged_accounts() {
    let (mut world, _, customer, listing, matcher, settle) = due();
    // Any token account of theirs is as good; the reward vault is written to only when stakers are owed something.
    let mut free: Vec<_> = [customer.pubkey(), listing.wallet.pubkey(), matcher.pubkey()]
        .iter()
        .map(|owner| account(owner, &world))
        .collect();
    free.push(pda::reward_vault(&listing.pool));
    world.guarded(&settle, &[], &free);
}
