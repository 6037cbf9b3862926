//! The IDLs: what the programs say about themselves, written so that a generated client reads their accounts right.

use std::{env, fs, path::PathBuf, process::Command};

use anchor_lang_idl::build::IdlBuilder;
use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{paths, sh};

/// Builds a program's IDL and prints it. It runs as a process of its own, whose environment the caller has prepared.
pub(crate) fn print(folder: PathBuf, features: &[String]) -> Result<()> {
    let mut arguments = vec!["--lib".to_owned()];
    for feature in features {
        arguments.extend(["--features".to_owned(), feature.clone()]);
    }
    let built = IdlBuilder::new().program_path(folder).cargo_args(arguments).build()?;
    println!("{}", serde_json::to_string(&built)?);
    Ok(())
}

/// Writes each program's IDL to `idl/`, or with `check` compares it with what is there. Each program depends on all
/// that are named before it.
pub(crate) fn write_all(programs: &[&str], check: bool) -> Result<()> {
    let folder = paths::root().join("idl");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    for (place, name) in programs.iter().enumerate() {
        let path = folder.join(format!("{name}.json"));
        let text = render(name, &programs[..place])?;
        if fs::read_to_string(&path).is_ok_and(|there| there == text) {
            continue;
        }
        if check {
            bail!(
                "idl/{name}.json is not what programs/{name} says: run `cargo xtask programs build` and commit the file"
            );
        }
        fs::write(&path, text).with_context(|| path.display().to_string())?;
        eprintln!("programs: idl/{name}.json is new");
    }
    Ok(())
}

fn render(name: &str, dependencies: &[&str]) -> Result<String> {
    let mut build = Command::new(env::current_exe()?);
    build
        .args(["programs", "print-idl"])
        .arg(super::workspace().join(name))
        // An account of another program describes itself only if that program is compiled for it too.
        .args(dependencies.iter().map(|program| format!("{program}/idl-build")))
        .env("CARGO_TARGET_DIR", super::workspace().join("target"))
        // The builder sets RUSTFLAGS, which would compile every dependency once more; this overrules it.
        .env("CARGO_ENCODED_RUSTFLAGS", "")
        // It passes this on in a way that cargo does not understand.
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("LD_LIBRARY_PATH");
    let text = sh::output(&mut build).with_context(|| format!("the IDL of {name} cannot be built"))?;
    let mut idl = serde_json::from_str(&text).with_context(|| format!("the IDL of {name}"))?;
    unpack(&mut idl).with_context(|| format!("the IDL of {name}"))?;
    let mut text = serde_json::to_string_pretty(&idl)?;
    text.push('\n');
    Ok(text)
}

/// Makes every type that the programs lay out as packed memory a plain one.
///
/// On chain each field has alignment 1 and follows the one before it, which is also the order and size in which borsh
/// writes integers, arrays and structs of these. A client that took `repr(C)` at its word would see padding that is
/// not there.
fn unpack(idl: &mut Value) -> Result<()> {
    let Some(types) = idl.get_mut("types").and_then(Value::as_array_mut) else {
        return Ok(());
    };
    let mut packed = Vec::new();
    for definition in types.iter_mut().filter_map(Value::as_object_mut) {
        let serialization = definition
            .get("serialization")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if serialization.starts_with("bytemuck") {
            definition.remove("serialization");
            definition.remove("repr");
            packed.extend(definition.get("name").and_then(Value::as_str).map(str::to_owned));
        }
    }
    for name in &packed {
        check_plain(name, types)?;
    }
    Ok(())
}

/// Fails unless borsh writes a value of this type as the bytes that it has in packed memory.
fn check_plain(name: &str, types: &[Value]) -> Result<()> {
    let definition = types
        .iter()
        .find(|one| one["name"] == name)
        .with_context(|| format!("no type {name}"))?;
    let is_empty = |value: &Value| value.as_array().is_none_or(Vec::is_empty);
    if !is_empty(&definition["generics"]) {
        bail!("the account type {name} is generic, which a generated client cannot read: use a concrete type");
    }
    let body = &definition["type"];
    match body["kind"].as_str() {
        Some("struct") => {
            let fields = body["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
            for field in fields {
                let what = field.get("type").unwrap_or(field);
                check_field(what, types).with_context(|| {
                    format!(
                        "the field {} of {name}",
                        field["name"].as_str().unwrap_or("(without a name)")
                    )
                })?;
            }
            Ok(())
        }
        Some("enum")
            if body["variants"]
                .as_array()
                .is_some_and(|all| all.iter().all(|one| is_empty(&one["fields"]))) =>
        {
            Ok(())
        }
        kind => bail!(
            "the account type {name} is a {}, which a generated client cannot read from packed memory",
            kind.unwrap_or("thing of no kind")
        ),
    }
}

fn check_field(what: &Value, types: &[Value]) -> Result<()> {
    match what {
        Value::String(name) if !["string", "bytes"].contains(&name.as_str()) => Ok(()),
        Value::Object(map) => {
            if let Some(array) = map.get("array").and_then(Value::as_array) {
                return match array.as_slice() {
                    [element, Value::Number(_)] => check_field(element, types),
                    _ => bail!("an array of a generic length has no fixed layout"),
                };
            }
            if let Some(defined) = map.get("defined") {
                let name = defined["name"].as_str().unwrap_or_default();
                if defined["generics"].as_array().is_some_and(|all| !all.is_empty()) {
                    bail!("{name} is generic: a generated client cannot read it, use a concrete type");
                }
                // What lies in packed memory is packed itself, whether or not the IDL says so.
                return check_plain(name, types);
            }
            bail!("{what} has another layout in memory than as borsh writes it")
        }
        other => bail!("{other} has another layout in memory than as borsh writes it"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn account(field: Value) -> Value {
        json!({"types": [
            {"name": "Job", "serialization": "bytemuck", "repr": {"kind": "c"},
             "type": {"kind": "struct", "fields": [{"name": "id", "type": "u64"}, {"name": "x", "type": field}]}},
            {"name": "Status", "serialization": "bytemuckunsafe", "repr": {"kind": "transparent"},
             "type": {"kind": "struct", "fields": ["u8"]}},
            {"name": "Spec", "type": {"kind": "struct", "fields": [{"name": "s", "type": "string"}]}},
        ]})
    }

    #[test]
    fn packed_types_become_plain() {
        for field in [
            json!("u128"),
            json!({"array": [{"array": ["u16", 4]}, 2]}),
            json!({"defined": {"name": "Status"}}),
        ] {
            let mut idl = account(field);
            unpack(&mut idl).expect("representable");
            assert!(!idl.to_string().contains("bytemuck"));
            assert!(!idl.to_string().contains("repr"));
        }
    }

    #[test]
    fn what_has_another_layout_is_refused() {
        for field in [
            json!("string"),
            json!({"vec": "u8"}),
            json!({"option": "u64"}),
            json!({"array": ["u8", {"generic": "N"}]}),
            json!({"defined": {"name": "Spec"}}),
            json!({"defined": {"name": "PodVec", "generics": [{"kind": "type", "type": "u8"}]}}),
        ] {
            let error = unpack(&mut account(field.clone())).expect_err(&field.to_string());
            assert!(format!("{error:#}").contains("the field x of Job"), "{error:#}");
        }
    }
}
