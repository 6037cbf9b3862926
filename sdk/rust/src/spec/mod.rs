//! Job specs, version 1: JSON that says what to run, on what, and for how much.
//!
//! A customer writes a [`JobSpec`]. [Preparing](JobSpec::prepare) it puts the input files into the blob store and names
//! them by their SHA-256; the bytes of the [`PreparedSpec`] are a blob themselves, whose SHA-256 is the job's
//! `spec_hash`. The node reads them back and trusts nothing that the hash does not cover.

mod check;
mod image;
mod prepare;
#[cfg(test)]
mod tests;

use crate::Hash32;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, io, path::PathBuf};

pub use check::is_safe_path;
pub use image::ImageRef;
pub use prepare::{InputBlob, PreparedSpec};

/// The only version there is.
pub const VERSION: u32 = 1;
/// Most bytes of a spec.
pub const MAX_SPEC: usize = 64 * 1024;
/// Most inputs, and most outputs.
pub const MAX_FILES: usize = 64;

/// What a job runs, on what, and for how much. Unknown fields are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// Version of this format: 1.
    pub version: u32,
    /// What people call it: 1 to 64 characters.
    pub name: String,
    /// How it is run.
    pub runner: Runner,
    /// Files that are there when it starts.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// Files that it leaves behind, as paths in its folder.
    #[serde(default)]
    pub outputs: Vec<String>,
    /// What it asks of a node; nothing that is left out.
    #[serde(default)]
    pub requirements: NodeRequirements,
    /// Highest price per hour, in the payment token: `"1.50"`.
    pub max_price_per_hour: String,
    /// Most seconds to run; with the highest price, what is deposited.
    pub max_duration_seconds: u32,
    /// Uptime target, basis points of the elapsed seconds; 9,900 unless said otherwise.
    #[serde(default = "default_sla_uptime_bps")]
    pub sla_uptime_bps: u16,
    /// Seconds that a node has to start it; 60 unless said otherwise.
    #[serde(default = "default_start_deadline")]
    pub start_deadline_seconds: u32,
    /// Seconds without a proof after which it lapses; 30 unless said otherwise.
    #[serde(default = "default_proof_timeout")]
    pub proof_timeout_seconds: u32,
}

fn default_sla_uptime_bps() -> u16 {
    9_900
}

fn default_start_deadline() -> u32 {
    60
}

fn default_proof_timeout() -> u32 {
    30
}

/// How a job is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Runner {
    /// A program on the host, in a folder of its own and without the node's environment.
    Process(ProcessRunner),
    /// A container, through Docker or Podman.
    Container(ContainerRunner),
}

impl Runner {
    /// Its name in specs and messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Process(_) => "process",
            Self::Container(_) => "container",
        }
    }
}

/// A program on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessRunner {
    /// Program and arguments; no shell is involved.
    pub command: Vec<String>,
    /// Its environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// A container. Its root is read-only; it writes into `/work`, where its inputs lie and its outputs are looked for, and
/// into `/tmp`. It has no capabilities and cannot gain any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerRunner {
    /// The image by digest, `name@sha256:…`: a tag could mean another image tomorrow, and is refused.
    pub image: ImageRef,
    /// What runs in it in place of the image's own command; an entry point of the image stays in front.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Added to the image's environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// GPUs that it sees, at most `requirements.gpu.count`; none if left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gpus: u8,
    /// What it may reach; nothing if left out.
    #[serde(default, skip_serializing_if = "Network::is_none")]
    pub network: Network,
    /// Main memory, MiB; what the node gives a job at most if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u64>,
    /// CPU time in thousandths of a core; what the node gives a job at most if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_millis: Option<u32>,
    /// Processes and threads; what the node gives a job at most if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids: Option<u32>,
    /// Everything that it writes into `/work`, MiB; what the node gives a job at most if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_mib: Option<u64>,
}

fn is_zero(number: &u8) -> bool {
    *number == 0
}

/// What a container may reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Nothing but itself.
    #[default]
    None,
    /// The outside, through the host; only on nodes whose operator permits it.
    Outbound,
}

impl Network {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// A file that is there when the job starts: `file` is read when the spec is prepared, `sha256` alone names a blob that
/// is in the store already, and both together make sure that the file is the one that was meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Where the job finds it, in its folder.
    pub path: String,
    /// Where it is now, from the spec's own folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// SHA-256 of its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Hash32>,
}

/// What a job asks of a node. Zero and empty mean that anything will do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NodeRequirements {
    /// GPUs; left out for a job that needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<GpuRequirements>,
    /// Least main memory, GiB.
    pub ram_gib: u16,
    /// Least disk, GiB.
    pub disk_gib: u32,
    /// Least bandwidth, Mbit/s.
    pub mbps: u32,
    /// Countries, any of which will do: at most 8 ISO 3166-1 alpha-2 codes.
    pub countries: Vec<String>,
    /// Attestation flags that are all required.
    pub flags: Vec<String>,
    /// Least attested tier, 0 to 3.
    pub tier: u8,
    /// Least reputation, basis points.
    pub reputation_bps: u16,
}

/// The GPUs that a job asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuRequirements {
    /// Least number, at least 1.
    pub count: u8,
    /// Models, any of which will do: at most 4 names of [`crate::gpu::CATALOGUE`].
    #[serde(default)]
    pub models: Vec<String>,
    /// Least memory of each, GiB.
    #[serde(default)]
    pub vram_gib: u16,
}

/// A spec that is refused.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not JSON at all.
    #[error("the job spec is no JSON: {0}")]
    NotJson(String),
    /// JSON of another form: an unknown or missing field, or a value of the wrong kind.
    #[error("the job spec has the wrong form: {0}")]
    WrongForm(String),
    /// Another version.
    #[error("job spec version {0} is unknown: this program reads version 1")]
    Version(u32),
    /// Too long.
    #[error("the job spec has {0} bytes, at most {MAX_SPEC} are allowed: pass large things as inputs")]
    TooLong(usize),
    /// A field with a value that cannot be.
    #[error("job spec field `{field}`: {problem}")]
    Field {
        /// Path of the field, such as `inputs[0].path`.
        field: String,
        /// What is wrong and what to write instead.
        problem: String,
    },
    /// An input file with other bytes than its spec says.
    #[error("input `{path}`: {} has the SHA-256 {found}, the spec wants {wanted}: correct the spec or the file", file.display())]
    WrongHash {
        /// Where the job would find it.
        path: String,
        /// The file.
        file: PathBuf,
        /// Its digest.
        found: Hash32,
        /// The spec's.
        wanted: Hash32,
    },
    /// The prepared spec is not the one that the job names.
    #[error("the spec has the SHA-256 {found}, the job names {wanted}")]
    NotTheJobs {
        /// Its digest.
        found: Hash32,
        /// The job's.
        wanted: Hash32,
    },
    /// The spec or an input cannot be sealed or opened.
    #[error(transparent)]
    Seal(#[from] crate::seal::SealError),
    /// The blob store refuses.
    #[error(transparent)]
    Blob(#[from] crate::blob::BlobError),
}
