//! What may happen to a job between its assignment and its end: extending it, paying for what was proven, giving it up.

use super::instruction;
use crate::market::accounts::{Job, PaymentMint};
use crate::{Instruction, Pubkey, pda, registry, staking};

/// Extends a running job by `seconds`. Its customer signs, and pays from the token account `source`.
pub fn top_up_job(job: &Job, mint: &PaymentMint, source: &Pubkey, seconds: u32) -> Instruction {
    let address = pda::job(&job.customer, job.id);
    instruction!(
        market,
        TopUpJob {
            wallet: job.customer,
            params: pda::market_params(),
            mint: job.mint,
            job: address,
            vault: pda::vault(&address),
            source: *source,
            token_program: mint.token_program,
        },
        { seconds }
    )
}

/// Releases the first `seconds` that the node of a running job has proven: they may be claimed at once. Its customer
/// signs.
pub fn acknowledge(job: &Job, seconds: u32) -> Instruction {
    instruction!(
        market,
        Acknowledge {
            wallet: job.customer,
            job: pda::job(&job.customer, job.id),
        },
        { seconds }
    )
}

/// Pays what a running job has released and not paid yet. The provider (its `payout_owner`) is paid to its associated
/// token account, which must exist. Nobody signs but the fee payer.
pub fn claim(job: &Job, mint: &PaymentMint, payout_owner: &Pubkey) -> Instruction {
    let address = pda::job(&job.customer, job.id);
    let pool = pda::pool(&job.provider);
    instruction!(
        market,
        Claim {
            network: pda::network(),
            params: pda::market_params(),
            mint: job.mint,
            job: address,
            vault: pda::vault(&address),
            provider: job.provider,
            pool,
            reward_vault: pda::reward_vault(&pool),
            provider_destination: pda::associated_token(payout_owner, &job.mint, &mint.token_program),
            market_authority: pda::market_authority(),
            token_program: mint.token_program,
            staking_program: staking::ID,
        },
        {}
    )
}

/// Gives an assigned job back unslashed, before the start deadline. `node_key` signs: the key of the job's node.
pub fn decline_assignment(node_key: &Pubkey, job: &Job) -> Instruction {
    let pool = pda::pool(&job.provider);
    instruction!(
        market,
        DeclineAssignment {
            node_key: *node_key,
            network: pda::network(),
            params: pda::market_params(),
            job: pda::job(&job.customer, job.id),
            provider: job.provider,
            node: job.node,
            pool,
            reward_vault: pda::reward_vault(&pool),
            market_authority: pda::market_authority(),
            registry_program: registry::ID,
            staking_program: staking::ID,
        },
        {}
    )
}

/// Gives notice: a running job ends 15 minutes from now, unless it would sooner. `node_key` signs: the key of the job's
/// node.
pub fn end_job(node_key: &Pubkey, job: &Job) -> Instruction {
    instruction!(
        market,
        EndJob {
            node_key: *node_key,
            job: pda::job(&job.customer, job.id),
            node: job.node,
        },
        {}
    )
}
