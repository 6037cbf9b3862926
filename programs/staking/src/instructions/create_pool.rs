use crate::{error::StakingError, event::PoolCreated, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, MintAccount, State, TokenProgram, pda, same, token};
use registry::Provider;

/// Accounts of `create_pool`.
#[derive(Accounts, AccountTable)]
pub struct CreatePool {
    /// The provider's wallet.
    #[account(constraint = same(authority.address(), &provider.authority) @ StakingError::NotProviderAuthority)]
    pub authority: Signer,
    /// Pays the rent.
    #[account(mut, unsafe(dup))]
    pub payer: Signer,
    /// The provider.
    pub provider: State<Provider>,
    /// The rules.
    pub params: State<StakingParams>,
    /// The pool.
    #[account(init, payer = payer, seeds = [b"pool", provider.address().as_ref()], bump)]
    pub pool: State<Pool>,
    /// Mint of the stake.
    #[account(constraint = same(stake_mint.address(), &params.stake_mint) @ StakingError::WrongMint)]
    pub stake_mint: MintAccount,
    /// Mint that revenue is shared in: what the provider's nodes are priced in.
    pub reward_mint: MintAccount,
    /// Holds the stake.
    #[account(mut)]
    pub stake_vault: UncheckedAccount,
    /// Holds the rewards.
    #[account(mut)]
    pub reward_vault: UncheckedAccount,
    /// Token program of the stake mint.
    #[account(constraint = same(token_program.address(), &params.token_program) @ StakingError::WrongTokenProgram)]
    pub token_program: TokenProgram,
    /// Token program of the reward mint.
    pub reward_token_program: TokenProgram,
    /// Creates the accounts.
    pub system_program: Program<System>,
}

impl CreatePool {
    /// Creates the pool.
    pub fn handle(&mut self, commission_bps: u16) -> Result<()> {
        require!(commission_bps <= BPS, StakingError::InvalidCommission);
        require!(
            self.reward_token_program.owns(self.reward_mint.account()),
            StakingError::WrongTokenProgram
        );
        let stake_vault_bump = self.make_vault(Vault::Stake)?;
        let reward_vault_bump = self.make_vault(Vault::Rewards)?;
        let pool = &mut self.pool;
        pool.provider = *self.provider.address();
        pool.reward_mint = *self.reward_mint.address();
        pool.reward_token_program = *self.reward_token_program.address();
        pool.rent_payer = *self.payer.address();
        pool.commission_bps = commission_bps.into();
        pool.stake_vault_bump = stake_vault_bump;
        pool.reward_vault_bump = reward_vault_bump;
        PoolCreated {
            pool: *self.pool.address(),
            provider: self.pool.provider,
            reward_mint: self.pool.reward_mint,
            commission_bps,
        }
        .log();
        Ok(())
    }

    /// Makes one of the two token accounts at its canonical address; gives the bump.
    #[inline(never)]
    fn make_vault(&mut self, which: Vault) -> Result<u8> {
        let (seed, vault, program, mint): (&[u8], _, _, _) = match which {
            Vault::Stake => (b"stake", &mut self.stake_vault, &self.token_program, &self.stake_mint),
            Vault::Rewards => (
                b"rewards",
                &mut self.reward_vault,
                &self.reward_token_program,
                &self.reward_mint,
            ),
        };
        let pool = self.pool.address();
        let (address, bump) = pda::find(&[seed, pool.as_ref()], &crate::ID)?;
        require!(*vault.address() == address, ProgramError::InvalidSeeds);
        token::create(
            program.address(),
            self.payer.account(),
            vault,
            mint,
            pool,
            &[seed, pool.as_ref(), &[bump]],
        )?;
        Ok(bump)
    }
}

/// Which token account of a pool.
#[derive(Clone, Copy)]
pub(super) enum Vault {
    Stake,
    Rewards,
}
