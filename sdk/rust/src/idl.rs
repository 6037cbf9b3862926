//! The IDLs themselves, and decoding that follows them: for errors, logs and anything that shows raw accounts as JSON.

use crate::{Pubkey, market, registry, staking};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// One program's IDL.
pub struct Idl {
    /// `registry`, `staking` or `market`.
    pub name: &'static str,
    /// The program's address.
    pub id: Pubkey,
    json: Value,
}

/// The IDLs of the three programs.
pub static ALL: LazyLock<[Idl; 3]> = LazyLock::new(|| {
    let load = |name, id, text| Idl {
        name,
        id,
        json: serde_json::from_str(text).expect("the build embeds valid JSON"),
    };
    [
        load("registry", registry::ID, include_str!("../idls/registry.json")),
        load("staking", staking::ID, include_str!("../idls/staking.json")),
        load("market", market::ID, include_str!("../idls/market.json")),
    ]
});

/// The IDL of the program at `id`, if it is one of the three.
pub fn of(id: &Pubkey) -> Option<&'static Idl> {
    ALL.iter().find(|idl| idl.id == *id)
}

/// `registry`, `staking`, `market`, or the address of another program.
pub fn program_name(id: &Pubkey) -> String {
    of(id).map_or_else(|| id.to_string(), |idl| idl.name.to_owned())
}

impl Idl {
    /// Its version.
    pub fn version(&self) -> &str {
        self.json["metadata"]["version"].as_str().unwrap_or_default()
    }

    /// Every refusal: code, name, message.
    pub fn errors(&self) -> impl Iterator<Item = (u32, String, String)> + '_ {
        self.list("errors").filter_map(|error| {
            let code = u32::try_from(error["code"].as_u64()?).ok()?;
            Some((
                code,
                error["name"].as_str()?.to_owned(),
                error["msg"].as_str().unwrap_or_default().to_owned(),
            ))
        })
    }

    /// Names of all account types.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        self.list("accounts").filter_map(|account| account["name"].as_str())
    }

    /// Names of all events.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        self.list("events").filter_map(|event| event["name"].as_str())
    }

    /// Names of all events, each with the eight bytes that its data begins with.
    pub fn event_discriminators(&self) -> impl Iterator<Item = (&str, Vec<u8>)> {
        self.list("events").filter_map(|event| {
            let bytes = event["discriminator"].as_array()?.iter();
            let bytes = bytes.map(|byte| u8::try_from(byte.as_u64()?).ok());
            Some((event["name"].as_str()?, bytes.collect::<Option<_>>()?))
        })
    }

    /// Name and fields of the account in `data`: integers of at most 32 bits as numbers, longer ones as strings, keys in
    /// base58, byte arrays in hexadecimal. `None` for data that no account type of this program fits exactly.
    pub fn account_json(&self, data: &[u8]) -> Option<(&str, Value)> {
        self.decode("accounts", data)
    }

    /// Name and fields of the event in `data`, in the form of [`account_json`](Self::account_json).
    pub fn event_json(&self, data: &[u8]) -> Option<(&str, Value)> {
        self.decode("events", data)
    }

    fn list(&self, key: &str) -> impl Iterator<Item = &Value> {
        self.json[key].as_array().into_iter().flatten()
    }

    fn decode(&self, list: &str, data: &[u8]) -> Option<(&str, Value)> {
        let (discriminator, mut rest) = data.split_at_checked(8)?;
        let wanted = json!(discriminator);
        let name = self.list(list).find(|item| item["discriminator"] == wanted)?["name"].as_str()?;
        let value = self.read_defined(name, &mut rest)?;
        rest.is_empty().then_some((name, value))
    }

    fn read_defined(&self, name: &str, data: &mut &[u8]) -> Option<Value> {
        let definition = self.list("types").find(|item| item["name"] == name)?;
        let mut fields = Map::new();
        for field in definition["type"]["fields"].as_array()? {
            fields.insert(field["name"].as_str()?.to_owned(), self.read(&field["type"], data)?);
        }
        Some(Value::Object(fields))
    }

    fn read(&self, kind: &Value, data: &mut &[u8]) -> Option<Value> {
        if let Some([element, length]) = kind["array"].as_array().map(Vec::as_slice) {
            let length = usize::try_from(length.as_u64()?).ok()?;
            if element == "u8" {
                return Some(json!(hex::encode(take_slice(data, length)?)));
            }
            return (0..length)
                .map(|_| self.read(element, data))
                .collect::<Option<Vec<_>>>()
                .map(Value::Array);
        }
        if let Some(name) = kind["defined"]["name"].as_str() {
            return self.read_defined(name, data);
        }
        Some(match kind.as_str()? {
            "bool" => json!(u8::from_le_bytes(take(data)?) != 0),
            "u8" => json!(u8::from_le_bytes(take(data)?)),
            "u16" => json!(u16::from_le_bytes(take(data)?)),
            "u32" => json!(u32::from_le_bytes(take(data)?)),
            "i32" => json!(i32::from_le_bytes(take(data)?)),
            "u64" => json!(u64::from_le_bytes(take(data)?).to_string()),
            "i64" => json!(i64::from_le_bytes(take(data)?).to_string()),
            "u128" => json!(u128::from_le_bytes(take(data)?).to_string()),
            "pubkey" => json!(Pubkey::from(take::<32>(data)?).to_string()),
            _ => return None,
        })
    }
}

fn take_slice<'a>(data: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = data.split_at_checked(length)?;
    *data = rest;
    Some(taken)
}

fn take<const N: usize>(data: &mut &[u8]) -> Option<[u8; N]> {
    take_slice(data, N)?.try_into().ok()
}
