//! What a node says of itself on the market: what was measured, and what its operator declares.

use std::collections::BTreeMap;

use gantry_sdk::Hash32;
use gantry_sdk::ix::{HardwareArgs, NodeArgs};
use gantry_sdk::{Pubkey, gpu as catalogue};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::device::Device;
use crate::gpu::{Gpu, GpuError};

/// In front of the UUIDs, so that the digest means nothing else.
const TAG: &[u8] = b"gantry.device.v1";

/// A node's hardware as the market takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// Name of the GPU model in job specs; `None` for a node without GPUs.
    pub gpu_model: Option<&'static str>,
    /// GPUs.
    pub gpu_count: u8,
    /// Memory of each, GiB.
    pub vram_gib: u16,
    /// Logical CPU cores.
    pub cpu_cores: u16,
    /// Main memory, GiB.
    pub ram_gib: u16,
    /// Disk, GiB.
    pub disk_gib: u32,
    /// Bandwidth, Mbit/s: what the operator declares.
    pub mbps: u32,
    /// Which device this is, for attestors: a digest of the GPUs' UUIDs. `None` without GPUs.
    pub device_hash: Option<Hash32>,
    #[serde(skip)]
    model: u16,
}

/// Which GPUs these are, whatever order they come in.
pub fn device_hash(gpus: &[Gpu]) -> Option<Hash32> {
    if gpus.is_empty() {
        return None;
    }
    let mut uuids: Vec<&str> = gpus.iter().map(|gpu| &*gpu.uuid).collect();
    uuids.sort_unstable();
    let mut digest = Sha256::new();
    digest.update(TAG);
    for uuid in uuids {
        digest.update([0]);
        digest.update(uuid);
    }
    Some(Hash32(digest.finalize().into()))
}

impl Listing {
    /// The listing of a node with `gpus` on the host `device`, of which it is one of `nodes`, with a bandwidth of `mbps`.
    ///
    /// # Errors
    /// If the GPUs are of several kinds, or of one that the market does not know.
    pub fn measure(device: &Device, gpus: &[Gpu], nodes: usize, mbps: u32) -> Result<Self, GpuError> {
        let mut kinds = BTreeMap::new();
        for gpu in gpus {
            *kinds.entry((gpu.model()?, gpu.memory_gib())).or_insert(0u8) += 1;
        }
        if kinds.len() > 1 {
            let names = kinds
                .iter()
                .map(|((model, gib), count)| format!("{count} × {} {gib} GiB", catalogue::label(*model)));
            return Err(GpuError::Mixed(names.collect::<Vec<_>>().join(" and ")));
        }
        let ((model, vram_gib), gpu_count) = kinds.into_iter().next().unwrap_or_default();
        // What the host has once is shared between its nodes.
        let share = |amount: u64| amount / nodes.max(1) as u64;
        Ok(Self {
            gpu_model: catalogue::by_code(model).map(|model| model.name),
            gpu_count,
            vram_gib,
            cpu_cores: u16::try_from(share(device.cpu_cores as u64).max(1)).unwrap_or(u16::MAX),
            ram_gib: u16::try_from(share(device.ram_gib)).unwrap_or(u16::MAX),
            disk_gib: u32::try_from(share(device.disk_gib)).unwrap_or(u32::MAX),
            mbps: u32::try_from(share(mbps.into())).unwrap_or(u32::MAX),
            device_hash: device_hash(gpus),
            model,
        })
    }

    /// The hardware, for a node in `country` (ISO 3166-1 alpha-2, capitals).
    pub fn hardware(&self, country: [u8; 2]) -> HardwareArgs {
        HardwareArgs {
            disk_gib: self.disk_gib,
            mbps: self.mbps,
            gpu_model: self.model,
            vram_gib: self.vram_gib,
            cpu_cores: self.cpu_cores,
            ram_gib: self.ram_gib,
            country,
            gpu_count: self.gpu_count,
        }
    }

    /// A new listing at `price_per_hour` base units of `price_mint`.
    pub fn node(&self, country: [u8; 2], price_mint: Pubkey, price_per_hour: u64) -> NodeArgs {
        NodeArgs {
            price_mint,
            price_per_hour,
            disk_gib: self.disk_gib,
            mbps: self.mbps,
            gpu_model: self.model,
            vram_gib: self.vram_gib,
            cpu_cores: self.cpu_cores,
            ram_gib: self.ram_gib,
            country,
            gpu_count: self.gpu_count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::{Inventory as _, Recorded, choose};

    fn host() -> Device {
        Device {
            name: "cpu: x, 64 cores".to_owned(),
            cpu_cores: 64,
            ram_gib: 512,
            disk_gib: 3_000,
        }
    }

    /// Two H100 and one L4, in the form that `gantry-node detect --json` prints.
    fn inventory() -> Recorded {
        serde_json::from_str(include_str!("../tests/inventories/two-h100-and-an-l4.json")).expect("an inventory")
    }

    #[test]
    fn a_node_is_listed_as_it_was_measured() {
        let gpus = inventory().gpus().expect("recorded");
        let listing = Listing::measure(&host(), &gpus[..2], 1, 1_000).expect("one kind");
        assert_eq!(
            (listing.gpu_model, listing.gpu_count, listing.vram_gib),
            (Some("h100"), 2, 80)
        );
        assert_eq!(
            (listing.cpu_cores, listing.ram_gib, listing.disk_gib, listing.mbps),
            (64, 512, 3_000, 1_000)
        );
        let hardware = listing.hardware(*b"DE");
        assert_eq!(
            (hardware.gpu_model, hardware.gpu_count, hardware.country),
            (3, 2, *b"DE")
        );
        let one = Listing::measure(&host(), &gpus[2..], 2, 1_000).expect("one kind");
        assert_eq!(
            (one.gpu_model, one.vram_gib, one.cpu_cores, one.mbps),
            (Some("l4"), 22, 32, 500)
        );
    }

    #[test]
    fn a_host_without_gpus_is_listed_with_its_cpu_alone() {
        let listing = Listing::measure(&host(), &[], 1, 100).expect("measured");
        assert_eq!((listing.gpu_model, listing.gpu_count, listing.vram_gib), (None, 0, 0));
        assert_eq!(listing.device_hash, None);
        assert_eq!(listing.hardware(*b"DE").gpu_model, 0);
    }

    #[test]
    fn different_gpus_are_no_one_node() {
        let gpus = inventory().gpus().expect("recorded");
        let error = Listing::measure(&host(), &gpus, 1, 100).expect_err("mixed").to_string();
        assert!(error.contains("2 × h100 80 GiB and 1 × l4 22 GiB"), "{error}");
        let unknown = Gpu {
            product: "Voodoo 2".to_owned(),
            ..gpus[0].clone()
        };
        let error = Listing::measure(&host(), &[unknown], 1, 100).expect_err("unknown");
        assert!(error.to_string().contains("Voodoo 2"), "{error}");
    }

    #[test]
    fn the_device_is_the_same_in_any_order_and_another_with_any_other_gpu() {
        let gpus = inventory().gpus().expect("recorded");
        let turned = [gpus[1].clone(), gpus[0].clone()];
        assert_eq!(device_hash(&gpus[..2]), device_hash(&turned));
        assert_ne!(device_hash(&gpus[..1]), device_hash(&gpus[..2]));
        assert_ne!(device_hash(&gpus[..1]), device_hash(&gpus[1..2]));
    }

    #[test]
    fn gpus_are_chosen_by_uuid() {
        let gpus = inventory().gpus().expect("recorded");
        let chosen = choose(&gpus, &[gpus[2].uuid.clone(), gpus[0].uuid.clone()]).expect("there");
        assert_eq!(chosen, [gpus[2].clone(), gpus[0].clone()]);
        let error = choose(&gpus, &["GPU-none".to_owned()])
            .expect_err("missing")
            .to_string();
        assert!(
            error.contains("no GPU GPU-none") && error.contains(&gpus[0].uuid),
            "{error}"
        );
        assert!(
            choose(&[], &["GPU-none".to_owned()])
                .expect_err("missing")
                .to_string()
                .contains("it has none")
        );
    }
}
