//! The histories that are measured: every instruction on its way to success. Every key in them is new in each run, because
//! what finding an address costs depends on it.

mod market;
mod registry;
mod staking;

use anyhow::{Result, anyhow};
use gantry_sdk::{Instruction, Keypair};
use gantry_tests::world::{Outcome, Refusal, World};

use super::meter::Meter;

/// Histories that one pair of worlds is used for.
const PER_WORLD: u32 = 4;

/// Plays `runs` histories of each program.
///
/// Most instructions take the same whatever the keys are. Those that look for an address do not, so each history makes
/// many of these: as many as it takes for eight histories to know the mean to three quarters of a percent.
pub(crate) fn all(meter: &mut Meter, runs: u32) -> Result<()> {
    let mut left = runs;
    while left > 0 {
        let mut trading = market::set_up(meter)?;
        // Registry and staking with the market's key in our hands: what the market calls is measured without the market.
        let (mut governed, key) = World::with_market_key();
        for _ in 0..left.min(PER_WORLD) {
            registry::governance(meter, &mut governed)?;
            registry::providers(meter, &mut governed, &key)?;
            registry::addresses(meter, &mut governed)?;
            staking::pools(meter, &mut governed, &key)?;
            staking::addresses(meter, &mut governed)?;
            market::rules(meter, &mut trading)?;
            market::histories(meter, &mut trading)?;
        }
        left = left.saturating_sub(PER_WORLD);
    }
    Ok(())
}

/// Sends one instruction, and notes what it took.
fn measure(
    meter: &mut Meter,
    world: &mut World,
    name: &str,
    instruction: Instruction,
    signers: &[&Keypair],
) -> Result<()> {
    meter.note(name, world.send(&[instruction], signers))
}

fn ok(result: std::result::Result<Outcome, Refusal>) -> Result<Outcome> {
    result.map_err(|refusal| anyhow!("{refusal:?}"))
}
