//! What this machine needs and may lack. Each check is quick, and each verb asks for what it uses.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{paths, progress::Steps, sh, toolchain::Toolchain};

/// What compiling the off-chain workspace runs, and the Debian package that has it. OpenSSL, the Protocol Buffers
/// compiler and SQLite are built or brought by the crates themselves.
const BUILD_PROGRAMS: &[(&str, &str)] = &[
    ("cc", "gcc"),
    ("c++", "g++"),
    ("make", "make"),
    ("perl", "perl"),
    ("pkg-config", "pkg-config"),
];

const CREATE_CLUSTER: &str = "/etc/postgresql-common/createcluster.conf";

/// Everything.
pub(crate) fn all() -> Result<()> {
    build_programs()?;
    postgres()?;
    documentation()?;
    toolchain()?;
    eprintln!("setup: all is there");
    Ok(())
}

/// The programs' compiler.
pub(crate) fn toolchain() -> Result<Toolchain> {
    Toolchain::ensure()
}

/// What compiling the off-chain workspace runs.
pub(crate) fn build_programs() -> Result<()> {
    let missing: Vec<_> = BUILD_PROGRAMS
        .iter()
        .filter(|(program, _)| !on_path(program))
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() { Ok(()) } else { install(&missing) }
}

/// What the pages of the documentation run besides our own programs.
pub(crate) fn documentation() -> Result<()> {
    let programs = [("curl", "curl"), ("psql", "postgresql-client")];
    let missing: Vec<_> = programs
        .into_iter()
        .filter(|(program, _)| !on_path(program))
        .map(|(_, package)| package)
        .collect();
    if missing.is_empty() { Ok(()) } else { install(&missing) }
}

/// A Postgres server to start, unless `DATABASE_URL` names one that runs.
pub(crate) fn postgres() -> Result<()> {
    if env::var_os("DATABASE_URL").is_some_and(|url| !url.is_empty()) || server_programs().is_some() {
        return Ok(());
    }
    // Debian's package would make a cluster and start a server on the default port. The file that tells it not to
    // belongs to a package of its own, which therefore comes first.
    install(&["postgresql-common"])?;
    let before = fs::read(CREATE_CLUSTER).with_context(|| CREATE_CLUSTER.to_owned())?;
    let mut text = before.clone();
    text.extend_from_slice(b"\ncreate_main_cluster = false\n");
    write_as_root(&text)?;
    let installed = install(&["postgresql"]);
    write_as_root(&before)?;
    installed?;
    if server_programs().is_none() {
        bail!(
            "the package postgresql is installed, but /usr/lib/postgresql/*/bin/initdb is not there: \
             apt-get install --reinstall postgresql"
        );
    }
    Ok(())
}

/// The folder of an installed Postgres server's programs.
fn server_programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok();
    let debian = versions
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"));
    debian
        .into_iter()
        .find(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
        .or_else(|| {
            let path = env::var_os("PATH")?;
            env::split_paths(&path).find(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
        })
}

fn on_path(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// Installs Debian packages, with what it takes to be root.
fn install(packages: &[&str]) -> Result<()> {
    let manual = format!(
        "apt-get update && apt-get install --no-install-recommends {}",
        packages.join(" ")
    );
    if !on_path("apt-get") {
        bail!(
            "this machine lacks what Debian calls {}: install it",
            packages.join(", ")
        );
    }
    let prefix = as_root().with_context(|| format!("this machine lacks {}. As root: {manual}", packages.join(", ")))?;
    let logs = paths::cache()?.join("log");
    let mut steps = Steps::new("setup", 2);
    steps.step("reading the package lists", || {
        sh::quiet(
            root_command(&prefix, "apt-get").args(["-q", "update"]),
            &logs.join("apt-update.log"),
        )
    })?;
    steps.step(&format!("installing {}", packages.join(", ")), || {
        let mut command = root_command(&prefix, "env");
        command
            .args([
                "DEBIAN_FRONTEND=noninteractive",
                "apt-get",
                "-q",
                "install",
                "--yes",
                "--no-install-recommends",
                "--no-remove",
            ])
            .args(packages);
        sh::quiet(&mut command, &logs.join("apt-install.log"))
            .with_context(|| format!("try it by hand, as root: {manual}"))
    })
}

/// The words before a command that make it run as root.
fn as_root() -> Result<Vec<&'static str>> {
    if sh::output(Command::new("id").arg("-u"))?.trim() == "0" {
        return Ok(Vec::new());
    }
    if sh::succeeds(Command::new("sudo").args(["-n", "true"])) {
        return Ok(vec!["sudo", "-n"]);
    }
    bail!("you are not root and `sudo -n` wants a password")
}

fn root_command(prefix: &[&str], program: &str) -> Command {
    let mut words = prefix.iter().copied().chain([program]);
    let mut command = Command::new(words.next().unwrap_or(program));
    command.args(words);
    command
}

fn write_as_root(text: &[u8]) -> Result<()> {
    let prefix = as_root()?;
    let part = paths::cache()?.join("createcluster.conf");
    fs::write(&part, text).with_context(|| part.display().to_string())?;
    // `cp` into the file that is there keeps its owner and mode.
    sh::output(root_command(&prefix, "cp").arg(&part).arg(Path::new(CREATE_CLUSTER)))?;
    fs::remove_file(&part)?;
    Ok(())
}
