//! Which programs are deployed, and whether this program knows them.

use super::{Check, fails, ok};
use crate::context::Context;
use gantry_sdk::{client::Deployed, idl};
use serde_json::json;

/// Of a digest, enough to tell two apart by eye.
const SHOWN: usize = 12;

/// One check for each program.
pub(super) async fn programs(context: &Context, checks: &mut Vec<Check>) {
    for program in idl::ALL.iter() {
        let check = match context.gantry.deployed(&program.id).await {
            Ok(Some(deployed)) => shown(program, &deployed),
            Ok(None) => fails(
                program.name,
                format!("no program at {}", program.id),
                "this cluster has no Gantry, or another version of it: check --rpc-url",
            ),
            Err(error) => fails(program.name, error.to_string(), "ask another RPC server"),
        };
        checks.push(check);
    }
}

fn shown(program: &idl::Idl, deployed: &Deployed) -> Check {
    let slot = deployed
        .slot
        .map_or(String::new(), |slot| format!(", deployed in slot {slot}"));
    let authority = match (deployed.authority, deployed.slot) {
        (Some(authority), _) => format!("{authority} may change it"),
        (None, Some(_)) => "final: nobody can change it".to_owned(),
        (None, None) => "its loader does not say who may change it".to_owned(),
    };
    let code = deployed.code.to_string();
    let version = program.version();
    let found = format!(
        "{}{slot}\n{authority}\ncode {}…, IDL {version} here",
        program.id,
        &code[..SHOWN]
    );
    let details = json!({
        "program": program.id.to_string(),
        "slot": deployed.slot,
        "authority": deployed.authority.map(|key| key.to_string()),
        "code_sha256": code,
        "idl_version": version,
    });
    ok(program.name, found).with(details)
}
