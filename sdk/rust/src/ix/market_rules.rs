//! Changes of the market's rules, which its authority announces, and of its mints.

use super::{TermsArgs, instruction};
use crate::{Instruction, Pubkey, pda};

/// Announces new terms, which [`apply_terms`] puts in force after the network's timelock. `authority` is the network's.
pub fn propose_terms(authority: &Pubkey, terms: TermsArgs) -> Instruction {
    instruction!(
        market,
        ProposeTerms {
            authority: *authority,
            network: pda::network(),
            staking_params: pda::staking_params(),
            params: pda::market_params(),
        },
        { terms }
    )
}

/// Puts the announced terms in force once they are due. Nobody signs but the fee payer.
pub fn apply_terms() -> Instruction {
    instruction!(
        market,
        ApplyTerms {
            staking_params: pda::staking_params(),
            params: pda::market_params(),
        },
        {}
    )
}

/// Takes the announced terms back. `authority` is the network's.
pub fn cancel_terms(authority: &Pubkey) -> Instruction {
    instruction!(
        market,
        CancelTerms {
            authority: *authority,
            network: pda::network(),
            params: pda::market_params(),
        },
        {}
    )
}

/// Changes what new jobs in `mint` must pay, and whether there may be any. `minimum_price` is in base units per hour,
/// `stake_rate` in stake units per payment unit as Q32.32. `authority` is the network's.
pub fn update_mint(
    authority: &Pubkey,
    mint: &Pubkey,
    enabled: bool,
    minimum_price: u64,
    stake_rate: u64,
) -> Instruction {
    instruction!(
        market,
        UpdateMint {
            authority: *authority,
            network: pda::network(),
            payment_mint: pda::payment_mint(mint),
        },
        { enabled, minimum_price, stake_rate }
    )
}
