use crate::{
    calls::Market,
    ending::{self, End},
    error::MarketError,
    programs::Registry,
    state::*,
};
use anchor_lang::prelude::*;
use common::{AccountTable, State, now, same, writable};
use registry::{Network, instructions::LeaseOutcome};

/// Accounts of `stop_job`.
#[derive(Accounts, AccountTable)]
pub struct StopJob {
    /// The customer's wallet.
    #[account(constraint = same(wallet.address(), &job.customer) @ MarketError::NotCustomer)]
    pub wallet: Signer,
    /// The network.
    pub network: State<Network>,
    /// Rules of the market.
    pub params: State<MarketParams>,
    /// The job.
    #[account(mut)]
    pub job: State<Job>,
    /// The node's provider; the registry checks that it is.
    #[account(mut, constraint = same(provider.address(), &job.provider) @ MarketError::WrongAccount)]
    pub provider: UncheckedAccount,
    /// The node that has the job.
    #[account(mut, constraint = same(node.address(), &job.node) @ MarketError::WrongAccount)]
    pub node: UncheckedAccount,
    /// The PDA that signs to the registry.
    #[account(constraint = same(market_authority.address(), &network.market_authority) @ MarketError::WrongAccount)]
    pub market_authority: UncheckedAccount,
    /// The registry.
    pub registry_program: Program<Registry>,
}

impl StopJob {
    /// Ends the job now. The node may still prove what it served until now, until the job is settled.
    pub fn handle(&mut self) -> Result<()> {
        require!(self.job.status == JobStatus::Running as u8, MarketError::NotRunning);
        let now = now();
        let at = self.job.offset(now).ok_or(MarketError::Overflow)?;
        let market = Market {
            params: &self.params,
            authority: &self.market_authority,
            network: &self.network,
        };
        // The customer's doing: it counts neither for nor against the node.
        let how = End {
            status: JobStatus::Finished,
            outcome: JobOutcome::Stopped,
            lease: LeaseOutcome::Neutral,
            at,
        };
        let lease = [writable(&mut self.provider), writable(&mut self.node)];
        ending::end(market, &mut self.job, lease, how)
    }
}
