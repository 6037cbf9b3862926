//! Settings from a file, the environment and flags: flags go before the environment, that before the file, the file
//! before what a flag's help says.
//!
//! Every flag is a key of the file, with `_` for `-`. The file's values become the defaults of the flags, so that they are
//! read, checked and explained by the same code as the flags.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use toml_edit::{Document, Item, Value};

/// The flag, and the environment's variable, that name the file.
const FILE: &str = "config";
/// How like a known key an unknown one is that was mistyped.
const ALIKE: f64 = 0.7;
/// Stands for what must not be seen.
const HIDDEN: &str = "***";

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is not there, or is no text.
    #[error("cannot read the settings file {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is no TOML.
    #[error("{} is not TOML: {error}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        error: toml_edit::TomlError,
    },
    /// A key that means nothing.
    #[error("{}:{line}: there is no setting `{key}`{}", path.display(), hint(nearest.as_deref()))]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The line in it.
        line: usize,
        /// The key.
        key: String,
        /// What was meant, perhaps.
        nearest: Option<String>,
    },
    /// A value that its setting cannot have.
    #[error("{}:{line}: `{key}`: {why}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The line in it.
        line: usize,
        /// The key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || "; `--help` lists all, with `-` for `_`".to_owned(),
        |nearest| format!("; is `{nearest}` meant?"),
    )
}

/// What a settings file says.
#[derive(Clone, Debug, Default)]
pub struct Config {
    file: Option<PathBuf>,
    values: BTreeMap<String, String>,
}

impl Config {
    /// Reads the file that the arguments or the environment name; nothing where they name none. `unsettable` are flags that
    /// belong to one run and to no file.
    ///
    /// # Errors
    /// Where the file cannot be read, or does not say what it may.
    pub fn of(command: &Command, arguments: &[OsString], unsettable: &[&str]) -> Result<Self, ConfigError> {
        let found = command.clone().ignore_errors(true).try_get_matches_from(arguments).ok();
        let named = found.and_then(|matches| deepest(&matches).try_get_one::<PathBuf>(FILE).ok().flatten().cloned());
        let Some(path) = named else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(&path).map_err(|error| ConfigError::Unreadable {
            path: path.clone(),
            error,
        })?;
        Self::parse(command, &path, &text, unsettable)
    }

    /// Reads `text` as the content of `path`.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn parse(command: &Command, path: &Path, text: &str, unsettable: &[&str]) -> Result<Self, ConfigError> {
        let document = Document::parse(text).map_err(|error| ConfigError::Syntax {
            path: path.to_owned(),
            error,
        })?;
        let line = |span: Option<Range<usize>>| text[..span.map_or(0, |span| span.start)].matches('\n').count() + 1;
        let settings = settings(command, unsettable);
        let mut values = BTreeMap::new();
        for (name, item) in document.iter() {
            let span = document
                .get_key_value(name)
                .and_then(|(key, _)| key.span())
                .or_else(|| item.span());
            let (path, line, key) = (path.to_owned(), line(span), name.to_owned());
            let Some(setting) = settings.get(name) else {
                let likeness = |known: &&String| strsim::jaro_winkler(known, name);
                let nearest = settings
                    .keys()
                    .max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
                let nearest = nearest.filter(|nearest| likeness(nearest) > ALIKE).cloned();
                return Err(ConfigError::Unknown {
                    path,
                    line,
                    key,
                    nearest,
                });
            };
            let value = plain(item).and_then(|value| check(setting, &value).map(|()| value));
            let value = value.map_err(|why| ConfigError::Value { path, line, key, why })?;
            values.insert(name.to_owned(), value);
        }
        Ok(Self {
            file: Some(path.to_owned()),
            values,
        })
    }

    /// The command with the file's values in place of its own defaults.
    #[must_use]
    pub fn apply(&self, command: Command) -> Command {
        let ids: Vec<String> = command.get_arguments().map(|arg| arg.get_id().to_string()).collect();
        let mut command = ids.into_iter().fold(command, |command, id| match self.values.get(&id) {
            Some(value) => command.mut_arg(id, |arg| {
                // Help must not print what must not be seen.
                let secret = arg.is_hide_env_values_set();
                // Clap keeps defaults for ever; these are read once.
                let value: &'static str = String::leak(value.clone());
                arg.required(false).default_value(value).hide_default_value(secret)
            }),
            None => command,
        });
        let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        for name in names {
            command = command.mut_subcommand(name, |sub| self.apply(sub));
        }
        command
    }

    /// The settings in effect, as a file that can be read again, each with where it is from. Secrets are left out.
    #[must_use]
    pub fn print(&self, command: &Command, matches: &ArgMatches, unsettable: &[&str]) -> String {
        let mut command = command.clone();
        command.build();
        let (sub, matches) = matches.subcommand().unwrap_or(("", matches));
        let args = command.find_subcommand(sub).unwrap_or(&command).get_arguments();
        let mut text = String::new();
        for arg in args.filter(|arg| settable(arg, unsettable)) {
            let id = arg.get_id().as_str();
            let value = matches.get_raw(id).and_then(|mut values| values.next());
            let source = match matches.value_source(id) {
                Some(ValueSource::CommandLine) => format!("--{}", arg.get_long().unwrap_or(id)),
                Some(ValueSource::EnvVariable) => {
                    format!("environment {}", arg.get_env().unwrap_or_default().to_string_lossy())
                }
                _ => match (&self.file, self.values.contains_key(id)) {
                    (Some(file), true) => file.display().to_string(),
                    _ => "default".to_owned(),
                },
            };
            // Writing to a string does not fail.
            let _ = match value {
                Some(value) => {
                    let value = value.to_string_lossy();
                    let value = if arg.is_hide_env_values_set() {
                        hide(&value)
                    } else {
                        value.into_owned()
                    };
                    writeln!(text, "{id} = {} # {source}", literal(&value))
                }
                None => writeln!(text, "# {id} is not set"),
            };
        }
        text
    }
}

/// What of the matches the subcommand holds.
fn deepest(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, matches)| deepest(matches))
}

fn settable(arg: &Arg, unsettable: &[&str]) -> bool {
    let id = arg.get_id().as_str();
    arg.get_long().is_some() && ![FILE, "help", "version"].contains(&id) && !unsettable.contains(&id)
}

/// The settings that a file may hold, of the command and all below it.
fn settings(command: &Command, unsettable: &[&str]) -> BTreeMap<String, Arg> {
    let own = command.get_arguments().filter(|arg| settable(arg, unsettable));
    let mut all: BTreeMap<_, _> = own.map(|arg| (arg.get_id().to_string(), arg.clone())).collect();
    for sub in command.get_subcommands() {
        all.extend(settings(sub, unsettable));
    }
    all
}

/// All keys that a file may hold.
#[must_use]
pub fn keys(command: &Command, unsettable: &[&str]) -> Vec<String> {
    settings(command, unsettable).into_keys().collect()
}

fn plain(item: &Item) -> Result<String, String> {
    match item {
        Item::Value(Value::String(text)) => Ok(text.value().clone()),
        Item::Value(Value::Integer(number)) => Ok(number.value().to_string()),
        Item::Value(Value::Float(number)) => Ok(number.value().to_string()),
        Item::Value(Value::Boolean(choice)) => Ok(choice.value().to_string()),
        _ => Err("text, a number, true or false is expected".to_owned()),
    }
}

/// Whether the flag itself would take the value.
fn check(setting: &Arg, value: &str) -> Result<(), String> {
    let flag = setting.get_long().unwrap_or_default();
    let alone = setting.clone().required(false).global(false).env(None::<&str>);
    let parsed = Command::new("settings")
        .arg(alone)
        .try_get_matches_from(["settings", &format!("--{flag}={value}")]);
    parsed
        .map(drop)
        .map_err(|error| match std::error::Error::source(&error) {
            Some(why) => format!("{value:?} does not do: {why}"),
            None => {
                let text = error.to_string();
                let told: Vec<_> = text
                    .lines()
                    .take_while(|line| !line.starts_with("For more"))
                    .map(str::trim)
                    .collect();
                told.join(" ").trim_start_matches("error: ").trim_end().to_owned()
            }
        })
}

/// The value as TOML has it.
fn literal(value: &str) -> String {
    let bare = value.parse::<i64>().is_ok() || value.parse::<bool>().is_ok();
    if bare {
        value.to_owned()
    } else {
        // A JSON string is a TOML string.
        serde_json::Value::from(value).to_string()
    }
}

/// A URL without its password; nothing of any other secret.
fn hide(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else {
        return HIDDEN.to_owned();
    };
    let (rest, query) = rest
        .split_once('?')
        .map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let rest = match rest.rsplit_once('@') {
        Some((who, at)) => match who.split_once(':') {
            Some((user, _)) => format!("{user}:{HIDDEN}@{at}"),
            None => format!("{who}@{at}"),
        },
        None => rest.to_owned(),
    };
    let query = query.map(|query| {
        let shown = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) if name.contains("password") => format!("{name}={HIDDEN}"),
            _ => pair.to_owned(),
        });
        format!("?{}", shown.collect::<Vec<_>>().join("&"))
    });
    format!("{scheme}://{rest}{}", query.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        let listen = Arg::new("listen_at").long("listen-at").default_value("127.0.0.1:1");
        let seconds = Arg::new("seconds")
            .long("seconds")
            .required(true)
            .value_parser(clap::value_parser!(u64).range(1..9));
        let secret = Arg::new("secret")
            .long("secret")
            .env("UNLIKELY_SECRET")
            .hide_env_values(true);
        let file = Arg::new(FILE)
            .long(FILE)
            .global(true)
            .value_parser(clap::value_parser!(PathBuf));
        let run = Command::new("run")
            .args([listen, seconds, secret])
            .arg(Arg::new("once").long("once"));
        Command::new("program").arg(file).subcommand(run)
    }

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(&command(), Path::new("s.toml"), text, &["once"])
    }

    fn refused(text: &str) -> String {
        parse(text).expect_err("a mistake").to_string()
    }

    #[test]
    fn flags_go_before_the_file_and_the_file_before_defaults() {
        let config = parse("seconds = 3\nlisten_at = '127.0.0.1:2'\nsecret = 'postgres://me:word@host/db?password=x'")
            .expect("settings");
        let command = config.apply(command());
        let matches = command
            .clone()
            .try_get_matches_from(["program", "run", "--listen-at", "127.0.0.1:3"])
            .expect("arguments");
        let printed = config.print(&command, &matches, &["once"]);
        assert_eq!(
            printed,
            "listen_at = \"127.0.0.1:3\" # --listen-at\nseconds = 3 # s.toml\n\
             secret = \"postgres://me:***@host/db?password=***\" # s.toml\n"
        );
        let again = parse(&printed).expect("what is printed can be read");
        assert_eq!(again.values["seconds"], "3");
        let help = command
            .clone()
            .find_subcommand_mut("run")
            .expect("run")
            .render_help()
            .to_string();
        assert!(!help.contains("word"), "{help}");
    }

    #[test]
    fn what_the_file_lacks_is_the_flags_default_or_is_asked_for() {
        let config = parse("seconds = 3").expect("settings");
        let matches = config
            .apply(command())
            .try_get_matches_from(["program", "run"])
            .expect("enough");
        let (_, run) = matches.subcommand().expect("run");
        assert_eq!(
            run.get_one::<String>("listen_at").map(String::as_str),
            Some("127.0.0.1:1")
        );
        let missing = Config::default()
            .apply(command())
            .try_get_matches_from(["program", "run"]);
        assert!(missing.expect_err("seconds").to_string().contains("--seconds"));
    }

    #[test]
    fn a_mistake_in_the_file_is_named_with_its_line() {
        assert_eq!(
            refused("# first\nsecond = 3"),
            "s.toml:2: there is no setting `second`; is `seconds` meant?"
        );
        assert!(refused("quite_other = 3").contains("--help"));
        assert!(refused("once = true").contains("no setting `once`"), "not for a file");
        assert_eq!(
            refused("seconds = 9"),
            "s.toml:1: `seconds`: \"9\" does not do: 9 is not in 1..9"
        );
        assert!(refused("\nseconds = [1]").starts_with("s.toml:2: `seconds`: text, a number"));
        assert!(refused("seconds = ").contains("is not TOML"));
    }

    #[test]
    fn the_file_is_the_one_that_the_flag_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("settings.toml");
        std::fs::write(&file, "seconds = 4").expect("written");
        let arguments = ["program", "run", "--config"].map(OsString::from);
        let with = |file: &Path| [&arguments[..], &[file.into()]].concat();
        let config = Config::of(&command(), &with(&file), &[]).expect("settings");
        assert_eq!(config.values["seconds"], "4");
        let missing = Config::of(&command(), &with(&folder.path().join("none")), &[]);
        assert!(matches!(missing, Err(ConfigError::Unreadable { .. })));
        assert!(
            Config::of(&command(), &arguments[..2], &[])
                .expect("no file")
                .values
                .is_empty()
        );
    }
}
