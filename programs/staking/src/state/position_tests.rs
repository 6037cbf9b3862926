use super::*;

fn staker(pool: &mut Pool, amount: u64) -> Position {
    let mut position: Position = bytemuck::Zeroable::zeroed();
    position.reward_index = pool.reward_index;
    position.wipes = pool.wipes;
    position.add_shares(pool.deposit(amount).unwrap()).unwrap();
    position
}

fn wipe(pool: &mut Pool) {
    let all = pool.active.get();
    pool.bond(all, 0).unwrap();
    pool.slash(all, all).unwrap();
}

#[test]
fn shares_of_before_a_full_slash_earn_up_to_it_and_then_nothing() {
    let mut pool: Pool = bytemuck::Zeroable::zeroed();
    let mut old = staker(&mut pool, 1_000);
    pool.add_rewards(70).unwrap();
    wipe(&mut pool);
    let mut new = staker(&mut pool, 500);
    pool.add_rewards(30).unwrap();
    wipe(&mut pool);
    let mut newest = staker(&mut pool, 500);
    pool.add_rewards(9).unwrap();

    for (position, owed, shares) in [(&mut old, 69, 0), (&mut new, 30, 0), (&mut newest, 9, 500)] {
        position.settle(&pool).unwrap();
        // 70 over 1000 shares leaves a fraction that the remainder carries to the next.
        assert!(
            position.rewards_owed.get().abs_diff(owed) <= 1,
            "{}",
            position.rewards_owed.get()
        );
        assert_eq!(position.shares.get(), shares);
        assert_eq!(position.wipes, 2);
    }
    let owed = |p: &Position| (u128::from(p.rewards_owed.get()) << 64) + u128::from(p.reward_fraction.get());
    assert_eq!(
        owed(&old) + owed(&new) + owed(&newest) + pool.reward_remainder.get(),
        109 << 64
    );
}

#[test]
fn settling_twice_pays_once() {
    let mut pool: Pool = bytemuck::Zeroable::zeroed();
    let mut position = staker(&mut pool, 8);
    pool.add_rewards(16).unwrap();
    position.settle(&pool).unwrap();
    position.settle(&pool).unwrap();
    assert_eq!(position.rewards_owed.get(), 16);
}

#[test]
fn who_comes_later_gets_nothing_of_before() {
    let mut pool: Pool = bytemuck::Zeroable::zeroed();
    let _first = staker(&mut pool, 8);
    pool.add_rewards(16).unwrap();
    let mut later = staker(&mut pool, 8);
    later.settle(&pool).unwrap();
    assert_eq!(later.rewards_owed.get(), 0);
}

#[test]
fn requests_come_due_in_order_and_places_are_used_again() {
    let mut position: Position = bytemuck::Zeroable::zeroed();
    for i in 0..MAX_UNBONDING as u8 {
        position.push_request(1 << i, 100 + i64::from(i)).unwrap();
    }
    assert_eq!(position.push_request(1, 200), Err(StakingError::TooManyRequests));
    assert_eq!(position.take_due(99).unwrap(), 0);
    assert_eq!(position.take_due(102).unwrap(), 0b111);
    assert_eq!(position.remove_request(1).unwrap(), 1 << 4);
    assert_eq!(position.unbonding_count, 4);
    assert_eq!(position.remove_request(4), Err(StakingError::UnknownRequest));
    position.push_request(7, 300).unwrap();
    assert_eq!(position.take_due(299).unwrap(), 0b1110_1000);
    assert_eq!(position.take_due(300).unwrap(), 7);
    assert_eq!(position.unbonding_count, 0);
    assert_eq!(position.remove_request(0), Err(StakingError::UnknownRequest));
}
