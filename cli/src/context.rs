//! What every command works with.

use crate::{
    Format, Global,
    config::Config,
    exit::Usage,
    review::{Mode, Reviewer},
    wallet::{Form, Wallet},
};
use anyhow::{Context as _, Result};
use gantry_sdk::{
    AnySigner, Gantry, Instruction, Keypair, Pubkey, Signature, Signer, amount, blob::BlobStore, bootstrap::Deployment,
    client::Preview, keys, market::accounts::Job, mints::MintNames, pda,
};
use std::{
    cell::{Cell, OnceCell},
    sync::Arc,
};

/// Connection, wallet and options.
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) gantry: Gantry,
    pub(crate) reviewer: Arc<Reviewer>,
    /// Whether JSON goes one object a line, as the last of several: then it says what happened.
    pub(crate) event: Cell<Option<&'static str>>,
    pub(crate) config: Config,
    /// Read once: standard input has it once only.
    wallet: OnceCell<Wallet>,
    deployment: Option<Deployment>,
    names: MintNames,
}

/// A token as people see it.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) mint: Pubkey,
    pub(crate) decimals: u8,
    /// Its name, or the beginning of its mint where none is known.
    pub(crate) symbol: String,
}

impl Token {
    /// `1.50 USDC`.
    pub(crate) fn show(&self, base_units: u64) -> String {
        format!("{} {}", amount::format(base_units, self.decimals), self.symbol)
    }

    /// Base units of what somebody wrote.
    pub(crate) fn parse(&self, text: &str) -> Result<u64> {
        Ok(amount::parse(text, self.decimals)?)
    }
}

impl Context {
    /// `strict` says that money moves only where somebody agrees or `--yes` is given.
    pub(crate) fn new(global: Global, config: Config, strict: bool) -> Result<Self> {
        for (name, url) in [("rpc_url", &config.rpc_url), ("api_url", &config.api_url)] {
            if !url.value.starts_with("http://") && !url.value.starts_with("https://") {
                return Err(Usage(format!(
                    "{name} {} (from {}): write http://HOST:PORT or https://…",
                    url.value, url.source
                ))
                .into());
            }
        }
        // Only for names and the faucet: a network without the file works as well.
        let deployment = Deployment::find(&config.run_dir.value)?;
        let given = config.mints.value.clone();
        let names = match &deployment {
            Some(deployment) => {
                let named = MintNames::of(deployment);
                given.or(named.with_context(|| format!("the network's file under {}", config.run_dir.value.display()))?)
            }
            None => given,
        };
        let mode = match (global.dry_run, global.yes) {
            (true, _) => Mode::DryRun,
            (false, true) => Mode::Yes,
            (false, false) => Mode::Ask,
        };
        let reviewer = Arc::new(Reviewer::new(mode, strict, names.clone()));
        let commitment = crate::commands::settings::commitment(&config.commitment.value)?;
        let connection = Gantry::with_commitment(&config.rpc_url.value, commitment);
        let gantry = if mode == Mode::Yes {
            // Nothing is asked, so nothing has to be known beforehand.
            connection
        } else {
            let review = reviewer.clone();
            let review = Arc::new(move |preview: &Preview| review.review(preview));
            if mode == Mode::DryRun {
                connection.rehearsing(review)
            } else {
                connection.reviewed(review)
            }
        };
        Ok(Self {
            gantry,
            reviewer,
            event: Cell::new(None),
            global,
            config,
            wallet: OnceCell::new(),
            deployment,
            names,
        })
    }

    pub(crate) fn format(&self) -> Format {
        self.global.output
    }

    /// The one field that is asked for.
    pub(crate) fn field(&self) -> Option<&str> {
        self.global.field.as_deref()
    }

    /// Whether one value is all that goes to standard output.
    pub(crate) fn for_scripts(&self) -> bool {
        self.global.output != Format::Table || self.global.field.is_some()
    }

    /// Sends instructions that the wallet alone signs.
    pub(crate) async fn send(&self, instructions: &[Instruction]) -> Result<Signature> {
        Ok(self.gantry.send(instructions, &self.wallet()?, &[]).await?)
    }

    /// The local network's set-up, if the run folder has it.
    pub(crate) fn deployment(&self) -> Option<&Deployment> {
        self.deployment.as_ref()
    }

    /// The wallet that signs and pays.
    pub(crate) fn wallet(&self) -> Result<Arc<AnySigner>> {
        Ok(self.held()?.signer())
    }

    /// The wallet's key itself, which opens what is sealed to it.
    pub(crate) fn key(&self) -> Result<Arc<Keypair>> {
        match self.held()? {
            Wallet::Key(key) => Ok(key.clone()),
            Wallet::Signer(_) => Err(Usage(
                "results of sealed jobs are sealed to the wallet's key, and a wallet that is a command keeps that to \
                 itself: name a key file with --keypair"
                    .into(),
            )
            .into()),
        }
    }

    fn held(&self) -> Result<&Wallet> {
        if let Some(wallet) = self.wallet.get() {
            return Ok(wallet);
        }
        let wallet = Form::of(&self.config.keypair.value).load()?;
        Ok(self.wallet.get_or_init(|| wallet))
    }

    pub(crate) fn blobs(&self) -> Result<BlobStore> {
        Ok(BlobStore::open(&self.config.blob_dir.value)?)
    }

    /// Whether there is a blob store already, as far as that can be seen without asking.
    pub(crate) fn has_blobs(&self) -> bool {
        let place = &self.config.blob_dir.value;
        place.is_dir() || place.to_str().is_some_and(|text| text.contains("://"))
    }

    /// Whether what a command shows after it has sent something would be about something that was not sent.
    pub(crate) fn is_rehearsal(&self) -> bool {
        self.reviewer.mode == Mode::DryRun && self.reviewer.has_previews()
    }

    /// What a mint is called, if the user or the table of well-known mints says so. Nothing on chain can name a mint.
    pub(crate) fn symbol(&self, mint: &Pubkey) -> Option<&str> {
        self.names.symbol(mint)
    }

    /// A token by its mint, with a name where one is known.
    pub(crate) async fn token(&self, mint: &Pubkey) -> Result<Token> {
        let local = self
            .deployment
            .iter()
            .flat_map(|d| [&d.stake, &d.payment])
            .find(|token| token.mint == *mint);
        let decimals = match local {
            Some(token) => token.decimals,
            None => self.gantry.mint(mint).await?.decimals,
        };
        Ok(Token {
            mint: *mint,
            decimals,
            symbol: self.symbol(mint).map_or_else(|| short(mint), str::to_owned),
        })
    }

    /// Tokens of several mints, each asked for once.
    pub(crate) async fn tokens(&self, mints: impl IntoIterator<Item = Pubkey>) -> Result<Vec<Token>> {
        let mut tokens: Vec<Token> = Vec::new();
        for mint in mints {
            if !tokens.iter().any(|token| token.mint == mint) {
                tokens.push(self.token(&mint).await?);
            }
        }
        Ok(tokens)
    }

    /// The address of a job that is named by its address, or by its number with the wallet.
    pub(crate) fn job_address(&self, name: &str) -> Result<Pubkey> {
        match name.parse::<u64>() {
            Ok(id) => Ok(pda::job(&self.wallet()?.pubkey(), id)),
            Err(_) => address(name),
        }
    }

    /// A job that is not closed, by address or number.
    pub(crate) async fn job(&self, name: &str) -> Result<(Pubkey, Job)> {
        let address = self.job_address(name)?;
        Ok((address, self.gantry.require_job(&address).await?))
    }
}

/// The token of `mint` among those that were looked up, or one that shows base units.
pub(crate) fn token_of(tokens: &[Token], mint: &Pubkey) -> Token {
    let found = tokens.iter().find(|token| token.mint == *mint).cloned();
    found.unwrap_or_else(|| Token {
        mint: *mint,
        decimals: 0,
        symbol: format!("base units of {}", short(mint)),
    })
}

/// A key that somebody wrote.
pub(crate) fn address(text: &str) -> Result<Pubkey> {
    text.parse()
        .map_err(|_| Usage(format!("`{text}` is neither a number nor a base58 address")).into())
}

/// An address, or that of the key in a file: for arguments.
pub(crate) fn key_or_file(text: &str) -> Result<Pubkey, String> {
    if let Ok(key) = text.parse() {
        return Ok(key);
    }
    match keys::load(text) {
        Ok(key) => Ok(key.pubkey()),
        Err(keys::KeyError::Missing(_)) => Err("it is neither a base58 address nor a key file".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The beginning of a key, for tables.
pub(crate) fn short(key: &Pubkey) -> String {
    let text = key.to_string();
    format!("{}…", &text[..6.min(text.len())])
}

/// A key, or nothing for the zero key.
pub(crate) fn optional(key: &Pubkey) -> Option<String> {
    (*key != Pubkey::default()).then(|| key.to_string())
}
