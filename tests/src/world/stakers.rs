//! Those who stake, and the pools they stake in.

use super::{Outcome, Refusal, TOKEN, World};
use gantry_sdk::{
    Instruction, Keypair, Pubkey, Signer, ix, pda,
    staking::accounts::{Pool, Position},
};

impl World {
    /// A pool that exists.
    pub fn pool(&self, address: &Pubkey) -> Pool {
        self.account(address).expect("a pool")
    }

    /// The position of `owner` in `pool`.
    pub fn position(&self, pool: &Pubkey, owner: &Keypair) -> Position {
        self.account(&pda::position(pool, &owner.pubkey())).expect("a position")
    }

    /// A wallet with `amount` base units of the stake mint.
    pub fn holder(&mut self, amount: u64) -> Keypair {
        let holder = Keypair::new();
        self.fund(&holder.pubkey(), self.stake, amount);
        self.token_account(&holder.pubkey(), self.usdc);
        holder
    }

    /// A wallet that has staked `amount` in `pool` and has no other stake.
    pub fn staker(&mut self, pool: &Pubkey, amount: u64) -> Keypair {
        let staker = self.holder(amount);
        self.stake_in(pool, &staker, amount).expect("a stake");
        staker
    }

    /// The instruction that stakes `amount` of `owner`'s associated account in `pool`.
    pub fn stake_instruction(&self, pool: &Pubkey, owner: &Keypair, amount: u64) -> Instruction {
        let wallet = owner.pubkey();
        let source = pda::associated_token(&wallet, &self.stake.mint, &self.stake.token_program);
        ix::stake(&wallet, &self.payer.pubkey(), pool, self.stake, &source, amount)
    }

    /// Stakes.
    pub fn stake_in(&mut self, pool: &Pubkey, owner: &Keypair, amount: u64) -> Result<Outcome, Refusal> {
        let stake = self.stake_instruction(pool, owner, amount);
        self.send(&[stake], &[owner])
    }

    /// Asks for the stake behind `shares` back.
    pub fn unstake(&mut self, pool: &Pubkey, owner: &Keypair, shares: u128) -> Result<Outcome, Refusal> {
        let request = ix::request_unstake(&owner.pubkey(), pool, shares);
        self.send(&[request], &[owner])
    }

    /// The instruction that pays `owner` what is due to the associated account.
    pub fn withdraw_instruction(&self, pool: &Pubkey, owner: &Keypair) -> Instruction {
        let wallet = owner.pubkey();
        let destination = pda::associated_token(&wallet, &self.stake.mint, &self.stake.token_program);
        ix::withdraw(&wallet, pool, self.stake, &destination)
    }

    /// The instruction that pays `owner`'s rewards to the associated account.
    pub fn claim_instruction(&self, pool: &Pubkey, owner: &Keypair) -> Instruction {
        let wallet = owner.pubkey();
        let destination = pda::associated_token(&wallet, &self.usdc.mint, &self.usdc.token_program);
        ix::claim_rewards(&wallet, pool, self.usdc, &destination)
    }

    /// Mints `amount` of revenue to the reward vault of `pool`, as the market transfers it.
    pub fn pay_revenue(&mut self, pool: &Pubkey, amount: u64) {
        let authority = self.authority.insecure_clone();
        let (mint, program) = (self.usdc.mint, self.usdc.token_program);
        let vault = pda::reward_vault(pool);
        let pay = ix::token::mint_to(&mint, &authority.pubkey(), &vault, amount, &program);
        self.send(&[pay], &[&authority]).expect("revenue");
    }

    /// A provider whose pool nobody has staked in yet.
    pub fn empty_pool(&mut self, commission_bps: u16) -> (Keypair, Pubkey) {
        let wallet = self.holder(1_000 * TOKEN);
        let (owner, payer) = (wallet.pubkey(), self.payer.pubkey());
        let create = [
            ix::register_provider(&owner, &payer, &owner, [0; 32]),
            ix::create_pool(&owner, &payer, self.stake, self.usdc, commission_bps),
        ];
        self.send(&create, &[&wallet]).expect("a pool");
        (wallet, pda::pool(&pda::provider(&owner)))
    }
}
