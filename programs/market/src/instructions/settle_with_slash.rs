use crate::{error::MarketError, event::CreditSlashed, settlement::*};
use anchor_lang::prelude::*;
use common::{AccountTable, now};
use gantry_core::BPS;

/// Accounts of `settle_with_slash`.
#[derive(Accounts, AccountTable)]
pub struct SettleWithSlash {
    /// Those of every settlement.
    pub settlement: Nested<Settlement>,
    /// Those of the slash.
    pub slashing: Nested<Slashing>,
}

impl SettleWithSlash {
    /// Settles as `settle_job` does: the customer gets what is left in the vault, and the bond pays for the rest of the
    /// credit.
    pub fn handle(&mut self) -> Result<()> {
        let now = now();
        let settlement = &mut self.settlement;
        settlement.require_due(now)?;
        let outcome = settlement.outcome(BPS as u16, now)?;
        let slashed = outcome.slash;
        require!(slashed > 0, MarketError::NoSlashDue);
        settlement.pay(&outcome, DisputeBond::default(), true)?;
        settlement.slash(&mut self.slashing, slashed)?;
        CreditSlashed {
            job: *settlement.job.address(),
            slashed,
        }
        .log();
        Ok(())
    }
}
