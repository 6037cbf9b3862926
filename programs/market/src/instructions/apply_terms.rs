use crate::{error::MarketError, event::TermsApplied, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, now};
use staking::StakingParams;

/// Accounts of `apply_terms`.
#[derive(Accounts, AccountTable)]
pub struct ApplyTerms {
    /// Rules of staking.
    pub staking_params: State<StakingParams>,
    /// Rules of the market.
    #[account(mut)]
    pub params: State<MarketParams>,
}

impl ApplyTerms {
    /// Puts the terms in force. They are checked once more: staking's rules may have changed since the announcement.
    pub fn handle(&mut self) -> Result<()> {
        let (terms, change_at) = self.params.take_announcement()?;
        require!(now() >= change_at, MarketError::TimelockNotPassed);
        terms.check(&self.staking_params)?;
        self.params.terms = terms;
        TermsApplied { change_at }.log();
        Ok(())
    }
}
