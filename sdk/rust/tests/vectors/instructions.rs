//! Instructions of fixed accounts and arguments, as bytes.

use super::super::key;
use anchor_lang::AnchorDeserialize;
use gantry_sdk::{
    Instruction,
    ix::{self, MintRef, StakeTokens},
    market::accounts::{Dispute, Job, PaymentMint},
    pda,
    registry::accounts::{Node, Provider},
    registry::types::{AttestArgs, HardwareArgs, NodeArgs},
    staking::accounts::{Pool, StakingParams},
};
use serde_json::{Value, json};

/// An account of zeros, whose fields are set afterwards.
fn empty<T: AnchorDeserialize>() -> T {
    T::deserialize(&mut [0u8; 2_048].as_slice()).expect("zeros decode")
}

fn vector(name: &str, instruction: &Instruction) -> Value {
    let accounts: Vec<Value> = instruction
        .accounts
        .iter()
        .map(|account| json!([account.pubkey.to_string(), account.is_signer, account.is_writable]))
        .collect();
    json!({
        "name": name,
        "program": instruction.program_id.to_string(),
        "accounts": accounts,
        "data": hex::encode(&instruction.data),
    })
}

fn job() -> Job {
    let mut job: Job = empty();
    (job.customer, job.mint, job.node) = (key(1), key(2), key(3));
    (job.provider, job.matcher, job.rent_payer, job.id) = (key(4), key(5), key(6), 7);
    job
}

fn payment_mint() -> PaymentMint {
    let mut mint: PaymentMint = empty();
    (mint.mint, mint.token_program, mint.treasury) = (key(2), key(20), key(21));
    mint
}

fn arguments() -> ix::JobArgs {
    ix::JobArgs {
        id: 7,
        max_price_per_hour: 2_000_000,
        spec_hash: [8; 32],
        node: key(3),
        matcher: key(5),
        max_duration: 3_600,
        start_deadline: 60,
        proof_timeout: 30,
        disk_gib: 100,
        mbps: 1_000,
        gpu_models: [3, 2, 0, 0],
        countries: [*b"DE", *b"SE", [0; 2], [0; 2], [0; 2], [0; 2], [0; 2], [0; 2]],
        vram_gib: 80,
        ram_gib: 64,
        flags: 33,
        reputation_bps: 5_000,
        sla_uptime_bps: 9_900,
        gpu_count: 2,
        tier: 1,
    }
}

fn hardware() -> HardwareArgs {
    HardwareArgs {
        gpu_model: 3,
        gpu_count: 8,
        vram_gib: 80,
        cpu_cores: 128,
        ram_gib: 1_024,
        disk_gib: 8_000,
        mbps: 10_000,
        country: *b"SE",
    }
}

pub(crate) fn all() -> Value {
    let (job, mint) = (job(), payment_mint());
    let stake_mint = MintRef {
        mint: key(30),
        token_program: key(31),
    };
    let reward_mint = MintRef {
        mint: key(2),
        token_program: key(20),
    };
    let stake = StakeTokens {
        mint: stake_mint,
        treasury: key(32),
    };
    let mut dispute: Dispute = empty();
    (dispute.job, dispute.rent_payer) = (pda::job(&job.customer, job.id), key(40));
    let mut node: Node = empty();
    (node.provider, node.node_key, node.rent_payer, node.device_hash) =
        (pda::provider(&key(50)), key(51), key(52), [53; 32]);
    let node_address = pda::node(&node.provider, &node.node_key);
    let mut provider: Provider = empty();
    (provider.authority, provider.rent_payer) = (key(50), key(52));
    let mut pool: Pool = empty();
    (
        pool.provider,
        pool.reward_mint,
        pool.reward_token_program,
        pool.rent_payer,
    ) = (node.provider, key(2), key(20), key(52));
    let pool_address = pda::pool(&pool.provider);
    let mut params: StakingParams = empty();
    (params.stake_mint, params.token_program, params.treasury) = (key(30), key(31), key(32));
    let node_args = NodeArgs {
        price_mint: key(2),
        price_per_hour: 1_500_000,
        disk_gib: 8_000,
        mbps: 10_000,
        gpu_model: 3,
        vram_gib: 80,
        cpu_cores: 128,
        ram_gib: 1_024,
        country: *b"SE",
        gpu_count: 8,
    };
    let attest = AttestArgs {
        tier: 2,
        flags: 9,
        expires_at: 1_800_000_000,
        device_hash: [53; 32],
    };

    let vectors = [
        (
            "openJob",
            ix::open_job(&key(1), &key(6), reward_mint, &key(9), arguments()),
        ),
        ("cancelJob", ix::cancel_job(&key(1), &job, &mint, &key(10))),
        ("topUpJob", ix::top_up_job(&job, &mint, &key(9), 600)),
        ("stopJob", ix::stop_job(&job)),
        ("acceptResult", ix::accept_result(&job)),
        ("acknowledge", ix::acknowledge(&job, 17)),
        (
            "disputeJob",
            ix::dispute_job(&key(6), &job, &mint.token_program, &key(9), [11; 32]),
        ),
        ("vote", ix::vote(&key(12), &dispute.job, 2_500, 7_500)),
        (
            "resolveDispute",
            ix::resolve_dispute(&job, &dispute, &mint, &key(13), stake, &key(14)),
        ),
        ("assignJob", ix::assign_job(&key(5), &job, &node_address, &node)),
        ("settleJob", ix::settle_job(&job, &mint, &key(13))),
        (
            "settleWithSlash",
            ix::settle_with_slash(&job, &mint, &key(13), stake, &key(14)),
        ),
        ("claim", ix::claim(&job, &mint, &key(13))),
        ("expireAssignment", ix::expire_assignment(&key(15), &job, stake)),
        ("reportLapse", ix::report_lapse(&job)),
        ("declineAssignment", ix::decline_assignment(&key(51), &job)),
        ("endJob", ix::end_job(&key(51), &job)),
        (
            "registerProvider",
            ix::register_provider(&key(50), &key(52), &key(54), [55; 32]),
        ),
        ("updateProvider", ix::update_provider(&key(50), &key(54), [55; 32])),
        ("closeProvider", ix::close_provider(&provider)),
        (
            "registerNode",
            ix::register_node(&key(50), &key(52), &key(51), node_args),
        ),
        ("updatePrice", ix::update_price(&key(50), &node_address, 9)),
        ("updateHardware", ix::update_hardware(&key(50), &node, hardware())),
        ("drainNode", ix::drain_node(&key(50), &node_address)),
        ("resumeNode", ix::resume_node(&key(50), &node_address)),
        ("closeNode", ix::close_node(&key(50), &node)),
        ("attest", ix::attest(&key(56), &key(52), &node_address, attest)),
        (
            "createPool",
            ix::create_pool(&key(50), &key(52), stake_mint, reward_mint, 1_000),
        ),
        ("setCommission", ix::set_commission(&key(50), 500)),
        ("closePool", ix::close_pool(&key(50), &pool, &params, &key(57))),
        (
            "stake",
            ix::stake(&key(60), &key(52), &pool_address, stake_mint, &key(61), 1_000),
        ),
        ("requestUnstake", ix::request_unstake(&key(60), &pool_address, 1 << 100)),
        ("cancelUnstake", ix::cancel_unstake(&key(60), &pool_address, 3)),
        ("withdraw", ix::withdraw(&key(60), &pool_address, stake_mint, &key(61))),
        (
            "claimRewards",
            ix::claim_rewards(&key(60), &pool_address, reward_mint, &key(62)),
        ),
        ("closePosition", ix::close_position(&key(60), &pool_address, &key(52))),
        (
            "createAssociatedAccount",
            ix::token::create_associated_account(&key(52), &key(60), &key(30), &key(31)),
        ),
    ];
    let vectors: Vec<Value> = vectors
        .iter()
        .map(|(name, instruction)| vector(name, instruction))
        .collect();
    json!({
        "description": "Accounts are [address, signer, writable]; data is hexadecimal; the key of a byte is 32 times that byte.",
        "vectors": vectors,
    })
}
