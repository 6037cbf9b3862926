//! Where things are.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    // Cargo sets it at run time too: the binary must not remember a folder that has moved since.
    let manifest =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map_or_else(|| manifest.clone(), Path::to_path_buf)
}

/// The folder for what is set up once and outlives the source tree: `GANTRY_CACHE`, or `gantry` in the user's cache.
pub(crate) fn cache() -> Result<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("GANTRY_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("gantry")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/gantry")))
        .context("no folder for the cache is known: set GANTRY_CACHE to one")?;
    std::path::absolute(&folder).with_context(|| format!("the cache folder {} is no path", folder.display()))
}

/// The cargo that runs this task, so that everything is built with the one the user chose.
pub(crate) fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}
