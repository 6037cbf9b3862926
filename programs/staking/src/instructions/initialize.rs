use crate::{error::StakingError, event::StakingInitialized, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, MintAccount, State, TokenAccount, TokenProgram, same, token};
use registry::Network;

/// The arguments of `initialize`.
struct Rules {
    /// Seconds between a request to unstake and the withdrawal, 1 to [`MAX_SECONDS`].
    pub unbonding_seconds: u32,
    /// Seconds of notice before a commission rises, at most [`MAX_SECONDS`].
    pub commission_notice_seconds: u32,
    /// Least active stake of a pool that takes jobs, base units.
    pub minimum_pool_stake: u64,
    /// Least deposit of one staker, base units.
    pub minimum_position_stake: u64,
    /// The harmed customer's share of a slash, basis points.
    pub slash_customer_bps: u16,
    /// The reporter's share of a slash, basis points.
    pub slash_reporter_bps: u16,
}

/// Accounts of `initialize`.
#[derive(Accounts, AccountTable)]
pub struct Initialize {
    /// The network's authority.
    #[account(constraint = same(authority.address(), &network.authority) @ StakingError::NotNetworkAuthority)]
    pub authority: Signer,
    /// Pays the rent.
    #[account(mut, unsafe(dup))]
    pub payer: Signer,
    /// The network.
    pub network: State<Network>,
    /// The rules.
    #[account(init, payer = payer, seeds = [b"params"], bump)]
    pub params: State<StakingParams>,
    /// Mint of the stake.
    pub stake_mint: MintAccount,
    /// Token account of the treasury.
    pub treasury: TokenAccount,
    /// Token program of the stake mint.
    pub token_program: TokenProgram,
    /// Creates the account.
    pub system_program: Program<System>,
}

impl Initialize {
    fn validate(&self, rules: &Rules) -> Result<()> {
        require!(
            self.token_program.owns(self.stake_mint.account()),
            StakingError::WrongTokenProgram
        );
        let treasury = &self.treasury;
        require!(
            self.token_program.owns(treasury.account()) && same(treasury.mint(), self.stake_mint.address()),
            StakingError::WrongTreasury
        );
        let seconds = 1..=MAX_SECONDS;
        require!(
            seconds.contains(&rules.unbonding_seconds) && rules.commission_notice_seconds <= MAX_SECONDS,
            StakingError::InvalidDuration
        );
        require!(
            rules.minimum_pool_stake > 0 && rules.minimum_position_stake > 0,
            StakingError::InvalidMinimum
        );
        let shares = rules.slash_customer_bps.checked_add(rules.slash_reporter_bps);
        require!(shares.is_some_and(|s| s <= BPS), StakingError::InvalidSlashSplit);
        require!(
            token::is_supported_mint(&self.stake_mint.account().try_borrow()?),
            StakingError::UnsupportedMint
        );
        Ok(())
    }

    /// Sets staking up.
    pub fn handle(
        &mut self,
        unbonding_seconds: u32,
        commission_notice_seconds: u32,
        minimum_pool_stake: u64,
        minimum_position_stake: u64,
        slash_customer_bps: u16,
        slash_reporter_bps: u16,
    ) -> Result<()> {
        let rules = Rules {
            unbonding_seconds,
            commission_notice_seconds,
            minimum_pool_stake,
            minimum_position_stake,
            slash_customer_bps,
            slash_reporter_bps,
        };
        self.validate(&rules)?;
        let params = &mut self.params;
        params.stake_mint = *self.stake_mint.address();
        params.token_program = *self.token_program.address();
        params.treasury = *self.treasury.address();
        params.rent_payer = *self.payer.address();
        params.minimum_pool_stake = rules.minimum_pool_stake.into();
        params.minimum_position_stake = rules.minimum_position_stake.into();
        params.unbonding_seconds = rules.unbonding_seconds.into();
        params.commission_notice_seconds = rules.commission_notice_seconds.into();
        params.slash_customer_bps = rules.slash_customer_bps.into();
        params.slash_reporter_bps = rules.slash_reporter_bps.into();
        StakingInitialized {
            stake_mint: params.stake_mint,
            treasury: params.treasury,
            unbonding_seconds: rules.unbonding_seconds,
        }
        .log();
        Ok(())
    }
}
