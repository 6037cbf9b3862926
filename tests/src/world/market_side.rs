//! The instructions that only the market can sign, and a world in which a test holds the market's key.

use super::{World, staking_rules};
use anchor_lang::{InstructionData, ToAccountMetas};
use gantry_sdk::{
    Instruction, Keypair, Pubkey, Signer,
    ix::{self, NetworkArgs, StakeTokens},
    pda,
    registry::{self, client as registry_client},
    staking::{self, client as staking_client},
};

fn instruction(program_id: Pubkey, accounts: &impl ToAccountMetas, args: &impl InstructionData) -> Instruction {
    Instruction {
        program_id,
        accounts: accounts.to_account_metas(None),
        data: args.data(),
    }
}

/// Takes `node` of `provider` for `job`.
pub fn lease_node(signer: &Pubkey, provider: &Pubkey, node: &Pubkey, job: &Pubkey) -> Instruction {
    let accounts = registry_client::accounts::LeaseNode {
        market_authority: *signer,
        network: pda::network(),
        provider: *provider,
        node: *node,
    };
    instruction(registry::ID, &accounts, &registry_client::args::LeaseNode { job: *job })
}

/// Gives `node` of `provider` back.
pub fn release_node(
    signer: &Pubkey,
    provider: &Pubkey,
    node: &Pubkey,
    outcome: u8,
    served_seconds: u64,
    promised_seconds: u64,
) -> Instruction {
    let accounts = registry_client::accounts::ReleaseNode {
        market_authority: *signer,
        network: pda::network(),
        provider: *provider,
        node: *node,
    };
    let args = registry_client::args::ReleaseNode {
        outcome,
        served_seconds,
        promised_seconds,
    };
    instruction(registry::ID, &accounts, &args)
}

/// Counts a lost dispute of `provider`; `equivocated` suspends `node` besides.
pub fn convict_node(signer: &Pubkey, provider: &Pubkey, node: &Pubkey, equivocated: bool) -> Instruction {
    let accounts = registry_client::accounts::ConvictNode {
        market_authority: *signer,
        network: pda::network(),
        provider: *provider,
        node: *node,
    };
    let args = registry_client::args::ConvictNode {
        equivocated: u8::from(equivocated),
    };
    instruction(registry::ID, &accounts, &args)
}

/// Sets `amount` of `pool` aside.
pub fn bond(signer: &Pubkey, pool: &Pubkey, amount: u64) -> Instruction {
    let accounts = staking_client::accounts::Bond {
        market_authority: *signer,
        network: pda::network(),
        params: pda::staking_params(),
        pool: *pool,
    };
    instruction(staking::ID, &accounts, &staking_client::args::Bond { amount })
}

/// Gives a bond of `pool` back.
pub fn release(signer: &Pubkey, pool: &Pubkey, amount: u64) -> Instruction {
    let accounts = staking_client::accounts::Release {
        market_authority: *signer,
        network: pda::network(),
        pool: *pool,
        reward_vault: pda::reward_vault(pool),
    };
    let args = staking_client::args::Release {
        bond: amount,
        rewards: 0,
    };
    instruction(staking::ID, &accounts, &args)
}

/// Takes `amount` of a `bond` of `pool` and pays it to the token accounts `customer` and `reporter` and the treasury.
pub fn slash(
    signer: &Pubkey,
    pool: &Pubkey,
    stake: StakeTokens,
    customer: &Pubkey,
    reporter: &Pubkey,
    (bond, amount): (u64, u64),
) -> Instruction {
    let accounts = staking_client::accounts::Slash {
        market_authority: *signer,
        network: pda::network(),
        params: pda::staking_params(),
        pool: *pool,
        stake_vault: pda::stake_vault(pool),
        customer_destination: *customer,
        reporter_destination: *reporter,
        treasury: stake.treasury,
        stake_mint: stake.mint.mint,
        token_program: stake.mint.token_program,
    };
    instruction(staking::ID, &accounts, &staking_client::args::Slash { bond, amount })
}

/// Shares `amount` that the reward vault of `pool` has received.
pub fn deposit_rewards(signer: &Pubkey, pool: &Pubkey, amount: u64) -> Instruction {
    let accounts = staking_client::accounts::DepositRewards {
        market_authority: *signer,
        network: pda::network(),
        pool: *pool,
        reward_vault: pda::reward_vault(pool),
    };
    instruction(staking::ID, &accounts, &staking_client::args::DepositRewards { amount })
}

impl World {
    /// Registry and staking in a network whose market is a key: what those two refuse the market can be seen, too.
    pub fn with_market_key() -> (Self, Keypair) {
        let (mut world, market) = (Self::bare(), Keypair::new());
        let args = NetworkArgs {
            market_authority: market.pubkey(),
            ..world.network_args()
        };
        let initialize = ix::initialize_network(&world.payer.pubkey(), args);
        world.send(&[initialize], &[]).expect("the network");
        world.initialize_staking().expect("staking");
        (world, market)
    }

    /// Initializes staking for this world's mint with `rules`.
    pub fn staking_instruction(&mut self, rules: ix::StakingRules) -> Instruction {
        let treasury = self.token_account(&self.authority.pubkey(), self.stake);
        ix::initialize_staking(
            &self.authority.pubkey(),
            &self.payer.pubkey(),
            &self.stake.mint,
            &treasury,
            &self.stake.token_program,
            rules,
        )
    }

    /// Seconds that unstaking takes here.
    pub fn unbonding_seconds(&self) -> i64 {
        i64::from(staking_rules().unbonding_seconds)
    }
}
