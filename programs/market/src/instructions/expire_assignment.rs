use crate::{
    calls::{Market, SlashAccounts},
    error::MarketError,
    event::AssignmentExpired,
    programs::{Registry, Staking},
    state::*,
    transfer::{receives, require_destination},
};
use anchor_lang::prelude::*;
use common::{AccountTable, MintAccount, State, TokenAccount, TokenProgram, now, same, writable};
use registry::{Network, Node, Provider, instructions::LeaseOutcome};
use staking::{Pool, StakingParams};

/// Accounts of `expire_assignment`.
#[derive(Accounts, AccountTable)]
pub struct ExpireAssignment {
    /// Whoever reports it; earns the reporter's share of the slash.
    pub reporter: Signer,
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
    /// The provider's pool; staking checks its address.
    #[account(mut)]
    pub pool: State<Pool>,
    /// Rules of staking.
    pub staking_params: State<StakingParams>,
    /// The pool's stake; staking checks its address.
    #[account(mut)]
    pub stake_vault: TokenAccount,
    /// The customer's account in the stake mint.
    #[account(mut, unsafe(dup))]
    pub customer_destination: TokenAccount,
    /// The reporter's account in the stake mint.
    #[account(mut, unsafe(dup))]
    pub reporter_destination: TokenAccount,
    /// The treasury's account in the stake mint.
    #[account(mut, unsafe(dup), constraint = same(treasury.address(), &staking_params.treasury) @ MarketError::WrongAccount)]
    pub treasury: UncheckedAccount,
    /// The stake mint.
    #[account(constraint = same(stake_mint.address(), &staking_params.stake_mint) @ MarketError::WrongAccount)]
    pub stake_mint: MintAccount,
    /// The PDA that signs to registry and staking.
    #[account(constraint = same(market_authority.address(), &network.market_authority) @ MarketError::WrongAccount)]
    pub market_authority: UncheckedAccount,
    /// Token program of the stake mint.
    pub token_program: TokenProgram,
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
        require!(same(&self.pool.provider, &job.provider), MarketError::WrongAccount);
        let mint = self.stake_mint.address();
        // Where it cannot receive, staking passes its part on to the treasury.
        receives(
            &self.customer_destination,
            &job.customer,
            mint,
            self.token_program.address(),
        )?;
        require_destination(&self.reporter_destination, self.reporter.address(), mint)
    }

    /// Slashes the whole bond, frees the node with a failure, bars it from the job, and opens the job again.
    pub fn handle(&mut self) -> Result<()> {
        let now = now();
        let at = self.job.offset(now).ok_or(MarketError::Overflow)?;
        self.validate(at)?;
        let slashed = self.job.bond.get();

        let market = Market {
            params: &self.params,
            authority: &self.market_authority,
            network: &self.network,
        };
        let accounts = SlashAccounts {
            params: &self.staking_params,
            pool: &mut self.pool,
            stake_vault: &mut self.stake_vault,
            customer: &mut self.customer_destination,
            reporter: &mut self.reporter_destination,
            treasury: &mut self.treasury,
            stake_mint: &self.stake_mint,
            token_program: &self.token_program,
        };
        market.slash(accounts, slashed, slashed)?;
        let lease = [writable(&mut self.provider), writable(&mut self.node)];
        market.release_node(lease, LeaseOutcome::Failed, 0, 0)?;

        let node = *self.node.address();
        self.job.reopen(&node);
        AssignmentExpired {
            job: *self.job.address(),
            node,
            assignment: self.job.assignment.get(),
            slashed,
            reporter: *self.reporter.address(),
        }
        .log();
        Ok(())
    }
}
