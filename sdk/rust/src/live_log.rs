//! Logs while a job runs, version 1: parts in the blob store that the node puts there as its job writes.
//!
//! Results are named by their SHA-256, which the final receipt covers; a log that is still being written has none. So
//! each part has a name of its own, `logs/JOB/ASSIGNMENT/NUMBER`, counted from 0, and the node key signs it: nobody else
//! who can write to the store makes a part that is shown. In a sealed job, what is signed is sealed to the customer.
//! Parts are for reading along. What counts is the log of the result, and once that is stored the parts go.
//!
//! | bytes | what |
//! | --- | --- |
//! | 10 | `gantry.log` |
//! | 1 | version: 1 |
//! | 64 | the node key's ed25519 signature |
//! | rest | the content, or that as a sealed blob (kind 4) |
//!
//! The content is where in the log it begins (u64, little endian) and at most [`MAX_PART`] bytes of it. Signed are the
//! tag `gantry.log.v1` padded with zeros to 24 bytes, genesis hash, job, assignment (u32), number (u64), and the SHA-256
//! of what comes after the signature. A part that begins at 0 and is not the first says that the job was started again.

use crate::{
    Hash32, Keypair, Pubkey, Signature, Signer,
    blob::{BlobError, BlobStore},
    seal::{self, Context, Kind, Opener, SealError, Sealer},
};
use object_store::path::Path as ObjectPath;
use sha2::{Digest as _, Sha256};

/// Most bytes of the log in a part.
pub const MAX_PART: usize = 64 << 10;
/// How every part begins.
pub const MAGIC: &[u8; 10] = b"gantry.log";
/// The only version there is.
pub const VERSION: u8 = 1;

const TAG: &[u8] = b"gantry.log.v1";
const SIGNATURE: usize = 64;
const HEADER: usize = MAGIC.len() + 1 + SIGNATURE;
const OFFSET: usize = 8;
/// Longest part, sealed and padded: more is not read.
const MOST: u64 = 128 << 10;

/// A part that cannot be stored or shown.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The store refuses.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// It is sealed and does not open, or cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// It is sealed, and nothing was given to open it.
    #[error("the log is sealed to the job's customer: open it with that wallet's key")]
    Sealed,
    /// Another version, or no part at all.
    #[error("part {0} of the log is none that this program reads: it was changed, or the node is of another version")]
    Malformed(u64),
    /// Not signed by the job's node.
    #[error("part {0} of the log is not what the job's node signed: it was changed, and is not shown")]
    Forged(u64),
    /// Does not go on where the one before ended.
    #[error("part {number} of the log begins at byte {found}, not {expected}: it does not go on where the last ended")]
    Gap {
        /// Its number.
        number: u64,
        /// Where it begins.
        found: u64,
        /// Where it should.
        expected: u64,
    },
}

/// Where the parts of one log belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPlace {
    /// Cluster and job.
    pub context: Context,
    /// Which assignment of the job.
    pub assignment: u32,
}

impl LogPlace {
    /// The part's name in the store.
    pub fn name(&self, number: u64) -> String {
        format!("logs/{}/{}/{number}", self.context.job, self.assignment)
    }

    fn location(&self, number: u64) -> ObjectPath {
        ObjectPath::from(self.name(number))
    }

    fn message(&self, number: u64, content: &[u8]) -> Vec<u8> {
        let mut message = TAG.to_vec();
        message.resize(24, 0);
        message.extend_from_slice(&self.context.genesis_hash);
        message.extend_from_slice(self.context.job.as_ref());
        message.extend_from_slice(&self.assignment.to_le_bytes());
        message.extend_from_slice(&number.to_le_bytes());
        message.extend_from_slice(&Hash32::of(content).0);
        message
    }

    /// Stores part `number`: `bytes` of the log, which begin at `offset`. Stored again, it replaces itself.
    ///
    /// # Errors
    /// If it cannot be sealed or the store refuses.
    pub async fn store(
        &self,
        blobs: &BlobStore,
        node_key: &Keypair,
        sealer: Option<&Sealer>,
        number: u64,
        (offset, bytes): (u64, &[u8]),
    ) -> Result<(), LogError> {
        let mut content = offset.to_le_bytes().to_vec();
        content.extend_from_slice(bytes);
        if let Some(sealer) = sealer {
            content = sealer.seal(Kind::Log, &content)?;
        }
        let mut part = MAGIC.to_vec();
        part.push(VERSION);
        part.extend_from_slice(node_key.sign_message(&self.message(number, &content)).as_ref());
        part.extend_from_slice(&content);
        Ok(blobs.put_at(&self.location(number), part.into()).await?)
    }

    /// Removes part `number`, if it is there.
    ///
    /// # Errors
    /// If the store refuses.
    pub async fn remove(&self, blobs: &BlobStore, number: u64) -> Result<(), LogError> {
        Ok(blobs.remove_at(&self.location(number)).await?)
    }

    /// Reads part `number` if it is there; gives where it begins, and the bytes.
    async fn fetch(
        &self,
        blobs: &BlobStore,
        node_key: &Pubkey,
        key: Option<&Keypair>,
        number: u64,
    ) -> Result<Option<(u64, Vec<u8>)>, LogError> {
        let malformed = || LogError::Malformed(number);
        let part = match blobs.get_at(&self.location(number), MOST).await {
            Ok(Some(part)) => part,
            Ok(None) => return Ok(None),
            Err(BlobError::TooMuch { .. }) => return Err(malformed()),
            Err(error) => return Err(error.into()),
        };
        let rest = part.strip_prefix(MAGIC.as_slice()).ok_or_else(malformed)?;
        if rest.first() != Some(&VERSION) || part.len() < HEADER {
            return Err(malformed());
        }
        let (signature, content) = rest[1..].split_at(SIGNATURE);
        let signature = Signature::try_from(signature).map_err(|_| malformed())?;
        if !signature.verify(node_key.as_ref(), &self.message(number, content)) {
            return Err(LogError::Forged(number));
        }
        let opened = match key {
            _ if !seal::is_sealed(content) => content.to_vec(),
            Some(key) => {
                let opener = Opener {
                    key,
                    context: self.context,
                };
                opener.open(Kind::Log, content)?
            }
            None => return Err(LogError::Sealed),
        };
        let (offset, bytes) = opened.split_at_checked(OFFSET).ok_or_else(malformed)?;
        let offset = offset.try_into().map_err(|_| malformed())?;
        Ok(Some((u64::from_le_bytes(offset), bytes.to_vec())))
    }
}

/// What comes next in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPiece {
    /// More of it.
    Bytes(Vec<u8>),
    /// The job was started again: what comes next begins anew.
    Again,
}

/// Reads the parts of one log in order.
#[derive(Debug, Clone)]
pub struct LogReader {
    place: LogPlace,
    node_key: Pubkey,
    next: u64,
    offset: u64,
    /// Of what was read since the log began, the last time that it did.
    read: Sha256,
}

impl LogReader {
    /// A reader of what the holder of `node_key` signed, from the first part.
    pub fn new(place: LogPlace, node_key: Pubkey) -> Self {
        Self {
            place,
            node_key,
            next: 0,
            offset: 0,
            read: Sha256::new(),
        }
    }

    /// Which assignment it reads.
    pub fn assignment(&self) -> u32 {
        self.place.assignment
    }

    /// What comes next, if it is there by now. `key` opens parts that are sealed.
    ///
    /// # Errors
    /// If a part is not what the node signed, does not open, or does not go on where the last one ended.
    pub async fn next(&mut self, blobs: &BlobStore, key: Option<&Keypair>) -> Result<Option<LogPiece>, LogError> {
        let Some((offset, bytes)) = self.place.fetch(blobs, &self.node_key, key, self.next).await? else {
            return Ok(None);
        };
        if offset == 0 && self.offset > 0 {
            // It is read once more, as the first of the new log.
            (self.offset, self.read) = (0, Sha256::new());
            return Ok(Some(LogPiece::Again));
        }
        if offset != self.offset {
            let (number, expected) = (self.next, self.offset);
            return Err(LogError::Gap {
                number,
                found: offset,
                expected,
            });
        }
        self.next += 1;
        self.offset += bytes.len() as u64;
        self.read.update(&bytes);
        Ok(Some(LogPiece::Bytes(bytes)))
    }

    /// What of the result's log was not read yet; `None` where that does not begin as what was read.
    pub fn rest_of<'a>(&self, log: &'a [u8]) -> Option<&'a [u8]> {
        let (read, rest) = log.split_at_checked(usize::try_from(self.offset).ok()?)?;
        (Sha256::digest(read) == self.read.clone().finalize()).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bench {
        folder: tempfile::TempDir,
        blobs: BlobStore,
        place: LogPlace,
        node: Keypair,
        customer: Keypair,
    }

    fn bench() -> Bench {
        let folder = tempfile::tempdir().expect("a folder");
        let context = Context {
            genesis_hash: [7; 32],
            job: Pubkey::new_from_array([1; 32]),
        };
        Bench {
            blobs: BlobStore::open(folder.path()).expect("opens"),
            place: LogPlace { context, assignment: 2 },
            node: Keypair::new_from_array([3; 32]),
            customer: Keypair::new_from_array([4; 32]),
            folder,
        }
    }

    impl Bench {
        async fn put(&self, number: u64, offset: u64, bytes: &[u8], sealer: Option<&Sealer>) {
            let stored = self
                .place
                .store(&self.blobs, &self.node, sealer, number, (offset, bytes));
            stored.await.expect("stored");
        }

        fn reader(&self) -> LogReader {
            LogReader::new(self.place, self.node.pubkey())
        }

        async fn next(&self, reader: &mut LogReader) -> Result<Option<LogPiece>, LogError> {
            reader.next(&self.blobs, Some(&self.customer)).await
        }
    }

    fn bytes(text: &str) -> Option<LogPiece> {
        Some(LogPiece::Bytes(text.as_bytes().to_vec()))
    }

    #[tokio::test]
    async fn parts_are_read_in_order_and_the_result_has_the_rest() {
        let bench = bench();
        let mut reader = bench.reader();
        assert_eq!(bench.next(&mut reader).await.expect("nothing yet"), None);
        bench.put(0, 0, b"one ", None).await;
        bench.put(1, 4, b"two ", None).await;
        assert_eq!(bench.next(&mut reader).await.expect("reads"), bytes("one "));
        assert_eq!(bench.next(&mut reader).await.expect("reads"), bytes("two "));
        assert_eq!(bench.next(&mut reader).await.expect("no more yet"), None);
        assert_eq!(reader.rest_of(b"one two three"), Some(&b"three"[..]));
        assert_eq!(reader.rest_of(b"one two "), Some(&b""[..]));
        assert_eq!(reader.rest_of(b"one too three"), None);
        assert_eq!(reader.rest_of(b"one"), None);
        for number in [0, 1, 1] {
            bench.place.remove(&bench.blobs, number).await.expect("removed");
        }
        assert_eq!(bench.next(&mut bench.reader()).await.expect("gone"), None);
    }

    #[tokio::test]
    async fn a_job_that_is_started_again_begins_anew() {
        let bench = bench();
        let mut reader = bench.reader();
        bench.put(0, 0, b"one ", None).await;
        bench.put(1, 0, b"", None).await;
        bench.put(2, 0, b"uno ", None).await;
        assert_eq!(bench.next(&mut reader).await.expect("reads"), bytes("one "));
        assert_eq!(bench.next(&mut reader).await.expect("reads"), Some(LogPiece::Again));
        assert_eq!(bench.next(&mut reader).await.expect("reads"), bytes(""));
        assert_eq!(bench.next(&mut reader).await.expect("reads"), bytes("uno "));
        assert_eq!(reader.rest_of(b"uno due"), Some(&b"due"[..]));
        bench.put(3, 9, b"tre", None).await;
        let error = bench.next(&mut reader).await.expect_err("a gap");
        assert!(matches!(
            error,
            LogError::Gap {
                number: 3,
                found: 9,
                expected: 4
            }
        ));
    }

    #[tokio::test]
    async fn nobody_but_the_node_makes_a_part_and_none_is_moved() {
        let bench = bench();
        bench.put(0, 0, b"one ", None).await;
        let file = |number| bench.folder.path().join(bench.place.name(number));
        let whole = std::fs::read(file(0)).expect("read");
        for index in 0..whole.len() {
            let mut changed = whole.clone();
            changed[index] ^= 0x20;
            std::fs::write(file(0), changed).expect("written");
            let refused = bench.next(&mut bench.reader()).await;
            assert!(
                matches!(refused, Err(LogError::Forged(0) | LogError::Malformed(0))),
                "byte {index}: {refused:?}"
            );
        }
        for length in 0..HEADER {
            std::fs::write(file(0), &whole[..length]).expect("written");
            assert!(matches!(
                bench.next(&mut bench.reader()).await,
                Err(LogError::Malformed(0))
            ));
        }
        std::fs::write(file(0), &whole).expect("written");
        let mut reader = bench.reader();
        bench.next(&mut reader).await.expect("whole again");
        std::fs::copy(file(0), file(1)).expect("copied");
        assert!(matches!(bench.next(&mut reader).await, Err(LogError::Forged(1))));
        let other = LogPlace {
            assignment: 3,
            ..bench.place
        };
        std::fs::create_dir_all(bench.folder.path().join(other.name(0)).parent().expect("a folder")).expect("made");
        std::fs::copy(file(0), bench.folder.path().join(other.name(0))).expect("copied");
        let mut reader = LogReader::new(other, bench.node.pubkey());
        assert!(matches!(bench.next(&mut reader).await, Err(LogError::Forged(0))));
        std::fs::write(file(0), vec![0; (MOST + 1) as usize]).expect("written");
        let refused = bench.next(&mut bench.reader()).await;
        assert!(matches!(refused, Err(LogError::Malformed(0))));
    }

    #[tokio::test]
    async fn a_sealed_log_is_its_customer_s() {
        let bench = bench();
        let sealer = Sealer {
            recipient: bench.customer.pubkey(),
            context: bench.place.context,
        };
        let secret = vec![b's'; MAX_PART];
        bench.put(0, 0, &secret, Some(&sealer)).await;
        let stored = std::fs::read(bench.folder.path().join(bench.place.name(0))).expect("read");
        assert!(!stored.windows(8).any(|part| part == b"ssssssss"));
        assert!(stored.len() as u64 <= MOST, "{}", stored.len());
        let piece = bench.next(&mut bench.reader()).await.expect("opens");
        assert_eq!(piece, Some(LogPiece::Bytes(secret)));
        let refused = bench.reader().next(&bench.blobs, None).await;
        assert!(matches!(refused, Err(LogError::Sealed)));
        let refused = bench.reader().next(&bench.blobs, Some(&bench.node)).await;
        assert!(matches!(refused, Err(LogError::Seal(SealError::Closed))));
    }
}
