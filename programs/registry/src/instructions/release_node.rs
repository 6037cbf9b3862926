use crate::{error::RegistryError, event::NodeReleased, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, now, same};

/// How a job went for the node that had it, as the byte that the market passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LeaseOutcome {
    /// As it should.
    Completed = 0,
    /// The node failed it.
    Failed = 1,
    /// Neither: the customer's doing.
    Neutral = 2,
}

/// Accounts of `release_node`.
#[derive(Accounts, AccountTable)]
pub struct ReleaseNode {
    /// The market's PDA `["authority"]`.
    #[account(constraint = same(market_authority.address(), &network.market_authority) @ RegistryError::NotMarket)]
    pub market_authority: Signer,
    /// The network.
    pub network: State<Network>,
    /// The node's provider.
    #[account(mut, constraint = same(provider.address(), &node.provider) @ ProgramError::InvalidSeeds)]
    pub provider: State<Provider>,
    /// The node.
    #[account(mut)]
    pub node: State<Node>,
}

impl ReleaseNode {
    /// Gives the node back and counts; three failures in a row suspend it.
    pub fn handle(&mut self, outcome: u8, served_seconds: u64, promised_seconds: u64) -> Result<()> {
        require!(
            self.node.status == NodeStatus::Leased as u8,
            RegistryError::NodeNotLeased
        );
        let (node, provider) = (&mut self.node, &mut self.provider);
        let job = node.current_job;
        let add = |counter: PodU64, value: u64| counter.checked_add(value).ok_or(RegistryError::Overflow);
        match outcome {
            o if o == LeaseOutcome::Completed as u8 => {
                node.jobs_completed = add(node.jobs_completed, 1)?;
                provider.jobs_completed = add(provider.jobs_completed, 1)?;
                // A node convicted while it ran this job stays so, however well the job went.
                if node.consecutive_failures < FAILURES_TO_SUSPEND {
                    node.consecutive_failures = 0;
                }
            }
            o if o == LeaseOutcome::Failed as u8 => {
                node.jobs_failed = add(node.jobs_failed, 1)?;
                provider.jobs_failed = add(provider.jobs_failed, 1)?;
                node.consecutive_failures = node.consecutive_failures.saturating_add(1);
            }
            o if o == LeaseOutcome::Neutral as u8 => {}
            _ => return Err(RegistryError::InvalidOutcome.into()),
        }
        node.served_seconds = add(node.served_seconds, served_seconds)?;
        node.promised_seconds = add(node.promised_seconds, promised_seconds)?;
        provider.served_seconds = add(provider.served_seconds, served_seconds)?;
        provider.promised_seconds = add(provider.promised_seconds, promised_seconds)?;
        provider.active_leases = provider
            .active_leases
            .checked_sub(1u32)
            .ok_or(RegistryError::Overflow)?;

        node.current_job = Address::default();
        let status = if node.consecutive_failures >= FAILURES_TO_SUSPEND {
            node.suspended_at = now().into();
            NodeStatus::Suspended
        } else if node.drain_after_job == 1 {
            node.drain_after_job = 0;
            NodeStatus::Draining
        } else {
            NodeStatus::Available
        };
        node.status = status as u8;
        NodeReleased {
            node: *self.node.address(),
            job,
            outcome,
            status: status as u8,
            served_seconds,
            promised_seconds,
        }
        .log();
        Ok(())
    }
}
