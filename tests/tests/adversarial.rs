//! Attacks on every instruction of the three programs, by the classes of sealevel-attacks.
//!
//! Each instruction has an entry: a transaction that succeeds, in a world where everybody else has accounts of the same
//! types. Every attack of a class is then made on every entry. One that goes through is a finding, unless the list in
//! `adversarial/allowed.rs` says why it harms nobody; and whatever goes through, nobody who did not sign may lose by it.

#[path = "adversarial/allowed.rs"]
mod allowed;
#[path = "adversarial/attack.rs"]
mod attack;
#[path = "adversarial/bumps.rs"]
mod bumps;
#[path = "adversarial/case.rs"]
mod case;
#[path = "adversarial/cases.rs"]
mod cases;
#[path = "adversarial/cases_market.rs"]
mod cases_market;
#[path = "adversarial/cases_registry.rs"]
mod cases_registry;
#[path = "adversarial/cases_staking.rs"]
mod cases_staking;
#[path = "adversarial/crowd.rs"]
mod crowd;
#[path = "adversarial/forgeries.rs"]
mod forgeries;
#[path = "adversarial/histories.rs"]
mod histories;

use attack::{Class, run};
use std::collections::BTreeSet;

/// Instructions that no attack is generated for yet; the tests of each name its refusals.
const NOT_YET: [&str; 16] = [
    "registry::propose_authority",
    "registry::accept_authority",
    "registry::cancel_authority",
    "registry::set_guardian",
    "registry::propose_council",
    "registry::apply_council",
    "registry::cancel_council",
    "registry::update_attestor",
    "registry::remove_attestor",
    "registry::update_provider",
    "registry::close_provider",
    "registry::update_hardware",
    "registry::drain_node",
    "registry::resume_node",
    "registry::close_node",
    "registry::revoke_attestation",
];

#[test]
fn every_instruction_has_an_entry() {
    let known: BTreeSet<&str> = case::IDL.keys().map(String::as_str).collect();
    let entered: BTreeSet<&str> = cases::NAMES.iter().copied().collect();
    let later: BTreeSet<&str> = NOT_YET.iter().copied().collect();
    let missing: Vec<_> = known
        .difference(&entered)
        .filter(|name| !later.contains(*name))
        .collect();
    let done: Vec<_> = later
        .iter()
        .filter(|name| entered.contains(*name) || !known.contains(*name))
        .collect();
    assert!(
        done.is_empty(),
        "{done:?} has an entry, or is gone: take it off the list of those without"
    );
    assert!(
        missing.is_empty(),
        "no attack is made on {missing:?}: add an entry to adversarial/cases.rs"
    );
    let gone: Vec<_> = entered.difference(&known).collect();
    assert!(gone.is_empty(), "no IDL has {gone:?}");
}

#[test]
fn signer_authorization() {
    run(Class::Signer, forgeries::signers);
}

#[test]
fn account_data_matching() {
    run(Class::Matching, forgeries::matching);
}

#[test]
fn owner_checks() {
    run(Class::Owner, forgeries::owners);
}

#[test]
fn type_cosplay() {
    run(Class::Cosplay, forgeries::cosplay);
}

#[test]
fn initialization_and_reinitialization() {
    run(Class::Initialization, forgeries::initialization);
}

#[test]
fn arbitrary_cpi() {
    run(Class::Cpi, forgeries::programs);
}

#[test]
fn duplicate_mutable_accounts() {
    run(Class::Duplicate, forgeries::duplicates);
}

#[test]
fn bump_seed_canonicalization() {
    run(Class::Bump, bumps::bumps);
}

#[test]
fn pda_sharing() {
    run(Class::Sharing, forgeries::mixtures);
}

#[test]
fn closing_accounts() {
    run(Class::Closing, forgeries::revivals);
}

#[test]
fn sysvar_address_checking() {
    run(Class::Sysvar, forgeries::sysvars);
}

#[test]
fn accounts_passed_read_only() {
    run(Class::ReadOnly, forgeries::read_only);
}
