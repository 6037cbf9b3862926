//! What a job costs and what a history is worth, with numbers at their bounds.

use anchor_lang::AnchorDeserialize;
use gantry_sdk::{
    amount,
    core::{
        billing, bond, reputation,
        sla::{self, SlaStep},
    },
    staking::accounts::{Pool, Position},
    state::PositionExt as _,
};
use serde_json::{Value, json};

const AMOUNTS: [u64; 7] = [0, 1, 999, 1_000_000, 123_456_789_012, u64::MAX - 1, u64::MAX];
const SECONDS: [u32; 6] = [0, 1, 59, 3_600, 86_399, u32::MAX];
const SHARES: [u16; 5] = [0, 1, 250, 9_999, 10_000];

fn text(value: u64) -> Value {
    json!(value.to_string())
}

pub(crate) fn all() -> Value {
    let mut bills = Vec::new();
    for price in AMOUNTS {
        for seconds in SECONDS {
            bills.push(json!({
                "price": text(price),
                "seconds": seconds,
                "deposit": billing::deposit(price, seconds).map(text),
                "bill": billing::bill(price, seconds).map(text),
            }));
        }
    }
    json!({
        "description": "64-bit numbers and longer are strings; null where the arguments are out of bounds.",
        "bills": bills,
        "settlements": settlements(),
        "claims": claims(),
        "bonds": bonds(),
        "slas": slas(),
        "reputations": reputations(),
        "positions": positions(),
        "amounts": amounts(),
    })
}

fn parts(parts: billing::Settlement) -> Value {
    json!({
        "provider": text(parts.provider),
        "matcher": text(parts.matcher),
        "treasury": text(parts.treasury),
        "customer": text(parts.customer),
    })
}

fn settlements() -> Vec<Value> {
    let mut all = Vec::new();
    for (deposit, earned) in [
        (0, 0),
        (1, 1),
        (10_001, 3_333),
        (1_000_000, 999_999),
        (u64::MAX, u64::MAX),
        (5, 6),
    ] {
        for (fee, matcher) in [(0, 0), (200, 50), (1, 9_999), (3_333, 3_333), (10_000, 1)] {
            let settled = billing::settle(deposit, earned, fee, matcher);
            let claimed = earned / 2;
            let left = settled.and_then(|settled| billing::after_claims(settled, claimed, earned / 4));
            all.push(json!({
                "deposit": text(deposit),
                "earned": text(earned),
                "fee_bps": fee,
                "matcher_bps": matcher,
                "parts": settled.map(parts),
                "claimed": text(claimed),
                "forgone": text(earned / 4),
                "left": left.map(|(left, missing)| json!({ "parts": parts(left), "missing": text(missing) })),
            }));
        }
    }
    all
}

fn claims() -> Vec<Value> {
    let mut all = Vec::new();
    for (bill, paid_out) in [(0, 0), (50_000, 0), (60_000, 48_750), (50_000, 49_000), (u64::MAX, 1)] {
        for (fee, matcher, commission) in [(200, 50, 2_000), (0, 0, 0), (5_000, 5_001, 0), (1, 1, 10_001)] {
            let claim = billing::claim(bill, fee, matcher, commission, paid_out);
            all.push(json!({
                "bill": text(bill),
                "paid_out": text(paid_out),
                "fee_bps": fee,
                "matcher_bps": matcher,
                "commission_bps": commission,
                "claim": claim.map(|claim| json!({ "due": text(claim.due), "delegators": text(claim.delegators) })),
            }));
        }
    }
    all
}

fn bonds() -> Vec<Value> {
    let mut all = Vec::new();
    for bill in AMOUNTS {
        for (rate, ratio) in [
            (1 << 32, 10_000),
            (1 << 31, 5_001),
            (u64::MAX, 1),
            (3, u32::MAX),
            (0, 10_000),
        ] {
            let bond = bond::bond(bill, rate, ratio).map(text);
            all.push(json!({ "bill": text(bill), "rate": text(rate), "ratio_bps": ratio, "bond": bond }));
        }
    }
    all
}

fn slas() -> Vec<Value> {
    let table = [(1, 1_000), (100, 2_500), (500, 10_000)].map(|(shortfall_bps, credit_bps)| SlaStep {
        shortfall_bps,
        credit_bps,
    });
    let mut all = Vec::new();
    for (served, elapsed) in [
        (0, 0),
        (5, 0),
        (99, 100),
        (9_899, 10_000),
        (1, u32::MAX),
        (u32::MAX, u32::MAX),
        (940, 1_000),
    ] {
        for target in SHARES {
            let uptime = sla::uptime_bps(served, elapsed);
            let credit_bps = sla::credit_bps(target, uptime, &table);
            all.push(json!({
                "served": served,
                "elapsed": elapsed,
                "target_bps": target,
                "uptime_bps": uptime,
                "credit_bps": credit_bps,
                "credit_of_1001": sla::credit(1_001, credit_bps).map(text),
            }));
        }
    }
    all
}

fn reputations() -> Vec<Value> {
    let histories = [
        (0, 0, 0, 0),
        (10, 0, 100, 100),
        (9, 3, 3_599, 3_600),
        (0, 7, 0, 10),
        (u64::MAX, u64::MAX, u64::MAX - 1, u64::MAX),
        (1 << 50, 1, (1 << 51) - 1, 1 << 51),
        (3, 1, 5, 4),
    ];
    let reputation = |(completed, failed, served_seconds, promised_seconds)| {
        let history = reputation::History {
            completed,
            failed,
            served_seconds,
            promised_seconds,
        };
        json!({
            "completed": text(completed),
            "failed": text(failed),
            "served_seconds": text(served_seconds),
            "promised_seconds": text(promised_seconds),
            "reputation_bps": reputation::reputation_bps(history),
        })
    };
    histories.into_iter().map(reputation).collect()
}

fn empty<T: AnchorDeserialize>() -> T {
    T::deserialize(&mut [0u8; 2_048].as_slice()).expect("zeros decode")
}

fn positions() -> Vec<Value> {
    let mut all = Vec::new();
    let largest = 1u128 << 126;
    for (shares, active, active_shares) in [
        (0, 0, 0),
        (200, 500, 500),
        (700, 333, 1_000),
        (largest, u64::MAX - 1, largest),
        (largest / 2, 3, largest),
        (5, 100, 4),
    ] {
        for (index, wipes) in [(0u128, 0u8), (3 << 64, 0), ((1 << 64) + 12_345, 0), (7 << 60, 1)] {
            let (mut pool, mut position): (Pool, Position) = (empty(), empty());
            (pool.active, pool.active_shares, pool.reward_index, pool.wipes) = (active, active_shares, index, wipes);
            pool.wiped_reward_index[0] = index / 2;
            (position.shares, position.rewards_owed, position.reward_fraction) = (shares, 2, 1 << 63);
            let half = position.staked(&pool) / 2;
            all.push(json!({
                "shares": shares.to_string(),
                "rewards_owed": "2",
                "reward_fraction": (1u64 << 63).to_string(),
                "pool": {
                    "active": text(active),
                    "active_shares": active_shares.to_string(),
                    "reward_index": index.to_string(),
                    "wipes": wipes,
                    "wiped_reward_index": (index / 2).to_string(),
                },
                "staked": text(position.staked(&pool)),
                "rewards": text(position.rewards(&pool)),
                "half": text(half),
                "shares_for_half": position.shares_for(&pool, half).map(|shares| shares.to_string()),
            }));
        }
    }
    all
}

fn amounts() -> Vec<Value> {
    let mut all = Vec::new();
    for written in [
        "1.50",
        "0.000001",
        "7",
        "1.",
        ".5",
        "-1",
        "1e3",
        "0.0000001",
        "18446744073709.551615",
        "18446744073709.551616",
    ] {
        for decimals in [0, 6, 9] {
            let parsed = amount::parse(written, decimals).ok();
            all.push(json!({
                "text": written,
                "decimals": decimals,
                "base_units": parsed.map(text),
                "shown": parsed.map(|units| amount::format(units, decimals)),
            }));
        }
    }
    all
}
