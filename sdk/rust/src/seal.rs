//! Sealed blobs, version 1: bytes that only the holder of one ed25519 key can read.
//!
//! A spec and its inputs are sealed to the node that a job is fixed to, a result to the job's customer. Sealing needs
//! the recipient's public key alone, and says nothing of who sealed: that the spec is the customer's and the result the
//! node's is what the job's `spec_hash` and the final receipt's output digest say, which cover the sealed bytes.
//!
//! | bytes | what |
//! | --- | --- |
//! | 13 | `gantry.sealed` |
//! | 1 | version: 1 |
//! | 1 | kind: 1 spec, 2 result manifest, 3 file, 4 part of a log |
//! | 32 | the sender's X25519 key for this blob alone |
//! | 24 | nonce |
//! | … | XChaCha20-Poly1305 of the padded content, tag at the end |
//!
//! The recipient's X25519 key is its ed25519 key on the curve's other form. The encryption key is HKDF-SHA256 with the
//! salt `gantry.seal.v1`, the X25519 secret as input, and as info the sender's key and the recipient's ed25519 key. The
//! associated data are the first 47 bytes, the cluster's genesis hash and the job's address: a blob of one job or
//! cluster does not open as another's, nor as another kind. The content is its length (u64, little endian), the bytes,
//! and zeros up to a length that tells only the order of magnitude: see [`padded`].

use crate::{Keypair, Pubkey};
use curve25519_dalek::edwards::CompressedEdwardsY;
use hkdf::Hkdf;
use orion::hazardous::aead::xchacha20poly1305;
use sha2::{Digest, Sha256, Sha512};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, Zeroizing};

/// How every sealed blob begins.
pub const MAGIC: &[u8; 13] = b"gantry.sealed";
/// The only version there is.
pub const VERSION: u8 = 1;

const SALT: &[u8] = b"gantry.seal.v1";
const NONCE: usize = 24;
const TAG: usize = 16;
const LENGTH: usize = 8;
/// Magic, version, kind and the sender's key.
const BOUND: usize = MAGIC.len() + 2 + 32;
const HEADER: usize = BOUND + NONCE;
/// Least length of the padded content.
const LEAST: u64 = 1_024;

/// What is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A job spec.
    Spec = 1,
    /// A result's manifest.
    Manifest = 2,
    /// An input, an output or a log.
    File = 3,
    /// A part of a log that is still being written.
    Log = 4,
}

/// Where a sealed blob belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Genesis hash of the cluster, as the market's parameters have it.
    pub genesis_hash: [u8; 32],
    /// The job's account: [`pda::job`](crate::pda::job) names it before the job is opened.
    pub job: Pubkey,
}

/// A blob that cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Does not begin as sealed blobs do, or is too short.
    #[error("this is no sealed blob")]
    NotSealed,
    /// Another version.
    #[error("sealed blob version {0} is unknown: this program reads version 1")]
    Version(u8),
    /// Changed, for somebody else, for another job or cluster, or of another kind.
    #[error(
        "the sealed blob does not open: it was changed, or it is sealed to another key, or for another job, cluster or \
         purpose"
    )]
    Closed,
    /// A public key that nobody can have.
    #[error("{0} is no key that a blob can be sealed to: it is no point of the curve, or a weak one")]
    Recipient(Pubkey),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(String),
}

/// Seals for one recipient and one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealer {
    /// Whose ed25519 key opens it.
    pub recipient: Pubkey,
    /// Where it belongs.
    pub context: Context,
}

/// Opens what is sealed to one key for one job.
#[derive(Clone, Copy)]
pub struct Opener<'a> {
    /// The recipient's key.
    pub key: &'a Keypair,
    /// Where it belongs.
    pub context: Context,
}

impl std::fmt::Debug for Opener<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// Whether `bytes` begin as sealed blobs do.
pub fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Length of padded content of `length` bytes: the least number that is not below it and 1,024, and whose binary form
/// has at most ⌊log₂⌊log₂ n⌋⌋ + 1 digits before its zeros (Padmé). At most 12 % longer, above the least.
pub fn padded(length: u64) -> u64 {
    let length = length.max(LEAST);
    let exponent = length.ilog2();
    let zeros = exponent.saturating_sub(exponent.ilog2() + 1);
    let mask = (1u64 << zeros) - 1;
    length.saturating_add(mask) & !mask
}

impl Sealer {
    /// Seals `content`.
    ///
    /// # Errors
    /// If the recipient's key is none, or there are no random numbers.
    pub fn seal(&self, kind: Kind, content: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut secret = Zeroizing::new([0; 32]);
        let mut nonce = [0; NONCE];
        let random = |bytes: &mut [u8]| getrandom::fill(bytes).map_err(|error| SealError::Random(error.to_string()));
        random(&mut *secret)?;
        random(&mut nonce)?;
        self.seal_with(kind, content, *secret, nonce)
    }

    /// As [`seal`](Self::seal), with the random numbers given: for test vectors only. Numbers that are used twice give
    /// the content away.
    ///
    /// # Errors
    /// If the recipient's key is none.
    #[doc(hidden)]
    pub fn seal_with(
        &self,
        kind: Kind,
        content: &[u8],
        secret: [u8; 32],
        nonce: [u8; NONCE],
    ) -> Result<Vec<u8>, SealError> {
        let secret = StaticSecret::from(secret);
        let sender = PublicKey::from(&secret);
        let shared = secret.diffie_hellman(&public(&self.recipient)?);
        let key = encryption_key(shared.as_bytes(), &sender, &self.recipient);
        let length = LENGTH + content.len();
        let room = usize::try_from(padded(length as u64)).map_err(|_| SealError::NotSealed)?;
        let mut plain = Zeroizing::new(vec![0; room]);
        plain[..LENGTH].copy_from_slice(&(content.len() as u64).to_le_bytes());
        plain[LENGTH..length].copy_from_slice(content);

        let mut sealed = Vec::with_capacity(HEADER + room + TAG);
        sealed.extend_from_slice(MAGIC);
        sealed.extend_from_slice(&[VERSION, kind as u8]);
        sealed.extend_from_slice(sender.as_bytes());
        let bound = bound(&sealed, &self.context);
        sealed.extend_from_slice(&nonce);
        sealed.resize(HEADER + room + TAG, 0);
        let nonce = xchacha20poly1305::Nonce::from(nonce);
        xchacha20poly1305::seal(&key, &nonce, &plain, Some(&bound), &mut sealed[HEADER..])
            .map_err(|_| SealError::NotSealed)?;
        Ok(sealed)
    }
}

impl Opener<'_> {
    /// Opens a blob that was sealed to this key, for this job, as this kind.
    ///
    /// # Errors
    /// If it is no sealed blob, or anything about it is not as it was when it was sealed.
    pub fn open(&self, kind: Kind, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        if !is_sealed(sealed) || sealed.len() < HEADER + LENGTH + TAG {
            return Err(SealError::NotSealed);
        }
        let version = sealed[MAGIC.len()];
        if version != VERSION {
            return Err(SealError::Version(version));
        }
        if sealed[MAGIC.len() + 1] != kind as u8 {
            return Err(SealError::Closed);
        }
        let sender: [u8; 32] = sealed[MAGIC.len() + 2..BOUND]
            .try_into()
            .map_err(|_| SealError::NotSealed)?;
        let sender = PublicKey::from(sender);
        let shared = secret(self.key).diffie_hellman(&sender);
        if !shared.was_contributory() {
            return Err(SealError::Closed);
        }
        let recipient = Pubkey::new_from_array(crate::Signer::pubkey(self.key).to_bytes());
        let key = encryption_key(shared.as_bytes(), &sender, &recipient);
        let nonce = xchacha20poly1305::Nonce::from_slice(&sealed[BOUND..HEADER]).map_err(|_| SealError::NotSealed)?;
        let mut plain = Zeroizing::new(vec![0; sealed.len() - HEADER - TAG]);
        let bound = bound(&sealed[..BOUND], &self.context);
        xchacha20poly1305::open(&key, &nonce, &sealed[HEADER..], Some(&bound), &mut plain)
            .map_err(|_| SealError::Closed)?;
        let (length, content) = plain.split_at(LENGTH);
        let length = length.try_into().map_or(u64::MAX, u64::from_le_bytes);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        content.get(..length).map(<[u8]>::to_vec).ok_or(SealError::Closed)
    }
}

/// The ed25519 key on the curve's other form.
fn public(key: &Pubkey) -> Result<PublicKey, SealError> {
    let refused = || SealError::Recipient(*key);
    let point = CompressedEdwardsY(key.to_bytes()).decompress().ok_or_else(refused)?;
    if point.is_small_order() || !point.is_torsion_free() {
        return Err(refused());
    }
    Ok(PublicKey::from(point.to_montgomery().to_bytes()))
}

/// The scalar that ed25519 makes of its seed; X25519 clamps it in the same way.
fn secret(key: &Keypair) -> StaticSecret {
    let mut digest = Sha512::digest(key.secret_bytes());
    let mut scalar = Zeroizing::new([0; 32]);
    scalar.copy_from_slice(&digest[..32]);
    digest.as_mut_slice().zeroize();
    StaticSecret::from(*scalar)
}

fn encryption_key(shared: &[u8; 32], sender: &PublicKey, recipient: &Pubkey) -> xchacha20poly1305::SecretKey {
    let mut key = Zeroizing::new([0; 32]);
    let info = [sender.as_bytes().as_slice(), recipient.as_ref()].concat();
    Hkdf::<Sha256>::new(Some(SALT), shared)
        .expand(&info, &mut *key)
        .expect("32 bytes are fewer than HKDF gives");
    xchacha20poly1305::SecretKey::from(*key)
}

fn bound(header: &[u8], context: &Context) -> Vec<u8> {
    [header, &context.genesis_hash, context.job.as_ref()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signer;

    fn context(job: u8) -> Context {
        Context {
            genesis_hash: [7; 32],
            job: Pubkey::new_from_array([job; 32]),
        }
    }

    fn pair() -> (Keypair, Sealer) {
        let key = Keypair::new_from_array([3; 32]);
        let recipient = Pubkey::new_from_array(key.pubkey().to_bytes());
        let sealer = Sealer {
            recipient,
            context: context(1),
        };
        (key, sealer)
    }

    #[test]
    fn what_is_sealed_opens_for_its_recipient_alone() {
        let (key, sealer) = pair();
        for content in [&b""[..], b"{}", &[9; 5_000]] {
            let sealed = sealer.seal(Kind::Spec, content).expect("sealed");
            assert!(is_sealed(&sealed) && !sealed.windows(content.len().max(1)).any(|part| part == content));
            let opener = Opener {
                key: &key,
                context: context(1),
            };
            assert_eq!(opener.open(Kind::Spec, &sealed).expect("opens"), content);
            let other = Keypair::new_from_array([4; 32]);
            let other = Opener {
                key: &other,
                context: context(1),
            };
            assert_eq!(other.open(Kind::Spec, &sealed), Err(SealError::Closed));
        }
    }

    #[test]
    fn it_is_bound_to_its_job_cluster_and_kind() {
        let (key, sealer) = pair();
        let sealed = sealer.seal(Kind::Spec, b"content").expect("sealed");
        let open = |context, kind| Opener { key: &key, context }.open(kind, &sealed);
        assert!(open(context(1), Kind::Spec).is_ok());
        assert_eq!(open(context(2), Kind::Spec), Err(SealError::Closed));
        assert_eq!(open(context(1), Kind::File), Err(SealError::Closed));
        let elsewhere = Context {
            genesis_hash: [8; 32],
            ..context(1)
        };
        assert_eq!(open(elsewhere, Kind::Spec), Err(SealError::Closed));
    }

    #[test]
    fn no_changed_byte_goes_unnoticed() {
        let (key, sealer) = pair();
        let opener = Opener {
            key: &key,
            context: context(1),
        };
        let sealed = sealer.seal(Kind::File, b"content").expect("sealed");
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 0x40;
            assert!(opener.open(Kind::File, &changed).is_err(), "byte {index}");
        }
        for length in 0..sealed.len() {
            assert!(opener.open(Kind::File, &sealed[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn lengths_are_hidden_in_their_order_of_magnitude() {
        assert_eq!([0, 1, 1_024].map(padded), [1_024; 3]);
        assert_eq!([1_025, 1_088, 1_089].map(padded), [1_088, 1_088, 1_152]);
        for length in (1_024..3_000_000u64).step_by(997) {
            let long = padded(length);
            assert!(
                long >= length && long - length <= length * 12 / 100,
                "{length} becomes {long}"
            );
            assert_eq!(padded(long), long);
        }
        let (_, sealer) = pair();
        let length = |content: &[u8]| sealer.seal(Kind::Spec, content).expect("sealed").len();
        assert_eq!(length(b"yes"), length(b"no, and here is why"));
    }

    #[test]
    fn weak_keys_are_refused() {
        let (_, sealer) = pair();
        for weak in [[0; 32], [1; 32], [0xff; 32]] {
            let recipient = Pubkey::new_from_array(weak);
            let sealer = Sealer { recipient, ..sealer };
            let refused = sealer.seal(Kind::Spec, b"x");
            if weak != [1; 32] || refused.is_err() {
                assert_eq!(refused, Err(SealError::Recipient(recipient)), "{weak:?}");
            }
        }
    }
}
