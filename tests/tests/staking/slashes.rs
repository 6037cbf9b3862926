//! Slashes: who bears them, who gets them, and what is left of a pool.

use gantry_sdk::{Instruction, Keypair, Pubkey, Signer, ix, pda, staking::accounts::Pool};
use gantry_tests::{
    event,
    world::{
        TOKEN, World,
        market_side::{bond, deposit_rewards, slash},
        swapped,
    },
};
use solana_instruction::error::InstructionError;

const SHARE: u128 = TOKEN as u128;

/// A pool with 1,000 tokens of its provider, and the customer's and the reporter's token accounts.
struct Scene {
    world: World,
    market: Keypair,
    provider: Keypair,
    pool: Pubkey,
    customer: Pubkey,
    reporter: Pubkey,
}

fn scene() -> Scene {
    let (mut world, market) = World::with_market_key();
    let (provider, pool) = world.empty_pool(0);
    world.stake_in(&pool, &provider, 1_000 * TOKEN).expect("a stake");
    let mut account = || world.token_account(&Keypair::new().pubkey(), world.stake);
    let (customer, reporter) = (account(), account());
    Scene {
        world,
        market,
        provider,
        pool,
        customer,
        reporter,
    }
}

impl Scene {
    fn slash(&self, bond: u64, amount: u64) -> Instruction {
        let tokens = self.world.stake_tokens();
        slash(
            &self.market.pubkey(),
            &self.pool,
            tokens,
            &self.customer,
            &self.reporter,
            (bond, amount),
        )
    }

    fn bond(&mut self, amount: u64) {
        let bond = bond(&self.market.pubkey(), &self.pool, amount);
        self.world.send(&[bond], &[&self.market]).expect("a bond");
    }

    /// Bonds and slashes everything that is active.
    fn wipe(&mut self) {
        let active = self.world.pool(&self.pool).active;
        self.bond(active);
        let slash = self.slash(active, active);
        self.world.send(&[slash], &[&self.market]).expect("a slash");
    }

    #[track_caller]
    fn refuses(&mut self, instruction: &Instruction, name: &str) {
        self.world.refuses(instruction, &[&self.market], "staking", name);
    }

    fn treasury(&self) -> u64 {
        self.world.balance(&self.world.stake_tokens().treasury)
    }
}

#[test]
fn a_slash_is_divided_among_customer_reporter_and_treasury() {
    let mut scene = scene();
    scene.bond(200 * TOKEN);
    let slash = scene.slash(200 * TOKEN, 100 * TOKEN + 1);
    let unchecked = [scene.customer, scene.reporter];
    let outcome = scene.world.guarded_but(&slash, &[&scene.market], &[], &unchecked);
    let event = event!(outcome, Slashed);
    assert_eq!(
        (event.pool, event.bond, event.amount),
        (scene.pool, 200 * TOKEN, 100 * TOKEN + 1)
    );
    assert_eq!((event.from_active, event.from_unbonding), (100 * TOKEN + 1, 0));
    // Half and a tenth, rounded down; the treasury gets the rest.
    assert_eq!(
        (event.to_customer, event.to_reporter, event.to_treasury),
        (50 * TOKEN, 10 * TOKEN, 40 * TOKEN + 1)
    );
    assert_eq!((event.active, event.unbonding, event.bonded), (900 * TOKEN - 1, 0, 0));
    let world = &scene.world;
    assert_eq!(
        (world.balance(&scene.customer), world.balance(&scene.reporter)),
        (50 * TOKEN, 10 * TOKEN)
    );
    assert_eq!(scene.treasury(), 40 * TOKEN + 1);
    assert_eq!(world.balance(&pda::stake_vault(&scene.pool)), 900 * TOKEN - 1);
    let pool = world.pool(&scene.pool);
    assert_eq!(
        (pool.active, pool.bonded, pool.slashed_total),
        (900 * TOKEN - 1, 0, 100 * TOKEN + 1)
    );
    assert_eq!(
        pool.active_shares,
        1_000 * SHARE,
        "shares are worth less, none are gone"
    );
}

#[test]
fn a_slash_takes_at_most_the_bond_and_a_bond_that_is_there() {
    let mut scene = scene();
    scene.bond(200 * TOKEN);
    scene.refuses(&scene.slash(100 * TOKEN, 100 * TOKEN + 1), "AboveBond");
    scene.refuses(&scene.slash(200 * TOKEN + 1, 1), "AboveBonded");
    scene.refuses(&scene.slash(u64::MAX, u64::MAX), "AboveBonded");
    // Nothing taken: a release.
    let none = scene.slash(100 * TOKEN, 0);
    scene.world.send(&[none], &[&scene.market]).expect("a slash of nothing");
    let pool = scene.world.pool(&scene.pool);
    assert_eq!(
        (pool.active, pool.bonded, pool.slashed_total),
        (1_000 * TOKEN, 100 * TOKEN, 0)
    );

    let address = scene.pool;
    scene
        .world
        .amend::<Pool>(&address, |pool| pool.slashed_total = u64::MAX);
    scene.refuses(&scene.slash(1, 1), "Overflow");
}

#[test]
fn a_slash_goes_from_the_pools_own_vault_and_to_the_treasury_of_the_rules() {
    let mut scene = scene();
    let (_, other) = scene.world.empty_pool(0);
    scene.bond(200 * TOKEN);
    let slash = scene.slash(200 * TOKEN, 200 * TOKEN);
    let tokens = scene.world.stake_tokens();
    let wrong = swapped(&slash, &tokens.treasury, &scene.customer);
    scene.refuses(&wrong, "WrongTreasury");
    let wrong = swapped(&slash, &tokens.mint.mint, &scene.world.usdc.mint);
    scene.refuses(&wrong, "WrongMint");
    let wrong = swapped(&slash, &tokens.mint.token_program, &ix::token::TOKEN_2022_PROGRAM);
    scene.refuses(&wrong, "WrongTokenProgram");
    let vault = pda::stake_vault(&scene.pool);
    for wrong in [
        swapped(&slash, &vault, &pda::stake_vault(&other)),
        swapped(&slash, &scene.pool, &other),
    ] {
        scene
            .world
            .rejects(&wrong, &[&scene.market], InstructionError::InvalidSeeds);
    }
}

#[test]
fn a_payee_that_cannot_receive_stops_no_slash() {
    let mut scene = scene();
    scene.bond(300 * TOKEN);
    let usdc = scene.world.token_account(&scene.market.pubkey(), scene.world.usdc);
    let frozen = scene.world.forge(&scene.reporter, None);
    let mut account = scene.world.svm.get_account(&frozen).expect("a token account");
    account.data[108] = 2;
    scene.world.svm.set_account(frozen, account).expect("a token account");
    let (customer, reporter) = (scene.customer, scene.reporter);
    let original = scene.slash(100 * TOKEN, 100 * TOKEN);

    // Closed, in another mint: the customer's half goes to the treasury.
    for (wrong, expected) in [(Keypair::new().pubkey(), 90), (usdc, 180)] {
        let slash = swapped(&original, &customer, &wrong);
        let outcome = scene.world.send(&[slash], &[&scene.market]).expect("a slash");
        let event = event!(outcome, Slashed);
        assert_eq!(
            (event.to_customer, event.to_reporter, event.to_treasury),
            (0, 10 * TOKEN, 90 * TOKEN)
        );
        assert_eq!(scene.treasury(), expected * TOKEN);
    }
    let slash = swapped(&original, &reporter, &frozen);
    let outcome = scene.world.send(&[slash], &[&scene.market]).expect("a slash");
    let event = event!(outcome, Slashed);
    assert_eq!(
        (event.to_customer, event.to_reporter, event.to_treasury),
        (50 * TOKEN, 0, 50 * TOKEN)
    );
    assert_eq!(scene.world.balance(&pda::stake_vault(&scene.pool)), 700 * TOKEN);
}

#[test]
fn a_treasury_that_cannot_receive_leaves_its_part_in_the_vault_uncounted() {
    let mut scene = scene();
    scene.bond(100 * TOKEN);
    let treasury = scene.world.stake_tokens().treasury;
    let mut account = scene.world.svm.get_account(&treasury).expect("a token account");
    account.data[108] = 2;
    scene.world.svm.set_account(treasury, account).expect("a token account");
    let slash = scene.slash(100 * TOKEN, 100 * TOKEN);
    let outcome = scene.world.send(&[slash], &[&scene.market]).expect("a slash");
    let event = event!(outcome, Slashed);
    assert_eq!(
        (event.to_customer, event.to_reporter, event.to_treasury),
        (50 * TOKEN, 10 * TOKEN, 0)
    );
    assert_eq!(scene.world.pool(&scene.pool).active, 900 * TOKEN);
    assert_eq!(scene.world.balance(&pda::stake_vault(&scene.pool)), 940 * TOKEN);
}

#[test]
fn an_expired_assignment_slashes_active_and_unbonding_stake_in_proportion() {
    let mut world = World::new();
    let (job, customer, listing, _) = world.assigned();
    let (leaver, reporter) = (world.staker(&listing.pool, 600 * TOKEN), world.wallet());
    world.unstake(&listing.pool, &leaver, 600 * SHARE).expect("a request");
    world.token_account(&customer.pubkey(), world.stake);
    world.advance(31);
    let expire = ix::expire_assignment(&reporter.pubkey(), &world.job(&job), world.stake_tokens());
    let outcome = world.send(&[expire], &[&reporter]).expect("an expiry");
    // 250,000 of the bond, over 1,000 tokens of active and 600 of unbonding stake.
    let event = event!(outcome, Slashed);
    assert_eq!(
        (event.amount, event.from_active, event.from_unbonding),
        (250_000, 156_250, 93_750)
    );
    let pool = world.pool(&listing.pool);
    assert_eq!(
        (pool.active, pool.unbonding),
        (1_000 * TOKEN - 156_250, 600 * TOKEN - 93_750)
    );
    assert_eq!(
        world.balance(&pda::stake_vault(&listing.pool)),
        pool.active + pool.unbonding
    );

    world.advance(world.unbonding_seconds());
    let withdraw = world.withdraw_instruction(&listing.pool, &leaver);
    world.send(&[withdraw], &[&leaver]).expect("a withdrawal");
    let paid = world.balance_of(&leaver.pubkey(), world.stake);
    assert_eq!(paid, 600 * TOKEN - 93_750, "who leaves bears it too");
}

#[test]
fn after_a_slash_stake_costs_and_gives_its_lower_price() {
    let mut scene = scene();
    scene.bond(500 * TOKEN);
    let slash = scene.slash(500 * TOKEN, 500 * TOKEN);
    scene.world.send(&[slash], &[&scene.market]).expect("a slash");
    let staker = scene.world.staker(&scene.pool, 100 * TOKEN);
    // (1,000 million shares + 1) for (500 million units + 1): just under two each.
    let shares = scene.world.position(&scene.pool, &staker).shares;
    assert_eq!(shares, (1_000 * SHARE + 1) * 100 * SHARE / (500 * SHARE + 1));
    let outcome = scene.world.unstake(&scene.pool, &staker, shares).expect("a request");
    let amount = event!(outcome, UnstakeRequested).amount;
    assert!((100 * TOKEN - 1..=100 * TOKEN).contains(&amount), "{amount}");
    let outcome = scene
        .world
        .unstake(&scene.pool, &scene.provider, 1_000 * SHARE)
        .expect("a request");
    let rest = event!(outcome, UnstakeRequested).amount;
    assert!((500 * TOKEN - 1..=500 * TOKEN + 1).contains(&rest), "{rest}");
}

#[test]
fn a_full_slash_ends_the_shares_and_the_pool_can_be_used_again_until_the_fourth() {
    let mut scene = scene();
    let (provider, pool) = (scene.provider.insecure_clone(), scene.pool);
    for wipe in 1..=4 {
        let before = scene.world.balance(&scene.customer);
        let active = scene.world.pool(&pool).active;
        scene.wipe();
        assert_eq!(scene.world.balance(&scene.customer), before + active / 2);
        let account = scene.world.pool(&pool);
        assert_eq!((account.active, account.active_shares, account.bonded), (0, 0, 0));
        assert_eq!(account.wipes, wipe);
        scene.world.fund(&provider.pubkey(), scene.world.stake, 500 * TOKEN);
        if wipe < 4 {
            let outcome = scene.world.stake_in(&pool, &provider, 500 * TOKEN).expect("new stake");
            // The old shares are gone, and the new ones cost the first price.
            let event = event!(outcome, Staked);
            assert_eq!((event.shares, event.position_shares), (500 * SHARE, 500 * SHARE));
        }
    }
    let stake = scene.world.stake_instruction(&pool, &provider, 500 * TOKEN);
    scene.world.refuses(&stake, &[&provider], "staking", "PoolRetired");
    let old = ix::request_unstake(&provider.pubkey(), &pool, 1);
    scene.world.refuses(&old, &[&provider], "staking", "InsufficientShares");
    assert_eq!(scene.world.balance(&pda::stake_vault(&pool)), 0);
}

#[test]
fn a_full_slash_leaves_earned_rewards_and_unbonding_stake_their_owners() {
    let mut scene = scene();
    let (provider, pool) = (scene.provider.insecure_clone(), scene.pool);
    let leaver = scene.world.staker(&pool, 1_000 * TOKEN);
    scene.world.pay_revenue(&pool, 500 * TOKEN);
    let deposit = deposit_rewards(&scene.market.pubkey(), &pool, 500 * TOKEN);
    scene.world.send(&[deposit], &[&scene.market]).expect("revenue");
    scene.world.unstake(&pool, &leaver, 1_000 * SHARE).expect("a request");
    scene.wipe();
    // Half of the 1,000 tokens is borne by the unbonding half of the stake: the active half is not wiped out.
    let account = scene.world.pool(&pool);
    assert_eq!(
        (account.active, account.unbonding, account.wipes),
        (500 * TOKEN, 500 * TOKEN, 0)
    );
    scene.world.advance(scene.world.unbonding_seconds());
    let withdraw = scene.world.withdraw_instruction(&pool, &leaver);
    scene.world.send(&[withdraw], &[&leaver]).expect("a withdrawal");
    let got = scene.world.balance_of(&leaver.pubkey(), scene.world.stake);
    assert!((500 * TOKEN - 1..=500 * TOKEN).contains(&got), "{got}");

    scene.wipe();
    assert_eq!(scene.world.pool(&pool).wipes, 1);
    for staker in [&provider, &leaver] {
        let claim = scene.world.claim_instruction(&pool, staker);
        scene.world.send(&[claim], &[staker]).expect("a claim");
        assert_eq!(scene.world.balance_of(&staker.pubkey(), scene.world.usdc), 250 * TOKEN);
    }
    assert_eq!(scene.world.position(&pool, &provider).shares, 0);
}
