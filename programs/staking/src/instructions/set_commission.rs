use crate::{error::StakingError, event::CommissionChanged, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, now, same};
use registry::Provider;

/// Accounts of `set_commission`.
#[derive(Accounts, AccountTable)]
pub struct SetCommission {
    /// The provider's wallet.
    #[account(constraint = same(authority.address(), &provider.authority) @ StakingError::NotProviderAuthority)]
    pub authority: Signer,
    /// The provider.
    #[account(constraint = same(provider.address(), &pool.provider) @ ProgramError::InvalidSeeds)]
    pub provider: State<Provider>,
    /// The rules.
    pub params: State<StakingParams>,
    /// The provider's pool.
    #[account(mut)]
    pub pool: State<Pool>,
}

impl SetCommission {
    /// Lowers the commission at once, or announces a raise.
    pub fn handle(&mut self, commission_bps: u16) -> Result<()> {
        let notice = self.params.commission_notice_seconds.get();
        self.pool.set_commission(commission_bps, now(), notice)?;
        CommissionChanged {
            pool: *self.pool.address(),
            commission_bps: self.pool.commission_bps.get(),
            pending_commission_bps: self.pool.pending_commission_bps.get(),
            change_at: self.pool.commission_change_at.get(),
        }
        .log();
        Ok(())
    }
}
