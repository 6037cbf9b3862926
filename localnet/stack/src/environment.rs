//! What a shell needs to use a running stack, as a file to source.

use crate::demo::Market;
use anyhow::Context as _;
use gantry_sdk::mints::MintNames;
use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// The file in the run folder.
const FILE: &str = "env";

/// A file of `export`s in the run folder, there for as long as the stack runs. It holds the database's password: only
/// its owner can read it.
#[derive(Debug)]
pub struct Environment(pub PathBuf);

impl Environment {
    /// Writes the file for `market`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(market: &Market) -> anyhow::Result<Self> {
        let stack = &market.stack;
        let programs = stack.binaries().folder().to_owned();
        let path = |path: &Path| path.display().to_string();
        let variables = [
            ("GANTRY_RUN_DIR", path(stack.run_dir().path())),
            ("GANTRY_RPC_URL", stack.chain().rpc.clone()),
            ("GANTRY_API_URL", stack.api_url().unwrap_or_default().to_owned()),
            // Not DATABASE_URL: the next `cargo xtask up` in that shell would take it for its own.
            (
                "GANTRY_DATABASE_URL",
                stack.database_url().unwrap_or_default().to_owned(),
            ),
            ("GANTRY_BLOB_DIR", path(&market.folder.join("blobs"))),
            ("GANTRY_MINTS", MintNames::of(&market.deployment)?.to_string()),
            ("GANTRY_KEYPAIR", path(&market.folder.join("keys/customer.json"))),
            ("GANTRY_BIN", path(&programs)),
        ];
        let mut text = String::from("# Source this file: it says where the network of `cargo xtask up` is.\n");
        for (name, value) in variables {
            text.push_str(&format!("export {name}={}\n", quoted(&value)));
        }
        text.push_str("export PATH=\"$GANTRY_BIN:$PATH\"\n");
        let file = stack.run_dir().path().join(FILE);
        // A new file each time, so that the mode is this one.
        let _ = fs::remove_file(&file);
        let context = || format!("cannot write {}", file.display());
        let mut options = OpenOptions::new();
        let mut new = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&file)
            .with_context(context)?;
        new.write_all(text.as_bytes()).with_context(context)?;
        Ok(Self(file))
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        // What it names is gone.
        let _ = fs::remove_file(&self.0);
    }
}

/// One word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_path_with_anything_in_it_stays_one_word() {
        assert_eq!(quoted("/a b/$c"), "'/a b/$c'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
