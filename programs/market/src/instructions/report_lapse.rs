use super::lease::Lease;
use crate::{error::MarketError, event::JobEnded, programs::Registry, state::*};
use anchor_lang::prelude::*;
use pinocchio::sysvars::clock::Clock;
use registry::{Network, Node, Provider, instructions::LeaseOutcome};

/// Accounts of `report_lapse`.
#[derive(Accounts)]
pub struct ReportLapse {
    /// The network.
    #[account(seeds = [b"network"], bump = network.bump, seeds::program = registry::ID)]
    pub network: Account<Network>,
    /// Rules of the market.
    #[account(seeds = [b"params"], bump = params.bump)]
    pub params: Account<MarketParams>,
    /// The job.
    #[account(
        mut,
        seeds = [b"job", job.customer.as_ref(), bytemuck::bytes_of(&job.id)],
        bump = job.bump
    )]
    pub job: Account<Job>,
    /// The node's provider; the registry checks that it is.
    #[account(mut, address = job.provider @ MarketError::WrongAccount)]
    pub provider: Account<Provider>,
    /// The node that has the job.
    #[account(mut, address = job.node @ MarketError::WrongAccount)]
    pub node: Account<Node>,
    /// The PDA that signs to the registry.
    #[account(address = network.market_authority @ MarketError::WrongAccount)]
    pub market_authority: UncheckedAccount,
    /// The registry.
    pub registry_program: Program<Registry>,
}

impl ReportLapse {
    /// How the job ends now, if it may: silent for too long, or proven on and on past what was paid for.
    fn validate(&self, at: u32) -> Result<(JobStatus, JobOutcome, LeaseOutcome)> {
        let job = &self.job;
        require!(job.status == JobStatus::Running as u8, MarketError::NotRunning);
        let timeout = job.proof_timeout.get();
        let paid_until = job.max_duration.get().saturating_add(timeout);
        if job.served_seconds.get() == job.max_duration.get() && job.elapsed(at) > paid_until {
            return Ok((JobStatus::Finished, JobOutcome::Expired, LeaseOutcome::Completed));
        }
        let silent = at.saturating_sub(job.active_at.get()) > timeout;
        require!(
            silent || job.elapsed(at) > paid_until,
            MarketError::ProofTimeoutNotPassed
        );
        Ok((JobStatus::Lapsed, JobOutcome::Lapsed, LeaseOutcome::Failed))
    }

    /// Ends the job; what the node has proven will be paid, and not a second more.
    pub fn handle(&mut self) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        let at = self.job.offset(now).ok_or(MarketError::Overflow)?;
        let (status, outcome, lease_outcome) = self.validate(at)?;
        let job = &mut self.job;
        let (served, elapsed) = (job.served_seconds.get(), job.elapsed(at));
        job.status = status as u8;
        job.outcome = outcome as u8;
        job.ended_at = at.into();
        let promised = job.sla_seconds();
        let lease = Lease {
            registry_program: self.registry_program.address(),
            params: &self.params,
            market_authority: &self.market_authority,
            network: &self.network,
            provider: &mut self.provider,
            node: &mut self.node,
        };
        lease.release(lease_outcome, served.min(promised), promised)?;
        emit!(JobEnded {
            job: *self.job.address(),
            node: self.job.node,
            outcome: self.job.outcome,
            served_seconds: served,
            elapsed_seconds: elapsed,
            exit_code: 0,
            output_digest: [0; 32],
        });
        Ok(())
    }
}
