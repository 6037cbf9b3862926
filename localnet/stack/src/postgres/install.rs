//! The server programs that Debian's packages install.

use std::fs;
use std::path::{Path, PathBuf};

use super::PostgresError;

/// Where Debian's packages put each major version.
const ROOT: &str = "/usr/lib/postgresql";

/// The programs of one major version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Major version, as `15`.
    pub version: String,
    /// Where `initdb` and `postgres` are.
    pub bin: PathBuf,
}

impl Installation {
    /// The newest installed version, or the one that an existing data folder needs.
    ///
    /// # Errors
    ///
    /// [`PostgresError::NotInstalled`] or [`PostgresError::OtherVersion`].
    pub fn find(data: &Path) -> Result<Self, PostgresError> {
        Self::find_in(Path::new(ROOT), data)
    }

    fn find_in(root: &Path, data: &Path) -> Result<Self, PostgresError> {
        let mut all: Vec<(u32, Self)> = fs::read_dir(root)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let version = entry.file_name().into_string().ok()?;
                let bin = entry.path().join("bin");
                // Clients alone are installed as well by other packages.
                let whole = bin.join("initdb").exists() && bin.join("postgres").exists();
                Some((version.parse().ok()?, Self { version, bin })).filter(|_| whole)
            })
            .collect();
        all.sort_by_key(|(version, _)| *version);
        match fs::read_to_string(data.join("PG_VERSION")) {
            Ok(version) => {
                let version = version.trim().to_owned();
                let found = all
                    .into_iter()
                    .map(|(_, found)| found)
                    .find(|found| found.version == version);
                found.ok_or_else(|| PostgresError::OtherVersion {
                    data: data.to_owned(),
                    version,
                })
            }
            Err(_) => all.pop().map(|(_, found)| found).ok_or(PostgresError::NotInstalled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_whole_version_is_taken_unless_the_data_needs_another() {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("data");
        let find = || Installation::find_in(root.path(), &data);
        assert!(matches!(find(), Err(PostgresError::NotInstalled)));
        for (version, programs) in [
            ("9", &["initdb", "postgres"][..]),
            ("15", &["initdb", "postgres"]),
            ("17", &["psql"]),
        ] {
            let bin = root.path().join(version).join("bin");
            fs::create_dir_all(&bin).unwrap();
            for program in programs {
                fs::write(bin.join(program), "").unwrap();
            }
        }
        assert_eq!(find().unwrap().version, "15");
        fs::create_dir(&data).unwrap();
        fs::write(data.join("PG_VERSION"), "9\n").unwrap();
        assert_eq!(find().unwrap().version, "9");
        fs::write(data.join("PG_VERSION"), "16\n").unwrap();
        assert!(
            find()
                .unwrap_err()
                .to_string()
                .contains("apt-get install postgresql-16")
        );
    }
}
