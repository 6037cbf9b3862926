use crate::{error::StakingError, event::CommissionChanged, state::*};
use anchor_lang::prelude::*;
use pinocchio::sysvars::{Sysvar, clock::Clock};
use registry::Provider;

/// Accounts of `set_commission`.
#[derive(Accounts)]
pub struct SetCommission {
    /// The provider's wallet.
    #[account(address = provider.authority @ StakingError::NotProviderAuthority)]
    pub authority: Signer,
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
    /// The provider's pool.
    #[account(mut, seeds = [b"pool", provider.address().as_ref()], bump = pool.bump)]
    pub pool: Account<Pool>,
}

impl SetCommission {
    /// Lowers the commission at once, or announces a raise.
    pub fn handle(&mut self, commission_bps: u16) -> Result<()> {
        let notice = self.params.commission_notice_seconds.get();
        self.pool
            .set_commission(commission_bps, Clock::get()?.unix_timestamp, notice)?;
        emit!(CommissionChanged {
            pool: *self.pool.address(),
            commission_bps: self.pool.commission_bps.get(),
            pending_commission_bps: self.pool.pending_commission_bps.get(),
            change_at: self.pool.commission_change_at.get(),
        });
        Ok(())
    }
}
