//! The daemon on a host that serves jobs: it watches its node account, runs what it is assigned, and proves it with
//! receipts that its node key signs.
//!
//! A job's whole path is in [`session`]; what it runs below is in [`process`] and [`guard`]; what was signed is in
//! [`journal`], on disk before anybody sees it; its log goes to the customer by [`live`].

pub mod chain;
pub mod container;
pub mod daemon;
pub mod device;
mod ended;
pub mod gpu;
pub mod guard;
pub mod host;
pub mod journal;
pub mod listing;
pub mod live;
pub mod log;
pub mod meter;
pub mod orphans;
pub mod process;
pub mod runner;
pub mod sandbox;
pub mod session;
pub mod settings;
pub mod status;
pub mod tasks;
pub mod usage;
pub mod workspace;
