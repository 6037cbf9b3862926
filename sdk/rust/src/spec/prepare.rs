//! From what a customer wrote to what a node runs.

use super::{Input, JobSpec, MAX_SPEC, NodeRequirements, Runner, SpecError, VERSION};
use crate::{
    Hash32, Pubkey, amount,
    blob::BlobStore,
    market::types::JobArgs,
    seal::{self, Kind, Opener, Sealer},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;

/// A file in the blob store that is there when the job starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputBlob {
    /// Where the job finds it, in its folder.
    pub path: String,
    /// Which blob it is.
    pub sha256: Hash32,
}

/// A job spec whose inputs are blobs, with the bytes that the job's `spec_hash` covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedSpec {
    spec: JobSpec,
    inputs: Vec<InputBlob>,
    bytes: Vec<u8>,
    hash: [u8; 32],
    sealed: bool,
}

/// Refuses lists where objects belong: serde would read one as the object's fields in their order.
fn refuse_lists(spec: &Value) -> Result<(), SpecError> {
    let objects = [
        "",
        "/runner/process",
        "/runner/container",
        "/requirements",
        "/requirements/gpu",
    ];
    let mut objects: Vec<String> = objects.map(str::to_owned).into();
    let inputs = spec["inputs"].as_array().map_or(0, Vec::len);
    objects.extend((0..inputs).map(|place| format!("/inputs/{place}")));
    match objects
        .iter()
        .find(|place| spec.pointer(place).is_some_and(Value::is_array))
    {
        None => Ok(()),
        Some(place) if place.is_empty() => Err(SpecError::WrongForm("a list, where an object belongs".into())),
        Some(place) => Err(SpecError::WrongForm(format!(
            "a list at {place}, where an object belongs"
        ))),
    }
}

impl JobSpec {
    /// Reads a spec and validates it.
    ///
    /// # Errors
    /// If the text is no JSON, has an unknown or missing field, or a value that cannot be.
    pub fn from_json(text: &[u8]) -> Result<Self, SpecError> {
        if text.len() > MAX_SPEC {
            return Err(SpecError::TooLong(text.len()));
        }
        // Twice: the errors of the second do not tell JSON of another form from what is no JSON.
        let value: Value = serde_json::from_slice(text).map_err(|error| SpecError::NotJson(error.to_string()))?;
        refuse_lists(&value)?;
        let spec: Self = serde_json::from_slice(text).map_err(|error| SpecError::WrongForm(error.to_string()))?;
        spec.validate()?;
        Ok(spec)
    }

    /// Reads a spec file.
    ///
    /// # Errors
    /// If it cannot be read, and as [`from_json`](Self::from_json).
    pub fn load(path: &Path) -> Result<Self, SpecError> {
        let text = std::fs::read(path).map_err(|source| SpecError::Io {
            path: path.to_owned(),
            source,
        })?;
        Self::from_json(&text)
    }

    /// Puts the input files (relative to `folder`) and the spec itself into `blobs`.
    ///
    /// # Errors
    /// If a file cannot be read, has another hash than the spec says, or a blob that the spec names is not there.
    pub async fn prepare(&self, folder: &Path, blobs: &BlobStore) -> Result<PreparedSpec, SpecError> {
        self.prepare_with(folder, blobs, None).await
    }

    /// As [`prepare`](Self::prepare), with the input files and the spec sealed to the node that the job is fixed to.
    /// What the spec names by its SHA-256 alone stays as it is in the store.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare), and if the node's key cannot be sealed to.
    pub async fn prepare_sealed(
        &self,
        folder: &Path,
        blobs: &BlobStore,
        sealer: &Sealer,
    ) -> Result<PreparedSpec, SpecError> {
        self.prepare_with(folder, blobs, Some(sealer)).await
    }

    async fn prepare_with(
        &self,
        folder: &Path,
        blobs: &BlobStore,
        sealer: Option<&Sealer>,
    ) -> Result<PreparedSpec, SpecError> {
        self.validate()?;
        let mut inputs = Vec::with_capacity(self.inputs.len());
        for input in &self.inputs {
            inputs.push(InputBlob {
                path: input.path.clone(),
                sha256: store_input(input, folder, blobs, sealer).await?,
            });
        }
        let named = |input: &InputBlob| Input {
            path: input.path.clone(),
            file: None,
            sha256: Some(input.sha256),
        };
        let spec = Self {
            inputs: inputs.iter().map(named).collect(),
            ..self.clone()
        };
        let bytes = serde_json::to_vec(&spec).map_err(|error| SpecError::WrongForm(error.to_string()))?;
        if bytes.len() > MAX_SPEC {
            return Err(SpecError::TooLong(bytes.len()));
        }
        let bytes = match sealer {
            Some(sealer) => sealer.seal(Kind::Spec, &bytes)?,
            None => bytes,
        };
        let hash = blobs.put(bytes.clone()).await?;
        Ok(PreparedSpec {
            spec,
            inputs,
            bytes,
            hash,
            sealed: sealer.is_some(),
        })
    }
}

async fn store_input(
    input: &Input,
    folder: &Path,
    blobs: &BlobStore,
    sealer: Option<&Sealer>,
) -> Result<Hash32, SpecError> {
    let Some(file) = &input.file else {
        let hash = input.sha256.ok_or_else(|| SpecError::Field {
            field: input.path.clone(),
            problem: "name a `file` or a `sha256`".into(),
        })?;
        // Read it, not just look for it: a damaged blob would only show when the job has been paid for.
        blobs.get(&hash.0).await?;
        return Ok(hash);
    };
    let file = folder.join(file);
    let bytes = tokio::fs::read(&file).await.map_err(|source| SpecError::Io {
        path: file.clone(),
        source,
    })?;
    let found = Hash32::of(&bytes);
    match input.sha256 {
        Some(wanted) if wanted != found => Err(SpecError::WrongHash {
            path: input.path.clone(),
            file,
            found,
            wanted,
        }),
        _ => match sealer {
            Some(sealer) => Ok(Hash32(blobs.put(sealer.seal(Kind::File, &bytes)?).await?)),
            None => Ok(Hash32(blobs.put(bytes).await?)),
        },
    }
}

impl PreparedSpec {
    /// Reads prepared bytes whose SHA-256 must be `spec_hash`. For nodes: everything is checked again.
    ///
    /// # Errors
    /// If the hash differs, the spec is invalid, or an input is no blob.
    pub fn decode(bytes: &[u8], spec_hash: &[u8; 32]) -> Result<Self, SpecError> {
        Self::decode_with(bytes, spec_hash, None)
    }

    /// As [`decode`](Self::decode), and opens a spec that is sealed.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), and if it is sealed and does not open.
    pub fn decode_with(bytes: &[u8], spec_hash: &[u8; 32], opener: Option<&Opener<'_>>) -> Result<Self, SpecError> {
        let (found, wanted) = (Hash32::of(bytes), Hash32(*spec_hash));
        if found != wanted {
            return Err(SpecError::NotTheJobs { found, wanted });
        }
        let sealed = seal::is_sealed(bytes);
        let spec = match opener {
            Some(opener) if sealed => JobSpec::from_json(&opener.open(Kind::Spec, bytes)?)?,
            None if sealed => return Err(seal::SealError::Closed.into()),
            _ => JobSpec::from_json(bytes)?,
        };
        let blob = |(i, input): (usize, &Input)| match (&input.file, input.sha256) {
            (None, Some(sha256)) => Ok(InputBlob {
                path: input.path.clone(),
                sha256,
            }),
            _ => Err(SpecError::Field {
                field: format!("inputs[{i}]"),
                problem: "a prepared spec names every input by its SHA-256 alone".into(),
            }),
        };
        let inputs = spec.inputs.iter().enumerate().map(blob).collect::<Result<_, _>>()?;
        Ok(Self {
            spec,
            inputs,
            bytes: bytes.to_vec(),
            hash: *spec_hash,
            sealed,
        })
    }

    /// Reads the spec of a job out of the blob store.
    ///
    /// # Errors
    /// If it is missing, damaged or invalid.
    pub async fn fetch(blobs: &BlobStore, spec_hash: &[u8; 32]) -> Result<Self, SpecError> {
        Self::decode(&blobs.get(spec_hash).await?, spec_hash)
    }

    /// As [`fetch`](Self::fetch), and opens a spec that is sealed.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch), and if it is sealed and does not open.
    pub async fn fetch_with(blobs: &BlobStore, spec_hash: &[u8; 32], opener: &Opener<'_>) -> Result<Self, SpecError> {
        Self::decode_with(&blobs.get(spec_hash).await?, spec_hash, Some(opener))
    }

    /// Whether it is sealed: then so are its inputs, as far as they begin as sealed blobs do, and its result.
    pub fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// The spec, with its inputs named by SHA-256.
    pub fn spec(&self) -> &JobSpec {
        &self.spec
    }

    /// How it is run.
    pub fn runner(&self) -> &Runner {
        &self.spec.runner
    }

    /// The inputs.
    pub fn inputs(&self) -> &[InputBlob] {
        &self.inputs
    }

    /// The paths of the outputs.
    pub fn outputs(&self) -> &[String] {
        &self.spec.outputs
    }

    /// The blob whose SHA-256 is [`hash`](Self::hash).
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The job's `spec_hash`.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// The arguments that open this job as number `id` of its customer, paid in a token with `decimals`, for any node
    /// and any matcher.
    ///
    /// # Errors
    /// If the price has more digits than the token, or the spec is invalid.
    pub fn job_args(&self, id: u64, decimals: u8) -> Result<JobArgs, SpecError> {
        debug_assert_eq!(self.spec.version, VERSION);
        let requirements: &NodeRequirements = &self.spec.requirements;
        let price = amount::parse(&self.spec.max_price_per_hour, decimals).map_err(|error| SpecError::Field {
            field: "max_price_per_hour".into(),
            problem: error.to_string(),
        })?;
        let gpu = requirements.gpu.as_ref();
        Ok(JobArgs {
            id,
            max_price_per_hour: price,
            spec_hash: self.hash,
            node: Pubkey::default(),
            matcher: Pubkey::default(),
            max_duration: self.spec.max_duration_seconds,
            start_deadline: self.spec.start_deadline_seconds,
            proof_timeout: self.spec.proof_timeout_seconds,
            disk_gib: requirements.disk_gib,
            mbps: requirements.mbps,
            gpu_models: requirements.gpu_models()?,
            countries: requirements.country_codes()?,
            vram_gib: gpu.map_or(0, |gpu| gpu.vram_gib),
            ram_gib: requirements.ram_gib,
            flags: requirements.flag_bits()?,
            reputation_bps: requirements.reputation_bps,
            sla_uptime_bps: self.spec.sla_uptime_bps,
            gpu_count: gpu.map_or(0, |gpu| gpu.count),
            tier: requirements.tier,
        })
    }
}
