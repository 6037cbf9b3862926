//! Writes `sdk/vectors/receipt-v1.json`. The file is checked in, and a test recomputes it: run this only for new cases.
//!
//! `cargo run -p gantry-sdk --example generate_vectors > sdk/vectors/receipt-v1.json`

use gantry_sdk::{
    Keypair, Signer,
    receipt::{Receipt, ReceiptStatus, precompile_instruction, sign},
};
use serde_json::json;

fn main() {
    let base = Receipt {
        genesis_hash: [0x11; 32],
        market: gantry_sdk::market::ID.to_bytes(),
        job: [0x33; 32],
        assignment: 1,
        sequence: 0,
        served_seconds: 0,
        issued_at: 1_767_225_600,
        status: ReceiptStatus::Running,
        exit_code: 0,
        output_digest: [0; 32],
    };
    let cases = [
        ("start", [1; 32], base.clone()),
        (
            "progress",
            [1; 32],
            Receipt {
                sequence: 1,
                served_seconds: 10,
                issued_at: 1_767_225_610,
                ..base.clone()
            },
        ),
        (
            "completed",
            [1; 32],
            Receipt {
                sequence: 2,
                served_seconds: 14,
                issued_at: 1_767_225_614,
                status: ReceiptStatus::Completed,
                output_digest: [0x44; 32],
                ..base.clone()
            },
        ),
        (
            "failed on the second assignment",
            [2; 32],
            Receipt {
                assignment: 2,
                sequence: 7,
                served_seconds: 3,
                status: ReceiptStatus::Failed,
                exit_code: -9,
                output_digest: [0x55; 32],
                ..base.clone()
            },
        ),
        (
            "every number at its bound",
            [0xff; 32],
            Receipt {
                genesis_hash: [0xff; 32],
                market: [0xff; 32],
                job: [0xff; 32],
                assignment: u32::MAX,
                sequence: u64::MAX,
                served_seconds: u64::MAX,
                issued_at: i64::MIN,
                status: ReceiptStatus::Completed,
                exit_code: i32::MIN,
                output_digest: [0xff; 32],
            },
        ),
    ];
    let vectors: Vec<_> = cases
        .iter()
        .map(|(name, seed, receipt)| {
            let key = Keypair::new_from_array(*seed);
            json!({
                "name": name,
                "receipt": {
                    "genesis_hash": hex::encode(receipt.genesis_hash),
                    "market": hex::encode(receipt.market),
                    "job": hex::encode(receipt.job),
                    "assignment": receipt.assignment,
                    "sequence": receipt.sequence.to_string(),
                    "served_seconds": receipt.served_seconds.to_string(),
                    "issued_at": receipt.issued_at.to_string(),
                    "status": receipt.status as u8,
                    "exit_code": receipt.exit_code,
                    "output_digest": hex::encode(receipt.output_digest),
                },
                "encoded": hex::encode(receipt.encode()),
                "seed": hex::encode(seed),
                "public_key": hex::encode(key.pubkey().to_bytes()),
                "signature": hex::encode(sign(receipt, &key)),
                "precompile_instruction": hex::encode(precompile_instruction(receipt, &key).data),
            })
        })
        .collect();
    let document = json!({
        "description": "Usage receipts, version 1. Bytes are hexadecimal; 64-bit numbers are strings; the key is ed25519 from the seed.",
        "vectors": vectors,
    });
    println!("{document:#}");
}
