//! The histories that are measured. Every key in them is new in each run, because what finding an address costs depends
//! on it.

use anyhow::{Result, anyhow};
use gantry_sdk::{Signer, core::receipt::ReceiptStatus, pda};
use gantry_tests::world::{DISPUTE_WINDOW, Outcome, Refusal, World, job_args};

use super::Meter;

/// All of them once.
pub(crate) fn all(meter: &mut Meter) -> Result<()> {
    lifecycle(meter)
}

/// A job like most: its customer has opened one before, and the provider shares its revenue with its stakers.
fn lifecycle(meter: &mut Meter) -> Result<()> {
    let mut world = World::new();
    let (customer, matcher) = (world.customer(), world.wallet());
    let listing = world.list_node_with(world.node_args(), 2_000);
    let first = ok(world.open(&customer, job_args(0)))?;
    meter.note("open_job (a customer's first)", first.compute_units);
    let cancelled = ok(world.cancel(&customer, &pda::job(&customer.pubkey(), 0)))?;
    meter.note("cancel_job", cancelled.compute_units);

    let opened = ok(world.open(&customer, job_args(1)))?;
    meter.note("open_job", opened.compute_units);
    let job = pda::job(&customer.pubkey(), 1);
    let assigned = ok(world.assign(&matcher, &job, &listing.node))?;
    meter.note("assign_job", assigned.compute_units);
    let started = ok(world.start(&job, &listing))?;
    meter.note("start_job", started.compute_units);
    let rent = [job, pda::vault(&job)]
        .iter()
        .filter_map(|account| world.svm.get_account(account))
        .map(|account| account.lamports)
        .sum();
    meter.note_rent(rent);
    world.advance(100);
    let proven = ok(world.finish(&job, &listing, 1, 100, ReceiptStatus::Completed))?;
    meter.note("submit_proof", proven.compute_units);
    world.advance(DISPUTE_WINDOW);
    let settled = ok(world.settle(&job))?;
    meter.note("settle_job", settled.compute_units);
    Ok(())
}

fn ok(result: std::result::Result<Outcome, Refusal>) -> Result<Outcome> {
    result.map_err(|refusal| anyhow!("{refusal:?}"))
}
