//! Where the accounts are, and what the terms, jobs and votes say at every bound.

use super::*;
use anchor_lang::prelude::*;
use bytemuck::Zeroable;
use common::Stored;
use gantry_core::requirements::Requirements;
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
    is_at(&[b"customer", &[1; 32]], |bump| Customer {
        wallet: key(1),
        bump,
        ..Zeroable::zeroed()
    });
    is_at(&[b"job", &[1; 32], &7u64.to_le_bytes()], |bump| Job {
        customer: key(1),
        id: 7u64.into(),
        bump,
        ..Zeroable::zeroed()
    });
    is_at(&[b"dispute", &[2; 32]], |bump| Dispute {
        job: key(2),
        bump,
        ..Zeroable::zeroed()
    });
    is_at(&[b"mint", &[3; 32]], |bump| PaymentMint {
        mint: key(3),
        bump,
        ..Zeroable::zeroed()
    });
    assert_eq!(MarketParams::zeroed().derived_address(), MARKET_PARAMS);
    let (vault, vault_bump) = Address::find_program_address(&[b"vault", &[4; 32]], &crate::ID);
    let job = Job {
        vault_bump,
        ..Zeroable::zeroed()
    };
    assert_eq!(job.vault(&key(4)), vault);
}

#[test]
fn every_status_byte_is_a_status_or_none() {
    for byte in 0..=u8::MAX {
        let status = JobStatus::from_byte(byte);
        assert_eq!(status.map(|status| status as u8), (byte <= 6).then_some(byte));
        let job = Job {
            status: byte,
            ..Zeroable::zeroed()
        };
        assert_eq!(job.status(), status);
    }
}

#[test]
fn a_job_asks_for_what_its_account_says() {
    let job = Job {
        gpu_models: [1u16, 2, 3, 4].map(Into::into),
        gpu_count: 5,
        vram_gib: 6u16.into(),
        ram_gib: 7u16.into(),
        disk_gib: 8u32.into(),
        mbps: 9u32.into(),
        countries: [*b"AA", *b"BB", *b"CC", *b"DD", *b"EE", *b"FF", *b"GG", *b"HH"],
        flags: 10u16.into(),
        tier: 11,
        reputation_bps: 12u16.into(),
        max_price_per_hour: 13u64.into(),
        mint: key(14),
        ..Zeroable::zeroed()
    };
    let asked = Requirements {
        gpu_models: [1, 2, 3, 4],
        gpu_count: 5,
        vram_gib: 6,
        ram_gib: 7,
        disk_gib: 8,
        mbps: 9,
        countries: [*b"AA", *b"BB", *b"CC", *b"DD", *b"EE", *b"FF", *b"GG", *b"HH"],
        flags: 10,
        tier: 11,
        reputation_bps: 12,
        max_price_per_hour: 13,
        mint: [14; 32],
    };
    assert_eq!(job.requirements(), asked);
}

#[test]
fn times_count_from_the_opening_for_as_long_as_32_bits_last() {
    let job = Job {
        created_at: 1_000i64.into(),
        ..Zeroable::zeroed()
    };
    let last = 1_000 + i64::from(u32::MAX);
    for (at, offset) in [(999, None), (1_000, Some(0)), (last, Some(u32::MAX)), (last + 1, None)] {
        assert_eq!(job.offset(at), offset);
    }
    assert_eq!(job.offset(i64::MIN), None, "no overflow either");
}

#[test]
fn a_job_elapses_until_it_ends() {
    for status in 0..=6 {
        let job = Job {
            status,
            started_at: 10u32.into(),
            ended_at: 30u32.into(),
            ..Zeroable::zeroed()
        };
        let ended = status > JobStatus::Running as u8;
        assert_eq!(job.elapsed(50), if ended { 20 } else { 40 }, "{status}");
        assert_eq!(job.elapsed(5), if ended { 20 } else { 0 }, "{status}");
    }
}

#[test]
fn the_sla_is_measured_to_the_last_receipt_or_to_a_lapse_and_over_what_was_bought() {
    for outcome in 0..=5u8 {
        let mut job = Job {
            outcome,
            started_at: 10u32.into(),
            active_at: 25u32.into(),
            ended_at: 30u32.into(),
            max_duration: 100u32.into(),
            ..Zeroable::zeroed()
        };
        let lapsed = outcome == JobOutcome::Lapsed as u8;
        assert_eq!(job.sla_seconds(), if lapsed { 20 } else { 15 }, "{outcome}");
        job.max_duration = 3u32.into();
        assert_eq!(job.sla_seconds(), 3);
    }
}

#[test]
fn the_last_four_nodes_are_barred_and_the_one_before_them_forgotten() {
    let mut job = Job::zeroed();
    // A node whose address begins with zeros is none of the empty places.
    assert!(!job.is_barred(&key(0)) && !job.is_barred(&key(1)));
    for node in 0..=5u8 {
        job.bar(&key(node));
        for other in 0..=9u8 {
            let among_last = other <= node && other + 4 > node;
            assert_eq!(job.is_barred(&key(other)), among_last, "{other} after {node}");
        }
    }
    // Only the first four bytes count, each of them.
    let mut job = Job::zeroed();
    job.bar(&key(7));
    for at in 0..32 {
        let mut other = [7; 32];
        other[at] = 8;
        assert_eq!(job.is_barred(&Address::new_from_array(other)), at >= 4, "byte {at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whenever proofs and looks come: what is released had been proven a dispute window before.
    #[test]
    fn seconds_are_released_a_window_after_they_were_proven(
        steps in prop::collection::vec((0u32..40, 0u32..40, any::<bool>()), 1..60), window in 1u32..100,
    ) {
        let mut job = Job::zeroed();
        let (mut now, mut served) = (0u32, 0u32);
        let mut proofs = vec![];
        for (passed, seconds, proof) in steps {
            now += passed;
            let before = job.released_seconds.get();
            if proof {
                served += seconds;
                job.record(served, now, window);
                proofs.push((now, served));
                prop_assert_eq!((job.served_seconds.get(), job.active_at.get()), (served, now));
            } else {
                job.release_due(now, window);
                // The latest proof is released a window after it came, and no checkpoint is newer than that.
                if proofs.last().is_some_and(|(at, _)| now - at >= window) {
                    prop_assert_eq!(job.released_seconds.get(), served);
                }
            }
            let due = proofs.iter().filter(|(at, _)| now - at >= window).map(|(_, served)| *served).max();
            let released = job.released_seconds.get();
            prop_assert!(released >= before && released <= due.unwrap_or(0), "{released} of {due:?}");
        }
    }

    /// Counted by hand: a verdict has as many votes alike as the threshold asks for, and no other has more than half.
    #[test]
    fn a_verdict_is_what_enough_members_voted(
        cast in prop::array::uniform9(prop::option::of((0u16..2, 0u16..2))), members in 0u8..=10, threshold in 1u8..=9,
    ) {
        let mut dispute = Dispute::zeroed();
        for (place, vote) in dispute.votes.iter_mut().zip(cast) {
            if let Some((share, slash)) = vote {
                *place = Vote { cast: 1, provider_share_bps: share.into(), slash_bps: slash.into() };
            }
        }
        let verdict = dispute
            .verdict(members, threshold)
            .map(|vote| (vote.provider_share_bps.get(), vote.slash_bps.get()));
        let votes: Vec<_> = cast.into_iter().take(usize::from(members)).flatten().collect();
        let count = |vote: (u16, u16)| votes.iter().filter(|other| **other == vote).count();
        let enough = votes.iter().find(|vote| count(**vote) >= usize::from(threshold)).copied();
        prop_assert_eq!(verdict, if members > 9 { None } else { enough });
    }
}

fn terms() -> Terms {
    Terms {
        dispute_bond: 0u64.into(),
        bond_ratio_bps: 1u32.into(),
        dispute_window: 1u32.into(),
        min_start_deadline: 1u32.into(),
        max_start_deadline: 1u32.into(),
        min_proof_timeout: 1u32.into(),
        max_proof_timeout: 1u32.into(),
        arbitration_timeout: 1u32.into(),
        max_duration: 1u32.into(),
        open_timeout: 1u32.into(),
        fee_bps: 4_000u16.into(),
        matcher_fee_bps: 6_000u16.into(),
        sla: [(1u16, 0u16), (10_000, 10_000), (1, 10_000)].map(|(shortfall, credit)| SlaCredit {
            shortfall_bps: shortfall.into(),
            credit_bps: credit.into(),
        }),
    }
}

#[test]
fn terms_at_all_their_bounds_are_valid_and_one_step_past_any_is_not() {
    assert!(terms().valid());
    type Spoil = fn(&mut Terms);
    let cases: [(&str, Spoil); 16] = [
        ("no bond ratio", |t| t.bond_ratio_bps = 0u32.into()),
        ("no dispute window", |t| t.dispute_window = 0u32.into()),
        ("no least start deadline", |t| t.min_start_deadline = 0u32.into()),
        ("least start deadline above the most", |t| {
            t.min_start_deadline = 2u32.into()
        }),
        ("no most start deadline", |t| t.max_start_deadline = 0u32.into()),
        ("no least proof timeout", |t| t.min_proof_timeout = 0u32.into()),
        ("least proof timeout above the most", |t| {
            t.min_proof_timeout = 2u32.into()
        }),
        ("no most proof timeout", |t| t.max_proof_timeout = 0u32.into()),
        ("no arbitration timeout", |t| t.arbitration_timeout = 0u32.into()),
        ("no duration", |t| t.max_duration = 0u32.into()),
        ("no open timeout", |t| t.open_timeout = 0u32.into()),
        ("a fee too many", |t| t.fee_bps = 4_001u16.into()),
        ("a matcher fee too many", |t| t.matcher_fee_bps = 6_001u16.into()),
        ("no shortfall", |t| t.sla[0].shortfall_bps = 0u16.into()),
        ("a shortfall above the whole", |t| {
            t.sla[1].shortfall_bps = 10_001u16.into()
        }),
        ("a credit above the whole", |t| t.sla[2].credit_bps = 10_001u16.into()),
    ];
    for (what, spoil) in cases {
        let mut terms = terms();
        spoil(&mut terms);
        assert!(!terms.valid(), "{what}");
    }
    let mut wide = terms();
    (wide.fee_bps, wide.matcher_fee_bps) = (u16::MAX.into(), u16::MAX.into());
    assert!(!wide.valid(), "the sum of the shares does not wrap");
}

#[test]
fn stake_waits_for_the_longest_judgement() {
    let mut terms = terms();
    (terms.dispute_window, terms.max_proof_timeout, terms.arbitration_timeout) =
        (100u32.into(), 20u32.into(), 3u32.into());
    assert_eq!(terms.longest_judgement(), 123);
    let mut staking = staking::StakingParams::zeroed();
    for (seconds, refused) in [(122u32, true), (123, false), (124, false)] {
        staking.unbonding_seconds = seconds.into();
        assert_eq!(terms.check(&staking).is_err(), refused, "{seconds}");
    }
    terms.bond_ratio_bps = 0u32.into();
    assert!(terms.check(&staking).is_err());
    for seconds in [
        &mut terms.dispute_window,
        &mut terms.max_proof_timeout,
        &mut terms.arbitration_timeout,
    ] {
        *seconds = u32::MAX.into();
    }
    assert_eq!(terms.longest_judgement(), 3 * u64::from(u32::MAX));
}

#[test]
fn terms_are_the_arguments_they_came_as() {
    let step = |shortfall_bps, credit_bps| SlaCreditArgs {
        shortfall_bps,
        credit_bps,
    };
    let terms = Terms::from(TermsArgs {
        dispute_bond: 1,
        bond_ratio_bps: 2,
        dispute_window: 3,
        min_start_deadline: 4,
        max_start_deadline: 5,
        min_proof_timeout: 6,
        max_proof_timeout: 7,
        arbitration_timeout: 8,
        max_duration: 9,
        open_timeout: 10,
        fee_bps: 11,
        matcher_fee_bps: 12,
        sla: [step(13, 14), step(15, 16), step(17, 18)],
    });
    let seconds = [
        terms.bond_ratio_bps,
        terms.dispute_window,
        terms.min_start_deadline,
        terms.max_start_deadline,
        terms.min_proof_timeout,
        terms.max_proof_timeout,
        terms.arbitration_timeout,
        terms.max_duration,
        terms.open_timeout,
    ];
    assert_eq!(seconds.map(|number| number.get()), [2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(
        (
            terms.dispute_bond.get(),
            terms.fee_bps.get(),
            terms.matcher_fee_bps.get()
        ),
        (1, 11, 12)
    );
    let steps = terms.sla_steps().map(|step| (step.shortfall_bps, step.credit_bps));
    assert_eq!(steps, [(13, 14), (15, 16), (17, 18)]);
}

#[test]
fn an_announcement_is_taken_once_and_the_last_one_counts() {
    let mut params = MarketParams::zeroed();
    assert!(matches!(
        params.take_announcement(),
        Err(crate::error::MarketError::NothingProposed)
    ));
    params.announce(Terms::default(), 5);
    params.announce(terms(), 7);
    let Ok((taken, at)) = params.take_announcement() else {
        panic!("nothing of what was announced");
    };
    assert_eq!((bytemuck::bytes_of(&taken), at), (bytemuck::bytes_of(&terms()), 7));
    assert_eq!(
        bytemuck::bytes_of(&params),
        bytemuck::bytes_of(&MarketParams::zeroed()),
        "nothing of it is left"
    );
    assert!(params.take_announcement().is_err());
}
