use anchor_lang::prelude::*;
use common::{Stored, seeds, state::Seeds};

/// Most members that a council of arbiters can have.
pub const MAX_ARBITERS: usize = 9;

/// [`Network::paused`] bit: no new jobs are opened.
pub const PAUSED_JOBS: u8 = 1;
/// [`Network::paused`] bit: no job is assigned.
pub const PAUSED_ASSIGNMENTS: u8 = 2;

/// The network: who governs it, and whose word the programs take. One account, seeds `"network"`.
#[account]
pub struct Network {
    /// Who governs: admits attestors, changes parameters (after the timelock).
    pub authority: Address,
    /// Who may accept the authority; zeros when nothing is proposed.
    pub pending_authority: Address,
    /// Who may pause, beside the authority.
    pub guardian: Address,
    /// The market's PDA `["authority"]`: the only signer of `lease_node`, `release_node`, `bond`, `release`, `slash`.
    pub market_authority: Address,
    /// Who paid the rent of this account.
    pub rent_payer: Address,
    /// The council; the first `arbiter_count` places count.
    pub arbiters: [Address; 9],
    /// The proposed council, in force from `council_change_at`.
    pub pending_arbiters: [Address; 9],
    /// When the proposed council may be applied, Unix seconds; 0 when nothing is proposed.
    pub council_change_at: PodI64,
    /// Seconds between a proposal and its application.
    pub timelock_seconds: PodU32,
    /// Members of the council.
    pub arbiter_count: u8,
    /// Equal votes that decide a dispute.
    pub arbiter_threshold: u8,
    /// Members of the proposed council.
    pub pending_arbiter_count: u8,
    /// Threshold of the proposed council.
    pub pending_arbiter_threshold: u8,
    /// Bits: 1 no new jobs, 2 no assignments.
    pub paused: u8,
    /// Canonical bump.
    pub bump: u8,
}

/// Address of the network. It is the only one, so that its address is known when the program is compiled.
pub const NETWORK: Address = Address::derive_address_const(&[b"network"], Some(NETWORK_BUMP), &crate::ID);
/// The canonical bump of [`NETWORK`].
pub const NETWORK_BUMP: u8 = 254;
impl Network {
    /// Forgets the proposed council.
    pub fn forget_council(&mut self) {
        self.pending_arbiters = [Address::default(); 9];
        self.pending_arbiter_count = 0;
        self.pending_arbiter_threshold = 0;
        self.council_change_at = 0i64.into();
    }
}

/// Whether the first `count` places are 1 to 9 distinct members, the others zeros, and `threshold` above half of the
/// members and at most all.
#[inline(never)]
pub fn valid_council(arbiters: &[Address; MAX_ARBITERS], count: u8, threshold: u8) -> bool {
    let zero = Address::default();
    let (count, threshold) = (usize::from(count), usize::from(threshold));
    if !(1..=MAX_ARBITERS).contains(&count) || threshold * 2 <= count || threshold > count {
        return false;
    }
    let (members, rest) = arbiters.split_at(count);
    let distinct = (0..count).all(|i| members[i] != zero && !members[..i].contains(&members[i]));
    distinct && rest.iter().all(|key| *key == zero)
}

impl Stored for Network {
    const SEEDS: Seeds = seeds!(Network: at NETWORK);
}

#[cfg(test)]
mod address_tests {
    use super::*;

    #[test]
    fn the_address_is_the_canonical_one() {
        let found = Address::find_program_address(&[b"network"], &crate::ID);
        assert_eq!(found, (NETWORK, NETWORK_BUMP));
    }
}
