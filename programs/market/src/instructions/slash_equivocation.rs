use crate::{
    calls::Market,
    ending::{self, End},
    error::MarketError,
    event::EquivocationSlashed,
    programs::{Registry, Staking},
    proof,
    settlement::*,
    state::*,
};
use anchor_lang::prelude::*;
use common::{AccountTable, Instructions, State, now, pda, same, writable};
use registry::{Network, instructions::LeaseOutcome};

/// Accounts of `slash_equivocation`.
#[derive(Accounts, AccountTable)]
pub struct SlashEquivocation {
    /// The network.
    pub network: State<Network>,
    /// Rules of the market.
    pub params: State<MarketParams>,
    /// The job.
    #[account(mut)]
    pub job: State<Job>,
    /// The node's provider; the registry checks it.
    #[account(mut, constraint = same(provider.address(), &job.provider) @ MarketError::WrongAccount)]
    pub provider: UncheckedAccount,
    /// The node that has the job, or had it; it may be closed by now.
    #[account(mut, constraint = same(node.address(), &job.node) @ MarketError::WrongAccount)]
    pub node: UncheckedAccount,
    /// The provider's pool.
    #[account(mut)]
    pub pool: UncheckedAccount,
    /// Those of the slash.
    pub slashing: Nested<Slashing>,
    /// The PDA that signs to registry and staking.
    #[account(constraint = same(market_authority.address(), &network.market_authority) @ MarketError::WrongAccount)]
    pub market_authority: UncheckedAccount,
    /// Where the two receipts are read from.
    pub instructions: Instructions,
    /// The registry.
    pub registry_program: Program<Registry>,
    /// Staking.
    pub staking_program: Program<Staking>,
}

impl SlashEquivocation {
    /// The sequence number of the two receipts, if one key signed both for this assignment of the job, they differ, and
    /// the key is that of the job's node.
    fn validate(&self) -> Result<u64> {
        let job = &self.job;
        let convictable = (JobStatus::Running as u8..=JobStatus::Disputed as u8).contains(&job.status);
        require!(convictable, MarketError::NotConvictable);
        require!(!job.bond.is_zero(), MarketError::NoBond);
        let pool = State::<staking::Pool>::load(*self.pool.account())?;
        require!(same(&pool.provider, &job.provider), MarketError::WrongAccount);

        // The address of the node says which key is its own. So a node that its provider has closed since does not escape.
        let transaction = self.instructions.read();
        let key = Address::new_from_array(*proof::signed(&transaction, -1)?.key);
        let (node, _) = pda::find(&[b"node", job.provider.as_ref(), key.as_ref()], &registry::ID)?;
        require!(same(&node, &job.node), MarketError::WrongSigner);
        let receipt = |place| proof::receipt(&transaction, place, &self.params, job, &key);
        let (one, other) = (receipt(-1)?, receipt(-2)?);
        require!(
            one.sequence() == other.sequence() && one != other,
            MarketError::NoContradiction
        );
        Ok(one.sequence())
    }

    /// Slashes the whole bond and suspends the node; ends the job if it runs. What was proven is still paid.
    pub fn handle(&mut self) -> Result<()> {
        let sequence = self.validate()?;
        let market = Market {
            params: &self.params,
            authority: &self.market_authority,
            network: &self.network,
        };
        if self.job.status == JobStatus::Running as u8 {
            let now = now();
            let at = self.job.offset(now).ok_or(MarketError::Overflow)?;
            let how = End {
                status: JobStatus::Finished,
                outcome: JobOutcome::Failed,
                lease: LeaseOutcome::Failed,
                at,
            };
            let lease = [writable(&mut self.provider), writable(&mut self.node)];
            ending::end(market, &mut self.job, lease, how)?;
        }
        let slashed = self.job.bond.get();
        let customer = &self.job.customer;
        self.slashing
            .slash(market, &mut self.pool, customer, slashed, slashed)?;
        self.job.bond = 0u64.into();
        market.convict_node(&mut self.provider, &mut self.node, true)?;
        EquivocationSlashed {
            job: *self.job.address(),
            node: self.job.node,
            sequence,
            slashed,
        }
        .log();
        Ok(())
    }
}
