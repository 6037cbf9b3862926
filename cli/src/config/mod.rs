//! Where each setting comes from: an option, the environment, a profile, the Solana CLI's own file, or the default; the
//! first that has it counts.

mod file;
mod solana;

pub(crate) use file::{File, Profile};

use crate::{Global, exit::Usage};
use anyhow::Result;
use clap::{ArgMatches, parser::ValueSource};
use gantry_sdk::mints::MintNames;
use solana::SolanaFile;
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// Where a setting was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// An option on the command line.
    Option,
    /// A variable of the environment.
    Environment,
    /// A profile in our own file.
    Profile(String),
    /// The Solana CLI's file.
    Solana(PathBuf),
    /// Nowhere: the default.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option => f.write_str("option"),
            Self::Environment => f.write_str("environment"),
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::Solana(file) => write!(f, "{}", file.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A setting and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) source: Source,
}

/// Which options came from the environment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given(Vec<String>);

impl Given {
    pub(crate) fn of(matches: &ArgMatches) -> Self {
        let ids = matches.ids().map(clap::Id::as_str);
        let from_environment = ids.filter(|id| matches.value_source(id) == Some(ValueSource::EnvVariable));
        Self(from_environment.map(str::to_owned).collect())
    }

    fn source(&self, option: &str) -> Source {
        if self.0.iter().any(|id| id == option) {
            Source::Environment
        } else {
            Source::Option
        }
    }
}

/// All settings of this run.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) rpc_url: Setting<String>,
    pub(crate) api_url: Setting<String>,
    /// A key file, or another of [`crate::wallet`]'s forms.
    pub(crate) keypair: Setting<String>,
    pub(crate) commitment: Setting<String>,
    pub(crate) blob_dir: Setting<PathBuf>,
    pub(crate) run_dir: Setting<PathBuf>,
    pub(crate) mints: Setting<MintNames>,
    /// The profile in use.
    pub(crate) profile: Option<Setting<String>>,
    /// Our own file, which need not exist.
    pub(crate) file: PathBuf,
}

impl Config {
    /// Resolves what was given against the files.
    pub(crate) fn resolve(global: &Global, given: &Given, lenient: bool) -> Result<Self> {
        let path = file::path()?;
        let mut file = File::load(&path)?;
        if lenient {
            file.current = None;
        }
        let solana = match solana::path() {
            Some(path) => SolanaFile::load(&path)?.map(|file| (path, file)),
            None => None,
        };
        let home = std::env::var_os("HOME").map(PathBuf::from);
        Self::combine(global, given, path, &file, solana.as_ref(), home.as_deref())
    }

    fn combine(
        global: &Global,
        given: &Given,
        path: PathBuf,
        file: &File,
        solana: Option<&(PathBuf, SolanaFile)>,
        home: Option<&Path>,
    ) -> Result<Self> {
        let profile = match (&global.profile, &file.current) {
            (Some(name), _) => Some(Setting {
                value: name.clone(),
                source: given.source("profile"),
            }),
            (None, Some(name)) => Some(Setting {
                value: name.clone(),
                source: Source::Profile(path.display().to_string()),
            }),
            (None, None) => None,
        };
        let found = match &profile {
            Some(name) => Some((name.value.as_str(), file.profile(&name.value, &path)?)),
            None => None,
        };
        let default_key = || {
            let home = home.map_or_else(|| "~".into(), |home| home.display().to_string());
            format!("{home}/.config/solana/id.json")
        };
        let find = Finder {
            given,
            profile: found,
            solana: solana.map(|(path, file)| (path.as_path(), file)),
        };
        Ok(Self {
            rpc_url: find.text(
                "rpc_url",
                &global.rpc_url,
                |p| &p.rpc_url,
                |s| &s.json_rpc_url,
                || "http://127.0.0.1:8899".into(),
            ),
            api_url: find.text(
                "api_url",
                &global.api_url,
                |p| &p.api_url,
                |_| &None,
                || "http://127.0.0.1:8080".into(),
            ),
            keypair: find.text(
                "keypair",
                &global.keypair,
                |p| &p.keypair,
                |s| &s.keypair_path,
                default_key,
            ),
            commitment: find.text(
                "commitment",
                &global.commitment,
                |p| &p.commitment,
                |s| &s.commitment,
                || "confirmed".into(),
            ),
            blob_dir: find.text(
                "blob_dir",
                &global.blob_dir,
                |p| &p.blob_dir,
                |_| &None,
                || ".gantry/blobs".into(),
            ),
            run_dir: find.text(
                "run_dir",
                &global.run_dir,
                |p| &p.run_dir,
                |_| &None,
                || ".gantry".into(),
            ),
            mints: find.mints(&global.mints)?,
            profile,
            file: path,
        })
    }
}

struct Finder<'a> {
    given: &'a Given,
    profile: Option<(&'a str, &'a Profile)>,
    solana: Option<(&'a Path, &'a SolanaFile)>,
}

impl Finder<'_> {
    fn text<T: Clone>(
        &self,
        option: &str,
        given: &Option<T>,
        in_profile: impl Fn(&Profile) -> &Option<T>,
        in_solana: impl Fn(&SolanaFile) -> &Option<T>,
        default: impl Fn() -> T,
    ) -> Setting<T> {
        if let Some(value) = given {
            return Setting {
                value: value.clone(),
                source: self.given.source(option),
            };
        }
        if let Some((name, profile)) = self.profile
            && let Some(value) = in_profile(profile)
        {
            return Setting {
                value: value.clone(),
                source: Source::Profile(name.to_owned()),
            };
        }
        if let Some((path, file)) = self.solana
            && let Some(value) = in_solana(file)
        {
            return Setting {
                value: value.clone(),
                source: Source::Solana(path.to_owned()),
            };
        }
        Setting {
            value: default(),
            source: Source::Default,
        }
    }

    fn mints(&self, given: &Option<MintNames>) -> Result<Setting<MintNames>> {
        if let Some(value) = given {
            return Ok(Setting {
                value: value.clone(),
                source: self.given.source("mints"),
            });
        }
        if let Some((name, profile)) = self.profile
            && let Some(text) = &profile.mints
        {
            let value = text
                .parse()
                .map_err(|error| Usage(format!("profile {name}: mints: {error}")))?;
            return Ok(Setting {
                value,
                source: Source::Profile(name.to_owned()),
            });
        }
        Ok(Setting {
            value: MintNames::default(),
            source: Source::Default,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory as _, FromArgMatches as _};

    fn resolve(line: &str, file: &str, solana: Option<&str>) -> Result<Config> {
        let matches = crate::Cli::command().get_matches_from(line.split(' '));
        let cli = crate::Cli::from_arg_matches(&matches).expect("parses");
        let file = File::parse(file).expect("a file");
        let solana = solana.map(|text| (PathBuf::from("s.yml"), SolanaFile::parse(text).expect("a file")));
        let given = Given::of(&matches);
        Config::combine(
            &cli.global,
            &given,
            "g.yml".into(),
            &file,
            solana.as_ref(),
            Some(Path::new("/h")),
        )
    }

    const FILE: &str = "current: a\nprofiles:\n  a: { rpc_url: 'http://a' }\n  b: { rpc_url: 'http://b', keypair: b.json, mints: X }\n  c: {}\n";
    const SOLANA: &str =
        "---\njson_rpc_url: http://s\nkeypair_path: /s.json\ncommitment: finalized\naddress_labels: {}\n";

    #[test]
    fn the_first_place_that_has_a_setting_counts() {
        let show = |line, solana| {
            let config = resolve(line, FILE, solana).expect("resolves");
            (config.rpc_url, config.keypair, config.commitment)
        };
        let (rpc, key, commitment) = show("gantry --rpc-url http://o balance", Some(SOLANA));
        assert_eq!((rpc.value.as_str(), rpc.source), ("http://o", Source::Option));
        assert_eq!(
            (key.value.as_str(), key.source),
            ("/s.json", Source::Solana("s.yml".into()))
        );
        assert_eq!(commitment.value, "finalized");
        let (rpc, key, commitment) = show("gantry balance", None);
        assert_eq!(
            (rpc.value.as_str(), rpc.source),
            ("http://a", Source::Profile("a".into()))
        );
        assert_eq!(
            (key.value.as_str(), key.source),
            ("/h/.config/solana/id.json", Source::Default)
        );
        assert_eq!(commitment.value, "confirmed");
        let (rpc, ..) = show("gantry balance --profile c", Some(SOLANA));
        assert_eq!(
            (rpc.value.as_str(), rpc.source),
            ("http://s", Source::Solana("s.yml".into()))
        );
        let (rpc, ..) = show("gantry balance --rpc-url http://after", None);
        assert_eq!((rpc.value.as_str(), rpc.source), ("http://after", Source::Option));
    }

    #[test]
    fn a_profile_that_is_not_there_or_wrong_says_so() {
        let said = |line| resolve(line, FILE, None).expect_err("refused").to_string();
        assert!(said("gantry balance --profile d").contains("a, b, c"));
        assert!(said("gantry balance --profile b").contains("profile b: mints"));
    }
}
