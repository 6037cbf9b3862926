//! Public keys and signatures, in bytes and in base58.

/// A public key: the address of an account, a program or a wallet.
pub type Key = [u8; 32];

/// A transaction's signature.
pub type Signature = [u8; 64];

/// Base58.
#[must_use]
pub fn text(key: &[u8]) -> String {
    bs58::encode(key).into_string()
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
    fn text_and_bytes_agree_and_nothing_else_is_a_key() {
        assert_eq!(parse(&text(&[7; 32])), Some([7; 32]));
        assert_eq!(parse(&text(&[0; 32])), Some([0; 32]));
        for bad in ["", "0", "abc", &text(&[7; 31]), &text(&[7; 33]), &"1".repeat(10_000)] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
