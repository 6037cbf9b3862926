//! One file per kind of thing that is acted on.

pub(crate) mod attest;
pub(crate) mod dispute;
pub(crate) mod doctor;
pub(crate) mod hardware;
pub(crate) mod job;
pub(crate) mod keeper;
mod logs;
mod meter;
pub(crate) mod network;
pub(crate) mod node;
mod open;
pub(crate) mod pool;
pub(crate) mod provider;
pub(crate) mod receipts;
mod result;
pub(crate) mod settings;
pub(crate) mod stake;
pub(crate) mod view;
pub(crate) mod wallet;
mod watch;
mod why;
