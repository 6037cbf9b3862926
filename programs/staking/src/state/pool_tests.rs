use super::*;
use crate::state::Position;

fn pool(active: u64) -> Pool {
    let mut pool: Pool = bytemuck::Zeroable::zeroed();
    if active > 0 {
        pool.deposit(active).unwrap();
    }
    pool
}

#[test]
fn a_bond_needs_free_stake_and_the_minimum() {
    let mut pool = pool(1_000);
    assert_eq!(pool.bond(1, 1_001), Err(StakingError::PoolTooSmall));
    pool.bond(600, 1_000).unwrap();
    assert_eq!(pool.bond(401, 1_000), Err(StakingError::InsufficientStake));
    assert_eq!(pool.bond(u64::MAX, 1_000), Err(StakingError::InsufficientStake));
    pool.bond(400, 1_000).unwrap();
    assert_eq!(pool.bonded.get(), 1_000);
}

#[test]
fn more_than_is_bonded_is_not_released() {
    let mut pool = pool(1_000);
    pool.bond(600, 0).unwrap();
    assert_eq!(pool.release(601), Err(StakingError::AboveBonded));
    pool.release(600).unwrap();
    assert!(pool.bonded.is_zero());
}

#[test]
fn bonded_stake_cannot_be_unstaked() {
    let mut pool = pool(1_000);
    pool.bond(600, 0).unwrap();
    assert_eq!(pool.unbond(401), Err(StakingError::StakeBonded));
    assert_eq!(pool.unbond(400).unwrap(), (400, 400));
    assert_eq!((pool.active.get(), pool.unbonding.get()), (600, 400));
}

#[test]
fn a_slash_is_at_most_the_bond_and_the_bond_at_most_what_is_bonded() {
    let mut pool = pool(1_000);
    pool.bond(100, 0).unwrap();
    let before = pool;
    assert_eq!(pool.slash(100, 101), Err(StakingError::AboveBond));
    assert_eq!(pool.slash(101, 101), Err(StakingError::AboveBonded));
    assert_eq!(bytemuck::bytes_of(&pool), bytemuck::bytes_of(&before));
}

#[test]
fn active_and_unbonding_stake_bear_a_slash_in_proportion() {
    let mut pool = pool(1_000);
    pool.unbond(250).unwrap();
    pool.bond(400, 0).unwrap();
    assert_eq!(
        pool.slash(400, 100).unwrap(),
        SlashSource {
            active: 75,
            unbonding: 25
        }
    );
    assert_eq!(
        (pool.active.get(), pool.unbonding.get(), pool.bonded.get()),
        (675, 225, 0)
    );
    assert_eq!(pool.slashed_total.get(), 100);
}

#[test]
fn a_slash_leaves_the_other_bonds_covered_and_unbonding_stake_above_nothing() {
    for unbonding in [0u64, 1, 2, 3, 499, 1_000_000] {
        for active in [1u64, 2, 3, 500, 999_983] {
            for bond in [1, active / 2, active] {
                for amount in [0, 1, bond / 2, bond] {
                    let mut pool = pool(active + unbonding);
                    pool.unbond(u128::from(unbonding)).unwrap();
                    pool.bond(active - bond, 0).unwrap();
                    pool.bond(bond, 0).unwrap();
                    if amount > bond {
                        continue;
                    }
                    let source = pool.slash(bond, amount).unwrap();
                    assert_eq!(source.active + source.unbonding, amount);
                    assert!(pool.active.get() >= pool.bonded.get());
                    assert!(unbonding == 0 || pool.unbonding.get() > 0);
                    assert_eq!(pool.active.get() + pool.unbonding.get(), active + unbonding - amount);
                }
            }
        }
    }
}

fn wipe(pool: &mut Pool) {
    let all = pool.active.get();
    pool.bond(all, 0).unwrap();
    pool.slash(all, all).unwrap();
}

#[test]
fn a_full_slash_leaves_no_shares_over_nothing_and_a_pool_that_works() {
    let mut pool = pool(1_000_000_000_000);
    wipe(&mut pool);
    assert_eq!(pool.active_tranche(), Tranche::default());
    assert_eq!(pool.deposit(5_000).unwrap(), 5_000);
    pool.bond(5_000, 5_000).unwrap();
    assert_eq!(pool.wipes, 1);
}

#[test]
fn next_to_nothing_left_counts_as_a_full_slash_unless_it_is_bonded() {
    let before = 1u64 << 40;
    for (left, wiped) in [(1, true), ((1 << 20) - 1, true), (1 << 20, false)] {
        let mut pool = pool(before);
        pool.bond(before - left, 0).unwrap();
        pool.slash(before - left, before - left).unwrap();
        assert_eq!(pool.active_shares.is_zero(), wiped, "{left}");
        assert_eq!(pool.active.get(), if wiped { 0 } else { left });
    }
    let mut pool = pool(before);
    pool.bond(before - 1, 0).unwrap();
    pool.bond(1, 0).unwrap();
    pool.slash(before - 1, before - 1).unwrap();
    assert_eq!((pool.active.get(), pool.bonded.get(), pool.wipes), (1, 1, 0));
}

#[test]
fn the_dust_of_a_full_slash_goes_to_the_unbonding_stake() {
    let mut pool = pool((1 << 40) + 2);
    let (_, shares) = pool.unbond(2).unwrap();
    wipe(&mut pool);
    assert_eq!((pool.active.get(), pool.unbonding.get(), pool.wipes), (0, 2, 1));
    assert_eq!(pool.withdraw(shares).unwrap(), 2);
}

#[test]
fn a_pool_retires_after_the_fourth_full_slash() {
    let mut pool = pool(0);
    for _ in 0..MAX_WIPES {
        pool.deposit(1 << 40).unwrap();
        pool.unbond(2).unwrap();
        wipe(&mut pool);
    }
    assert_eq!(usize::from(pool.wipes), MAX_WIPES);
    assert_eq!(pool.deposit(1_000), Err(StakingError::PoolRetired));
    let shares = pool.unbonding_shares.get();
    assert_eq!(pool.rebond(shares), Err(StakingError::PoolRetired));
}

#[test]
fn a_retired_pool_pays_what_is_unbonding() {
    let mut pool = pool(0);
    for _ in 0..MAX_WIPES {
        pool.deposit(1_000).unwrap();
        wipe(&mut pool);
    }
    pool.wipes = 3;
    pool.deposit(1_000).unwrap();
    pool.unbond(1_000).unwrap();
    pool.wipes = 4;
    assert_eq!(pool.withdraw(1_000).unwrap(), 1_000);
}

#[test]
fn cancelling_gives_back_what_a_slash_left() {
    let mut pool = pool(2_000);
    let (_, unbonding) = pool.unbond(1_000).unwrap();
    pool.bond(1_000, 0).unwrap();
    pool.slash(1_000, 1_000).unwrap();
    let (amount, shares) = pool.rebond(unbonding).unwrap();
    assert_eq!(amount, 500);
    assert_eq!(
        pool.active_tranche().value(shares).unwrap(),
        499,
        "one unit of rounding goes to who stayed"
    );
    assert_eq!((pool.active.get(), pool.unbonding.get()), (1_000, 0));
}

#[test]
fn rewards_are_exact_over_a_history_with_uneven_shares() {
    let mut pool = pool(0);
    let mut positions: [Position; 3] = [bytemuck::Zeroable::zeroed(); 3];
    let mut deposited = 0;
    for round in 0..500u64 {
        let who = (round % 3) as usize;
        positions[who].settle(&pool).unwrap();
        let minted = pool.deposit(round * 7_919 % 1_000 + 1).unwrap();
        positions[who].add_shares(minted).unwrap();
        if round % 5 == 4 {
            let shares = positions[who].shares.get() / 3;
            positions[who].take_shares(shares).unwrap();
            pool.unbond(shares).unwrap();
        }
        let revenue = round * 104_729 % 977;
        pool.add_rewards(revenue).unwrap();
        deposited += revenue;
    }
    // In 1/2⁶⁴ of a base unit nothing at all is lost.
    let owed: u128 = positions
        .iter_mut()
        .map(|p| {
            p.settle(&pool).unwrap();
            (u128::from(p.rewards_owed.get()) << 64) + u128::from(p.reward_fraction.get())
        })
        .sum();
    assert_eq!(owed + pool.reward_remainder.get(), u128::from(deposited) << 64);
    assert_eq!(pool.rewards_unclaimed.get(), deposited);
}

#[test]
fn revenue_without_stakers_waits_for_the_next() {
    let mut pool = pool(0);
    pool.add_rewards(10).unwrap();
    let mut position: Position = bytemuck::Zeroable::zeroed();
    position.add_shares(pool.deposit(3).unwrap()).unwrap();
    pool.add_rewards(5).unwrap();
    position.settle(&pool).unwrap();
    assert_eq!(position.rewards_owed.get(), 15);
}

#[test]
fn the_largest_rewards_fit() {
    let mut pool = pool(u64::MAX - 1);
    let mut position: Position = bytemuck::Zeroable::zeroed();
    position.add_shares(u128::from(u64::MAX - 1)).unwrap();
    pool.add_rewards(u64::MAX - 7).unwrap();
    pool.add_rewards(7).unwrap();
    position.settle(&pool).unwrap();
    assert!(position.rewards_owed.get() >= u64::MAX - 1);
    assert_eq!(pool.add_rewards(1), Err(StakingError::Overflow));
}

#[test]
fn a_commission_falls_at_once_and_rises_with_notice() {
    let mut pool = pool(0);
    pool.set_commission(500, 1_000, 0).unwrap();
    assert_eq!(pool.commission_at(1_000), 500);
    pool.set_commission(900, 1_000, 60).unwrap();
    assert_eq!((pool.commission_at(1_059), pool.commission_at(1_060)), (500, 900));
    // Lower than what is in force by now, and the raise before it is gone.
    pool.set_commission(700, 2_000, 60).unwrap();
    assert_eq!((pool.commission_at(2_000), pool.commission_at(9_000)), (700, 700));
    pool.set_commission(800, 3_000, 60).unwrap();
    pool.set_commission(600, 3_001, 60).unwrap();
    assert_eq!(pool.commission_at(9_000), 600);
    assert_eq!(pool.set_commission(10_001, 0, 0), Err(StakingError::InvalidCommission));
}
