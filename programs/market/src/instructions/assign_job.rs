use crate::{
    calls::Market,
    error::MarketError,
    event::JobAssigned,
    programs::{Registry, Staking},
    state::*,
};
use anchor_lang::prelude::*;
use common::{AccountTable, State, now, same};
use gantry_core::{billing, bond};
use registry::{Network, Node, PAUSED_ASSIGNMENTS, Provider};
use staking::{Pool, StakingParams};

/// Accounts of `assign_job`.
#[derive(Accounts, AccountTable)]
pub struct AssignJob {
    /// Whoever pairs the two; its fee is paid at settlement.
    pub matcher: Signer,
    /// The network.
    pub network: State<Network>,
    /// Rules of the market.
    pub params: State<MarketParams>,
    /// What the market knows of the job's mint.
    #[account(constraint = same(&payment_mint.mint, &job.mint) @ ProgramError::InvalidSeeds)]
    pub payment_mint: State<PaymentMint>,
    /// The job.
    #[account(mut)]
    pub job: State<Job>,
    /// The node's provider; the registry checks that it is.
    #[account(mut, constraint = same(provider.address(), &node.provider) @ MarketError::WrongAccount)]
    pub provider: State<Provider>,
    /// The node.
    #[account(mut)]
    pub node: State<Node>,
    /// The provider's pool; staking checks its address.
    #[account(mut)]
    pub pool: State<Pool>,
    /// Rules of staking; staking checks its address.
    pub staking_params: State<StakingParams>,
    /// The PDA that signs to registry and staking.
    #[account(constraint = same(market_authority.address(), &network.market_authority) @ MarketError::WrongAccount)]
    pub market_authority: UncheckedAccount,
    /// The registry.
    pub registry_program: Program<Registry>,
    /// Staking.
    pub staking_program: Program<Staking>,
}

impl AssignJob {
    fn validate(&self, now: i64) -> Result<()> {
        let (job, node) = (&self.job, &self.node);
        let (matcher, node_address) = (self.matcher.address(), node.address());
        require!(self.network.paused & PAUSED_ASSIGNMENTS == 0, MarketError::Paused);
        require!(job.status == JobStatus::Open as u8, MarketError::NotOpen);
        require!(
            job.options & FIXED_MATCHER == 0 || same(&job.matcher, matcher),
            MarketError::NotMatcher
        );
        require!(
            job.options & FIXED_NODE == 0 || same(&job.node, node_address),
            MarketError::NotThisNode
        );
        require!(!job.is_barred(node_address), MarketError::NodeBarred);
        require!(same(&self.pool.provider, &node.provider), MarketError::WrongAccount);
        require!(same(&self.pool.reward_mint, &job.mint), MarketError::WrongRewardMint);
        job.requirements()
            .check(&node.offer(), now)
            .map_err(MarketError::from)?;
        Ok(())
    }

    /// Takes the node, bonds its provider's stake, and records the pair.
    pub fn handle(&mut self) -> Result<()> {
        let now = now();
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

        let job_address = *self.job.address();
        let market = Market {
            params: &self.params,
            authority: &self.market_authority,
            network: &self.network,
        };
        market.lease_node(&mut self.provider, &mut self.node, &job_address)?;
        market.bond(&self.staking_params, &mut self.pool, bond)?;

        let job = &mut self.job;
        job.node = *self.node.address();
        job.provider = *self.provider.address();
        job.matcher = *self.matcher.address();
        job.assignment = job.assignment.checked_add(1u32).ok_or(MarketError::Overflow)?;
        job.price_per_hour = price.into();
        job.bond = bond.into();
        job.active_at = job.offset(now).ok_or(MarketError::Overflow)?.into();
        job.status = JobStatus::Assigned as u8;
        JobAssigned {
            job: job_address,
            node: self.job.node,
            provider: self.job.provider,
            matcher: self.job.matcher,
            assignment: self.job.assignment.get(),
            price_per_hour: price,
            bond,
        }
        .log();
        Ok(())
    }
}
