//! The refusals of the three programs, by code.

use crate::idl;
use std::{collections::BTreeMap, sync::LazyLock};

/// One refusal of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramRefusal {
    /// `registry`, `staking` or `market`.
    pub program: &'static str,
    /// The custom error code: 6000.., 7000.. and 8000.. in that order.
    pub code: u32,
    /// Name in the program's error enum.
    pub name: String,
    /// What to do about it.
    pub message: String,
}

static BY_CODE: LazyLock<BTreeMap<u32, ProgramRefusal>> = LazyLock::new(|| {
    let refusals = idl::ALL.iter().flat_map(|idl| {
        idl.errors().map(|(code, name, message)| ProgramRefusal {
            program: idl.name,
            code,
            name,
            message,
        })
    });
    refusals.map(|refusal| (refusal.code, refusal)).collect()
});

/// The refusal with custom error `code`, if one of the three programs has it.
pub fn lookup(code: u32) -> Option<&'static ProgramRefusal> {
    BY_CODE.get(&code)
}

/// The refusal called `name` in `program` (`registry`, `staking` or `market`).
pub fn named(program: &str, name: &str) -> Option<&'static ProgramRefusal> {
    BY_CODE
        .values()
        .find(|refusal| refusal.program == program && refusal.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_with_their_program_and_message() {
        let refusal = lookup(6000).expect("the registry's first refusal");
        assert_eq!(
            (refusal.program, refusal.name.as_str()),
            ("registry", "NotNetworkAuthority")
        );
        assert!(refusal.message.contains("sign with it"));
        assert_eq!(named("registry", "NotNetworkAuthority"), Some(refusal));
        assert_eq!(lookup(1), None);
    }
}
