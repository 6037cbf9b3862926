use crate::{error::MarketError, event::TermsProposed, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, now, same};
use registry::Network;
use staking::StakingParams;

/// Accounts of `propose_terms`.
#[derive(Accounts, AccountTable)]
pub struct ProposeTerms {
    /// The network's authority.
    #[account(constraint = same(authority.address(), &network.authority) @ MarketError::NotNetworkAuthority)]
    pub authority: Signer,
    /// The network.
    pub network: State<Network>,
    /// Rules of staking.
    pub staking_params: State<StakingParams>,
    /// Rules of the market.
    #[account(mut)]
    pub params: State<MarketParams>,
}

impl ProposeTerms {
    /// Announces the terms for when the timelock has passed, in the place of any that are announced.
    pub fn handle(&mut self, terms: TermsArgs) -> Result<()> {
        let terms = Terms::from(terms);
        terms.check(&self.staking_params)?;
        terms.check_timelock(&self.network)?;
        let timelock = i64::from(self.network.timelock_seconds.get());
        let change_at = now().checked_add(timelock).ok_or(MarketError::Overflow)?;
        self.params.announce(terms, change_at);
        TermsProposed { change_at }.log();
        Ok(())
    }
}
