//! The TypeScript SDK.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{node::Node, paths, progress::Steps, sh};

/// The npm package, with its dependencies installed.
pub(crate) struct Package {
    node: Node,
    folder: PathBuf,
}

impl Package {
    /// Installs what the lock file names, unless that has been done.
    ///
    /// # Errors
    /// If Node.js or a dependency cannot be fetched.
    pub(crate) fn ensure() -> Result<Self> {
        let node = Node::ensure()?;
        let folder = paths::root().join("sdk/typescript");
        let package = Self { node, folder };
        let lock = fs::read(package.folder.join("package-lock.json")).context("sdk/typescript/package-lock.json")?;
        // Written when all is there: npm's own record is written before.
        let done = package.folder.join("node_modules/.installed-lock.json");
        if fs::read(&done).is_ok_and(|installed| installed == lock) {
            return Ok(package);
        }
        let mut steps = Steps::new("TypeScript SDK", 1);
        steps.step("installing the dependencies of its lock file", || {
            // No scripts: what is installed runs nothing before it is called.
            let mut install = package.npm(&["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
            sh::quiet(&mut install, &paths::cache()?.join("log/npm-ci.log"))?;
            fs::write(&done, &lock).with_context(|| done.display().to_string())
        })?;
        Ok(package)
    }

    /// Format, lints, types, unit tests, and the package as npm would pack it.
    pub(crate) fn test(&self) -> Result<()> {
        // Built first: the example is checked against the package by its name.
        for script in ["build", "check", "test", "test:package"] {
            self.run(script)?;
        }
        Ok(())
    }

    /// The tests against a local network, one of them in `browser` where there is one.
    pub(crate) fn test_end_to_end(&self, browser: Option<&Path>) -> Result<()> {
        let mut tests = self.npm(&["run", "--silent", "test:e2e"]);
        if let Some(browser) = browser {
            tests.env("GANTRY_BROWSER", browser);
        }
        sh::shown(&mut tests)
    }

    /// The search path that finds its `node` and `npm`, where those are not the machine's own.
    pub(crate) fn path(&self) -> Option<OsString> {
        self.node.path()
    }

    fn run(&self, script: &str) -> Result<()> {
        sh::shown(&mut self.npm(&["run", "--silent", script]))
    }

    fn npm(&self, arguments: &[&str]) -> Command {
        let mut npm = self.node.command("npm");
        npm.current_dir::<&Path>(&self.folder).args(arguments);
        npm
    }
}
