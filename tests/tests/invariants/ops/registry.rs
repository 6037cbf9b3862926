//! Providers, nodes, attestations and the pause.

use super::{Op, Operation, node, signed_by, signer, wallet};
use crate::suite::{
    cast::{
        ATTESTOR, AUTHORITY, Coin, GUARDIAN, JUNIOR_ATTESTOR, NODE_KEYS, NodeRef, PAYER, Subject, Who, address,
        device_hash, node_key_address,
    },
    dice::Dice,
    model::{Hardware, Model, Node, NodeStatus, Provider, RUNTIME, Reasons, Record, Verdict, there},
    rules::MINIMUM_PRICE,
};
use gantry_sdk::{
    Instruction,
    ix::{self, AttestArgs, NodeArgs},
};
use std::rc::Rc;

/// Providers that a history has at most.
pub(super) const PROVIDERS: Who = 4;

#[derive(Debug)]
pub(crate) struct RegisterProvider {
    who: Who,
    /// `None` for an owner of zeros.
    payout: Option<Who>,
}

impl RegisterProvider {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let free = (0..PROVIDERS).find(|who| !model.providers.contains_key(who));
        if free.is_none() && !dice.chance(30) {
            return None;
        }
        let who = free.unwrap_or_else(|| dice.below(u64::from(PROVIDERS)) as Who);
        let payout = (!dice.chance(5)).then(|| signer(dice, who));
        Some(Rc::new(Self { who, payout }))
    }
}

impl Operation for RegisterProvider {
    fn name(&self) -> &'static str {
        "register_provider"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let payout = self.payout.map(address).unwrap_or_default();
        let (owner, payer) = (address(self.who), address(PAYER));
        vec![ix::register_provider(&owner, &payer, &payout, [0; 32])]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        Reasons::default()
            .unless(!model.providers.contains_key(&self.who), RUNTIME)
            .unless(self.payout.is_some(), "ZeroAddress")
            .verdict()?;
        let provider = Provider {
            payout: self.payout.unwrap_or_default(),
            ..Provider::default()
        };
        model.providers.insert(self.who, provider);
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct RegisterNode {
    node: NodeRef,
    signer: Who,
    coin: Coin,
    price: u64,
    hardware: Hardware,
}

/// A price per hour that jobs pay, or one at a bound.
pub(crate) fn price(dice: &mut Dice) -> u64 {
    if dice.chance(8) {
        return dice.edge(MINIMUM_PRICE, u64::MAX);
    }
    MINIMUM_PRICE + dice.size(20_000_000)
}

pub(super) fn hardware(dice: &mut Dice) -> Hardware {
    let good = Hardware {
        gpu_model: dice.one_of(&[7, 8]),
        gpu_count: dice.one_of(&[1, 4]),
        vram_gib: dice.one_of(&[24, 80]),
        ram_gib: 64,
        cpu_cores: 16,
        disk_gib: 500,
        mbps: 1_000,
        country: dice.one_of(&[*b"DE", *b"FR"]),
    };
    if !dice.chance(10) {
        return good;
    }
    match dice.below(4) {
        0 => Hardware { cpu_cores: 0, ..good },
        1 => Hardware { gpu_count: 0, ..good },
        2 => Hardware {
            country: *b"d1",
            ..good
        },
        _ => Hardware {
            gpu_model: 0,
            gpu_count: 0,
            vram_gib: 0,
            ..good
        },
    }
}

/// Why `has` describes no machine.
pub(super) fn unsound(has: &Hardware, reasons: &mut Reasons) {
    let gpu = [has.gpu_count > 0, has.gpu_model > 0, has.vram_gib > 0];
    let sound = has.cpu_cores > 0 && has.ram_gib > 0 && gpu.iter().all(|part| *part == gpu[0]);
    reasons
        .unless(has.country.iter().all(u8::is_ascii_uppercase), "InvalidCountry")
        .unless(sound, "InvalidHardware");
}

impl RegisterNode {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let who = dice.below(u64::from(PROVIDERS)) as Who;
        let free = (0..NODE_KEYS).filter(|key| !model.nodes.contains_key(&NodeRef(who, *key)));
        let free: Vec<u8> = free.collect();
        if free.len() < 3 && !dice.chance(20) {
            return None;
        }
        let key = match dice.pick(&free) {
            Some(key) if !dice.chance(10) => *key,
            _ => dice.below(u64::from(NODE_KEYS)) as u8,
        };
        let pool = model.pools.get(&who).map(|pool| pool.coin);
        let coin = match pool {
            Some(coin) if !dice.chance(10) => coin,
            _ => dice.one_of(&[Coin::Stake, Coin::Usdc, Coin::Usd22]),
        };
        Some(Rc::new(Self {
            node: NodeRef(who, key),
            signer: signer(dice, who),
            coin,
            price: price(dice),
            hardware: hardware(dice),
        }))
    }
}

impl Operation for RegisterNode {
    fn name(&self) -> &'static str {
        "register_node"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let has = &self.hardware;
        let args = NodeArgs {
            price_mint: self.coin.mint().mint,
            price_per_hour: self.price,
            disk_gib: has.disk_gib,
            mbps: has.mbps,
            gpu_model: has.gpu_model,
            vram_gib: has.vram_gib,
            cpu_cores: has.cpu_cores,
            ram_gib: has.ram_gib,
            country: has.country,
            gpu_count: has.gpu_count,
        };
        let (owner, key) = (address(self.node.0), node_key_address(self.node.1));
        signed_by(ix::register_node(&owner, &address(PAYER), &key, args), 0, self.signer)
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        there(model.providers.get(&self.node.0))?;
        let has = &self.hardware;
        let mut reasons = Reasons::default();
        unsound(has, &mut reasons);
        reasons
            .unless(self.signer == self.node.0, "NotProviderAuthority")
            .unless(!model.nodes.contains_key(&self.node), RUNTIME)
            .unless(self.price > 0, "InvalidPrice")
            .verdict()?;
        let node = Node {
            coin: self.coin,
            price: self.price,
            hardware: *has,
            status: NodeStatus::Available,
            drains: false,
            job: None,
            attestor: None,
            device: 0,
            tier: 0,
            flags: 0,
            attested_until: 0,
            failures: 0,
            suspended_at: 0,
            record: Record::default(),
        };
        model.nodes.insert(self.node, node);
        model.providers.get_mut(&self.node.0).expect("seen above").nodes += 1;
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct Attest {
    node: NodeRef,
    attestor: Who,
    signer: Who,
    device: u8,
    tier: u8,
    flags: u16,
    expires_at: i64,
}

impl Attest {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        let node = node(model, dice)?;
        let attestor = dice.one_of(&[ATTESTOR, ATTESTOR, JUNIOR_ATTESTOR]);
        let year = 400 * 24 * 3_600;
        let lasts = match dice.below(20) {
            0 => i64::MIN,
            1 => i64::MAX - model.now,
            2 => year + 1,
            3 => year,
            4 => 0,
            _ => 1 + dice.size(100_000) as i64,
        };
        let wide = dice.chance(if attestor == ATTESTOR { 90 } else { 10 });
        // Mostly a device of its own, so that an attestation is not always refused.
        let own = 1 + (node.0 * NODE_KEYS + node.1) % 32;
        Some(Rc::new(Self {
            node,
            attestor,
            signer: signer(dice, attestor),
            device: if dice.chance(80) { own } else { dice.below(4) as u8 },
            tier: if wide {
                dice.one_of(&[0, 1, 2, 3, 3, 4])
            } else {
                dice.one_of(&[0, 1])
            },
            flags: if wide {
                dice.one_of(&[1, 3, 0b11_1111, 0b11_1111, 0b100_0000])
            } else {
                dice.one_of(&[0, 1, 3])
            },
            expires_at: model.now.saturating_add(lasts),
        }))
    }
}

impl Operation for Attest {
    fn name(&self) -> &'static str {
        "attest"
    }

    fn instructions(&self) -> Vec<Instruction> {
        let args = AttestArgs {
            device_hash: device_hash(self.device),
            expires_at: self.expires_at,
            flags: self.flags,
            tier: self.tier,
        };
        // Has its address noted, so that the device is compared.
        Subject::Device(self.device).at();
        let attest = ix::attest(&address(self.attestor), &address(PAYER), &self.node.at(), args);
        signed_by(attest, 0, self.signer)
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        let now = model.now;
        let node = there(model.nodes.get_mut(&self.node))?;
        let (tier, flags) = if self.attestor == ATTESTOR {
            (3, 0b11_1111)
        } else {
            (1, 0b11)
        };
        let claimed = model.devices.get(&self.device).and_then(|device| device.node);
        let lasts = i128::from(self.expires_at) - i128::from(now);
        Reasons::default()
            .unless(self.signer == self.attestor, "NotAttestor")
            .unless(self.tier <= 3 && self.flags <= 0b11_1111, "InvalidScope")
            .unless(self.tier <= tier && self.flags & !flags == 0, "OutsideAttestorScope")
            .unless((1..=400 * 24 * 3_600).contains(&lasts), "InvalidExpiry")
            .unless(self.device != 0, "InvalidDeviceHash")
            .unless(
                node.attested_until <= now || node.attestor.is_none_or(|by| by == self.attestor),
                "AttestedByAnother",
            )
            .unless(claimed.is_none_or(|by| by == self.node), "DeviceClaimed")
            .unless([0, self.device].contains(&node.device), "InvalidDeviceHash")
            .verdict()?;
        node.attestor = Some(self.attestor);
        node.device = self.device;
        node.tier = self.tier;
        node.flags = self.flags;
        node.attested_until = self.expires_at;
        if node.status == NodeStatus::Suspended {
            node.status = if std::mem::take(&mut node.drains) {
                NodeStatus::Draining
            } else {
                NodeStatus::Available
            };
            node.suspended_at = 0;
            node.failures = 0;
        }
        let device = model.devices.entry(self.device).or_default();
        if claimed.is_none() {
            device.node = Some(self.node);
            device.claims += 1;
            node.record.completed += std::mem::take(&mut device.completed);
            node.record.failed += std::mem::take(&mut device.failed);
        }
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct Pause {
    pub(crate) signer: Who,
    pub(crate) flags: u8,
}

fn pause_flags(dice: &mut Dice) -> u8 {
    dice.one_of(&[1, 2, 3, 3, 3, 0, 4, 255])
}

fn valid_flags(flags: u8) -> bool {
    (1..=3).contains(&flags)
}

impl Pause {
    pub(crate) fn draw(_: &Model, dice: &mut Dice) -> Option<Op> {
        if dice.chance(50) {
            return None;
        }
        Some(Rc::new(Self {
            signer: dice.one_of(&[GUARDIAN, AUTHORITY, 0, 1]),
            flags: pause_flags(dice),
        }))
    }
}

impl Operation for Pause {
    fn name(&self) -> &'static str {
        "pause"
    }

    fn instructions(&self) -> Vec<Instruction> {
        vec![ix::pause(&address(self.signer), self.flags)]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        Reasons::default()
            .unless([AUTHORITY, GUARDIAN].contains(&self.signer), "NotGuardian")
            .unless(valid_flags(self.flags), "InvalidPauseFlags")
            .verdict()?;
        model.paused |= self.flags;
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct Unpause {
    signer: Who,
    flags: u8,
}

impl Unpause {
    pub(crate) fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
        if model.paused == 0 && !dice.chance(10) {
            return None;
        }
        let signer = if dice.chance(10) { wallet(dice) } else { AUTHORITY };
        let signer = if dice.chance(10) { GUARDIAN } else { signer };
        Some(Rc::new(Self {
            signer,
            flags: pause_flags(dice),
        }))
    }
}

impl Operation for Unpause {
    fn name(&self) -> &'static str {
        "unpause"
    }

    fn instructions(&self) -> Vec<Instruction> {
        vec![ix::unpause(&address(self.signer), self.flags)]
    }

    fn apply(&self, model: &mut Model) -> Verdict {
        Reasons::default()
            .unless(self.signer == AUTHORITY, "NotNetworkAuthority")
            .unless(valid_flags(self.flags), "InvalidPauseFlags")
            .verdict()?;
        model.paused &= !self.flags;
        Ok(())
    }
}
