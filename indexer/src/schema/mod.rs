//! What the programs store and report, as their IDLs say it.

mod decode;
mod layout;

pub use decode::{Column, DecodeError, country, json, signed, unsigned, visit, write_json};
pub use layout::{AccountType, EventType, Field, Program, Schema, SchemaError, Type};
