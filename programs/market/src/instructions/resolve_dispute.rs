use crate::{calls::Market, error::MarketError, event::DisputeResolved, programs::Registry, settlement::*, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, now, same};
use gantry_core::{BPS, mul_div_floor};

/// Accounts of `resolve_dispute`.
#[derive(Accounts, AccountTable)]
pub struct ResolveDispute {
    /// Those of every settlement.
    pub settlement: Nested<Settlement>,
    /// Those of the slash.
    pub slashing: Nested<Slashing>,
    /// The dispute.
    #[account(mut, close = dispute_rent_payer, constraint = same(&dispute.job, settlement.job.address()) @ MarketError::WrongAccount)]
    pub dispute: State<Dispute>,
    /// Who paid its rent.
    #[account(mut, unsafe(dup), constraint = same(dispute_rent_payer.address(), &dispute.rent_payer) @ MarketError::WrongAccount)]
    pub dispute_rent_payer: UncheckedAccount,
    /// The node that had the job; it may be closed by now.
    #[account(mut, constraint = same(node.address(), &settlement.job.node) @ MarketError::WrongAccount)]
    pub node: UncheckedAccount,
    /// The registry.
    pub registry_program: Program<Registry>,
}

/// How a dispute ended, as the byte in the event.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Verdict {
    None = 0,
    Customer = 1,
    Provider = 2,
}

impl ResolveDispute {
    /// The verdict with the provider's share and the slash, basis points. Without one by the deadline the provider keeps
    /// everything it has proven.
    fn validate(&self, now: i64) -> Result<(Verdict, u16, u16)> {
        let (settlement, whole) = (&self.settlement, BPS as u16);
        require!(
            settlement.job.status == JobStatus::Disputed as u8,
            MarketError::NotDisputed
        );
        let network = &settlement.network;
        let Some(vote) = self.dispute.verdict(network.arbiter_count, network.arbiter_threshold) else {
            require!(now >= self.dispute.deadline.get(), MarketError::NoVerdict);
            return Ok((Verdict::None, whole, 0));
        };
        let (share, slash) = (vote.provider_share_bps.get(), vote.slash_bps.get());
        let verdict = if share == whole && slash == 0 {
            Verdict::Provider
        } else {
            Verdict::Customer
        };
        Ok((verdict, share, slash))
    }

    /// Pays everybody as the verdict says, slashes, and closes the dispute with the job.
    pub fn handle(&mut self) -> Result<()> {
        let now = now();
        let (verdict, provider_share_bps, slash_bps) = self.validate(now)?;
        let settlement = &mut self.settlement;
        let outcome = settlement.outcome(provider_share_bps, now)?;
        let slash = mul_div_floor(settlement.job.bond.get(), slash_bps.into(), BPS as u32);
        // Whatever the council slashes, what the node's claims have taken from the customer's part comes from the bond.
        let slashed = slash.ok_or(MarketError::Overflow)?.max(outcome.slash);

        let bond = self.dispute.bond.get();
        let winnings = if verdict == Verdict::Provider {
            DisputeBond {
                provider: bond,
                customer: 0,
            }
        } else {
            DisputeBond {
                provider: 0,
                customer: bond,
            }
        };
        settlement.pay(&outcome, winnings, slashed > 0)?;
        if slashed > 0 {
            settlement.slash(&mut self.slashing, slashed)?;
        }
        // A provider that is gone has nothing more to lose.
        if verdict == Verdict::Customer && settlement.provider.account().owned_by(&registry::ID) {
            let Settlement {
                params,
                market_authority,
                network,
                provider,
                ..
            } = &mut **settlement;
            let market = Market {
                params,
                authority: market_authority,
                network,
            };
            market.convict_node(provider, &mut self.node, false)?;
        }
        DisputeResolved {
            job: *settlement.job.address(),
            provider: settlement.job.provider,
            verdict: verdict as u8,
            provider_share_bps,
            slash_bps,
            slashed,
            bond,
        }
        .log();
        Ok(())
    }
}
