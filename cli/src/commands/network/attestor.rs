//! Who may vouch for nodes.

use crate::{
    context::Context,
    exit::Usage,
    output::{count, fields, table},
};
use anyhow::Result;
use clap::{Args, Subcommand};
use gantry_sdk::{
    ClientError, Pubkey, Signer, ix,
    registry::accounts::Attestor,
    state::{flag_names, flags_from_names},
};
use serde_json::{Value, json};

/// Who may vouch for nodes.
#[derive(Debug, Subcommand)]
pub(crate) enum AttestorCommand {
    /// Show every attestor
    List,
    /// Admit an attestor
    #[command(after_help = "Example: gantry network attestor add WALLET --max-tier 2 --flag EEA --flag DATACENTER")]
    Add {
        /// Its wallet
        wallet: Pubkey,
        #[command(flatten)]
        grants: Grants,
    },
    /// Change what an attestor may grant; what it has granted stays
    #[command(after_help = "Example: gantry network attestor update WALLET --max-tier 1 --flag EEA")]
    Update {
        /// Its wallet
        wallet: Pubkey,
        #[command(flatten)]
        grants: Grants,
        /// It may grant nothing until it is updated again
        #[arg(long)]
        inactive: bool,
    },
    /// Remove an attestor; what it has granted stays until it ends or is revoked
    Remove {
        /// Its wallet
        wallet: Pubkey,
    },
}

/// What an attestor may grant.
#[derive(Debug, Args)]
pub(crate) struct Grants {
    /// Highest tier
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=3))]
    max_tier: u8,
    /// A flag: DATACENTER, GDPR_DPA, ISO27001, SOC2, CONFIDENTIAL_COMPUTING, EEA; may be repeated
    #[arg(long = "flag", value_name = "FLAG")]
    flags: Vec<String>,
}

impl Grants {
    fn bits(&self) -> Result<u16> {
        Ok(flags_from_names(&self.flags).map_err(|error| Usage(error.to_string()))?)
    }
}

impl AttestorCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        if let Self::List = self {
            return list(context).await;
        }
        let authority = context.wallet()?.pubkey();
        let (key, instruction) = match self {
            Self::Add { wallet, grants } => {
                let add = ix::add_attestor(&authority, &authority, &wallet, grants.max_tier, grants.bits()?);
                (wallet, add)
            }
            Self::Update {
                wallet,
                grants,
                inactive,
            } => {
                let update = ix::update_attestor(&authority, &wallet, grants.max_tier, grants.bits()?, !inactive);
                (wallet, update)
            }
            Self::Remove { wallet } => {
                let attestor = require(context, &wallet).await?;
                context
                    .reviewer
                    .confirm(&format!("This removes the attestor {wallet}"))?;
                let signature = context.send(&[ix::remove_attestor(&authority, &attestor)]).await?;
                return context.done(format!("Attestor {wallet} is removed"), signature);
            }
            Self::List => return list(context).await,
        };
        context.send(&[instruction]).await?;
        show(context, Some(key)).await
    }
}

async fn require(context: &Context, wallet: &Pubkey) -> Result<Attestor> {
    let missing = || ClientError::NotFound {
        what: "attestor with the wallet",
        address: wallet.to_string(),
    };
    Ok(context.gantry.attestor(wallet).await?.ok_or_else(missing)?)
}

/// Shows what the attestor with this wallet may grant.
pub(crate) async fn show(context: &Context, wallet: Option<Pubkey>) -> Result<()> {
    let wallet = wallet.map_or_else(|| context.wallet().map(|key| key.pubkey()), Ok)?;
    let attestor = require(context, &wallet).await?;
    context.show(attestor_json(&attestor), || {
        fields([
            ("Attestor", wallet.to_string()),
            ("Active", yes(&attestor)),
            ("Highest tier", attestor.max_tier.to_string()),
            ("Flags", flag_names(attestor.flags).join(" ")),
            ("Granted", format!("{} so far", attestor.granted)),
        ])
    })
}

async fn list(context: &Context) -> Result<()> {
    let attestors = context.gantry.attestors().await?;
    let value: Vec<Value> = attestors.iter().map(|(_, attestor)| attestor_json(attestor)).collect();
    context.show(value.into(), || {
        let rows = attestors.iter().map(|(_, attestor)| {
            vec![
                attestor.key.to_string(),
                yes(attestor),
                attestor.max_tier.to_string(),
                flag_names(attestor.flags).join(" "),
                attestor.granted.to_string(),
            ]
        });
        let header = ["Attestor", "Active", "Highest tier", "Flags", "Granted"];
        format!("{}\n{}", table(&header, rows), count(attestors.len(), "attestor"))
    })
}

fn yes(attestor: &Attestor) -> String {
    (if attestor.active == 1 { "yes" } else { "no" }).to_owned()
}

fn attestor_json(attestor: &Attestor) -> Value {
    json!({
        "wallet": attestor.key.to_string(),
        "active": attestor.active == 1,
        "max_tier": attestor.max_tier,
        "flags": flag_names(attestor.flags),
        "granted": attestor.granted.to_string(),
    })
}
