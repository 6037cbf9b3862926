//! One file per kind of thing that is acted on.

pub(crate) mod job;
pub(crate) mod node;
pub(crate) mod provider;
pub(crate) mod view;
pub(crate) mod wallet;
mod watch;
mod why;
