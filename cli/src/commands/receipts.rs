//! A node's receipts in files: written from its journal, carried to the chain, held against it.

use crate::{context::Context, exit::Usage, output::table};
use anyhow::{Context as _, Result};
use clap::Args;
use gantry_sdk::{Hash32, Signer, client::SignedReceipt, keys, receipt, receipt::Receipt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Characters of the checksum that a journal's line begins with.
const CHECKSUM: usize = 16;

/// A receipt as it lies in a file.
#[derive(Serialize, Deserialize)]
struct ReceiptFile {
    /// The receipt's bytes, hexadecimal.
    encoded: String,
    /// The signature's, hexadecimal.
    signature: String,
}

/// Write the receipts of a node's journal to files.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The journal: a file `journal` in a job's folder under the node's state folder
    journal: PathBuf,
    /// Key file of the node: signatures are made again, the same each time
    #[arg(long, value_name = "FILE")]
    node_key: PathBuf,
    /// Folder to write to; made if it does not exist
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

impl Export {
    pub(crate) fn run(self, context: &Context) -> Result<()> {
        let key = keys::load(&self.node_key)?;
        let text = std::fs::read_to_string(&self.journal)
            .with_context(|| format!("cannot read {}", self.journal.display()))?;
        let receipts = journaled(&text).map_err(|problem| Usage(format!("{}: {problem}", self.journal.display())))?;
        std::fs::create_dir_all(&self.out).with_context(|| format!("cannot make {}", self.out.display()))?;
        let mut written: Vec<(PathBuf, Receipt)> = Vec::new();
        for receipt in receipts {
            let path = self.out.join(format!("receipt-{}.json", receipt.sequence));
            let signature = receipt::sign(&receipt, &key);
            let text = to_text(&SignedReceipt {
                receipt: receipt.clone(),
                signature,
            })?;
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
            written.push((path, receipt));
        }
        let value: Vec<Value> = written
            .iter()
            .map(|(path, receipt)| {
                json!({
                    "file": path.display().to_string(),
                    "job": gantry_sdk::Pubkey::from(receipt.job).to_string(),
                    "assignment": receipt.assignment,
                    "sequence": receipt.sequence,
                    "served_seconds": receipt.served_seconds,
                    "signed_by": key.pubkey().to_string(),
                    "sha256": Hash32::of(&receipt.encode()).to_string(),
                })
            })
            .collect();
        context.show(value.into(), || {
            let rows = written.iter().map(|(path, receipt)| {
                vec![
                    receipt.sequence.to_string(),
                    format!("{} s", receipt.served_seconds),
                    path.display().to_string(),
                ]
            });
            table(&["Sequence", "Served", "File"], rows)
        })
    }
}

/// The receipts of a journal's text. Its checksums are the node's own affair: what counts here is that a receipt decodes,
/// and the last line may be torn.
fn journaled(text: &str) -> Result<Vec<Receipt>, String> {
    let mut receipts = Vec::new();
    for (place, line) in text.split_inclusive('\n').enumerate() {
        let Some(line) = line.strip_suffix('\n') else { break };
        let record = line
            .get(CHECKSUM + 1..)
            .and_then(|json| serde_json::from_str::<Value>(json).ok());
        let record = record.ok_or_else(|| format!("line {} is no journal's", place + 1))?;
        if let Some(encoded) = record.get("receipt").and_then(Value::as_str) {
            let odd = |problem: String| format!("line {}: {problem}", place + 1);
            let bytes = hex::decode(encoded).map_err(|error| odd(error.to_string()))?;
            receipts.push(Receipt::decode(&bytes).map_err(|error| odd(error.to_string()))?);
        }
    }
    if receipts.is_empty() {
        return Err("has no receipts".into());
    }
    Ok(receipts)
}

fn to_text(signed: &SignedReceipt) -> Result<String> {
    let file = ReceiptFile {
        encoded: hex::encode(signed.receipt.encode()),
        signature: hex::encode(signed.signature),
    };
    Ok(serde_json::to_string_pretty(&file)? + "\n")
}

/// Two files of receipts.
pub(super) fn two(files: &[PathBuf]) -> Result<[SignedReceipt; 2]> {
    match files {
        [one, other] => Ok([read(one)?, read(other)?]),
        _ => Err(Usage("two receipts contradict each other: give --receipt FILE twice".into()).into()),
    }
}

/// A file with a receipt.
pub(super) fn read(file: &Path) -> Result<SignedReceipt> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let receipt = parse(&text).map_err(|problem| Usage(format!("{}: {problem}", file.display())))?;
    Ok(receipt)
}

fn parse(text: &str) -> Result<SignedReceipt, String> {
    let file: ReceiptFile = serde_json::from_str(text).map_err(|error| format!("is no receipt's JSON: {error}"))?;
    let bytes = |name: &str, text: &str| hex::decode(text).map_err(|error| format!("{name}: {error}"));
    let receipt = Receipt::decode(&bytes("encoded", &file.encoded)?).map_err(|error| format!("encoded: {error}"))?;
    let signature = bytes("signature", &file.signature)?;
    let signature = signature
        .try_into()
        .map_err(|other: Vec<u8>| format!("signature: 64 bytes are needed, it has {}", other.len()))?;
    Ok(SignedReceipt { receipt, signature })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_sdk::{Keypair, receipt::ReceiptStatus};

    fn receipt(sequence: u64) -> Receipt {
        Receipt {
            genesis_hash: [1; 32],
            market: [2; 32],
            job: [3; 32],
            assignment: 1,
            sequence,
            served_seconds: 5,
            issued_at: 6,
            status: ReceiptStatus::Running,
            exit_code: 0,
            output_digest: [0; 32],
        }
    }

    #[test]
    fn a_receipt_s_file_is_read_and_an_odd_one_is_refused_with_the_reason() {
        let receipt = receipt(4);
        let signature = receipt::sign(&receipt, &Keypair::new());
        let (encoded, signed) = (hex::encode(receipt.encode()), hex::encode(signature));
        let whole = SignedReceipt { receipt, signature };
        assert_eq!(parse(&to_text(&whole).expect("text")), Ok(whole));
        for (odd, expected) in [
            (json!({ "encoded": encoded }), "signature"),
            (json!({ "encoded": "00", "signature": signed }), "185 bytes"),
            (json!({ "encoded": encoded, "signature": "00" }), "64 bytes"),
            (json!({ "encoded": "xy", "signature": signed }), "encoded"),
        ] {
            let problem = parse(&odd.to_string()).expect_err("refused");
            assert!(problem.contains(expected), "{problem}");
        }
        assert!(two(&[PathBuf::from("one.json")]).is_err());
    }

    #[test]
    fn a_journal_gives_its_receipts_and_a_torn_line_at_its_end_none() {
        let line = |json: Value| format!("0123456789abcdef {json}\n");
        let text = line(json!({ "launch": { "number": 1 } }))
            + &line(json!({ "receipt": hex::encode(receipt(0).encode()) }))
            + &line(json!({ "receipt": hex::encode(receipt(1).encode()) }));
        assert_eq!(journaled(&text), Ok(vec![receipt(0), receipt(1)]));
        assert_eq!(
            journaled(&format!("{text}0123456789abcdef {{\"rec")).map(|all| all.len()),
            Ok(2)
        );
        assert!(
            journaled(&format!("odd\n{text}"))
                .expect_err("damaged")
                .contains("line 1")
        );
        assert!(journaled("").is_err());
    }
}
