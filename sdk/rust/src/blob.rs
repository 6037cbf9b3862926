//! Files addressed by their SHA-256.
//!
//! Nothing that is read is trusted before its hash is checked, and nothing shows under its address before all of it is
//! there. Large files go in parts: an upload that breaks leaves nothing behind, a download that breaks goes on where it
//! stopped.

use crate::Hash32;
use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::{
    ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart, local::LocalFileSystem, path::Path as ObjectPath,
};
use sha2::{Digest as _, Sha256};
use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Largest blob that is read or written unless a store is told otherwise, bytes: nobody else's store may fill this
/// machine.
pub const MAX_BLOB: u64 = 1 << 30;
/// What is moved at a time, bytes; S3 takes no smaller parts than 5 MiB.
const PART: u64 = 8 << 20;
/// Parts on their way at once.
const PARTS: usize = 4;

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
    /// Larger than the store's bound.
    #[error("blob {hash} has {size} bytes; at most {most} are read")]
    TooLarge {
        /// Its address.
        hash: Hash32,
        /// Its bytes.
        size: u64,
        /// The bound.
        most: u64,
    },
    /// A file that is larger than the store's bound.
    #[error("{size} bytes are too many for one blob: at most {most} are stored")]
    TooMuch {
        /// Its bytes.
        size: u64,
        /// The bound.
        most: u64,
    },
    /// A folder or file that cannot be used.
    #[error("cannot use {}: {source}", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An address of a store that this program cannot speak to.
    #[error("cannot use the blob store {url}: {problem}")]
    Address {
        /// The address.
        url: String,
        /// What to do about it.
        problem: String,
    },
    /// The store refuses.
    #[error("blob store: {0}")]
    Store(#[from] object_store::Error),
}

/// A store of blobs: a local folder, or anything else that `object_store` speaks to.
#[derive(Clone)]
pub struct BlobStore {
    store: Arc<dyn ObjectStore>,
    most: u64,
}

impl fmt::Debug for BlobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobStore({})", self.store)
    }
}

impl BlobStore {
    /// The store in `place`: a folder, which is made if it does not exist, or `s3://bucket/prefix` in programs that
    /// were built with the feature `s3`. Keys, region and endpoint are the usual variables then: `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT`.
    ///
    /// # Errors
    /// If the folder cannot be made or read, or the address is none that this program speaks to.
    pub fn open(place: impl AsRef<Path>) -> Result<Self, BlobError> {
        let path = place.as_ref();
        if let Some(url) = path.to_str().filter(|text| text.contains("://")) {
            return Ok(Self::new(remote(url)?));
        }
        std::fs::create_dir_all(path).map_err(|source| BlobError::Folder {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self::new(Arc::new(LocalFileSystem::new_with_prefix(path)?)))
    }

    /// A store over any object store.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, most: MAX_BLOB }
    }

    /// The same store with another bound on each blob, bytes.
    pub fn with_limit(self, most: u64) -> Self {
        Self { most, ..self }
    }

    /// Stores `bytes`; the same bytes have the same address, however often they are stored. A damaged blob there is
    /// replaced.
    ///
    /// # Errors
    /// If they are too many, or the store refuses.
    pub async fn put(&self, bytes: impl Into<Bytes>) -> Result<[u8; 32], BlobError> {
        let bytes = bytes.into();
        self.check_size(bytes.len() as u64)?;
        let hash = Hash32::of(&bytes);
        if !self.is_whole(hash, bytes.len() as u64).await? {
            self.store.put(&location(hash), PutPayload::from(bytes)).await?;
        }
        Ok(hash.0)
    }

    /// Stores the file at `path` in parts, without reading all of it into memory. The blob is there once all of it is;
    /// where an upload breaks off, nothing is left behind.
    ///
    /// # Errors
    /// If the file cannot be read, changes while it is, or is too large, or the store refuses.
    pub async fn put_file(&self, path: &Path) -> Result<[u8; 32], BlobError> {
        let io = |source| BlobError::Folder {
            path: path.to_owned(),
            source,
        };
        let mut file = tokio::fs::File::open(path).await.map_err(io)?;
        self.check_size(file.metadata().await.map_err(io)?.len())?;
        let (hash, size) = hash_of(&mut file).await.map_err(io)?;
        self.check_size(size)?;
        if self.is_whole(hash, size).await? {
            return Ok(hash.0);
        }
        let file = tokio::fs::File::open(path).await.map_err(io)?;
        let upload = self.store.put_multipart(&location(hash)).await?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, PART as usize);
        match copy_parts(file, &mut writer).await {
            // What was sent is what was hashed, or it is not sent at all.
            Ok(sent) if sent == hash => {
                writer.finish().await?;
                Ok(hash.0)
            }
            Ok(found) => {
                writer.abort().await?;
                Err(BlobError::Damaged { wanted: hash, found })
            }
            Err(error) => {
                writer.abort().await?;
                Err(error.into_blob(path))
            }
        }
    }

    /// The bytes with this SHA-256, verified.
    ///
    /// # Errors
    /// If there are none, too many, or other ones.
    pub async fn get(&self, hash: &[u8; 32]) -> Result<Bytes, BlobError> {
        let wanted = Hash32(*hash);
        self.size(wanted).await?;
        let bytes = match self.store.get(&location(wanted)).await {
            Err(object_store::Error::NotFound { .. }) => return Err(BlobError::Missing(wanted)),
            other => other?.bytes().await?,
        };
        let found = Hash32::of(&bytes);
        if found != wanted {
            return Err(BlobError::Damaged { wanted, found });
        }
        Ok(bytes)
    }

    /// Writes the bytes with this SHA-256 into the new file `path`, part by part, verified before the file has its name.
    /// What an earlier call that broke off had fetched is not fetched again.
    ///
    /// # Errors
    /// If there are none, too many, or other ones; or if the file cannot be written.
    pub async fn get_file(&self, hash: &[u8; 32], path: &Path) -> Result<u64, BlobError> {
        let wanted = Hash32(*hash);
        let size = self.size(wanted).await?;
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{wanted}.partial"));
        let partial = PathBuf::from(name);
        let io = |source| BlobError::Folder {
            path: partial.clone(),
            source,
        };
        let mut options = tokio::fs::OpenOptions::new();
        options.read(true).append(true).create(true);
        let mut file = options.open(&partial).await.map_err(io)?;
        let mut there = file.metadata().await.map_err(io)?.len();
        if there > size {
            file.set_len(0).await.map_err(io)?;
            there = 0;
        }
        while there < size {
            let part = there..size.min(there.saturating_add(PART));
            let bytes = self.store.get_range(&location(wanted), part).await?;
            if bytes.is_empty() {
                break;
            }
            there += bytes.len() as u64;
            file.write_all(&bytes).await.map_err(io)?;
        }
        file.sync_all().await.map_err(io)?;
        let mut file = tokio::fs::File::open(&partial).await.map_err(io)?;
        let (found, _) = hash_of(&mut file).await.map_err(io)?;
        if found != wanted {
            // Going on from there would never get better.
            tokio::fs::remove_file(&partial).await.map_err(io)?;
            return Err(BlobError::Damaged { wanted, found });
        }
        tokio::fs::rename(&partial, path).await.map_err(io)?;
        Ok(size)
    }

    /// Stores `bytes` under a name of their own, in place of what is there. For what has no hash yet that anything covers.
    pub(crate) async fn put_at(&self, location: &ObjectPath, bytes: Bytes) -> Result<(), BlobError> {
        self.store.put(location, PutPayload::from(bytes)).await?;
        Ok(())
    }

    /// The bytes under this name, at most `most`; nothing vouches for them.
    pub(crate) async fn get_at(&self, location: &ObjectPath, most: u64) -> Result<Option<Bytes>, BlobError> {
        let found = match self.store.get(location).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            other => other?,
        };
        let size = found.meta.size;
        if size > most {
            return Err(BlobError::TooMuch { size, most });
        }
        Ok(Some(found.bytes().await?))
    }

    /// Removes what is under this name, if anything is.
    pub(crate) async fn remove_at(&self, location: &ObjectPath) -> Result<(), BlobError> {
        match self.store.delete(location).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
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

    /// Whether there is a blob with this SHA-256 and of `size` bytes, and these are its own.
    async fn is_whole(&self, hash: Hash32, size: u64) -> Result<bool, BlobError> {
        let found = match self.store.get(&location(hash)).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(false),
            other => other?,
        };
        if found.meta.size != size {
            return Ok(false);
        }
        let mut bytes = found.into_stream();
        let mut digest = Sha256::new();
        while let Some(part) = bytes.try_next().await? {
            digest.update(&part);
        }
        Ok(hash.0 == <[u8; 32]>::from(digest.finalize()))
    }

    async fn size(&self, hash: Hash32) -> Result<u64, BlobError> {
        let size = match self.store.head(&location(hash)).await {
            Err(object_store::Error::NotFound { .. }) => return Err(BlobError::Missing(hash)),
            other => other?.size,
        };
        let most = self.most;
        if size > most {
            return Err(BlobError::TooLarge { hash, size, most });
        }
        Ok(size)
    }

    fn check_size(&self, size: u64) -> Result<(), BlobError> {
        let most = self.most;
        if size > most {
            Err(BlobError::TooMuch { size, most })
        } else {
            Ok(())
        }
    }
}

/// Why an upload in parts broke off.
enum PartError {
    Read(io::Error),
    Send(object_store::Error),
}

impl PartError {
    fn into_blob(self, path: &Path) -> BlobError {
        match self {
            Self::Read(source) => BlobError::Folder {
                path: path.to_owned(),
                source,
            },
            Self::Send(error) => error.into(),
        }
    }
}

/// Sends all of `file`; gives the hash of what was sent.
async fn copy_parts(mut file: tokio::fs::File, writer: &mut WriteMultipart) -> Result<Hash32, PartError> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; PART as usize];
    loop {
        let read = file.read(&mut buffer).await.map_err(PartError::Read)?;
        if read == 0 {
            return Ok(Hash32(digest.finalize().into()));
        }
        digest.update(&buffer[..read]);
        writer.wait_for_capacity(PARTS).await.map_err(PartError::Send)?;
        writer.write(&buffer[..read]);
    }
}

async fn hash_of(file: &mut tokio::fs::File) -> io::Result<(Hash32, u64)> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut size = 0;
    loop {
        let read = file.read(&mut buffer).await?;
        if read == 0 {
            return Ok((Hash32(digest.finalize().into()), size));
        }
        size += read as u64;
        digest.update(&buffer[..read]);
    }
}

#[cfg(feature = "s3")]
fn remote(url: &str) -> Result<Arc<dyn ObjectStore>, BlobError> {
    use object_store::{aws::AmazonS3Builder, prefix::PrefixStore};
    let Some(rest) = url.strip_prefix("s3://").filter(|rest| !rest.is_empty()) else {
        return Err(BlobError::Address {
            url: url.to_owned(),
            problem: "write s3://bucket/prefix, or the path of a folder".into(),
        });
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let store = AmazonS3Builder::from_env().with_bucket_name(bucket).build()?;
    Ok(Arc::new(PrefixStore::new(store, prefix)))
}

#[cfg(not(feature = "s3"))]
fn remote(url: &str) -> Result<Arc<dyn ObjectStore>, BlobError> {
    Err(BlobError::Address {
        url: url.to_owned(),
        problem: "this program was built without S3: build it with `--features gantry-sdk/s3`, or write the path of a \
                  folder"
            .into(),
    })
}

/// Two levels, so that no folder grows without bound.
fn location(hash: Hash32) -> ObjectPath {
    let name = hash.to_string();
    ObjectPath::from(format!("sha256/{}/{name}", &name[..2]))
}

#[cfg(test)]
mod tests;
