//! Usage receipts: signing them, and carrying them to the market.
//!
//! The bytes are [`gantry_core::receipt`]'s; vectors for other languages are in `sdk/vectors/receipt-v1.json`.

use crate::{Instruction, Keypair, Pubkey, Signature, Signer};
use gantry_core::ed25519;
pub use gantry_core::receipt::{Receipt, ReceiptError, ReceiptStatus};

/// Solana's ed25519 precompile.
pub const ED25519_PROGRAM: Pubkey = Pubkey::from_str_const("Ed25519SigVerify111111111111111111111111111");

/// The node key's signature over `receipt`.
pub fn sign(receipt: &Receipt, node_key: &Keypair) -> [u8; 64] {
    node_key.sign_message(&receipt.encode()).into()
}

/// Whether `signature` is `node_key`'s over `receipt`.
pub fn verify(receipt: &Receipt, node_key: &Pubkey, signature: &[u8; 64]) -> bool {
    Signature::from(*signature).verify(node_key.as_ref(), &receipt.encode())
}

/// Signs `receipt` and makes the instruction that has the runtime verify it. It goes right before the market's.
pub fn precompile_instruction(receipt: &Receipt, node_key: &Keypair) -> Instruction {
    precompile_instruction_signed(receipt, &node_key.pubkey(), &sign(receipt, node_key))
}

/// The instruction that has the runtime verify an existing `signature`: anyone may carry a receipt.
pub fn precompile_instruction_signed(receipt: &Receipt, node_key: &Pubkey, signature: &[u8; 64]) -> Instruction {
    Instruction {
        program_id: ED25519_PROGRAM,
        accounts: Vec::new(),
        data: ed25519::encode(&node_key.to_bytes(), signature, &receipt.encode()).to_vec(),
    }
}
