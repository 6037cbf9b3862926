//! The GPUs of this host, as the driver's management library (NVML) has them. The library is loaded when it is asked;
//! a host without it has no GPUs.

use nvml_wrapper::Nvml;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::error::NvmlError;
use serde::{Deserialize, Serialize};

/// A GPU, measured. What the driver does not tell is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpu {
    /// The driver's name for it, which never changes: `GPU-…`.
    pub uuid: String,
    /// What the driver calls it: `NVIDIA H100 80GB HBM3`.
    pub product: String,
    /// Memory, bytes.
    pub memory_bytes: u64,
    /// Version of the driver.
    pub driver: String,
    /// Whether its memory corrects errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecc: Option<bool>,
    /// Degrees Celsius.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature_celsius: Option<u32>,
    /// How busy it is, percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utilization_percent: Option<u32>,
    /// Memory in use, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_used_bytes: Option<u64>,
    /// Milliwatts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_milliwatts: Option<u32>,
}

impl Gpu {
    /// Memory, GiB, to the nearest: drivers keep some of what the maker names.
    pub fn memory_gib(&self) -> u16 {
        u16::try_from(self.memory_bytes.saturating_add(1 << 29) >> 30).unwrap_or(u16::MAX)
    }

    /// Its code in the market's catalogue.
    ///
    /// # Errors
    /// If the catalogue does not have it.
    pub fn model(&self) -> Result<u16, GpuError> {
        let model = gantry_sdk::gpu::by_product(&self.product);
        let unknown = || GpuError::Unknown(self.product.clone());
        model.map(|model| model.code).ok_or_else(unknown)
    }
}

/// Why GPUs cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum GpuError {
    /// The driver fails.
    #[error("the GPU driver does not answer: {0}; does `nvidia-smi` work?")]
    Driver(NvmlError),
    /// None of the market's models.
    #[error("the market's catalogue has no `{0}`: it cannot be listed yet")]
    Unknown(String),
    /// No such GPU.
    #[error("this host has no GPU {wanted}: it has {found}")]
    Missing {
        /// The UUID that was named.
        wanted: String,
        /// Those that there are.
        found: String,
    },
    /// Two nodes, one GPU.
    #[error("the GPU {0} is given to two nodes")]
    Twice(String),
    /// Different GPUs in one node.
    #[error("a node has GPUs of one model and memory, not {0}: give each kind its own node with `--node KEY=UUID,…`")]
    Mixed(String),
}

/// Something that knows this host's GPUs.
pub trait Inventory {
    /// All of them, in the driver's order; none where there are none.
    ///
    /// # Errors
    /// If there is a driver and it fails.
    fn gpus(&self) -> Result<Vec<Gpu>, GpuError>;
}

/// What was recorded once.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Recorded {
    /// The GPUs.
    pub gpus: Vec<Gpu>,
}

impl Inventory for Recorded {
    fn gpus(&self) -> Result<Vec<Gpu>, GpuError> {
        Ok(self.gpus.clone())
    }
}

/// The driver of this host.
#[derive(Debug, Default)]
pub struct Driver {
    library: Option<Nvml>,
}

impl Driver {
    /// Loads the driver's library, where there is one.
    ///
    /// # Errors
    /// If there is one and it fails.
    pub fn load() -> Result<Self, GpuError> {
        // The library's name without a version comes with development packages only.
        let versioned = Nvml::builder().lib_path("libnvidia-ml.so.1".as_ref()).init();
        let library = match versioned {
            Err(NvmlError::LibloadingError(_)) => Nvml::init(),
            other => other,
        };
        match library {
            Ok(library) => Ok(Self { library: Some(library) }),
            // No library, a library without its driver, or a driver without a card.
            Err(NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound | NvmlError::DriverNotLoaded) => {
                Ok(Self::default())
            }
            Err(error) => Err(GpuError::Driver(error)),
        }
    }

    /// Whether there is a driver.
    pub fn is_there(&self) -> bool {
        self.library.is_some()
    }
}

impl Inventory for Driver {
    fn gpus(&self) -> Result<Vec<Gpu>, GpuError> {
        let Some(library) = &self.library else {
            return Ok(Vec::new());
        };
        let read = || {
            let driver = library.sys_driver_version()?;
            let mut gpus = Vec::new();
            for index in 0..library.device_count()? {
                let device = library.device_by_index(index)?;
                let memory = device.memory_info()?;
                gpus.push(Gpu {
                    uuid: device.uuid()?,
                    product: device.name()?,
                    memory_bytes: memory.total,
                    driver: driver.clone(),
                    // Not every card has these.
                    ecc: device.is_ecc_enabled().ok().map(|ecc| ecc.currently_enabled),
                    temperature_celsius: device.temperature(TemperatureSensor::Gpu).ok(),
                    utilization_percent: device.utilization_rates().ok().map(|rates| rates.gpu),
                    memory_used_bytes: Some(memory.used),
                    power_milliwatts: device.power_usage().ok(),
                });
            }
            Ok(gpus)
        };
        read().map_err(GpuError::Driver)
    }
}

/// The GPUs with these UUIDs, in that order.
///
/// # Errors
/// If one of them is not there.
pub fn choose(gpus: &[Gpu], uuids: &[String]) -> Result<Vec<Gpu>, GpuError> {
    let find = |wanted: &String| {
        let found = gpus.iter().find(|gpu| gpu.uuid == *wanted).cloned();
        found.ok_or_else(|| {
            let names: Vec<&str> = gpus.iter().map(|gpu| &*gpu.uuid).collect();
            GpuError::Missing {
                wanted: wanted.clone(),
                found: if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(", ")
                },
            }
        })
    };
    uuids.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_a_driver_has_no_gpus_and_one_with_it_names_them() {
        let driver = Driver::load().expect("no driver, or one that works");
        let gpus = driver.gpus().expect("it answers");
        if driver.is_there() {
            eprintln!("NVML answers: {gpus:#?}");
            for gpu in &gpus {
                assert!(gpu.uuid.starts_with("GPU-") && gpu.memory_bytes > 1 << 30, "{gpu:?}");
            }
        } else {
            eprintln!("SKIPPED the driver's part: this host has no NVML");
            assert!(gpus.is_empty());
        }
    }
}
