//! The example of `docs/billing.md`, recomputed.

use anyhow::{Context as _, ensure};
use gantry_sdk::{
    bootstrap::local_terms,
    core::{billing, bond, sla},
};
use gantry_tests::market::repository;
use std::{collections::BTreeMap, fs};

const HIGHEST_PRICE: u64 = 2_000_000;
const PRICE: u64 = 900_000;
const BOUGHT: u32 = 300;
const ELAPSED: u32 = 240;
const PROVEN: u32 = 220;
const TARGET_BPS: u16 = 9_900;
const COMMISSION_BPS: u16 = 1_000;
/// Stake units per payment unit of the local network, Q32.32.
const STAKE_RATE: u64 = 1 << 32;

/// What the rows of the table must say.
fn computed() -> Option<BTreeMap<&'static str, u64>> {
    let terms = local_terms();
    let table = terms.sla.map(|step| sla::SlaStep {
        shortfall_bps: step.shortfall_bps,
        credit_bps: step.credit_bps,
    });
    let deposit = billing::deposit(HIGHEST_PRICE, BOUGHT)?;
    let seconds = billing::payable_seconds(PROVEN, ELAPSED, BOUGHT);
    let bill = billing::bill(PRICE, seconds)?;
    let uptime = sla::uptime_bps(PROVEN, ELAPSED);
    let credit = sla::credit(bill, sla::credit_bps(TARGET_BPS, uptime, &table))?;
    let parts = billing::settle(deposit, bill - credit, terms.fee_bps, terms.matcher_fee_bps)?;
    let stakers = billing::delegators_part(parts.provider, COMMISSION_BPS)?;
    let most = billing::deposit(PRICE, BOUGHT)?;
    Some(BTreeMap::from([
        ("deposit", deposit),
        ("bond, in stake", bond::bond(most, STAKE_RATE, terms.bond_ratio_bps)?),
        ("seconds to pay", seconds.into()),
        ("bill", bill),
        ("uptime, basis points", uptime.into()),
        ("credit", credit),
        ("earned", bill - credit),
        ("treasury", parts.treasury),
        ("matcher", parts.matcher),
        ("provider and stakers", parts.provider),
        ("stakers", stakers),
        ("provider", parts.provider - stakers),
        ("back to the customer", parts.customer),
        ("cost", deposit - parts.customer),
    ]))
}

#[test]
fn the_example_of_the_billing_page_is_right_to_the_base_unit() -> anyhow::Result<()> {
    let page = fs::read_to_string(repository().join("docs/billing.md"))?;
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line
            .strip_prefix('|')?
            .strip_suffix('|')?
            .split('|')
            .map(str::trim)
            .collect();
        let [name, _, number] = cells.as_slice() else {
            return None;
        };
        Some((*name, number.replace(',', "").parse::<u64>().ok()?))
    });
    let shown: BTreeMap<&str, u64> = rows.collect();
    let computed = computed().context("within bounds")?;
    ensure!(
        shown == computed,
        "the page's table says\n{shown:#?}\nand the programs' functions say\n{computed:#?}"
    );
    Ok(())
}
