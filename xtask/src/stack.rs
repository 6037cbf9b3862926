//! The demo and the development network: build all, then hand over to `gantry-stack`.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt,
    path::absolute,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result};

use crate::{
    check, paths,
    programs::{self, Compiler},
    setup,
};

/// Builds what is needed and becomes `gantry-stack VERB ARGUMENTS`. Everything said before that goes to stderr.
pub(crate) fn run(verb: &str, arguments: &[OsString]) -> Result<ExitCode> {
    let asks_help = arguments
        .iter()
        .any(|argument| argument == "--help" || argument == "-h");
    if !asks_help {
        setup::postgres()?;
        programs::build(Compiler::Debian, false)?;
    }
    check::build_binaries()?;
    let binary = paths::root().join("target/debug/gantry-stack");
    // The same process from here on: signals and the exit code need no forwarding.
    let error = Command::new(&binary)
        .arg(verb)
        .args(absolute_files(arguments)?)
        .current_dir(paths::root())
        .env_remove("LD_LIBRARY_PATH")
        .exec();
    Err(error).with_context(|| format!("could not start {}", binary.display()))
}

/// Makes the file after `--job` absolute: the person's folder need not be the repository's root.
fn absolute_files(arguments: &[OsString]) -> Result<Vec<OsString>> {
    let mut is_file = false;
    let mut all = Vec::with_capacity(arguments.len());
    for argument in arguments {
        if is_file && !argument.is_empty() {
            all.push(
                absolute(argument)
                    .with_context(|| argument.display().to_string())?
                    .into_os_string(),
            );
        } else {
            all.push(argument.clone());
        }
        is_file = argument == "--job";
    }
    Ok(all)
}
