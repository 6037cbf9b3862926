//! What the tests share: a market in LiteSVM with the real programs ([`world`]).

pub mod world;
