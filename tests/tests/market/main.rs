//! The market's instructions in the VM: what each does, and each refusal. One binary: linking each file alone would take
//! longer than running them all.

mod assign;
mod claim;
mod decline;
mod dispute;
mod end;
mod end_job;
mod equivocation;
mod late_proofs;
mod mints;
mod open;
mod payees;
mod receipts;
mod resolve;
mod security_txt;
mod settle;
mod settle_slash;
mod setup;
mod start;
mod terms;
mod top_up;
mod vote;
