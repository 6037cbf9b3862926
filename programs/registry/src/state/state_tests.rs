//! Where the accounts are, and what they say at every bound.

use super::*;
use bytemuck::Zeroable;
use common::Stored;
use gantry_core::requirements::Offer;
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
    is_at(&[b"provider", &[1; 32]], |bump| Provider {
        authority: key(1),
        bump,
        ..Zeroable::zeroed()
    });
    is_at(&[b"node", &[2; 32], &[3; 32]], |bump| Node {
        provider: key(2),
        node_key: key(3),
        bump,
        ..Zeroable::zeroed()
    });
    is_at(&[b"attestor", &[4; 32]], |bump| Attestor {
        key: key(4),
        bump,
        ..Zeroable::zeroed()
    });
    is_at(&[b"device", &[5; 32]], |bump| Device {
        device_hash: [5; 32],
        bump,
        ..Zeroable::zeroed()
    });
    assert_eq!(Network::zeroed().derived_address(), NETWORK);
}

#[test]
fn only_the_address_of_zeros_is_unset() {
    assert!(is_zero(&key(0)));
    for at in 0..32 {
        let mut bytes = [0; 32];
        bytes[at] = 1;
        assert!(!is_zero(&Address::new_from_array(bytes)), "byte {at}");
    }
}

#[test]
fn an_attestor_grants_the_four_tiers_and_the_six_flags() {
    for tier in 0..=u8::MAX {
        for bit in 0..16 {
            assert_eq!(
                valid_scope(tier, 1 << bit),
                tier <= 3 && bit < 6,
                "tier {tier} bit {bit}"
            );
        }
        assert_eq!(valid_scope(tier, 0), tier <= 3);
        assert_eq!(valid_scope(tier, flags::ALL), tier <= 3);
    }
    let named = [
        flags::DATACENTER,
        flags::GDPR_DPA,
        flags::ISO27001,
        flags::SOC2,
        flags::CONFIDENTIAL_COMPUTING,
        flags::EEA,
    ];
    // Stored numbers: none of them may ever change.
    assert_eq!(named, [1, 2, 4, 8, 16, 32]);
    assert_eq!(flags::ALL, 63);
}

/// `count` distinct members, then zeros.
fn council(count: usize) -> [Address; MAX_ARBITERS] {
    core::array::from_fn(|place| if place < count { key(place as u8 + 1) } else { key(0) })
}

#[test]
fn a_council_has_one_to_nine_members_and_a_threshold_above_half() {
    for members in 0..=MAX_ARBITERS {
        for count in 0..=12u8 {
            for threshold in 0..=12u8 {
                let sized = usize::from(count) == members && count > 0;
                let expected = sized && threshold <= count && 2 * u16::from(threshold) > u16::from(count);
                let valid = valid_council(&council(members), count, threshold);
                assert_eq!(valid, expected, "{members} members, {threshold} of {count}");
            }
        }
    }
    assert!(!valid_council(&council(9), u8::MAX, u8::MAX));
}

#[test]
fn no_member_of_a_council_counts_twice_or_is_unset() {
    for count in 2..=MAX_ARBITERS {
        for one in 0..count {
            for other in 0..count {
                let mut arbiters = council(count);
                arbiters[one] = arbiters[other];
                assert_eq!(valid_council(&arbiters, count as u8, count as u8), one == other);
            }
            let mut arbiters = council(count);
            arbiters[one] = key(0);
            assert!(!valid_council(&arbiters, count as u8, count as u8));
        }
        for after in count..MAX_ARBITERS {
            let mut arbiters = council(count);
            arbiters[after] = key(99);
            assert!(
                !valid_council(&arbiters, count as u8, count as u8),
                "somebody behind the last member"
            );
        }
    }
}

#[test]
fn a_forgotten_council_leaves_nothing_and_touches_nothing_else() {
    let mut network = Network {
        authority: key(1),
        arbiters: council(9),
        arbiter_count: 9,
        arbiter_threshold: 5,
        pending_arbiters: council(4),
        pending_arbiter_count: 4,
        pending_arbiter_threshold: 3,
        council_change_at: 77i64.into(),
        ..Zeroable::zeroed()
    };
    let expected = Network {
        pending_arbiters: council(0),
        pending_arbiter_count: 0,
        pending_arbiter_threshold: 0,
        council_change_at: 0i64.into(),
        ..network
    };
    network.forget_council();
    assert_eq!(bytemuck::bytes_of(&network), bytemuck::bytes_of(&expected));
}

fn node() -> Node {
    Node {
        provider: key(1),
        attestor: key(2),
        device_hash: [3; 32],
        price_mint: key(4),
        price_per_hour: 5u64.into(),
        attestation_expires_at: 6i64.into(),
        jobs_completed: 8u64.into(),
        jobs_failed: 2u64.into(),
        served_seconds: 90u64.into(),
        promised_seconds: 120u64.into(),
        disk_gib: 7u32.into(),
        mbps: 8u32.into(),
        gpu_model: 9u16.into(),
        vram_gib: 10u16.into(),
        ram_gib: 11u16.into(),
        flags: 12u16.into(),
        country: *b"DE",
        gpu_count: 13,
        tier: 2,
        ..Zeroable::zeroed()
    }
}

#[test]
fn a_node_offers_what_its_account_says() {
    // (8 + 1) / (8 + 2 + 2) of 90 / 120.
    assert_eq!(node().reputation_bps(), 5_625);
    let offer = Offer {
        gpu_model: 9,
        gpu_count: 13,
        vram_gib: 10,
        ram_gib: 11,
        disk_gib: 7,
        mbps: 8,
        country: *b"DE",
        flags: 12,
        tier: 2,
        attestation_expires_at: 6,
        reputation_bps: 5_625,
        price_per_hour: 5,
        mint: [4; 32],
    };
    assert_eq!(node().offer(), offer);
}

#[test]
fn a_dropped_attestation_takes_what_it_said_and_leaves_the_device() {
    let mut dropped = node();
    dropped.drop_attestation();
    let expected = Node {
        attestor: key(0),
        attestation_expires_at: 0i64.into(),
        flags: 0u16.into(),
        tier: 0,
        ..node()
    };
    assert_eq!(bytemuck::bytes_of(&dropped), bytemuck::bytes_of(&expected));
}

#[test]
fn a_suspension_lasts_a_day_after_three_failures() {
    assert_eq!((SUSPENSION_SECONDS, FAILURES_TO_SUSPEND), (86_400, 3));
}

/// Something happens to a node.
#[derive(Clone, Copy, Debug)]
enum Event {
    Drain,
    Resume,
    Convict,
    Lift(bool),
    Pass(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Drain),
        Just(Event::Resume),
        Just(Event::Convict),
        any::<bool>().prop_map(Event::Lift),
        (0..2 * SUSPENSION_SECONDS).prop_map(Event::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_node_is_suspended_exactly_while_it_has_a_time_of_suspension(
        status in 0u8..3, events in prop::collection::vec(event(), 1..40),
    ) {
        let mut node = Node { status, ..Zeroable::zeroed() };
        let mut now = 1_800_000_000;
        for event in events {
            let before = node;
            match event {
                Event::Drain => {
                    let asked = node.drain();
                    prop_assert_eq!(asked, bytemuck::bytes_of(&node) != bytemuck::bytes_of(&before));
                }
                Event::Resume => {
                    let resumed = node.resume(now).is_ok();
                    prop_assert_eq!(resumed, bytemuck::bytes_of(&node) != bytemuck::bytes_of(&before));
                }
                Event::Convict => {
                    node.convict(now);
                    prop_assert!(node.status == before.status || node.status == NodeStatus::Suspended as u8);
                }
                Event::Lift(draining) if node.status == NodeStatus::Suspended as u8 => {
                    node.lift_suspension(if draining { NodeStatus::Draining } else { NodeStatus::Available });
                }
                Event::Lift(_) => {}
                Event::Pass(seconds) => now += seconds,
            }
            let suspended = node.status == NodeStatus::Suspended as u8;
            prop_assert_eq!(suspended, node.suspended_at.get() != 0, "{:?}", event);
            prop_assert!(node.drain_after_job == 0 || node.status != NodeStatus::Available as u8);
            prop_assert!(!suspended || node.consecutive_failures == FAILURES_TO_SUSPEND);
            // A lease ends by the market's word alone.
            prop_assert_eq!(before.status == NodeStatus::Leased as u8, node.status == NodeStatus::Leased as u8);
        }
    }

    #[test]
    fn history_is_only_moved_and_only_lost_at_the_end_of_the_counter(
        moves in prop::collection::vec((any::<bool>(), 0u64..1_000, 0u64..1_000), 1..30),
    ) {
        let (mut device, mut node) = (Device::zeroed(), Node::zeroed());
        let mut happened = (0, 0);
        for (leaves, completed, failed) in moves {
            node.jobs_completed += completed;
            node.jobs_failed += failed;
            happened = (happened.0 + completed, happened.1 + failed);
            if leaves {
                device.leave(&mut node);
                prop_assert_eq!((node.jobs_completed.get(), node.jobs_failed.get()), (0, 0));
            } else {
                device.give_history(&mut node);
                prop_assert_eq!((device.jobs_completed.get(), device.jobs_failed.get()), (0, 0));
            }
            let together = (
                device.jobs_completed.get() + node.jobs_completed.get(),
                device.jobs_failed.get() + node.jobs_failed.get(),
            );
            prop_assert_eq!(together, happened);
        }
    }
}
