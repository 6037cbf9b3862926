//! Bytes from anyone: receipts and the precompile instruction that carries them.

use crate::CASES;
use gantry_core::{
    ed25519,
    receipt::{self, Receipt, ReceiptError, ReceiptStatus},
};
use proptest::{prelude::*, sample::select};

fn status() -> impl Strategy<Value = ReceiptStatus> {
    select(vec![
        ReceiptStatus::Running,
        ReceiptStatus::Completed,
        ReceiptStatus::Failed,
    ])
}

prop_compose! {
    fn any_receipt()(
        (genesis_hash, market, job, output_digest) in any::<([u8; 32], [u8; 32], [u8; 32], [u8; 32])>(),
        (assignment, sequence, served_seconds) in any::<(u32, u64, u64)>(),
        (issued_at, exit_code) in any::<(i64, i32)>(),
        status in status(),
    ) -> Receipt {
        Receipt {
            genesis_hash, market, job, assignment, sequence, served_seconds, issued_at, status, exit_code, output_digest,
        }
    }
}

/// The layout as the documentation has it, written down a second time.
fn layout(receipt: &Receipt) -> Vec<u8> {
    let mut bytes = b"gantry.receipt.v1".to_vec();
    bytes.resize(24, 0);
    bytes.extend(receipt.genesis_hash);
    bytes.extend(receipt.market);
    bytes.extend(receipt.job);
    bytes.extend(receipt.assignment.to_le_bytes());
    bytes.extend(receipt.sequence.to_le_bytes());
    bytes.extend(receipt.served_seconds.to_le_bytes());
    bytes.extend(receipt.issued_at.to_le_bytes());
    bytes.push(match receipt.status {
        ReceiptStatus::Running => 0,
        ReceiptStatus::Completed => 1,
        ReceiptStatus::Failed => 2,
    });
    bytes.extend(receipt.exit_code.to_le_bytes());
    bytes.extend(receipt.output_digest);
    bytes
}

/// Header of an instruction with one signature, as Solana's `Ed25519SignatureOffsets` has it.
fn header() -> Vec<u8> {
    let mut bytes = vec![1, 0];
    for number in [48u16, u16::MAX, 16, u16::MAX, 112, 185, u16::MAX] {
        bytes.extend(number.to_le_bytes());
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn a_receipt_has_the_documented_layout_and_is_read_back(receipt in any_receipt()) {
        let bytes = receipt.encode();
        prop_assert_eq!(bytes.as_slice(), layout(&receipt));
        prop_assert_eq!(Receipt::decode(&bytes), Ok(receipt));
    }

    #[test]
    fn any_bytes_are_read_or_refused_and_nothing_is_lost_in_reading(bytes: [u8; receipt::LEN], tagged: bool, odd in 0u8..4) {
        let mut bytes = bytes;
        if tagged {
            bytes[..24].copy_from_slice(&receipt::TAG);
            bytes[148] = odd;
        }
        match Receipt::decode(&bytes) {
            Ok(read) => prop_assert_eq!(read.encode(), bytes, "two encodings of one receipt"),
            Err(ReceiptError::Tag) => prop_assert_ne!(&bytes[..24], &receipt::TAG[..]),
            Err(ReceiptError::Status) => prop_assert!(bytes[148] > 2),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn a_receipt_cut_short_or_with_more_behind_it_is_refused(
        receipt in any_receipt(), cut in 0..receipt::LEN, more in prop::collection::vec(any::<u8>(), 1..300),
    ) {
        let mut bytes = receipt.encode().to_vec();
        prop_assert_eq!(Receipt::decode(&bytes[..cut]), Err(ReceiptError::Length));
        bytes.extend(more);
        prop_assert_eq!(Receipt::decode(&bytes), Err(ReceiptError::Length));
    }

    #[test]
    fn bytes_of_any_length_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Receipt::decode(&bytes).is_err() || bytes.len() == receipt::LEN);
        prop_assert!(ed25519::decode(&bytes).is_none() || bytes.len() == ed25519::LEN);
    }

    #[test]
    fn an_instruction_is_read_back_as_it_was_written(key: [u8; 32], signature: [u8; 64], receipt in any_receipt()) {
        let message = receipt.encode();
        let data = ed25519::encode(&key, &signature, &message);
        prop_assert_eq!(&data[..16], header());
        prop_assert_eq!((&data[16..48], &data[48..112], &data[112..]), (&key[..], &signature[..], &message[..]));
        let read = ed25519::decode(&data).expect("the accepted shape");
        prop_assert_eq!((read.key, read.signature, read.message), (&key, &signature, &message));
        let mut long = data.to_vec();
        long.push(0);
        prop_assert_eq!(ed25519::decode(&long), None);
    }
}

#[test]
fn every_other_value_of_every_byte_of_the_header_is_refused() {
    let data = ed25519::encode(&[7; 32], &[8; 64], &[9; receipt::LEN]);
    for at in 0..16 {
        for value in 0..=u8::MAX {
            let mut odd = data;
            odd[at] = value;
            assert_eq!(
                ed25519::decode(&odd).is_some(),
                value == data[at],
                "byte {at} = {value}"
            );
        }
    }
}

#[test]
fn every_status_byte_is_one_of_three_or_refused() {
    let mut bytes = [0; receipt::LEN];
    bytes[..24].copy_from_slice(&receipt::TAG);
    for byte in 0..=u8::MAX {
        bytes[148] = byte;
        let status = ReceiptStatus::from_byte(byte);
        assert_eq!(status.map(|status| status as u8), (byte < 3).then_some(byte));
        assert_eq!(status.is_some_and(ReceiptStatus::is_final), byte == 1 || byte == 2);
        assert_eq!(
            Receipt::decode(&bytes).map(|r| r.status),
            status.ok_or(ReceiptError::Status)
        );
    }
}

#[test]
fn what_is_wrong_with_the_bytes_is_said() {
    assert_eq!(
        ReceiptError::Length.to_string(),
        format!("a receipt is exactly {} bytes", receipt::LEN)
    );
    assert_eq!(ReceiptError::Tag.to_string(), "not a version 1 usage receipt");
    assert_eq!(ReceiptError::Status.to_string(), "unknown receipt status");
}
