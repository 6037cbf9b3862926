//! The market's calls into registry and staking, which take no other program's.

use crate::state::MarketParams;
use anchor_lang::{AnchorAccount, Discriminator, prelude::*};
use common::{MintAccount, Passed, State, TokenAccount, TokenProgram, invoke, readonly, signer, writable};
use core::mem::MaybeUninit;
use registry::{Network, Node, Provider, instructions::LeaseOutcome};
use staking::{Pool, StakingParams};

/// Most accounts that a call passes.
const MAX_PASSED: usize = 10;

/// Who signs the market's calls, and the account that says so.
#[derive(Clone, Copy)]
pub(crate) struct Market<'a> {
    pub params: &'a MarketParams,
    pub authority: &'a UncheckedAccount,
    pub network: &'a State<Network>,
}

/// Where a slash is paid from and to.
pub(crate) struct SlashAccounts<'a> {
    pub params: &'a State<StakingParams>,
    pub pool: &'a mut State<Pool>,
    pub stake_vault: &'a mut TokenAccount,
    pub customer: &'a mut TokenAccount,
    pub reporter: &'a mut TokenAccount,
    pub treasury: &'a mut UncheckedAccount,
    pub stake_mint: &'a MintAccount,
    pub token_program: &'a TokenProgram,
}

impl Market<'_> {
    /// Takes the node for `job`.
    pub(crate) fn lease_node(
        self,
        provider: &mut State<Provider>,
        node: &mut State<Node>,
        job: &Address,
    ) -> Result<()> {
        self.call(
            &registry::ID,
            &[writable(provider), writable(node)],
            registry::instruction::LeaseNode::DISCRIMINATOR,
            job.as_ref(),
        )
    }

    /// Gives the node back, with how the job went for it. `lease` is its provider and itself.
    pub(crate) fn release_node(
        self,
        lease: [Passed; 2],
        outcome: LeaseOutcome,
        served: u32,
        promised: u32,
    ) -> Result<()> {
        let mut arguments = [0; 17];
        arguments[0] = outcome as u8;
        arguments[1..9].copy_from_slice(&u64::from(served).to_le_bytes());
        arguments[9..].copy_from_slice(&u64::from(promised).to_le_bytes());
        self.call(
            &registry::ID,
            &lease,
            registry::instruction::ReleaseNode::DISCRIMINATOR,
            &arguments,
        )
    }

    /// Counts a lost dispute against the provider; `equivocated` suspends the node besides.
    pub(crate) fn convict_node(
        self,
        provider: &mut UncheckedAccount,
        node: &mut UncheckedAccount,
        equivocated: bool,
    ) -> Result<()> {
        self.call(
            &registry::ID,
            &[writable(provider), writable(node)],
            registry::instruction::ConvictNode::DISCRIMINATOR,
            &[u8::from(equivocated)],
        )
    }

    /// Sets `amount` of the pool aside.
    pub(crate) fn bond(self, params: &State<StakingParams>, pool: &mut State<Pool>, amount: u64) -> Result<()> {
        self.call(
            &staking::ID,
            &[readonly(params), writable(pool)],
            staking::instruction::Bond::DISCRIMINATOR,
            &amount.to_le_bytes(),
        )
    }

    /// Gives a bond back, and shares `rewards` that were paid into the reward vault before.
    pub(crate) fn release(
        self,
        pool: &mut impl AnchorAccount,
        reward_vault: &impl AnchorAccount,
        bond: u64,
        rewards: u64,
    ) -> Result<()> {
        self.call(
            &staking::ID,
            &[writable(pool), readonly(reward_vault)],
            staking::instruction::Release::DISCRIMINATOR,
            &two(bond, rewards),
        )
    }

    /// Shares `amount` that was paid into the reward vault before.
    pub(crate) fn deposit_rewards(
        self,
        pool: &mut State<Pool>,
        reward_vault: &TokenAccount,
        amount: u64,
    ) -> Result<()> {
        self.call(
            &staking::ID,
            &[writable(pool), readonly(reward_vault)],
            staking::instruction::DepositRewards::DISCRIMINATOR,
            &amount.to_le_bytes(),
        )
    }

    /// Takes `amount` of a job's `bond`, and gives the rest of the bond back.
    pub(crate) fn slash(self, accounts: SlashAccounts, bond: u64, amount: u64) -> Result<()> {
        self.slash_with(
            &[
                readonly(accounts.params),
                writable(accounts.pool),
                writable(accounts.stake_vault),
                writable(accounts.customer),
                writable(accounts.reporter),
                writable(accounts.treasury),
                readonly(accounts.stake_mint),
                readonly(accounts.token_program),
            ],
            bond,
            amount,
        )
    }

    /// [`Self::slash`] with the accounts after the network, in staking's order.
    pub(crate) fn slash_with(self, accounts: &[Passed; 8], bond: u64, amount: u64) -> Result<()> {
        self.call(
            &staking::ID,
            accounts,
            staking::instruction::Slash::DISCRIMINATOR,
            &two(bond, amount),
        )
    }

    #[inline(never)]
    fn call(self, program: &Address, accounts: &[Passed], instruction: &[u8], arguments: &[u8]) -> Result<()> {
        let mut passed = [const { MaybeUninit::<Passed>::uninit() }; MAX_PASSED];
        passed[0].write(signer(self.authority));
        passed[1].write(readonly(self.network));
        let count = 2 + accounts.len();
        for (place, account) in passed[2..].iter_mut().zip(accounts) {
            place.write(*account);
        }
        // SAFETY: that many were written.
        let passed = unsafe { core::slice::from_raw_parts(passed.as_ptr().cast::<Passed>(), count.min(MAX_PASSED)) };
        let mut data = [0; 40];
        data[..8].copy_from_slice(instruction);
        data[8..8 + arguments.len()].copy_from_slice(arguments);
        invoke(
            program,
            passed,
            &data[..8 + arguments.len()],
            &[b"authority", &[self.params.authority_bump]],
        )
    }
}

fn two(first: u64, second: u64) -> [u8; 16] {
    let mut both = [0; 16];
    both[..8].copy_from_slice(&first.to_le_bytes());
    both[8..].copy_from_slice(&second.to_le_bytes());
    both
}
