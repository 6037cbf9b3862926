//! How staking and its pools begin, and how commissions change.

use gantry_sdk::{
    Keypair, Pubkey, Signer,
    core::receipt::ReceiptStatus,
    ix::{self, StakingRules, token::TOKEN_2022_PROGRAM},
    pda,
    staking::accounts::{Pool, StakingParams},
};
use gantry_tests::{
    event,
    world::{DISPUTE_WINDOW, TOKEN, World, staking_rules, swapped, unsigned},
};
use solana_instruction::error::InstructionError;

const YEAR: u32 = 365 * 24 * 3_600;

fn with_network() -> World {
    let mut world = World::bare();
    world.initialize_network().expect("the network");
    world
}

/// A Token-2022 mint of the world's authority with one extension, written as that program would have it.
fn extended_mint(world: &mut World, kind: u16, length: u16) -> Pubkey {
    let like = world.stake.mint;
    let address = world.forge(&like, Some(TOKEN_2022_PROGRAM));
    let mut account = world.svm.get_account(&address).expect("a mint");
    account.data.resize(165, 0);
    account.data.push(1);
    account.data.extend(kind.to_le_bytes());
    account.data.extend(length.to_le_bytes());
    account.data.resize(account.data.len() + usize::from(length), 0);
    account.lamports = world.svm.minimum_balance_for_rent_exemption(account.data.len());
    world.svm.set_account(address, account).expect("a mint");
    address
}

#[test]
fn the_networks_authority_sets_staking_up() {
    let mut world = with_network();
    let authority = world.authority.insecure_clone();
    let initialize = world.staking_instruction(staking_rules());
    let treasury = pda::associated_token(&authority.pubkey(), &world.stake.mint, &world.stake.token_program);
    // Whoever sets staking up chooses the treasury and the mint.
    let outcome = world.guarded(&initialize, &[&authority], &[treasury, world.stake.mint]);
    let event = event!(outcome, StakingInitialized);
    assert_eq!(
        (event.stake_mint, event.treasury, event.unbonding_seconds),
        (world.stake.mint, treasury, 2_000)
    );
    let params: StakingParams = world.account(&pda::staking_params()).expect("the rules");
    assert_eq!((params.stake_mint, params.treasury), (world.stake.mint, treasury));
    assert_eq!(params.token_program, world.stake.token_program);
    assert_eq!(
        (params.minimum_pool_stake, params.minimum_position_stake),
        (100 * TOKEN, TOKEN)
    );
    assert_eq!(
        (params.unbonding_seconds, params.commission_notice_seconds),
        (2_000, 3_600)
    );
    assert_eq!((params.slash_customer_bps, params.slash_reporter_bps), (5_000, 1_000));
    assert_eq!(params.rent_payer, world.payer.pubkey());
    world.rejects(&initialize, &[&authority], InstructionError::Custom(0));
}

#[test]
fn nobody_else_sets_staking_up() {
    let mut world = with_network();
    let initialize = world.staking_instruction(staking_rules());
    let authority = world.authority.pubkey();
    for key in [&world.guardian.insecure_clone(), &Keypair::new()] {
        let theft = swapped(&initialize, &authority, &key.pubkey());
        world.refuses(&theft, &[key], "staking", "NotNetworkAuthority");
    }
    let unsigned = unsigned(&initialize, &authority);
    world.rejects(&unsigned, &[], InstructionError::MissingRequiredSignature);
}

#[test]
fn rules_out_of_range_are_refused() {
    let mut world = with_network();
    let authority = world.authority.insecure_clone();
    let rules = staking_rules();
    let duration = |unbonding_seconds, commission_notice_seconds| StakingRules {
        unbonding_seconds,
        commission_notice_seconds,
        ..rules
    };
    let minimum = |minimum_pool_stake, minimum_position_stake| StakingRules {
        minimum_pool_stake,
        minimum_position_stake,
        ..rules
    };
    let split = |slash_customer_bps, slash_reporter_bps| StakingRules {
        slash_customer_bps,
        slash_reporter_bps,
        ..rules
    };
    let refused = [
        (duration(0, 0), "InvalidDuration"),
        (duration(YEAR + 1, 0), "InvalidDuration"),
        (duration(u32::MAX, 0), "InvalidDuration"),
        (duration(1, YEAR + 1), "InvalidDuration"),
        (minimum(0, 1), "InvalidMinimum"),
        (minimum(1, 0), "InvalidMinimum"),
        (split(10_001, 0), "InvalidSlashSplit"),
        (split(0, 10_001), "InvalidSlashSplit"),
        (split(5_001, 5_000), "InvalidSlashSplit"),
        (split(u16::MAX, 1), "InvalidSlashSplit"),
    ];
    for (rules, name) in refused {
        let initialize = world.staking_instruction(rules);
        world.refuses(&initialize, &[&authority], "staking", name);
    }
    for rules in [duration(1, 0), duration(YEAR, YEAR), minimum(1, 1), split(5_000, 5_000)] {
        let mut world = with_network();
        let authority = world.authority.insecure_clone();
        let initialize = world.staking_instruction(rules);
        world.send(&[initialize], &[&authority]).expect("rules in range");
    }
}

#[test]
fn the_treasury_is_a_token_account_of_the_stake_mint() {
    let mut world = with_network();
    let authority = world.authority.insecure_clone();
    let initialize = world.staking_instruction(staking_rules());
    let treasury = pda::associated_token(&authority.pubkey(), &world.stake.mint, &world.stake.token_program);
    let other = world.token_account(&authority.pubkey(), world.usdc);
    for wrong in [other, world.stake.mint, authority.pubkey()] {
        let before = world.state();
        let result = world.send(&[swapped(&initialize, &treasury, &wrong)], &[&authority]);
        assert!(result.is_err());
        assert!(before == world.state());
    }
}

#[test]
fn a_stake_mint_has_no_extension_that_could_take_tax_or_stop_a_payment() {
    let mut world = with_network();
    let authority = world.authority.insecure_clone();
    let initialize = world.staking_instruction(staking_rules());
    let treasury = pda::associated_token(&authority.pubkey(), &world.stake.mint, &world.stake.token_program);
    // Transfer fee, close authority, confidential, frozen by default, non-transferable, permanent delegate, hook,
    // pausable and one that does not exist: with the lengths that Token-2022 gives them.
    for (kind, length) in [
        (1, 108),
        (3, 32),
        (4, 65),
        (6, 1),
        (9, 0),
        (12, 32),
        (14, 64),
        (26, 33),
        (999, 8),
    ] {
        let mint = extended_mint(&mut world, kind, length);
        // Some of these mints would not let the account be made: it is written as it would be.
        let account = world.forge(&treasury, Some(TOKEN_2022_PROGRAM));
        let mut data = world.svm.get_account(&account).expect("a token account");
        data.data[..32].copy_from_slice(mint.as_ref());
        world.svm.set_account(account, data).expect("a token account");
        let extended = swapped(&initialize, &world.stake.mint, &mint);
        let extended = swapped(&extended, &treasury, &account);
        let extended = swapped(&extended, &world.stake.token_program, &TOKEN_2022_PROGRAM);
        world.refuses(&extended, &[&authority], "staking", "UnsupportedMint");
    }
}

#[test]
fn stake_is_kept_in_a_token_2022_mint_with_metadata() {
    let mut world = with_network();
    world.stake.mint = extended_mint(&mut world, 18, 64);
    world.stake.token_program = TOKEN_2022_PROGRAM;
    world.initialize_staking().expect("staking");
    let listing = world.list_node();
    let pool = world.pool(&listing.pool);
    assert_eq!(
        (pool.active, pool.active_shares),
        (1_000 * TOKEN, 1_000 * u128::from(TOKEN))
    );
    assert_eq!(world.balance(&pda::stake_vault(&listing.pool)), 1_000 * TOKEN);
    world
        .unstake(&listing.pool, &listing.wallet, 10 * u128::from(TOKEN))
        .expect("a request");
    world.advance(world.unbonding_seconds());
    let withdraw = world.withdraw_instruction(&listing.pool, &listing.wallet);
    world.send(&[withdraw], &[&listing.wallet]).expect("a withdrawal");
    assert_eq!(world.balance_of(&listing.wallet.pubkey(), world.stake), 10 * TOKEN);
}

#[test]
fn a_provider_creates_its_pool_once() {
    let mut world = World::new();
    let wallet = Keypair::new();
    let (owner, payer) = (wallet.pubkey(), world.payer.pubkey());
    let register = ix::register_provider(&owner, &payer, &owner, [0; 32]);
    world.send(&[register], &[&wallet]).expect("a provider");
    let create = ix::create_pool(&owner, &payer, world.stake, world.usdc, 2_000);
    // The provider chooses the mint of the revenue.
    let outcome = world.guarded(&create, &[&wallet], &[world.usdc.mint]);
    let (provider, address) = (pda::provider(&owner), pda::pool(&pda::provider(&owner)));
    let event = event!(outcome, PoolCreated);
    assert_eq!((event.pool, event.provider), (address, provider));
    assert_eq!((event.reward_mint, event.commission_bps), (world.usdc.mint, 2_000));

    let pool: Pool = world.account(&address).expect("a pool");
    assert_eq!((pool.provider, pool.reward_mint), (provider, world.usdc.mint));
    assert_eq!(
        (pool.reward_token_program, pool.rent_payer),
        (world.usdc.token_program, payer)
    );
    assert_eq!((pool.active, pool.unbonding, pool.bonded, pool.positions), (0, 0, 0, 0));
    assert_eq!((pool.commission_bps, pool.commission_change_at), (2_000, 0));
    for (vault, mint) in [
        (pda::stake_vault(&address), world.stake.mint),
        (pda::reward_vault(&address), world.usdc.mint),
    ] {
        let account = world.svm.get_account(&vault).expect("a vault");
        assert_eq!(
            (&account.data[..32], &account.data[32..64]),
            (mint.as_ref(), address.as_ref())
        );
    }
    world.rejects(&create, &[&wallet], InstructionError::Custom(0));
}

#[test]
fn a_pool_is_its_providers_to_create_and_in_the_mints_it_must_be_in() {
    let mut world = World::new();
    let wallet = Keypair::new();
    let (owner, payer) = (wallet.pubkey(), world.payer.pubkey());
    let register = ix::register_provider(&owner, &payer, &owner, [0; 32]);
    world.send(&[register], &[&wallet]).expect("a provider");
    let create = ix::create_pool(&owner, &payer, world.stake, world.usdc, 2_000);

    for thief in [world.list_node().wallet, world.authority.insecure_clone()] {
        let theft = swapped(&create, &owner, &thief.pubkey());
        world.refuses(&theft, &[&thief], "staking", "NotProviderAuthority");
    }
    let theft = unsigned(&create, &owner);
    world.rejects(&theft, &[], InstructionError::MissingRequiredSignature);

    let wrong_mint = ix::create_pool(&owner, &payer, world.usdc, world.usdc, 2_000);
    world.refuses(&wrong_mint, &[&wallet], "staking", "WrongMint");
    let wrong_program = swapped(&create, &world.stake.token_program, &TOKEN_2022_PROGRAM);
    world.refuses(&wrong_program, &[&wallet], "staking", "WrongTokenProgram");
    for commission in [10_001, u16::MAX] {
        let greedy = ix::create_pool(&owner, &payer, world.stake, world.usdc, commission);
        world.refuses(&greedy, &[&wallet], "staking", "InvalidCommission");
    }
    let all = ix::create_pool(&owner, &payer, world.stake, world.usdc, 10_000);
    world.send(&[all], &[&wallet]).expect("a pool that shares nothing");
}

#[test]
fn lamports_sent_ahead_of_time_block_neither_rules_nor_pool_nor_vaults() {
    let mut world = with_network();
    let wallet = Keypair::new();
    let (owner, payer) = (wallet.pubkey(), world.payer.pubkey());
    let pool = pda::pool(&pda::provider(&owner));
    world.send_lamports(&[
        pda::staking_params(),
        pool,
        pda::stake_vault(&pool),
        pda::reward_vault(&pool),
    ]);
    world.initialize_staking().expect("staking");
    let create = [
        ix::register_provider(&owner, &payer, &owner, [0; 32]),
        ix::create_pool(&owner, &payer, world.stake, world.usdc, 2_000),
    ];
    world.send(&create, &[&wallet]).expect("a pool");
    let staker = world.staker(&pool, 10 * TOKEN);
    assert_eq!(world.position(&pool, &staker).shares, 10 * u128::from(TOKEN));
}

#[test]
fn a_commission_falls_at_once_and_rises_with_notice() {
    let (mut world, _) = World::with_market_key();
    let (wallet, pool) = world.empty_pool(5_000);
    let mut set = |bps: u16| {
        let set = ix::set_commission(&wallet.pubkey(), bps);
        let outcome = world.guarded(&set, &[&wallet], &[]);
        let event = event!(outcome, CommissionChanged);
        let account = world.pool(&pool);
        assert_eq!(event.pool, pool);
        assert_eq!(
            (event.commission_bps, event.pending_commission_bps, event.change_at),
            (
                account.commission_bps,
                account.pending_commission_bps,
                account.commission_change_at
            )
        );
        let now = world.now();
        world.advance(100);
        (
            account.commission_bps,
            account.pending_commission_bps,
            match account.commission_change_at {
                0 => 0,
                at => at - now,
            },
        )
    };
    assert_eq!(set(4_000), (4_000, 4_000, 0));
    assert_eq!(set(6_000), (4_000, 6_000, 3_600));
    // A new word replaces the announcement and starts its notice afresh.
    assert_eq!(set(7_000), (4_000, 7_000, 3_600));
    // Lowering takes the announcement back.
    assert_eq!(set(3_000), (3_000, 3_000, 0));
    assert_eq!(set(3_000), (3_000, 3_000, 0));
    assert_eq!(set(10_000), (3_000, 10_000, 3_600));
    world.advance(3_500);
    let set = ix::set_commission(&wallet.pubkey(), 9_000);
    world.send(&[set], &[&wallet]).expect("a lower commission");
    let account = world.pool(&pool);
    assert_eq!(
        (account.commission_bps, account.commission_change_at),
        (9_000, 0),
        "the raise was in force: 9,000 is lower"
    );
}

#[test]
fn a_commission_is_its_providers_to_set_and_at_most_the_whole() {
    let mut world = World::new();
    let (listing, other) = (world.list_node(), world.list_node());
    let set = ix::set_commission(&listing.wallet.pubkey(), 0);
    for thief in [&other.wallet, &listing.node_key] {
        let theft = swapped(&set, &listing.wallet.pubkey(), &thief.pubkey());
        world.refuses(&theft, &[thief], "staking", "NotProviderAuthority");
    }
    let theft = swapped(
        &ix::set_commission(&other.wallet.pubkey(), 0),
        &other.pool,
        &listing.pool,
    );
    world.rejects(&theft, &[&other.wallet], InstructionError::InvalidSeeds);
    for bps in [10_001, u16::MAX] {
        let greedy = ix::set_commission(&listing.wallet.pubkey(), bps);
        world.refuses(&greedy, &[&listing.wallet], "staking", "InvalidCommission");
    }
}

#[test]
fn revenue_is_shared_by_the_commission_in_force() {
    let mut world = World::new();
    let (customer, matcher) = (world.customer(), world.wallet());
    let listing = world.list_node_with(world.node_args(), 2_000);
    let earn = |world: &mut World| {
        let job = world.open_default(&customer);
        world.assign(&matcher, &job, &listing.node).expect("an assignment");
        world.start(&job, &listing).expect("a start");
        world.advance(100);
        world
            .finish(&job, &listing, 1, 100, ReceiptStatus::Completed)
            .expect("a final proof");
        world.advance(DISPUTE_WINDOW);
        let outcome = world.settle(&job).expect("a settlement");
        let event = event!(outcome, JobSettled);
        (event.to_provider, event.to_delegators)
    };
    // 48,750 each time, after the fees.
    assert_eq!(earn(&mut world), (9_750, 39_000));
    let raise = ix::set_commission(&listing.wallet.pubkey(), 6_000);
    world.send(&[raise], &[&listing.wallet]).expect("an announcement");
    assert_eq!(earn(&mut world), (9_750, 39_000), "under notice");
    world.advance(3_600 - 160 - 160);
    assert_eq!(earn(&mut world), (29_250, 19_500), "in force from the second on");
    let lower = ix::set_commission(&listing.wallet.pubkey(), 0);
    world.send(&[lower], &[&listing.wallet]).expect("a lower commission");
    assert_eq!(earn(&mut world), (0, 48_750));
}
