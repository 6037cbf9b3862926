//! The matcher: pairs open jobs with the cheapest node that fits, and pushes overdue states forward.
//!
//! The core ([`model`], [`fleet`], [`plan`]) is pure: the same state gives the same pairs, on any machine and in whatever
//! order the state arrived. Around it, [`source`] brings accounts, [`state`] keeps them, and [`engine`] sends.

pub mod engine;
pub mod events;
pub mod fleet;
pub mod keeper;
pub mod model;
pub mod plan;
pub mod source;
pub mod state;
