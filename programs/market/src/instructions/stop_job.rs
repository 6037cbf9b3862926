use super::lease::Lease;
use crate::{error::MarketError, event::JobEnded, programs::Registry, state::*};
use anchor_lang::prelude::*;
use pinocchio::sysvars::clock::Clock;
use registry::{Network, Node, Provider, instructions::LeaseOutcome};

/// Accounts of `stop_job`.
#[derive(Accounts)]
pub struct StopJob {
    /// The customer's wallet.
    #[account(address = job.customer @ MarketError::NotCustomer)]
    pub wallet: Signer,
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

impl StopJob {
    /// Ends the job now. The node may still prove what it served until now, until the job is settled.
    pub fn handle(&mut self) -> Result<()> {
        require!(self.job.status == JobStatus::Running as u8, MarketError::NotRunning);
        let now = Clock::get()?.unix_timestamp;
        let at = self.job.offset(now).ok_or(MarketError::Overflow)?;
        let job = &mut self.job;
        let (served, elapsed) = (job.served_seconds.get(), job.elapsed(at));
        job.status = JobStatus::Finished as u8;
        job.outcome = JobOutcome::Stopped as u8;
        job.ended_at = at.into();
        let lease = Lease {
            registry_program: self.registry_program.address(),
            params: &self.params,
            market_authority: &self.market_authority,
            network: &self.network,
            provider: &mut self.provider,
            node: &mut self.node,
        };
        // The customer's doing: it counts neither for nor against the node.
        lease.release(LeaseOutcome::Neutral, served, served)?;
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
