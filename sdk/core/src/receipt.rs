//! The usage receipt, version 1: what a node signs about a job, and what settles it.
//!
//! One fixed layout, little endian, [`LEN`] bytes. The same bytes start a job (sequence 0), prove progress, end it,
//! and convict a node that signed two different receipts with one sequence number. Test vectors: `sdk/vectors/`.

/// `"gantry.receipt.v1"` padded with zeros to 24 bytes.
pub const TAG: [u8; 24] = *b"gantry.receipt.v1\0\0\0\0\0\0\0";

/// Bytes of an encoded receipt.
pub const LEN: usize = 24 + 32 + 32 + 32 + 4 + 8 + 8 + 8 + 1 + 4 + 32;

/// What the node says about the job's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ReceiptStatus {
    /// The job is running.
    Running = 0,
    /// The job has ended by itself; the exit code says how.
    Completed = 1,
    /// The node could not run the job to its end.
    Failed = 2,
}

impl ReceiptStatus {
    /// The status that `byte` stands for, if any.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Running),
            1 => Some(Self::Completed),
            2 => Some(Self::Failed),
            _ => None,
        }
    }

    /// Whether a receipt with this status is the last of its assignment.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Running)
    }
}

/// A usage receipt. Keys and hashes are raw 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Genesis hash of the cluster, so that a receipt of one is worth nothing on another.
    pub genesis_hash: [u8; 32],
    /// Program id of the market.
    pub market: [u8; 32],
    /// Address of the job account.
    pub job: [u8; 32],
    /// Which assignment of the job this is, counted from 1.
    pub assignment: u32,
    /// Strictly growing within an assignment; 0 starts the job.
    pub sequence: u64,
    /// Seconds served since the start.
    pub served_seconds: u64,
    /// When the node signed, Unix seconds.
    pub issued_at: i64,
    /// Running, completed or failed.
    pub status: ReceiptStatus,
    /// Exit code of the job's process; 0 while it runs.
    pub exit_code: i32,
    /// SHA-256 of the result's manifest; zeros while it runs.
    pub output_digest: [u8; 32],
}

/// Why bytes are not a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptError {
    /// Not exactly [`LEN`] bytes.
    Length,
    /// Does not begin with [`TAG`].
    Tag,
    /// The status byte is none of the three.
    Status,
}

impl core::fmt::Display for ReceiptError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Length => "a receipt is exactly 185 bytes",
            Self::Tag => "not a version 1 usage receipt",
            Self::Status => "unknown receipt status",
        })
    }
}

impl core::error::Error for ReceiptError {}

impl Receipt {
    /// The bytes that the node signs.
    pub fn encode(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        let mut at = 0;
        let mut put = |part: &[u8]| {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        };
        put(&TAG);
        put(&self.genesis_hash);
        put(&self.market);
        put(&self.job);
        put(&self.assignment.to_le_bytes());
        put(&self.sequence.to_le_bytes());
        put(&self.served_seconds.to_le_bytes());
        put(&self.issued_at.to_le_bytes());
        put(&[self.status as u8]);
        put(&self.exit_code.to_le_bytes());
        put(&self.output_digest);
        bytes
    }

    /// Reads a receipt.
    ///
    /// # Errors
    /// If the length, the tag or the status byte is wrong. Never panics, whatever the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let view = View::new(bytes)?;
        Ok(Self {
            genesis_hash: *view.genesis_hash(),
            market: *view.market(),
            job: *view.job(),
            assignment: view.assignment(),
            sequence: view.sequence(),
            served_seconds: view.served_seconds(),
            issued_at: view.issued_at(),
            status: view.status(),
            exit_code: view.exit_code(),
            output_digest: *view.output_digest(),
        })
    }
}

/// A receipt where its bytes lie. Two are equal if their bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View<'a> {
    bytes: &'a [u8; LEN],
    status: ReceiptStatus,
}

impl<'a> View<'a> {
    /// Reads a receipt without copying it.
    ///
    /// # Errors
    /// As for [`Receipt::decode`].
    pub fn new(bytes: &'a [u8]) -> Result<Self, ReceiptError> {
        let bytes: &[u8; LEN] = bytes.try_into().map_err(|_| ReceiptError::Length)?;
        if bytes[..24] != TAG {
            return Err(ReceiptError::Tag);
        }
        let status = ReceiptStatus::from_byte(bytes[148]).ok_or(ReceiptError::Status)?;
        Ok(Self { bytes, status })
    }

    /// [`Receipt::genesis_hash`].
    pub fn genesis_hash(&self) -> &'a [u8; 32] {
        part(self.bytes, 24)
    }

    /// [`Receipt::market`].
    pub fn market(&self) -> &'a [u8; 32] {
        part(self.bytes, 56)
    }

    /// [`Receipt::job`].
    pub fn job(&self) -> &'a [u8; 32] {
        part(self.bytes, 88)
    }

    /// [`Receipt::assignment`].
    pub fn assignment(&self) -> u32 {
        u32::from_le_bytes(*part(self.bytes, 120))
    }

    /// [`Receipt::sequence`].
    pub fn sequence(&self) -> u64 {
        u64::from_le_bytes(*part(self.bytes, 124))
    }

    /// [`Receipt::served_seconds`].
    pub fn served_seconds(&self) -> u64 {
        u64::from_le_bytes(*part(self.bytes, 132))
    }

    /// [`Receipt::issued_at`].
    pub fn issued_at(&self) -> i64 {
        i64::from_le_bytes(*part(self.bytes, 140))
    }

    /// [`Receipt::status`].
    pub fn status(&self) -> ReceiptStatus {
        self.status
    }

    /// [`Receipt::exit_code`].
    pub fn exit_code(&self) -> i32 {
        i32::from_le_bytes(*part(self.bytes, 149))
    }

    /// [`Receipt::output_digest`].
    pub fn output_digest(&self) -> &'a [u8; 32] {
        part(self.bytes, 153)
    }
}

/// The `N` bytes from `at`, which every call has within the fixed layout.
#[inline(always)]
fn part<const N: usize>(bytes: &[u8; LEN], at: usize) -> &[u8; N] {
    match bytes[at..].first_chunk() {
        Some(part) => part,
        None => unreachable!(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt() -> Receipt {
        Receipt {
            genesis_hash: [1; 32],
            market: [2; 32],
            job: [3; 32],
            assignment: 4,
            sequence: 5,
            served_seconds: 6,
            issued_at: -7,
            status: ReceiptStatus::Completed,
            exit_code: -8,
            output_digest: [9; 32],
        }
    }

    #[test]
    fn a_receipt_survives_the_round_trip() {
        assert_eq!(Receipt::decode(&receipt().encode()), Ok(receipt()));
    }

    #[test]
    fn odd_bytes_are_errors_and_never_panics() {
        let bytes = receipt().encode();
        for length in 0..LEN {
            assert_eq!(Receipt::decode(&bytes[..length]), Err(ReceiptError::Length));
        }
        let mut wrong = bytes;
        wrong[0] ^= 1;
        assert_eq!(Receipt::decode(&wrong), Err(ReceiptError::Tag));
        wrong = bytes;
        wrong[148] = 3;
        assert_eq!(Receipt::decode(&wrong), Err(ReceiptError::Status));
    }

    #[test]
    fn every_byte_after_the_tag_counts() {
        let bytes = receipt().encode();
        for at in 24..LEN {
            let mut other = bytes;
            other[at] ^= 0x40;
            assert_ne!(Receipt::decode(&other), Ok(receipt()), "byte {at}");
        }
    }
}
