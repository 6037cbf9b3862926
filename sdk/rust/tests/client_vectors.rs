//! What other languages' clients must compute as this one does: addresses, instructions, layouts, maths, specs.
//!
//! The files in `sdk/vectors/` are checked in and compared here. `GANTRY_WRITE_VECTORS=1 cargo test --workspace --test
//! client_vectors` writes them anew.

mod vectors {
    pub(crate) mod instructions;
    pub(crate) mod layouts;
    pub(crate) mod maths;
    pub(crate) mod specs;
}

use gantry_sdk::{Pubkey, pda};
use serde_json::{Value, json};
use std::path::Path;

/// The key whose bytes are all `byte`.
fn key(byte: u8) -> Pubkey {
    Pubkey::from([byte; 32])
}

/// Compares `value` with the file that is checked in, or writes the file.
fn check(name: &str, value: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../vectors")
        .join(format!("{name}.json"));
    let text = format!("{value:#}\n");
    if std::env::var_os("GANTRY_WRITE_VECTORS").is_some() {
        std::fs::write(&path, text).expect("the file is written");
        return;
    }
    let found = std::fs::read_to_string(&path).expect("the file is checked in");
    assert!(
        found == text,
        "sdk/vectors/{name}.json is not what this crate computes: write it anew (see the head of this test) and look at \
         the difference"
    );
}

#[test]
fn addresses() {
    let named = |name: &str, seeds: Value, address: Pubkey| json!({ "name": name, "seeds": seeds, "address": address.to_string() });
    let text = |byte: u8| key(byte).to_string();
    let cases = vec![
        named("network", json!({}), pda::network()),
        named("provider", json!({ "authority": text(1) }), pda::provider(&key(1))),
        named(
            "node",
            json!({ "provider": text(2), "nodeKey": text(3) }),
            pda::node(&key(2), &key(3)),
        ),
        named("attestor", json!({ "key": text(4) }), pda::attestor(&key(4))),
        named(
            "device",
            json!({ "deviceHash": hex::encode([5; 32]) }),
            pda::device(&[5; 32]),
        ),
        named("stakingParams", json!({}), pda::staking_params()),
        named("pool", json!({ "provider": text(2) }), pda::pool(&key(2))),
        named("stakeVault", json!({ "pool": text(6) }), pda::stake_vault(&key(6))),
        named("rewardVault", json!({ "pool": text(6) }), pda::reward_vault(&key(6))),
        named(
            "position",
            json!({ "pool": text(6), "owner": text(7) }),
            pda::position(&key(6), &key(7)),
        ),
        named("marketParams", json!({}), pda::market_params()),
        named("marketAuthority", json!({}), pda::market_authority()),
        named("paymentMint", json!({ "mint": text(8) }), pda::payment_mint(&key(8))),
        named("customer", json!({ "wallet": text(9) }), pda::customer(&key(9))),
        named("job", json!({ "wallet": text(9), "id": "0" }), pda::job(&key(9), 0)),
        named("job", json!({ "wallet": text(9), "id": "258" }), pda::job(&key(9), 258)),
        named(
            "job",
            json!({ "wallet": text(9), "id": u64::MAX.to_string() }),
            pda::job(&key(9), u64::MAX),
        ),
        named("vault", json!({ "job": text(10) }), pda::vault(&key(10))),
        named("dispute", json!({ "job": text(10) }), pda::dispute(&key(10))),
        named(
            "associatedToken",
            json!({ "owner": text(11), "mint": text(12), "tokenProgram": text(13) }),
            pda::associated_token(&key(11), &key(12), &key(13)),
        ),
    ];
    check("addresses-v1", &json!({ "vectors": cases }));
}

#[test]
fn instructions() {
    check("instructions-v1", &vectors::instructions::all());
}

#[test]
fn layouts() {
    check("layouts-v1", &vectors::layouts::all());
}

#[test]
fn maths() {
    check("maths-v1", &vectors::maths::all());
}

#[tokio::test]
async fn specs() {
    check("specs-v1", &vectors::specs::all().await);
}
