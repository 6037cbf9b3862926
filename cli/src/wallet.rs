//! Who signs: a key file, standard input, or a command that keeps its key to itself.

use crate::exit::Usage;
use anyhow::{Context as _, Result};
use gantry_sdk::{AnySigner, Keypair, keys, signer::CommandSigner};
use std::{
    io::{self, IsTerminal as _, Read as _},
    path::PathBuf,
    sync::Arc,
};

/// Longest key on standard input: as in a file.
const LONGEST: u64 = 4_096;

/// How a wallet is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// A key file.
    File(PathBuf),
    /// `-` or `stdin:`: a key file's text on standard input.
    Stdin,
    /// `exec:COMMAND`: a command that signs.
    Command(String),
    /// Something that the Solana CLI knows and we do not.
    Unsupported(&'static str),
}

/// A wallet that can sign.
#[derive(Clone)]
pub(crate) enum Wallet {
    /// Its key is at hand, and opens what is sealed to it.
    Key(Arc<Keypair>),
    /// It signs, and keeps its key to itself.
    Signer(Arc<AnySigner>),
}

impl Wallet {
    pub(crate) fn signer(&self) -> Arc<AnySigner> {
        match self {
            Self::Key(key) => key.clone(),
            Self::Signer(signer) => signer.clone(),
        }
    }
}

impl Form {
    pub(crate) fn of(text: &str) -> Self {
        match text {
            "-" | "stdin:" => Self::Stdin,
            "ASK" => Self::Unsupported(PROMPT),
            _ if text.starts_with("prompt:") => Self::Unsupported(PROMPT),
            _ if text.starts_with("usb:") => Self::Unsupported(LEDGER),
            _ => match (text.strip_prefix("exec:"), text.strip_prefix("file:")) {
                (Some(command), _) => Self::Command(command.to_owned()),
                (None, Some(path)) => Self::File(path.into()),
                (None, None) => Self::File(text.into()),
            },
        }
    }

    /// The wallet.
    pub(crate) fn load(&self) -> Result<Wallet> {
        Ok(match self {
            Self::File(path) => Wallet::Key(Arc::new(keys::load(path)?)),
            Self::Stdin => Wallet::Key(Arc::new(from_stdin()?)),
            Self::Command(command) => {
                let signer = CommandSigner::new(command).map_err(|error| Usage(format!("exec:{command}: {error}")))?;
                Wallet::Signer(Arc::new(signer))
            }
            Self::Unsupported(why) => return Err(Usage((*why).to_owned()).into()),
        })
    }
}

const PROMPT: &str = "seed phrases are not asked for here: derive a key file with `solana-keygen recover -o FILE ASK`, pipe \
                      one in with `--keypair -`, or name a command that signs with `--keypair exec:COMMAND`";
const LEDGER: &str = "hardware wallets are not spoken to directly: name a command that signs with the device, \
                      `--keypair exec:COMMAND` (`COMMAND address` prints its address, `COMMAND sign` reads hex and prints \
                      the base58 signature)";

fn from_stdin() -> Result<Keypair> {
    if io::stdin().is_terminal() {
        return Err(Usage("--keypair -: pipe a key file's text in; a terminal would show it".into()).into());
    }
    let mut text = String::new();
    io::stdin()
        .take(LONGEST)
        .read_to_string(&mut text)
        .context("cannot read the key on standard input")?;
    Ok(keys::parse(&text, "standard input")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_told_from_a_file() {
        for (text, form) in [
            ("id.json", Form::File("id.json".into())),
            ("file:-", Form::File("-".into())),
            ("-", Form::Stdin),
            ("stdin:", Form::Stdin),
            ("exec:signer --slot 1", Form::Command("signer --slot 1".into())),
            ("prompt://?key=0/0", Form::Unsupported(PROMPT)),
            ("ASK", Form::Unsupported(PROMPT)),
            ("usb://ledger?key=0", Form::Unsupported(LEDGER)),
        ] {
            assert_eq!(Form::of(text), form, "{text}");
        }
        assert!(Form::of("usb://ledger").load().is_err());
        assert!(Form::of("exec:").load().is_err());
    }
}
