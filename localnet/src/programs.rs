//! Which programs to deploy, and at which addresses.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;
use solana_pubkey::Pubkey;

/// Gantry's own programs, in the order of deployment.
pub const GANTRY_PROGRAMS: [&str; 3] = ["registry", "staking", "market"];

/// A program that cannot be deployed.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// A file is missing or cannot be read.
    #[error("cannot read {}: {source}; build the programs with `cargo xtask programs build`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An IDL without a usable address.
    #[error("{} names no program address: {reason}; write it again with `cargo xtask programs build`", path.display())]
    BadIdl {
        /// The IDL.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that is no program.
    #[error("{} is no ELF file: it starts with other bytes than 7f 45 4c 46", path.display())]
    NoElf {
        /// The file.
        path: PathBuf,
    },
    /// Two programs at one address.
    #[error("two programs were given the address {0}")]
    Twice(Pubkey),
}

/// A program to deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramSource {
    /// Where it will live.
    pub id: Pubkey,
    /// Its ELF file.
    pub path: PathBuf,
    /// What it is called: the file's name without its ending.
    pub name: String,
}

impl ProgramSource {
    fn new(id: Pubkey, path: PathBuf) -> Self {
        let name = path
            .file_stem()
            .map_or_else(|| id.to_string(), |stem| stem.to_string_lossy().into_owned());
        Self { id, path, name }
    }

    /// Gantry's programs: `{name}.so` in `programs_dir` at the `address` that `{name}.json` in `idl_dir` gives.
    ///
    /// # Errors
    /// When an IDL is missing or has no address.
    pub fn gantry(programs_dir: &Path, idl_dir: &Path) -> Result<Vec<Self>, ProgramError> {
        let source = |name: &&str| {
            let id = idl_address(&idl_dir.join(format!("{name}.json")))?;
            Ok(Self::new(id, programs_dir.join(format!("{name}.so"))))
        };
        GANTRY_PROGRAMS.iter().map(source).collect()
    }
}

impl FromStr for ProgramSource {
    type Err = String;

    /// Reads `ID=FILE.so`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (id, path) = text.split_once('=').ok_or("expected ID=FILE.so")?;
        let id = Pubkey::from_str(id).map_err(|_| format!("`{id}` is no program address in base58"))?;
        if path.is_empty() {
            return Err("expected a file after `=`".to_owned());
        }
        Ok(Self::new(id, PathBuf::from(path)))
    }
}

/// A program read from its file.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) source: ProgramSource,
    pub(crate) elf: Vec<u8>,
}

/// Reads all programs; nothing is deployed when one is bad.
pub(crate) fn load(sources: &[ProgramSource]) -> Result<Vec<Program>, ProgramError> {
    let mut programs: Vec<Program> = Vec::with_capacity(sources.len());
    for source in sources {
        if programs.iter().any(|program| program.source.id == source.id) {
            return Err(ProgramError::Twice(source.id));
        }
        let elf = read(&source.path)?;
        if !elf.starts_with(b"\x7fELF") {
            return Err(ProgramError::NoElf {
                path: source.path.clone(),
            });
        }
        programs.push(Program {
            source: source.clone(),
            elf,
        });
    }
    Ok(programs)
}

fn read(path: &Path) -> Result<Vec<u8>, ProgramError> {
    std::fs::read(path).map_err(|source| ProgramError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

fn idl_address(path: &Path) -> Result<Pubkey, ProgramError> {
    #[derive(Deserialize)]
    struct Idl {
        address: String,
    }
    let bad = |reason: String| ProgramError::BadIdl {
        path: path.to_owned(),
        reason,
    };
    let idl: Idl = serde_json::from_slice(&read(path)?).map_err(|error| bad(error.to_string()))?;
    Pubkey::from_str(&idl.address).map_err(|_| bad(format!("`{}` is no address in base58", idl.address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "SysvarC1ock11111111111111111111111111111111";

    #[test]
    fn addresses_come_from_the_idls() {
        let dir = tempfile::tempdir().expect("a folder");
        let error = ProgramSource::gantry(dir.path(), dir.path())
            .expect_err("no IDL yet")
            .to_string();
        assert!(
            error.contains("registry.json") && error.contains("cargo xtask programs build"),
            "{error}"
        );
        for name in GANTRY_PROGRAMS {
            let idl = format!(r#"{{"address":"{ID}","metadata":{{"name":"{name}"}}}}"#);
            std::fs::write(dir.path().join(format!("{name}.json")), idl).expect("written");
        }
        let sources = ProgramSource::gantry(dir.path(), dir.path()).expect("three programs");
        assert_eq!(sources.len(), 3);
        assert_eq!(sources[1].name, "staking");
        assert_eq!(sources[1].path, dir.path().join("staking.so"));
        assert!(matches!(load(&sources), Err(ProgramError::Unreadable { .. })));
        for source in &sources {
            std::fs::write(&source.path, b"\x7fELF...").expect("written");
        }
        assert!(
            matches!(load(&sources), Err(ProgramError::Twice(_))),
            "all three have one address here"
        );
        std::fs::write(&sources[0].path, b"text").expect("written");
        assert!(matches!(load(&sources), Err(ProgramError::NoElf { .. })));
    }

    #[test]
    fn a_program_on_the_command_line_is_id_and_file() {
        let source: ProgramSource = format!("{ID}=some/where.so").parse().expect("valid");
        assert_eq!((source.id.to_string().as_str(), source.name.as_str()), (ID, "where"));
        for bad in ["nothing", "x=y.so", &format!("{ID}=")] {
            bad.parse::<ProgramSource>().expect_err("must be refused");
        }
    }
}
