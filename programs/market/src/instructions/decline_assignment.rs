use crate::{
    calls::Market,
    error::MarketError,
    event::AssignmentDeclined,
    programs::{Registry, Staking},
    state::*,
};
use anchor_lang::prelude::*;
use common::{AccountTable, State, TokenAccount, now, same, writable};
use registry::{Network, Node, Provider, instructions::LeaseOutcome};
use staking::Pool;

/// Accounts of `decline_assignment`.
#[derive(Accounts, AccountTable)]
pub struct DeclineAssignment {
    /// The node's key; needs no funds.
    #[account(constraint = same(node_key.address(), &node.node_key) @ MarketError::NotNodeKey)]
    pub node_key: Signer,
    /// The network.
    pub network: State<Network>,
    /// Rules of the market.
    pub params: State<MarketParams>,
    /// The job.
    #[account(mut)]
    pub job: State<Job>,
    /// The node's provider; the registry checks that it is.
    #[account(mut, constraint = same(provider.address(), &job.provider) @ MarketError::WrongAccount)]
    pub provider: State<Provider>,
    /// The node that has the job.
    #[account(mut, constraint = same(node.address(), &job.node) @ MarketError::WrongAccount)]
    pub node: State<Node>,
    /// The provider's pool.
    #[account(mut, constraint = same(&pool.provider, &job.provider) @ MarketError::WrongAccount)]
    pub pool: State<Pool>,
    /// The pool's reward vault; staking checks its address.
    pub reward_vault: TokenAccount,
    /// The PDA that signs to registry and staking.
    #[account(constraint = same(market_authority.address(), &network.market_authority) @ MarketError::WrongAccount)]
    pub market_authority: UncheckedAccount,
    /// The registry.
    pub registry_program: Program<Registry>,
    /// Staking.
    pub staking_program: Program<Staking>,
}

impl DeclineAssignment {
    fn validate(&self) -> Result<()> {
        let job = &self.job;
        require!(job.status == JobStatus::Assigned as u8, MarketError::NotAssigned);
        // Afterwards it is too late: who is about to be slashed must not get away by declining.
        let at = job.offset(now()).ok_or(MarketError::Overflow)?;
        let waited = at.saturating_sub(job.active_at.get());
        require!(waited <= job.start_deadline.get(), MarketError::StartDeadlinePassed);
        Ok(())
    }

    /// Gives the bond back, frees the node with a failure, bars it from the job, and opens the job again.
    pub fn handle(&mut self) -> Result<()> {
        self.validate()?;
        let market = Market {
            params: &self.params,
            authority: &self.market_authority,
            network: &self.network,
        };
        market.release(&mut self.pool, &self.reward_vault, self.job.bond.get(), 0)?;
        let lease = [writable(&mut self.provider), writable(&mut self.node)];
        market.release_node(lease, LeaseOutcome::Failed, 0, 0)?;
        let node = *self.node.address();
        self.job.reopen(&node);
        AssignmentDeclined {
            job: *self.job.address(),
            node,
            assignment: self.job.assignment.get(),
        }
        .log();
        Ok(())
    }
}
