//! Disputes, convictions, and settlements that slash.

use super::{INSTRUCTIONS_SYSVAR, MintRef, SYSTEM_PROGRAM, StakeTokens, instruction};
use crate::market::accounts::{Dispute, Job, PaymentMint};
use crate::{Instruction, Pubkey, pda, registry, staking};

/// Takes `job` to the council. Its customer signs and puts up the bond from its token account `source`. `reason_hash` is
/// the SHA-256 of the reason, which is published off chain. A running job ends with this.
pub fn dispute_job(
    payer: &Pubkey,
    job: &Job,
    token_program: &Pubkey,
    source: &Pubkey,
    reason_hash: [u8; 32],
) -> Instruction {
    let address = pda::job(&job.customer, job.id);
    instruction!(
        market,
        DisputeJob {
            wallet: job.customer,
            payer: *payer,
            network: pda::network(),
            params: pda::market_params(),
            mint: job.mint,
            job: address,
            vault: pda::vault(&address),
            dispute: pda::dispute(&address),
            source: *source,
            provider: job.provider,
            node: job.node,
            market_authority: pda::market_authority(),
            token_program: *token_program,
            system_program: SYSTEM_PROGRAM,
            registry_program: registry::ID,
        },
        { reason_hash }
    )
}

/// Votes on the dispute over the job at `job`: which share of what it earned the provider keeps, and which share of the
/// bond is slashed, both basis points. `arbiter` is one of the council.
pub fn vote(arbiter: &Pubkey, job: &Pubkey, provider_share_bps: u16, slash_bps: u16) -> Instruction {
    instruction!(
        market,
        Vote {
            arbiter: *arbiter,
            network: pda::network(),
            dispute: pda::dispute(job),
        },
        { provider_share_bps, slash_bps }
    )
}

/// Executes the council's verdict, or ends a dispute that got none in time. Payees are paid to their associated token
/// accounts: [`super::settlement_accounts`] makes those in the job's mint; the customer's in the stake mint must exist
/// where something is slashed. `reporter` is the token account that earns the reporter's share of a slash. Nobody signs
/// but the fee payer.
pub fn resolve_dispute(
    job: &Job,
    dispute: &Dispute,
    mint: &PaymentMint,
    payout_owner: &Pubkey,
    stake: StakeTokens,
    reporter: &Pubkey,
) -> Instruction {
    let address = pda::job(&job.customer, job.id);
    let pool = pda::pool(&job.provider);
    let account = |owner: &Pubkey| pda::associated_token(owner, &job.mint, &mint.token_program);
    let MintRef {
        mint: stake_mint,
        token_program: stake_token_program,
    } = stake.mint;
    instruction!(
        market,
        ResolveDispute {
            network: pda::network(),
            params: pda::market_params(),
            mint: job.mint,
            payment_mint: pda::payment_mint(&job.mint),
            customer: pda::customer(&job.customer),
            job: address,
            vault: pda::vault(&address),
            provider: job.provider,
            pool,
            reward_vault: pda::reward_vault(&pool),
            provider_destination: account(payout_owner),
            matcher_destination: account(&job.matcher),
            treasury: mint.treasury,
            customer_destination: account(&job.customer),
            rent_payer: job.rent_payer,
            market_authority: pda::market_authority(),
            token_program: mint.token_program,
            staking_program: staking::ID,
            staking_params: pda::staking_params(),
            stake_vault: pda::stake_vault(&pool),
            stake_customer: pda::associated_token(&job.customer, &stake_mint, &stake_token_program),
            stake_reporter: *reporter,
            stake_treasury: stake.treasury,
            stake_mint,
            stake_token_program,
            dispute: pda::dispute(&address),
            dispute_rent_payer: dispute.rent_payer,
            node: job.node,
            registry_program: registry::ID,
        },
        {}
    )
}

/// Settles a job whose node has claimed more than the SLA leaves it, which [`super::settle_job`] refuses. Otherwise as
/// there. The customer's associated token account in the stake mint must exist; `reporter` is the token account that
/// earns the reporter's share of the slash.
pub fn settle_with_slash(
    job: &Job,
    mint: &PaymentMint,
    payout_owner: &Pubkey,
    stake: StakeTokens,
    reporter: &Pubkey,
) -> Instruction {
    let address = pda::job(&job.customer, job.id);
    let pool = pda::pool(&job.provider);
    let account = |owner: &Pubkey| pda::associated_token(owner, &job.mint, &mint.token_program);
    let MintRef {
        mint: stake_mint,
        token_program: stake_token_program,
    } = stake.mint;
    instruction!(
        market,
        SettleWithSlash {
            network: pda::network(),
            params: pda::market_params(),
            mint: job.mint,
            payment_mint: pda::payment_mint(&job.mint),
            customer: pda::customer(&job.customer),
            job: address,
            vault: pda::vault(&address),
            provider: job.provider,
            pool,
            reward_vault: pda::reward_vault(&pool),
            provider_destination: account(payout_owner),
            matcher_destination: account(&job.matcher),
            treasury: mint.treasury,
            customer_destination: account(&job.customer),
            rent_payer: job.rent_payer,
            market_authority: pda::market_authority(),
            token_program: mint.token_program,
            staking_program: staking::ID,
            staking_params: pda::staking_params(),
            stake_vault: pda::stake_vault(&pool),
            stake_customer: pda::associated_token(&job.customer, &stake_mint, &stake_token_program),
            stake_reporter: *reporter,
            stake_treasury: stake.treasury,
            stake_mint,
            stake_token_program,
        },
        {}
    )
}

/// Slashes the bond of a job whose node signed two receipts that contradict each other. Two instructions of
/// [`crate::receipt::precompile_instruction`], one for each, go right before it. The customer's associated token account
/// in the stake mint must exist; `reporter` is the token account that earns the reporter's share of the slash.
pub fn slash_equivocation(job: &Job, stake: StakeTokens, reporter: &Pubkey) -> Instruction {
    let pool = pda::pool(&job.provider);
    let MintRef {
        mint: stake_mint,
        token_program: stake_token_program,
    } = stake.mint;
    instruction!(
        market,
        SlashEquivocation {
            network: pda::network(),
            params: pda::market_params(),
            job: pda::job(&job.customer, job.id),
            provider: job.provider,
            node: job.node,
            pool,
            staking_params: pda::staking_params(),
            stake_vault: pda::stake_vault(&pool),
            stake_customer: pda::associated_token(&job.customer, &stake_mint, &stake_token_program),
            stake_reporter: *reporter,
            stake_treasury: stake.treasury,
            stake_mint,
            stake_token_program,
            market_authority: pda::market_authority(),
            instructions: INSTRUCTIONS_SYSVAR,
            registry_program: registry::ID,
            staking_program: staking::ID,
        },
        {}
    )
}
