//! Key files: Solana's JSON format, an array of 64 numbers, readable by their owner alone.

use crate::Keypair;
use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// A key file longer than this is none: 64 numbers with punctuation and generous blanks.
const LONGEST: u64 = 4_096;

/// A key file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is none.
    #[error("no key file at {}: make one with `gantry keys new {}`", .0.display(), .0.display())]
    Missing(PathBuf),
    /// There is one already.
    #[error("{} exists already and is left as it is: choose another name", .0.display())]
    Exists(PathBuf),
    /// Others can read it.
    #[error("{} can be read by others (mode {mode:03o}): run `chmod 600 {}`", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is no key.
    #[error("{} is no Solana key file: it holds a JSON array of 64 numbers ({reason})", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file system refuses.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Reads a key file.
///
/// # Errors
/// If it is missing, readable by group or others, or no key.
pub fn load(path: impl AsRef<Path>) -> Result<Keypair, KeyError> {
    let path = path.as_ref();
    let io = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => KeyError::Missing(path.to_owned()),
        _ => KeyError::Io {
            path: path.to_owned(),
            source,
        },
    };
    let file = File::open(path).map_err(io)?;
    refuse_exposed(path, &file).map_err(io)??;
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).map_err(io)?;
    parse(&text, path)
}

/// Reads the text of a key file. `path` says where it is from, for errors.
///
/// # Errors
/// If it is no key.
pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Keypair, KeyError> {
    let malformed = |reason: String| KeyError::Malformed {
        path: path.as_ref().to_owned(),
        reason,
    };
    // The error names a position, never the numbers themselves.
    let bytes: Vec<u8> = serde_json::from_str(text)
        .map_err(|error| malformed(format!("line {}, column {}", error.line(), error.column())))?;
    if bytes.len() != 64 {
        return Err(malformed(format!("{} numbers", bytes.len())));
    }
    Keypair::try_from(bytes.as_slice()).map_err(|_| malformed("the public half does not belong to the secret".into()))
}

/// Makes a new key and writes it to a new file, with mode 600. Missing folders are made.
///
/// # Errors
/// If the file exists or cannot be written.
pub fn create(path: impl AsRef<Path>) -> Result<Keypair, KeyError> {
    let path = path.as_ref();
    let key = Keypair::new();
    write(path, &key)?;
    Ok(key)
}

/// Reads the key file if there is one, else makes it.
///
/// # Errors
/// As [`load`] and [`create`].
pub fn load_or_create(path: impl AsRef<Path>) -> Result<Keypair, KeyError> {
    match load(&path) {
        Err(KeyError::Missing(_)) => create(path),
        other => other,
    }
}

fn write(path: &Path, key: &Keypair) -> Result<(), KeyError> {
    let io = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
        _ => KeyError::Io {
            path: path.to_owned(),
            source,
        },
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(io)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(io)?;
    let text = serde_json::to_string(&key.to_bytes().to_vec()).map_err(|error| io(error.into()))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(io)
}

#[cfg(unix)]
fn refuse_exposed(path: &Path, file: &File) -> io::Result<Result<(), KeyError>> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata()?.permissions()) & 0o777;
    let exposed = KeyError::Exposed {
        path: path.to_owned(),
        mode,
    };
    Ok(if mode & 0o077 == 0 { Ok(()) } else { Err(exposed) })
}

#[cfg(not(unix))]
fn refuse_exposed(_: &Path, _: &File) -> io::Result<Result<(), KeyError>> {
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signer;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_new_key_is_private_and_loads_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/id.json");
        let key = create(&path).expect("a new key");
        assert_eq!(path.metadata().expect("written").permissions().mode() & 0o777, 0o600);
        assert_eq!(load(&path).expect("loads").pubkey(), key.pubkey());
        assert_eq!(load_or_create(&path).expect("loads").pubkey(), key.pubkey());
        assert!(matches!(create(&path), Err(KeyError::Exists(_))));
    }

    #[test]
    fn what_others_can_read_is_refused_with_the_command_that_mends_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("id.json");
        create(&path).expect("a new key");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("chmod");
        let message = load(&path).expect_err("exposed").to_string();
        assert!(message.contains(&format!("chmod 600 {}", path.display())), "{message}");
    }

    #[test]
    fn what_is_no_key_is_refused_without_showing_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("id.json");
        let write = |text: &str| {
            let _ = std::fs::remove_file(&path);
            std::fs::write(&path, text).expect("written");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("chmod");
            load(&path).expect_err("no key").to_string()
        };
        assert!(matches!(load(&path), Err(KeyError::Missing(_))));
        assert!(write("[201, 202").contains("no Solana key file"));
        assert!(!write("[201, 999]").contains("201"));
        assert!(write(&format!("{:?}", vec![7; 64])).contains("public half"));
        assert!(write("[1, 2]").contains("2 numbers"));
    }
}
