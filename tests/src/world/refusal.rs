//! What a transaction did, or why it was refused.

use gantry_sdk::{errors, state::AnyEvent};
use litesvm::types::FailedTransactionMetadata;
use solana_instruction::error::InstructionError;
use solana_transaction_error::TransactionError;

/// What a transaction did.
#[derive(Debug)]
pub struct Outcome {
    /// Compute units of the whole transaction.
    pub compute_units: u64,
    /// What the programs announced.
    pub events: Vec<AnyEvent>,
    /// The logs.
    pub logs: Vec<String>,
}

/// Why a transaction was refused.
#[derive(Debug)]
pub struct Refusal {
    /// Custom error code, if a program refused with one.
    pub code: Option<u32>,
    /// The error as the runtime has it.
    pub error: TransactionError,
    /// The logs.
    pub logs: Vec<String>,
}

impl From<FailedTransactionMetadata> for Refusal {
    fn from(failure: FailedTransactionMetadata) -> Self {
        let code = match &failure.err {
            TransactionError::InstructionError(_, InstructionError::Custom(code)) => Some(*code),
            _ => None,
        };
        Self {
            code,
            error: failure.err,
            logs: failure.meta.logs,
        }
    }
}

/// Asserts that a program refused with the error `name` of `program` (`registry`, `staking`, `market`).
#[track_caller]
pub fn assert_refused(result: Result<Outcome, Refusal>, program: &str, name: &str) {
    let expected = errors::named(program, name).unwrap_or_else(|| panic!("{program} has no error {name}"));
    let refusal = match result {
        Ok(outcome) => panic!("expected {program}::{name}, but it went through: {:#?}", outcome.logs),
        Err(refusal) => refusal,
    };
    let found = refusal
        .code
        .and_then(errors::lookup)
        .map(|refusal| refusal.name.as_str());
    assert_eq!(
        refusal.code,
        Some(expected.code),
        "expected {name}, found {found:?}: {:#?}",
        refusal.logs
    );
}
