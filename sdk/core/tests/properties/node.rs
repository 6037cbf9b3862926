//! What a node has been and has: reputation and requirements.

use crate::{CASES, amount};
use gantry_core::{
    reputation::{History, reputation_bps},
    requirements::{Mismatch, Offer, Requirements},
};
use proptest::{prelude::*, sample::select};

fn history() -> impl Strategy<Value = History> {
    (amount(), amount(), amount(), amount()).prop_map(|(completed, failed, served_seconds, promised_seconds)| History {
        completed,
        failed,
        served_seconds,
        promised_seconds,
    })
}

/// The same in 128 bits, without the limit of 50.
fn exact(history: History) -> u128 {
    let [completed, failed, served, promised] = [
        history.completed,
        history.failed,
        history.served_seconds,
        history.promised_seconds,
    ]
    .map(u128::from);
    let success = (completed + 1) * 10_000 / (completed + failed + 2);
    let share = if served >= promised {
        10_000
    } else {
        served * 10_000 / promised
    };
    success * share / 10_000
}

/// Few values, so that chance meets the bounds.
fn requirements() -> impl Strategy<Value = Requirements> {
    let places = (
        prop::array::uniform4(0u16..3),
        prop::array::uniform8(select(vec![[0, 0], [0, 0], *b"DE", *b"FR"])),
    );
    let least = (0u8..3, 0u16..3, 0u16..3, 0u32..3, 0u32..3, 0u16..4, 0u8..4, 0u16..3);
    (places, least, 0u64..3, 0u8..2).prop_map(|((gpu_models, countries), least, max_price_per_hour, mint)| {
        let (gpu_count, vram_gib, ram_gib, disk_gib, mbps, flags, tier, reputation_bps) = least;
        Requirements {
            gpu_models,
            gpu_count,
            vram_gib,
            ram_gib,
            disk_gib,
            mbps,
            countries,
            flags,
            tier,
            reputation_bps,
            max_price_per_hour,
            mint: [mint; 32],
        }
    })
}

fn offer() -> impl Strategy<Value = Offer> {
    let has = (0u16..3, 0u8..3, 0u16..3, 0u16..3, 0u32..3, 0u32..3);
    let attested = (0u16..4, 0u8..4, -2i64..3);
    let country = select(vec![[0, 0], *b"DE", *b"FR", *b"US"]);
    (has, attested, country, 0u16..3, 0u64..3, 0u8..2).prop_map(
        |(has, (flags, tier, attestation_expires_at), country, reputation_bps, price_per_hour, mint)| {
            let (gpu_model, gpu_count, vram_gib, ram_gib, disk_gib, mbps) = has;
            Offer {
                gpu_model,
                gpu_count,
                vram_gib,
                ram_gib,
                disk_gib,
                mbps,
                country,
                flags,
                tier,
                attestation_expires_at,
                reputation_bps,
                price_per_hour,
                mint: [mint; 32],
            }
        },
    )
}

/// An offer that meets `asks` at its bounds in everything.
fn bare_minimum(asks: &Requirements, now: i64) -> Offer {
    Offer {
        gpu_model: asks.gpu_models.into_iter().find(|model| *model != 0).unwrap_or(0),
        gpu_count: asks.gpu_count,
        vram_gib: asks.vram_gib,
        ram_gib: asks.ram_gib,
        disk_gib: asks.disk_gib,
        mbps: asks.mbps,
        country: asks
            .countries
            .into_iter()
            .find(|country| *country != [0, 0])
            .unwrap_or([0, 0]),
        flags: asks.flags,
        tier: asks.tier,
        attestation_expires_at: now + 1,
        reputation_bps: asks.reputation_bps,
        price_per_hour: asks.max_price_per_hour,
        mint: asks.mint,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn reputation_is_at_most_the_whole_and_within_a_point_of_the_exact_one(history in history()) {
        let reputation = reputation_bps(history);
        prop_assert!(reputation <= 10_000);
        // More jobs than that count as that many; of seconds the lower bits are dropped.
        let most = |count: u64| count.min(1 << 50);
        let history = History { completed: most(history.completed), failed: most(history.failed), ..history };
        prop_assert!(u128::from(reputation).abs_diff(exact(history)) <= 1);
    }

    /// Two counts of 49 bits have a sum of 50, from which on bits are dropped.
    #[test]
    fn up_to_49_bits_reputation_is_exact(history in history(), bits in 1u32..=49) {
        let short = |number: u64| number & ((1 << bits) - 1);
        let history = History {
            completed: short(history.completed),
            failed: short(history.failed),
            served_seconds: short(history.served_seconds),
            promised_seconds: short(history.promised_seconds),
        };
        prop_assert_eq!(u128::from(reputation_bps(history)), exact(history));
    }

    #[test]
    fn a_better_history_is_never_a_lower_reputation(history in history(), jobs in 0u64..1 << 48, seconds: u64) {
        let history = History { completed: history.completed >> 16, failed: history.failed >> 16, ..history };
        let before = reputation_bps(history);
        prop_assert!(before < 10_000);
        let completed = History { completed: history.completed + jobs, ..history };
        let failed = History { failed: history.failed + jobs, ..history };
        let served = History { served_seconds: history.served_seconds.saturating_add(seconds), ..history };
        prop_assert!(reputation_bps(completed) >= before);
        prop_assert!(reputation_bps(failed) <= before);
        prop_assert!(reputation_bps(served) >= before);
    }

    /// Against the requirements written down one by one, in the order of the documentation. Most of the offer is just
    /// enough, so that the last requirements are reached as often as the first.
    #[test]
    fn the_first_requirement_that_is_not_met_is_named(
        asks in requirements(), other in offer(), changed in prop::array::uniform13(prop::bool::weighted(0.1)),
    ) {
        let mut has = bare_minimum(&asks, 0);
        let mut changed = changed.into_iter();
        macro_rules! perhaps {
            ($($field:ident)*) => {
                $(if changed.next().expect("as many as fields") { has.$field = other.$field; })*
            };
        }
        perhaps!(
            mint price_per_hour gpu_model gpu_count vram_gib ram_gib disk_gib mbps country tier flags
            attestation_expires_at reputation_bps
        );
        let listed = |any: bool, unset: bool, found: bool| any || (!unset && found);
        let needs_attestation = asks.tier != 0 || asks.flags != 0;
        let met = [
            (Mismatch::Mint, asks.mint == has.mint),
            (Mismatch::Price, has.price_per_hour <= asks.max_price_per_hour),
            (
                Mismatch::GpuModel,
                listed(asks.gpu_models == [0; 4], has.gpu_model == 0, asks.gpu_models.contains(&has.gpu_model)),
            ),
            (Mismatch::GpuCount, has.gpu_count >= asks.gpu_count),
            (Mismatch::Vram, has.vram_gib >= asks.vram_gib),
            (Mismatch::Ram, has.ram_gib >= asks.ram_gib),
            (Mismatch::Disk, has.disk_gib >= asks.disk_gib),
            (Mismatch::Bandwidth, has.mbps >= asks.mbps),
            (
                Mismatch::Country,
                listed(asks.countries == [[0; 2]; 8], has.country == [0, 0], asks.countries.contains(&has.country)),
            ),
            (Mismatch::Tier, has.tier >= asks.tier),
            (Mismatch::Flags, (0..16).all(|bit| asks.flags >> bit & 1 <= has.flags >> bit & 1)),
            (Mismatch::AttestationExpired, !needs_attestation || has.attestation_expires_at > 0),
            (Mismatch::Reputation, has.reputation_bps >= asks.reputation_bps),
        ];
        let first = met.into_iter().find(|(_, met)| !met).map(|(mismatch, _)| mismatch);
        prop_assert_eq!(asks.check(&has, 0).err(), first);
    }

    #[test]
    fn what_a_job_asks_for_is_enough(asks in requirements(), now: i32) {
        let now = i64::from(now);
        prop_assert_eq!(asks.check(&bare_minimum(&asks, now), now), Ok(()));
    }
}

#[test]
fn every_mismatch_is_said_in_its_own_words() {
    use Mismatch::*;
    let all = [
        Mint,
        Price,
        GpuModel,
        GpuCount,
        Vram,
        Ram,
        Disk,
        Bandwidth,
        Country,
        Tier,
        Flags,
        AttestationExpired,
        Reputation,
    ];
    let said: std::collections::BTreeSet<_> = all.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), all.len());
    assert!(said.iter().all(|words| words.len() > 10), "{said:?}");
}
