//! Licences, bans and sources of what the two workspaces depend on.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use crate::{check, paths, programs, progress::Steps, sh};

/// The version of cargo-deny; it is kept in the cache folder.
const CARGO_DENY: &str = "0.20.2";

/// Holds the dependencies of both workspaces to `deny.toml`.
pub(crate) fn check() -> Result<()> {
    let program = cargo_deny()?;
    for workspace in [paths::root(), programs::workspace()] {
        let mut deny = Command::new(&program);
        deny.arg("--manifest-path")
            .arg(workspace.join("Cargo.toml"))
            .arg("--config")
            .arg(paths::root().join("deny.toml"))
            .args(["--all-features", "check"])
            // What the two workspaces allow is one list: an entry is for either.
            .args([
                "--allow",
                "license-not-encountered",
                "--allow",
                "license-exception-not-encountered",
            ])
            .args(["--hide-inclusion-graph", "licenses", "bans", "sources"]);
        sh::shown(&mut deny)?;
    }
    Ok(())
}

/// cargo-deny in the cache folder, compiled there first if it is not there.
fn cargo_deny() -> Result<PathBuf> {
    let home = paths::cache()?.join(format!("cargo-deny-{CARGO_DENY}"));
    let binary = home.join("bin/cargo-deny");
    if binary.exists() {
        return Ok(binary);
    }
    let mut install = check::cargo(&paths::root());
    install
        .args([
            "install",
            "cargo-deny",
            "--locked",
            "--version",
            CARGO_DENY,
            "--no-default-features",
            // It runs for seconds, and is compiled for minutes.
            "--debug",
            "--root",
        ])
        .arg(&home)
        .arg("--target-dir")
        .arg(home.join("build"))
        .env_remove("RUSTC_WORKSPACE_WRAPPER");
    let mut steps = Steps::new("cargo-deny", 1);
    steps.step("compiling it, which takes minutes, once", || {
        sh::quiet(&mut install, &home.join("install.log"))?;
        fs::remove_dir_all(home.join("build")).context("removing what the build left")
    })?;
    if !binary.exists() {
        bail!("cargo install left no {}", binary.display());
    }
    Ok(binary)
}
