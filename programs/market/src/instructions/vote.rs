use crate::{error::MarketError, event::VoteCast, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, now, same};
use gantry_core::BPS;
use registry::Network;

/// Accounts of `vote`.
#[derive(Accounts, AccountTable)]
pub struct CastVote {
    /// The arbiter.
    pub arbiter: Signer,
    /// The network, which names the council.
    pub network: State<Network>,
    /// The dispute.
    #[account(mut)]
    pub dispute: State<Dispute>,
}

impl CastVote {
    /// The arbiter's place in the council.
    fn validate(&self, provider_share_bps: u16, slash_bps: u16) -> Result<usize> {
        let shares = provider_share_bps.max(slash_bps);
        require!(u64::from(shares) <= BPS, MarketError::InvalidVote);
        let now = now();
        require!(now < self.dispute.deadline.get(), MarketError::VotingClosed);
        let arbiters = self.network.arbiters.iter();
        let place = arbiters
            .take(self.network.arbiter_count.into())
            .position(|arbiter| same(arbiter, self.arbiter.address()));
        Ok(place.ok_or(MarketError::NotArbiter)?)
    }

    /// Records the vote.
    pub fn handle(&mut self, provider_share_bps: u16, slash_bps: u16) -> Result<()> {
        let place = self.validate(provider_share_bps, slash_bps)?;
        let vote = self.dispute.votes.get_mut(place).ok_or(MarketError::NotArbiter)?;
        require!(vote.cast == 0, MarketError::AlreadyVoted);
        *vote = Vote {
            cast: 1,
            provider_share_bps: provider_share_bps.into(),
            slash_bps: slash_bps.into(),
        };
        VoteCast {
            job: self.dispute.job,
            arbiter: *self.arbiter.address(),
            provider_share_bps,
            slash_bps,
        }
        .log();
        Ok(())
    }
}
