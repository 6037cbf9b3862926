use crate::{error::StakingError, event::PoolCreated, state::*};
use anchor_lang::prelude::*;
use anchor_spl::{
    mint, token,
    token_interface::{Mint, TokenAccount, TokenInterface},
};
use registry::Provider;

/// Accounts of `create_pool`.
#[derive(Accounts)]
pub struct CreatePool {
    /// The provider's wallet.
    #[account(address = provider.authority @ StakingError::NotProviderAuthority)]
    pub authority: Signer,
    /// Pays the rent.
    #[account(mut, unsafe(dup))]
    pub payer: Signer,
    /// The provider.
    #[account(
        seeds = [b"provider", provider.authority.as_ref()],
        bump = provider.bump,
        seeds::program = registry::ID
    )]
    pub provider: Account<Provider>,
    /// The rules.
    #[account(seeds = [b"params"], bump = params.bump)]
    pub params: Account<StakingParams>,
    /// The pool.
    #[account(init, payer = payer, seeds = [b"pool", provider.address().as_ref()], bump)]
    pub pool: Account<Pool>,
    /// Mint of the stake.
    #[account(address = params.stake_mint @ StakingError::WrongMint)]
    pub stake_mint: InterfaceAccount<Mint>,
    /// Mint that revenue is shared in: what the provider's nodes are priced in.
    #[account(mint::token_program = reward_token_program)]
    pub reward_mint: InterfaceAccount<Mint>,
    /// Holds the stake.
    #[account(
        init,
        payer = payer,
        seeds = [b"stake", pool.address().as_ref()],
        bump,
        token::mint = stake_mint,
        token::authority = pool,
        token::token_program = token_program
    )]
    pub stake_vault: InterfaceAccount<TokenAccount>,
    /// Holds the rewards.
    #[account(
        init,
        payer = payer,
        seeds = [b"rewards", pool.address().as_ref()],
        bump,
        token::mint = reward_mint,
        token::authority = pool,
        token::token_program = reward_token_program
    )]
    pub reward_vault: InterfaceAccount<TokenAccount>,
    /// Token program of the stake mint.
    #[account(address = params.token_program @ StakingError::WrongTokenProgram)]
    pub token_program: Interface<'static, TokenInterface>,
    /// Token program of the reward mint.
    pub reward_token_program: Interface<'static, TokenInterface>,
    /// Creates the accounts.
    pub system_program: Program<System>,
}

impl CreatePool {
    /// Creates the pool.
    pub fn handle(&mut self, commission_bps: u16, bumps: &CreatePoolBumps) -> Result<()> {
        require!(commission_bps <= BPS, StakingError::InvalidCommission);
        let pool = &mut self.pool;
        pool.provider = *self.provider.address();
        pool.reward_mint = *self.reward_mint.address();
        pool.reward_token_program = *self.reward_token_program.address();
        pool.rent_payer = *self.payer.address();
        pool.commission_bps = commission_bps.into();
        pool.bump = bumps.pool;
        pool.stake_vault_bump = bumps.stake_vault;
        pool.reward_vault_bump = bumps.reward_vault;
        emit!(PoolCreated {
            pool: *self.pool.address(),
            provider: self.pool.provider,
            reward_mint: self.pool.reward_mint,
            commission_bps,
        });
        Ok(())
    }
}
