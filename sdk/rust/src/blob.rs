//! Files addressed by their SHA-256.

use crate::Hash32;
use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, local::LocalFileSystem, path::Path as ObjectPath};
use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Largest blob that is read, bytes: nobody else's store may fill this machine's memory.
pub const MAX_BLOB: u64 = 1 << 30;

/// A blob that cannot be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is none with this hash.
    #[error("blob {0} is not in this store: check --blob-dir, or upload it first")]
    Missing(Hash32),
    /// The store holds other bytes under this hash.
    #[error("blob {wanted} is damaged: its bytes have the SHA-256 {found}; remove it and upload it again")]
    Damaged {
        /// Its address.
        wanted: Hash32,
        /// What is there.
        found: Hash32,
    },
    /// Larger than [`MAX_BLOB`].
    #[error("blob {hash} has {size} bytes; at most {MAX_BLOB} are read")]
    TooLarge {
        /// Its address.
        hash: Hash32,
        /// Its bytes.
        size: u64,
    },
    /// A folder that cannot be used.
    #[error("cannot use the blob folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store refuses.
    #[error("blob store: {0}")]
    Store(#[from] object_store::Error),
}

/// A store of blobs: a local folder, or anything else that `object_store` speaks to.
#[derive(Clone)]
pub struct BlobStore {
    store: Arc<dyn ObjectStore>,
}

impl fmt::Debug for BlobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobStore({})", self.store)
    }
}

impl BlobStore {
    /// The store in `folder`, which is made if it does not exist.
    ///
    /// # Errors
    /// If the folder cannot be made or read.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, BlobError> {
        let path = folder.as_ref();
        std::fs::create_dir_all(path).map_err(|source| BlobError::Folder {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self::new(Arc::new(LocalFileSystem::new_with_prefix(path)?)))
    }

    /// A store over any object store.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store }
    }

    /// Stores `bytes`; the same bytes have the same address, however often they are stored.
    ///
    /// # Errors
    /// If the store refuses.
    pub async fn put(&self, bytes: impl Into<Bytes>) -> Result<[u8; 32], BlobError> {
        let bytes = bytes.into();
        let hash = Hash32::of(&bytes);
        if !self.contains(&hash.0).await? {
            self.store.put(&location(hash), PutPayload::from(bytes)).await?;
        }
        Ok(hash.0)
    }

    /// The bytes with this SHA-256, verified.
    ///
    /// # Errors
    /// If there are none, too many, or other ones.
    pub async fn get(&self, hash: &[u8; 32]) -> Result<Bytes, BlobError> {
        let wanted = Hash32(*hash);
        let found = match self.store.get(&location(wanted)).await {
            Err(object_store::Error::NotFound { .. }) => return Err(BlobError::Missing(wanted)),
            other => other?,
        };
        if found.meta.size > MAX_BLOB {
            return Err(BlobError::TooLarge {
                hash: wanted,
                size: found.meta.size,
            });
        }
        let bytes = found.bytes().await?;
        let found = Hash32::of(&bytes);
        if found != wanted {
            return Err(BlobError::Damaged { wanted, found });
        }
        Ok(bytes)
    }

    /// Whether there is a blob with this SHA-256; its bytes are not looked at.
    ///
    /// # Errors
    /// If the store refuses.
    pub async fn contains(&self, hash: &[u8; 32]) -> Result<bool, BlobError> {
        match self.store.head(&location(Hash32(*hash))).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Two levels, so that no folder grows without bound.
fn location(hash: Hash32) -> ObjectPath {
    let name = hash.to_string();
    ObjectPath::from(format!("sha256/{}/{name}", &name[..2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn blobs_are_found_by_their_hash_and_verified() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = BlobStore::open(folder.path().join("blobs")).expect("opens");
        let hash = store.put(&b"gantry"[..]).await.expect("stores");
        assert_eq!(hash, Hash32::of(b"gantry").0);
        assert_eq!(store.put(&b"gantry"[..]).await.expect("stores again"), hash);
        assert_eq!(store.get(&hash).await.expect("reads"), "gantry");
        assert!(matches!(store.get(&[1; 32]).await, Err(BlobError::Missing(_))));

        let name = Hash32(hash).to_string();
        std::fs::write(
            folder.path().join(format!("blobs/sha256/{}/{name}", &name[..2])),
            "other",
        )
        .expect("written");
        assert!(matches!(store.get(&hash).await, Err(BlobError::Damaged { .. })));
    }
}
