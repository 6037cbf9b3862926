//! The indexed decision against one that looks at everything, and its independence of the order of arrival.

use std::collections::{HashMap, HashSet};

use gantry_core::requirements::{Offer, Requirements};
use gantry_core::{billing, bond};
use gantry_matcher::fleet::Fleet;
use gantry_matcher::model::{BondRules, FreeNode, Key, OpenJob, Stake, ring_distance};
use gantry_matcher::plan::{Queue, plan};
use proptest::prelude::*;

const NOW: i64 = 1_000;
const RATE: u64 = 1 << 32;
const RULES: BondRules = BondRules {
    ratio_bps: 5_000,
    minimum_pool_stake: 10,
};

#[derive(Clone, Debug)]
struct World {
    nodes: Vec<FreeNode>,
    stakes: Vec<(Key, Stake)>,
    jobs: Vec<OpenJob>,
}

fn key(tag: u8, number: u8) -> Key {
    let mut key = [0; 32];
    (key[0], key[1], key[31]) = (number, tag, number);
    key
}

fn mint(number: u8) -> Key {
    key(200, number)
}

prop_compose! {
    fn node(number: u8)(
        provider in 0u8..4, model in 0u16..3, vram_gib in 0u16..3, country in 0usize..3, tier in 0u8..3,
        expires in 0i64..3, reputation in 0u16..3, price in 1u64..4, mint_number in 0u8..10,
    ) -> FreeNode {
        FreeNode {
            key: key(1, number),
            provider: key(2, provider),
            offer: Offer {
                gpu_model: model,
                gpu_count: 1,
                vram_gib,
                ram_gib: 1,
                disk_gib: 1,
                mbps: 1,
                country: [[0; 2], *b"DE", *b"FR"][country],
                flags: 0,
                tier,
                attestation_expires_at: NOW - 1 + expires,
                reputation_bps: reputation * 1_000,
                price_per_hour: price * 3_600,
                mint: mint(u8::from(mint_number == 0)),
            },
        }
    }
}

prop_compose! {
    fn job(number: u8)(
        created_at in 0i64..4, models in prop::array::uniform4(0u16..3), vram_gib in 0u16..2, country in 0usize..6,
        tier in 0u8..2, reputation in 0u16..2, price in 1u64..5, max_duration in 1u32..20,
        fixed in prop::option::weighted(0.1, 0u8..12), barred in prop::collection::vec(0u8..12, 0..2),
    ) -> OpenJob {
        let countries = [[0; 2], *b"DE", *b"FR", [0; 2], [0; 2], [0; 2]];
        OpenJob {
            key: key(3, number),
            created_at,
            requirements: Requirements {
                gpu_models: models,
                gpu_count: 0,
                vram_gib,
                ram_gib: 0,
                disk_gib: 0,
                mbps: 0,
                countries: [countries[country], [0; 2], [0; 2], [0; 2], [0; 2], [0; 2], [0; 2], [0; 2]],
                flags: 0,
                tier,
                reputation_bps: reputation * 1_000,
                max_price_per_hour: price * 3_600,
                mint: mint(0),
            },
            max_duration,
            fixed_node: fixed.map(|number| key(1, number)),
            barred: barred.into_iter().map(|number| key(1, number)[..4].try_into().expect("four")).collect(),
        }
    }
}

fn world() -> impl Strategy<Value = World> {
    let nodes = (0..12u8).map(node).collect::<Vec<_>>();
    let jobs = (0..10u8).map(job).collect::<Vec<_>>();
    let stake = (0u64..60, 0u64..20, 0u8..8).prop_map(|(active, bonded, other)| Stake {
        active,
        bonded,
        reward_mint: mint(u8::from(other == 0)),
    });
    let stakes = prop::collection::vec(stake, 0..4).prop_map(|stakes| {
        stakes
            .into_iter()
            .enumerate()
            .map(|(n, stake)| (key(2, n as u8), stake))
            .collect()
    });
    (nodes, 0usize..=12, stakes, jobs).prop_map(|(mut nodes, count, stakes, jobs)| {
        nodes.truncate(count);
        World { nodes, stakes, jobs }
    })
}

fn load(world: &World) -> (Queue, Fleet) {
    let (mut queue, mut fleet) = (Queue::default(), Fleet::default());
    fleet.set_rules(RULES);
    fleet.set_rate(mint(0), Some(RATE));
    world
        .stakes
        .iter()
        .for_each(|(provider, stake)| fleet.set_stake(*provider, Some(*stake)));
    world.nodes.iter().for_each(|node| fleet.insert(node.clone()));
    world.jobs.iter().for_each(|job| queue.insert(job.clone()));
    (queue, fleet)
}

/// The rules once more, as the market states them, without an index.
fn fits(job: &OpenJob, node: &FreeNode, stakes: &HashMap<Key, Stake>) -> Option<u64> {
    let stake = stakes.get(&node.provider)?;
    let bill = billing::deposit(node.offer.price_per_hour, job.max_duration)?;
    let bond = bond::bond(bill, RATE, RULES.ratio_bps)?;
    let ok = job.fixed_node.is_none_or(|key| key == node.key)
        && !job.barred.iter().any(|prefix| node.key.starts_with(prefix))
        && job.requirements.check(&node.offer, NOW).is_ok()
        && stake.reward_mint == job.requirements.mint
        && stake.active >= RULES.minimum_pool_stake
        && stake.bonded + bond <= stake.active;
    ok.then_some(bond)
}

fn naive(world: &World) -> Vec<(Key, Key, u64)> {
    let mut jobs = world.jobs.clone();
    jobs.sort_by_key(|job| (job.created_at, job.key));
    let mut nodes = world.nodes.clone();
    let mut stakes: HashMap<Key, Stake> = world.stakes.iter().copied().collect();
    let mut pairs = Vec::new();
    for job in jobs {
        let candidates = nodes
            .iter()
            .filter_map(|node| Some((node.clone(), fits(&job, node, &stakes)?)));
        let best = candidates.min_by_key(|(node, _)| {
            let offer = &node.offer;
            let equals = ring_distance(&job.key, &node.key);
            (
                offer.price_per_hour,
                std::cmp::Reverse(offer.reputation_bps),
                equals,
                node.key,
            )
        });
        let Some((node, bond)) = best else { continue };
        nodes.retain(|other| other.key != node.key);
        stakes.get_mut(&node.provider).expect("it fitted").bonded += bond;
        pairs.push((job.key, node.key, bond));
    }
    pairs
}

fn planned(world: &World) -> Vec<(Key, Key, u64)> {
    let (queue, mut fleet) = load(world);
    let pairs = plan(&queue, &mut fleet, &HashSet::new(), NOW, |_, _, _| ());
    pairs
        .into_iter()
        .map(|pair| (pair.job, pair.choice.node.key, pair.choice.bond))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_index_decides_as_a_scan_does(world in world()) {
        prop_assert_eq!(planned(&world), naive(&world));
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(
        (world, shuffled) in world().prop_flat_map(|world| {
            let parts = (
                Just(world.nodes.clone()).prop_shuffle(),
                Just(world.stakes.clone()).prop_shuffle(),
                Just(world.jobs.clone()).prop_shuffle(),
            );
            (Just(world), parts.prop_map(|(nodes, stakes, jobs)| World { nodes, stakes, jobs }))
        })
    ) {
        prop_assert_eq!(planned(&world), planned(&shuffled));
    }

    #[test]
    fn nodes_that_come_and_go_leave_no_trace(world in world(), moved in prop::collection::vec(any::<bool>(), 12)) {
        let (queue, mut fleet) = load(&world);
        for (node, moved) in world.nodes.iter().zip(&moved) {
            if *moved {
                let mut other = node.clone();
                other.offer.price_per_hour += 7;
                other.offer.country = *b"US";
                fleet.insert(other);
                fleet.insert(node.clone());
            } else {
                fleet.remove(&node.key);
                fleet.insert(node.clone());
            }
        }
        let pairs = plan(&queue, &mut fleet, &HashSet::new(), NOW, |_, _, _| ());
        let pairs: Vec<_> = pairs.into_iter().map(|pair| (pair.job, pair.choice.node.key, pair.choice.bond)).collect();
        prop_assert_eq!(pairs, naive(&world));
    }

    #[test]
    fn a_survey_starts_with_the_choice(world in world()) {
        let (queue, fleet) = load(&world);
        for job in queue.iter() {
            let survey = fleet.survey(job, NOW);
            let chosen = fleet.choose(job, NOW).map(|choice| choice.node);
            prop_assert_eq!(survey.fitting.first(), chosen.as_ref());
            let counted = survey.fitting.len() + survey.unfit.values().sum::<usize>();
            prop_assert_eq!(counted, fleet.len());
        }
    }
}

#[test]
fn equals_share() {
    let offer = Offer {
        gpu_model: 0,
        gpu_count: 0,
        vram_gib: 0,
        ram_gib: 0,
        disk_gib: 0,
        mbps: 0,
        country: [0; 2],
        flags: 0,
        tier: 0,
        attestation_expires_at: 0,
        reputation_bps: 5_000,
        price_per_hour: 3_600,
        mint: mint(0),
    };
    let requirements = Requirements {
        gpu_models: [0; 4],
        gpu_count: 0,
        vram_gib: 0,
        ram_gib: 0,
        disk_gib: 0,
        mbps: 0,
        countries: [[0; 2]; 8],
        flags: 0,
        tier: 0,
        reputation_bps: 0,
        max_price_per_hour: 3_600,
        mint: mint(0),
    };
    let stake = Stake {
        active: u64::MAX,
        bonded: 0,
        reward_mint: mint(0),
    };
    let mut fleet = Fleet::default();
    fleet.set_rules(RULES);
    fleet.set_rate(mint(0), Some(RATE));
    for number in 0..8 {
        fleet.insert(FreeNode {
            key: key(1, number),
            provider: key(2, number),
            offer,
        });
        fleet.set_stake(key(2, number), Some(stake));
    }
    let mut winners = HashMap::<Key, usize>::new();
    for number in 0..=255 {
        let job = OpenJob {
            key: key(3, number),
            created_at: 0,
            requirements,
            max_duration: 1,
            fixed_node: None,
            barred: Vec::new(),
        };
        let choice = fleet.choose(&job, NOW).expect("all fit");
        *winners.entry(choice.node.key).or_default() += 1;
    }
    assert!(winners.len() >= 6, "of eight equals only {} ever win", winners.len());
}
