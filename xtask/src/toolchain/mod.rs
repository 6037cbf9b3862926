//! The compiler of the on-chain programs: Debian packages and crates, put together once in the cache folder.
//!
//! Debian's `rustc` with its library sources, taught about `os = "solana"` and built with the programs, and a linker
//! built here against an LLVM of Debian's next release. Nothing is installed on the system.

mod debian;
#[cfg(test)]
mod divide;
mod recipe;
mod sysroot;

use std::{
    env::consts::ARCH,
    ffi::OsString,
    fs::{self, File},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::{paths, progress::Steps, sh};

/// The archive of a Debian release that this machine's apt uses.
pub(crate) fn debian_archive(release: &str) -> Result<String> {
    Ok(debian::Mirrors::of_this_machine(release)?.main)
}

/// A toolchain that is ready.
pub(crate) struct Toolchain {
    folder: PathBuf,
}

impl Toolchain {
    /// The toolchain of this recipe, set up first if it is not there.
    ///
    /// It is put together beside its final folder, step by step with a mark after each, and renamed once it works: an
    /// interrupted set-up goes on with the step it was in, and one that is not finished is never used.
    pub(crate) fn ensure() -> Result<Self> {
        let cache = paths::cache()?;
        let name = format!("sbf-{}", fingerprint());
        let ready = Self {
            folder: cache.join(&name),
        };
        if ready.folder.exists() {
            return Ok(ready);
        }
        fs::create_dir_all(&cache).with_context(|| {
            format!(
                "the cache folder {} cannot be made: set GANTRY_CACHE to one that can",
                cache.display()
            )
        })?;
        let lock = File::create(cache.join(format!("{name}.lock")))?;
        lock.lock().context("waiting for another set-up of the toolchain")?;
        if !ready.folder.exists() {
            Build {
                folder: cache.join(format!("{name}.part")),
                home: ready.folder.clone(),
            }
            .run()?;
        }
        Ok(ready)
    }

    /// What tells this compiler and its flags from another.
    pub(crate) fn identity(&self) -> String {
        format!("{} {}", self.folder.display(), recipe::RUSTFLAGS.join(" "))
    }

    /// A cargo command that builds for the virtual machine; the caller adds what to build.
    pub(crate) fn cargo_build(&self) -> Command {
        let mut flags = OsString::from(recipe::RUSTFLAGS.join("\u{1f}"));
        flags.push("\u{1f}-Clinker=");
        flags.push(self.folder.join("bin/sbpf-linker"));
        let mut command = Command::new(paths::cargo());
        command
            .args([
                "build",
                "--release",
                "-Zbuild-std=std",
                "-Zjson-target-spec",
                "--target",
            ])
            .arg(self.folder.join(recipe::TARGET).with_extension("json"))
            .env("RUSTC", self.folder.join("bin/rustc"))
            .env("RUSTC_BOOTSTRAP", "1")
            // Otherwise std counts as unstable for a target that it does not know.
            .env("RUSTC_BOOTSTRAP_SYNTHETIC_TARGET", "1")
            .env("CARGO_ENCODED_RUSTFLAGS", flags)
            .env_remove("RUSTC_WRAPPER")
            // `cargo run` points it at the host compiler's libraries.
            .env_remove("LD_LIBRARY_PATH");
        command
    }
}

/// A hash over all that the folder's content follows from.
fn fingerprint() -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    for list in [
        recipe::COMPILER_PACKAGES,
        recipe::HOST_PACKAGES,
        recipe::LLVM_PACKAGES,
        recipe::LLVM_BUILD_PACKAGES,
    ] {
        list.iter().for_each(|item| add(item));
        add("");
    }
    for edit in recipe::EDITS {
        [edit.file, edit.find, edit.replace].iter().for_each(|text| add(text));
    }
    for (file, text) in recipe::FILES {
        add(file);
        add(text);
    }
    for text in [
        recipe::FEWER_EXPORTS,
        recipe::STABLE,
        recipe::UNSTABLE,
        recipe::LLVM_PREFIX,
        recipe::LINKER_VERSION,
        recipe::LINKER_FEATURES,
        recipe::TARGET_SPEC,
        ARCH,
        // How the parts are put together, in this file and its neighbours: raise it when that changes.
        "1",
    ] {
        add(text);
    }
    hex(&hash.finalize()[..6])
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A toolchain in the making.
struct Build {
    folder: PathBuf,
    /// Where it will be, for the paths that are written into it.
    home: PathBuf,
}

impl Build {
    fn run(self) -> Result<()> {
        for program in ["apt-get", "dpkg-deb", "cc"] {
            if !sh::succeeds(Command::new(program).arg("--version")) {
                bail!(
                    "{program} is needed to set up the SBF toolchain: apt-get install build-essential on Debian 12, \
                     or install Agave's platform tools and pass --toolchain platform-tools"
                );
            }
        }
        fs::create_dir_all(self.folder.join("log"))?;
        let mut steps = Steps::new("SBF toolchain", 6);
        self.step(&mut steps, "the compiler, from Debian", "compiler", Self::compiler)?;
        self.step(&mut steps, "LLVM, from Debian", "llvm", Self::llvm)?;
        self.step(&mut steps, "the linker, from crates", "linker", Self::linker)?;
        self.step(&mut steps, "the standard library for solana", "sysroot", Self::sysroot)?;
        self.step(&mut steps, "wrappers and target", "wrappers", Self::wrappers)?;
        self.step(&mut steps, "tidying up", "tidy", Self::tidy)?;
        fs::rename(&self.folder, &self.home).with_context(|| self.home.display().to_string())?;
        steps.finish();
        eprintln!("SBF toolchain: it is in {}", self.home.display());
        Ok(())
    }

    /// Runs one step unless its mark says that it is done.
    fn step(&self, steps: &mut Steps, title: &str, name: &str, work: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        let mark = self.folder.join(format!("done-{name}"));
        steps.step(title, || {
            if !mark.exists() {
                work(self)?;
                fs::write(&mark, "")?;
            }
            Ok(())
        })
    }

    fn compiler(&self) -> Result<()> {
        let mirrors = debian::Mirrors::of_this_machine(recipe::STABLE)?;
        let root = self.fresh("stable")?;
        let packages = debian::Release::open(
            self.fresh("apt-stable")?,
            recipe::STABLE,
            &mirrors,
            true,
            &self.log("apt-stable"),
        )?;
        let closure = packages.closure(recipe::COMPILER_PACKAGES, recipe::HOST_PACKAGES)?;
        packages.unpack(&closure, &root, &self.log("compiler"))
    }

    fn llvm(&self) -> Result<()> {
        let mirrors = debian::Mirrors::of_this_machine(recipe::STABLE)?;
        let root = self.fresh("llvm")?;
        let packages = debian::Release::open(
            self.fresh("apt-sid")?,
            recipe::UNSTABLE,
            &mirrors,
            false,
            &self.log("apt-sid"),
        )?;
        let mut all = packages.closure(recipe::LLVM_PACKAGES, &[])?;
        all.extend(recipe::LLVM_BUILD_PACKAGES.iter().map(ToString::to_string));
        packages.unpack(&all, &root, &self.log("llvm"))
    }

    fn linker(&self) -> Result<()> {
        let llvm = self.folder.join("llvm");
        let libraries = llvm.join(format!("usr/lib/{ARCH}-linux-gnu"));
        // The build asks `llvm-config`, a program of that release: it runs under that release's own loader.
        let prefix = self.fresh("llvm-prefix")?;
        fs::create_dir(prefix.join("bin"))?;
        for name in ["include", "lib"] {
            symlink(llvm.join(recipe::LLVM_PREFIX).join(name), prefix.join(name))?;
        }
        let config = llvm.join(recipe::LLVM_PREFIX).join("bin/llvm-config");
        let loader = llvm.join(loader(&llvm)?);
        script(
            &prefix.join("bin/llvm-config"),
            &format!(
                "exec '{}' --library-path '{}' '{}' \"$@\"",
                loader.display(),
                libraries.display(),
                config.display()
            ),
        )?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([prefix.join("bin")].into_iter().chain(std::env::split_paths(&path)))?;
        let mut install = Command::new(paths::cargo());
        install
            .args([
                "install",
                recipe::LINKER_CRATE,
                "--version",
                recipe::LINKER_VERSION,
                "--locked",
                "--force",
            ])
            .args(["--no-default-features", "--features", recipe::LINKER_FEATURES])
            .arg("--root")
            .arg(self.folder.join("linker"))
            .arg("--target-dir")
            .arg(self.folder.join("linker-build"))
            .current_dir(&self.folder)
            .env("PATH", path)
            .env("LLVM_PREFIX", &prefix)
            // The work is LLVM's, which comes compiled: optimising the rest costs minutes and saves nothing.
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "64")
            .env(
                "RUSTFLAGS",
                format!(
                    "-Lnative={} -Clink-arg=-Wl,--allow-shlib-undefined",
                    libraries.display()
                ),
            )
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("LD_LIBRARY_PATH");
        sh::quiet(&mut install, &self.log("linker"))
    }

    fn sysroot(&self) -> Result<()> {
        sysroot::assemble(&self.folder.join("stable"), &self.fresh("sysroot")?)
    }

    fn wrappers(&self) -> Result<()> {
        let bin = self.fresh("bin")?;
        let libraries = format!("usr/lib/{ARCH}-linux-gnu");
        // Both run under a loader that is told where their libraries are; a variable would reach the programs that
        // they start. The compiler's loader is the host's, because it loads what the host links.
        let host = host_loader()?;
        script(
            &bin.join("rustc"),
            &format!(
                "here=${{0%/bin/*}}\nexec {host} \
                 --library-path \"$here/stable/{libraries}:$here/stable/lib/{ARCH}-linux-gnu\" \
                 \"$here/stable/usr/bin/rustc\" --sysroot \"$here/sysroot\" \"$@\""
            ),
        )?;
        let own = loader(&self.folder.join("llvm"))?;
        let run_linker = format!(
            "exec \"$here/llvm/{own}\" --library-path \"$here/llvm/{libraries}\" \"$here/linker/bin/{}\" \"$@\"",
            recipe::LINKER_CRATE
        );
        script(
            &bin.join("sbpf-linker"),
            &format!("{}{run_linker}", recipe::FEWER_EXPORTS),
        )?;
        let linker = self.home.join("bin/sbpf-linker");
        let spec = recipe::TARGET_SPEC.replace("LINKER", &linker.display().to_string());
        fs::write(self.folder.join(recipe::TARGET).with_extension("json"), spec)?;
        for program in ["rustc", "sbpf-linker"] {
            sh::output(
                Command::new(bin.join(program))
                    .arg("--version")
                    .env_remove("LD_LIBRARY_PATH"),
            )?;
        }
        Ok(())
    }

    /// Removes what only the set-up needed.
    fn tidy(&self) -> Result<()> {
        let keep = |name: &str| self.folder.join(name);
        let gone = [
            keep("apt-stable"),
            keep("apt-sid"),
            keep("llvm-prefix"),
            keep("linker-build"),
            keep("llvm").join(recipe::LLVM_PREFIX),
            keep("llvm/usr/include"),
            keep("llvm/usr/share"),
            keep("stable/usr/share"),
            keep("stable/usr/src"),
        ];
        for folder in gone.iter().filter(|folder| folder.exists()) {
            fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        Ok(())
    }

    /// An empty folder: what an interrupted step left there is dropped.
    fn fresh(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
        }
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join("log").join(name).with_extension("log")
    }
}

/// The dynamic loader's file name.
fn loader_name() -> Result<&'static str> {
    match ARCH {
        "x86_64" => Ok("ld-linux-x86-64.so.2"),
        "aarch64" => Ok("ld-linux-aarch64.so.1"),
        other => bail!("no SBF toolchain can be set up on {other}: pass --toolchain platform-tools"),
    }
}

fn host_loader() -> Result<String> {
    let name = loader_name()?;
    let candidates = [format!("/lib64/{name}"), format!("/lib/{name}")];
    let found = candidates.into_iter().find(|path| Path::new(path).exists());
    found.with_context(|| format!("this system has no {name}: a Debian 12 is needed, or --toolchain platform-tools"))
}

/// The loader's path in a folder of unpacked packages, relative to it.
fn loader(root: &Path) -> Result<String> {
    let name = loader_name()?;
    let candidates = [
        format!("usr/lib64/{name}"),
        format!("usr/lib/{name}"),
        format!("usr/lib/{ARCH}-linux-gnu/{name}"),
    ];
    let found = candidates.into_iter().find(|path| root.join(path).exists());
    found.with_context(|| {
        format!(
            "the package libc6 of {} has no {name} where it is expected",
            recipe::UNSTABLE
        )
    })
}

fn script(path: &Path, body: &str) -> Result<()> {
    fs::write(path, format!("#!/bin/sh\n{body}\n"))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(())
}
