use anchor_lang::prelude::*;
use common::{Stored, seeds, state::Seeds};

/// One arbiter's vote.
#[derive(Clone, Copy, IdlType, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Vote {
    /// 1 once the arbiter has voted.
    pub cast: u8,
    /// Share of the bill that the provider keeps, basis points.
    pub provider_share_bps: PodU16,
    /// Share of the job's bond that is slashed, basis points.
    pub slash_bps: PodU16,
}

/// A dispute over a job. Seeds `"dispute", job`.
#[account]
pub struct Dispute {
    /// The job.
    pub job: Address,
    /// Who opened it.
    pub opener: Address,
    /// Who paid the rent of this account.
    pub rent_payer: Address,
    /// SHA-256 of the reason, which is published off chain.
    pub reason_hash: [u8; 32],
    /// Bond of the opener, base units of the job's mint, kept in the job's vault.
    pub bond: PodU64,
    /// When it was opened, Unix seconds.
    pub opened_at: PodI64,
    /// When it ends without a verdict, Unix seconds.
    pub deadline: PodI64,
    /// Votes, in the order of the council.
    pub votes: [Vote; 9],
    /// Canonical bump.
    pub bump: u8,
}

impl Dispute {
    /// The vote that `threshold` of the first `members` places have cast alike, if any. More than half have to, so there
    /// is at most one.
    pub fn verdict(&self, members: u8, threshold: u8) -> Option<Vote> {
        let votes = self.votes.get(..usize::from(members))?;
        let alike = |vote: &Vote| votes.iter().filter(|other| other.cast == 1 && other.same(vote)).count();
        let decided = |vote: &&Vote| vote.cast == 1 && alike(vote) >= usize::from(threshold);
        votes.iter().find(decided).copied()
    }
}

impl Vote {
    fn same(&self, other: &Self) -> bool {
        self.provider_share_bps.get() == other.provider_share_bps.get() && self.slash_bps.get() == other.slash_bps.get()
    }
}

impl Stored for Dispute {
    const SEEDS: Seeds = seeds!(Dispute: b"dispute", job);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn votes(cast: &[Option<(u16, u16)>]) -> Dispute {
        let mut dispute: Dispute = bytemuck::Zeroable::zeroed();
        for (place, vote) in dispute.votes.iter_mut().zip(cast) {
            if let Some((share, slash)) = *vote {
                *place = Vote {
                    cast: 1,
                    provider_share_bps: share.into(),
                    slash_bps: slash.into(),
                };
            }
        }
        dispute
    }

    fn decided(dispute: &Dispute, members: u8, threshold: u8) -> Option<(u16, u16)> {
        let verdict = dispute.verdict(members, threshold)?;
        Some((verdict.provider_share_bps.get(), verdict.slash_bps.get()))
    }

    #[test]
    fn equal_votes_decide_at_the_threshold() {
        let one = Some((5_000, 100));
        let dispute = votes(&[one, None, Some((5_000, 101)), Some((4_999, 100)), one]);
        assert_eq!(decided(&dispute, 5, 3), None);
        assert_eq!(decided(&dispute, 5, 2), one);
        assert_eq!(decided(&dispute, 4, 2), None, "the fifth place is no member's");
    }

    #[test]
    fn places_without_a_vote_are_no_votes_for_nothing() {
        assert_eq!(decided(&votes(&[]), 9, 1), None);
        let dispute = votes(&[Some((0, 0))]);
        assert_eq!(decided(&dispute, 3, 2), None);
        assert_eq!(decided(&dispute, 3, 1), Some((0, 0)));
        assert_eq!(decided(&dispute, 10, 1), None, "no council has ten members");
    }
}
