//! The on-chain programs: compiled for the virtual machine, and described by their IDLs.

mod freshness;
pub(crate) mod idl;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde_json::Value;

use self::freshness::Stamp;
use crate::{paths, progress::seconds, setup, sh, toolchain::Toolchain};

/// The programs that are deployed. Each depends on all before it.
pub(crate) const PROGRAMS: [&str; 3] = ["registry", "staking", "market"];
/// The program that checks the compiler; it is never deployed.
const SELFTEST: &str = "selftest";

/// What compiles the programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compiler {
    /// Debian's compiler and a linker from crates, set up in the cache folder
    #[default]
    Debian,
    /// An installed `cargo build-sbf` of Agave's
    PlatformTools,
}

/// Compiles the programs and writes, or with `check` compares, their IDLs.
pub(crate) fn build(compiler: Compiler, check: bool) -> Result<()> {
    let begun = Instant::now();
    compile_all(compiler, &PROGRAMS)?;
    idl::write_all(&PROGRAMS, check)?;
    eprintln!(
        "programs: {} built, IDLs {} in {}",
        PROGRAMS.join(", "),
        if check { "checked" } else { "written" },
        seconds(begun.elapsed())
    );
    Ok(())
}

/// Compiles the programs only.
pub(crate) fn compile_deployed(compiler: Compiler) -> Result<()> {
    compile_all(compiler, &PROGRAMS)
}

/// Compiles one program only.
pub(crate) fn compile_one(compiler: Compiler, name: &str) -> Result<()> {
    compile_all(compiler, &[name])
}

/// Compiles the self-test and runs it in the virtual machine.
pub(crate) fn selftest(compiler: Compiler) -> Result<()> {
    build_selftest(compiler)?;
    let mut test = Command::new(paths::cargo());
    test.current_dir(paths::root()).args([
        "test",
        "--package",
        "gantry-tests",
        "--test",
        "toolchain_selftest",
        "--",
        "--nocapture",
        "--test-threads=1",
    ]);
    sh::shown(&mut test)
}

/// Compiles the self-test only.
pub(crate) fn build_selftest(compiler: Compiler) -> Result<()> {
    compile_all(compiler, &[SELFTEST])
}

/// The workspace of the programs.
pub(crate) fn workspace() -> PathBuf {
    paths::root().join("programs")
}

/// Program by program, because a program that is built as another's dependency comes out without its entry point.
fn compile_all(compiler: Compiler, names: &[&str]) -> Result<()> {
    let deploy = paths::root().join("target/deploy");
    fs::create_dir_all(&deploy).with_context(|| deploy.display().to_string())?;
    match compiler {
        Compiler::Debian => {
            let toolchain = setup::toolchain()?;
            names.iter().try_for_each(|name| compile(&toolchain, name, &deploy))
        }
        Compiler::PlatformTools => names
            .iter()
            .try_for_each(|name| compile_with_platform_tools(name, &deploy)),
    }
}

fn compile(toolchain: &Toolchain, name: &str, deploy: &Path) -> Result<()> {
    let object = deploy.join(format!("{name}.so"));
    let compiler = toolchain.identity();
    let stamp = Stamp {
        file: workspace().join("target/stamps").join(name),
        object: &object,
        compiler: &compiler,
    };
    if stamp.is_current() {
        return Ok(());
    }
    let mut build = toolchain.cargo_build();
    build
        .current_dir(workspace())
        .args([
            "--package",
            name,
            "--lib",
            "--message-format",
            "json-render-diagnostics",
        ])
        .arg("--target-dir")
        .arg(workspace().join("target"))
        .stderr(std::process::Stdio::inherit());
    let messages = build.output().context("could not start cargo")?;
    if !messages.status.success() {
        bail!("the program {name} does not compile; again: cargo xtask programs build");
    }
    let file = shared_object(&String::from_utf8_lossy(&messages.stdout), name).with_context(|| {
        format!("cargo built {name} but no shared object: its Cargo.toml needs crate-type = [\"cdylib\", \"lib\"]")
    })?;
    install(&file, &object)?;
    stamp.write(
        &file.with_extension("d"),
        &[workspace().join("Cargo.toml"), workspace().join("Cargo.lock")],
    )
}

/// Where cargo's messages say that a package's shared object is.
fn shared_object(messages: &str, name: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact" && message["target"]["name"] == name)
        .filter_map(|message| message["filenames"].as_array().cloned())
        .flatten()
        .filter_map(|file| file.as_str().map(PathBuf::from))
        .rfind(|file| file.extension().is_some_and(|extension| extension == "so"))
}

/// Copies a file unless the copy is the same already; a reader never sees half of it.
fn install(from: &Path, to: &Path) -> Result<()> {
    let bytes = fs::read(from).with_context(|| from.display().to_string())?;
    if fs::read(to).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let part = to.with_extension("so.part");
    fs::write(&part, &bytes)
        .and_then(|()| fs::rename(&part, to))
        .with_context(|| to.display().to_string())?;
    eprintln!(
        "programs: {} is new, {} bytes",
        to.file_name().unwrap_or_default().display(),
        bytes.len()
    );
    Ok(())
}

fn compile_with_platform_tools(name: &str, deploy: &Path) -> Result<()> {
    if !sh::succeeds(Command::new(paths::cargo()).args(["build-sbf", "--version"])) {
        bail!(
            "`cargo build-sbf` is not installed. `cargo install solana-cargo-build-sbf --locked` installs it (it downloads \
             Agave's platform tools when it first runs), or leave out --toolchain platform-tools"
        );
    }
    let output = workspace().join("target/platform-tools");
    let mut build = Command::new(paths::cargo());
    build
        .current_dir(workspace())
        .args(["build-sbf", "--arch", "v3", "--manifest-path"])
        .arg(workspace().join(name).join("Cargo.toml"))
        .arg("--sbf-out-dir")
        .arg(&output)
        .env_remove("LD_LIBRARY_PATH");
    sh::shown(&mut build)?;
    install(&output.join(format!("{name}.so")), &deploy.join(format!("{name}.so")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_shared_object_of_the_package_itself() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"registry"},"filenames":["/t/libregistry.so"]}
            {"reason":"compiler-artifact","target":{"name":"market"},"filenames":["/t/libmarket.rlib","/t/libmarket.so"]}
            {"reason":"build-finished","success":true}"#;
        assert_eq!(
            shared_object(messages, "market"),
            Some(PathBuf::from("/t/libmarket.so"))
        );
        assert_eq!(shared_object(messages, "staking"), None);
    }
}
