//! Wallets: keys, balances, and a local network's faucet.

use crate::{
    context::Context,
    exit::Usage,
    output::{fields, table},
    review::refuse_dry_run,
};
use anyhow::Result;
use clap::{Args, Subcommand};
use gantry_sdk::{Pubkey, Signer, amount, keys};
use serde_json::json;
use std::path::PathBuf;

const SOL_DECIMALS: u8 = 9;

/// Get SOL, and the tokens of a local network.
#[derive(Debug, Args)]
pub(crate) struct Airdrop {
    /// SOL to ask for
    #[arg(long, default_value = "2")]
    sol: String,
    /// Payment tokens to mint (local networks whose run folder is here)
    #[arg(long, value_name = "AMOUNT")]
    usdc: Option<String>,
    /// Stake tokens to mint (local networks whose run folder is here)
    #[arg(long, value_name = "AMOUNT")]
    stake: Option<String>,
    /// Who gets them: address or key file [default: the wallet]
    #[arg(long, value_name = "WALLET", value_parser = crate::context::key_or_file)]
    to: Option<Pubkey>,
}

impl Airdrop {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        refuse_dry_run(context.reviewer.mode, "airdrop")?;
        let to = match self.to {
            Some(to) => to,
            None => context.wallet()?.pubkey(),
        };
        let lamports = amount::parse(&self.sol, SOL_DECIMALS)?;
        if self.usdc.is_some() || self.stake.is_some() {
            let Some(deployment) = context.deployment() else {
                let folder = context.config.run_dir.value.display();
                return Err(Usage(format!(
                    "no local network's run folder at {folder}: pass --run-dir FOLDER"
                ))
                .into());
            };
            let units = |text: &Option<String>, decimals| text.as_deref().map_or(Ok(0), |t| amount::parse(t, decimals));
            let stake = units(&self.stake, deployment.stake.decimals)?;
            let payment = units(&self.usdc, deployment.payment.decimals)?;
            deployment.mint_to(&context.gantry, &to, stake, payment).await?;
        }
        if lamports > 0 {
            context.gantry.airdrop(&to, lamports).await?;
        }
        show_balances(context, &to).await
    }
}

/// What the wallet holds.
pub(crate) async fn balance(context: &Context, wallet: Option<Pubkey>) -> Result<()> {
    let wallet = wallet.map_or_else(|| context.wallet().map(|key| key.pubkey()), Ok)?;
    show_balances(context, &wallet).await
}

/// The address of the key in `file`, or of the wallet, bare.
pub(crate) fn address(context: &Context, file: Option<PathBuf>) -> Result<()> {
    let key = match file {
        Some(file) => keys::load(file)?.pubkey(),
        None => context.wallet()?.pubkey(),
    };
    context.show(json!({ "address": key.to_string() }), || key.to_string())
}

async fn show_balances(context: &Context, wallet: &Pubkey) -> Result<()> {
    let lamports = context.gantry.balance(wallet).await?;
    let mut mints: Vec<Pubkey> = context
        .gantry
        .payment_mints()
        .await?
        .into_iter()
        .map(|(_, mint)| mint.mint)
        .collect();
    mints.extend(context.gantry.staking_params().await?.map(|params| params.stake_mint));
    let mut rows = vec![vec!["SOL".to_owned(), amount::format(lamports, SOL_DECIMALS)]];
    let mut tokens = Vec::new();
    for token in context.tokens(mints).await? {
        let mint = context.gantry.mint(&token.mint).await?.mint;
        let units = context.gantry.token_balance(wallet, &mint).await?.amount;
        rows.push(vec![token.symbol.clone(), amount::format(units, token.decimals)]);
        tokens.push(json!({
            "mint": token.mint.to_string(),
            "symbol": context.symbol(&token.mint),
            "amount": units.to_string(),
            "decimals": token.decimals,
        }));
    }
    let value = json!({ "wallet": wallet.to_string(), "lamports": lamports.to_string(), "tokens": tokens });
    context.show(value, || {
        format!("Wallet {wallet}\n{}", table(&["Token", "Balance"], rows))
    })
}

/// Make and show key files.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Make a new key in a new file that only its owner can read
    #[command(after_help = "Example: gantry keys new node.json")]
    New {
        /// The file
        file: PathBuf,
    },
    /// Show the public key of a key file
    Show {
        /// The file [default: the wallet's]
        file: Option<PathBuf>,
    },
}

impl Keys {
    pub(crate) fn run(self, context: &Context) -> Result<()> {
        let (file, key) = match self {
            Self::New { file } => {
                refuse_dry_run(context.reviewer.mode, "keys new")?;
                (file.display().to_string(), keys::create(file)?.pubkey())
            }
            Self::Show { file: Some(file) } => (file.display().to_string(), keys::load(file)?.pubkey()),
            Self::Show { file: None } => (context.config.keypair.value.clone(), context.wallet()?.pubkey()),
        };
        let public = key.to_string();
        let value = json!({ "public_key": public, "file": file });
        context.show(value, || {
            fields([("Public key", public.clone()), ("File", file.clone())])
        })
    }
}
