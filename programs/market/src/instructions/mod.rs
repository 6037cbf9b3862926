//! One file per instruction: arguments, accounts, `validate`, handler.

pub mod accept_result;
pub mod assign_job;
pub mod cancel_job;
pub mod dispute_job;
pub mod enable_mint;
pub mod expire_assignment;
pub mod initialize;
pub mod open_job;
pub mod report_lapse;
pub mod resolve_dispute;
pub mod settle_job;
pub mod settle_with_slash;
pub mod slash_equivocation;
pub mod start_job;
pub mod stop_job;
pub mod submit_proof;
pub mod vote;

pub use {
    accept_result::*, assign_job::*, cancel_job::*, dispute_job::*, enable_mint::*, expire_assignment::*,
    initialize::*, open_job::*, report_lapse::*, resolve_dispute::*, settle_job::*, settle_with_slash::*,
    slash_equivocation::*, start_job::*, stop_job::*, submit_proof::*, vote::*,
};
