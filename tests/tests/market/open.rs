//! Opening and cancelling jobs.

use gantry_sdk::{
    Keypair, Pubkey, Signer,
    core::billing,
    ix::{self, JobArgs, token},
    market::accounts::Customer,
    pda,
};
use gantry_tests::{
    event,
    world::{START_TIME, TOKEN, World, job_args, swapped, terms},
};
use solana_instruction::error::InstructionError;

const OPEN_TIMEOUT: i64 = 24 * 3_600;

#[test]
fn a_job_holds_its_deposit_and_says_what_it_asks() {
    let mut world = World::new();
    let customer = world.customer();
    let (node, matcher) = (Keypair::new().pubkey(), Keypair::new().pubkey());
    let args = JobArgs {
        node,
        matcher,
        disk_gib: 1,
        mbps: 2,
        gpu_models: [3, 4, 0, 0],
        vram_gib: 5,
        ram_gib: 6,
        flags: 7,
        reputation_bps: 8,
        gpu_count: 9,
        tier: 3,
        countries: [*b"DE", [0; 2], *b"FR", [0; 2], [0; 2], [0; 2], [0; 2], [0; 2]],
        ..job_args(0)
    };
    let outcome = world.open(&customer, args).expect("an open job");
    let address = pda::job(&customer.pubkey(), 0);
    let opened = event!(outcome, JobOpened);
    assert_eq!(
        (opened.job, opened.customer, opened.id),
        (address, customer.pubkey(), 0)
    );
    assert_eq!(
        (opened.mint, opened.deposited, opened.spec_hash),
        (world.usdc.mint, TOKEN, [9; 32])
    );
    assert_eq!((opened.max_price_per_hour, opened.max_duration), (3_600_000, 1_000));

    let job = world.job(&address);
    assert_eq!(
        (job.customer, job.mint, job.node, job.matcher),
        (customer.pubkey(), world.usdc.mint, node, matcher)
    );
    assert_eq!(
        (job.provider, job.rent_payer),
        (Pubkey::default(), world.payer.pubkey())
    );
    assert_eq!(
        (job.id, job.deposited, job.max_price_per_hour, job.price_per_hour),
        (0, TOKEN, 3_600_000, 0)
    );
    assert_eq!(
        (job.created_at, job.active_at, job.started_at, job.ended_at),
        (START_TIME, 0, 0, 0)
    );
    assert_eq!(
        (job.max_duration, job.start_deadline, job.proof_timeout),
        (1_000, 30, 60)
    );
    assert_eq!(
        (job.disk_gib, job.mbps, job.gpu_models, job.vram_gib, job.ram_gib),
        (1, 2, [3, 4, 0, 0], 5, 6)
    );
    assert_eq!((job.flags, job.reputation_bps, job.gpu_count, job.tier), (7, 8, 9, 3));
    assert_eq!((job.countries, job.sla_uptime_bps), (args.countries, 9_900));
    // Fixed node and fixed matcher.
    assert_eq!((job.status, job.outcome, job.options, job.assignment), (0, 0, 3, 0));
    assert_eq!((job.spec_hash, job.output_digest), ([9; 32], [0; 32]));
    assert_eq!(world.balance(&pda::vault(&address)), TOKEN);
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 99 * TOKEN);
    let counter: Customer = world.account(&pda::customer(&customer.pubkey())).expect("the customer");
    assert_eq!(
        (counter.wallet, counter.next_job_id, counter.open_jobs),
        (customer.pubkey(), 1, 1)
    );
}

#[test]
fn a_deposit_covers_the_longest_run_at_the_highest_price_rounded_up() {
    let mut world = World::new();
    let customer = world.customer();
    for (id, (price, seconds)) in [(1_000, 1), (1_001, 3_599), (3_599, 1), (7_777_777, 1_234)]
        .into_iter()
        .enumerate()
    {
        let args = JobArgs {
            max_price_per_hour: price,
            max_duration: seconds,
            ..job_args(id as u64)
        };
        let opened = event!(world.open(&customer, args).expect("an open job"), JobOpened);
        assert_eq!(Some(opened.deposited), billing::deposit(price, seconds));
        assert_eq!(opened.deposited, (price * u64::from(seconds)).div_ceil(3_600));
        assert_eq!(world.balance(&pda::vault(&opened.job)), opened.deposited);
    }
}

#[test]
fn the_customer_may_pay_its_own_rent() {
    let mut world = World::new();
    let customer = world.customer();
    world
        .svm
        .airdrop(&customer.pubkey(), 1_000_000_000)
        .expect("an airdrop");
    let before = world.svm.get_balance(&customer.pubkey());
    let source = pda::associated_token(&customer.pubkey(), &world.usdc.mint, &world.usdc.token_program);
    let open = ix::open_job(&customer.pubkey(), &customer.pubkey(), world.usdc, &source, job_args(0));
    world.send(&[open], &[&customer]).expect("an open job");
    let job = pda::job(&customer.pubkey(), 0);
    assert_eq!(world.job(&job).rent_payer, customer.pubkey());
    world.cancel(&customer, &job).expect("a cancellation");
    // All but the rent of the customer account, which stays so that no id is used twice.
    let kept = world
        .svm
        .get_account(&pda::customer(&customer.pubkey()))
        .expect("the customer")
        .lamports;
    assert_eq!(
        world.svm.get_balance(&customer.pubkey()).map(|after| after + kept),
        before
    );
}

#[test]
fn jobs_that_ask_for_nonsense_are_refused() {
    let mut world = World::new();
    let customer = world.customer();
    type Spoil = fn(&mut JobArgs);
    let cases: [(&str, Spoil); 22] = [
        ("WrongJobId", |args| args.id = 1),
        ("PriceBelowMinimum", |args| args.max_price_per_hour = 999),
        ("PriceBelowMinimum", |args| args.max_price_per_hour = 0),
        ("InvalidDuration", |args| args.max_duration = 0),
        ("InvalidDuration", |args| args.max_duration = 30 * 24 * 3_600 + 1),
        ("InvalidStartDeadline", |args| args.start_deadline = 4),
        ("InvalidStartDeadline", |args| args.start_deadline = 601),
        ("InvalidStartDeadline", |args| args.start_deadline = 0),
        ("InvalidProofTimeout", |args| args.proof_timeout = 4),
        ("InvalidProofTimeout", |args| args.proof_timeout = 601),
        ("InvalidProofTimeout", |args| args.proof_timeout = u32::MAX),
        ("InvalidSpecHash", |args| args.spec_hash = [0; 32]),
        ("InvalidRequirements", |args| args.tier = 4),
        ("InvalidRequirements", |args| args.flags = 1 << 6),
        ("InvalidRequirements", |args| args.reputation_bps = 10_001),
        ("InvalidRequirements", |args| args.sla_uptime_bps = 10_001),
        ("InvalidRequirements", |args| args.countries[0] = *b"de"),
        ("InvalidRequirements", |args| args.countries[7] = *b"D\0"),
        ("InvalidRequirements", |args| args.countries[3] = [0xff; 2]),
        ("DepositTooLarge", |args| {
            (args.max_price_per_hour, args.max_duration) = (u64::MAX, 3_601)
        }),
        ("DepositTooLarge", |args| {
            (args.max_price_per_hour, args.max_duration) = (u64::MAX, 30 * 24 * 3_600)
        }),
        ("InvalidRequirements", |args| args.flags = u16::MAX),
    ];
    for (name, change) in cases {
        let mut args = job_args(0);
        change(&mut args);
        println!("{name}: {args:?}");
        world.market_refuses(name, |world| world.open(&customer, args));
    }
}

#[test]
fn jobs_at_the_bounds_are_opened() {
    let mut world = World::new();
    let customer = world.customer();
    let cases: [fn(&mut JobArgs); 6] = [
        |args| args.max_price_per_hour = 1_000,
        |args| args.max_duration = 1,
        |args| (args.max_price_per_hour, args.max_duration) = (1_000, terms().max_duration),
        |args| (args.start_deadline, args.proof_timeout) = (5, 5),
        |args| (args.start_deadline, args.proof_timeout) = (600, 600),
        |args| (args.tier, args.flags, args.reputation_bps, args.sla_uptime_bps) = (3, 63, 10_000, 10_000),
    ];
    for (id, change) in cases.into_iter().enumerate() {
        let mut args = job_args(id as u64);
        change(&mut args);
        world.open(&customer, args).expect("a job at its bounds");
    }
}

#[test]
fn a_pause_of_jobs_stops_new_ones_only() {
    let mut world = World::new();
    let (customer, listing, matcher) = (world.customer(), world.list_node(), world.wallet());
    let job = world.open_default(&customer);
    world.pause(1);
    world.market_refuses("Paused", |world| world.open(&customer, job_args(1)));
    world.assign(&matcher, &job, &listing.node).expect("an assignment");
}

#[test]
fn a_deposit_that_the_customer_does_not_have_is_refused() {
    let mut world = World::new();
    let customer = world.customer();
    let args = JobArgs {
        max_price_per_hour: 360_000_001,
        ..job_args(0)
    };
    // The token program's InsufficientFunds.
    world.runtime_refuses(InstructionError::Custom(1), |world| world.open(&customer, args));
    let args = JobArgs {
        max_price_per_hour: 360_000_000,
        ..job_args(0)
    };
    world
        .open(&customer, args)
        .expect("a job for everything that the customer has");
}

#[test]
fn nobody_opens_a_job_with_anothers_tokens() {
    let mut world = World::new();
    let (thief, victim) = (world.wallet(), world.customer());
    let source = pda::associated_token(&victim.pubkey(), &world.usdc.mint, &world.usdc.token_program);
    let payer = world.payer.pubkey();
    let open = ix::open_job(&thief.pubkey(), &payer, world.usdc, &source, job_args(0));
    // The token program's OwnerMismatch.
    world.runtime_refuses(InstructionError::Custom(4), |world| world.send(&[open], &[&thief]));
    // The victim's own job, but without its signature.
    let open = ix::open_job(&victim.pubkey(), &payer, world.usdc, &source, job_args(0));
    let mut unsigned = open;
    unsigned.accounts[0].is_signer = false;
    world.runtime_refuses(InstructionError::MissingRequiredSignature, |world| {
        world.send(&[unsigned], &[])
    });
}

#[test]
fn an_id_is_never_used_twice() {
    let mut world = World::new();
    let customer = world.customer();
    let job = world.open_default(&customer);
    let twice = world.unchanged(|world| world.open(&customer, job_args(0)));
    assert!(twice.is_err(), "a job over another");
    world.cancel(&customer, &job).expect("a cancellation");
    world.market_refuses("WrongJobId", |world| world.open(&customer, job_args(0)));
    world.market_refuses("WrongJobId", |world| world.open(&customer, job_args(2)));
    world.open(&customer, job_args(1)).expect("the next id");
}

#[test]
fn lamports_sent_ahead_to_a_jobs_addresses_block_nothing() {
    let mut world = World::new();
    let customer = world.customer();
    let job = pda::job(&customer.pubkey(), 0);
    for address in [job, pda::vault(&job), pda::customer(&customer.pubkey())] {
        world.svm.airdrop(&address, 3_000_000).expect("an airdrop");
    }
    world.open(&customer, job_args(0)).expect("an open job");
    assert_eq!(world.balance(&pda::vault(&job)), TOKEN);
    world.cancel(&customer, &job).expect("a cancellation");
}

#[test]
fn the_customer_cancels_an_open_job() {
    let mut world = World::new();
    let customer = world.customer();
    let job = world.open_default(&customer);
    let outcome = world.cancel(&customer, &job).expect("a cancellation");
    let cancelled = event!(outcome, JobCancelled);
    assert_eq!(
        (cancelled.job, cancelled.customer, cancelled.refunded),
        (job, customer.pubkey(), TOKEN)
    );
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 100 * TOKEN);
    let gone = |address| {
        world
            .svm
            .get_account(&address)
            .is_none_or(|account| account.lamports == 0)
    };
    assert!(gone(job) && gone(pda::vault(&job)));
    let counter: Customer = world.account(&pda::customer(&customer.pubkey())).expect("the customer");
    assert_eq!((counter.next_job_id, counter.open_jobs), (1, 0));
}

#[test]
fn a_stranger_cancels_only_after_the_open_timeout_and_only_to_the_customer() {
    let mut world = World::new();
    let (customer, stranger) = (world.customer(), world.wallet());
    let job = world.open_default(&customer);
    world.market_refuses("NotCustomer", |world| world.cancel(&stranger, &job));
    world.advance(OPEN_TIMEOUT - 1);
    world.market_refuses("NotCustomer", |world| world.cancel(&stranger, &job));
    world.advance(1);
    let owned = |owner: &Pubkey, world: &World| pda::associated_token(owner, &world.usdc.mint, &token::TOKEN_PROGRAM);
    let (right, stolen) = (owned(&customer.pubkey(), &world), owned(&stranger.pubkey(), &world));
    let theft = swapped(&world.cancel_instruction(&stranger.pubkey(), &job), &right, &stolen);
    world.market_refuses("WrongDestination", |world| world.send(&[theft], &[&stranger]));
    world.cancel(&stranger, &job).expect("a cancellation by anyone");
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 100 * TOKEN);
}

#[test]
fn a_refund_goes_to_an_account_of_the_customers_in_the_jobs_mint() {
    let mut world = World::new();
    let (customer, thief) = (world.customer(), world.wallet());
    let job = world.open_default(&customer);
    let cancel = world.cancel_instruction(&customer.pubkey(), &job);
    let right = pda::associated_token(&customer.pubkey(), &world.usdc.mint, &token::TOKEN_PROGRAM);
    let of_another_mint = world.token_account(&customer.pubkey(), world.stake);
    let of_a_thief = world.token_account(&thief.pubkey(), world.usdc);
    for wrong in [of_another_mint, of_a_thief] {
        let wrong = swapped(&cancel, &right, &wrong);
        world.market_refuses("WrongDestination", |world| world.send(&[wrong], &[&customer]));
    }
}

#[test]
fn only_an_open_job_is_cancelled() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.assigned();
    world.market_refuses("NotOpen", |world| world.cancel(&customer, &job));
    world.start(&job, &listing).expect("a start");
    world.market_refuses("NotOpen", |world| world.cancel(&customer, &job));
    world.advance(OPEN_TIMEOUT);
    let stranger = world.wallet();
    world.market_refuses("NotOpen", |world| world.cancel(&stranger, &job));
    world.stop(&customer, &job).expect("a stop");
    world.market_refuses("NotOpen", |world| world.cancel(&customer, &job));
}

#[test]
fn a_cancelled_job_cannot_be_cancelled_again() {
    let mut world = World::new();
    let customer = world.customer();
    let job = world.open_default(&customer);
    let cancel = world.cancel_instruction(&customer.pubkey(), &job);
    world
        .send(std::slice::from_ref(&cancel), &[&customer])
        .expect("a cancellation");
    let again = world.unchanged(|world| world.send(std::slice::from_ref(&cancel), &[&customer]));
    assert!(again.is_err(), "two refunds");
    // Twice in one transaction is refused whole.
    world.open(&customer, job_args(1)).expect("another job");
    let other = pda::job(&customer.pubkey(), 1);
    let cancel = world.cancel_instruction(&customer.pubkey(), &other);
    let both = world.unchanged(|world| world.send(&[cancel.clone(), cancel], &[&customer]));
    assert!(both.is_err(), "two refunds in one transaction");
}

#[test]
fn dust_in_the_vault_goes_to_the_treasury_when_a_job_is_cancelled() {
    let mut world = World::new();
    let customer = world.customer();
    let job = world.open_default(&customer);
    let source = pda::associated_token(&customer.pubkey(), &world.usdc.mint, &token::TOKEN_PROGRAM);
    let (mint, vault) = (world.usdc.mint, pda::vault(&job));
    let dust = token::transfer_checked(&source, &mint, &vault, &customer.pubkey(), 7, 6, &token::TOKEN_PROGRAM);
    world.send(&[dust], &[&customer]).expect("dust");
    let outcome = world.cancel(&customer, &job).expect("a cancellation");
    assert_eq!(event!(outcome, JobCancelled).refunded, TOKEN);
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 100 * TOKEN - 7);
    assert_eq!(world.balance_of(&world.authority.pubkey(), world.usdc), 7);
}

#[test]
fn the_owner_of_the_treasury_can_be_a_customer_too() {
    let mut world = World::new();
    let customer = world.authority.insecure_clone();
    world.fund(&customer.pubkey(), world.usdc, 100 * TOKEN);
    let job = world.open_default(&customer);
    world
        .cancel(&customer, &job)
        .expect("a refund to the treasury's own account");
    assert_eq!(world.balance_of(&customer.pubkey(), world.usdc), 100 * TOKEN);
}

#[test]
fn opening_and_cancelling_withstand_forged_accounts() {
    let mut world = World::new();
    let customer = world.customer();
    let source = pda::associated_token(&customer.pubkey(), &world.usdc.mint, &token::TOKEN_PROGRAM);
    let open = world.open_instruction(&customer, job_args(0));
    world.guarded(&open, &[&customer], &[source]);
    let job = pda::job(&customer.pubkey(), 0);
    let cancel = world.cancel_instruction(&customer.pubkey(), &job);
    world.guarded(&cancel, &[&customer], &[source]);
}
