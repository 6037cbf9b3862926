use super::Node;
use crate::error::RegistryError;
use anchor_lang::{AnchorAccount, prelude::*};
use common::{State, Stored, seeds, state::Seeds};

/// One physical device, claimed by at most one node; keeps its history when it is listed again.
/// Seeds `"device", device_hash`.
#[account]
pub struct Device {
    /// Hash of the device's identity, as the attestor measured it.
    pub device_hash: [u8; 32],
    /// The node account that claims it; zeros when none does.
    pub node: Address,
    /// Who paid the rent of this account.
    pub rent_payer: Address,
    /// When the present node claimed it, Unix seconds.
    pub claimed_at: PodI64,
    /// Nodes that have claimed it so far.
    pub claims: PodU32,
    /// Jobs completed on it under nodes that have since let it go.
    pub jobs_completed: PodU64,
    /// Jobs failed on it under nodes that have since let it go.
    pub jobs_failed: PodU64,
    /// Canonical bump.
    pub bump: u8,
}

impl Stored for Device {
    const SEEDS: Seeds = seeds!(Device: b"device", device_hash);
}

impl Device {
    /// Hands what it has been through to the node that claims it.
    pub fn give_history(&mut self, node: &mut Node) {
        shift(&mut self.jobs_completed, &mut node.jobs_completed);
        shift(&mut self.jobs_failed, &mut node.jobs_failed);
    }

    /// Is let go by `node` and takes its history back. History moves and is never copied: otherwise a node could double
    /// its own by letting a device go and claiming it again.
    pub fn leave(&mut self, node: &mut Node) {
        shift(&mut node.jobs_completed, &mut self.jobs_completed);
        shift(&mut node.jobs_failed, &mut self.jobs_failed);
        self.node = Address::default();
        node.device_hash = [0; 32];
    }
}

/// Moves a count. At its end a counter stays there: no history may keep a node from being closed.
fn shift(from: &mut PodU64, to: &mut PodU64) {
    *to = to.saturating_add(*from);
    *from = 0u64.into();
}

/// Has `node` let its device go, if it claims one; then `account` has to be that.
#[inline(never)]
pub(crate) fn let_go(node: &mut Node, account: &UncheckedAccount) -> Result<()> {
    if node.device_hash == [0; 32] {
        return Ok(());
    }
    let mut device = State::<Device>::load(*account.account())?;
    require!(device.device_hash == node.device_hash, RegistryError::WrongDevice);
    device.leave(node);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytemuck::Zeroable;

    fn history(node: &Node) -> (u64, u64) {
        (node.jobs_completed.get(), node.jobs_failed.get())
    }

    #[test]
    fn history_moves_between_device_and_node_and_is_never_doubled() {
        let (mut device, mut node) = (Device::zeroed(), Node::zeroed());
        device.jobs_completed = 5u64.into();
        device.jobs_failed = 2u64.into();
        node.jobs_completed = 1u64.into();
        for _ in 0..3 {
            node.device_hash = [4; 32];
            device.node = Address::new_from_array([1; 32]);
            device.give_history(&mut node);
            assert_eq!(history(&node), (6, 2));
            assert_eq!((device.jobs_completed.get(), device.jobs_failed.get()), (0, 0));
            device.leave(&mut node);
            assert_eq!(history(&node), (0, 0));
            assert_eq!((device.jobs_completed.get(), device.jobs_failed.get()), (6, 2));
            assert_eq!((device.node, node.device_hash), (Address::default(), [0; 32]));
        }
    }

    #[test]
    fn a_counter_at_its_end_stays_there() {
        let (mut device, mut node) = (Device::zeroed(), Node::zeroed());
        device.jobs_failed = u64::MAX.into();
        node.jobs_failed = 1u64.into();
        device.leave(&mut node);
        assert_eq!(device.jobs_failed.get(), u64::MAX);
    }
}
