//! The market's instructions.
//!
//! Those about one job take its account: most addresses are in there.

use super::{INSTRUCTIONS_SYSVAR, MintRef, SYSTEM_PROGRAM, instruction};
use crate::market::accounts::{Job, PaymentMint};
pub use crate::market::types::{JobArgs, SlaCreditArgs, TermsArgs};
use crate::registry::accounts::Node;
use crate::{Instruction, Pubkey, pda, registry, staking};

/// Creates the market. Once. `authority` is the network's; `genesis_hash` is the cluster's.
pub fn initialize_market(authority: &Pubkey, payer: &Pubkey, genesis_hash: [u8; 32], terms: TermsArgs) -> Instruction {
    instruction!(
        market,
        Initialize {
            authority: *authority,
            payer: *payer,
            network: pda::network(),
            staking_params: pda::staking_params(),
            params: pda::market_params(),
            market_authority: pda::market_authority(),
            system_program: SYSTEM_PROGRAM,
        },
        { genesis_hash, terms }
    )
}

/// Admits a mint that jobs may be paid in. `treasury` is a token account in it, `minimum_price` base units per hour,
/// `stake_rate` stake units per payment unit in Q32.32.
pub fn enable_mint(
    authority: &Pubkey,
    payer: &Pubkey,
    mint: MintRef,
    treasury: &Pubkey,
    minimum_price: u64,
    stake_rate: u64,
) -> Instruction {
    instruction!(
        market,
        EnableMint {
            authority: *authority,
            payer: *payer,
            network: pda::network(),
            mint: mint.mint,
            payment_mint: pda::payment_mint(&mint.mint),
            treasury: *treasury,
            token_program: mint.token_program,
            system_program: SYSTEM_PROGRAM,
        },
        { minimum_price, stake_rate }
    )
}

/// Opens a job of `wallet` and funds it from its token account `source`. `args.id` is the customer's next job id.
pub fn open_job(wallet: &Pubkey, payer: &Pubkey, mint: MintRef, source: &Pubkey, args: JobArgs) -> Instruction {
    let job = pda::job(wallet, args.id);
    instruction!(
        market,
        OpenJob {
            wallet: *wallet,
            payer: *payer,
            network: pda::network(),
            params: pda::market_params(),
            mint: mint.mint,
            payment_mint: pda::payment_mint(&mint.mint),
            customer: pda::customer(wallet),
            job,
            vault: pda::vault(&job),
            source: *source,
            token_program: mint.token_program,
            system_program: SYSTEM_PROGRAM,
        },
        { args }
    )
}

/// Closes an open job and refunds the customer's token account `destination`. `signer` is the customer, or anyone once
/// the job has waited for the market's open timeout.
pub fn cancel_job(signer: &Pubkey, job: &Job, mint: &PaymentMint, destination: &Pubkey) -> Instruction {
    let address = pda::job(&job.customer, job.id);
    instruction!(
        market,
        CancelJob {
            signer: *signer,
            params: pda::market_params(),
            mint: job.mint,
            payment_mint: pda::payment_mint(&job.mint),
            customer: pda::customer(&job.customer),
            job: address,
            vault: pda::vault(&address),
            destination: *destination,
            treasury: mint.treasury,
            rent_payer: job.rent_payer,
            token_program: mint.token_program,
        },
        {}
    )
}

/// Pairs an open job with the node at `node_address`. `matcher` earns the matcher's fee at settlement.
pub fn assign_job(matcher: &Pubkey, job: &Job, node_address: &Pubkey, node: &Node) -> Instruction {
    instruction!(
        market,
        AssignJob {
            matcher: *matcher,
            network: pda::network(),
            params: pda::market_params(),
            payment_mint: pda::payment_mint(&job.mint),
            job: pda::job(&job.customer, job.id),
            provider: node.provider,
            node: *node_address,
            pool: pda::pool(&node.provider),
            staking_params: pda::staking_params(),
            market_authority: pda::market_authority(),
            registry_program: registry::ID,
            staking_program: staking::ID,
        },
        {}
    )
}

/// Starts an assigned job. [`crate::receipt::precompile_instruction`] of receipt 0 goes right before it.
pub fn start_job(job: &Job) -> Instruction {
    instruction!(
        market,
        StartJob {
            params: pda::market_params(),
            job: pda::job(&job.customer, job.id),
            node: job.node,
            instructions: INSTRUCTIONS_SYSVAR,
        },
        {}
    )
}

/// Records a receipt. [`crate::receipt::precompile_instruction`] of that receipt goes right before it.
pub fn submit_proof(job: &Job) -> Instruction {
    instruction!(
        market,
        SubmitProof {
            network: pda::network(),
            params: pda::market_params(),
            job: pda::job(&job.customer, job.id),
            provider: job.provider,
            node: job.node,
            market_authority: pda::market_authority(),
            instructions: INSTRUCTIONS_SYSVAR,
            registry_program: registry::ID,
        },
        {}
    )
}

/// Ends a running job early. Its customer signs.
pub fn stop_job(job: &Job) -> Instruction {
    instruction!(
        market,
        StopJob {
            wallet: job.customer,
            network: pda::network(),
            params: pda::market_params(),
            job: pda::job(&job.customer, job.id),
            provider: job.provider,
            node: job.node,
            market_authority: pda::market_authority(),
            registry_program: registry::ID,
        },
        {}
    )
}

/// Waives the dispute window of a finished job. Its customer signs.
pub fn accept_result(job: &Job) -> Instruction {
    instruction!(
        market,
        AcceptResult {
            wallet: job.customer,
            job: pda::job(&job.customer, job.id)
        },
        {}
    )
}

/// Ends a running job whose node went silent, or that ran past what was paid for. Nobody signs but the fee payer.
pub fn report_lapse(job: &Job) -> Instruction {
    instruction!(
        market,
        ReportLapse {
            network: pda::network(),
            params: pda::market_params(),
            job: pda::job(&job.customer, job.id),
            provider: job.provider,
            node: job.node,
            market_authority: pda::market_authority(),
            registry_program: registry::ID,
        },
        {}
    )
}

/// The stake mint and its treasury, as staking's rules name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StakeTokens {
    /// The stake mint.
    pub mint: MintRef,
    /// The treasury's token account in it.
    pub treasury: Pubkey,
}

impl From<&staking::accounts::StakingParams> for StakeTokens {
    fn from(params: &staking::accounts::StakingParams) -> Self {
        let mint = MintRef {
            mint: params.stake_mint,
            token_program: params.token_program,
        };
        Self {
            mint,
            treasury: params.treasury,
        }
    }
}

/// Takes an assigned job from a node that did not start it in time. `reporter` earns its share of the slash. Customer
/// and reporter are paid to their associated token accounts in the stake mint, which must exist.
pub fn expire_assignment(reporter: &Pubkey, job: &Job, stake: StakeTokens) -> Instruction {
    let pool = pda::pool(&job.provider);
    let MintRef { mint, token_program } = stake.mint;
    instruction!(
        market,
        ExpireAssignment {
            reporter: *reporter,
            network: pda::network(),
            params: pda::market_params(),
            job: pda::job(&job.customer, job.id),
            provider: job.provider,
            node: job.node,
            pool,
            staking_params: pda::staking_params(),
            stake_vault: pda::stake_vault(&pool),
            customer_destination: pda::associated_token(&job.customer, &mint, &token_program),
            reporter_destination: pda::associated_token(reporter, &mint, &token_program),
            treasury: stake.treasury,
            stake_mint: mint,
            market_authority: pda::market_authority(),
            token_program,
            registry_program: registry::ID,
            staking_program: staking::ID,
        },
        {}
    )
}

/// Pays everybody and closes the job. Provider (its `payout_owner`), matcher and customer are paid to their associated
/// token accounts, which must exist: [`settlement_accounts`] makes them. Nobody signs but the fee payer.
pub fn settle_job(job: &Job, mint: &PaymentMint, payout_owner: &Pubkey) -> Instruction {
    let address = pda::job(&job.customer, job.id);
    let pool = pda::pool(&job.provider);
    let account = |owner: &Pubkey| pda::associated_token(owner, &job.mint, &mint.token_program);
    instruction!(
        market,
        SettleJob {
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
        },
        {}
    )
}

/// Makes the token accounts that [`settle_job`] pays to, where they do not exist.
pub fn settlement_accounts(payer: &Pubkey, job: &Job, mint: &PaymentMint, payout_owner: &Pubkey) -> Vec<Instruction> {
    let mut owners = vec![*payout_owner, job.matcher, job.customer];
    owners.sort_unstable();
    owners.dedup();
    let create = |owner: &Pubkey| super::token::create_associated_account(payer, owner, &job.mint, &mint.token_program);
    owners.iter().map(create).collect()
}
