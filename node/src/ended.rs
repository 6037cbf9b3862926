//! How the run of a job ended, as the last receipt tells it.

use gantry_sdk::receipt::ReceiptStatus;

use crate::guard::Exit;
use crate::runner::Outcome;

/// Exit code of a job whose command was never run, as `docker run` has it.
const NOT_RUN: i32 = 125;
/// Seconds after which an end was not seen as it happened.
const UNSEEN: u64 = 5;

/// How the run of a job's process ended.
pub(crate) struct Ended {
    pub(crate) status: ReceiptStatus,
    pub(crate) exit_code: i32,
    pub(crate) note: Option<String>,
    /// When, Unix seconds on the chain, where that was before anybody looked.
    pub(crate) at: Option<i64>,
}

impl Ended {
    pub(crate) fn failed(note: impl Into<String>) -> Self {
        Self {
            status: ReceiptStatus::Failed,
            exit_code: NOT_RUN,
            note: Some(note.into()),
            at: None,
        }
    }

    pub(crate) fn completed(exit: Exit, note: impl Into<String>) -> Self {
        Self {
            status: ReceiptStatus::Completed,
            exit_code: exit.code,
            note: Some(note.into()),
            at: None,
        }
    }

    /// It ended by itself, with the chain's clock at `now`.
    pub(crate) fn by_itself(outcome: Outcome, now: i64) -> Self {
        Self {
            status: ReceiptStatus::Completed,
            exit_code: outcome.exit.code,
            note: outcome.note,
            // What is seen as it happens counts until its result is stored: that is work, too.
            at: (outcome.ago > UNSEEN).then(|| now.saturating_sub_unsigned(outcome.ago)),
        }
    }
}
