//! The published receipt vectors are what this crate computes.

use gantry_sdk::{
    Keypair, Pubkey, Signer,
    receipt::{ED25519_PROGRAM, Receipt, ReceiptStatus, precompile_instruction, sign, verify},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Document {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    receipt: Fields,
    encoded: String,
    seed: String,
    public_key: String,
    signature: String,
    precompile_instruction: String,
}

#[derive(Deserialize)]
struct Fields {
    genesis_hash: String,
    market: String,
    job: String,
    assignment: u32,
    sequence: String,
    served_seconds: String,
    issued_at: String,
    status: u8,
    exit_code: i32,
    output_digest: String,
}

fn bytes32(text: &str) -> [u8; 32] {
    hex::decode(text).expect("hexadecimal").try_into().expect("32 bytes")
}

impl Fields {
    fn receipt(&self) -> Receipt {
        Receipt {
            genesis_hash: bytes32(&self.genesis_hash),
            market: bytes32(&self.market),
            job: bytes32(&self.job),
            assignment: self.assignment,
            sequence: self.sequence.parse().expect("a number"),
            served_seconds: self.served_seconds.parse().expect("a number"),
            issued_at: self.issued_at.parse().expect("a number"),
            status: ReceiptStatus::from_byte(self.status).expect("a status"),
            exit_code: self.exit_code,
            output_digest: bytes32(&self.output_digest),
        }
    }
}

fn vectors() -> Vec<Vector> {
    let document: Document =
        serde_json::from_str(include_str!("../../vectors/receipt-v1.json")).expect("the vectors read");
    assert!(document.vectors.len() >= 5);
    document.vectors
}

#[test]
fn every_vector_is_recomputed() {
    for vector in vectors() {
        let (name, receipt) = (&vector.name, vector.receipt.receipt());
        let key = Keypair::new_from_array(bytes32(&vector.seed));
        assert_eq!(hex::encode(receipt.encode()), vector.encoded, "{name}");
        assert_eq!(hex::encode(key.pubkey().to_bytes()), vector.public_key, "{name}");
        assert_eq!(hex::encode(sign(&receipt, &key)), vector.signature, "{name}");
        let instruction = precompile_instruction(&receipt, &key);
        assert_eq!(
            (instruction.program_id, instruction.accounts.len()),
            (ED25519_PROGRAM, 0),
            "{name}"
        );
        assert_eq!(hex::encode(instruction.data), vector.precompile_instruction, "{name}");
    }
}

#[test]
fn every_vector_reads_back_and_one_flipped_bit_spoils_its_signature() {
    for vector in vectors() {
        let encoded = hex::decode(&vector.encoded).expect("hexadecimal");
        let receipt = Receipt::decode(&encoded).expect("a receipt");
        assert_eq!(receipt, vector.receipt.receipt(), "{}", vector.name);
        let key = Pubkey::from(bytes32(&vector.public_key));
        let signature: [u8; 64] = hex::decode(&vector.signature)
            .expect("hexadecimal")
            .try_into()
            .expect("64 bytes");
        assert!(verify(&receipt, &key, &signature), "{}", vector.name);
        for at in 24..encoded.len() {
            let mut flipped = encoded.clone();
            flipped[at] ^= 1;
            // Some flips make no receipt at all; the others must not verify.
            if let Ok(other) = Receipt::decode(&flipped) {
                assert!(!verify(&other, &key, &signature), "{} byte {at}", vector.name);
            }
        }
    }
}
