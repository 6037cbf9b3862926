//! The registry's instructions, but for those that only the market can sign.

use super::{SYSTEM_PROGRAM, instruction};
pub use crate::registry::types::{AttestArgs, HardwareArgs, NetworkArgs, NodeArgs};
use crate::{
    Instruction, Pubkey, pda,
    registry::accounts::{Attestor, Node, Provider},
};

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

/// Proposes `proposed` as the network's authority. It becomes that with [`accept_authority`].
pub fn propose_authority(authority: &Pubkey, proposed: &Pubkey) -> Instruction {
    instruction!(
        registry,
        ProposeAuthority {
            authority: *authority,
            network: pda::network()
        },
        { authority: *proposed }
    )
}

/// Makes `proposed`, who was proposed, the network's authority.
pub fn accept_authority(proposed: &Pubkey) -> Instruction {
    instruction!(
        registry,
        AcceptAuthority {
            authority: *proposed,
            network: pda::network()
        },
        {}
    )
}

/// Withdraws a proposed authority.
pub fn cancel_authority(authority: &Pubkey) -> Instruction {
    instruction!(
        registry,
        CancelAuthority {
            authority: *authority,
            network: pda::network()
        },
        {}
    )
}

/// Makes `guardian` the one who may pause beside the network's authority.
pub fn set_guardian(authority: &Pubkey, guardian: &Pubkey) -> Instruction {
    instruction!(
        registry,
        SetGuardian {
            authority: *authority,
            network: pda::network()
        },
        { guardian: *guardian }
    )
}

/// Proposes a council: the first `count` places of `arbiters`, the others zeros, of whom `threshold` equal votes decide.
pub fn propose_council(authority: &Pubkey, arbiters: [Pubkey; 9], count: u8, threshold: u8) -> Instruction {
    instruction!(
        registry,
        ProposeCouncil {
            authority: *authority,
            network: pda::network()
        },
        { arbiters, count, threshold }
    )
}

/// Puts the proposed council in force once its timelock has passed. Anyone may.
pub fn apply_council() -> Instruction {
    instruction!(
        registry,
        ApplyCouncil {
            network: pda::network()
        },
        {}
    )
}

/// Withdraws a proposed council.
pub fn cancel_council(authority: &Pubkey) -> Instruction {
    instruction!(
        registry,
        CancelCouncil {
            authority: *authority,
            network: pda::network()
        },
        {}
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

/// Changes what the attestor `key` may grant, and whether it may attest at all.
pub fn update_attestor(authority: &Pubkey, key: &Pubkey, max_tier: u8, flags: u16, active: bool) -> Instruction {
    instruction!(
        registry,
        UpdateAttestor {
            authority: *authority,
            network: pda::network(),
            attestor: pda::attestor(key)
        },
        { max_tier, flags, active }
    )
}

/// Removes `attestor`. What it has granted stays until it ends or is revoked.
pub fn remove_attestor(authority: &Pubkey, attestor: &Attestor) -> Instruction {
    instruction!(
        registry,
        RemoveAttestor {
            authority: *authority,
            network: pda::network(),
            attestor: pda::attestor(&attestor.key),
            rent_payer: attestor.rent_payer,
        },
        {}
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

/// Changes where the payouts of the provider `authority` go, and the hash of its public metadata.
pub fn update_provider(authority: &Pubkey, payout_owner: &Pubkey, metadata_hash: [u8; 32]) -> Instruction {
    instruction!(
        registry,
        UpdateProvider {
            authority: *authority,
            provider: pda::provider(authority)
        },
        { payout_owner: *payout_owner, metadata_hash }
    )
}

/// Closes `provider`, which has neither nodes nor a pool any more.
pub fn close_provider(provider: &Provider) -> Instruction {
    let address = pda::provider(&provider.authority);
    instruction!(
        registry,
        CloseProvider {
            authority: provider.authority,
            provider: address,
            pool: pda::pool(&address),
            rent_payer: provider.rent_payer,
        },
        {}
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

/// Changes the hardware and country of `node`, as its account stands, which voids its attestation and lets its device go.
pub fn update_hardware(authority: &Pubkey, node: &Node, args: HardwareArgs) -> Instruction {
    instruction!(
        registry,
        UpdateHardware {
            authority: *authority,
            provider: node.provider,
            node: pda::node(&node.provider, &node.node_key),
            device: pda::device(&node.device_hash),
        },
        { args }
    )
}

/// Stops new jobs on the node account `node`: now, or when its job or suspension ends.
pub fn drain_node(authority: &Pubkey, node: &Pubkey) -> Instruction {
    instruction!(
        registry,
        DrainNode {
            authority: *authority,
            provider: pda::provider(authority),
            node: *node
        },
        {}
    )
}

/// Has the node account `node` take jobs again after draining, or after 24 hours of suspension.
pub fn resume_node(authority: &Pubkey, node: &Pubkey) -> Instruction {
    instruction!(
        registry,
        ResumeNode {
            authority: *authority,
            provider: pda::provider(authority),
            node: *node
        },
        {}
    )
}

/// Closes `node`, as its account stands, and lets its device go.
pub fn close_node(authority: &Pubkey, node: &Node) -> Instruction {
    instruction!(
        registry,
        CloseNode {
            authority: *authority,
            provider: node.provider,
            node: pda::node(&node.provider, &node.node_key),
            device: pda::device(&node.device_hash),
            rent_payer: node.rent_payer,
        },
        {}
    )
}

/// Takes the attestation of the node account `node` back. `signer` gave it, or is the network's authority.
pub fn revoke_attestation(signer: &Pubkey, node: &Pubkey) -> Instruction {
    instruction!(
        registry,
        RevokeAttestation {
            signer: *signer,
            network: pda::network(),
            node: *node
        },
        {}
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
