//! Every instruction of the three programs, each in a world where it succeeds.

use crate::{
    case::{Act, Case},
    cases_market as market, cases_registry as registry, cases_staking as staking,
    crowd::Crowd,
};

/// The worlds that cases begin in.
pub(crate) struct Scenes {
    pub trading: Crowd,
    pub governed: Crowd,
}

impl Scenes {
    pub(crate) fn new() -> Self {
        Self {
            trading: Crowd::trading(),
            governed: Crowd::governed(),
        }
    }
}

/// Makes a case.
pub(crate) type Build = fn(&Scenes) -> Case;

macro_rules! entries {
    ($($program:ident: $($name:ident)*;)*) => {
        /// `program::instruction` of every case.
        pub(crate) const NAMES: &[&str] = &[$($(concat!(stringify!($program), "::", stringify!($name)),)*)*];

        /// Every case.
        pub(crate) fn all() -> impl Iterator<Item = Build> {
            let all: &[Build] = &[$($($program::$name,)*)*];
            all.iter().copied()
        }
    };
}

entries! {
    registry:
        initialize_network propose_authority accept_authority cancel_authority set_guardian propose_council apply_council
        cancel_council pause unpause add_attestor update_attestor remove_attestor register_provider update_provider
        close_provider register_node update_price update_hardware drain_node resume_node close_node attest
        revoke_attestation lease_node release_node convict_node;
    staking:
        initialize create_pool set_commission stake request_unstake cancel_unstake withdraw claim_rewards close_position
        close_pool bond release slash deposit_rewards;
    market:
        initialize enable_mint open_job cancel_job assign_job start_job submit_proof stop_job accept_result report_lapse
        expire_assignment settle_job settle_with_slash dispute_job vote resolve_dispute slash_equivocation propose_terms
        apply_terms cancel_terms update_mint top_up_job acknowledge claim decline_assignment end_job;
}

/// A case with its twin: `acts` are the first party's and the second's.
pub(crate) fn pair<A: Into<Act>>(name: &'static str, crowd: Crowd, acts: [A; 2]) -> Case {
    let [one, other] = acts;
    Case::new(name, crowd, one).twin(other)
}
