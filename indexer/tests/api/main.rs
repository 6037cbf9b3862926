//! The API over a real Postgres and real HTTP.

#[path = "../common/mod.rs"]
mod common;
mod contract;
mod hostile;
mod limits;
mod lists;
mod market;
mod streams;
