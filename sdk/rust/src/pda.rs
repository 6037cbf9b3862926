//! Addresses of every account of the three programs.
//!
//! All are program-derived; the seeds are those that the programs document on their accounts.

use crate::{Pubkey, market as market_program, registry, staking};

fn derive(seeds: &[&[u8]], program: &Pubkey) -> Pubkey {
    Pubkey::find_program_address(seeds, program).0
}

/// The network account (registry).
pub fn network() -> Pubkey {
    derive(&[b"network"], &registry::ID)
}

/// The provider account (registry) of the wallet `authority`.
pub fn provider(authority: &Pubkey) -> Pubkey {
    derive(&[b"provider", authority.as_ref()], &registry::ID)
}

/// The node account (registry) of `node_key` with the provider account `provider`.
pub fn node(provider: &Pubkey, node_key: &Pubkey) -> Pubkey {
    derive(&[b"node", provider.as_ref(), node_key.as_ref()], &registry::ID)
}

/// The attestor account (registry) of the wallet `key`.
pub fn attestor(key: &Pubkey) -> Pubkey {
    derive(&[b"attestor", key.as_ref()], &registry::ID)
}

/// The device account (registry) of a device hash.
pub fn device(hash: &[u8; 32]) -> Pubkey {
    derive(&[b"device", hash], &registry::ID)
}

/// The rules of staking.
pub fn staking_params() -> Pubkey {
    derive(&[b"params"], &staking::ID)
}

/// The pool (staking) of the provider account `provider`.
pub fn pool(provider: &Pubkey) -> Pubkey {
    derive(&[b"pool", provider.as_ref()], &staking::ID)
}

/// The token account that holds the stake of `pool`.
pub fn stake_vault(pool: &Pubkey) -> Pubkey {
    derive(&[b"stake", pool.as_ref()], &staking::ID)
}

/// The token account that holds the unclaimed rewards of `pool`.
pub fn reward_vault(pool: &Pubkey) -> Pubkey {
    derive(&[b"rewards", pool.as_ref()], &staking::ID)
}

/// The position (staking) of the wallet `owner` in `pool`.
pub fn position(pool: &Pubkey, owner: &Pubkey) -> Pubkey {
    derive(&[b"position", pool.as_ref(), owner.as_ref()], &staking::ID)
}

/// The rules of the market.
pub fn market_params() -> Pubkey {
    derive(&[b"params"], &market_program::ID)
}

/// What the market signs with to registry and staking.
pub fn market_authority() -> Pubkey {
    derive(&[b"authority"], &market_program::ID)
}

/// The market's account of an admitted mint.
pub fn payment_mint(mint: &Pubkey) -> Pubkey {
    derive(&[b"mint", mint.as_ref()], &market_program::ID)
}

/// The market's account of a customer's wallet.
pub fn customer(wallet: &Pubkey) -> Pubkey {
    derive(&[b"customer", wallet.as_ref()], &market_program::ID)
}

/// The job number `id` of the customer's `wallet`.
pub fn job(wallet: &Pubkey, id: u64) -> Pubkey {
    derive(&[b"job", wallet.as_ref(), &id.to_le_bytes()], &market_program::ID)
}

/// The token account that holds the escrow of `job`.
pub fn vault(job: &Pubkey) -> Pubkey {
    derive(&[b"vault", job.as_ref()], &market_program::ID)
}

/// The dispute over `job`.
pub fn dispute(job: &Pubkey) -> Pubkey {
    derive(&[b"dispute", job.as_ref()], &market_program::ID)
}

/// The associated token account of `owner` for `mint` under `token_program`.
pub fn associated_token(owner: &Pubkey, mint: &Pubkey, token_program: &Pubkey) -> Pubkey {
    derive(
        &[owner.as_ref(), token_program.as_ref(), mint.as_ref()],
        &crate::ix::token::ASSOCIATED_TOKEN_PROGRAM,
    )
}
