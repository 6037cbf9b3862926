//! The indexer: what the three programs store and report, from a Yellowstone gRPC stream into Postgres, and from there
//! over HTTP.
//!
//! Updates are kept per bank until the bank is whole and confirmed ([`stream`]); then it is written in one transaction
//! with the checkpoint ([`store`]), from which [`ingest`] resumes. [`api`] reads the tables; [`verify`] compares them
//! with the chain.

pub mod api;
pub mod config;
pub mod ingest;
pub mod key;
pub mod measurements;
pub mod progress;
pub mod rpc;
pub mod schema;
pub mod store;
pub mod stream;
pub mod telemetry;
mod tls;
pub mod verify;

pub use key::{Key, Signature};
