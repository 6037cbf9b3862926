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

/// Accounts of `report_lapse`.
#[derive(Accounts, AccountTable)]
pub struct ReportLapse {
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

impl ReportLapse {
    /// How the job ends now, if it may: silent for too long, or proven on and on past what was paid for.
    fn validate(&self, at: u32) -> Result<End> {
        let job = &self.job;
        require!(job.status == JobStatus::Running as u8, MarketError::NotRunning);
        let timeout = job.proof_timeout.get();
        let paid_until = job.max_duration.get().saturating_add(timeout);
        if job.served_seconds.get() == job.max_duration.get() && job.elapsed(at) > paid_until {
            // The customer bought more, had the node not given notice.
            let lease = if job.options & ENDED_BY_NODE == 0 {
                LeaseOutcome::Completed
            } else {
                LeaseOutcome::Failed
            };
            return Ok(End {
                status: JobStatus::Finished,
                outcome: JobOutcome::Expired,
                lease,
                at,
            });
        }
        let silent = at.saturating_sub(job.active_at.get()) > timeout;
        require!(
            silent || job.elapsed(at) > paid_until,
            MarketError::ProofTimeoutNotPassed
        );
        Ok(End {
            status: JobStatus::Lapsed,
            outcome: JobOutcome::Lapsed,
            lease: LeaseOutcome::Failed,
            at,
        })
    }

    /// Ends the job; what the node has proven will be paid, and not a second more.
    pub fn handle(&mut self) -> Result<()> {
        let now = now();
        let at = self.job.offset(now).ok_or(MarketError::Overflow)?;
        let how = self.validate(at)?;
        let market = Market {
            params: &self.params,
            authority: &self.market_authority,
            network: &self.network,
        };
        let lease = [writable(&mut self.provider), writable(&mut self.node)];
        ending::end(market, &mut self.job, lease, how)
    }
}
