use crate::{
    error::MarketError,
    event::JobAssigned,
    programs::{Registry, Staking},
    state::*,
};
use anchor_lang::prelude::*;
use gantry_core::{billing, bond};
use pinocchio::sysvars::clock::Clock;
use registry::{Network, Node, PAUSED_ASSIGNMENTS, Provider};
use staking::{Pool, StakingParams};

/// Accounts of `assign_job`.
#[derive(Accounts)]
pub struct AssignJob {
    /// Whoever pairs the two; its fee is paid at settlement.
    pub matcher: Signer,
    /// The network.
    #[account(seeds = [b"network"], bump = network.bump, seeds::program = registry::ID)]
    pub network: Account<Network>,
    /// Rules of the market.
    #[account(seeds = [b"params"], bump = params.bump)]
    pub params: Account<MarketParams>,
    /// What the market knows of the job's mint.
    #[account(seeds = [b"mint", job.mint.as_ref()], bump = payment_mint.bump)]
    pub payment_mint: Account<PaymentMint>,
    /// The job.
    #[account(
        mut,
        seeds = [b"job", job.customer.as_ref(), bytemuck::bytes_of(&job.id)],
        bump = job.bump
    )]
    pub job: Account<Job>,
    /// The node's provider; the registry checks that it is.
    #[account(mut, address = node.provider @ MarketError::WrongAccount)]
    pub provider: Account<Provider>,
    /// The node.
    #[account(mut)]
    pub node: Account<Node>,
    /// The provider's pool; staking checks its address.
    #[account(mut)]
    pub pool: Account<Pool>,
    /// Rules of staking; staking checks its address.
    pub staking_params: Account<StakingParams>,
    /// The PDA that signs to registry and staking.
    #[account(address = network.market_authority @ MarketError::WrongAccount)]
    pub market_authority: UncheckedAccount,
    /// The registry.
    pub registry_program: Program<Registry>,
    /// Staking.
    pub staking_program: Program<Staking>,
}

impl AssignJob {
    fn validate(&self, now: i64) -> Result<()> {
        let (job, node) = (&self.job, &self.node);
        let (matcher, node_address) = (*self.matcher.address(), *node.address());
        require!(self.network.paused & PAUSED_ASSIGNMENTS == 0, MarketError::Paused);
        require!(job.status == JobStatus::Open as u8, MarketError::NotOpen);
        require!(
            job.options & FIXED_MATCHER == 0 || job.matcher == matcher,
            MarketError::NotMatcher
        );
        require!(
            job.options & FIXED_NODE == 0 || job.node == node_address,
            MarketError::NotThisNode
        );
        require!(!job.is_barred(&node_address), MarketError::NodeBarred);
        require!(self.pool.provider == node.provider, MarketError::WrongAccount);
        require!(self.pool.reward_mint == job.mint, MarketError::WrongRewardMint);
        job.requirements()
            .check(&node.offer(), now)
            .map_err(MarketError::from)?;
        Ok(())
    }

    /// Takes the node, bonds its provider's stake, and records the pair.
    pub fn handle(&mut self) -> Result<()> {
        let now = Clock::get()?.unix_timestamp;
        self.validate(now)?;
        let price = self.node.price_per_hour.get();
        let highest_bill = billing::deposit(price, self.job.max_duration.get()).ok_or(MarketError::DepositTooLarge)?;
        let terms = &self.params.terms;
        let bond = bond::bond(
            highest_bill,
            self.payment_mint.stake_rate.get(),
            terms.bond_ratio_bps.get(),
        )
        .ok_or(MarketError::Overflow)?;

        let bump = [self.params.authority_bump];
        let seeds: &[&[u8]] = &[b"authority", &bump];
        let signer = [seeds];
        let job_address = *self.job.address();
        registry::cpi::lease_node(
            CpiContext::new_with_signer(
                self.registry_program.address(),
                registry::cpi::accounts::LeaseNode {
                    market_authority: self.market_authority.cpi_handle(),
                    network: self.network.cpi_handle(),
                    provider: self.provider.cpi_handle_mut(),
                    node: self.node.cpi_handle_mut(),
                },
                &signer,
            ),
            job_address,
        )?;
        staking::cpi::bond(
            CpiContext::new_with_signer(
                self.staking_program.address(),
                staking::cpi::accounts::Bond {
                    market_authority: self.market_authority.cpi_handle(),
                    network: self.network.cpi_handle(),
                    params: self.staking_params.cpi_handle(),
                    pool: self.pool.cpi_handle_mut(),
                },
                &signer,
            ),
            bond,
        )?;

        let job = &mut self.job;
        job.node = *self.node.address();
        job.provider = *self.provider.address();
        job.matcher = *self.matcher.address();
        job.assignment = job.assignment.checked_add(1u32).ok_or(MarketError::Overflow)?;
        job.price_per_hour = price.into();
        job.bond = bond.into();
        job.active_at = job.offset(now).ok_or(MarketError::Overflow)?.into();
        job.status = JobStatus::Assigned as u8;
        emit!(JobAssigned {
            job: job_address,
            node: self.job.node,
            provider: self.job.provider,
            matcher: self.job.matcher,
            assignment: self.job.assignment.get(),
            price_per_hour: price,
            bond,
        });
        Ok(())
    }
}
