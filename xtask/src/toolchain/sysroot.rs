//! The compiler's library sources, edited so that they build for the virtual machine.

use std::{
    env::consts::ARCH,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::recipe::{self, Edit};
use crate::sh;

/// Makes the sysroot at `target` from the compiler's packages, unpacked beside it in the folder `stable`.
pub(super) fn assemble(stable: &Path, target: &Path) -> Result<()> {
    let host = format!("{ARCH}-unknown-linux-gnu");
    let rustlib = target.join("lib/rustlib");
    fs::create_dir_all(rustlib.join("src/rust"))?;
    symlink(
        Path::new("../../../stable/usr/lib/rustlib").join(&host),
        rustlib.join(&host),
    )?;

    let library = rustlib.join("src/rust/library");
    sh::output(
        Command::new("cp")
            .arg("--recursive")
            .arg(sources(stable)?)
            .arg(&library),
    )?;
    for edit in recipe::EDITS {
        apply(edit, &library)?;
    }
    for (file, text) in recipe::FILES {
        fs::write(library.join(file), text).with_context(|| file.to_string())?;
    }
    Ok(())
}

/// The folder of library sources among the unpacked packages.
fn sources(stable: &Path) -> Result<PathBuf> {
    let folder = stable.join("usr/src");
    let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut found = entries
        .filter_map(|entry| Some(entry.ok()?.path().join("library")))
        .filter(|path| path.is_dir());
    found.next().with_context(|| {
        format!(
            "the package with the library sources has none below {}",
            folder.display()
        )
    })
}

fn apply(edit: &Edit, library: &Path) -> Result<()> {
    let path = library.join(edit.file);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let times = text.matches(edit.find).count();
    if times != edit.times {
        bail!(
            "the library sources have changed: {} has {:?} {times} times, expected {}; the recipe in \
             xtask/src/toolchain must follow (until then: --toolchain platform-tools)",
            edit.file,
            edit.find,
            edit.times
        );
    }
    fs::write(&path, text.replace(edit.find, edit.replace)).with_context(|| path.display().to_string())
}
