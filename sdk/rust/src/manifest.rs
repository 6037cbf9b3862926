//! What a job left behind: the result's manifest, whose SHA-256 is the final receipt's output digest.

use crate::{
    Hash32,
    blob::{BlobError, BlobStore},
    seal::{self, Kind, Opener, SealError},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::{
    io,
    path::{Path, PathBuf},
};

/// The only version there is.
pub const VERSION: u32 = 1;

/// A file in the blob store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredFile {
    /// Path in the job's folder, as the spec has it.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: Hash32,
    /// Bytes, of what was sealed where it is sealed.
    pub size: u64,
}

impl StoredFile {
    async fn fetch(&self, blobs: &BlobStore, opener: Option<&Opener<'_>>) -> Result<Bytes, ManifestError> {
        let bytes = blobs.get(&self.sha256.0).await?;
        let bytes = match opener {
            Some(opener) if seal::is_sealed(&bytes) => opener.open(Kind::File, &bytes)?.into(),
            _ => bytes,
        };
        let found = bytes.len() as u64;
        if found != self.size {
            return Err(ManifestError::Size {
                path: self.path.clone(),
                wanted: self.size,
                found,
            });
        }
        Ok(bytes)
    }
}

/// What a job left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultManifest {
    /// Version of this format: 1.
    pub version: u32,
    /// The job account, base58.
    pub job: String,
    /// SHA-256 of the job spec.
    pub spec: Hash32,
    /// Exit code of the process; a signal counts as 128 and its number.
    pub exit_code: i32,
    /// What it ran on, for people: `NVIDIA H100 80GB HBM3` or `cpu: …`.
    pub device: String,
    /// The outputs that were there at the end, in the order of the spec.
    pub outputs: Vec<StoredFile>,
    /// Outputs of the spec that were not there.
    pub missing: Vec<String>,
    /// Standard output and error, as one file.
    pub logs: Option<StoredFile>,
}

/// A result that cannot be fetched.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// A blob is missing or damaged.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The manifest or a file is sealed and does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The manifest is sealed, and nothing was given to open it.
    #[error("the result is sealed to the job's customer: open it with that wallet's key")]
    Sealed,
    /// The manifest is none.
    #[error("the result's manifest does not read: {0}")]
    Malformed(String),
    /// A file name that would leave the folder.
    #[error("the result names the file `{0}`, which is not inside its folder: nothing was written there")]
    UnsafePath(String),
    /// A file has another size than the manifest says.
    #[error("`{path}` has {found} bytes, its manifest says {wanted}")]
    Size {
        /// The file.
        path: String,
        /// As the manifest has it.
        wanted: u64,
        /// As it is.
        found: u64,
    },
    /// A file that cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ResultManifest {
    /// The bytes whose SHA-256 is the output digest.
    ///
    /// # Panics
    /// Never: every field has a JSON form.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers serialize")
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// If it is no JSON of this form and version.
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|error| ManifestError::Malformed(error.to_string()))?;
        if manifest.version != VERSION {
            return Err(ManifestError::Malformed(format!(
                "version {} is unknown",
                manifest.version
            )));
        }
        Ok(manifest)
    }

    /// Stores the manifest; gives the output digest.
    ///
    /// # Errors
    /// If the store refuses.
    pub async fn store(&self, blobs: &BlobStore) -> Result<[u8; 32], BlobError> {
        blobs.put(self.encode()).await
    }

    /// Reads the manifest with the digest `output_digest`.
    ///
    /// # Errors
    /// If it is missing, damaged or malformed.
    pub async fn fetch(blobs: &BlobStore, output_digest: &[u8; 32]) -> Result<Self, ManifestError> {
        let bytes = blobs.get(output_digest).await?;
        if seal::is_sealed(&bytes) {
            return Err(ManifestError::Sealed);
        }
        Self::decode(&bytes)
    }

    /// As [`fetch`](Self::fetch), and opens a manifest that is sealed.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch), and if it is sealed and does not open.
    pub async fn fetch_with(
        blobs: &BlobStore,
        output_digest: &[u8; 32],
        opener: &Opener<'_>,
    ) -> Result<Self, ManifestError> {
        let bytes = blobs.get(output_digest).await?;
        if seal::is_sealed(&bytes) {
            return Self::decode(&opener.open(Kind::Manifest, &bytes)?);
        }
        Self::decode(&bytes)
    }

    /// Standard output and error, verified against their hash, and opened if they are sealed.
    ///
    /// # Errors
    /// If the blob is missing or damaged, or does not open.
    pub async fn log(&self, blobs: &BlobStore, opener: Option<&Opener<'_>>) -> Result<Option<Bytes>, ManifestError> {
        match &self.logs {
            Some(file) => file.fetch(blobs, opener).await.map(Some),
            None => Ok(None),
        }
    }

    /// Writes the outputs and the logs into `folder`, each verified against its hash; gives the paths written.
    ///
    /// # Errors
    /// If a blob is missing or damaged, a name would leave the folder, or a file cannot be written.
    pub async fn save(&self, blobs: &BlobStore, folder: &Path) -> Result<Vec<PathBuf>, ManifestError> {
        self.save_with(blobs, folder, None).await
    }

    /// As [`save`](Self::save), and opens the files that are sealed.
    ///
    /// # Errors
    /// As [`save`](Self::save), and if one is sealed and does not open.
    pub async fn save_with(
        &self,
        blobs: &BlobStore,
        folder: &Path,
        opener: Option<&Opener<'_>>,
    ) -> Result<Vec<PathBuf>, ManifestError> {
        let files: Vec<&StoredFile> = self.outputs.iter().chain(&self.logs).collect();
        if let Some(file) = files.iter().find(|file| !crate::spec::is_safe_path(&file.path)) {
            return Err(ManifestError::UnsafePath(file.path.clone()));
        }
        let mut written = Vec::new();
        for file in files {
            let bytes = file.fetch(blobs, opener).await?;
            let path = folder.join(&file.path);
            let io = |source| ManifestError::Io {
                path: path.clone(),
                source,
            };
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent).map_err(io)?;
            }
            std::fs::write(&path, &bytes).map_err(io)?;
            written.push(path);
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn manifest(blobs: &BlobStore, path: &str) -> ResultManifest {
        let sha256 = Hash32(blobs.put(&b"picture"[..]).await.expect("stores"));
        ResultManifest {
            version: VERSION,
            job: "job".into(),
            spec: Hash32([1; 32]),
            exit_code: 0,
            device: "cpu".into(),
            outputs: vec![StoredFile {
                path: path.into(),
                sha256,
                size: 7,
            }],
            missing: Vec::new(),
            logs: None,
        }
    }

    #[tokio::test]
    async fn a_result_comes_back_as_it_was_stored() {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs = BlobStore::open(folder.path().join("blobs")).expect("opens");
        let manifest = manifest(&blobs, "deep/picture.png").await;
        let digest = manifest.store(&blobs).await.expect("stores");
        let read = ResultManifest::fetch(&blobs, &digest).await.expect("reads");
        assert_eq!(read, manifest);
        let written = read.save(&blobs, &folder.path().join("out")).await.expect("saves");
        assert_eq!(std::fs::read(&written[0]).expect("written"), b"picture");
    }

    #[tokio::test]
    async fn a_hostile_result_writes_nothing_outside_its_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs = BlobStore::open(folder.path().join("blobs")).expect("opens");
        for path in ["../escaped", "/escaped", "a/../../escaped", ""] {
            let manifest = manifest(&blobs, path).await;
            let result = manifest.save(&blobs, &folder.path().join("out")).await;
            assert!(matches!(result, Err(ManifestError::UnsafePath(_))), "{path}");
        }
        let mut manifest = manifest(&blobs, "picture").await;
        manifest.outputs[0].size = 8;
        assert!(matches!(
            manifest.save(&blobs, &folder.path().join("out")).await,
            Err(ManifestError::Size {
                wanted: 8,
                found: 7,
                ..
            })
        ));
    }
}
