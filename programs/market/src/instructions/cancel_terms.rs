use crate::{error::MarketError, event::TermsCancelled, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};
use registry::Network;

/// Accounts of `cancel_terms`.
#[derive(Accounts, AccountTable)]
pub struct CancelTerms {
    /// The network's authority.
    #[account(constraint = same(authority.address(), &network.authority) @ MarketError::NotNetworkAuthority)]
    pub authority: Signer,
    /// The network.
    pub network: State<Network>,
    /// Rules of the market.
    #[account(mut)]
    pub params: State<MarketParams>,
}

impl CancelTerms {
    /// Takes the announcement back.
    pub fn handle(&mut self) -> Result<()> {
        let (_, change_at) = self.params.take_announcement()?;
        TermsCancelled { change_at }.log();
        Ok(())
    }
}
