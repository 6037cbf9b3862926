//! A market that is busier than any: its account updates as a stream, from a server that speaks Yellowstone.

pub mod script;
pub mod server;
pub mod tables;
pub mod workload;
