//! What the bytes in accounts mean.

mod decode;
mod dispute;
mod event;
mod job;
mod node;
mod position;

pub use decode::{AnyAccount, DecodeError, decode_account};
pub use dispute::DisputeExt;
pub use event::{AnyEvent, EmittedEvent, decode_logs};
pub use job::{ENDED_BY_NODE, FIXED_MATCHER, FIXED_NODE, JobExt, JobOutcome, JobStatus, RESULT_ACCEPTED};
pub use node::{NodeExt, NodeStatus, PoolExt, UnknownFlag, flag_names, flags_from_names};
pub use position::PositionExt;
