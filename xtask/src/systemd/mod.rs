//! The systemd units of `deploy/` for real: a Debian 12 machine under emulation, with a network outside of it, in which
//! everything is installed and run as the documentation says.
//!
//! `image.sh` makes the machine's disk, once; `guest.sh` runs in it and decides.

mod network;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use sha2::{Digest as _, Sha256};

use self::network::Network;
use crate::{check, paths, programs, programs::Compiler, progress::Steps, setup, sh, toolchain};

/// What makes the disk. It is made again when this changes.
const IMAGE: &str = include_str!("image.sh");
const RELEASE: &str = "bookworm";
/// What is put into the machine to be installed there.
const PROGRAMS: [&str; 4] = ["gantry", "gantry-indexer", "gantry-matcher", "gantry-node"];
/// What runs in it, and the jobs that it opens.
const FILES: [&str; 4] = ["guest.sh", "work", "short.json", "long.json"];
/// What `guest.sh` says last where everything held.
const HELD: &str = "all units hold";
/// Longest that the machine may take, from its start to its end.
const PATIENCE: Duration = Duration::from_secs(1800);

/// Starts everything and reads what the machine says.
pub(crate) fn test() -> Result<()> {
    if std::env::consts::ARCH != "x86_64" {
        bail!("the machine is an x86-64 one and takes the programs of this one, which is not");
    }
    setup::emulation()?;
    programs::compile_deployed(Compiler::Debian)?;
    check::build_binaries()?;
    let folder = paths::root().join("target/systemd");
    let image = image(&folder)?;
    let network = Network::start(&folder.join("network"))?;
    let files = files(&folder, &network)?;
    let said = boot(&image, &files, &folder.join("console.log"));
    network.stop()?;
    match said?.as_deref() {
        Some(HELD) => Ok(()),
        _ => bail!(
            "the units do not hold: what they said is above, and what the machine said in {}",
            folder.join("console.log").display()
        ),
    }
}

/// The folder with the machine's disk, kernel and first file system, as `image.sh` makes them.
fn image(folder: &Path) -> Result<PathBuf> {
    let name = format!("{:x}", Sha256::digest(IMAGE));
    let home = folder.join(format!("image-{}", &name[..12]));
    let whole = home.join("whole");
    if whole.exists() {
        return Ok(home);
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("image-") {
            fs::remove_dir_all(entry.path()).with_context(|| entry.path().display().to_string())?;
        }
    }
    fs::create_dir_all(&home).with_context(|| home.display().to_string())?;
    let archive = toolchain::debian_archive(RELEASE)?;
    let script = paths::root().join("xtask/src/systemd/image.sh");
    let mut steps = Steps::new("systemd", 1);
    steps.step("making a Debian 12 machine (200 MB to fetch, 700 MB on disk)", || {
        let mut make = setup::root("bash")?;
        make.arg(script).arg(&home).arg(&archive);
        sh::quiet(&mut make, &folder.join("image.log"))
    })?;
    fs::write(&whole, "").with_context(|| whole.display().to_string())?;
    Ok(home)
}

/// The second disk: what is to be installed, and what runs the test.
fn files(folder: &Path, network: &Network) -> Result<PathBuf> {
    let root = paths::root();
    let (staged, disk) = (folder.join("files"), folder.join("files.img"));
    if staged.exists() {
        fs::remove_dir_all(&staged).with_context(|| staged.display().to_string())?;
    }
    fs::create_dir_all(staged.join("bin")).with_context(|| staged.display().to_string())?;
    for program in PROGRAMS {
        // Without what debuggers read, which is most of it.
        let mut strip = Command::new("strip");
        strip.arg("-o").arg(staged.join("bin").join(program));
        sh::output(strip.arg(root.join("target/debug").join(program)))?;
    }
    let mut copy = Command::new("cp");
    copy.arg("--recursive").arg(root.join("deploy")).arg(network.folder());
    copy.args(FILES.map(|name| root.join("xtask/src/systemd").join(name)));
    sh::output(copy.arg(&staged))?;
    let made = fs::File::create(&disk).and_then(|disk| disk.set_len(400 << 20));
    made.with_context(|| disk.display().to_string())?;
    let mut format = Command::new("/sbin/mke2fs");
    format.args(["-q", "-F", "-t", "ext4", "-d"]).arg(&staged).arg(&disk);
    sh::output(&mut format)?;
    Ok(disk)
}

/// Boots the machine, shows what `guest.sh` says as it comes, and gives the last line of it. The disk stays as it was.
fn boot(image: &Path, files: &Path, console: &Path) -> Result<Option<String>> {
    let drive = |disk: &Path| format!("file={},format=raw,if=virtio", disk.display());
    let mut machine = Command::new("setpriv")
        // Nothing is left of it where this is killed.
        .args(["--pdeathsig", "KILL", "qemu-system-x86_64"])
        // Emulated everywhere, also where virtualization is at hand: one way that is the same.
        .args(["-accel", "tcg,thread=single", "-smp", "1", "-m", "2048"])
        .args(["-nodefaults", "-display", "none", "-no-reboot", "-snapshot"])
        .arg("-kernel")
        .arg(image.join("vmlinuz"))
        .arg("-initrd")
        .arg(image.join("initrd"))
        .args(["-append", "root=/dev/vda rw console=ttyS0 panic=-1"])
        .args(["-drive", &drive(&image.join("disk.img")), "-drive", &drive(files)])
        .args(["-nic", "user,model=virtio-net-pci"])
        .args(["-serial", &format!("file:{}", console.display()), "-serial", "stdio"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("could not start setpriv")?;
    let output = machine.stdout.take().context("its output")?;
    let (says, said) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            // Nobody listens to a machine that took too long.
            let _ = says.send(String::from_utf8_lossy(&line).trim_end().to_owned());
        }
    });
    let end = Instant::now() + PATIENCE;
    let mut last = None;
    loop {
        match said.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                eprintln!("  {line}");
                last = Some(line).filter(|line| !line.is_empty()).or(last);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                machine.kill()?;
                machine.wait()?;
                bail!("the machine did not end within {} s", PATIENCE.as_secs());
            }
        }
    }
    let status = machine.wait()?;
    if !status.success() {
        bail!("qemu-system-x86_64: {status}");
    }
    Ok(last)
}
