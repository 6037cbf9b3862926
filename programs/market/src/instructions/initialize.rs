use crate::{error::MarketError, event::MarketInitialized, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same, state::bump};
use registry::Network;
use staking::StakingParams;

/// Accounts of `initialize`.
#[derive(Accounts, AccountTable)]
pub struct Initialize {
    /// The network's authority.
    #[account(constraint = same(authority.address(), &network.authority) @ MarketError::NotNetworkAuthority)]
    pub authority: Signer,
    /// Pays the rent.
    #[account(mut, unsafe(dup))]
    pub payer: Signer,
    /// The network.
    pub network: State<Network>,
    /// Rules of staking.
    pub staking_params: State<StakingParams>,
    /// Rules of the market.
    #[account(init, payer = payer, seeds = [b"params"], bump)]
    pub params: State<MarketParams>,
    /// The PDA that signs to registry and staking.
    #[account(seeds = [b"authority"], bump, constraint = same(market_authority.address(), &network.market_authority) @ MarketError::WrongAccount)]
    pub market_authority: UncheckedAccount,
    /// Creates the account.
    pub system_program: Program<System>,
}

impl Initialize {
    /// Creates the market.
    pub fn handle(&mut self, genesis_hash: [u8; 32], terms: TermsArgs) -> Result<()> {
        let terms = Terms::from(terms);
        terms.check(&self.staking_params)?;
        terms.check_timelock(&self.network)?;
        let params = &mut self.params;
        params.genesis_hash = genesis_hash;
        params.rent_payer = *self.payer.address();
        params.terms = terms;
        params.authority_bump = bump(self.market_authority.account(), &[b"authority"], &crate::ID)?;
        MarketInitialized { genesis_hash }.log();
        Ok(())
    }
}
