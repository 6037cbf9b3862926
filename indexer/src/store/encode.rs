//! Accounts as Postgres takes them over the wire: an array of a table's rows, in binary, in one parameter.
//!
//! An array for each column would have the server unpack fifty of them for every row of a job; this is one.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo};
use sqlx::{Encode, PgConnection, Postgres, Row as _, Type};

use super::numeric;
use super::rows::Row;
use crate::Key;
use crate::schema::{AccountType, Column, Field, country, unsigned, write_json};

/// `record[]` in the catalogue of every Postgres.
const RECORDS: Oid = Oid(2287);

/// A column of a table, in the table's own order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Address,
    Slot,
    WriteVersion,
    Closed,
    Data,
    /// A field of the account, by its index.
    Field(usize),
}

/// How a table's rows are written.
#[derive(Clone, Debug)]
pub(super) struct RowType {
    places: Vec<Place>,
    row: Oid,
    array: PgTypeInfo,
}

const fn oid(column: Column) -> u32 {
    match column {
        Column::Bytea => 17,
        Column::Text => 25,
        Column::Boolean => 16,
        Column::Smallint => 21,
        Column::Integer => 23,
        Column::Bigint => 20,
        Column::Numeric => 1700,
        Column::Jsonb => 3802,
    }
}

impl RowType {
    /// Asks the database for the type of the rows of `account`'s table.
    pub(super) async fn read(connection: &mut PgConnection, account: &AccountType) -> sqlx::Result<Self> {
        let names: Vec<String> = sqlx::query_scalar(
            "select attname::text from pg_attribute \
             where attrelid = to_regclass($1) and attnum > 0 and not attisdropped order by attnum",
        )
        .bind(&account.table)
        .fetch_all(&mut *connection)
        .await?;
        let places = names.iter().map(|name| match name.as_str() {
            "address" => Ok(Place::Address),
            "slot" => Ok(Place::Slot),
            "write_version" => Ok(Place::WriteVersion),
            "closed" => Ok(Place::Closed),
            "data" => Ok(Place::Data),
            name => {
                let field = account.fields.iter().position(|field| field.name == name);
                field
                    .map(Place::Field)
                    .ok_or_else(|| sqlx::Error::ColumnNotFound(name.to_owned()))
            }
        });
        let places = places.collect::<sqlx::Result<_>>()?;
        let types = sqlx::query("select oid, typarray from pg_type where typrelid = to_regclass($1)")
            .bind(&account.table)
            .fetch_one(connection)
            .await?;
        Ok(Self {
            places,
            row: types.try_get(0)?,
            array: PgTypeInfo::with_oid(types.try_get(1)?),
        })
    }

    /// The rows, of which none is closed.
    pub(super) fn encode<'a>(
        &self,
        account: &AccountType,
        rows: impl ExactSizeIterator<Item = (&'a Key, &'a Row<'a>, bool)>,
    ) -> Rows {
        let count = rows.len();
        let mut bytes = Vec::with_capacity(20 + count * (account.size * 2 + self.places.len() * 9 + 64));
        // One dimension, no nulls, the type of the elements, how many they are, and the index of the first.
        for word in [1, 0, self.row.0, count as u32, 1] {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
        for (address, row, closed) in rows {
            sized(&mut bytes, |bytes| self.row(bytes, account, address, row, closed));
        }
        Rows {
            bytes,
            array: self.array.clone(),
        }
    }

    fn row(&self, bytes: &mut Vec<u8>, account: &AccountType, address: &Key, row: &Row<'_>, closed: bool) {
        bytes.extend_from_slice(&(self.places.len() as u32).to_be_bytes());
        for place in &self.places {
            let column = match place {
                Place::Address | Place::Data => Column::Bytea,
                Place::Slot | Place::WriteVersion => Column::Bigint,
                Place::Closed => Column::Boolean,
                Place::Field(index) => account.fields[*index].column(),
            };
            bytes.extend_from_slice(&oid(column).to_be_bytes());
            sized(bytes, |bytes| match place {
                Place::Address => bytes.extend_from_slice(address),
                Place::Slot => bytes.extend_from_slice(&row.slot.to_be_bytes()),
                Place::WriteVersion => bytes.extend_from_slice(&row.write_version.to_be_bytes()),
                Place::Closed => bytes.push(closed.into()),
                Place::Data => bytes.extend_from_slice(row.data),
                Place::Field(index) => field(bytes, &account.fields[*index], column, row.data),
            });
        }
    }
}

/// Writes what `write` writes behind its size.
fn sized(bytes: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; 4]);
    write(bytes);
    let size = (bytes.len() - start - 4) as u32;
    bytes[start..start + 4].copy_from_slice(&size.to_be_bytes());
}

fn field(bytes: &mut Vec<u8>, field: &Field, column: Column, data: &[u8]) {
    match column {
        Column::Bytea => bytes.extend_from_slice(field.bytes(data)),
        Column::Text => bytes.extend_from_slice(country(field.bytes(data)).as_bytes()),
        Column::Boolean => bytes.push((field.bytes(data)[0] != 0).into()),
        Column::Smallint => bytes.extend_from_slice(&(field.integer(data) as i16).to_be_bytes()),
        Column::Integer => bytes.extend_from_slice(&(field.integer(data) as i32).to_be_bytes()),
        Column::Bigint => bytes.extend_from_slice(&field.integer(data).to_be_bytes()),
        Column::Numeric => numeric::write(unsigned(field.bytes(data)), |part| bytes.extend_from_slice(part)),
        Column::Jsonb => {
            // The version of the format.
            bytes.push(1);
            write_json(&field.of, field.bytes(data), bytes);
        }
    }
}

/// Rows of one table, to be bound as an array of them.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    bytes: Vec<u8>,
    array: PgTypeInfo,
}

impl Rows {
    /// Bytes that it holds.
    pub(super) const fn size(&self) -> usize {
        self.bytes.len()
    }
}

impl Type<Postgres> for Rows {
    fn type_info() -> PgTypeInfo {
        // Which table's rows they are, each value says of itself.
        PgTypeInfo::with_oid(RECORDS)
    }
}

impl Encode<'_, Postgres> for Rows {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(&self.bytes);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(self.array.clone())
    }

    fn size_hint(&self) -> usize {
        self.bytes.len()
    }
}
