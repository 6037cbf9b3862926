//! Setting the market up: its terms, and the mints that jobs are paid in.

use gantry_sdk::{
    Instruction, Keypair, Pubkey, Signer,
    core::receipt::ReceiptStatus,
    ix::{self, MintRef, TermsArgs, token},
    market::accounts::{MarketParams, PaymentMint},
    pda,
    registry::accounts::Network,
};
use gantry_tests::{
    event,
    world::{DISPUTE_WINDOW, GENESIS_HASH, Outcome, Refusal, TOKEN, World, job_args, staking_rules, swapped, terms},
};
use solana_instruction::{AccountMeta, error::InstructionError};

/// A world in which only the market is missing.
fn before_the_market() -> World {
    let mut world = World::bare();
    world.initialize_network().expect("the network");
    world.initialize_staking().expect("staking");
    world
}

#[test]
fn the_market_is_created_with_its_terms() {
    let mut world = before_the_market();
    let outcome = world.initialize_market(terms()).expect("the market");
    assert_eq!(event!(outcome, MarketInitialized).genesis_hash, GENESIS_HASH);
    let params: MarketParams = world.account(&pda::market_params()).expect("the params");
    assert_eq!(params.genesis_hash, GENESIS_HASH);
    assert_eq!(params.rent_payer, world.payer.pubkey());
    let (set, wanted) = (&params.terms, terms());
    assert_eq!(
        (set.dispute_bond, set.bond_ratio_bps, set.dispute_window),
        (wanted.dispute_bond, wanted.bond_ratio_bps, wanted.dispute_window)
    );
    assert_eq!(
        (
            set.min_start_deadline,
            set.max_start_deadline,
            set.min_proof_timeout,
            set.max_proof_timeout
        ),
        (5, 600, 5, 600)
    );
    assert_eq!(
        (set.arbitration_timeout, set.max_duration, set.open_timeout),
        (wanted.arbitration_timeout, wanted.max_duration, wanted.open_timeout)
    );
    assert_eq!((set.fee_bps, set.matcher_fee_bps), (200, 50));
    let steps = set.sla.map(|step| (step.shortfall_bps, step.credit_bps));
    assert_eq!(steps, [(100, 1_000), (500, 2_500), (1_000, 5_000)]);
    assert_eq!(params.terms_change_at, 0);
}

#[test]
fn the_market_is_created_once() {
    let mut world = World::new();
    let result = world.unchanged(|world| world.initialize_market(terms()));
    assert!(result.is_err(), "a second market");
}

#[test]
fn only_the_networks_authority_creates_the_market() {
    let mut world = before_the_market();
    let (stranger, authority) = (Keypair::new(), world.authority.pubkey());
    let create = ix::initialize_market(&authority, &world.payer.pubkey(), GENESIS_HASH, terms());
    world.market_refuses("NotNetworkAuthority", |world| {
        world.send(&[swapped(&create, &authority, &stranger.pubkey())], &[&stranger])
    });
}

#[test]
fn a_network_that_trusts_another_market_is_refused() {
    let mut world = World::bare();
    let mut args = world.network_args();
    args.market_authority = Keypair::new().pubkey();
    let network = ix::initialize_network(&world.payer.pubkey(), args);
    world.send(&[network], &[]).expect("the network");
    world.initialize_staking().expect("staking");
    world.market_refuses("WrongAccount", |world| world.initialize_market(terms()));
}

#[test]
fn terms_out_of_bounds_are_refused() {
    let mut world = before_the_market();
    type Spoil = fn(&mut TermsArgs);
    let cases: [(&str, Spoil); 18] = [
        ("least start deadline zero", |terms| terms.min_start_deadline = 0),
        ("start deadlines the wrong way round", |terms| {
            terms.min_start_deadline = 601
        }),
        ("least proof timeout zero", |terms| terms.min_proof_timeout = 0),
        ("proof timeouts the wrong way round", |terms| {
            terms.min_proof_timeout = 601
        }),
        ("no bond", |terms| terms.bond_ratio_bps = 0),
        ("no dispute window", |terms| terms.dispute_window = 0),
        ("no arbitration", |terms| terms.arbitration_timeout = 0),
        ("no duration", |terms| terms.max_duration = 0),
        ("no open timeout", |terms| terms.open_timeout = 0),
        ("more than a year to start", |terms| {
            terms.max_start_deadline = 365 * 86_400 + 1
        }),
        ("more than a year to run", |terms| terms.max_duration = 365 * 86_400 + 1),
        ("more than a year to wait", |terms| {
            terms.open_timeout = 365 * 86_400 + 1
        }),
        ("shares beyond a whole", |terms| {
            (terms.fee_bps, terms.matcher_fee_bps) = (9_951, 50)
        }),
        ("shares that would wrap", |terms| {
            (terms.fee_bps, terms.matcher_fee_bps) = (u16::MAX, 1)
        }),
        ("a credit beyond the bill", |terms| terms.sla[2].credit_bps = 10_001),
        ("a credit without a shortfall", |terms| terms.sla[0].shortfall_bps = 0),
        ("a shortfall beyond a whole", |terms| {
            terms.sla[1].shortfall_bps = 10_001
        }),
        ("a last step without a shortfall", |terms| {
            terms.sla[2].shortfall_bps = 0
        }),
    ];
    for (what, change) in cases {
        let mut wrong = terms();
        change(&mut wrong);
        println!("{what}");
        world.market_refuses("InvalidTerms", |world| world.initialize_market(wrong));
    }
    let mut widest = terms();
    (widest.fee_bps, widest.matcher_fee_bps) = (9_950, 50);
    (widest.min_start_deadline, widest.min_proof_timeout) = (600, 600);
    widest.sla[2].credit_bps = 10_000;
    (widest.max_start_deadline, widest.max_duration, widest.open_timeout) = (365 * 86_400, 365 * 86_400, 365 * 86_400);
    world.initialize_market(widest).expect("terms at their bounds");
}

#[test]
fn stake_must_not_leave_before_a_job_is_judged() {
    let mut world = before_the_market();
    // Dispute window 60, longest proof timeout 600, and arbitration.
    let arbitration = staking_rules().unbonding_seconds - 660;
    let with = |arbitration_timeout| TermsArgs {
        arbitration_timeout,
        ..terms()
    };
    world.market_refuses("UnbondingTooShort", |world| {
        world.initialize_market(with(arbitration + 1))
    });
    world.market_refuses("UnbondingTooShort", |world| world.initialize_market(with(u32::MAX)));
    world.initialize_market(with(arbitration)).expect("just long enough");
}

#[test]
fn a_dispute_must_not_outlast_the_council_that_judges_it() {
    let mut world = before_the_market();
    let timelock = 100;
    world.amend(&pda::network(), |network: &mut Network| {
        network.timelock_seconds = timelock;
    });
    let with = |arbitration_timeout| TermsArgs {
        arbitration_timeout,
        ..terms()
    };
    world.market_refuses("TimelockTooShort", |world| world.initialize_market(with(timelock + 1)));
    world.initialize_market(with(timelock)).expect("just short enough");
    world.market_refuses("TimelockTooShort", |world| world.propose_terms(with(timelock + 1)));
}

#[test]
fn an_enabled_mint_is_recorded() {
    let mut world = before_the_market();
    world.initialize_market(terms()).expect("the market");
    let outcome = world.enable_mint(world.usdc).expect("the mint");
    let enabled = event!(outcome, MintEnabled);
    assert_eq!(
        (enabled.mint, enabled.minimum_price, enabled.stake_rate),
        (world.usdc.mint, 1_000, 1 << 32)
    );
    let mint: PaymentMint = world.account(&pda::payment_mint(&world.usdc.mint)).expect("the mint");
    assert_eq!(
        (mint.mint, mint.token_program),
        (world.usdc.mint, world.usdc.token_program)
    );
    assert_eq!(
        (mint.enabled, mint.decimals, mint.minimum_price, mint.stake_rate),
        (1, 6, 1_000, 1 << 32)
    );
    let treasury = pda::associated_token(&world.authority.pubkey(), &world.usdc.mint, &world.usdc.token_program);
    assert_eq!((mint.treasury, mint.rent_payer), (treasury, world.payer.pubkey()));
    let again = world.unchanged(|world| world.enable_mint(world.usdc));
    assert!(again.is_err(), "a mint enabled twice");
}

#[test]
fn only_the_networks_authority_enables_a_mint_and_only_with_a_stake_rate() {
    let mut world = World::new();
    let (stranger, authority) = (Keypair::new(), world.authority.insecure_clone());
    let (mint, payer) = (world.stake, world.payer.pubkey());
    let treasury = world.token_account(&authority.pubkey(), mint);
    let with_rate = |rate| ix::enable_mint(&authority.pubkey(), &payer, mint, &treasury, 1, rate);
    world.market_refuses("NotNetworkAuthority", |world| {
        let enable = swapped(&with_rate(1), &authority.pubkey(), &stranger.pubkey());
        world.send(&[enable], &[&stranger])
    });
    world.market_refuses("InvalidStakeRate", |world| world.send(&[with_rate(0)], &[&authority]));
    world
        .send(&[with_rate(1)], &[&authority])
        .expect("the least stake rate");
}

#[test]
fn the_treasury_is_a_token_account_of_that_mint() {
    let mut world = World::new();
    let authority = world.authority.insecure_clone();
    let right = world.token_account(&authority.pubkey(), world.stake);
    let enable = ix::enable_mint(&authority.pubkey(), &world.payer.pubkey(), world.stake, &right, 1, 1);
    let of_another_mint = world.token_account(&authority.pubkey(), world.usdc);
    for wrong in [of_another_mint, world.stake.mint, authority.pubkey()] {
        let result = world.unchanged(|world| world.send(&[swapped(&enable, &right, &wrong)], &[&authority]));
        assert!(result.is_err(), "a treasury that could not be paid");
    }
    let other_program = swapped(&enable, &token::TOKEN_PROGRAM, &token::TOKEN_2022_PROGRAM);
    let result = world.unchanged(|world| world.send(&[other_program], &[&authority]));
    assert!(result.is_err(), "a token program that does not own the mint");
}

/// A Token-2022 mint of `length` bytes that `extension` (an instruction of the token program) prepares.
fn mint_2022(world: &mut World, length: u64, extension: Option<Vec<u8>>) -> MintRef {
    let (mint, payer, authority) = (Keypair::new(), world.payer.pubkey(), world.authority.pubkey());
    let rent = world.svm.minimum_balance_for_rent_exemption(length as usize);
    let program = token::TOKEN_2022_PROGRAM;
    let [mut create, initialize] = token::create_mint(&payer, &mint.pubkey(), &authority, 6, rent, &program);
    // After the tag (4) and the lamports (8).
    create.data[12..20].copy_from_slice(&length.to_le_bytes());
    let extension = extension.map(|data| Instruction {
        program_id: program,
        accounts: vec![AccountMeta::new(mint.pubkey(), false)],
        data,
    });
    let instructions: Vec<_> = [create].into_iter().chain(extension).chain([initialize]).collect();
    world.send(&instructions, &[&mint]).expect("a Token-2022 mint");
    MintRef {
        mint: mint.pubkey(),
        token_program: program,
    }
}

/// Enables `mint`, whose treasury's account exists by then; asserts that nothing changes.
fn try_enabling(world: &mut World, mint: MintRef) -> Result<Outcome, Refusal> {
    let authority = world.authority.insecure_clone();
    let treasury = world.token_account(&authority.pubkey(), mint);
    let enable = ix::enable_mint(
        &authority.pubkey(),
        &world.payer.pubkey(),
        mint,
        &treasury,
        1_000,
        1 << 32,
    );
    world.unchanged(|world| world.send(&[enable], &[&authority]))
}

#[test]
fn mints_that_could_take_or_trap_money_are_refused() {
    let mut world = World::new();
    let key = [9; 32];
    let data = |parts: &[&[u8]]| Some(parts.concat());
    let cases = [
        ("transfer fee", 278, data(&[&[26, 0, 0, 0], &[100, 0], &[0xff; 8]])),
        ("default state", 171, data(&[&[28, 0, 1]])),
        ("non-transferable", 170, data(&[&[32]])),
        ("permanent delegate", 202, data(&[&[35], &key])),
        ("transfer hook", 234, data(&[&[36, 0], &key, &key])),
        ("pausable", 203, data(&[&[44, 0], &key])),
    ];
    for (what, length, extension) in cases {
        println!("{what}");
        let mint = mint_2022(&mut world, length, extension);
        gantry_tests::world::assert_refused(try_enabling(&mut world, mint), "market", "UnsupportedMintExtension");
    }
}

#[test]
fn mints_with_harmless_extensions_are_admitted() {
    let mut world = World::new();
    let key = [9; 32];
    let cases = [
        ("none", 82, None),
        ("metadata pointer", 234, Some([&[39, 0][..], &key, &key].concat())),
        ("interest display", 222, Some([&[33, 0][..], &key, &[5, 0]].concat())),
        ("group pointer", 234, Some([&[40, 0][..], &key, &key].concat())),
    ];
    for (what, length, extension) in cases {
        println!("{what}");
        let mint = mint_2022(&mut world, length, extension);
        world.enable_mint(mint).expect("a mint that jobs can be paid in");
    }
}

#[test]
fn a_job_is_paid_in_a_token_2022_mint() {
    let mut world = World::new();
    let mint = mint_2022(&mut world, 234, Some([&[39, 0][..], &[9; 32], &[9; 32]].concat()));
    world.enable_mint(mint).expect("the mint");
    world.usdc = mint;
    let (job, customer, listing, matcher) = world.completed();
    world.advance(DISPUTE_WINDOW);
    world.settle(&job).expect("a settlement");
    assert_eq!(world.balance_of(&listing.wallet.pubkey(), mint), 48_750);
    assert_eq!(world.balance_of(&matcher.pubkey(), mint), 250);
    assert_eq!(world.balance_of(&world.authority.pubkey(), mint), 1_000);
    assert_eq!(world.balance_of(&customer.pubkey(), mint), 100 * TOKEN - 50_000);
}

#[test]
fn a_mint_that_is_not_enabled_pays_no_job() {
    let mut world = World::new();
    let customer = world.customer();
    let source = world.fund(&customer.pubkey(), world.stake, 100 * TOKEN);
    let open = ix::open_job(
        &customer.pubkey(),
        &world.payer.pubkey(),
        world.stake,
        &source,
        job_args(0),
    );
    world.runtime_refuses(InstructionError::UninitializedAccount, |world| {
        world.send(&[open], &[&customer])
    });
    // Not with another mint's account either.
    let wrong = swapped(
        &ix::open_job(
            &customer.pubkey(),
            &world.payer.pubkey(),
            world.stake,
            &source,
            job_args(0),
        ),
        &pda::payment_mint(&world.stake.mint),
        &pda::payment_mint(&world.usdc.mint),
    );
    world.runtime_refuses(InstructionError::InvalidSeeds, |world| {
        world.send(&[wrong], &[&customer])
    });
}

#[test]
fn a_disabled_mint_takes_no_new_job_and_pays_the_running_ones() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.running();
    let address = pda::payment_mint(&world.usdc.mint);
    world.amend(&address, |mint: &mut PaymentMint| mint.enabled = 0);
    world.market_refuses("MintDisabled", |world| world.open(&customer, job_args(1)));
    world.advance(100);
    world
        .finish(&job, &listing, 1, 100, ReceiptStatus::Completed)
        .expect("a final proof");
    world.advance(DISPUTE_WINDOW);
    world.settle(&job).expect("a settlement");
    assert_eq!(world.balance_of(&listing.wallet.pubkey(), world.usdc), 48_750);
}

#[test]
fn setting_up_withstands_forged_accounts() {
    let mut world = before_the_market();
    let (authority, payer) = (world.authority.insecure_clone(), world.payer.pubkey());
    let create = ix::initialize_market(&authority.pubkey(), &payer, GENESIS_HASH, terms());
    world.guarded(&create, &[&authority], &[]);
    let treasury: Pubkey = world.token_account(&authority.pubkey(), world.usdc);
    let enable = ix::enable_mint(&authority.pubkey(), &payer, world.usdc, &treasury, 1_000, 1 << 32);
    // Any mint and any token account in it will do.
    world.guarded(&enable, &[&authority], &[treasury]);
}
