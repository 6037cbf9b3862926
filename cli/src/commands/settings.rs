//! Profiles, and where each setting comes from.

use crate::{
    config::{Config, File, Profile, Setting},
    context::Context,
    exit::Usage,
    output::{count, table},
};
use anyhow::Result;
use clap::{Args, Subcommand};
use gantry_sdk::mints::MintNames;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Settings under names, for those who use several networks or wallets.
#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// Make a profile, or replace the one of that name
    #[command(after_help = "Example: gantry profile add local --rpc http://127.0.0.1:8899 --key alice.json --use")]
    Add(Add),
    /// Use a profile from now on
    Use {
        /// Its name
        name: String,
    },
    /// Use no profile from now on
    Unuse,
    /// Show the profiles
    List,
    /// Remove a profile
    Remove {
        /// Its name
        name: String,
    },
}

/// A new profile. The global options say how this run works; these are what the profile keeps.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Its name
    name: String,
    /// JSON-RPC server of the cluster
    #[arg(long, value_name = "URL")]
    rpc: Option<String>,
    /// The indexer's API
    #[arg(long, value_name = "URL")]
    api: Option<String>,
    /// The wallet: a key file, or exec:COMMAND
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// confirmed or finalized
    #[arg(long = "at", value_name = "COMMITMENT")]
    at: Option<String>,
    /// Folder of the blob store
    #[arg(long, value_name = "FOLDER")]
    blobs: Option<PathBuf>,
    /// Run folder of a local network
    #[arg(long, value_name = "FOLDER")]
    local: Option<PathBuf>,
    /// What mints are called: USDC=ADDRESS,STAKE=ADDRESS
    #[arg(long, value_name = "NAMES")]
    names: Option<MintNames>,
    /// Use it from now on
    #[arg(long = "use")]
    used: bool,
}

impl ProfileCommand {
    /// Runs on the file alone: a current profile that is wrong must not keep its owner from mending it.
    pub(crate) fn run(self, context: &Context) -> Result<()> {
        let path = context.config.file.clone();
        let mut file = File::load(&path)?;
        match self {
            Self::Add(add) => {
                let absolute = |folder: PathBuf| std::path::absolute(&folder).unwrap_or(folder);
                let key = add.key.map(|key| match crate::wallet::Form::of(&key) {
                    crate::wallet::Form::File(file) => absolute(file).display().to_string(),
                    _ => key,
                });
                let profile = Profile {
                    rpc_url: add.rpc,
                    api_url: add.api,
                    keypair: key,
                    commitment: add.at,
                    blob_dir: add.blobs.map(absolute),
                    run_dir: add.local.map(absolute),
                    mints: add.names.map(|names| names.to_string()),
                };
                if add.used {
                    file.current = Some(add.name.clone());
                }
                file.profiles.insert(add.name, profile);
            }
            Self::Use { name } => {
                file.profile(&name, &path)?;
                file.current = Some(name);
            }
            Self::Unuse => file.current = None,
            Self::List => return list(context, &file),
            Self::Remove { name } => {
                file.profile(&name, &path)?;
                file.profiles.remove(&name);
                file.current.take_if(|current| *current == name);
            }
        }
        crate::review::refuse_dry_run(context.reviewer.mode, "profile")?;
        file.save(&path)?;
        list(context, &file)
    }
}

fn list(context: &Context, file: &File) -> Result<()> {
    let value: Vec<Value> = file
        .profiles
        .iter()
        .map(|(name, profile)| {
            json!({ "name": name, "current": file.current.as_ref() == Some(name), "settings": profile })
        })
        .collect();
    context.show(value.into(), || {
        let rows = file.profiles.iter().map(|(name, profile)| {
            let mark = if file.current.as_ref() == Some(name) { "*" } else { "" };
            let text = |setting: &Option<String>| setting.clone().unwrap_or_default();
            vec![
                mark.to_owned(),
                name.clone(),
                text(&profile.rpc_url),
                text(&profile.keypair),
            ]
        });
        let shown = table(&["", "Profile", "RPC", "Key"], rows);
        format!("{shown}\n{}", count(file.profiles.len(), "profile"))
    })
}

/// The settings of this run.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show every setting and where it comes from
    #[command(
        after_help = "The first that has a setting counts: option, environment, profile, ~/.config/solana/cli/config.yml, default.\n\n\
                      Example: gantry config show"
    )]
    Show,
}

impl ConfigCommand {
    pub(crate) fn run(self, context: &Context) -> Result<()> {
        match self {
            Self::Show => show(context),
        }
    }
}

fn show(context: &Context) -> Result<()> {
    let config = &context.config;
    let rows = rows(config);
    let settings: serde_json::Map<String, Value> = rows
        .iter()
        .map(|(name, value, source)| ((*name).to_owned(), json!({ "value": value, "source": source })))
        .collect();
    let value = json!({ "file": config.file.display().to_string(), "settings": settings });
    context.show(value, || {
        let lines = rows
            .iter()
            .map(|(name, value, source)| vec![(*name).to_owned(), value.clone(), source.clone()]);
        format!(
            "{}\nProfiles are in {}",
            table(&["Setting", "Value", "From"], lines),
            config.file.display()
        )
    })
}

fn rows(config: &Config) -> Vec<(&'static str, String, String)> {
    fn row<T>(name: &'static str, setting: &Setting<T>, text: impl Fn(&T) -> String) -> (&'static str, String, String) {
        (name, text(&setting.value), setting.source.to_string())
    }
    let folder = |folder: &PathBuf| folder.display().to_string();
    let mut rows: Vec<_> = config
        .profile
        .iter()
        .map(|profile| row("profile", profile, String::clone))
        .collect();
    rows.extend([
        row("rpc_url", &config.rpc_url, String::clone),
        row("api_url", &config.api_url, String::clone),
        row("keypair", &config.keypair, String::clone),
        row("commitment", &config.commitment, String::clone),
        row("blob_dir", &config.blob_dir, folder),
        row("run_dir", &config.run_dir, folder),
        row("mints", &config.mints, ToString::to_string),
    ]);
    rows
}

/// What `--commitment` takes.
pub(crate) fn commitment(text: &str) -> Result<gantry_sdk::Commitment> {
    match text {
        "confirmed" => Ok(gantry_sdk::Commitment::confirmed()),
        "finalized" => Ok(gantry_sdk::Commitment::finalized()),
        // A job may be opened and vanish with its fork: nothing here is safe to build on that.
        other => Err(Usage(format!("commitment {other}: write confirmed or finalized")).into()),
    }
}
