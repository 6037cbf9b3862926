//! Random histories of the whole market, on the built programs and on a model of them at once.
//!
//! A history is drawn from a seed: the next operation out of the model and the dice ([`ops`]). After each step the
//! model's word on whether it goes through, and if not, by which error, is compared with the chain's; so is every account
//! that the step could write ([`history`], [`model`]); and the laws ([`laws`]) are checked on the chain's accounts.
//! Now and then a step is sent without its signature, and any earlier step may be sent again, byte for byte.
//! At the end a stranger closes every job, in half of the histories with the network paused; then everybody takes their
//! stake home and closes what they have.
//!
//! A history that fails is made shorter by leaving out steps, and printed with its seed ([`run`]).

pub(crate) mod cast;
pub(crate) mod chain;
pub(crate) mod dice;
pub(crate) mod history;
pub(crate) mod laws;
pub(crate) mod model;
pub(crate) mod ops;
pub(crate) mod rules;
pub(crate) mod run;
