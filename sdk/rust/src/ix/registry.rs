//! The registry's instructions, but for those that only the market can sign.

use super::{SYSTEM_PROGRAM, instruction};
pub use crate::registry::types::{AttestArgs, NetworkArgs, NodeArgs};
use crate::{Instruction, Pubkey, pda};

/// Creates the network. Once.
pub fn initialize_network(payer: &Pubkey, args: NetworkArgs) -> Instruction {
    instruction!(
        registry,
        InitializeNetwork {
            payer: *payer,
            network: pda::network(),
            system_program: SYSTEM_PROGRAM
        },
        { args }
    )
}

/// Pauses new jobs (1), new assignments (2) or both (3). `signer` is the network's authority or guardian.
pub fn pause(signer: &Pubkey, flags: u8) -> Instruction {
    instruction!(
        registry,
        Pause {
            signer: *signer,
            network: pda::network()
        },
        { flags }
    )
}

/// Lifts a pause. `authority` is the network's.
pub fn unpause(authority: &Pubkey, flags: u8) -> Instruction {
    instruction!(
        registry,
        Unpause {
            authority: *authority,
            network: pda::network()
        },
        { flags }
    )
}

/// Admits the attestor `key` with the highest tier and the flags that it may grant. `authority` is the network's.
pub fn add_attestor(authority: &Pubkey, payer: &Pubkey, key: &Pubkey, max_tier: u8, flags: u16) -> Instruction {
    instruction!(
        registry,
        AddAttestor {
            authority: *authority,
            payer: *payer,
            network: pda::network(),
            attestor: pda::attestor(key),
            system_program: SYSTEM_PROGRAM,
        },
        { key: *key, max_tier, flags }
    )
}

/// Registers `authority` as a provider. Payouts go to token accounts that `payout_owner` owns; `metadata_hash` is the
/// SHA-256 of public metadata, zeros for none.
pub fn register_provider(
    authority: &Pubkey,
    payer: &Pubkey,
    payout_owner: &Pubkey,
    metadata_hash: [u8; 32],
) -> Instruction {
    instruction!(
        registry,
        RegisterProvider {
            authority: *authority,
            payer: *payer,
            provider: pda::provider(authority),
            system_program: SYSTEM_PROGRAM,
        },
        { payout_owner: *payout_owner, metadata_hash }
    )
}

/// Lists a node of the provider `authority`. The node key signs too.
pub fn register_node(authority: &Pubkey, payer: &Pubkey, node_key: &Pubkey, args: NodeArgs) -> Instruction {
    let provider = pda::provider(authority);
    instruction!(
        registry,
        RegisterNode {
            authority: *authority,
            payer: *payer,
            node_key: *node_key,
            provider,
            node: pda::node(&provider, node_key),
            system_program: SYSTEM_PROGRAM,
        },
        { args }
    )
}

/// Changes the price of the node account `node`, base units per hour. A running job keeps its price.
pub fn update_price(authority: &Pubkey, node: &Pubkey, price_per_hour: u64) -> Instruction {
    instruction!(
        registry,
        UpdatePrice {
            authority: *authority,
            provider: pda::provider(authority),
            node: *node
        },
        { price_per_hour }
    )
}

/// Vouches for the node account `node`. `attestor` is the attestor's wallet.
pub fn attest(attestor: &Pubkey, payer: &Pubkey, node: &Pubkey, args: AttestArgs) -> Instruction {
    instruction!(
        registry,
        Attest {
            signer: *attestor,
            payer: *payer,
            attestor: pda::attestor(attestor),
            node: *node,
            device: pda::device(&args.device_hash),
            system_program: SYSTEM_PROGRAM,
        },
        { args }
    )
}
