//! Calls into the registry that several instructions make: giving a node back.

use crate::state::*;
use anchor_lang::prelude::*;
use registry::{Network, Node, Provider, instructions::LeaseOutcome};

/// What a call into the registry needs.
pub(crate) struct Lease<'a> {
    pub registry_program: &'a Address,
    pub params: &'a Account<MarketParams>,
    pub market_authority: &'a UncheckedAccount,
    pub network: &'a Account<Network>,
    pub provider: &'a mut Account<Provider>,
    pub node: &'a mut Account<Node>,
}

impl Lease<'_> {
    /// Gives the node back, with how the job went for it.
    #[inline(never)]
    pub(crate) fn release(self, outcome: LeaseOutcome, served: u32, promised: u32) -> Result<()> {
        let bump = [self.params.authority_bump];
        let seeds: &[&[u8]] = &[b"authority", &bump];
        let accounts = registry::cpi::accounts::ReleaseNode {
            market_authority: self.market_authority.cpi_handle(),
            network: self.network.cpi_handle(),
            provider: self.provider.cpi_handle_mut(),
            node: self.node.cpi_handle_mut(),
        };
        let signer = [seeds];
        let ctx = CpiContext::new_with_signer(self.registry_program, accounts, &signer);
        registry::cpi::release_node(ctx, outcome as u8, u64::from(served), u64::from(promised))
    }
}
