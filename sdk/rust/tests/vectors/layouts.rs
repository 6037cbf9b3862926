//! Every account and event with other bytes in every place, and what the IDL reads in them.

use gantry_sdk::{idl, state::AnyAccount};
use serde_json::{Value, json};

/// Longer than any account.
const MOST: usize = 4_096;

/// Events with a truth value, which is 0 or 1.
const WITH_TRUTH: [&str; 2] = ["AttestorUpdated", "MintUpdated"];

pub(crate) fn all() -> Value {
    let mut accounts = Vec::new();
    for (program, kind, discriminator) in AnyAccount::KINDS {
        let idl = idl::ALL
            .iter()
            .find(|idl| idl.name == *program)
            .expect("one of the three");
        accounts.push(vector(program, kind, discriminator, &|data| {
            idl.account_json(data).map(|(_, value)| value)
        }));
    }
    let mut events = Vec::new();
    for idl in idl::ALL.iter() {
        for (name, discriminator) in idl.event_discriminators() {
            events.push(vector(idl.name, name, &discriminator, &|data| {
                idl.event_json(data).map(|(_, value)| value)
            }));
        }
    }
    json!({
        "description": "Bytes are hexadecimal and begin with the discriminator; integers of more than 32 bits are strings.",
        "accounts": accounts,
        "events": events,
    })
}

fn vector(program: &str, name: &str, discriminator: &[u8], read: &dyn Fn(&[u8]) -> Option<Value>) -> Value {
    let mut data = discriminator.to_vec();
    while data.len() < MOST {
        if let Some(value) = read(&data) {
            return json!({ "program": program, "name": name, "data": hex::encode(&data), "value": value });
        }
        let place = data.len();
        data.push(if WITH_TRUTH.contains(&name) {
            1
        } else {
            (place * 37 % 251) as u8
        });
    }
    panic!("{program}::{name} has no length that its IDL reads");
}
