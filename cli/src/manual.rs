//! Shell completions and manual pages, made from the command line itself.

use crate::{Cli, context::Context, output::fields};
use anyhow::{Context as _, Result};
use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;
use std::{io, path::Path};

/// Writes the completions of `shell` to standard output.
pub(crate) fn completions(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "gantry", &mut script);
    io::Write::write_all(&mut io::stdout().lock(), &script)?;
    Ok(())
}

/// Writes a page for every command into `folder`.
pub(crate) fn pages(context: &Context, folder: &Path) -> Result<()> {
    let failed = || format!("cannot write manual pages to {}", folder.display());
    std::fs::create_dir_all(folder).with_context(failed)?;
    clap_mangen::generate_to(Cli::command(), folder).with_context(failed)?;
    let folder = folder.display().to_string();
    context.show(json!({ "folder": folder }), || {
        fields([("Manual pages", folder.clone())])
    })
}
