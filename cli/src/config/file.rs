//! Our own file: named profiles.

use crate::exit::Usage;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

/// Settings under a name; what a profile leaves out comes from elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Profile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rpc_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keypair: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) commitment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) blob_dir: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run_dir: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mints: Option<String>,
}

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct File {
    /// The profile that is used where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<String>,
    pub(crate) profiles: BTreeMap<String, Profile>,
}

/// Where the file is: `GANTRY_CONFIG`, or `gantry/config.yml` in the user's configuration folder.
pub(crate) fn path() -> Result<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("GANTRY_CONFIG")
        .or_else(|| set("XDG_CONFIG_HOME").map(|folder| folder.join("gantry/config.yml")))
        .or_else(|| set("HOME").map(|home| home.join(".config/gantry/config.yml")))
        .context("HOME is not set: set GANTRY_CONFIG to a file")
}

impl File {
    pub(crate) fn parse(text: &str) -> Result<Self, serde_yaml_ng::Error> {
        // An empty file is null to YAML.
        Ok(serde_yaml_ng::from_str::<Option<Self>>(text)?.unwrap_or_default())
    }

    /// Reads the file; one that is not there has nothing.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        Ok(Self::parse(&text).map_err(|error| Usage(format!("{} is no configuration: {error}", path.display())))?)
    }

    /// Writes the file whole, or leaves the old one.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let context = || format!("cannot write {}", path.display());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(context)?;
        }
        let part = path.with_extension("part");
        std::fs::write(&part, serde_yaml_ng::to_string(self)?).with_context(context)?;
        std::fs::rename(&part, path).with_context(context)
    }

    /// The profile `name` of the file at `path`.
    pub(crate) fn profile(&self, name: &str, path: &Path) -> Result<&Profile> {
        let profile = self.profiles.get(name);
        Ok(profile.ok_or_else(|| {
            let names: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
            let there = match names.as_slice() {
                [] => "none yet, `gantry profile add` makes one".to_owned(),
                names => names.join(", "),
            };
            Usage(format!("no profile {name} in {}: there is {there}", path.display()))
        })?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_a_wrong_field_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/config.yml");
        assert_eq!(File::load(&path).expect("nothing there"), File::default());
        let profile = Profile {
            rpc_url: Some("http://x".into()),
            ..Profile::default()
        };
        let file = File {
            current: Some("x".into()),
            profiles: [("x".to_owned(), profile)].into(),
        };
        file.save(&path).expect("written");
        assert_eq!(File::load(&path).expect("read"), file);
        std::fs::write(&path, "").expect("written");
        assert_eq!(File::load(&path).expect("empty"), File::default());
        std::fs::write(&path, "profiles: { x: { rpc: a } }").expect("written");
        let said = File::load(&path).expect_err("no such field").to_string();
        assert!(said.contains("rpc_url") && said.contains("config.yml"), "{said}");
    }
}
