//! What this host is.

use serde::Serialize;
use sysinfo::{Disks, System};

/// A host, measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// For people: what jobs run on.
    pub name: String,
    /// Logical CPU cores.
    pub cpu_cores: usize,
    /// Main memory, whole GiB.
    pub ram_gib: u64,
    /// Free space of the largest disk, whole GiB.
    pub disk_gib: u64,
}

impl Device {
    /// Measures this host.
    pub fn detect() -> Self {
        let mut system = System::new();
        system.refresh_memory();
        system.refresh_cpu_all();
        let cpu_cores = std::thread::available_parallelism().map_or(1, usize::from);
        let brand = system
            .cpus()
            .first()
            .map(|cpu| cpu.brand().trim())
            .filter(|brand| !brand.is_empty());
        let name = format!("cpu: {}, {cpu_cores} cores", brand.unwrap_or("unknown model"));
        let disks = Disks::new_with_refreshed_list();
        let disk = disks.iter().map(sysinfo::Disk::available_space).max().unwrap_or(0);
        Self {
            name,
            cpu_cores,
            ram_gib: system.total_memory() >> 30,
            disk_gib: disk >> 30,
        }
    }
}
