//! Public keys and signatures, in bytes and in base58.

/// A public key: the address of an account, a program or a wallet.
pub type Key = [u8; 32];

/// A transaction's signature.
pub type Signature = [u8; 64];

/// Base58.
#[must_use]
pub fn text(key: &[u8]) -> String {
    // Of these two lengths, base58 takes a twentieth of the time that it takes of any.
    if let Ok(key) = key.try_into() {
        let mut text = [0; five8::BASE58_ENCODED_32_MAX_LEN];
        let length = five8::encode_32(key, &mut text);
        return ascii(&text[..usize::from(length)]);
    }
    if let Ok(signature) = key.try_into() {
        let mut text = [0; five8::BASE58_ENCODED_64_MAX_LEN];
        let length = five8::encode_64(signature, &mut text);
        return ascii(&text[..usize::from(length)]);
    }
    bs58::encode(key).into_string()
}

fn ascii(text: &[u8]) -> String {
    text.iter().copied().map(char::from).collect()
}

/// The key that `text` is the base58 of.
#[must_use]
pub fn parse(text: &str) -> Option<Key> {
    parse_bytes(text)
}

/// The signature that `text` is the base58 of.
#[must_use]
pub fn parse_signature(text: &str) -> Option<Signature> {
    parse_bytes(text)
}

fn parse_bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    // Longer text cannot be N bytes; decoding takes time quadratic in its length.
    let mut bytes = [0; N];
    let short = text.len() <= 2 * N;
    (short && bs58::decode(text).onto(&mut bytes) == Ok(N)).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_lengths_are_the_same_base58() {
        for seed in 0..=255u8 {
            // All lengths of leading zeros, and all bytes.
            let bytes: [u8; 64] = std::array::from_fn(|place| {
                let byte = (place as u8).wrapping_mul(seed).wrapping_add(seed);
                if place < usize::from(seed % 66) { 0 } else { byte }
            });
            for part in [&bytes[..], &bytes[..32], &bytes[32..], &bytes[..31]] {
                assert_eq!(text(part), bs58::encode(part).into_string());
            }
        }
    }

    #[test]
    fn text_and_bytes_agree_and_nothing_else_is_a_key() {
        assert_eq!(parse(&text(&[7; 32])), Some([7; 32]));
        assert_eq!(parse(&text(&[0; 32])), Some([0; 32]));
        for bad in ["", "0", "abc", &text(&[7; 31]), &text(&[7; 33]), &"1".repeat(10_000)] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
