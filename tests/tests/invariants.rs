//! What must always hold, over random histories of the whole market. See `invariants/mod.rs` for how, and
//! `invariants/ops/mod.rs` for how to add an operation.
//!
//! `GANTRY_INVARIANT_STEPS` says how many steps to run, `GANTRY_INVARIANT_SEED` runs the one history of that seed.

#[path = "invariants/mod.rs"]
mod suite;

use std::time::Instant;
use suite::{
    ops::{NOT_DRAWN, SUCCEEDING},
    run::{HISTORY, Summary, check, search},
};

/// Steps unless the environment says otherwise.
const STEPS: u64 = 200_000;

/// Where the seeds begin; a longer run goes on with those that follow.
const FIRST_SEED: u64 = 1;

fn from_environment(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    let number = value.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} must be a number, and is {value:?}")))
}

#[test]
fn random_histories_keep_every_law() {
    let started = Instant::now();
    if let Some(seed) = from_environment("GANTRY_INVARIANT_SEED") {
        if let Err(failure) = check(seed, HISTORY) {
            panic!("{}", failure.report);
        }
        return;
    }
    let steps = from_environment("GANTRY_INVARIANT_STEPS").unwrap_or(STEPS);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let summary: Summary = match search(FIRST_SEED, steps, threads) {
        Ok(summary) => summary,
        Err(failure) => panic!("{}", failure.report),
    };
    print!("{}", summary.table());
    println!("{}", summary.line(started.elapsed()));
    assert!(summary.steps >= steps);
    // A short run may miss what is rare.
    if steps >= STEPS {
        let untested = summary.untested();
        assert!(untested.is_empty(), "done and refused: {}", untested.join(", "));
    }
}

#[test]
fn every_instruction_is_drawn_or_known_not_to_be() {
    let idls = [
        include_str!("../../idl/registry.json"),
        include_str!("../../idl/staking.json"),
        include_str!("../../idl/market.json"),
    ];
    let known: Vec<&str> = SUCCEEDING.iter().chain(NOT_DRAWN).copied().collect();
    for idl in idls {
        let idl: serde_json::Value = serde_json::from_str(idl).expect("an IDL");
        for instruction in idl["instructions"].as_array().expect("instructions") {
            let name = instruction["name"].as_str().expect("a name");
            assert!(known.contains(&name), "no history draws {name}");
        }
    }
}

#[test]
fn histories_that_once_failed_keep_every_law() {
    let seeds = include_str!("invariants/regressions.txt").lines();
    for seed in seeds.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let seed = seed.trim().parse().expect("a seed");
        if let Err(failure) = check(seed, HISTORY) {
            panic!("{}", failure.report);
        }
    }
}
