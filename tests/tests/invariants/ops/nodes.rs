//! What providers do with the nodes that they have listed, and attestors with what they have granted.

use super::{
    Op, Operation, node,
    registry::{hardware, price, unsound},
    signed_by, signer, wallet,
};
use crate::suite::{
    cast::{
        ATTESTOR, AUTHORITY, JUNIOR_ATTESTOR, NodeRef, PAYER, Subject, Who, address, device_hash, node_key_address,
    },
    dice::Dice,
    model::{Hardware, Model, Node, NodeStatus, RUNTIME, Reasons, Verdict, there},
};
use anchor_lang::AnchorDeserialize;
use gantry_sdk::{
    Instruction,
    ix::{self, HardwareArgs},
    registry,
};
use std::rc::Rc;

/// Seconds after which a suspended node may resume.
pub(crate) const SUSPENSION: i64 = 24 * 3_600;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    Drain,
    Resume,
    Price(u64),
    /// With the device that is let go.
    Hardware(Hardware, u8),
    Close(u8),
}

/// A change of a node by its provider, or by who would be that.
#[derive(Debug)]
pub(crate) struct Manage {
    pub(crate) node: NodeRef,
    /// Whose provider account is passed.
    pub(crate) provider: Who,
    pub(crate) signer: Who,
    pub(crate) change: Change,
}

impl Manage {
    fn of(model: &Model, dice: &mut Dice, node: NodeRef, change: impl FnOnce(&mut Dice, u8) -> Change) -> Op {
        let device = model.nodes.get(&node).map_or(0, |node| node.device);
        let device = if dice.chance(4) { dice.below(40) as u8 } else { device };
        let provider = if dice.chance(3) { wallet(dice) } else { node.0 };
        Rc::new(Self {
            node,
            provider,
            signer: signer(dice, provider),
            change: change(dice, device),
        })
    }

    /// A node for which `fits` holds, now and then any.
    fn pick(model: &Model, dice: &mut Dice, fits: impl Fn(&Node) -> bool) -> Option<NodeRef> {
        let nodes = model.nodes.iter().filter(|(_, node)| fits(node));
        let nodes: Vec<NodeRef> = nodes.map(|(at, _)| *at).collect();
        if nodes.is_empty() && !dice.chance(8) {
            return None;
        }
        if dice.chance(10) {
            return node(model, dice);
        }
        dice.pick(&nodes).copied()
    }

    pub(crate) fn draw_drain(model: &Model, dice: &mut Dice) -> Option<Op> {
        let node = node(model, dice)?;
        Some(Self::of(model, dice, node, |_, _| Change::Drain))
    }

    pub(crate) fn draw_resume(model: &Model, dice: &mut Dice) -> Option<Op> {
        let now = model.now;
        let node = Self::pick(model, dice, |node| {
            let over = node.status == NodeStatus::Suspended && now - node.suspended_at >= SUSPENSION;
            over || node.drains || node.status == NodeStatus::Draining
        })?;
        Some(Self::of(model, dice, node, |_, _| Change::Resume))
    }

    pub(crate) fn draw_price(model: &Model, dice: &mut Dice) -> Option<Op> {
        let node = node(model, dice)?;
        Some(Self::of(model, dice, node, |dice, _| Change::Price(price(dice))))
    }

    pub(crate) fn draw_hardware(model: &Model, dice: &mut Dice) -> Option<Op> {
        let node = Self::pick(model, dice, |node| node.status != NodeStatus::Leased)?;
        Some(Self::of(model, dice, node, |dice, device| {
            Change::Hardware(hardware(dice), device)
        }))
    }

    pub(crate) fn draw_close(model: &Model, dice: &mut Dice) -> Option<Op> {
        let open = |node: &Node| matches!(node.status, NodeStatus::Available | NodeStatus::Draining);
        let node = Self::pick(model, dice, open)?;
        Some(Self::of(model, dice, node, |_, device| Change::Close(device)))
    }

    /// What the builders read of the node.
    fn account(&self, device: u8) -> registry::accounts::Node {
        let zeros = [0; 1_024];
        let mut node = registry::accounts::Node::deserialize(&mut &zeros[..]).expect("zeros are a node");
        node.provider = Subject::Provider(self.node.0).at();
        node.node_key = node_key_address(self.node.1);
        node.rent_payer = address(PAYER);
        node.device_hash = device_hash(device);
        Subject::Device(device).at();
        node
    }
}

/// Why the device number `passed` cannot be let go by `node`.
fn wrong_device(model: &Model, node: &Node, passed: u8, reasons: &mut Reasons) {
    if node.device == 0 || node.device == passed {
        return;
    }
    let known = model.devices.contains_key(&passed);
    reasons.unless(false, if known { "WrongDevice" } else { RUNTIME });
}

impl Operation for Manage {
    fn name(&self) -> &'static str {
        match self.change {
            Change::Drain => "drain_node",
            Change::Resume => "resume_node",
            Change::Price(_) => "update_price",
            Change::Hardware(..) => "update_hardware",
            Change::Close(_) => "close_node",
        }
    }

    fn instructions(&self) -> Vec<Instruction> {
        let (owner, node) = (address(self.signer), self.node.at());
        let mut change = match self.change {
            Change::Drain => ix::drain_node(&owner, &node),
            Change::Resume => ix::resume_node(&owner, &node),
            Change::Price(price) => ix::update_price(&owner, &node, price),
            Change::Hardware(has, device) => ix::update_hardware(&owner, &self.account(device), arguments(&has)),
            Change::Close(device) => ix::close_node(&owner, &self.account(device)),
        };
        change.accounts[1].pubkey = Subject::Provider(self.provider).at();
        signed_by(change, 0, self.signer)
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let now = model.now;
        let node = there(model.nodes.get(&self.node))?;
        let mut reasons = Reasons::default();
        reasons
            .unless(self.provider == self.node.0, RUNTIME)
            .unless(self.signer == self.provider, "NotProviderAuthority");
        match self.change {
            Change::Drain => {
                let twice = node.drains || node.status == NodeStatus::Draining;
                reasons.unless(!twice, "AlreadyDraining");
            }
            Change::Resume if node.status == NodeStatus::Suspended => {
                reasons.unless(now - node.suspended_at >= SUSPENSION, "NodeSuspended");
            }
            Change::Resume => {
                let drains = node.drains || node.status == NodeStatus::Draining;
                reasons.unless(drains, "NotDraining");
            }
            Change::Price(price) => {
                reasons.unless(price > 0, "InvalidPrice");
            }
            Change::Hardware(has, device) => {
                reasons.unless(node.status != NodeStatus::Leased, "NodeLeased");
                unsound(&has, &mut reasons);
                wrong_device(model, node, device, &mut reasons);
            }
            Change::Close(device) => {
                reasons
                    .unless(node.status != NodeStatus::Leased, "NodeLeased")
                    .unless(node.status != NodeStatus::Suspended, "NodeSuspended");
                wrong_device(model, node, device, &mut reasons);
            }
        }
        reasons.verdict()?;
        if let Change::Hardware(..) | Change::Close(_) = self.change {
            model.let_go(self.node);
        }
        let node = model.nodes.get_mut(&self.node).expect("seen above");
        match self.change {
            Change::Drain if node.status == NodeStatus::Available => node.status = NodeStatus::Draining,
            Change::Drain => node.drains = true,
            Change::Resume => {
                if node.status == NodeStatus::Suspended {
                    (node.suspended_at, node.failures) = (0, 0);
                }
                node.drains = false;
                if node.status != NodeStatus::Leased {
                    node.status = NodeStatus::Available;
                }
            }
            Change::Price(price) => node.price = price,
            Change::Hardware(has, _) => {
                node.hardware = has;
                node.revoke();
            }
            Change::Close(_) => {
                model.nodes.remove(&self.node);
                model.providers.get_mut(&self.node.0).expect("its provider").nodes -= 1;
            }
        }
        Ok(())
    }
}

fn arguments(has: &Hardware) -> HardwareArgs {
    HardwareArgs {
        disk_gib: has.disk_gib,
        mbps: has.mbps,
        gpu_model: has.gpu_model,
        vram_gib: has.vram_gib,
        cpu_cores: has.cpu_cores,
        ram_gib: has.ram_gib,
        country: has.country,
        gpu_count: has.gpu_count,
    }
}

#[derive(Debug)]
pub(crate) struct Revoke {
    node: NodeRef,
    signer: Who,
}

impl Revoke {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let node = Manage::pick(model, dice, |node| node.attestor.is_some())?;
        let right = model.nodes.get(&node).and_then(|node| node.attestor);
        let signer = match dice.below(8) {
            0 => wallet(dice),
            1 => dice.one_of(&[ATTESTOR, JUNIOR_ATTESTOR]),
            2 => AUTHORITY,
            _ => right.unwrap_or(ATTESTOR),
        };
        Some(Rc::new(Self { node, signer }))
    }
}

impl Operation for Revoke {
    fn name(&self) -> &'static str {
        "revoke_attestation"
    }

    fn instructions(&self) -> Vec<Instruction> {
        vec![ix::revoke_attestation(&address(self.signer), &self.node.at())]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let node = there(model.nodes.get_mut(&self.node))?;
        Reasons::default()
            .unless(node.attestor.is_some(), "NotAttested")
            .unless(
                node.attestor == Some(self.signer) || self.signer == AUTHORITY,
                "NotRevoker",
            )
            .verdict()?;
        node.revoke();
        Ok(())
    }
}
