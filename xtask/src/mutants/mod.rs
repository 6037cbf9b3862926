//! Mutation testing: small faults, one at a time, in the maths that money depends on; a test has to notice each.
//! What is changed is chosen in `.cargo/mutants.toml` of each workspace.

mod checks;

use std::{
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
    /// The checks of the instructions, left out one by one, against the tests in the VM: half a minute each, so only if
    /// named, and words behind `--` choose those with all of them in `file:line: text`
    Checks,
}

/// Runs over the subjects named, or the first two; fails where a mutant outlives the tests. `arguments` go to
/// cargo-mutants, or choose checks.
pub(crate) fn run(only: &[Subject], arguments: &[String]) -> Result<()> {
    let only = if only.is_empty() {
        &[Subject::Core, Subject::Programs]
    } else {
        only
    };
    only.iter().try_for_each(|subject| match subject {
        Subject::Core => mutate("core", "", arguments),
        Subject::Programs => mutate("programs", "programs", arguments),
        Subject::Checks => {
            let tree = folder("checks").join("tree");
            copy_tree(&tree)?;
            checks::run(&tree, arguments)
        }
    })
}

/// A folder of its own for each subject, so that two can be at work at once.
fn folder(name: &str) -> PathBuf {
    paths::root().join("target/mutants").join(name)
}

/// Has cargo-mutants change what `workspace`, a folder of the tree, chooses.
fn mutate(name: &str, workspace: &str, arguments: &[String]) -> Result<()> {
    require_tool()?;
    let folder = folder(name);
    let tree = folder.join("tree");
    copy_tree(&tree)?;
    let mut mutants = Command::new(paths::cargo());
    mutants
        .current_dir(tree.join(workspace))
        .env("CARGO_TARGET_DIR", folder.join("build"))
        .env_remove("LD_LIBRARY_PATH")
        // In place, in the copy: the programs' workspace depends on a folder outside of it.
        .args(["mutants", "--workspace", "--in-place", "--output"])
        .arg(&folder)
        .args(arguments);
    sh::shown(&mut mutants).with_context(|| {
        format!(
            "not every mutant of {name} was caught; see {}",
            folder.join("mutants.out").display()
        )
    })
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

/// Makes `tree` what git keeps and would keep of the tree here: a run that is cut short leaves a mutant there, and the
/// tree here can be worked on meanwhile. What was built in the copy stays, and so do files that are the same, with
/// their times, so that little is built again.
fn copy_tree(tree: &Path) -> Result<()> {
    let root = paths::root();
    let listing = sh::output(Command::new("git").current_dir(&root).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    let mut kept = Vec::new();
    for name in listing.split_terminator('\0') {
        let (from, to) = (root.join(name), tree.join(name));
        if from.is_symlink() {
            let target = fs::read_link(&from).with_context(|| from.display().to_string())?;
            link(&target, &to)?;
        } else if from.is_file() {
            let bytes = fs::read(&from).with_context(|| from.display().to_string())?;
            write_if_new(&to, &bytes)?;
        } else {
            // Deleted here and not yet in git.
            continue;
        }
        kept.push(to);
    }
    kept.sort();
    remove_others(tree, &kept)
}

/// Removes the files below `folder` that are not among `kept`, which is sorted; build outputs aside.
fn remove_others(folder: &Path, kept: &[PathBuf]) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            if !path.ends_with("target") {
                remove_others(&path, kept)?;
            }
        } else if kept.binary_search(&path).is_err() {
            fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

fn link(target: &Path, to: &Path) -> Result<()> {
    if fs::read_link(to).is_ok_and(|there| there == target) {
        return Ok(());
    }
    let folder = to.parent().context("a link without a folder")?;
    fs::create_dir_all(folder)
        .and_then(|()| std::os::unix::fs::symlink(target, to))
        .with_context(|| to.display().to_string())
}

fn write_if_new(file: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let folder = file.parent().context("a file without a folder")?;
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(file, bytes))
        .with_context(|| file.display().to_string())
}
