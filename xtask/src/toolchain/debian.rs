//! Debian packages, downloaded and unpacked without being installed, so that it takes no root and changes no system.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use crate::sh;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The Debian archives that this machine's apt uses.
pub(super) struct Mirrors {
    pub(super) main: String,
    security: String,
}

impl Mirrors {
    /// Asks apt, so that a configured mirror or proxy is used here too.
    pub(super) fn of_this_machine(release: &str) -> Result<Self> {
        let listing = sh::output(Command::new("apt-get").args(["update", "--print-uris"])).context(
            "apt-get is needed for the SBF toolchain, which is made from Debian packages; on another system \
                 install Agave's and pass --toolchain platform-tools",
        )?;
        let archive_of = |suite: &str| {
            let end = format!("/dists/{suite}/InRelease");
            let mut uris = listing.lines().filter_map(|line| line.split('\'').nth(1));
            uris.find_map(|uri| uri.strip_suffix(&end).map(str::to_owned))
        };
        let missing = |suite: &str| {
            format!(
                "apt has no archive with {suite} here: add Debian 12's to /etc/apt/sources.list.d, or install Agave's \
                 platform tools and pass --toolchain platform-tools"
            )
        };
        let security = format!("{release}-security");
        Ok(Self {
            main: archive_of(release).with_context(|| missing(release))?,
            security: archive_of(&security).with_context(|| missing(&security))?,
        })
    }
}

/// One release's packages, with state of its own beside the system's.
pub(super) struct Release {
    folder: PathBuf,
}

impl Release {
    /// Reads the package lists of a release into `folder`.
    pub(super) fn open(folder: PathBuf, release: &str, mirrors: &Mirrors, security: bool, log: &Path) -> Result<Self> {
        for name in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(folder.join(name))?;
        }
        // An empty status file: dependencies are resolved as if nothing were installed.
        fs::write(folder.join("status"), "")?;
        ensure!(
            Path::new(KEYRING).exists(),
            "{KEYRING} is missing: apt-get install debian-archive-keyring"
        );
        let mut sources = format!("deb [signed-by={KEYRING}] {} {release} main\n", mirrors.main);
        if security {
            sources += &format!(
                "deb [signed-by={KEYRING}] {} {release}-security main\n",
                mirrors.security
            );
        }
        fs::write(folder.join("sources.list"), sources)?;
        let release = Self { folder };
        sh::quiet(release.apt_get().arg("update"), log)?;
        Ok(release)
    }

    /// The packages that these need, themselves included, less those that `skip` names (a `*` stands for anything).
    pub(super) fn closure(&self, packages: &[&str], skip: &[&str]) -> Result<Vec<String>> {
        let mut command = self.apt_get();
        command
            .args(["install", "--yes", "--no-install-recommends", "--print-uris"])
            .args(packages);
        let listing = sh::output(&mut command)?;
        let names = listing
            .lines()
            .filter(|line| line.starts_with('\''))
            .filter_map(|line| {
                let file = line.split_whitespace().nth(1)?;
                file.split_once('_').map(|(name, _)| name.to_owned())
            });
        let names: Vec<_> = names
            .filter(|name| !skip.iter().any(|pattern| matches(pattern, name)))
            .collect();
        if names.is_empty() {
            bail!("apt resolves {} to no package", packages.join(" "));
        }
        Ok(names)
    }

    /// Downloads packages, checked against the signed lists, and unpacks them below `root`.
    pub(super) fn unpack(&self, packages: &[String], root: &Path, log: &Path) -> Result<()> {
        let archives = self.folder.join("debs");
        fs::create_dir_all(&archives)?;
        sh::quiet(
            self.apt_get().current_dir(&archives).arg("download").args(packages),
            log,
        )?;
        fs::create_dir_all(root)?;
        for entry in fs::read_dir(&archives)? {
            let archive = entry?.path();
            sh::output(Command::new("dpkg-deb").arg("--extract").arg(&archive).arg(root))?;
        }
        Ok(())
    }

    fn apt_get(&self) -> Command {
        let mut command = Command::new("apt-get");
        let mut option = |name: &str, value: &Path| {
            command.arg("-o").arg(format!("{name}={}", value.display()));
        };
        option("Dir::Etc::sourcelist", &self.folder.join("sources.list"));
        option("Dir::Etc::sourceparts", Path::new("/dev/null"));
        option("Dir::State::lists", &self.folder.join("lists"));
        option("Dir::State::status", &self.folder.join("status"));
        option("Dir::Cache", &self.folder.join("cache"));
        // Its user for downloads may not read a cache folder in somebody's home.
        option("APT::Sandbox::User", Path::new("root"));
        command.arg("--quiet");
        command
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => match rest.split_once('*') {
            None => name.starts_with(start) && name.ends_with(rest) && name.len() >= start.len() + rest.len(),
            Some((middle, _)) => name.strip_prefix(start).is_some_and(|name| name.contains(middle)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(matches("gcc*", "gcc-12-base"));
        assert!(matches("lib*san*", "libtsan2"));
        assert!(matches("libc6", "libc6"));
        assert!(!matches("libc6", "libc6-dev"));
        assert!(!matches("gcc*", "libgcc-s1"));
        assert!(!matches("lib*san*", "libllvm22"));
    }
}
