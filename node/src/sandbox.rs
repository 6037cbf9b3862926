//! What a job of the process runner may touch: Landlock rules that its first process puts on itself, and that nothing
//! it starts can shed.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use landlock::{
    ABI, Access as _, AccessFs, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, Scope,
    path_beneath_rules,
};
use serde::{Deserialize, Serialize};

/// Whether jobs are confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// As far as the kernel can; the node warns where it cannot
    #[default]
    Auto,
    /// The node runs no job without it
    Required,
    /// Not at all: a job may do whatever the user that it runs as may do
    Off,
}

/// What a job may touch beside its own folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    /// Whether it is confined.
    pub mode: Mode,
    /// More files and folders that it may read and run.
    pub readable: Vec<PathBuf>,
}

/// What programs need to start at all. Of `/etc` only what is meant for everybody: keys lie there, too.
const READABLE: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/proc",
    "/sys",
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/fonts",
    "/etc/group",
    "/etc/gai.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
];

/// Devices that hold nothing of anybody's.
const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// The newest rules that are known here; a kernel enforces those that it knows.
const KNOWN: ABI = ABI::V10;

/// What the kernel here enforces, in words; `None` where it has no Landlock.
pub fn support() -> Option<&'static str> {
    let created = |abi: ABI| {
        use landlock::Compatible as _;
        let rules = Ruleset::default().set_compatibility(landlock::CompatLevel::HardRequirement);
        let rules = rules.handle_access(AccessFs::from_all(abi));
        let scoped = |rules: Ruleset| rules.scope(Scope::from_all(abi));
        let rules = if abi < ABI::V6 { rules } else { rules.and_then(scoped) };
        rules.and_then(Ruleset::create).is_ok()
    };
    if created(ABI::V6) {
        Some("files, devices and signals")
    } else if created(ABI::V1) {
        Some("files")
    } else {
        None
    }
}

/// Confines this process and all that it will start to `folder`, `program` and what `sandbox` names.
///
/// # Errors
/// If the rules are not taken, or the kernel has none and they are required.
pub fn confine(sandbox: &Sandbox, folder: &Path, program: &Path) -> anyhow::Result<()> {
    if sandbox.mode == Mode::Off {
        return Ok(());
    }
    let read = AccessFs::from_read(KNOWN);
    let all = AccessFs::from_all(KNOWN);
    let device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
    let listing = std::fs::read_dir("/dev").into_iter().flatten().flatten();
    let nvidia = listing.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("nvidia"))
    });
    let given = || {
        Ruleset::default()
            .handle_access(all)?
            .scope(Scope::from_all(KNOWN))?
            .create()?
            .add_rules(path_beneath_rules(READABLE, read))?
            .add_rules(path_beneath_rules(&sandbox.readable, read))?
            .add_rules(path_beneath_rules([program], read))?
            .add_rules(path_beneath_rules(DEVICES, device))?
            .add_rules(path_beneath_rules(nvidia, device | AccessFs::ReadDir))?
            .add_rules(path_beneath_rules([folder], all))?
            .restrict_self()
    };
    let status = given().context("cannot confine the job")?;
    anyhow::ensure!(
        status.ruleset != RulesetStatus::NotEnforced || sandbox.mode != Mode::Required,
        "this kernel has no Landlock, and the node runs no job without it"
    );
    Ok(())
}
