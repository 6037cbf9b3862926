use super::create_pool::Vault;
use crate::{error::StakingError, event::PoolClosed, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, MintAccount, State, TokenAccount, TokenProgram, same, signer, token, writable};
use registry::Provider;

/// Accounts of `close_pool`.
#[derive(Accounts, AccountTable)]
pub struct ClosePool {
    /// The provider's wallet.
    #[account(constraint = same(authority.address(), &provider.authority) @ StakingError::NotProviderAuthority)]
    pub authority: Signer,
    /// The provider.
    #[account(constraint = same(provider.address(), &pool.provider) @ ProgramError::InvalidSeeds)]
    pub provider: State<Provider>,
    /// The rules.
    pub params: State<StakingParams>,
    /// The pool.
    #[account(mut, close = rent_payer)]
    pub pool: State<Pool>,
    /// Mint of the stake.
    #[account(constraint = same(stake_mint.address(), &params.stake_mint) @ StakingError::WrongMint)]
    pub stake_mint: MintAccount,
    /// Mint of the rewards.
    #[account(constraint = same(reward_mint.address(), &pool.reward_mint) @ StakingError::WrongMint)]
    pub reward_mint: MintAccount,
    /// Holds the pool's stake.
    #[account(mut, constraint = same(stake_vault.address(), &pool.stake_vault(pool.address())) @ ProgramError::InvalidSeeds)]
    pub stake_vault: TokenAccount,
    /// Holds the pool's rewards.
    #[account(mut, constraint = same(reward_vault.address(), &pool.reward_vault(pool.address())) @ ProgramError::InvalidSeeds)]
    pub reward_vault: TokenAccount,
    /// Where dust of the stake goes.
    #[account(mut, unsafe(dup), constraint = same(treasury.address(), &params.treasury) @ StakingError::WrongTreasury)]
    pub treasury: TokenAccount,
    /// Where rewards go that no staker has earned: an account of the provider's payout owner.
    #[account(mut, unsafe(dup), constraint = same(reward_destination.owner(), &provider.payout_owner) @ StakingError::WrongDestination)]
    pub reward_destination: TokenAccount,
    /// Who paid the rent.
    #[account(mut, unsafe(dup), constraint = same(rent_payer.address(), &pool.rent_payer) @ StakingError::WrongRentPayer)]
    pub rent_payer: UncheckedAccount,
    /// Token program of the stake mint.
    #[account(constraint = same(token_program.address(), &params.token_program) @ StakingError::WrongTokenProgram)]
    pub token_program: TokenProgram,
    /// Token program of the reward mint.
    #[account(constraint = same(reward_token_program.address(), &pool.reward_token_program) @ StakingError::WrongTokenProgram)]
    pub reward_token_program: TokenProgram,
}

impl ClosePool {
    /// Closes a pool in which nobody has anything left, with its vaults.
    pub fn handle(&mut self) -> Result<()> {
        let pool = &self.pool;
        require!(
            pool.positions.is_zero() && pool.bonded.is_zero() && pool.unbonding.is_zero(),
            StakingError::PoolInUse
        );
        let stake_dust = self.empty(Vault::Stake)?;
        let rewards = self.empty(Vault::Rewards)?;
        PoolClosed {
            pool: *self.pool.address(),
            provider: self.pool.provider,
            stake_dust,
            rewards,
        }
        .log();
        Ok(())
    }

    /// Empties and closes one of the two vaults; says what was in it.
    #[inline(never)]
    fn empty(&mut self, which: Vault) -> Result<u64> {
        let (vault, mint, program, destination) = match which {
            Vault::Stake => (
                &mut self.stake_vault,
                &self.stake_mint,
                &self.token_program,
                &mut self.treasury,
            ),
            Vault::Rewards => (
                &mut self.reward_vault,
                &self.reward_mint,
                &self.reward_token_program,
                &mut self.reward_destination,
            ),
        };
        let (program, amount) = (program.address(), vault.amount());
        let (provider, bump) = (self.pool.provider, [self.pool.bump]);
        let seeds: [&[u8]; 3] = [b"pool", provider.as_ref(), &bump];
        if amount > 0 {
            let to = writable(destination);
            token::transfer(program, writable(vault), mint, to, signer(&self.pool), amount, &seeds)?;
        }
        let to = writable(&mut self.rent_payer);
        token::close(program, writable(vault), to, signer(&self.pool), &seeds)?;
        Ok(amount)
    }
}
