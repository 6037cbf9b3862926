//! The instructions of the three programs, as their IDLs have them.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use super::root;

/// The programs, in the order in which they depend on each other.
pub(crate) const PROGRAMS: [&str; 3] = ["registry", "staking", "market"];

/// A program's IDL.
pub(crate) struct Program {
    pub name: &'static str,
    pub instructions: Vec<Instruction>,
    /// Names of its errors.
    #[cfg(test)]
    pub errors: Vec<String>,
}

/// An instruction.
pub(crate) struct Instruction {
    pub name: String,
    /// What it is called in tables over all programs: where two have an instruction of one name, the program follows.
    pub key: String,
    pub accounts: Vec<Account>,
}

/// An account of an instruction.
pub(crate) struct Account {
    pub name: String,
    pub signer: bool,
    pub writable: bool,
}

/// All three.
pub(crate) fn programs() -> Result<Vec<Program>> {
    let read = |program: &str| -> Result<Value> {
        let path = root().join("idl").join(program).with_extension("json");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    };
    let mut idls = Vec::new();
    for name in PROGRAMS {
        idls.push((name, read(name)?));
    }
    let names = |idl: &Value| list(idl, "instructions").map(name).collect::<Vec<_>>();
    let all: Vec<String> = idls.iter().flat_map(|(_, idl)| names(idl)).collect();
    let program = |(program, idl): &(&'static str, Value)| Program {
        name: program,
        instructions: list(idl, "instructions")
            .map(|instruction| {
                let name = name(instruction);
                let alone = all.iter().filter(|other| **other == name).count() == 1;
                Instruction {
                    key: if alone {
                        name.clone()
                    } else {
                        format!("{name}_{program}")
                    },
                    name,
                    accounts: list(instruction, "accounts").map(account).collect(),
                }
            })
            .collect(),
        #[cfg(test)]
        errors: list(idl, "errors").map(name).collect(),
    };
    Ok(idls.iter().map(program).collect())
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn name(value: &Value) -> String {
    value["name"].as_str().unwrap_or_default().to_owned()
}

fn account(value: &Value) -> Account {
    Account {
        name: name(value),
        signer: value["signer"] == true,
        writable: value["writable"] == true,
    }
}
