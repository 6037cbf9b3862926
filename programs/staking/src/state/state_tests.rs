//! Where the accounts are, and what a slash and a request come to at every bound.

use super::{tranche::properties::amount, *};
use crate::error::StakingError;
use anchor_lang::prelude::Address;
use bytemuck::Zeroable;
use common::Stored;
use proptest::prelude::*;

fn key(byte: u8) -> Address {
    Address::new_from_array([byte; 32])
}

/// That an account with its canonical bump is at its documented address, and with another bump is not.
fn is_at<T: Stored>(seeds: &[&[u8]], account: impl Fn(u8) -> T) {
    let (address, bump) = Address::find_program_address(seeds, &crate::ID);
    assert_eq!(account(bump).derived_address(), address);
    assert_ne!(account(bump.wrapping_add(1)).derived_address(), address);
}

#[test]
fn accounts_are_at_the_documented_addresses() {
    is_at(&[b"pool", &[1; 32]], |bump| Pool {
        provider: key(1),
        bump,
        ..Zeroable::zeroed()
    });
    is_at(&[b"position", &[2; 32], &[3; 32]], |bump| Position {
        pool: key(2),
        owner: key(3),
        bump,
        ..Zeroable::zeroed()
    });
    assert_eq!(StakingParams::zeroed().derived_address(), STAKING_PARAMS);
    let (stake, stake_vault_bump) = Address::find_program_address(&[b"stake", &[4; 32]], &crate::ID);
    let (rewards, reward_vault_bump) = Address::find_program_address(&[b"rewards", &[4; 32]], &crate::ID);
    let pool = Pool {
        stake_vault_bump,
        reward_vault_bump,
        ..Zeroable::zeroed()
    };
    assert_eq!(
        (pool.stake_vault(&key(4)), pool.reward_vault(&key(4))),
        (stake, rewards)
    );
}

#[test]
fn the_longest_duration_is_a_year() {
    assert_eq!(MAX_SECONDS, 31_536_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_slash_is_divided_without_rest_and_rounds_for_the_treasury(
        taken in amount(), customer in 0u16..=10_000, reporter in 0u16..=10_000,
    ) {
        let reporter = reporter.min(BPS - customer);
        let mut params = StakingParams::zeroed();
        (params.slash_customer_bps, params.slash_reporter_bps) = (customer.into(), reporter.into());
        let split = params.split(taken);
        let exact = |bps: u16| u128::from(taken) * u128::from(bps) / 10_000;
        prop_assert_eq!((u128::from(split.customer), u128::from(split.reporter)), (exact(customer), exact(reporter)));
        let sum = [split.customer, split.reporter, split.treasury].map(u128::from).iter().sum::<u128>();
        prop_assert_eq!(sum, u128::from(taken));
    }

    /// Beside a plain list: requests come out in order, once, and never more than the account has room for.
    #[test]
    fn requests_are_a_list_with_eight_places(
        acts in prop::collection::vec((0u8..3, 0usize..10, 1u128..1_000), 1..80),
    ) {
        let mut position = Position::zeroed();
        let mut list: Vec<(u128, i64)> = vec![];
        let mut now = 0;
        for (act, place, shares) in acts {
            now += 1;
            match act {
                0 => {
                    let pushed = position.push_request(shares, now + 10);
                    if list.len() == MAX_UNBONDING {
                        prop_assert_eq!(pushed, Err(StakingError::TooManyRequests));
                    } else {
                        list.push((shares, now + 10));
                    }
                }
                1 => {
                    let expected = if place < list.len() { Ok(list.remove(place).0) } else { Err(StakingError::UnknownRequest) };
                    prop_assert_eq!(position.remove_request(place), expected);
                }
                _ => {
                    let (due, later): (Vec<_>, Vec<_>) = list.into_iter().partition(|(_, at)| *at <= now);
                    prop_assert_eq!(position.take_due(now), Ok(due.iter().map(|(shares, _)| shares).sum()));
                    list = later;
                }
            }
            let stored = position.unbonding.map(|request| (request.shares.get(), request.unlocks_at.get()));
            prop_assert_eq!(usize::from(position.unbonding_count), list.len());
            prop_assert_eq!(&stored[..list.len()], &list[..]);
            prop_assert!(stored[list.len()..].iter().all(|place| *place == (0, 0)));
        }
    }
}

#[test]
fn shares_are_added_and_taken_within_their_range() {
    let mut position = Position::zeroed();
    position.add_shares(5).unwrap();
    position.add_shares(2).unwrap();
    assert_eq!(position.take_shares(8), Err(StakingError::InsufficientShares));
    position.take_shares(3).unwrap();
    assert_eq!(position.shares.get(), 4);
    assert_eq!(position.add_shares(u128::MAX - 3), Err(StakingError::Overflow));
    position.add_shares(u128::MAX - 4).unwrap();
    position.take_shares(u128::MAX).unwrap();
    assert!(position.shares.is_zero());
}
