//! Staking's instructions.

use crate::{
    case::Case,
    cases::{Scenes, pair},
    crowd::{Crowd, with_impostor},
};
use gantry_sdk::{Signer, ix, pda, staking::accounts::StakingParams};
use gantry_tests::world::{TOKEN, World, market_side, staking_rules};

const SHARES: u128 = TOKEN as u128;

pub(crate) fn initialize(_: &Scenes) -> Case {
    let mut world = with_impostor(World::bare());
    world.initialize_network().expect("the network");
    let initialize = world.staking_instruction(staking_rules());
    Case::in_world("staking::initialize", world, Vec::new(), initialize)
}

pub(crate) fn create_pool(scenes: &Scenes) -> Case {
    let mut crowd = scenes.governed.fork();
    let payer = crowd.world.payer.pubkey();
    let sides = crowd.sides.clone();
    let acts = sides.each_ref().map(|side| {
        let owner = side.customer.pubkey();
        let register = ix::register_provider(&owner, &payer, &owner, [0; 32]);
        crowd.world.send(&[register], &[&side.customer]).expect("a provider");
        ix::create_pool(&owner, &payer, crowd.world.stake, crowd.world.usdc, 100)
    });
    pair("staking::create_pool", crowd, acts)
}

pub(crate) fn set_commission(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let sides = crowd.sides.each_ref();
    let acts = sides.map(|side| ix::set_commission(&side.listing.wallet.pubkey(), 1_000));
    pair("staking::set_commission", crowd, acts)
}

pub(crate) fn stake(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let sides = crowd.sides.each_ref();
    let acts = sides.map(|side| {
        crowd
            .world
            .stake_instruction(&side.listing.pool, &side.newcomer, 5 * TOKEN)
    });
    pair("staking::stake", crowd, acts)
}

pub(crate) fn request_unstake(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let sides = crowd.sides.each_ref();
    let acts = sides.map(|side| ix::request_unstake(&side.staker.pubkey(), &side.listing.pool, SHARES));
    pair("staking::request_unstake", crowd, acts)
}

/// Both stakers on their way out with a part.
fn leaving(scenes: &Scenes) -> Crowd {
    let mut crowd = scenes.governed.fork();
    for side in crowd.sides.clone().iter() {
        crowd
            .world
            .unstake(&side.listing.pool, &side.staker, SHARES)
            .expect("a request");
    }
    crowd
}

pub(crate) fn cancel_unstake(scenes: &Scenes) -> Case {
    let crowd = leaving(scenes);
    let sides = crowd.sides.each_ref();
    let acts = sides.map(|side| ix::cancel_unstake(&side.staker.pubkey(), &side.listing.pool, 0));
    pair("staking::cancel_unstake", crowd, acts)
}

pub(crate) fn withdraw(scenes: &Scenes) -> Case {
    let mut crowd = leaving(scenes);
    crowd.world.advance(crowd.world.unbonding_seconds());
    let sides = crowd.sides.each_ref();
    let acts = sides.map(|side| crowd.world.withdraw_instruction(&side.listing.pool, &side.staker));
    pair("staking::withdraw", crowd, acts)
}

pub(crate) fn claim_rewards(scenes: &Scenes) -> Case {
    let mut crowd = scenes.governed.fork();
    for side in crowd.sides.clone().iter() {
        crowd.share(&side.listing.pool, TOKEN);
    }
    let sides = crowd.sides.each_ref();
    let acts = sides.map(|side| crowd.world.claim_instruction(&side.listing.pool, &side.staker));
    pair("staking::claim_rewards", crowd, acts)
}

pub(crate) fn close_position(scenes: &Scenes) -> Case {
    let mut crowd = scenes.governed.fork();
    for side in crowd.sides.clone().iter() {
        let pool = side.listing.pool;
        crowd.world.stake_in(&pool, &side.newcomer, TOKEN).expect("a stake");
        crowd.world.unstake(&pool, &side.newcomer, SHARES).expect("a request");
    }
    crowd.world.advance(crowd.world.unbonding_seconds());
    for side in crowd.sides.clone().iter() {
        let withdraw = crowd.world.withdraw_instruction(&side.listing.pool, &side.newcomer);
        crowd.world.send(&[withdraw], &[&side.newcomer]).expect("a withdrawal");
    }
    let payer = crowd.world.payer.pubkey();
    let sides = crowd.sides.each_ref();
    let acts = sides.map(|side| ix::close_position(&side.newcomer.pubkey(), &side.listing.pool, &payer));
    pair("staking::close_position", crowd, acts)
}

pub(crate) fn close_pool(scenes: &Scenes) -> Case {
    let mut crowd = scenes.governed.fork();
    for side in crowd.sides.clone().iter() {
        let pool = side.idle.1;
        let (stake, usdc) = (crowd.world.stake, crowd.world.usdc);
        crowd.dust(&pda::stake_vault(&pool), stake, 7);
        crowd.dust(&pda::reward_vault(&pool), usdc, 9);
    }
    let params: StakingParams = crowd.world.account(&pda::staking_params()).expect("the rules");
    let sides = crowd.sides.each_ref();
    let acts = sides.map(|side| {
        let owner = side.idle.0.pubkey();
        let usdc = crowd.world.usdc;
        let destination = pda::associated_token(&owner, &usdc.mint, &usdc.token_program);
        ix::close_pool(&owner, &crowd.world.pool(&side.idle.1), &params, &destination)
    });
    pair("staking::close_pool", crowd, acts)
}

pub(crate) fn bond(scenes: &Scenes) -> Case {
    let crowd = scenes.governed.fork();
    let market = crowd.market.clone().expect("the market's key");
    let sides = crowd.sides.each_ref();
    let acts = sides.map(|side| market_side::bond(&market.pubkey(), &side.listing.pool, TOKEN));
    pair("staking::bond", crowd, acts)
}

/// Both pools with 10 tokens bonded.
fn bonded(scenes: &Scenes) -> Crowd {
    let mut crowd = scenes.governed.fork();
    let market = crowd.market.clone().expect("the market's key");
    for side in crowd.sides.clone().iter() {
        let bond = market_side::bond(&market.pubkey(), &side.listing.pool, 10 * TOKEN);
        crowd.world.send(&[bond], &[&market]).expect("a bond");
    }
    crowd
}

pub(crate) fn release(scenes: &Scenes) -> Case {
    let crowd = bonded(scenes);
    let market = crowd.market.clone().expect("the market's key");
    let sides = crowd.sides.each_ref();
    let acts = sides.map(|side| market_side::release(&market.pubkey(), &side.listing.pool, TOKEN));
    pair("staking::release", crowd, acts)
}

pub(crate) fn slash(scenes: &Scenes) -> Case {
    let crowd = bonded(scenes);
    let market = crowd.market.clone().expect("the market's key");
    let stake = crowd.world.stake_tokens();
    let sides = crowd.sides.each_ref();
    let acts = sides.map(|side| {
        let account = |owner| pda::associated_token(&owner, &stake.mint.mint, &stake.mint.token_program);
        let (customer, reporter) = (account(side.customer.pubkey()), account(side.matcher.pubkey()));
        let amounts = (TOKEN, TOKEN / 2);
        market_side::slash(
            &market.pubkey(),
            &side.listing.pool,
            stake,
            &customer,
            &reporter,
            amounts,
        )
    });
    pair("staking::slash", crowd, acts)
}

pub(crate) fn deposit_rewards(scenes: &Scenes) -> Case {
    let mut crowd = scenes.governed.fork();
    let market = crowd.market.clone().expect("the market's key");
    for side in crowd.sides.clone().iter() {
        crowd.world.pay_revenue(&side.listing.pool, TOKEN);
    }
    let sides = crowd.sides.each_ref();
    let acts = sides.map(|side| market_side::deposit_rewards(&market.pubkey(), &side.listing.pool, TOKEN));
    pair("staking::deposit_rewards", crowd, acts)
}
