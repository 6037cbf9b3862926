//! The layout of accounts and events, read from the programs' IDLs: one description for the tables, the decoder and
//! `verify`, so that thirteen account types need no thirteen modules.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value as Json;

use crate::Key;

/// What the IDLs say that this indexer cannot use.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The file is no IDL.
    #[error("idl/{program}.json is no IDL: {source}; rebuild it with `cargo xtask programs build`")]
    NotAnIdl {
        /// The program's name.
        program: &'static str,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// Something in it is beyond what the indexer decodes.
    #[error("idl/{program}.json: {what}")]
    Unsupported {
        /// The program's name.
        program: &'static str,
        /// What, and where.
        what: String,
    },
}

/// The type of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false` in one byte.
    Bool,
    /// An integer of this many bytes, signed or not.
    Int {
        /// Bytes: 1, 2, 4, 8 or 16.
        size: usize,
        /// Whether it can be negative.
        signed: bool,
    },
    /// A public key.
    Key,
    /// Two ASCII letters, zeros for none: a country, ISO 3166-1 alpha-2.
    Country,
    /// A fixed number of bytes.
    Bytes(usize),
    /// A fixed number of elements.
    Array(Box<Type>, usize),
    /// Fields in order.
    Struct(Vec<(String, Type)>),
    /// UTF-8 behind a `u32` length; events only.
    Text,
    /// Elements behind a `u32` count; events only.
    Vec(Box<Type>),
    /// A tag byte and maybe a value; events only.
    Option(Box<Type>),
}

impl Type {
    /// Bytes on chain; `None` where that depends on the value.
    #[must_use]
    pub fn size(&self) -> Option<usize> {
        Some(match self {
            Self::Bool => 1,
            Self::Int { size, .. } => *size,
            Self::Key => 32,
            Self::Country => 2,
            Self::Bytes(count) => *count,
            Self::Array(of, count) => of.size()? * count,
            Self::Struct(fields) => fields.iter().map(|(_, of)| of.size()).sum::<Option<usize>>()?,
            Self::Text | Self::Vec(_) | Self::Option(_) => return None,
        })
    }
}

/// A field of an account, at its place in the account's bytes.
#[derive(Clone, Debug)]
pub struct Field {
    /// Name, which is its column's name too.
    pub name: String,
    /// First byte, the discriminator included.
    pub offset: usize,
    /// Bytes.
    pub size: usize,
    /// Type.
    pub of: Type,
}

/// An account type: one table.
#[derive(Clone, Debug)]
pub struct AccountType {
    /// The program that owns such accounts.
    pub program: Key,
    /// Table, for example `payment_mint` for `PaymentMint`.
    pub table: String,
    /// Bytes of an account, the discriminator included.
    pub size: usize,
    /// Fields in order.
    pub fields: Vec<Field>,
}

/// An event type.
#[derive(Clone, Debug)]
pub struct EventType {
    /// Name, for example `JobSettled`.
    pub name: String,
    /// Its fields.
    pub of: Type,
}

/// One program.
#[derive(Clone, Debug)]
pub struct Program {
    /// Address.
    pub address: Key,
    /// Name: `registry`, `staking` or `market`.
    pub name: &'static str,
}

type Discriminated<T> = HashMap<(Key, [u8; 8]), T>;

/// Everything that the three programs store and report.
#[derive(Clone, Debug)]
pub struct Schema {
    /// The programs.
    pub programs: Vec<Program>,
    /// Account types; an account is matched to its type by owner and discriminator.
    pub accounts: Vec<AccountType>,
    account_index: Discriminated<usize>,
    events: Discriminated<EventType>,
}

#[derive(Deserialize)]
struct Idl {
    address: String,
    #[serde(default)]
    accounts: Vec<Named>,
    #[serde(default)]
    events: Vec<Named>,
    #[serde(default)]
    types: Vec<TypeDef>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    discriminator: [u8; 8],
}

#[derive(Deserialize)]
struct TypeDef {
    name: String,
    #[serde(rename = "type")]
    of: Json,
}

struct Reader<'a> {
    program: &'static str,
    types: HashMap<&'a str, &'a Json>,
}

impl Reader<'_> {
    fn unsupported(&self, what: String) -> SchemaError {
        SchemaError::Unsupported {
            program: self.program,
            what,
        }
    }

    fn read(&self, json: &Json) -> Result<Type, SchemaError> {
        let unsupported = || self.unsupported(format!("type {json} is not supported"));
        let int = |size, signed| Type::Int { size, signed };
        if let Some(name) = json.as_str() {
            return Ok(match name {
                "bool" => Type::Bool,
                "u8" => int(1, false),
                "u16" => int(2, false),
                "u32" => int(4, false),
                "u64" => int(8, false),
                "u128" => int(16, false),
                "i8" => int(1, true),
                "i16" => int(2, true),
                "i32" => int(4, true),
                "i64" => int(8, true),
                "pubkey" => Type::Key,
                "string" => Type::Text,
                _ => return Err(unsupported()),
            });
        }
        let (kind, of) = json
            .as_object()
            .and_then(|object| object.iter().next())
            .ok_or_else(unsupported)?;
        match kind.as_str() {
            "array" => {
                let count = of[1]
                    .as_u64()
                    .and_then(|count| usize::try_from(count).ok())
                    .ok_or_else(unsupported)?;
                Ok(match (self.read(&of[0])?, count) {
                    (Type::Int { size: 1, signed: false }, 2) => Type::Country,
                    (Type::Int { size: 1, signed: false }, count) => Type::Bytes(count),
                    (of, count) => Type::Array(Box::new(of), count),
                })
            }
            "vec" => Ok(Type::Vec(Box::new(self.read(of)?))),
            "option" => Ok(Type::Option(Box::new(self.read(of)?))),
            "defined" => self.defined(of["name"].as_str().ok_or_else(unsupported)?),
            _ => Err(unsupported()),
        }
    }

    fn defined(&self, name: &str) -> Result<Type, SchemaError> {
        let of = self
            .types
            .get(name)
            .ok_or_else(|| self.unsupported(format!("type {name} is not defined")))?;
        let not_a_struct = || self.unsupported(format!("type {name} is not a struct with named fields"));
        if of["kind"] != "struct" {
            return Err(not_a_struct());
        }
        // A struct without fields has no list of them.
        let Some(fields) = of["fields"].as_array() else {
            return Ok(Type::Struct(Vec::new()));
        };
        let fields = fields.iter().map(|field| {
            let name = field["name"].as_str().ok_or_else(not_a_struct)?;
            Ok((snake_case(name), self.read(&field["type"])?))
        });
        fields.collect::<Result<_, _>>().map(Type::Struct)
    }
}

impl Schema {
    /// The schema of the programs that this build was made with.
    ///
    /// # Errors
    /// Where an IDL is malformed or uses a type that no column holds.
    pub fn embedded() -> Result<Self, SchemaError> {
        Self::read(&[
            ("registry", include_str!("../../../idl/registry.json")),
            ("staking", include_str!("../../../idl/staking.json")),
            ("market", include_str!("../../../idl/market.json")),
        ])
    }

    /// The schema of the programs with these names and IDLs, each after those whose accounts it reads.
    ///
    /// An IDL also lists the accounts of other programs that its instructions read. They are told apart by that order:
    /// an account type belongs to the first program that lists it.
    ///
    /// # Errors
    /// As [`embedded`](Self::embedded).
    pub fn read(idls: &[(&'static str, &str)]) -> Result<Self, SchemaError> {
        let mut schema = Self {
            programs: Vec::new(),
            accounts: Vec::new(),
            account_index: HashMap::new(),
            events: HashMap::new(),
        };
        for (program, text) in idls {
            schema.add(program, text)?;
        }
        Ok(schema)
    }

    fn add(&mut self, program: &'static str, text: &str) -> Result<(), SchemaError> {
        let idl: Idl = serde_json::from_str(text).map_err(|source| SchemaError::NotAnIdl { program, source })?;
        let reader = Reader {
            program,
            types: idl.types.iter().map(|def| (def.name.as_str(), &def.of)).collect(),
        };
        let address = crate::key::parse(&idl.address)
            .ok_or_else(|| reader.unsupported(format!("`{}` is no address", idl.address)))?;
        self.programs.push(Program { address, name: program });
        for account in &idl.accounts {
            if self
                .account_index
                .keys()
                .any(|(_, discriminator)| *discriminator == account.discriminator)
            {
                continue;
            }
            let Type::Struct(fields) = reader.defined(&account.name)? else {
                continue;
            };
            let mut offset = account.discriminator.len();
            let fields = fields.into_iter().map(|(name, of)| {
                let size = of
                    .size()
                    .ok_or_else(|| reader.unsupported(format!("{}.{name} has no fixed size", account.name)))?;
                offset += size;
                Ok(Field {
                    name,
                    offset: offset - size,
                    size,
                    of,
                })
            });
            let fields = fields.collect::<Result<Vec<_>, SchemaError>>()?;
            self.account_index
                .insert((address, account.discriminator), self.accounts.len());
            self.accounts.push(AccountType {
                program: address,
                table: snake_case(&account.name),
                size: offset,
                fields,
            });
        }
        for event in idl.events {
            let of = reader.defined(&event.name)?;
            self.events
                .insert((address, event.discriminator), EventType { name: event.name, of });
        }
        Ok(())
    }

    /// Whether `key` is one of the programs.
    #[must_use]
    pub fn is_program(&self, key: &Key) -> bool {
        self.programs.iter().any(|program| program.address == *key)
    }

    /// The name of the program at `key`.
    #[must_use]
    pub fn program_name(&self, key: &Key) -> Option<&'static str> {
        self.programs
            .iter()
            .find(|program| program.address == *key)
            .map(|program| program.name)
    }

    /// Index into [`accounts`](Self::accounts) of the type of an account; `None` where no type has its owner,
    /// discriminator and size.
    #[must_use]
    pub fn account(&self, owner: &Key, data: &[u8]) -> Option<usize> {
        let discriminator = data.first_chunk::<8>()?;
        let index = *self.account_index.get(&(*owner, *discriminator))?;
        (self.accounts[index].size == data.len()).then_some(index)
    }

    /// The type of an event of `program`, and its body; `None` for one that the IDL does not name.
    #[must_use]
    pub fn event<'a>(&self, program: &Key, data: &'a [u8]) -> Option<(&EventType, &'a [u8])> {
        let (discriminator, body) = data.split_first_chunk::<8>()?;
        Some((self.events.get(&(*program, *discriminator))?, body))
    }
}

/// `PaymentMint` and `paymentMint` → `payment_mint`; names that are snake case already stay.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for (index, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
