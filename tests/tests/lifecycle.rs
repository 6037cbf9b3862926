//! The whole life of a job in the VM: who gets what, to the base unit, and what it costs.

use gantry_sdk::{
    Signer,
    core::receipt::ReceiptStatus,
    ix,
    market::accounts::Customer,
    pda,
    registry::accounts::{Node, Provider},
    staking::accounts::Pool,
    state::AnyEvent,
};
use gantry_tests::world::{DISPUTE_WINDOW, TOKEN, World, find_event};

#[test]
fn a_job_is_served_proven_settled_and_closed() {
    let mut world = World::new();
    let (customer, listing, matcher) = (world.customer(), world.list_node(), world.wallet());
    let opened = world
        .open(&customer, gantry_tests::world::job_args(0))
        .expect("an open job");
    let job = pda::job(&customer.pubkey(), 0);
    let deposited = find_event(&opened, |event| match event {
        AnyEvent::JobOpened(event) => Some(event.deposited),
        _ => None,
    });
    assert_eq!(deposited, TOKEN);
    assert_eq!(world.balance(&pda::vault(&job)), TOKEN);
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 99 * TOKEN);

    let assigned = world.assign(&matcher, &job, &listing.node).expect("an assignment");
    let pool: Pool = world.account(&listing.pool).expect("the pool");
    // Half of the highest bill at the node's price: 1.8 tokens an hour for 1,000 seconds is 0.5.
    assert_eq!((world.job(&job).bond, pool.bonded), (TOKEN / 4, TOKEN / 4));
    assert_eq!(world.account::<Node>(&listing.node).expect("the node").current_job, job);

    let started = world.start(&job, &listing).expect("a start");
    world.advance(50);
    let proven = world.prove(&job, &listing, 1, 50).expect("a proof");
    world.advance(50);
    world
        .finish(&job, &listing, 2, 100, ReceiptStatus::Completed)
        .expect("a final proof");
    let node: Node = world.account(&listing.node).expect("the node");
    assert_eq!(
        (node.jobs_completed, node.served_seconds, node.promised_seconds),
        (1, 100, 100)
    );

    world.advance(DISPUTE_WINDOW);
    let settled = world.settle(&job).expect("a settlement");
    let event = find_event(&settled, |event| match event {
        AnyEvent::JobSettled(event) => Some(*event),
        _ => None,
    });
    // 100 seconds at 1.8 tokens an hour: 50,000 base units; 2 % to the treasury, 0.5 % to the matcher.
    assert_eq!((event.bill, event.credit, event.paid_seconds), (50_000, 0, 100));
    assert_eq!((event.to_provider, event.to_delegators), (48_750, 0));
    assert_eq!(
        (event.to_treasury, event.to_matcher, event.to_customer),
        (1_000, 250, 950_000)
    );
    assert_eq!(world.balance_of(&listing.wallet.pubkey(), world.usdc), 48_750);
    assert_eq!(world.balance_of(&matcher.pubkey(), world.usdc), 250);
    assert_eq!(world.balance_of(&world.authority.pubkey(), world.usdc), 1_000);
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 99 * TOKEN + 950_000);

    assert!(
        world.svm.get_account(&job).is_none_or(|account| account.lamports == 0),
        "the job is closed"
    );
    assert!(
        world
            .svm
            .get_account(&pda::vault(&job))
            .is_none_or(|account| account.lamports == 0)
    );
    assert_eq!(world.account::<Pool>(&listing.pool).expect("the pool").bonded, 0);
    assert_eq!(
        world
            .account::<Provider>(&listing.provider)
            .expect("the provider")
            .active_leases,
        0
    );
    let counter: Customer = world.account(&pda::customer(&customer.pubkey())).expect("the customer");
    assert_eq!((counter.next_job_id, counter.open_jobs), (1, 0));
    println!(
        "compute units: open {} assign {} start {} proof {} settle {}",
        opened.compute_units,
        assigned.compute_units,
        started.compute_units,
        proven.compute_units,
        settled.compute_units
    );
}

#[test]
fn revenue_beyond_the_commission_goes_to_the_stakers() {
    let mut world = World::new();
    let (customer, matcher) = (world.customer(), world.wallet());
    let listing = world.list_node_with(world.node_args(), 2_000);
    let job = world.open_default(&customer);
    world.assign(&matcher, &job, &listing.node).expect("an assignment");
    world.start(&job, &listing).expect("a start");
    world.advance(100);
    world
        .finish(&job, &listing, 1, 100, ReceiptStatus::Completed)
        .expect("a final proof");
    world.advance(DISPUTE_WINDOW);
    world.settle(&job).expect("a settlement");

    assert_eq!(world.balance_of(&listing.wallet.pubkey(), world.usdc), 9_750);
    assert_eq!(world.balance(&pda::reward_vault(&listing.pool)), 39_000);
    let pool: Pool = world.account(&listing.pool).expect("the pool");
    assert_eq!((pool.rewards_unclaimed, pool.rewards_total), (39_000, 39_000));

    let destination = pda::associated_token(&listing.wallet.pubkey(), &world.usdc.mint, &world.usdc.token_program);
    let claim = ix::claim_rewards(&listing.wallet.pubkey(), &listing.pool, world.usdc, &destination);
    world.send(&[claim], &[&listing.wallet]).expect("a claim");
    // 9,750 of commission and 39,000 of rewards, of which a fraction of one base unit waits for the next claim.
    assert_eq!(world.balance_of(&listing.wallet.pubkey(), world.usdc), 9_750 + 38_999);
    assert_eq!(world.balance(&pda::reward_vault(&listing.pool)), 1);
}

#[test]
fn a_node_that_vanishes_is_paid_for_what_it_proved_less_the_credit() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.running();
    world.advance(50);
    world.prove(&job, &listing, 1, 50).expect("a proof");
    world.advance(61);
    let report = ix::report_lapse(&world.job(&job));
    world.send(&[report], &[]).expect("a lapse");
    let node: Node = world.account(&listing.node).expect("the node");
    assert_eq!((node.jobs_failed, node.consecutive_failures, node.status), (1, 1, 0));

    world.advance(DISPUTE_WINDOW);
    world.settle(&job).expect("a settlement");
    // 50 of 111 seconds served: the highest credit, half of the bill of 25,000.
    let earned = 12_500;
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 100 * TOKEN - earned);
    assert_eq!(
        world.balance_of(&listing.wallet.pubkey(), world.usdc),
        earned - 250 - 62
    );
}

#[test]
fn a_stopped_job_pays_the_seconds_proven_until_the_stop() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.running();
    world.advance(30);
    let stop = ix::stop_job(&world.job(&job));
    world.send(&[stop], &[&customer]).expect("a stop");
    // The node learns of it later and proves what it had served, not a second more.
    world.advance(10);
    gantry_tests::world::assert_refused(world.prove(&job, &listing, 1, 31), "market", "ServedBeyondElapsed");
    world
        .finish(&job, &listing, 1, 30, ReceiptStatus::Completed)
        .expect("a late proof");
    world.advance(DISPUTE_WINDOW);
    world.settle(&job).expect("a settlement");
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 100 * TOKEN - 15_000);
}

#[test]
fn a_node_that_does_not_start_is_slashed_and_barred_and_the_job_opens_again() {
    let mut world = World::new();
    let (job, customer, listing, matcher) = world.assigned();
    let reporter = world.wallet();
    world.token_account(&customer.pubkey(), world.stake);
    world.advance(31);
    let expire = ix::expire_assignment(&reporter.pubkey(), &world.job(&job), world.stake_tokens());
    world.send(&[expire], &[&reporter]).expect("an expiry");

    // The whole bond of 250,000: half to the customer, a tenth to the reporter, the rest to the treasury.
    assert_eq!(world.balance_of(&customer.pubkey(), world.stake), 125_000);
    assert_eq!(world.balance_of(&reporter.pubkey(), world.stake), 25_000);
    assert_eq!(world.balance_of(&world.authority.pubkey(), world.stake), 100_000);
    let pool: Pool = world.account(&listing.pool).expect("the pool");
    assert_eq!(
        (pool.active, pool.bonded, pool.slashed_total),
        (1_000 * TOKEN - 250_000, 0, 250_000)
    );
    let again = world.job(&job);
    assert_eq!((again.status, again.bond, again.price_per_hour), (0, 0, 0));
    gantry_tests::world::assert_refused(world.assign(&matcher, &job, &listing.node), "market", "NodeBarred");

    let other = world.list_node();
    world
        .assign(&matcher, &job, &other.node)
        .expect("another node takes it");
    assert_eq!(world.job(&job).assignment, 2);
}

#[test]
fn a_cancelled_job_gives_everything_back() {
    let mut world = World::new();
    let customer = world.customer();
    let before = world.svm.get_balance(&world.payer.pubkey());
    let job = world.open_default(&customer);
    let mint = world.account(&pda::payment_mint(&world.usdc.mint)).expect("the mint");
    let destination = pda::associated_token(&customer.pubkey(), &world.usdc.mint, &world.usdc.token_program);
    let cancel = ix::cancel_job(&customer.pubkey(), &world.job(&job), &mint, &destination);
    world.send(&[cancel], &[&customer]).expect("a cancellation");
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 100 * TOKEN);
    assert!(before.is_some() && world.svm.get_account(&job).is_none_or(|account| account.lamports == 0));
}
