//! The one shape of ed25519 precompile instruction that the market accepts: exactly one signature, everything inside
//! the instruction itself, in this order and with nothing after it.
//!
//! ```text
//! 0  count = 1        1  padding = 0
//! 2  signature offset = 48        4  signature instruction = u16::MAX
//! 6  key offset = 16              8  key instruction = u16::MAX
//! 10 message offset = 112        12  message size = 185     14  message instruction = u16::MAX
//! 16 key (32)   48 signature (64)   112 message (185)
//! ```
//! Source of the header: Solana's ed25519 program, `Ed25519SignatureOffsets`.

use crate::receipt;

const KEY_AT: usize = 16;
const SIGNATURE_AT: usize = 48;
const MESSAGE_AT: usize = 112;

/// Bytes of the instruction's data.
pub const LEN: usize = MESSAGE_AT + receipt::LEN;

/// The header of every accepted instruction; anything else is refused, which settles count, offsets, sizes and indices.
const HEADER: [u8; KEY_AT] = {
    let (signature, key, message, size) = (
        SIGNATURE_AT as u16,
        KEY_AT as u16,
        MESSAGE_AT as u16,
        receipt::LEN as u16,
    );
    let (s, k, m, n) = (
        signature.to_le_bytes(),
        key.to_le_bytes(),
        message.to_le_bytes(),
        size.to_le_bytes(),
    );
    [
        1, 0, s[0], s[1], 0xff, 0xff, k[0], k[1], 0xff, 0xff, m[0], m[1], n[0], n[1], 0xff, 0xff,
    ]
};

/// What one verified instruction says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedMessage<'a> {
    /// Who signed.
    pub key: &'a [u8; 32],
    /// The signature, 64 bytes.
    pub signature: &'a [u8; 64],
    /// What was signed: the length of a receipt.
    pub message: &'a [u8; receipt::LEN],
}

/// The data of an instruction that has the precompile verify `signature` of `key` over `message`.
pub fn encode(key: &[u8; 32], signature: &[u8; 64], message: &[u8; receipt::LEN]) -> [u8; LEN] {
    let mut data = [0; LEN];
    data[..KEY_AT].copy_from_slice(&HEADER);
    data[KEY_AT..SIGNATURE_AT].copy_from_slice(key);
    data[SIGNATURE_AT..MESSAGE_AT].copy_from_slice(signature);
    data[MESSAGE_AT..].copy_from_slice(message);
    data
}

/// Reads the data of a precompile instruction; `None` unless it has exactly the shape above.
///
/// That the signature is right is the precompile's word: it runs before any program of the transaction does.
pub fn decode(data: &[u8]) -> Option<SignedMessage<'_>> {
    if data.len() != LEN || data[..KEY_AT] != HEADER {
        return None;
    }
    Some(SignedMessage {
        key: data[KEY_AT..SIGNATURE_AT].try_into().ok()?,
        signature: data[SIGNATURE_AT..MESSAGE_AT].try_into().ok()?,
        message: data[MESSAGE_AT..].try_into().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_shape_is_read() {
        let data = encode(&[1; 32], &[2; 64], &[3; receipt::LEN]);
        let read = decode(&data).expect("the shape that encode writes");
        assert_eq!(
            (read.key, read.signature, read.message),
            (&[1; 32], &[2; 64], &[3; receipt::LEN])
        );

        for length in 0..LEN {
            assert_eq!(decode(&data[..length]), None);
        }
        for at in 0..KEY_AT {
            let mut odd = data;
            odd[at] ^= 1;
            assert_eq!(decode(&odd), None, "header byte {at}");
        }
    }
}
