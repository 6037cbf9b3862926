//! One file per instruction: arguments, accounts, `validate`, handler.

pub mod accept_result;
pub mod acknowledge;
pub mod apply_terms;
pub mod assign_job;
pub mod cancel_job;
pub mod cancel_terms;
pub mod claim;
pub mod decline_assignment;
pub mod dispute_job;
pub mod enable_mint;
pub mod end_job;
pub mod expire_assignment;
pub mod initialize;
pub mod open_job;
pub mod propose_terms;
pub mod report_lapse;
pub mod resolve_dispute;
pub mod settle_job;
pub mod settle_with_slash;
pub mod slash_equivocation;
pub mod start_job;
pub mod stop_job;
pub mod submit_proof;
pub mod top_up_job;
pub mod update_mint;
pub mod vote;

pub use {
    accept_result::*, acknowledge::*, apply_terms::*, assign_job::*, cancel_job::*, cancel_terms::*, claim::*,
    decline_assignment::*, dispute_job::*, enable_mint::*, end_job::*, expire_assignment::*, initialize::*,
    open_job::*, propose_terms::*, report_lapse::*, resolve_dispute::*, settle_job::*, settle_with_slash::*,
    slash_equivocation::*, start_job::*, stop_job::*, submit_proof::*, top_up_job::*, update_mint::*, vote::*,
};
