//! What a dispute's votes come to.

use crate::{market::accounts::Dispute, registry::accounts::Network};

/// What is asked of a [`Dispute`].
pub trait DisputeExt {
    /// The provider's share of what the job earned and the share of the bond that is slashed, both basis points, that as
    /// many of the council as it takes have voted alike for.
    fn verdict(&self, council: &Network) -> Option<(u16, u16)>;

    /// Whether `resolve_dispute` goes through at `now`, Unix seconds: there is a verdict, or the time for one is over.
    fn is_due(&self, council: &Network, now: i64) -> bool;
}

impl DisputeExt for Dispute {
    fn verdict(&self, council: &Network) -> Option<(u16, u16)> {
        let votes = self.votes.iter().take(council.arbiter_count.into());
        let cast: Vec<_> = votes
            .filter(|vote| vote.cast == 1)
            .map(|vote| (vote.provider_share_bps, vote.slash_bps))
            .collect();
        let alike = |vote: &&(u16, u16)| cast.iter().filter(|other| other == vote).count();
        let decided = |vote: &&(u16, u16)| alike(vote) >= usize::from(council.arbiter_threshold);
        cast.iter().find(decided).copied()
    }

    fn is_due(&self, council: &Network, now: i64) -> bool {
        now >= self.deadline || self.verdict(council).is_some()
    }
}
