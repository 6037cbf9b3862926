//! Writes `sdk/vectors/sealed-v1.json`. The file is checked in, and a test recomputes it: run this only for new cases.
//!
//! `cargo run -p gantry-sdk --example generate_seal_vectors > sdk/vectors/sealed-v1.json`

use gantry_sdk::{
    Keypair, Pubkey, Signer,
    seal::{Context, Kind, Sealer},
};
use serde_json::json;

fn main() {
    let cases: [(&str, Kind, u8, Vec<u8>); 4] = [
        ("a spec", Kind::Spec, 1, br#"{"version":1}"#.to_vec()),
        ("nothing", Kind::File, 2, Vec::new()),
        ("a manifest", Kind::Manifest, 3, b"{}".to_vec()),
        (
            "longer than the least length",
            Kind::File,
            4,
            (0..1_200u32).map(|n| n as u8).collect(),
        ),
    ];
    let vectors: Vec<_> = cases
        .into_iter()
        .map(|(name, kind, number, content)| {
            let seed = [number; 32];
            let recipient = Pubkey::new_from_array(Keypair::new_from_array(seed).pubkey().to_bytes());
            let context = Context {
                genesis_hash: [0x11; 32],
                job: Pubkey::new_from_array([0x22; 32]),
            };
            let (secret, nonce) = ([number + 0x40; 32], [number + 0x80; 24]);
            let sealer = Sealer { recipient, context };
            let sealed = sealer.seal_with(kind, &content, secret, nonce).expect("sealed");
            json!({
                "name": name,
                "kind": kind as u8,
                "genesis_hash": hex::encode(context.genesis_hash),
                "job": hex::encode(context.job),
                "recipient_seed": hex::encode(seed),
                "recipient_public_key": hex::encode(recipient),
                "sender_secret": hex::encode(secret),
                "nonce": hex::encode(nonce),
                "content": hex::encode(content),
                "sealed": hex::encode(sealed),
            })
        })
        .collect();
    let document = json!({
        "description": "Sealed blobs, version 1. Bytes are hexadecimal; the recipient's key is ed25519 from the seed; the sender's secret is an X25519 one.",
        "vectors": vectors,
    });
    println!("{document:#}");
}
