//! Where the other programs are.

use std::path::{Path, PathBuf};

/// A program that should be there is not.
#[derive(Debug, thiserror::Error)]
#[error("{name} is not in {}: build it with `cargo build --bin {name}`", folder.display())]
pub struct MissingBinary {
    name: String,
    folder: PathBuf,
}

/// A folder with Gantry's programs.
#[derive(Debug, Clone)]
pub struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// The programs in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The programs beside the running one. A test program lies one folder deeper than those that it tests.
    ///
    /// # Errors
    ///
    /// If the system does not say where the running program is.
    pub fn beside_this() -> std::io::Result<Self> {
        let this = std::env::current_exe()?;
        let folder = this.parent().unwrap_or(Path::new("/"));
        let folder = if folder.ends_with("deps") {
            folder.parent().unwrap_or(folder)
        } else {
            folder
        };
        Ok(Self::new(folder))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of the program `name`.
    ///
    /// # Errors
    ///
    /// [`MissingBinary`] says how to build it.
    pub fn find(&self, name: &str) -> Result<PathBuf, MissingBinary> {
        let file = self.folder.join(name);
        if file.is_file() {
            Ok(file)
        } else {
            Err(MissingBinary {
                name: name.to_owned(),
                folder: self.folder.clone(),
            })
        }
    }
}
