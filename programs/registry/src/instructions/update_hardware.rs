use crate::{error::RegistryError, event::HardwareUpdated, state::*};
use anchor_lang::prelude::*;
use common::{AccountTable, State, same};

/// What a node is made of and where it stands.
#[derive(AnchorSerialize, AnchorDeserialize, IdlType, Clone, Copy)]
pub struct HardwareArgs {
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

impl HardwareArgs {
    pub(crate) fn validate(&self) -> Result<()> {
        require!(
            self.country.iter().all(u8::is_ascii_uppercase),
            RegistryError::InvalidCountry
        );
        let gpu = [self.gpu_count > 0, self.gpu_model > 0, self.vram_gib > 0];
        require!(
            self.cpu_cores > 0 && self.ram_gib > 0 && gpu.iter().all(|part| *part == gpu[0]),
            RegistryError::InvalidHardware
        );
        Ok(())
    }

    pub(crate) fn write(&self, node: &mut Node) {
        node.disk_gib = self.disk_gib.into();
        node.mbps = self.mbps.into();
        node.gpu_model = self.gpu_model.into();
        node.vram_gib = self.vram_gib.into();
        node.cpu_cores = self.cpu_cores.into();
        node.ram_gib = self.ram_gib.into();
        node.country = self.country;
        node.gpu_count = self.gpu_count;
    }
}

/// Accounts of `update_hardware`.
#[derive(Accounts, AccountTable)]
pub struct UpdateHardware {
    /// The provider's wallet.
    #[account(constraint = same(authority.address(), &provider.authority) @ RegistryError::NotProviderAuthority)]
    pub authority: Signer,
    /// The provider.
    #[account(constraint = same(provider.address(), &node.provider) @ ProgramError::InvalidSeeds)]
    pub provider: State<Provider>,
    /// The node.
    #[account(mut)]
    pub node: State<Node>,
    /// The device that the node claims, at the address that its hash gives. It is let go. Ignored where there is none.
    #[account(mut)]
    pub device: UncheckedAccount,
}

impl UpdateHardware {
    /// Changes the hardware: nobody vouches for the new one, and the device is free for another node.
    pub fn handle(&mut self, args: HardwareArgs) -> Result<()> {
        require!(self.node.status != NodeStatus::Leased as u8, RegistryError::NodeLeased);
        args.validate()?;
        let node = &mut self.node;
        let device_hash = node.device_hash;
        let_go(node, &self.device)?;
        node.drop_attestation();
        args.write(node);
        HardwareUpdated {
            node: *self.node.address(),
            device_hash,
            gpu_model: args.gpu_model,
            gpu_count: args.gpu_count,
            country: args.country,
        }
        .log();
        Ok(())
    }
}
