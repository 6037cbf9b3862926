//! Starts and supervises everything that Gantry runs on one machine: Postgres, chain, indexer, matcher, nodes.
//!
//! [`Stack`] is the whole; [`postgres`] and [`child`] are of use alone. Nothing started here outlives the process that
//! started it, be it stopped, dropped or killed with SIGKILL.

pub mod binaries;
pub mod child;
pub mod daemons;
pub mod demo;
mod environment;
pub mod memory;
pub mod postgres;
pub mod processes;
mod run_dir;
pub mod stack;

pub use environment::Environment;
pub use run_dir::{RunDir, RunDirError};
pub use stack::{Chain, Database, Ports, Stack, StackBuilder, StackError};
