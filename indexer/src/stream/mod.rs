//! From Yellowstone's updates to whole confirmed banks.

mod bank;
mod buffer;
mod convert;
mod logs;
mod subscription;
mod trunk;

pub use bank::{AccountWrite, BlockFacts, Change, SealedBank, Transaction};
pub use buffer::{Broken, Buffer, Step, Update};
pub use convert::Malformed;
pub use logs::{Logged, LoggedData, read as read_logs};
pub use subscription::{Compression, Event, SourceOptions, StreamError, Subscription, first_available};
pub use trunk::{Block, Trunk};
