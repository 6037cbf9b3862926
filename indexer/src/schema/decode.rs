//! Values of accounts and events: to JSON, and to the text that Postgres prints for a column.

use std::io::Write as _;

use serde_json::{Map, Value as Json};

use super::{Field, Type};
use crate::{Key, key};

/// Bytes that are not what their type says.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end inside a value.
    #[error("the data ends inside a value")]
    TooShort,
    /// A value that its type does not have.
    #[error("the data is no valid {0}")]
    Invalid(&'static str),
}

fn take<'a>(data: &mut &'a [u8], count: usize) -> Result<&'a [u8], DecodeError> {
    let (taken, rest) = data.split_at_checked(count).ok_or(DecodeError::TooShort)?;
    *data = rest;
    Ok(taken)
}

fn count(data: &mut &[u8]) -> Result<usize, DecodeError> {
    Ok(unsigned(take(data, 4)?) as usize)
}

/// Little endian bytes, at most 16, as a number.
#[must_use]
pub fn unsigned(bytes: &[u8]) -> u128 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u128::from(*byte))
}

/// Little endian bytes, at most 8, as a signed number.
#[must_use]
pub fn signed(bytes: &[u8]) -> i64 {
    let unused = 64 - 8 * bytes.len().min(8) as u32;
    ((unsigned(bytes) as u64) << unused) as i64 >> unused
}

/// Two letters, or nothing where the bytes are zero or not letters.
#[must_use]
pub fn country(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .unwrap_or("")
}

/// Takes a value off the front of `data` as JSON: keys in base58, bytes in hex, integers of 64 bits and more that are not
/// times as strings (JSON numbers are exact to 2⁵³ only).
///
/// # Errors
/// Where `data` is too short or invalid for the type.
pub fn json(of: &Type, data: &mut &[u8]) -> Result<Json, DecodeError> {
    visit(of, data, &mut Vec::new())
}

/// As [`json`]; adds the keys that it meets to `keys`.
///
/// # Errors
/// As [`json`].
pub fn visit(of: &Type, data: &mut &[u8], keys: &mut Vec<Key>) -> Result<Json, DecodeError> {
    Ok(match of {
        Type::Bool => match take(data, 1)?[0] {
            0 => Json::Bool(false),
            1 => Json::Bool(true),
            _ => return Err(DecodeError::Invalid("bool")),
        },
        Type::Int { size, signed: true } => signed(take(data, *size)?).into(),
        Type::Int { size, signed: false } => {
            let value = unsigned(take(data, *size)?);
            if *size < 8 {
                (value as u64).into()
            } else {
                value.to_string().into()
            }
        }
        Type::Key => {
            let bytes: Key = take(data, 32)?.try_into().map_err(|_| DecodeError::TooShort)?;
            keys.push(bytes);
            key::text(&bytes).into()
        }
        Type::Country => country(take(data, 2)?).into(),
        Type::Bytes(size) => hex::encode(take(data, *size)?).into(),
        Type::Array(of, count) => (0..*count)
            .map(|_| visit(of, data, keys))
            .collect::<Result<Vec<_>, _>>()?
            .into(),
        Type::Struct(fields) => {
            let mut object = Map::new();
            for (name, of) in fields {
                object.insert(name.clone(), visit(of, data, keys)?);
            }
            object.into()
        }
        Type::Text => {
            let size = count(data)?;
            let text = std::str::from_utf8(take(data, size)?).map_err(|_| DecodeError::Invalid("text"))?;
            // Postgres holds no zero character.
            text.replace('\0', "\u{fffd}").into()
        }
        Type::Vec(of) => {
            // Elements are taken one by one, so a forged count ends at the end of the data and reserves nothing.
            let mut elements = Vec::new();
            for _ in 0..count(data)? {
                if of.size() == Some(0) {
                    return Err(DecodeError::Invalid("list of nothing"));
                }
                elements.push(visit(of, data, keys)?);
            }
            elements.into()
        }
        Type::Option(of) => match take(data, 1)?[0] {
            0 => Json::Null,
            1 => visit(of, data, keys)?,
            _ => return Err(DecodeError::Invalid("option")),
        },
    })
}

/// Appends what [`json`] gives for `data` as text; `null` where it is invalid. Numbers, keys and lists of them, which most
/// accounts consist of, are written as they are met, without a tree in between.
pub fn write_json(of: &Type, data: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let mut rest = data;
    if append(of, &mut rest, out).is_err() {
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
}

fn append(of: &Type, data: &mut &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    match of {
        Type::Int { size, signed: true } => {
            let _ = write!(out, "{}", signed(take(data, *size)?));
        }
        Type::Int { size, signed: false } if *size < 8 => {
            let _ = write!(out, "{}", unsigned(take(data, *size)?) as u64);
        }
        Type::Int { size, signed: false } => {
            let _ = write!(out, "\"{}\"", unsigned(take(data, *size)?));
        }
        Type::Country => {
            // Letters and digits alone: nothing to escape.
            let _ = write!(out, "\"{}\"", country(take(data, 2)?));
        }
        Type::Bytes(size) => {
            let _ = write!(out, "\"{}\"", hex::encode(take(data, *size)?));
        }
        Type::Array(of, count) => {
            out.push(b'[');
            for place in 0..*count {
                if place > 0 {
                    out.push(b',');
                }
                append(of, data, out)?;
            }
            out.push(b']');
        }
        Type::Struct(fields) => {
            out.push(b'{');
            for (place, (name, of)) in fields.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                // Names of fields are names in Rust.
                let _ = write!(out, "\"{name}\":");
                append(of, data, out)?;
            }
            out.push(b'}');
        }
        _ => {
            let _ = write!(out, "{}", json(of, data)?);
        }
    }
    Ok(())
}

/// How a field is kept in its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// `bytea`: keys and hashes.
    Bytea,
    /// `text`: countries, empty for none.
    Text,
    /// `boolean`.
    Boolean,
    /// `smallint`.
    Smallint,
    /// `integer`.
    Integer,
    /// `bigint`.
    Bigint,
    /// `numeric`: what no integer column holds, unsigned.
    Numeric,
    /// `jsonb`: lists and structs.
    Jsonb,
}

impl Column {
    /// The column's type in Postgres.
    #[must_use]
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Bytea => "bytea",
            Self::Text => "text",
            Self::Boolean => "boolean",
            Self::Smallint => "smallint",
            Self::Integer => "integer",
            Self::Bigint => "bigint",
            Self::Numeric => "numeric",
            Self::Jsonb => "jsonb",
        }
    }
}

impl Field {
    /// The column that holds this field.
    #[must_use]
    pub fn column(&self) -> Column {
        match &self.of {
            Type::Bool => Column::Boolean,
            Type::Int { size: 1, .. } | Type::Int { size: 2, signed: true } => Column::Smallint,
            Type::Int { size: 2, .. } | Type::Int { size: 4, signed: true } => Column::Integer,
            Type::Int { size: 4, .. } | Type::Int { size: 8, signed: true } => Column::Bigint,
            Type::Int { .. } => Column::Numeric,
            Type::Key | Type::Bytes(_) => Column::Bytea,
            Type::Country => Column::Text,
            Type::Array(..) | Type::Struct(_) | Type::Text | Type::Vec(_) | Type::Option(_) => Column::Jsonb,
        }
    }

    /// The field's bytes in the account `data`, which has the size of its type.
    #[must_use]
    pub fn bytes<'a>(&self, data: &'a [u8]) -> &'a [u8] {
        &data[self.offset..self.offset + self.size]
    }

    /// The field's value as an integer of at most 64 bits.
    #[must_use]
    pub fn integer(&self, data: &[u8]) -> i64 {
        let bytes = self.bytes(data);
        match self.of {
            Type::Int { signed: true, .. } => signed(bytes),
            _ => unsigned(bytes) as i64,
        }
    }

    /// The field's value as JSON; null where its bytes are invalid.
    #[must_use]
    pub fn json(&self, data: &[u8]) -> Json {
        json(&self.of, &mut self.bytes(data)).unwrap_or(Json::Null)
    }

    /// What Postgres prints for the column of this field, except for `jsonb`, which has its own spacing.
    #[must_use]
    pub fn text(&self, data: &[u8]) -> String {
        let bytes = self.bytes(data);
        match self.column() {
            Column::Bytea => format!("\\x{}", hex::encode(bytes)),
            Column::Text => country(bytes).to_owned(),
            Column::Boolean => (bytes[0] != 0).to_string(),
            Column::Smallint | Column::Integer | Column::Bigint => self.integer(data).to_string(),
            Column::Numeric => unsigned(bytes).to_string(),
            Column::Jsonb => self.json(data).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    #[test]
    fn integers_keep_their_sign_and_size() {
        assert_eq!(signed(&(-2i32).to_le_bytes()), -2);
        assert_eq!(signed(&i64::MIN.to_le_bytes()), i64::MIN);
        assert_eq!(unsigned(&u128::MAX.to_le_bytes()), u128::MAX);
        assert_eq!(unsigned(&[0, 1]), 256);
    }

    #[test]
    fn forged_counts_and_short_data_are_errors() {
        let numbers = Type::Vec(Box::new(Type::Int { size: 8, signed: false }));
        assert_eq!(
            json(&numbers, &mut [255, 255, 255, 255, 1].as_slice()),
            Err(DecodeError::TooShort)
        );
        assert_eq!(
            json(&Type::Text, &mut [1, 0, 0, 0, 0xff].as_slice()),
            Err(DecodeError::Invalid("text"))
        );
        assert_eq!(json(&Type::Key, &mut [0; 31].as_slice()), Err(DecodeError::TooShort));
    }

    #[test]
    fn json_as_text_is_that_of_the_tree() {
        let schema = Schema::embedded().expect("the IDLs of this build");
        let columns = schema.accounts.iter().flat_map(|account| &account.fields);
        let mut lists = 0;
        for field in columns.filter(|field| field.column() == Column::Jsonb) {
            for fill in [0, 1, 65, 0x90, 255] {
                let bytes = vec![fill; field.size];
                let mut text = Vec::new();
                write_json(&field.of, &bytes, &mut text);
                let tree = json(&field.of, &mut bytes.as_slice()).unwrap_or(Json::Null);
                assert_eq!(
                    serde_json::from_slice::<Json>(&text).expect("JSON"),
                    tree,
                    "{}",
                    field.name
                );
                lists += 1;
            }
        }
        assert!(lists >= 30, "{lists}");
        let mut text = b"before ".to_vec();
        write_json(&Type::Array(Box::new(Type::Key), 2), &[7; 40], &mut text);
        assert_eq!(text, b"before null");
    }

    #[test]
    fn every_account_type_belongs_to_the_program_that_writes_it() {
        let schema = Schema::embedded().expect("the IDLs of this build");
        let tables_of = |name: &str| {
            let of_program =
                |account: &&crate::schema::AccountType| schema.program_name(&account.program) == Some(name);
            let mut tables: Vec<_> = schema
                .accounts
                .iter()
                .filter(of_program)
                .map(|account| &*account.table)
                .collect();
            tables.sort_unstable();
            tables
        };
        assert_eq!(
            tables_of("registry"),
            ["attestor", "device", "network", "node", "provider"]
        );
        assert_eq!(tables_of("staking"), ["pool", "position", "staking_params"]);
        // `dispute` is in the IDL once an instruction uses it.
        let market: Vec<_> = tables_of("market")
            .into_iter()
            .filter(|table| *table != "dispute")
            .collect();
        assert_eq!(market, ["customer", "job", "market_params", "payment_mint"]);
        let job = schema
            .accounts
            .iter()
            .find(|account| account.table == "job")
            .expect("there is one");
        assert_eq!(job.size, 441);
    }
}
