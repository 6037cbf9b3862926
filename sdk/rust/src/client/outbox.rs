//! Opening a job once, whatever happens to the program that opens it.
//!
//! A program can be killed after its transaction was sent and before it knew; run again, it would open a second job. An
//! [`Outbox`] is a folder in which each opening is written down before it is sent: under a name of the caller's, the
//! job's number. Numbers are never reused and the program on chain opens each once, so that sending it again is harmless,
//! and the record says which job to look for.

use super::{ClientError, Gantry, OpenJob, OpenedJob};
use crate::{AnySigner, Hash32, Pubkey, pda, state::AnyEvent};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Longest name of an opening.
const LONGEST_NAME: usize = 64;
/// Numbers that another program may snatch from us before we give up.
const TRIES: usize = 8;

/// The record of openings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The file system refuses.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A record that is none.
    #[error("{} is no record of an opened job: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A name that is none.
    #[error("`{0}` names no opening: write 1 to {LONGEST_NAME} letters, digits, `.`, `-` or `_`, the first no point")]
    Name(String),
    /// The name stands for something else already.
    #[error("the name {name} stands for job {id} {what} already: use a new name for a new job")]
    Taken {
        /// The name.
        name: String,
        /// That job's number.
        id: u64,
        /// In what it differs.
        what: &'static str,
    },
}

/// A folder of openings, one for each wallet. One program at a time works in it, others wait.
#[derive(Debug, Clone)]
pub struct Outbox(PathBuf);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Opening {
    version: u32,
    genesis_hash: Hash32,
    customer: String,
    spec_hash: Hash32,
    id: u64,
}

impl Outbox {
    /// The outbox in `folder`, which is made if need be.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, OutboxError> {
        let folder = folder.into();
        match fs::create_dir_all(&folder) {
            Ok(()) => Ok(Self(folder)),
            Err(source) => Err(OutboxError::Io { path: folder, source }),
        }
    }

    fn file(&self, name: &str) -> Result<PathBuf, OutboxError> {
        let fits = (1..=LONGEST_NAME).contains(&name.len()) && !name.starts_with('.');
        if !fits || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
            return Err(OutboxError::Name(name.to_owned()));
        }
        Ok(self.0.join(format!("{name}.json")))
    }

    /// Waits until no other program works in the folder. Held until it is dropped.
    async fn lock(&self) -> Result<File, OutboxError> {
        let path = self.0.join(".lock");
        let locked = tokio::task::spawn_blocking({
            let path = path.clone();
            move || {
                let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
                file.lock()?;
                Ok(file)
            }
        });
        let io = |source| OutboxError::Io { path, source };
        match locked.await {
            Ok(file) => file.map_err(io),
            Err(error) => Err(io(io::Error::other(error))),
        }
    }

    fn read(path: &Path) -> Result<Option<Opening>, OutboxError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                let path = path.to_owned();
                return Err(OutboxError::Io { path, source });
            }
        };
        let opening = serde_json::from_str(&text).map_err(|error| OutboxError::Malformed {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Some(opening))
    }

    /// Writes the record so that it is there whole after a crash, or not at all.
    fn write(&self, path: &Path, opening: &Opening) -> Result<(), OutboxError> {
        let part = path.with_extension("part");
        let write = || {
            let mut file = File::create(&part)?;
            file.write_all(serde_json::to_string(opening)?.as_bytes())?;
            file.sync_all()?;
            fs::rename(&part, path)?;
            File::open(&self.0)?.sync_all()
        };
        write().map_err(|source| OutboxError::Io {
            path: path.to_owned(),
            source,
        })
    }
}

/// What the chain says about a recorded opening.
enum Recorded {
    /// Its job is open, or was and is closed.
    Opened(OpenedJob),
    /// The number is still free: it was not sent, or is on its way.
    Free,
    /// The number went to another job.
    Lost,
}

impl Gantry {
    /// [`open_job`](Self::open_job), once for each `name`: called again with the same name and spec, by this program or
    /// by the next after a crash at any moment, it gives the job that was opened then, be it closed by now.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner) -> Result<(), Box<dyn std::error::Error>> {
    /// use gantry_sdk::{blob::BlobStore, client::{OpenJob, Outbox}, spec::JobSpec};
    ///
    /// let blobs = BlobStore::open(".gantry/network/blobs")?;
    /// let spec = JobSpec::load("examples/quick.json".as_ref())?;
    /// let prepared = spec.prepare("examples".as_ref(), &blobs).await?;
    /// let outbox = Outbox::open("outbox")?;
    /// // However often this is run: one job for this invoice.
    /// let job = gantry.open_job_once(wallet, OpenJob::new(&prepared), &outbox, "invoice-17").await?;
    /// # let _ = job.address;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OutboxError::Taken`] for a name that stands for another spec, wallet or network; as
    /// [`open_job`](Self::open_job).
    pub async fn open_job_once(
        &self,
        wallet: &AnySigner,
        request: OpenJob<'_>,
        outbox: &Outbox,
        name: &str,
    ) -> Result<OpenedJob, ClientError> {
        let path = outbox.file(name)?;
        let _lock = outbox.lock().await?;
        let customer = wallet.pubkey();
        let mut wanted = Opening {
            version: 1,
            genesis_hash: Hash32(self.genesis_hash().await?),
            customer: customer.to_string(),
            spec_hash: Hash32(request.spec.hash()),
            id: 0,
        };
        for _ in 0..TRIES {
            let recorded = Outbox::read(&path)?;
            let id = match &recorded {
                Some(opening) => {
                    same(name, opening, &wanted)?;
                    match self.recorded(&customer, opening, &request).await? {
                        Recorded::Opened(job) => return Ok(job),
                        Recorded::Free => Some(opening.id),
                        Recorded::Lost => None,
                    }
                }
                None => None,
            };
            wanted.id = match id {
                Some(id) => id,
                None => self
                    .customer(&customer)
                    .await?
                    .map_or(0, |customer| customer.next_job_id),
            };
            // In vain, if the number is taken by now: then the next round finds that out.
            outbox.write(&path, &wanted)?;
            let id = Some(wanted.id);
            match self.open_job(wallet, OpenJob { id, ..request }).await {
                Ok(job) => return Ok(job),
                Err(ClientError::OutOfBounds { field: "id", .. }) => {}
                // Refused because somebody else was first with the number, or for a reason that stays.
                Err(error @ ClientError::Program { .. }) => {
                    let next = self
                        .customer(&customer)
                        .await?
                        .map_or(0, |customer| customer.next_job_id);
                    if next <= wanted.id {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(ClientError::OutOfBounds {
            field: "id",
            problem: "other programs open jobs of this wallet faster than this one: try again".into(),
        })
    }

    async fn recorded(
        &self,
        customer: &Pubkey,
        opening: &Opening,
        request: &OpenJob<'_>,
    ) -> Result<Recorded, ClientError> {
        let next = self
            .customer(customer)
            .await?
            .map_or(0, |customer| customer.next_job_id);
        if opening.id >= next {
            return Ok(Recorded::Free);
        }
        let address = pda::job(customer, opening.id);
        let (mint, deposited, spec_hash) = match self.job(&address).await? {
            Some(job) => (job.mint, job.deposited, job.spec_hash),
            None => {
                let history = self.job_history(&address).await?;
                let opened = history.events().find_map(|event| match event {
                    AnyEvent::JobOpened(opened) => Some((opened.mint, opened.deposited, opened.spec_hash)),
                    _ => None,
                });
                let forgotten = || ClientError::NotFound {
                    what: "record any more, with the RPC server, of the opening of job",
                    address: address.to_string(),
                };
                opened.ok_or_else(forgotten)?
            }
        };
        if spec_hash != request.spec.hash() {
            return Ok(Recorded::Lost);
        }
        Ok(Recorded::Opened(OpenedJob {
            address,
            id: opening.id,
            mint,
            decimals: self.mint(&mint).await?.decimals,
            deposited,
            signature: None,
        }))
    }
}

/// Refuses a name that stands for something else.
fn same(name: &str, recorded: &Opening, wanted: &Opening) -> Result<(), OutboxError> {
    let what = if recorded.genesis_hash != wanted.genesis_hash {
        "of another network"
    } else if recorded.customer != wanted.customer {
        "of another wallet"
    } else if recorded.spec_hash != wanted.spec_hash {
        "with another spec"
    } else {
        return Ok(());
    };
    Err(OutboxError::Taken {
        name: name.to_owned(),
        id: recorded.id,
        what,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening() -> Opening {
        Opening {
            version: 1,
            genesis_hash: Hash32([1; 32]),
            customer: "c".into(),
            spec_hash: Hash32([2; 32]),
            id: 7,
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_a_damaged_one_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let outbox = Outbox::open(folder.path().join("deep/outbox")).expect("made");
        let path = outbox.file("invoice-17").expect("a name");
        assert_eq!(Outbox::read(&path).expect("nothing there"), None);
        outbox.write(&path, &opening()).expect("written");
        assert_eq!(Outbox::read(&path).expect("read"), Some(opening()));
        fs::write(&path, "{").expect("written");
        assert!(matches!(Outbox::read(&path), Err(OutboxError::Malformed { .. })));
        for odd in ["", "..", "a/b", ".hidden", "ä", &"x".repeat(65)] {
            assert!(matches!(outbox.file(odd), Err(OutboxError::Name(_))), "{odd}");
        }
    }

    #[test]
    fn a_name_stands_for_one_job_of_one_wallet_on_one_network() {
        let other = |change: fn(&mut Opening)| {
            let mut wanted = opening();
            change(&mut wanted);
            same("n", &opening(), &wanted)
        };
        assert!(other(|_| {}).is_ok() && other(|o| o.id = 9).is_ok());
        assert!(other(|o| o.customer = "d".into()).is_err());
        assert!(other(|o| o.spec_hash = Hash32([3; 32])).is_err());
        assert!(other(|o| o.genesis_hash = Hash32([3; 32])).is_err());
    }
}
