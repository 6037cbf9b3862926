use crate::{error::MarketError, settlement::*};
use anchor_lang::prelude::*;
use common::{AccountTable, now};
use gantry_core::BPS;

/// Accounts of `settle_job`.
#[derive(Accounts, AccountTable)]
pub struct SettleJob {
    /// Those of every settlement.
    pub settlement: Nested<Settlement>,
}

impl SettleJob {
    /// Pays everybody, releases the bond, closes vault and job.
    pub fn handle(&mut self) -> Result<()> {
        let now = now();
        let settlement = &mut self.settlement;
        settlement.require_due(now)?;
        let outcome = settlement.outcome(BPS as u16, now)?;
        require!(outcome.slash == 0, MarketError::SlashDue);
        settlement.pay(&outcome, DisputeBond::default(), false)
    }
}
