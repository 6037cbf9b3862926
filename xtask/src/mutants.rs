//! Mutation testing: small faults, one at a time, in the maths that money depends on; a test has to notice each.
//! What is changed is chosen in `.cargo/mutants.toml` of each workspace.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::{paths, sh};

/// The version that the choice of mutants was made with: another one makes others.
const CARGO_MUTANTS: &str = "27.1.0";

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Subject {
    /// `sdk/core`: billing, credits, bonds, reputation, requirements, receipts
    Core,
    /// The state of the programs and the maths beside it
    Programs,
}

/// Runs over the subjects named, or both; fails where a mutant outlives the tests. `arguments` go to cargo-mutants.
pub(crate) fn run(only: &[Subject], arguments: &[OsString]) -> Result<()> {
    require_tool()?;
    let folder = paths::root().join("target/mutants");
    let tree = folder.join("tree");
    copy_tree(&tree)?;
    for subject in [Subject::Core, Subject::Programs] {
        if !only.is_empty() && !only.contains(&subject) {
            continue;
        }
        let (name, workspace) = match subject {
            Subject::Core => ("core", tree.clone()),
            Subject::Programs => ("programs", tree.join("programs")),
        };
        let report = folder.join("report").join(name);
        fs::create_dir_all(&report).with_context(|| report.display().to_string())?;
        let mut mutants = Command::new(paths::cargo());
        mutants
            .current_dir(&workspace)
            .env("CARGO_TARGET_DIR", folder.join("build").join(name))
            .env_remove("LD_LIBRARY_PATH")
            // In place, in the copy: the programs' workspace depends on a folder outside of it.
            .args(["mutants", "--workspace", "--in-place", "--output"])
            .arg(&report)
            .args(arguments);
        sh::shown(&mut mutants).with_context(|| {
            format!(
                "not every mutant of {name} was caught; see {}",
                report.join("mutants.out").display()
            )
        })?;
    }
    Ok(())
}

fn require_tool() -> Result<()> {
    if !sh::succeeds(Command::new(paths::cargo()).args(["mutants", "--version"])) {
        bail!(
            "`cargo mutants` is not installed. This installs it: cargo install cargo-mutants --locked --version \
             {CARGO_MUTANTS}"
        );
    }
    Ok(())
}

/// Copies what git keeps, and what it would, into a fresh `tree`: a run that is cut short leaves a mutant there and not
/// here, and the tree here can be worked on meanwhile.
fn copy_tree(tree: &Path) -> Result<()> {
    let root = paths::root();
    let listing = sh::output(Command::new("git").current_dir(&root).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    if tree.exists() {
        fs::remove_dir_all(tree).with_context(|| tree.display().to_string())?;
    }
    for name in listing.split_terminator('\0') {
        let from = root.join(name);
        // Deleted here and not yet in git, or a link that leads nowhere.
        if from.is_file() {
            copy(&from, &tree.join(name))?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &PathBuf) -> Result<()> {
    let folder = to.parent().context("a file without a folder")?;
    fs::create_dir_all(folder)
        .and_then(|()| fs::copy(from, to).map(drop))
        .with_context(|| format!("copying {} to {}", from.display(), to.display()))
}
