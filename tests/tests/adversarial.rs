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
#[path = "adversarial/cases_network.rs"]
mod cases_network;
#[path = "adversarial/cases_registry.rs"]
mod cases_registry;
#[path = "adversarial/cases_staking.rs"]
mod cases_staking;
#[path = "adversarial/checklist.rs"]
mod checklist;
#[path = "adversarial/checklist_lines.rs"]
mod checklist_lines;
#[path = "adversarial/count.rs"]
mod count;
#[path = "adversarial/crowd.rs"]
mod crowd;
#[path = "adversarial/forgeries.rs"]
mod forgeries;
#[path = "adversarial/histories.rs"]
mod histories;
#[path = "adversarial/job_themes.rs"]
mod job_themes;
#[path = "adversarial/network_themes.rs"]
mod network_themes;
#[path = "adversarial/stake_themes.rs"]
mod stake_themes;
#[path = "adversarial/swaps.rs"]
mod swaps;

use attack::{Class, run};
use std::collections::BTreeSet;

#[test]
fn every_instruction_has_an_entry() {
    let known: BTreeSet<&str> = case::IDL.keys().map(String::as_str).collect();
    let entered: BTreeSet<&str> = cases::NAMES.iter().copied().collect();
    let missing: Vec<_> = known.difference(&entered).collect();
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
    run(Class::Matching, |case, honest| {
        let mut attacks = forgeries::matching(case, honest);
        attacks.extend(swaps::swaps(case, honest));
        attacks
    });
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
