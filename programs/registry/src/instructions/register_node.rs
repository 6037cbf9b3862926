use super::update_hardware::HardwareArgs;
use crate::{error::RegistryError, event::NodeRegistered, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, now, same};

/// What a node is listed with.
#[derive(AnchorSerialize, AnchorDeserialize, IdlType, Clone, Copy)]
pub struct NodeArgs {
    /// Mint of the price.
    pub price_mint: Address,
    /// Base units per hour, above zero.
    pub price_per_hour: u64,
    /// Disk, GiB.
    pub disk_gib: u32,
    /// Bandwidth, Mbit/s.
    pub mbps: u32,
    /// GPU model code; 0 for none.
    pub gpu_model: u16,
    /// Memory of each GPU, GiB.
    pub vram_gib: u16,
    /// CPU cores.
    pub cpu_cores: u16,
    /// Main memory, GiB.
    pub ram_gib: u16,
    /// ISO 3166-1 alpha-2.
    pub country: [u8; 2],
    /// GPUs; 0 for none.
    pub gpu_count: u8,
}

impl NodeArgs {
    /// The part that can change later, together.
    fn hardware(&self) -> HardwareArgs {
        HardwareArgs {
            disk_gib: self.disk_gib,
            mbps: self.mbps,
            gpu_model: self.gpu_model,
            vram_gib: self.vram_gib,
            cpu_cores: self.cpu_cores,
            ram_gib: self.ram_gib,
            country: self.country,
            gpu_count: self.gpu_count,
        }
    }
}

/// Accounts of `register_node`.
#[derive(Accounts, AccountTable)]
pub struct RegisterNode {
    /// The provider's wallet.
    #[account(constraint = same(authority.address(), &provider.authority) @ RegistryError::NotProviderAuthority)]
    pub authority: Signer,
    /// Pays the rent.
    #[account(mut, unsafe(dup))]
    pub payer: Signer,
    /// The node's own key.
    pub node_key: Signer,
    /// The provider.
    #[account(mut)]
    pub provider: State<Provider>,
    /// The node.
    #[account(
        init,
        payer = payer,
        seeds = [b"node", provider.address().as_ref(), node_key.address().as_ref()],
        bump
    )]
    pub node: State<Node>,
    /// Creates the account.
    pub system_program: Program<System>,
}

impl RegisterNode {
    fn validate(&self, args: &NodeArgs) -> Result<()> {
        require!(!is_zero(&args.price_mint), RegistryError::ZeroAddress);
        require!(args.price_per_hour > 0, RegistryError::InvalidPrice);
        args.hardware().validate()
    }

    /// Lists the node.
    pub fn handle(&mut self, args: NodeArgs) -> Result<()> {
        self.validate(&args)?;
        let node = &mut self.node;
        node.provider = *self.provider.address();
        node.node_key = *self.node_key.address();
        node.rent_payer = *self.payer.address();
        node.price_mint = args.price_mint;
        node.price_per_hour = args.price_per_hour.into();
        node.registered_at = now().into();
        args.hardware().write(node);
        node.status = NodeStatus::Available as u8;
        self.provider.node_count = self
            .provider
            .node_count
            .checked_add(1u32)
            .ok_or(RegistryError::Overflow)?;
        NodeRegistered {
            node: *self.node.address(),
            provider: *self.provider.address(),
            node_key: *self.node_key.address(),
            price_mint: args.price_mint,
            price_per_hour: args.price_per_hour,
            country: args.country,
        }
        .log();
        Ok(())
    }
}
