use super::lease::Lease;
use crate::{
    error::MarketError,
    event::AssignmentExpired,
    programs::{Registry, Staking},
    state::*,
    transfer::require_destination,
};
use anchor_lang::{accounts::InterfaceAccount, prelude::*};
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};
use pinocchio::sysvars::clock::Clock;
use registry::{Network, Node, Provider, instructions::LeaseOutcome};
use staking::{Pool, StakingParams};

/// Accounts of `expire_assignment`.
#[derive(Accounts)]
pub struct ExpireAssignment {
    /// Whoever reports it; earns the reporter's share of the slash.
    pub reporter: Signer,
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
    /// The provider's pool; staking checks its address.
    #[account(mut)]
    pub pool: Account<Pool>,
    /// Rules of staking.
    #[account(seeds = [b"params"], bump = staking_params.bump, seeds::program = staking::ID)]
    pub staking_params: Account<StakingParams>,
    /// The pool's stake; staking checks its address.
    #[account(mut)]
    pub stake_vault: InterfaceAccount<TokenAccount>,
    /// The customer's account in the stake mint.
    #[account(mut, unsafe(dup))]
    pub customer_destination: InterfaceAccount<TokenAccount>,
    /// The reporter's account in the stake mint.
    #[account(mut, unsafe(dup))]
    pub reporter_destination: InterfaceAccount<TokenAccount>,
    /// The treasury's account in the stake mint.
    #[account(mut, unsafe(dup), address = staking_params.treasury @ MarketError::WrongAccount)]
    pub treasury: InterfaceAccount<TokenAccount>,
    /// The stake mint.
    #[account(address = staking_params.stake_mint @ MarketError::WrongAccount)]
    pub stake_mint: InterfaceAccount<Mint>,
    /// The PDA that signs to registry and staking.
    #[account(address = network.market_authority @ MarketError::WrongAccount)]
    pub market_authority: UncheckedAccount,
    /// Token program of the stake mint.
    pub token_program: Interface<'static, TokenInterface>,
    /// The registry.
    pub registry_program: Program<Registry>,
    /// Staking.
    pub staking_program: Program<Staking>,
}

impl ExpireAssignment {
    fn validate(&self, at: u32) -> Result<()> {
        let job = &self.job;
        require!(job.status == JobStatus::Assigned as u8, MarketError::NotAssigned);
        let waited = at.saturating_sub(job.active_at.get());
        require!(waited > job.start_deadline.get(), MarketError::StartDeadlineNotPassed);
        require!(self.pool.provider == job.provider, MarketError::WrongAccount);
        let mint = self.stake_mint.address();
        require_destination(&self.customer_destination, &job.customer, mint)?;
        require_destination(&self.reporter_destination, self.reporter.address(), mint)
    }

    /// Slashes the whole bond, frees the node with a failure, bars it from the job, and opens the job again.
    pub fn handle(&mut self) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        let at = self.job.offset(now).ok_or(MarketError::Overflow)?;
        self.validate(at)?;
        let slashed = self.job.bond.get();

        let bump = [self.params.authority_bump];
        let seeds: &[&[u8]] = &[b"authority", &bump];
        let signer = [seeds];
        staking::cpi::slash(
            CpiContext::new_with_signer(
                self.staking_program.address(),
                staking::cpi::accounts::Slash {
                    market_authority: self.market_authority.cpi_handle(),
                    network: self.network.cpi_handle(),
                    params: self.staking_params.cpi_handle(),
                    pool: self.pool.cpi_handle_mut(),
                    stake_vault: self.stake_vault.cpi_handle_mut(),
                    customer_destination: self.customer_destination.cpi_handle_mut(),
                    reporter_destination: self.reporter_destination.cpi_handle_mut(),
                    treasury: self.treasury.cpi_handle_mut(),
                    stake_mint: self.stake_mint.cpi_handle(),
                    token_program: self.token_program.cpi_handle(),
                },
                &signer,
            ),
            slashed,
            slashed,
        )?;
        let lease = Lease {
            registry_program: self.registry_program.address(),
            params: &self.params,
            market_authority: &self.market_authority,
            network: &self.network,
            provider: &mut self.provider,
            node: &mut self.node,
        };
        lease.release(LeaseOutcome::Failed, 0, 0)?;

        let node = *self.node.address();
        let job = &mut self.job;
        job.bar(&node);
        job.status = JobStatus::Open as u8;
        job.bond = 0u64.into();
        job.price_per_hour = 0u64.into();
        job.active_at = 0u32.into();
        job.provider = Address::default();
        if job.options & FIXED_NODE == 0 {
            job.node = Address::default();
        }
        if job.options & FIXED_MATCHER == 0 {
            job.matcher = Address::default();
        }
        emit!(AssignmentExpired {
            job: *self.job.address(),
            node,
            assignment: self.job.assignment.get(),
            slashed,
            reporter: *self.reporter.address(),
        });
        Ok(())
    }
}
