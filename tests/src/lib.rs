//! What the tests share: a market in LiteSVM with the real programs ([`world`]), and one of real processes ([`market`]).

pub mod market;
pub mod world;
