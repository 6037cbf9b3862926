//! Whether a program must be compiled again.
//!
//! Cargo cannot tell: a program that is also another's dependency is compiled with other features to a shared object
//! of the same name, so the two overwrite each other and each looks stale to the next build.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::toolchain::hex;

/// What a shared object was made from: a hash over it and its inputs, and the inputs' paths, line by line.
pub(super) struct Stamp<'a> {
    /// Where the stamp is kept.
    pub(super) file: PathBuf,
    /// The shared object as deployed.
    pub(super) object: &'a Path,
    /// The compiler and its flags.
    pub(super) compiler: &'a str,
}

impl Stamp<'_> {
    /// Whether the shared object is there, and all is as it was when it was compiled.
    pub(super) fn is_current(&self) -> bool {
        let Ok(text) = fs::read_to_string(&self.file) else {
            return false;
        };
        let mut lines = text.lines();
        let hash = lines.next().unwrap_or_default();
        let inputs: Vec<PathBuf> = lines.map(PathBuf::from).collect();
        self.hash(&inputs).is_ok_and(|now| now == hash)
    }

    /// Notes what the shared object was made from: the sources that cargo names in `dependencies` (a file of make's
    /// format), their manifests, and `others`.
    pub(super) fn write(&self, dependencies: &Path, others: &[PathBuf]) -> Result<()> {
        let text = fs::read_to_string(dependencies).with_context(|| dependencies.display().to_string())?;
        let mut inputs: BTreeSet<PathBuf> = others.iter().cloned().collect();
        for source in sources(&text) {
            inputs.extend(manifest_of(&source));
            inputs.insert(source);
        }
        let inputs: Vec<PathBuf> = inputs.into_iter().collect();
        let mut stamp = self.hash(&inputs)?;
        for input in &inputs {
            stamp.push('\n');
            stamp.push_str(&input.display().to_string());
        }
        let folder = self.file.parent().context("a stamp lies in a folder")?;
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&self.file, stamp))
            .with_context(|| self.file.display().to_string())
    }

    fn hash(&self, inputs: &[PathBuf]) -> Result<String> {
        let mut hash = Sha256::new();
        hash.update(self.compiler);
        for file in inputs.iter().map(PathBuf::as_path).chain([self.object]) {
            let bytes = fs::read(file).with_context(|| file.display().to_string())?;
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(&bytes);
        }
        Ok(hex(&hash.finalize()))
    }
}

/// The files behind the colon, where a space in a name is escaped.
fn sources(text: &str) -> Vec<PathBuf> {
    let Some((_, files)) = text.lines().next().and_then(|line| line.split_once(": ")) else {
        return Vec::new();
    };
    let files = files.replace("\\ ", "\0");
    files
        .split(' ')
        .filter(|file| !file.is_empty())
        .map(|file| PathBuf::from(file.replace('\0', " ")))
        .collect()
}

fn manifest_of(source: &Path) -> Option<PathBuf> {
    source
        .ancestors()
        .skip(1)
        .map(|folder| folder.join("Cargo.toml"))
        .find(|manifest| manifest.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_make_would() {
        let text = "/t/libmarket.so: /p/src/lib.rs /p/with\\ space/a.rs\n";
        assert_eq!(
            sources(text),
            [PathBuf::from("/p/src/lib.rs"), PathBuf::from("/p/with space/a.rs")]
        );
    }

    #[test]
    fn any_change_makes_it_stale() {
        let folder = std::env::temp_dir().join(format!("gantry-freshness-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let file = |name: &str| folder.join(name);
        for name in ["Cargo.toml", "lib.rs", "lock", "x.so"] {
            fs::write(file(name), name).expect("written");
        }
        fs::write(file("x.d"), format!("x.so: {}\n", file("lib.rs").display())).expect("written");
        let object = file("x.so");
        let stamp = Stamp {
            file: file("stamp"),
            object: &object,
            compiler: "one",
        };
        assert!(!stamp.is_current());
        for name in ["Cargo.toml", "lib.rs", "lock", "x.so"] {
            stamp.write(&file("x.d"), &[file("lock")]).expect("stamped");
            assert!(stamp.is_current());
            fs::write(file(name), "changed").expect("written");
            assert!(!stamp.is_current(), "{name}");
        }
        stamp.write(&file("x.d"), &[file("lock")]).expect("stamped");
        assert!(
            !Stamp {
                file: file("stamp"),
                object: &object,
                compiler: "two"
            }
            .is_current()
        );
        fs::remove_dir_all(&folder).expect("removed");
    }
}
