use crate::{error::RegistryError, event::NetworkInitialized, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State};

/// How the network begins.
#[derive(AnchorSerialize, AnchorDeserialize, IdlType, Clone, Copy)]
pub struct NetworkArgs {
    /// Who governs.
    pub authority: Address,
    /// Who may pause beside the authority.
    pub guardian: Address,
    /// The market's PDA `["authority"]`.
    pub market_authority: Address,
    /// The council; the first `arbiter_count` places count, the others are zeros.
    pub arbiters: [Address; 9],
    /// Members of the council, 1 to 9.
    pub arbiter_count: u8,
    /// Equal votes that decide, above half of the members.
    pub arbiter_threshold: u8,
    /// Seconds between a proposal and its application.
    pub timelock_seconds: u32,
}

/// Accounts of `initialize_network`.
#[derive(Accounts, AccountTable)]
pub struct InitializeNetwork {
    /// Pays the rent.
    #[account(mut)]
    pub payer: Signer,
    /// The network. Whoever initializes it names its authority: deploy and initialize in one go.
    #[account(init, payer = payer, seeds = [b"network"], bump)]
    pub network: State<Network>,
    /// Creates the account.
    pub system_program: Program<System>,
}

impl InitializeNetwork {
    fn validate(&self, args: &NetworkArgs) -> Result<()> {
        let zero = Address::default();
        require!(
            args.authority != zero && args.guardian != zero && args.market_authority != zero,
            RegistryError::ZeroAddress
        );
        require!(
            valid_council(&args.arbiters, args.arbiter_count, args.arbiter_threshold),
            RegistryError::InvalidCouncil
        );
        Ok(())
    }

    /// Creates the network.
    pub fn handle(&mut self, args: NetworkArgs) -> Result<()> {
        self.validate(&args)?;
        let network = &mut self.network;
        network.authority = args.authority;
        network.guardian = args.guardian;
        network.market_authority = args.market_authority;
        network.rent_payer = *self.payer.address();
        network.arbiters = args.arbiters;
        network.arbiter_count = args.arbiter_count;
        network.arbiter_threshold = args.arbiter_threshold;
        network.timelock_seconds = args.timelock_seconds.into();
        NetworkInitialized {
            authority: args.authority,
            market_authority: args.market_authority,
        }
        .log();
        Ok(())
    }
}
