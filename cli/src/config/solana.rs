//! The Solana CLI's own configuration, of which the cluster, the key and the commitment are honoured.

use crate::exit::Usage;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::{
    io,
    path::{Path, PathBuf},
};

/// What we take from the file; it has more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct SolanaFile {
    pub(crate) json_rpc_url: Option<String>,
    pub(crate) keypair_path: Option<String>,
    pub(crate) commitment: Option<String>,
}

/// Where the Solana CLI keeps it.
pub(crate) fn path() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
    Some(PathBuf::from(home).join(".config/solana/cli/config.yml"))
}

impl SolanaFile {
    pub(crate) fn parse(text: &str) -> Result<Self, serde_yaml_ng::Error> {
        let mut file = serde_yaml_ng::from_str::<Option<Self>>(text)?.unwrap_or_default();
        for setting in [&mut file.json_rpc_url, &mut file.keypair_path, &mut file.commitment] {
            // It writes empty texts for what is not set.
            setting.take_if(|value| value.is_empty());
        }
        Ok(file)
    }

    /// Reads the file; none is fine.
    pub(crate) fn load(path: &Path) -> Result<Option<Self>> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let file = Self::parse(&text)
            .map_err(|error| Usage(format!("{} is no Solana CLI configuration: {error}", path.display())))?;
        Ok(Some(file))
    }
}
