use crate::{error::RegistryError, event::ProviderConvicted, state::*};
use anchor_lang::{AnchorAccount, prelude::*};
use common::{AccountTable, State, now, same};

/// Accounts of `convict_node`.
#[derive(Accounts, AccountTable)]
pub struct ConvictNode {
    /// The market's PDA `["authority"]`.
    #[account(constraint = same(market_authority.address(), &network.market_authority) @ RegistryError::NotMarket)]
    pub market_authority: Signer,
    /// The network.
    pub network: State<Network>,
    /// The provider that lost.
    #[account(mut)]
    pub provider: State<Provider>,
    /// Its node. One that has been closed since is passed over: the provider loses all the same.
    #[account(mut)]
    pub node: UncheckedAccount,
}

impl ConvictNode {
    /// Counts a lost dispute; `equivocated` (0 or 1) suspends the node besides.
    pub fn handle(&mut self, equivocated: u8) -> Result<()> {
        require!(equivocated <= 1, ProgramError::InvalidInstructionData);
        if self.node.account().owned_by(&crate::ID) {
            let mut node = State::<Node>::load(*self.node.account())?;
            require!(
                same(self.provider.address(), &node.provider),
                ProgramError::InvalidSeeds
            );
            if equivocated == 1 {
                node.convict(now());
            }
        }
        self.provider.disputes_lost = self
            .provider
            .disputes_lost
            .checked_add(1u64)
            .ok_or(RegistryError::Overflow)?;
        ProviderConvicted {
            provider: *self.provider.address(),
            node: *self.node.address(),
            disputes_lost: self.provider.disputes_lost.get(),
            equivocated,
        }
        .log();
        Ok(())
    }
}
