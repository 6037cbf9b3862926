//! What this machine needs and may lack. Each check is quick, and each verb asks for what it uses.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::{paths, progress::Steps, sh, toolchain::Toolchain, typescript::Package};

/// What compiling the off-chain workspace runs, and the Debian package that has it. The Protocol Buffers compiler and
/// SQLite are brought by the crates themselves.
const BUILD_PROGRAMS: &[(&str, &str)] = &[
    ("cc", "gcc"),
    ("c++", "g++"),
    ("make", "make"),
    ("perl", "perl"),
    ("pkg-config", "pkg-config"),
];

/// What a browser made from Chromium is called where one is installed.
const BROWSERS: [&str; 5] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
];

const CREATE_CLUSTER: &str = "/etc/postgresql-common/createcluster.conf";

/// Everything.
pub(crate) fn all() -> Result<()> {
    build_programs()?;
    postgres()?;
    faketime()?;
    schemathesis()?;
    documentation()?;
    toolchain()?;
    Package::ensure()?;
    if let Some(reason) = containers()? {
        eprintln!("setup: containers cannot run here, and tests that need them will be skipped: {reason}");
    }
    browser()?;
    eprintln!("setup: all is there");
    Ok(())
}

/// The programs' compiler.
pub(crate) fn toolchain() -> Result<Toolchain> {
    Toolchain::ensure()
}

/// What compiling the off-chain workspace runs.
pub(crate) fn build_programs() -> Result<()> {
    let mut missing: Vec<_> = BUILD_PROGRAMS
        .iter()
        .filter(|(program, _)| !on_path(program))
        .map(|(_, package)| *package)
        .collect();
    // The virtual machine's secp256r1 precompile. `.cargo/config.toml` says why the crate does not bring its own.
    if !sh::succeeds(Command::new("pkg-config").args(["--exists", "openssl"])) {
        missing.push("libssl-dev");
    }
    if missing.is_empty() { Ok(()) } else { install(&missing) }
}

/// What stands between a program and the clock, for tests of clocks that jump.
pub(crate) fn faketime() -> Result<()> {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut libraries = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    if libraries.any(|library| library.exists()) {
        return Ok(());
    }
    install(&["libfaketime"])
}

/// Schemathesis.
pub(crate) fn schemathesis() -> Result<PathBuf> {
    python_program(
        "schemathesis",
        "schemathesis",
        "indexer/tests/contract/requirements.txt",
    )
}

/// Moto's server, which speaks S3.
pub(crate) fn moto() -> Result<PathBuf> {
    python_program("moto", "moto_server", "sdk/rust/tests/s3/requirements.txt")
}

/// A program in a Python environment of its own in the cache folder: exactly the packages that `requirements` names, by
/// their hashes.
fn python_program(what: &'static str, program: &str, requirements: &str) -> Result<PathBuf> {
    let requirements = paths::root().join(requirements);
    let wanted = fs::read(&requirements).with_context(|| requirements.display().to_string())?;
    let name = format!("{:x}", Sha256::digest(&wanted));
    let home = paths::cache()?.join(format!("{what}-{}", &name[..12]));
    let (program, whole) = (home.join("bin").join(program), home.join("whole"));
    if whole.exists() && program.exists() {
        return Ok(program);
    }
    let python = python()?;
    if home.exists() {
        fs::remove_dir_all(&home).with_context(|| home.display().to_string())?;
    }
    let logs = paths::cache()?.join("log");
    let mut steps = Steps::new(what, 1);
    steps.step("installing it into the cache folder", || {
        let mut make = Command::new(python);
        make.args(["-m", "venv"]).arg(&home);
        sh::quiet(&mut make, &logs.join("venv.log"))?;
        let mut install = Command::new(home.join("bin/python"));
        install
            .args([
                "-m",
                "pip",
                "install",
                "--disable-pip-version-check",
                "--no-deps",
                "--require-hashes",
            ])
            .args(["--only-binary", ":all:", "--requirement"])
            .arg(&requirements);
        sh::quiet(&mut install, &logs.join("pip.log"))
    })?;
    fs::write(&whole, "").with_context(|| whole.display().to_string())?;
    Ok(program)
}

/// A Python that can make environments and is new enough: Debian's, unless another one comes first.
fn python() -> Result<&'static str> {
    const FITS: &str = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))";
    let fits = |python: &str| sh::succeeds(Command::new(python).args(["-c", FITS]));
    if let Some(python) = ["python3", "/usr/bin/python3"].into_iter().find(|python| fits(python)) {
        return Ok(python);
    }
    install(&["python3-venv"])?;
    if fits("/usr/bin/python3") {
        return Ok("/usr/bin/python3");
    }
    bail!("Schemathesis and moto need Python 3.11 or newer with venv, and /usr/bin/python3 is older")
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

/// A browser for the page that the TypeScript SDK is tested in: the one that `GANTRY_BROWSER` names, one that is on the path,
/// or Debian's. `None`, and said aloud, where there is none and nobody may install one: no other test needs it.
pub(crate) fn browser() -> Result<Option<PathBuf>> {
    if let Some(named) = env::var_os("GANTRY_BROWSER").filter(|named| !named.is_empty()) {
        let named = PathBuf::from(named);
        if !named.is_file() {
            bail!("GANTRY_BROWSER names {}, where no program is", named.display());
        }
        return Ok(Some(named));
    }
    if let Some(found) = BROWSERS.iter().find_map(|name| find_on_path(name)) {
        return Ok(Some(found));
    }
    let reason = match as_root() {
        Ok(_) if on_path("apt-get") => None,
        Ok(_) => Some("this is no Debian".to_owned()),
        Err(error) => Some(error.to_string()),
    };
    if let Some(reason) = reason {
        eprintln!(
            "setup: no browser ({reason}): the TypeScript SDK will NOT be tested in one. Install Chromium, or name a browser \
             made from it in GANTRY_BROWSER"
        );
        return Ok(None);
    }
    install_large(&["chromium"], Some("124 MB to fetch, 414 MB on disk"))?;
    Ok(Some(find_on_path("chromium").context(
        "the package chromium is installed, but `chromium` is not on the path",
    )?))
}

/// Podman and runc, which the container runner is tested with. Where containers cannot run at all, gives the reason:
/// for as long as it takes to start one, tests are root, in namespaces of their own, and write control groups.
pub(crate) fn containers() -> Result<Option<String>> {
    if !is_root()? {
        return Ok(Some("the tests' own Podman needs root".to_owned()));
    }
    let programs = [("podman", "podman"), ("runc", "runc")];
    let missing: Vec<_> = programs
        .into_iter()
        .filter(|(program, _)| !on_path(program))
        .map(|(_, package)| package)
        .collect();
    if !missing.is_empty() {
        if !on_path("apt-get") {
            return Ok(Some(format!("there is no {}", missing.join(" and no "))));
        }
        install(&missing)?;
    }
    // Both are what containers of a CI without privileges lack.
    let mut namespaces = Command::new("unshare");
    if !sh::succeeds(namespaces.args(["--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "true"])) {
        return Ok(Some("this root may make no namespaces".to_owned()));
    }
    let groups = Path::new("/sys/fs/cgroup");
    // Version 1 has a tree for each resource, version 2 one for all.
    let memory = groups.join("memory");
    let tree = if memory.is_dir() { memory } else { groups.to_owned() };
    let group = tree.join(format!("gantry-setup-{}", std::process::id()));
    match fs::create_dir(&group).and_then(|()| fs::remove_dir(&group)) {
        Ok(()) => Ok(None),
        Err(error) => Ok(Some(format!(
            "no control group can be made in {}: {error}",
            tree.display()
        ))),
    }
}

/// What makes and runs an emulated Debian machine. Not part of what `setup` installs: one group of tests uses it, where it
/// is named.
pub(crate) fn emulation() -> Result<()> {
    let programs = [
        ("/usr/bin/qemu-system-x86_64", "qemu-system-x86"),
        ("/usr/sbin/debootstrap", "debootstrap"),
        ("/sbin/mke2fs", "e2fsprogs"),
        ("/usr/bin/strip", "binutils"),
    ];
    let missing: Vec<_> = programs
        .into_iter()
        .filter(|(program, _)| !Path::new(program).exists())
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

/// Whether a program of this name is on the path.
pub(crate) fn on_path(program: &str) -> bool {
    find_on_path(program).is_some()
}

fn find_on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Installs Debian packages, with what it takes to be root.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    install_large(packages, None)
}

/// Installs Debian packages and says how large they are, where that is what takes long.
fn install_large(packages: &[&str], size: Option<&str>) -> Result<()> {
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
    let size = size.map(|size| format!(" ({size})")).unwrap_or_default();
    steps.step(&format!("installing {}{size}", packages.join(", ")), || {
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
    if is_root()? {
        return Ok(Vec::new());
    }
    if sh::succeeds(Command::new("sudo").args(["-n", "true"])) {
        return Ok(vec!["sudo", "-n"]);
    }
    bail!("you are not root and `sudo -n` wants a password")
}

fn is_root() -> Result<bool> {
    Ok(sh::output(Command::new("id").arg("-u"))?.trim() == "0")
}

/// A program that runs as root.
pub(crate) fn root(program: &str) -> Result<Command> {
    Ok(root_command(&as_root()?, program))
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
